import { spawn } from "node:child_process";
import { appendFileSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { describe, expect, onTestFinished, test } from "vitest";

import type { UndoStore } from "../../../src/receipts/undo-store.js";
import { ANCHORS } from "../../support/file-world.js";
import { treeOf, undoWorld, withoutFolderTimes, type UndoWorld } from "../../support/undo-world.js";

const SWAPPER = fileURLToPath(new URL("../../support/file-swapper.mjs", import.meta.url));

/** The store, with something that happens before a piece is kept, or read. */
function meddling(world: UndoWorld, on: { readonly put?: (name: string) => void; readonly read?: (name: string) => void }): UndoStore {
  const store = world.store();
  return {
    maxRunBytes: store.maxRunBytes,
    put: (runId, name, content) => {
      on.put?.(name);
      return store.put(runId, name, content);
    },
    read: (runId, name) => {
      on.read?.(name);
      return store.read(runId, name);
    },
    pieces: (runId) => store.pieces(runId),
    forget: (runId) => store.forget(runId),
    prune: (now) => store.prune(now),
    close: () => store.close(),
  };
}

describe("what changes while it is being kept is not touched", () => {
  test.each([
    ["file_write", { path: "d/a.txt", content: "new" }, "d/a.txt"],
    ["file_delete", { path: "d/a.txt" }, "d/a.txt"],
    ["file_delete", { path: "d", recursive: true }, "d/a.txt"],
  ] as const)("%s %j", async (tool, input, file) => {
    const world = undoWorld();
    const path = join(world.root, file);
    mkdirSync(join(path, ".."));
    writeFileSync(path, "old\n");
    let left = world.tree();
    const change = () => {
      appendFileSync(path, "somebody's\n");
      left = world.tree();
    };
    // Before it is read, and after.
    for (const when of ["contents", "before"]) {
      const guard = world.guard({ undo: meddling(world, { put: (name) => (name === when ? change() : undefined) }) });
      expect(await guard.call(tool, input)).toMatchObject({ status: "failed", code: "STALE_PLAN", receipt: { actions_taken: [{ success: false }] } });
      expect(withoutFolderTimes(world.tree())).toEqual(withoutFolderTimes(left));
    }
  });
});

describe("what changes between the look of a rollback and its act stops it", () => {
  const meanwhile: Readonly<Record<string, { readonly call: readonly [string, object]; readonly change: (at: (path: string) => string) => void }>> = {
    "the file is edited": { call: ["file_write", { path: "d/a.txt", content: "new" }], change: (at) => appendFileSync(at("d/a.txt"), "somebody's\n") },
    "the file is exchanged": { call: ["file_write", { path: "d/a.txt", content: "new" }], change: (at) => {
      writeFileSync(at("d/b.txt"), "new");
      renameSync(at("d/b.txt"), at("d/a.txt"));
    } },
    "its folder becomes a link": { call: ["file_write", { path: "d/a.txt", content: "new" }], change: (at) => {
      renameSync(at("d"), at("e"));
      symlinkSync("e", at("d"));
    } },
    "something takes the place of a deleted file": { call: ["file_delete", { path: "d/a.txt" }], change: (at) => writeFileSync(at("d/a.txt"), "somebody's") },
    "something takes the place of a deleted folder": { call: ["file_delete", { path: "d", recursive: true }], change: (at) => mkdirSync(at("d")) },
    "a link takes the place of a deleted folder": { call: ["file_delete", { path: "d", recursive: true }], change: (at) => symlinkSync("..", at("d")) },
  };

  test.each(Object.keys(meanwhile))("%s", async (what) => {
    const world = undoWorld();
    const at = (path: string) => join(world.root, path);
    mkdirSync(at("d"));
    writeFileSync(at("d/a.txt"), "old\n");
    const { call, change } = meanwhile[what] ?? { call: ["", {}], change: () => undefined };
    const run = await world.guard().call(...call);
    let reads = 0;
    let left = world.tree();
    const guard = world.guard({
      undo: meddling(world, {
        read: (name) => {
          // The manifest is read by the look, and again by the act.
          reads += name === "before" ? 1 : 0;
          if (name !== "before" || reads !== 2) return;
          change(at);
          left = world.tree();
        },
      }),
    });
    expect(await guard.call("enact_rollback", { run_id: run.receipt?.run_id })).toMatchObject({ status: "failed", code: "STALE_PLAN", receipt: { decision: "PARTIAL", actions_taken: [{ success: false }] } });
    expect(world.tree()).toEqual(left);
    expect(reads).toBe(2);
  });
});

test("what became protected since is not made again", async () => {
  const world = undoWorld();
  mkdirSync(join(world.root, "d/hooks"), { recursive: true });
  writeFileSync(join(world.root, "d/hooks/pre-push"), "#!/bin/sh\n", { mode: 0o755 });
  const run = await world.guard().call("file_delete", { path: "d", recursive: true });
  expect(run).toMatchObject({ status: "done" });
  const guard = world.guard({ files: { hookFolders: () => Promise.resolve([join(world.root, "d/hooks")]) } });
  expect(await guard.call("enact_rollback", { run_id: run.receipt?.run_id })).toMatchObject({ status: "blocked", code: "REFUSED", receipt: { policy_results: [{ reason: expect.stringContaining("in the folder of git's hooks") as string }] } });
});

describe.each(ANCHORS)("with folders addressed by %s", (anchor) => {
  test("links that are swapped all the time lead no rollback outside", { timeout: 60_000 }, async () => {
    const world = undoWorld();
    const outside = join(world.base, "outside");
    mkdirSync(join(outside, "photos"), { recursive: true });
    for (const name of ["secret.txt", "photos/holiday.txt"]) writeFileSync(join(outside, name), "the canary\n");
    for (const folder of ["a/c/e", "b/d"]) mkdirSync(join(world.root, folder), { recursive: true });
    const before = treeOf(outside);
    const swapper = spawn(process.execPath, [SWAPPER, "links", world.root, outside, "7"], { stdio: ["ignore", "pipe", "inherit"] });
    onTestFinished(() => void swapper.kill("SIGKILL"));
    await new Promise((resolve) => void swapper.stdout.once("data", resolve));
    const guard = world.guard({ files: { anchor } });
    const seen = new Map<string, number>();
    const until = Date.now() + 2000;
    // On a busy machine the links are swapped under every one of the first tries: then it goes on until one comes through.
    const isEnough = (): boolean => Date.now() > until && ((seen.get("ROLLED_BACK") ?? 0) > 0 || Date.now() > until + 30_000);
    for (let round = 0; !isEnough(); round += 1) {
      const path = ["a/x.txt", "a/c/y.txt", "b/z.txt", "a/c", "b/d"][round % 5] ?? "";
      const run = round % 5 < 3 ? await guard.call("file_write", { path, content: `round ${round}` }) : await guard.call("file_delete", { path, recursive: true });
      if (run.receipt === null || run.status === "blocked") continue;
      const undone = await guard.call("enact_rollback", { run_id: run.receipt.run_id });
      const key = undone.receipt?.decision === "ROLLED_BACK" ? "ROLLED_BACK" : (undone.code ?? undone.status);
      seen.set(key, (seen.get(key) ?? 0) + 1);
    }
    swapper.kill("SIGKILL");
    expect(treeOf(outside)).toEqual(before);
    expect(readFileSync(join(outside, "secret.txt"), "utf8")).toBe("the canary\n");
    expect([...seen.keys()]).not.toContain("INTERNAL");
    expect(seen.get("ROLLED_BACK") ?? 0).toBeGreaterThan(0);
    rmSync(world.root, { recursive: true, force: true });
  });
});
