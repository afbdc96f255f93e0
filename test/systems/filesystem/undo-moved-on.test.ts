import { execFileSync } from "node:child_process";
import {
  appendFileSync, chmodSync, copyFileSync, cpSync, linkSync, mkdirSync, readFileSync, renameSync, rmdirSync, rmSync, symlinkSync, truncateSync, utimesSync, writeFileSync,
} from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { undoWorld } from "../../support/undo-world.js";

type At = (path: string) => string;

interface Case {
  readonly fear: string;
  readonly call: readonly [string, Readonly<Record<string, unknown>>];
  /** What somebody does after the call. */
  readonly meanwhile: (at: At) => void;
  /** What the refusal must say. */
  readonly says: string | RegExp;
}

const write = (path: string, content = "new\n"): Case["call"] => ["file_write", { path, content }];
const remove = (path: string): Case["call"] => ["file_delete", { path, recursive: true }];

const STALE: readonly Case[] = [
  { fear: "a file that was edited since", call: write("a.txt"), meanwhile: (at) => appendFileSync(at("a.txt"), "more"), says: "'a.txt' is no longer as that call left it: its content was changed since" },
  { fear: "the same size, other bytes, and the old time", call: write("a.txt"), meanwhile: (at) => {
    writeFileSync(at("a.txt"), "wen\n");
    utimesSync(at("a.txt"), 1, 1);
  }, says: "its content was changed since" },
  { fear: "other permissions", call: write("a.txt"), meanwhile: (at) => chmodSync(at("a.txt"), 0o600), says: "its permissions were changed since" },
  { fear: "other permissions of a new file", call: write("new.txt"), meanwhile: (at) => chmodSync(at("new.txt"), 0o755), says: "its permissions were changed since" },
  { fear: "a file that is gone", call: write("a.txt"), meanwhile: (at) => rmSync(at("a.txt")), says: "it is gone" },
  { fear: "a folder in its place", call: write("a.txt"), meanwhile: (at) => {
    rmSync(at("a.txt"));
    mkdirSync(at("a.txt"));
  }, says: "there is a folder in its place now" },
  { fear: "a link in its place, to the same content", call: write("a.txt"), meanwhile: (at) => {
    renameSync(at("a.txt"), at("moved.txt"));
    symlinkSync("moved.txt", at("a.txt"));
  }, says: "there is a link in its place now" },
  { fear: "a link in the place of its folder", call: write("d/b.txt"), meanwhile: (at) => {
    renameSync(at("d"), at("moved"));
    symlinkSync("moved", at("d"));
  }, says: "its path leads to 'moved/b.txt' now" },
  { fear: "something new where a file was deleted", call: remove("a.txt"), meanwhile: (at) => writeFileSync(at("a.txt"), "somebody's"), says: "there is something in its place again" },
  { fear: "the very same content where a file was deleted", call: remove("a.txt"), meanwhile: (at) => writeFileSync(at("a.txt"), "old\n"), says: "there is something in its place again" },
  { fear: "an empty folder where a folder was deleted", call: remove("d"), meanwhile: (at) => mkdirSync(at("d")), says: "there is something in its place again" },
  { fear: "a dead link where a folder was deleted", call: remove("d"), meanwhile: (at) => symlinkSync("nowhere", at("d")), says: "there is something in its place again" },
  { fear: "a folder that is gone as well", call: remove("d/b.txt"), meanwhile: (at) => rmSync(at("d"), { recursive: true }), says: "the folder 'd' that it was in is gone" },
  { fear: "a file where its folder was", call: remove("d/b.txt"), meanwhile: (at) => {
    rmSync(at("d"), { recursive: true });
    writeFileSync(at("d"), "");
  }, says: /'d' is a file/u },
];

function begun() {
  const world = undoWorld();
  const at = (path: string) => join(world.root, path);
  writeFileSync(at("a.txt"), "old\n");
  mkdirSync(at("d"));
  writeFileSync(at("d/b.txt"), "old b\n");
  return { world, at, guard: world.guard() };
}

