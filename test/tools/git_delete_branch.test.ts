import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { gitDeleteBranchTool } from "../../src/tools/git_delete_branch.js";
import { executeStep, GitSandbox, planOf, snapshot } from "../support/git-sandbox.js";

let box: GitSandbox;
let repo: string;
let remote: string;
beforeEach(() => {
  box = new GitSandbox();
  remote = box.bare();
  repo = box.work("work", remote);
});
afterEach(() => box.cleanUp());

function plan(input: Record<string, unknown>) {
  return planOf(gitDeleteBranchTool, input, box.open(repo).reader);
}

async function remove(input: Record<string, unknown>) {
  return executeStep(gitDeleteBranchTool, (await plan(input)).step, box.open(repo).writer);
}

describe("a local branch", () => {
  test("what nothing else holds would be lost; a tag, a remote-tracking or another branch holds it", async () => {
    const tip = box.branch(repo, "agent/x");
    box.git(repo, "checkout", "-q", "main");
    const before = snapshot(box.root);
    expect((await plan({ branch: "agent/x" })).payload).toMatchObject({
      remote: null, ref: "refs/heads/agent/x", tip, merged: false, lost_commits: [{ sha: tip, subject: "Work on agent/x" }], lost_commit_count: 1, protected: false, checked_out: false,
    });
    expect(snapshot(box.root)).toEqual(before);
    box.git(repo, "push", "-q", "origin", "agent/x");
    expect((await plan({ branch: "agent/x" })).payload).toMatchObject({ merged: true, lost_commits: [] });
    box.git(repo, "update-ref", "-d", "refs/remotes/origin/agent/x");
    box.git(repo, "tag", "kept", "agent/x");
    expect((await plan({ branch: "agent/x" })).payload).toMatchObject({ merged: true });
  });

  test("main, master and the default branch are protected in any spelling", async () => {
    box.git(repo, "update-ref", "refs/remotes/origin/develop", "main");
    box.git(repo, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/develop");
    for (const name of ["Master", "develop", "DEVELOP", "main"]) {
      if (name !== "main") box.git(repo, "branch", name);
      expect((await plan({ branch: name })).payload).toMatchObject({ protected: true });
    }
  });

  test("is deleted with its upstream, and nothing else is", async () => {
    box.branch(repo, "agent/x");
    box.git(repo, "push", "-q", "-u", "origin", "agent/x");
    box.git(repo, "checkout", "-q", "main");
    box.git(repo, "tag", "agent/x");
    const { "refs/heads/agent/x": tip, ...others } = box.refs(repo);
    const { result, actions } = await remove({ branch: "agent/x" });
    expect(box.refs(repo)).toEqual(others);
    expect(result).toEqual({ branch: "agent/x", deleted: tip });
    expect(actions).toMatchObject([{ action: "delete_branch", success: true }]);
    expect(box.tryGit(repo, "config", "--get-regexp", "^branch\\.agent").code).toBe(1);
    expect(box.refs(remote)["refs/heads/agent/x"]).toBe(tip);
  });

  test("is not deleted when it moved, is gone, or is checked out by now", async () => {
    box.branch(repo, "agent/x");
    box.git(repo, "checkout", "-q", "main");
    const execute = async (change: () => void) => {
      const { step } = await plan({ branch: "agent/x" });
      change();
      return executeStep(gitDeleteBranchTool, step, box.open(repo).writer);
    };
    await expect(execute(() => box.git(repo, "branch", "-f", "agent/x", "main"))).rejects.toMatchObject({ code: "STALE_PLAN" });
    await expect(execute(() => box.git(repo, "checkout", "-q", "agent/x"))).rejects.toMatchObject({ code: "REFUSED" });
    box.git(repo, "checkout", "-q", "main");
    await expect(execute(() => box.git(repo, "branch", "-D", "agent/x"))).rejects.toMatchObject({ code: "STALE_PLAN" });
  });

  test("checked out here or in a linked work tree, rebased or bisected: seen, judged, and refused as git refuses it", async () => {
    box.branch(repo, "agent/here");
    box.git(repo, "worktree", "add", "-q", "-b", "agent/there", box.path("linked"));
    box.git(repo, "branch", "agent/rebased");
    const rebasing = box.path("rebasing");
    box.git(repo, "worktree", "add", "-q", rebasing, "agent/rebased");
    box.commit(rebasing, { "r.txt": "r" }, "R");
    box.tryGit(rebasing, "-c", "sequence.editor=false", "-c", "core.editor=false", "rebase", "-q", "--exec", "false", "HEAD~1");
    for (const branch of ["agent/here", "agent/there", "agent/rebased"]) {
      const { payload, step } = await plan({ branch });
      expect({ branch, checked_out: payload.checked_out }).toEqual({ branch, checked_out: true });
      await expect(executeStep(gitDeleteBranchTool, step, box.open(repo).writer)).rejects.toMatchObject({ code: "REFUSED" });
      expect(box.refs(repo)[`refs/heads/${branch}`]).toBeDefined();
      expect(box.tryGit(repo, "branch", "-D", branch).code).not.toBe(0);
    }
  });

  test("a symbolic branch goes itself; what it names stays", async () => {
    box.git(repo, "symbolic-ref", "refs/heads/alias", "refs/heads/main");
    box.git(repo, "checkout", "-q", "-b", "elsewhere");
    expect((await plan({ branch: "alias" })).payload).toMatchObject({ lost_commits: [] });
    await remove({ branch: "alias" });
    expect(Object.keys(box.refs(repo))).toContain("refs/heads/main");
    expect(Object.keys(box.refs(repo))).not.toContain("refs/heads/alias");
  });

  test("one that does not exist is an error, also when a tag has the name", async () => {
    box.git(repo, "tag", "v1");
    for (const branch of ["v1", "nope", "origin/main"]) await expect(plan({ branch })).rejects.toMatchObject({ code: "NOT_FOUND" });
    for (const branch of ["refs/heads/main", "-D", "HEAD", "@{-1}", "main~0", ""]) expect(gitDeleteBranchTool.input.safeParse({ branch }).success).toBe(false);
  });
});

describe("a branch at a remote", () => {
  test("its tip, its default branch and what it alone holds are asked for there", async () => {
    const other = box.path("other");
    box.git(box.root, "clone", "-q", remote, other);
    const theirs = box.branch(other, "agent/theirs");
    box.git(other, "push", "-q", "origin", "agent/theirs");
    const before = snapshot(box.root);
    expect((await plan({ branch: "agent/theirs", remote: "origin" })).payload).toMatchObject({
      remote: "origin", tip: theirs, merged: false, lost_commits: [{ sha: theirs }], remote_default_branch: "main", protected: false, push_urls: [remote],
    });
    expect(snapshot(box.root)).toEqual(before);
    expect((await plan({ branch: "main", remote: "origin" })).payload).toMatchObject({ protected: true, tip: box.git(repo, "rev-parse", "main") });
    await expect(plan({ branch: "nope", remote: "origin" })).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("is deleted there and nowhere else; the pre-push hook hears of it", async () => {
    box.branch(repo, "agent/x");
    box.git(repo, "push", "-q", "origin", "agent/x");
    const tip = box.git(repo, "rev-parse", "agent/x");
    box.hook(repo, "pre-push", `cat > '${box.path("heard")}'`);
    const { actions } = await remove({ branch: "agent/x", remote: "origin" });
    expect(actions).toMatchObject([{ action: "delete_remote_branch", success: true, output: { old_sha: tip, new_sha: null } }]);
    expect(Object.keys(box.refs(remote))).toEqual(["refs/heads/main"]);
    expect(box.refs(repo)["refs/heads/agent/x"]).toBe(tip);
    expect(box.git(box.root, "hash-object", "heard")).toBe(box.git(box.root, "hash-object", write(`(delete) ${"0".repeat(40)} refs/heads/agent/x ${tip}\n`)));
  });

  test("is not deleted when somebody pushed to it meanwhile", async () => {
    box.branch(repo, "agent/x");
    box.git(repo, "push", "-q", "origin", "agent/x");
    const { step } = await plan({ branch: "agent/x", remote: "origin" });
    const later = box.commit(repo, { "later.txt": "l" }, "Later");
    box.git(repo, "push", "-q", "origin", "agent/x");
    await expect(executeStep(gitDeleteBranchTool, step, box.open(repo).writer)).rejects.toMatchObject({ code: "STALE_PLAN" });
    expect(box.refs(remote)["refs/heads/agent/x"]).toBe(later);
  });

  test("at several push URLs, one of which has it no more", async () => {
    const second = box.bare("second.git");
    box.git(repo, "branch", "agent/x");
    box.git(repo, "push", "-q", second, "agent/x");
    for (const url of [remote, second]) box.git(repo, "remote", "set-url", "--add", "--push", "origin", url);
    expect((await remove({ branch: "agent/x", remote: "origin" })).actions).toMatchObject([{ success: true, output: { changed: false } }, { success: true, output: { changed: true } }]);
    expect(box.refs(second)).toEqual({});
  });

  test("another name for main is not deleted: git would delete main with it", async () => {
    box.git(remote, "symbolic-ref", "refs/heads/agent/alias", "refs/heads/main");
    const before = box.refs(remote);
    await expect(plan({ branch: "agent/alias", remote: "origin" })).rejects.toThrow("'agent/alias' is only another name for 'main'");
    expect(box.refs(remote)).toEqual(before);
  });

  test("what a remote refuses, its own default branch for one, is said", async () => {
    const { actions } = await remove({ branch: "main", remote: "origin" });
    expect(actions).toMatchObject([{ success: false, error: { code: "ACTION_FAILED" } }]);
    expect(Object.keys(box.refs(remote))).toEqual(["refs/heads/main"]);
  });
});

function write(text: string): string {
  box.write(box.root, "expected", text);
  return join(box.root, "expected");
}
