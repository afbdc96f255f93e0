import { chmodSync, mkdirSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { fileDeleteTool } from "../../src/tools/file_delete.js";
import { fileWriteTool } from "../../src/tools/file_write.js";
import { fileWorld, snapshot } from "../support/file-world.js";
import { settled } from "../support/settling.js";
import { executed, planned } from "../support/tool-calls.js";

/** Of a plan made now. */
const NOW = { age: -1_000 };

describe("file_write", () => {
  async function write(path: string, before: string | null, content = "new\n") {
    const world = fileWorld();
    if (before !== null) world.put(path, before);
    const files = world.open();
    const plan = await planned(fileWriteTool, { path, content }, files.reader);
    const look = (changes = {}) => settled(fileWriteTool, plan.payload, files.reader, { ...NOW, ...changes });
    return { world, files, plan, look, act: () => executed(fileWriteTool, plan.step, files.writer) };
  }

  test.each([["a new file", null], ["an old file", "old\n"]])("%s: as it was is not done, as it was to be is done", async (_title, before) => {
    const { look, act, world } = await write("a/b.txt", before);
    const untouched = snapshot(world.root);
    expect(await look()).toMatchObject({ found: "not_done" });
    expect(snapshot(world.root)).toEqual(untouched);
    await act();
    expect(await look()).toMatchObject({ found: "done", facts: { path: "a/b.txt" } });
    expect(await look({ sameConfiguration: false })).toMatchObject({ found: "done" });
  });

  test("the same content as before is done as it stands", async () => {
    const { look } = await write("a.txt", "new\n");
    expect(await look()).toMatchObject({ found: "done", reason: expect.stringContaining("as it did before") as string });
  });

  test("something else in it: nobody can tell", async () => {
    const { look, world } = await write("a.txt", "old\n");
    writeFileSync(join(world.root, "a.txt"), "neither\n");
    expect(await look()).toMatchObject({ found: "cannot_tell" });
  });

  test("killed while the old file was aside: nobody calls that not done, and what it held is named", async () => {
    const { look, world } = await write("a.txt", "old\n");
    renameSync(join(world.root, "a.txt"), join(world.root, `.enact-aside-${"0".repeat(24)}`));
    expect(await look()).toMatchObject({ found: "cannot_tell", reason: expect.stringContaining(`.enact-aside-${"0".repeat(24)}`) as string });
  });

  test("killed while the new content lay beside: not done, and what was left is named", async () => {
    const { look, world } = await write("d/a.txt", "old\n");
    writeFileSync(join(world.root, `d/.enact-new-${"0".repeat(24)}`), "ne");
    expect(await look()).toMatchObject({ found: "not_done", reason: expect.stringContaining(`'d/.enact-new-${"0".repeat(24)}' was left beside it`) as string });
  });

  test("another path behind the same name: nobody can tell", async () => {
    const { look, world } = await write("d/a.txt", "old\n");
    renameSync(join(world.root, "d"), join(world.root, "e"));
    world.link("d", "e");
    expect(await look()).toMatchObject({ found: "cannot_tell", reason: expect.stringContaining("another place") as string });
  });
});

describe("file_delete", () => {
  async function remove(path: string, make: (world: ReturnType<typeof fileWorld>) => void) {
    const world = fileWorld();
    make(world);
    const files = world.open();
    const plan = await planned(fileDeleteTool, { path, recursive: true }, files.reader);
    const look = (changes = {}) => settled(fileDeleteTool, plan.payload, files.reader, { ...NOW, ...changes });
    return { world, files, plan, look, act: () => executed(fileDeleteTool, plan.step, files.writer) };
  }

  test.each([
    ["a file", "a.txt", (world: ReturnType<typeof fileWorld>) => world.put("a.txt")],
    ["a folder", "d", (world: ReturnType<typeof fileWorld>) => (world.put("d/a.txt"), world.put("d/e/b.txt"))],
    ["a link", "l", (world: ReturnType<typeof fileWorld>) => (world.put("a.txt"), world.link("l", "a.txt"))],
  ])("%s: there and the same is not done, gone is done", async (_title, path, make) => {
    const { look, act, world } = await remove(path, make);
    const untouched = snapshot(world.root);
    expect(await look()).toMatchObject({ found: "not_done" });
    expect(snapshot(world.root)).toEqual(untouched);
    await act();
    expect(await look()).toMatchObject({ found: "done" });
    // With another root it may never have been there.
    expect(await look({ sameConfiguration: false })).toMatchObject({ found: "cannot_tell" });
  });

  test("gone with its folder is done", async () => {
    const { look, world } = await remove("d/e/a.txt", (one) => one.put("d/e/a.txt"));
    rmSync(join(world.root, "d"), { recursive: true });
    expect(await look()).toMatchObject({ found: "done" });
  });

  test("made anew under its name, or changed: nobody can tell", async () => {
    const { look, world } = await remove("a.txt", (one) => one.put("a.txt", "same\n"));
    rmSync(join(world.root, "a.txt"));
    world.put("a.txt", "same\n");
    utimesSync(join(world.root, "a.txt"), new Date(0), new Date(0));
    // Decided before it was made anew, whatever its time of modification says.
    expect(await look({ age: 60_000 })).toMatchObject({ found: "cannot_tell" });
    const other = await remove("b.txt", (one) => one.put("b.txt", "short\n"));
    writeFileSync(join(other.world.root, "b.txt"), "quite another length\n");
    expect(await other.look()).toMatchObject({ found: "cannot_tell" });
  });

  test("a folder of which something is gone, or more is in it: nobody can tell", async () => {
    const { look, world } = await remove("d", (one) => (one.put("d/a.txt"), one.put("d/b.txt")));
    rmSync(join(world.root, "d/a.txt"));
    expect(await look()).toMatchObject({ found: "cannot_tell", reason: expect.stringContaining("what is in it has changed") as string });
    mkdirSync(join(world.root, "d/more"));
    expect(await look()).toMatchObject({ found: "cannot_tell" });
  });

  test("killed while it was being emptied aside: nobody calls that done, and what is left is named", async () => {
    const { look, world } = await remove("d", (one) => (one.put("d/a.txt"), one.put("d/b.txt")));
    renameSync(join(world.root, "d"), join(world.root, `.enact-aside-${"1".repeat(24)}`));
    rmSync(join(world.root, `.enact-aside-${"1".repeat(24)}`, "a.txt"));
    expect(await look()).toMatchObject({ found: "cannot_tell", facts: { left: [`.enact-aside-${"1".repeat(24)}`] } });
  });

  test("what an earlier interruption left beside it does not count", async () => {
    const { look, act, world } = await remove("a.txt", (one) => (one.put("a.txt"), one.put(`.enact-aside-${"2".repeat(24)}`)));
    await act();
    expect(await look({ age: -5_000 })).toMatchObject({ found: "done" });
    chmodSync(join(world.root, `.enact-aside-${"2".repeat(24)}`), 0o600);
    expect(await look()).toMatchObject({ found: "cannot_tell" });
  });

  test("a file in the place of the folder: nobody can tell", async () => {
    const { look, world } = await remove("d", (one) => one.put("d/a.txt"));
    rmSync(join(world.root, "d"), { recursive: true });
    world.put("d");
    expect(await look()).toMatchObject({ found: "cannot_tell" });
  });
});
