import { cpSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { gitCommitTool } from "../../src/tools/git_commit.js";
import { gitDeleteBranchTool } from "../../src/tools/git_delete_branch.js";
import { gitMergeTool } from "../../src/tools/git_merge.js";
import { gitPushTool } from "../../src/tools/git_push.js";
import type { JsonObject } from "../../src/facts/json.js";
import type { ActionTaken, Plan, ToolDefinition, UndoableRun } from "../../src/tools/tool.js";
import type { GitReader, GitWriter } from "../../src/systems/git.js";
import { GitSandbox, snapshot } from "../support/git-sandbox.js";
import { MemoryUndo } from "../support/undo.js";

const never = new AbortController().signal;
const call = { signal: never, now: new Date(0), undoBytes: 10_000_000 };

let box: GitSandbox;
beforeEach(() => {
  box = new GitSandbox();
});
afterEach(() => box.cleanUp());

interface Done {
  readonly run: UndoableRun;
  readonly actions: readonly ActionTaken[];
  readonly plan: Plan<unknown, unknown>;
}

type AnyTool = ToolDefinition<never, unknown, unknown, GitReader, GitWriter>;

/** Plans and executes, and returns the run as its receipts would tell it. */
async function ran(tool: unknown, input: Record<string, unknown>, repo: string, undo = new MemoryUndo()): Promise<Done> {
  const definition = tool as AnyTool;
  const system = box.open(repo);
  const plan = await definition.plan(definition.input.parse(input) as never, system.reader, { ...call, undoBytes: undo.room });
  const step = JSON.parse(JSON.stringify(plan.step)) as unknown;
  const { actions } = await definition.execute(step, system.writer, { signal: never, judge: () => Promise.resolve(true), undo });
  const payload = JSON.parse(JSON.stringify(plan.payload)) as JsonObject;
  return { plan, actions, run: { run_id: "r1", workflow: definition.name, payload, actions, outcome: payload, kept: undo.kept() } };
}

async function planUndo(tool: unknown, run: UndoableRun, repo: string): Promise<Plan<JsonObject, never>> {
  const plan = await (tool as AnyTool).undo?.plan(run, box.open(repo).reader, call);
  return JSON.parse(JSON.stringify(plan)) as Plan<JsonObject, never>;
}

async function undone(tool: unknown, run: UndoableRun, repo: string): Promise<readonly ActionTaken[]> {
  const plan = await planUndo(tool, run, repo);
  const control = { signal: never, judge: () => Promise.resolve(true), undo: new MemoryUndo() };
  const execution = await (tool as AnyTool).undo?.execute(plan.step, box.open(repo).writer, control, run.kept);
  return execution?.actions ?? [];
}

/** Typed, unlike what expect gives. */
const like = (text: string): unknown => expect.stringContaining(text);
const matching = (pattern: RegExp): unknown => expect.stringMatching(pattern);

const successes = (actions: readonly ActionTaken[]) => actions.map(({ action, success }) => `${action} ${String(success)}`);

describe("a push is undone", () => {
  test("a branch that was made is deleted again", async () => {
    const remote = box.bare();
    const repo = box.work("work", remote);
    const before = box.refs(remote);
    box.branch(repo, "agent/a");
    const { run, plan } = await ran(gitPushTool, { branch: "agent/a" }, repo);
    expect(plan.reversal).toEqual({ possible: true, how: like("deleted again") });
    expect(box.refs(remote)).not.toEqual(before);
    expect(successes(await undone(gitPushTool, run, repo))).toEqual(["delete_remote_branch true"]);
    expect(box.refs(remote)).toEqual(before);
  });

  test("a fast-forward is moved back", async () => {
    const remote = box.bare();
    const repo = box.work("work", remote);
    box.branch(repo, "agent/a");
    box.git(repo, "push", "-q", "origin", "agent/a");
    const before = box.refs(remote);
    box.commit(repo, { "more.txt": "more\n" }, "More");
    const { run, actions } = await ran(gitPushTool, { branch: "agent/a" }, repo);
    expect(actions[0]?.reversible).toBe(true);
    await undone(gitPushTool, run, repo);
    expect(box.refs(remote)).toEqual(before);
  });

  test("commits that only the remote had come back after a forced push, out of what was kept", async () => {
    const remote = box.bare();
    const repo = box.work("work", remote);
    const other = box.path("other");
    box.git(box.root, "clone", "-q", remote, other);
    box.branch(other, "agent/a", { "theirs.txt": "theirs\n" }, "Theirs");
    box.git(other, "push", "-q", "origin", "agent/a");
    rmSync(other, { recursive: true });
    const before = box.refs(remote);
    box.branch(repo, "agent/a", { "ours.txt": "ours\n" });
    const { run, actions } = await ran(gitPushTool, { branch: "agent/a", force: true }, repo);
    expect(actions[0]?.reversible).toBe(true);
    expect(run.kept.names).toEqual(["pack-0"]);
    // The server forgets them, as it may at any time.
    box.git(remote, "reflog", "expire", "--expire=now", "--all");
    box.git(remote, "gc", "-q", "--prune=now");
    expect(box.tryGit(remote, "cat-file", "-e", before["refs/heads/agent/a"] ?? "").code).not.toBe(0);
    await undone(gitPushTool, run, repo);
    expect(box.refs(remote)).toEqual(before);
    expect(box.git(remote, "show", "agent/a:theirs.txt")).toBe("theirs");
    expect(box.tryGit(remote, "fsck", "--strict", "--connectivity-only").code).toBe(0);
  });

  test("what does not fit is not kept, and the receipt says so; undoing says why not", async () => {
    const remote = box.bare();
    const repo = box.work("work", remote);
    const other = box.path("other");
    box.git(box.root, "clone", "-q", remote, other);
    box.branch(other, "agent/a");
    box.git(other, "push", "-q", "origin", "agent/a");
    box.branch(repo, "agent/a", { "ours.txt": "ours\n" });
    const { run, actions, plan } = await ran(gitPushTool, { branch: "agent/a", force: true }, repo, new MemoryUndo(0));
    expect(plan.reversal?.possible).toBe(false);
    expect(actions[0]).toMatchObject({ success: true, reversible: false });
    await expect(planUndo(gitPushTool, run, repo)).rejects.toMatchObject({ code: "REFUSED", message: like("was not kept") });
  });

  test("not when somebody has pushed on top of it", async () => {
    const remote = box.bare();
    const repo = box.work("work", remote);
    box.branch(repo, "agent/a");
    const { run } = await ran(gitPushTool, { branch: "agent/a" }, repo);
    box.commit(repo, { "more.txt": "more\n" }, "More");
    box.git(repo, "push", "-q", "origin", "agent/a");
    const left = box.refs(remote);
    await expect(planUndo(gitPushTool, run, repo)).rejects.toMatchObject({ code: "STALE_PLAN", message: like("the run left it at") });
    expect(box.refs(remote)).toEqual(left);
  });

  test("not when somebody pushes between look and act", async () => {
    const remote = box.bare();
    const repo = box.work("work", remote);
    box.branch(repo, "agent/a");
    const { run } = await ran(gitPushTool, { branch: "agent/a" }, repo);
    const plan = await planUndo(gitPushTool, run, repo);
    box.commit(repo, { "more.txt": "more\n" }, "More");
    box.git(repo, "push", "-q", "origin", "agent/a");
    const left = box.refs(remote);
    const control = { signal: never, judge: () => Promise.resolve(true), undo: new MemoryUndo() };
    await expect(gitPushTool.undo?.execute(plan.step, box.open(repo).writer, control, run.kept)).rejects.toMatchObject({ code: "STALE_PLAN" });
    expect(box.refs(remote)).toEqual(left);
  });

  test("not to another address than the run pushed to", async () => {
    const remote = box.bare();
    const repo = box.work("work", remote);
    box.branch(repo, "agent/a");
    const { run } = await ran(gitPushTool, { branch: "agent/a" }, repo);
    const elsewhere = box.bare("elsewhere.git");
    box.git(repo, "push", "-q", elsewhere, "agent/a");
    box.git(repo, "remote", "set-url", "origin", elsewhere);
    await expect(planUndo(gitPushTool, run, repo)).rejects.toMatchObject({ code: "STALE_PLAN" });
    expect(box.refs(elsewhere)["refs/heads/agent/a"]).toBeDefined();
  });

  test("twice: the second time there is nothing to do", async () => {
    const repo = box.work();
    box.branch(repo, "agent/a");
    const { run } = await ran(gitPushTool, { branch: "agent/a" }, repo);
    await undone(gitPushTool, run, repo);
    await expect(planUndo(gitPushTool, run, repo)).rejects.toMatchObject({ code: "REFUSED", message: like("already is as it was") });
  });

  test("at each of several addresses to the tip that it had there", async () => {
    const [one, two] = [box.bare("one.git"), box.bare("two.git")];
    const repo = box.work("work", one);
    box.git(repo, "push", "-q", two, "main");
    box.branch(repo, "agent/a");
    box.git(repo, "push", "-q", two, "agent/a");
    box.git(repo, "remote", "set-url", "--push", "origin", one);
    box.git(repo, "remote", "set-url", "--push", "--add", "origin", two);
    const before = [box.refs(one), box.refs(two)];
    box.commit(repo, { "more.txt": "more\n" }, "More");
    const { run } = await ran(gitPushTool, { branch: "agent/a" }, repo);
    expect(successes(await undone(gitPushTool, run, repo))).toEqual(["delete_remote_branch true", "move_remote_branch_back true"]);
    expect([box.refs(one), box.refs(two)]).toEqual(before);
  });

  test("an interrupted one, by what it was about to do", async () => {
    const remote = box.bare();
    const repo = box.work("work", remote);
    const before = box.refs(remote);
    box.branch(repo, "agent/a");
    const { run } = await ran(gitPushTool, { branch: "agent/a" }, repo);
    await undone(gitPushTool, { ...run, actions: [] }, repo);
    expect(box.refs(remote)).toEqual(before);
  });

  test("planning changes nothing, neither here nor there", async () => {
    const remote = box.bare();
    const repo = box.work("work", remote);
    box.branch(repo, "agent/a");
    const { run } = await ran(gitPushTool, { branch: "agent/a" }, repo);
    const before = [snapshot(remote), snapshot(repo)];
    const plan = await planUndo(gitPushTool, run, repo);
    expect(plan.payload["changes"]).toEqual([matching(/^'agent\/a' at .* is deleted again/)]);
    expect([snapshot(remote), snapshot(repo)]).toEqual(before);
  });
});

describe("a deleted branch is made again", () => {
  test("here, with its upstream, although nothing held its commits and git has thrown them away", async () => {
    const repo = box.work();
    box.branch(repo, "agent/a", { "a.txt": "a\n" });
    box.git(repo, "config", "branch.agent/a.remote", "origin");
    box.git(repo, "config", "branch.agent/a.merge", "refs/heads/agent/a");
    box.git(repo, "checkout", "-q", "main");
    const before = box.refs(repo);
    const { run, actions } = await ran(gitDeleteBranchTool, { branch: "agent/a" }, repo);
    expect(actions[0]?.reversible).toBe(true);
    box.git(repo, "reflog", "expire", "--expire=now", "--all");
    box.git(repo, "gc", "-q", "--prune=now");
    expect(successes(await undone(gitDeleteBranchTool, run, repo))).toEqual(["create_branch true"]);
    expect(box.refs(repo)).toEqual(before);
    expect(box.git(repo, "show", "agent/a:a.txt")).toBe("a");
    expect(box.git(repo, "config", "branch.agent/a.remote")).toBe("origin");
    expect(box.git(repo, "config", "branch.agent/a.merge")).toBe("refs/heads/agent/a");
  });

  test("at the remote", async () => {
    const remote = box.bare();
    const repo = box.work("work", remote);
    box.branch(repo, "agent/a");
    box.git(repo, "push", "-q", "origin", "agent/a");
    box.git(repo, "checkout", "-q", "main");
    box.git(repo, "branch", "-D", "agent/a");
    const before = box.refs(remote);
    const { run } = await ran(gitDeleteBranchTool, { branch: "agent/a", remote: "origin" }, repo);
    box.git(repo, "reflog", "expire", "--expire=now", "--all");
    box.git(repo, "gc", "-q", "--prune=now");
    await undone(gitDeleteBranchTool, run, repo);
    expect(box.refs(remote)).toEqual(before);
  });

  test("not over another branch of that name", async () => {
    const repo = box.work();
    box.branch(repo, "agent/a");
    box.git(repo, "checkout", "-q", "main");
    const { run } = await ran(gitDeleteBranchTool, { branch: "agent/a" }, repo);
    box.git(repo, "branch", "agent/a", "main");
    const left = box.refs(repo);
    await expect(planUndo(gitDeleteBranchTool, run, repo)).rejects.toMatchObject({ code: "STALE_PLAN" });
    expect(box.refs(repo)).toEqual(left);
  });
});

describe("a merge is undone", () => {
  test("base, index and files are as they were", async () => {
    const repo = box.work();
    box.branch(repo, "agent/a", { "a.txt": "a\n" });
    box.git(repo, "checkout", "-q", "main");
    box.commit(repo, { "b.txt": "b\n" }, "Meanwhile");
    const before = { refs: box.refs(repo), files: box.git(repo, "ls-files", "-s"), status: box.git(repo, "status", "--porcelain") };
    const { run } = await ran(gitMergeTool, { base: "main", head: "agent/a" }, repo);
    expect(box.refs(repo)).not.toEqual(before.refs);
    expect(successes(await undone(gitMergeTool, run, repo))).toEqual(["move_back true"]);
    expect({ refs: box.refs(repo), files: box.git(repo, "ls-files", "-s"), status: box.git(repo, "status", "--porcelain") }).toEqual(before);
  });

  test("not in a copy of the repository that another configuration leads to", async () => {
    const repo = box.work();
    box.branch(repo, "agent/a", { "a.txt": "a\n" });
    box.git(repo, "checkout", "-q", "main");
    const { run } = await ran(gitMergeTool, { base: "main", head: "agent/a" }, repo);
    const copy = `${repo}-copy`;
    cpSync(repo, copy, { recursive: true });
    const before = box.refs(copy);
    await expect(undone(gitMergeTool, run, copy)).rejects.toMatchObject({ code: "STALE_PLAN" });
    expect(box.refs(copy)).toEqual(before);
  });

  test("not when work was built on it, nor when a changed file would be lost", async () => {
    const repo = box.work();
    box.branch(repo, "agent/a", { "a.txt": "a\n" });
    box.git(repo, "checkout", "-q", "main");
    const { run } = await ran(gitMergeTool, { base: "main", head: "agent/a" }, repo);
    box.write(repo, "a.txt", "changed by hand\n");
    await expect(undone(gitMergeTool, run, repo)).rejects.toMatchObject({ code: "REFUSED" });
    expect(box.git(repo, "show", "main:a.txt")).toBe("a");
    box.git(repo, "commit", "-qam", "On top");
    await expect(undone(gitMergeTool, run, repo)).rejects.toMatchObject({ code: "STALE_PLAN" });
  });
});

describe("a commit is taken back by another one", () => {
  const status = (repo: string) => box.git(repo, "status", "--porcelain", "-uall");

  test("the files stay, and show as changed as they did before", async () => {
    const repo = box.work();
    box.branch(repo, "agent/a", { "old.txt": "old\n", "gone.txt": "gone\n" });
    box.write(repo, "old.txt", "new\n");
    box.write(repo, "added.txt", "added\n");
    rmSync(join(repo, "gone.txt"));
    const before = { tree: box.git(repo, "rev-parse", "HEAD^{tree}"), status: status(repo) };
    const { run } = await ran(gitCommitTool, { message: "Change things", paths: ["old.txt", "added.txt", "gone.txt"] }, repo);
    expect(status(repo)).toBe("");
    // git takes a file that is as young as the index for one that may have changed.
    await sleep(10);
    expect(successes(await undone(gitCommitTool, run, repo))).toEqual(["revert true"]);
    expect({ tree: box.git(repo, "rev-parse", "HEAD^{tree}"), status: status(repo) }).toEqual(before);
    expect(box.git(repo, "log", "-1", "--format=%s")).toBe('Revert "Change things"');
    expect(box.git(repo, "log", "-1", "--format=%b")).toContain("This reverts commit");
  });

  test("under later commits too, unless they changed the same lines", async () => {
    const repo = box.work();
    box.branch(repo, "agent/a", { "one.txt": "1\n2\n3\n4\n5\n" });
    box.write(repo, "one.txt", "ONE\n2\n3\n4\n5\n");
    const { run } = await ran(gitCommitTool, { message: "Shout", paths: ["one.txt"] }, repo);
    box.commit(repo, { "one.txt": "ONE\n2\n3\n4\nFIVE\n", "two.txt": "2\n" }, "On top");
    await undone(gitCommitTool, run, repo);
    expect(box.git(repo, "show", "HEAD:one.txt")).toBe("1\n2\n3\n4\nFIVE");
    expect(box.git(repo, "show", "HEAD:two.txt")).toBe("2");
    await expect(planUndo(gitCommitTool, run, repo)).rejects.toMatchObject({ code: "REFUSED", message: like("taken back already") });

    const second = await ran(gitCommitTool, { message: "Put it back as it is in the work tree", paths: ["one.txt"] }, repo);
    box.commit(repo, { "one.txt": "other\n2\n3\n4\nFIVE\n" }, "The same line");
    const tip = box.git(repo, "rev-parse", "HEAD");
    await expect(planUndo(gitCommitTool, second.run, repo)).rejects.toMatchObject({ code: "STALE_PLAN", message: like("one.txt") });
    expect(box.git(repo, "rev-parse", "HEAD")).toBe(tip);
  });

  test("the very first commit too, and one on a branch that is no longer checked out", async () => {
    const repo = box.path("fresh");
    box.git(box.root, "init", "-q", "-b", "main", repo);
    writeFileSync(join(repo, "first.txt"), "first\n");
    const { run } = await ran(gitCommitTool, { message: "The first one", paths: ["first.txt"] }, repo);
    box.git(repo, "checkout", "-q", "-b", "elsewhere");
    await undone(gitCommitTool, run, repo);
    expect(box.git(repo, "ls-tree", "--name-only", "main")).toBe("");
    expect(box.git(repo, "status", "--porcelain")).toBe("");
    expect(box.git(repo, "log", "--format=%s", "main")).toBe('Revert "The first one"\nThe first one');
  });

  test("what is staged meanwhile stays staged", async () => {
    const repo = box.work();
    box.branch(repo, "agent/a", { "a.txt": "a\n" });
    box.write(repo, "a.txt", "b\n");
    const { run } = await ran(gitCommitTool, { message: "Change a file", paths: ["a.txt"] }, repo);
    box.write(repo, "a.txt", "c\n");
    box.write(repo, "staged.txt", "s\n");
    box.git(repo, "add", "a.txt", "staged.txt");
    await undone(gitCommitTool, run, repo);
    expect(box.git(repo, "show", ":a.txt")).toBe("c");
    expect(box.git(repo, "show", ":staged.txt")).toBe("s");
    expect(box.git(repo, "show", "HEAD:a.txt")).toBe("a");
  });

  test("for generated changes the tree is the one that git revert makes", async () => {
    const base = Array.from({ length: 9 }, (_none, index) => `line ${String(index)}\n`);
    /** The base with one line changed, dropped or put in: some meet in the same place, some do not. */
    const edit = fc.record({ at: fc.nat({ max: 8 }), how: fc.constantFrom("change", "drop", "insert"), word: fc.constantFrom("x", "y") });
    type Edit = typeof edit extends fc.Arbitrary<infer Value> ? Value : never;
    const edited = (from: readonly string[], { at, how, word }: Edit) =>
      how === "drop" ? from.toSpliced(at, 1) : from.toSpliced(at, how === "change" ? 1 : 0, `${word}\n`);
    const seen = { clean: 0, conflicting: 0 };
    await fc.assert(
      fc.asyncProperty(edit, edit, async (first, second) => {
        const mine = edited(base, first);
        const later = edited(mine, second).join("");
        const name = `p${Math.random().toString(36).slice(2)}`;
        const repo = box.work(name, box.bare(`${name}.git`));
        box.branch(repo, "agent/a", { "f.txt": base.join("") });
        box.write(repo, "f.txt", mine.join(""));
        const { run } = await ran(gitCommitTool, { message: "Change the file", paths: ["f.txt"] }, repo);
        const sha = box.git(repo, "rev-parse", "HEAD");
        box.commit(repo, { "f.txt": later, "g.txt": later }, "Later");
        const twin = box.path(`${name}-twin`);
        box.git(box.root, "clone", "-q", repo, twin);
        const oracle = box.tryGit(twin, "revert", "--no-edit", sha);
        const result = await undone(gitCommitTool, run, repo).then(() => "done", () => "not done");
        seen[oracle.code === 0 ? "clean" : "conflicting"] += 1;
        if (oracle.code === 0) {
          expect(box.git(repo, "rev-parse", "HEAD^{tree}")).toBe(box.git(twin, "rev-parse", "HEAD^{tree}"));
        } else {
          expect(result).toBe("not done");
          expect(box.git(repo, "log", "-1", "--format=%s")).toBe("Later");
        }
      }),
      { numRuns: 12, seed: 20261122 },
    );
    expect(seen.clean).toBeGreaterThan(2);
    expect(seen.conflicting).toBeGreaterThan(0);
  }, 60_000);
});
