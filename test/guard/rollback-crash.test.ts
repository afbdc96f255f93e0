import { linkSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { beforeAll, describe, expect, test } from "vitest";

import { findSecrets } from "../../src/facts/secrets.js";
import { settleRuns, type SettledRun } from "../../src/guard/settle.js";
import type { Entry } from "../../src/receipts/receipt.js";
import { Redactor } from "../../src/receipts/redact.js";
import type { GuardedTool } from "../../src/tools/tool.js";
import { compileScript, startScript } from "../support/child-script.js";
import { undoWorld, withoutFolderTimes, type Tree, type UndoWorld } from "../support/undo-world.js";

let script: string;
beforeAll(async () => {
  script = await compileScript(fileURLToPath(new URL("undo-child.ts", import.meta.url)));
});

/**
 * Makes a call in a process that kills itself just before its n-th change of the file system.
 * @returns what the ledger has of the run, and whether the process came to its end
 */
async function dying(world: UndoWorld, call: readonly [string, unknown], dieAt: number): Promise<{ readonly entries: readonly Entry[]; readonly survived: boolean }> {
  const before = (await world.ledger.entries({ newest: true, limit: 1 })).at(0)?.sequence ?? 0;
  const child = startScript(script, [JSON.stringify({ base: world.base, calls: [call], dieAt })]);
  const ended = await child.ended;
  if (ended !== "SIGKILL" && ended !== 0) throw new Error(child.errors());
  return { entries: await world.ledger.entries({ after: before }), survived: ended === 0 };
}

/** Files of an interrupted call that nothing on record tells of: it was killed before it had changed anything. */
function withoutDrafts(tree: Tree): Tree {
  return Object.fromEntries(Object.entries(tree).filter(([path]) => !path.includes("/.enact-new-")));
}

/** A process for each step takes its time: every fourth one is tried, all of them with ENACT_CRASH_STRIDE=1. */
const STRIDE = Number(process.env["ENACT_CRASH_STRIDE"] ?? 4);

interface Story {
  readonly call: readonly [string, unknown];
  readonly make: (root: string) => void;
}

const STORIES: Readonly<Record<string, Story>> = {
  "the deletion of a folder": {
    call: ["file_delete", { path: "tree", recursive: true }],
    make: (root) => {
      mkdirSync(join(root, "tree/inner/empty"), { recursive: true });
      for (const name of ["a", "b", "inner/c", "inner/d"]) writeFileSync(join(root, "tree", name), `content of ${name}\n`.repeat(10_000));
      linkSync(join(root, "tree/a"), join(root, "tree/inner/same-as-a"));
      symlinkSync("inner/c", join(root, "tree/link"));
    },
  },
  "the deletion of a file": { call: ["file_delete", { path: "a.txt" }], make: (root) => writeFileSync(join(root, "a.txt"), "the content\n") },
  "the deletion of a link": { call: ["file_delete", { path: "link" }], make: (root) => symlinkSync("nowhere", join(root, "link")) },
  "a write over a file": { call: ["file_write", { path: "a.txt", content: "new" }], make: (root) => writeFileSync(join(root, "a.txt"), "the old content\n") },
  "the write of a new file": { call: ["file_write", { path: "x/y/a.txt", content: "new" }], make: (root) => mkdirSync(join(root, "x")) },
};

describe("a process that is killed at any of its steps", () => {
  test.each(Object.keys(STORIES))("of %s: undoing the run brings back what was there", { timeout: 120_000 }, async (story) => {
    const world = undoWorld();
    const { call, make } = STORIES[story] as Story;
    const seen = { before: 0, interrupted: 0, undone: 0 };
    for (let step = 1; ; step += STRIDE) {
      rmSync(world.root, { recursive: true, force: true });
      mkdirSync(world.root);
      make(world.root);
      const before = world.tree();
      const { entries, survived } = await dying(world, call, step);
      const [decision] = entries;
      if (decision === undefined) {
        seen.before += 1;
        expect(world.tree()).toEqual(before);
        continue;
      }
      if (entries.length === 1) seen.interrupted += 1;
      const undone = await world.guard().call("enact_rollback", { run_id: decision.run_id });
      if (undone.receipt?.decision === "ROLLED_BACK") seen.undone += 1;
      // Killed before anything was kept, or before anything was changed: then there is nothing to put back.
      else expect({ entries: entries.length, status: undone.status, code: undone.code }).toMatchObject({ entries: 1, status: "blocked", code: expect.stringMatching(/^(?:UNDO_UNAVAILABLE|REFUSED)$/u) as string });
      expect(withoutFolderTimes(withoutDrafts(world.tree())), `killed before step ${step}: ${undone.text}`).toEqual(withoutFolderTimes(before));
      if (survived) break;
    }
    expect(seen.interrupted).toBeGreaterThan(0);
    expect(seen.undone).toBeGreaterThan(0);
  });
});

describe("a rollback that is killed at any of its steps", () => {
  test.each(["the deletion of a folder", "a write over a file"])("of %s: all is put back or nothing is, and it can be tried again once that is settled", { timeout: 120_000 }, async (story) => {
    const world = undoWorld();
    const { call, make } = STORIES[story] as Story;
    const seen = { settled: 0, undone: 0 };
    for (let step = 1; ; step += STRIDE) {
      rmSync(world.root, { recursive: true, force: true });
      mkdirSync(world.root);
      make(world.root);
      const before = world.tree();
      const run = await world.guard().call(...call);
      const left = world.tree();
      const { entries, survived } = await dying(world, ["enact_rollback", { run_id: run.receipt?.run_id }], step);
      const found = withoutDrafts(world.tree());
      const isUndone = JSON.stringify(withoutFolderTimes(found)) === JSON.stringify(withoutFolderTimes(before));
      // In the one moment in which a name is free, what had it lies aside, complete.
      const lies = Object.values(found).map((what) => what.replace(/ same as .*$/u, ""));
      if (!isUndone) expect(lies).toEqual(expect.arrayContaining(Object.values(left).filter((what) => what.startsWith("file"))));
      if (entries.length === 1) {
        expect(await world.guard().call("enact_rollback", { run_id: run.receipt?.run_id })).toMatchObject({ status: "blocked", code: "REFUSED" });
        const [settled] = await settle(world);
        seen.settled += 1;
        expect(settled?.found).toMatch(isUndone ? /^(?:done|cannot_tell|not_done)$/u : /^not_done$/u);
      }
      const again = await world.guard().call("enact_rollback", { run_id: run.receipt?.run_id });
      if (!isUndone) expect(again).toMatchObject({ receipt: { decision: "ROLLED_BACK" } });
      expect(withoutFolderTimes(world.tree())).toEqual(withoutFolderTimes(before));
      if (again.receipt?.decision === "ROLLED_BACK") seen.undone += 1;
      if (survived) break;
    }
    expect(Math.min(seen.settled, seen.undone)).toBeGreaterThan(0);
  });
});

/** As enact-guard doctor --settle does it, two minutes later. */
function settle(world: UndoWorld): Promise<readonly SettledRun[]> {
  const { ledger } = world;
  const tools = world.guard().tools as readonly GuardedTool[];
  const clock = () => new Date(Date.now() + 120_000);
  return settleRuns({ tools, ledger, clock, configDigest: `sha256:${"0".repeat(64)}`, redactor: new Redactor(findSecrets, []), settledBy: "ann@company.example" });
}
