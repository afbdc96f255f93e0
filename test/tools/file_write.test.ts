import { chmodSync, linkSync, lstatSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { fileWriteTool } from "../../src/tools/file_write.js";
import { ANCHORS, asOrdinaryUser, call, CANARY, fileWorld } from "../support/file-world.js";
import { executed, planned } from "../support/tool-calls.js";

type World = ReturnType<typeof fileWorld>;

describe.each(ANCHORS)("with folders addressed by %s", (anchor) => {
  test("a new file is made, with the folders that it needs", async () => {
    const world = fileWorld();
    const files = world.open({ anchor });
    const { payload, step, target } = await planned(fileWriteTool, { path: "src/new/a.txt", content: "héllo" }, files.reader);
    expect(world.inside()).toEqual({});
    expect(target).toBe("src/new/a.txt (6 bytes, new)");
    expect(payload).toMatchObject({
      path: "src/new/a.txt", kind: "missing", exists: false, size: null, content_size: 6, previous_sha256: null,
      creates_folders: ["src", "src/new"], extensions: [".txt"],
    });
    expect(JSON.stringify(payload)).not.toContain("héllo");
    const execution = await executed(fileWriteTool, step, files.writer);
    expect(execution.result).toMatchObject({ path: "src/new/a.txt", size: 6, created: true });
    expect(world.inside()).toEqual({ "src/": "folder", "src/new/": "folder", "src/new/a.txt": "héllo" });
  });

  test("a file is replaced as a whole, and keeps its permissions", async () => {
    const world = fileWorld();
    chmodSync(world.put("run.sh", "old"), 0o750);
    const files = world.open({ anchor });
    const { payload, step } = await planned(fileWriteTool, { path: "run.sh", content: "new" }, files.reader);
    expect(payload).toMatchObject({ exists: true, size: 3, mode: "0750", owner_changes: false, hard_links: 1 });
    const { result } = await executed(fileWriteTool, step, files.writer);
    expect(result).toMatchObject({ created: false, sha256: payload.content_sha256 });
    expect(world.inside()).toEqual({ "run.sh": "new" });
    expect(statSync(join(world.root, "run.sh")).mode & 0o777).toBe(0o750);
  });

  test("an empty file, and one written over itself", async () => {
    const world = fileWorld();
    await call.write(world.open({ anchor }), "empty", "");
    await call.write(world.open({ anchor }), "empty", "");
    expect(world.inside()).toEqual({ empty: "" });
  });

  test("a link that stays inside is written through, and stays", async () => {
    const world = fileWorld();
    world.put("real.txt", "old");
    world.link("alias.txt", "real.txt");
    const { payload } = await planned(fileWriteTool, { path: "alias.txt", content: "new" }, world.open({ anchor }).reader);
    expect(payload.path).toBe("real.txt");
    await call.write(world.open({ anchor }), "alias.txt", "new");
    expect(world.inside()).toEqual({ "alias.txt": "-> real.txt", "real.txt": "new" });
  });

  test.each([
    ["a link to a file outside", (world: World) => world.link("a.txt", join(world.outside, "secret.txt")), "a.txt"],
    ["a link to a folder outside", (world: World) => world.link("dir", world.outside), "dir/secret.txt"],
    ["a link into the void outside", (world: World) => world.link("a.txt", join(world.outside, "fresh.txt")), "a.txt"],
    ["missing folders outside", () => "", "../outside/made/up.txt"],
  ])("refuses %s", async (_title, prepare, path) => {
    const world = fileWorld();
    prepare(world);
    await expect(call.write(world.open({ anchor }), path, "evil")).rejects.toMatchObject({ code: "REFUSED", message: /outside the root/ });
  });

  test("a file with another name outside: that name keeps the old content", async () => {
    const world = fileWorld();
    linkSync(join(world.outside, "secret.txt"), join(world.root, "hard.txt"));
    const execution = await call.write(world.open({ anchor }), "hard.txt", "new");
    expect(execution.actions).toMatchObject([{ success: true, output: { hard_links_left_as_they_were: 1 } }]);
    expect(world.read("hard.txt")).toBe("new");
    expect(statSync(join(world.outside, "secret.txt")).nlink).toBe(1);
    expect(CANARY).not.toBe("new");
  });

  test.each([
    ["its content, with size and time set back", (world: World, path: string) => {
      const { atime, mtime } = statSync(path);
      writeFileSync(path, "edit!!");
      utimesSync(path, atime, mtime);
      return world;
    }],
    ["its permissions", (_world: World, path: string) => chmodSync(path, 0o600)],
    ["another file under its name", (world: World, path: string) => renameSync(world.put("other", "judged"), path)],
    ["a link", (world: World, path: string) => {
      rmSync(path);
      world.link("dir/a.txt", join(world.outside, "secret.txt"));
    }],
    ["a folder", (_world: World, path: string) => {
      rmSync(path);
      mkdirSync(path);
    }],
    ["its folder, swapped for a link outside", (world: World) => {
      renameSync(join(world.root, "dir"), join(world.root, "old"));
      world.link("dir", world.outside);
    }],
    ["its folder, moved away", (world: World) => renameSync(join(world.root, "dir"), join(world.root, "old"))],
    ["nothing left", (_world: World, path: string) => rmSync(path)],
  ])("is bound to what was judged; changed meanwhile: %s", async (_title, change) => {
    const world = fileWorld();
    const path = world.put("dir/a.txt", "judged");
    const files = world.open({ anchor });
    const { step } = await planned(fileWriteTool, { path: "dir/a.txt", content: "new" }, files.reader);
    change(world, path);
    const before = world.inside();
    await expect(executed(fileWriteTool, step, files.writer)).rejects.toMatchObject({ code: "STALE_PLAN" });
    expect(world.inside()).toEqual(before);
  });

  test("nothing that appeared meanwhile is overwritten by a new file", async () => {
    const world = fileWorld();
    const files = world.open({ anchor });
    const { step } = await planned(fileWriteTool, { path: "src/a.txt", content: "new" }, files.reader);
    world.put("src/other.txt", "theirs");
    await expect(executed(fileWriteTool, step, files.writer)).rejects.toMatchObject({ code: "STALE_PLAN" });
    const flat = await planned(fileWriteTool, { path: "a.txt", content: "new" }, files.reader);
    world.put("a.txt", "theirs");
    await expect(executed(fileWriteTool, flat.step, files.writer)).rejects.toMatchObject({ code: "STALE_PLAN" });
    expect(world.inside()).toEqual({ "a.txt": "theirs", "src/": "folder", "src/other.txt": "theirs" });
  });

  test("the same plan cannot be done twice", async () => {
    const world = fileWorld();
    const files = world.open({ anchor });
    const { step } = await planned(fileWriteTool, { path: "a.txt", content: "new" }, files.reader);
    await executed(fileWriteTool, step, files.writer);
    await expect(executed(fileWriteTool, step, files.writer)).rejects.toMatchObject({ code: "STALE_PLAN" });
  });
});

test("planning touches nothing", async () => {
  const world = fileWorld();
  const path = world.put("dir/a.txt", "judged");
  const before = [lstatSync(path, { bigint: true }), lstatSync(join(world.root, "dir"), { bigint: true })];
  await planned(fileWriteTool, { path: "dir/a.txt", content: "new" }, world.open().reader);
  await planned(fileWriteTool, { path: "dir/b/c.txt", content: "new" }, world.open().reader);
  const after = [lstatSync(path, { bigint: true }), lstatSync(join(world.root, "dir"), { bigint: true })];
  expect(after.map((stat) => [stat.ino, stat.mtimeNs, stat.ctimeNs])).toEqual(before.map((stat) => [stat.ino, stat.mtimeNs, stat.ctimeNs]));
});

test.each([
  ["dir", "INVALID_INPUT"],
  [".", "INVALID_INPUT"],
  ["new/", "INVALID_INPUT"],
  ["a.txt/b", "INVALID_INPUT"],
  ["src\\new.txt", "INVALID_INPUT"],
  ["nowhere/../b.txt", "NOT_FOUND"],
  ["read-only.txt", "REFUSED"],
])("refuses to write %s", async (path, code) => {
  const world = fileWorld();
  world.put("a.txt");
  world.put("dir/b.txt");
  chmodSync(world.put("read-only.txt"), 0o444);
  const before = world.inside();
  await expect(call.write(world.open(), path, "new")).rejects.toMatchObject({ code });
  expect(world.inside()).toEqual(before);
});

test("content that is no text, or too long, is an input error", async () => {
  const world = fileWorld();
  const files = world.open({ maxWriteBytes: 10 });
  await expect(call.write(files, "a", "\uDC00")).rejects.toMatchObject({ code: "INVALID_INPUT" });
  await expect(call.write(files, "a", "ä".repeat(6))).rejects.toMatchObject({ code: "INVALID_INPUT", message: /12 bytes.*at most 10/ });
  await call.write(files, "a", "ä".repeat(5));
  expect(world.inside()).toEqual({ a: "äääää" });
});

test("what may not be written is told, and nothing is left behind", async () => {
  const world = fileWorld();
  world.put("closed/a.txt", "old");
  chmodSync(join(world.root, "closed"), 0o555);
  const paths = ["closed/a.txt", "closed/b/c.txt"];
  const outcomes = await asOrdinaryUser(world, paths.map((path) => ({ tool: "file_write", input: { path, content: "new" } })));
  for (const { error } of outcomes) {
    expect(error).toMatchObject({ code: "ACTION_FAILED", message: expect.stringContaining("permission") as string });
  }
  expect(world.inside()).toEqual({ "closed/": "folder", "closed/a.txt": "old" });
});

test("somebody else's file: the facts say that its owner will change, or that it may not be written", async () => {
  const world = fileWorld();
  chmodSync(world.put("mine.txt", "old"), 0o644);
  chmodSync(world.put("shared.txt", "old"), 0o666);
  chmodSync(world.put("theirs.txt", "old"), 0o644);
  const calls = ["mine.txt", "shared.txt", "theirs.txt"].map((path) => ({ tool: "file_write", input: { path, content: "new" } }) as const);
  const [mine, shared, theirs] = await asOrdinaryUser(world, calls, ["shared.txt", "theirs.txt"]);
  expect(mine?.payload).toMatchObject({ owner_changes: false });
  // Only the superuser can make files of others for this test.
  const isForeign = process.geteuid?.() === 0;
  expect(shared?.payload).toMatchObject({ owner_changes: isForeign });
  expect(theirs?.error?.code).toBe(isForeign ? "REFUSED" : undefined);
  expect(world.read("theirs.txt")).toBe(isForeign ? "old" : "new");
  expect(statSync(join(world.root, "shared.txt")).mode & 0o777).toBe(0o666);
});

test("many writers at once: one file, one of their contents, nothing left behind", async () => {
  const world = fileWorld();
  world.put("a.txt", "start");
  const files = world.open();
  const results = await Promise.allSettled(Array.from({ length: 20 }, (_, index) => call.write(files, "a.txt", `writer ${index}`)));
  const done = results.filter((result) => result.status === "fulfilled").length;
  expect(done).toBeGreaterThan(0);
  expect(world.read("a.txt")).toMatch(/^writer \d+$/);
  expect(readdirSync(world.root)).toEqual(["a.txt"]);
});