describe("a world that has moved on is left alone, and the receipt says what differs", () => {
  test.each(STALE)("$fear", async ({ call: [tool, input], meanwhile, says }) => {
    const { world, at, guard } = begun();
    const run = await guard.call(tool, input);
    expect(run).toMatchObject({ status: "done" });
    meanwhile(at);
    const left = world.tree();
    const undone = await guard.call("enact_rollback", { run_id: run.receipt?.run_id });
    expect(undone).toMatchObject({ status: "blocked", code: "STALE_PLAN", receipt: { decision: "BLOCK", policy_results: [{ reason: expect.stringMatching(says) as string }] } });
    expect(world.tree()).toEqual(left);
    // Whoever repairs it may undo it still: nothing was used up.
    expect(await world.store().pieces(run.receipt?.run_id ?? "")).not.toEqual([]);
  });

  test.each(["x", "x/new.txt"])("where somebody has removed a new file already (%s), there is nothing to undo", async (path) => {
    const { at, guard } = begun();
    mkdirSync(at("x"));
    const run = await guard.call("file_write", { path: "x/new.txt", content: "new" });
    rmSync(at(path), { recursive: true });
    expect(await guard.call("enact_rollback", { run_id: run.receipt?.run_id })).toMatchObject({ status: "blocked", code: "REFUSED", receipt: { policy_results: [{ reason: expect.stringContaining("everything is as it was before it") as string }] } });
  });

  test("a FIFO in its place hangs nothing", async () => {
    const { at, guard } = begun();
    const run = await guard.call("file_delete", { path: "a.txt" });
    execFileSync("mkfifo", [at("a.txt")]);
    expect(await guard.call("enact_rollback", { run_id: run.receipt?.run_id })).toMatchObject({ status: "blocked", code: "REFUSED" });
  });
});

describe("what makes no difference is no reason to stop", () => {
  const harmless: readonly Pick<Case, "fear" | "call" | "meanwhile">[] = [
    { fear: "the file was only touched", call: write("a.txt"), meanwhile: (at) => utimesSync(at("a.txt"), 5, 5) },
    { fear: "the file was copied and moved back, as a checkout does", call: write("a.txt"), meanwhile: (at) => {
      copyFileSync(at("a.txt"), at("copy"));
      renameSync(at("copy"), at("a.txt"));
    } },
    { fear: "its folder has other files now", call: remove("a.txt"), meanwhile: (at) => writeFileSync(at("other.txt"), "") },
    { fear: "its folder was moved away and back", call: remove("d/b.txt"), meanwhile: (at) => {
      renameSync(at("d"), at("e"));
      renameSync(at("e"), at("d"));
    } },
    { fear: "its folder is another one of the same name", call: remove("d/b.txt"), meanwhile: (at) => {
      rmdirSync(at("d"));
      mkdirSync(at("d"));
    } },
    { fear: "it was changed and changed back", call: write("a.txt"), meanwhile: (at) => {
      truncateSync(at("a.txt"), 0);
      writeFileSync(at("a.txt"), "new\n");
    } },
  ];

  test.each(harmless)("$fear", async ({ call: [tool, input], meanwhile }) => {
    const { at, guard } = begun();
    const run = await guard.call(tool, input);
    meanwhile(at);
    expect(await guard.call("enact_rollback", { run_id: run.receipt?.run_id })).toMatchObject({ receipt: { decision: "ROLLED_BACK" } });
    expect([readFileSync(at("a.txt"), "utf8"), readFileSync(at("d/b.txt"), "utf8")]).toEqual(["old\n", "old b\n"]);
  });

  test("folders that were made for a file stay when they hold something else", async () => {
    const { world, at, guard } = begun();
    const run = await guard.call("file_write", { path: "x/y/new.txt", content: "new" });
    writeFileSync(at("x/notes.txt"), "somebody's");
    expect(await guard.call("enact_rollback", { run_id: run.receipt?.run_id })).toMatchObject({ receipt: { decision: "ROLLED_BACK" } });
    expect(Object.keys(world.tree())).toEqual(["/", "/a.txt", "/d/", "/d/b.txt", "/x/", "/x/notes.txt"]);
  });

  test("runs are undone in any order that leaves each as it was: last first", async () => {
    const { world, guard } = begun();
    const before = world.tree();
    const runs: string[] = [];
    for (const [tool, input] of [write("a.txt", "one"), write("a.txt", "two"), remove("a.txt"), write("a.txt", "three"), remove("d/b.txt"), remove("d")]) {
      runs.push((await guard.call(tool, input)).receipt?.run_id ?? "");
    }
    expect(await guard.call("enact_rollback", { run_id: runs[0] })).toMatchObject({ code: "STALE_PLAN" });
    for (const run_id of runs.toReversed()) expect(await guard.call("enact_rollback", { run_id })).toMatchObject({ receipt: { decision: "ROLLED_BACK" } });
    expect(withoutTimeOf("/d/", world.tree())).toEqual(withoutTimeOf("/d/", before));
  });
});

