import { chmodSync, existsSync, linkSync, mkdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { undoWorld } from "../support/undo-world.js";

describe("a run is undone", () => {
  test("a file that was overwritten gets its content, permissions and time back", async () => {
    const world = undoWorld();
    const guard = world.guard();
    writeFileSync(join(world.root, "a.txt"), "the old content\n");
    chmodSync(join(world.root, "a.txt"), 0o640);
    utimesSync(join(world.root, "a.txt"), 1_600_000_000.123, 1_600_000_000.123);
    const before = world.tree();
    const written = await guard.call("file_write", { path: "a.txt", content: "new" });
    const check = await guard.check("enact_rollback", { run_id: written.receipt?.run_id });
    expect(check).toMatchObject({ isError: false });
    const undone = await guard.call("enact_rollback", { run_id: written.receipt?.run_id });
    expect(undone.receipt?.decision).toBe("ROLLED_BACK");
    expect(world.tree()).toEqual(before);
  });

  test("a new file goes again, with the folders that were made for it", async () => {
    const world = undoWorld();
    const guard = world.guard();
    const before = world.tree();
    const written = await guard.call("file_write", { path: "a/b/c.txt", content: "new" });
    const undone = await guard.call("enact_rollback", { run_id: written.receipt?.run_id.slice(0, 8) });
    expect(undone).toMatchObject({ receipt: { decision: "ROLLED_BACK" } });
    expect(world.tree()).toEqual(before);
  });

  test("a folder comes back with everything in it", async () => {
    const world = undoWorld();
    const guard = world.guard();
    const at = (path: string) => join(world.root, path);
    mkdirSync(at("d/inner/empty"), { recursive: true });
    writeFileSync(at("d/a.bin"), Buffer.from([0, 255, 1, 254]));
    writeFileSync(at("d/none"), "");
    writeFileSync(at("d/inner/b.txt"), "b".repeat(200_000), { mode: 0o400 });
    linkSync(at("d/inner/b.txt"), at("d/other-name.txt"));
    symlinkSync("inner/b.txt", at("d/link"));
    symlinkSync("/nowhere/at/all", at("d/inner/dead"));
    writeFileSync(Buffer.concat([Buffer.from(`${at("d")}/`), Buffer.from([0xff, 0xfe, 0x41])]), "no utf-8");
    chmodSync(at("d/inner/empty"), 0o555);
    const before = world.tree();
    const deleted = await guard.call("file_delete", { path: "d", recursive: true });
    expect(deleted).toMatchObject({ receipt: { decision: "PASS" } });
    expect(existsSync(at("d"))).toBe(false);
    const undone = await guard.call("enact_rollback", { run_id: deleted.receipt?.run_id });
    expect(undone).toMatchObject({ receipt: { decision: "ROLLED_BACK" } });
    expect(world.tree()).toEqual(before);
    expect(readFileSync(at("d/link"), "utf8")).toHaveLength(200_000);
  });
});