describe("another root", () => {
  test("a copy of the tree elsewhere is not what the run left, although all of it looks the same", async () => {
    const { world, guard } = begun();
    const made = await guard.call("file_write", { path: "made.txt", content: "the same in both" });
    const copy = join(world.project, "copy");
    cpSync(world.root, copy, { recursive: true, preserveTimestamps: true });
    const elsewhere = world.guard({ files: { root: copy } });
    const undone = await elsewhere.call("enact_rollback", { run_id: made.receipt?.run_id });
    expect(undone).toMatchObject({ status: "blocked", code: "STALE_PLAN" });
    expect(undone.text).toContain("The run was below");
    expect(readFileSync(join(copy, "made.txt"), "utf8")).toBe("the same in both");
    expect(await guard.call("enact_rollback", { run_id: made.receipt?.run_id })).toMatchObject({ receipt: { decision: "ROLLED_BACK" } });
  });
});

function withoutTimeOf(folder: string, tree: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return { ...tree, [folder]: (tree[folder] ?? "").replace(/ \d+$/u, "") };
}

describe("what cannot be put back is said", () => {
  test("names of the same file elsewhere: before the call, and again by the rollback, which is PARTIAL", async () => {
    const { at, guard } = begun();
    linkSync(at("a.txt"), at("d/other-name.txt"));
    const run = await guard.call("file_write", { path: "a.txt", content: "new" });
    expect(run.text).toContain("as a file of its own, not as another name of one");
    const undone = await guard.call("enact_rollback", { run_id: run.receipt?.run_id });
    expect(undone).toMatchObject({ status: "failed", receipt: { decision: "PARTIAL", payload: { not_undone: [expect.stringContaining("had other names (hard links) elsewhere") as string] } } });
    expect(undone.text).toMatch(/^PARTLY DONE.*Left for a person: An entry of 'a\.txt' had other names/su);
    expect(readFileSync(at("a.txt"), "utf8")).toBe("old\n");
  });

  test("more than one call may keep: it runs, and its receipt says that it cannot be undone", async () => {
    const { world, at } = begun();
    writeFileSync(at("large"), Buffer.alloc(2_000_000));
    const guard = world.guard({ undo: world.store({ maxRunBytes: 1_000_000 }) });
    const check = await guard.check("file_delete", { path: "large" });
    expect(check.text).toContain("Cannot be undone: keeping what would be lost takes");
    const run = await guard.call("file_delete", { path: "large" });
    expect(run).toMatchObject({ status: "done", receipt: { payload: { reversal: { possible: false } }, actions_taken: [{ success: true, reversible: false }] } });
    expect(await guard.call("enact_rollback", { run_id: run.receipt?.run_id })).toMatchObject({ status: "blocked", code: "UNDO_UNAVAILABLE" });
  });
});
