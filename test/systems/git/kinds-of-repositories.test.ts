import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { afterEach, beforeEach, expect, test } from "vitest";

import { gitCommitTool } from "../../../src/tools/git_commit.js";
import { gitDeleteBranchTool } from "../../../src/tools/git_delete_branch.js";
import { gitMergeTool } from "../../../src/tools/git_merge.js";
import { gitPushTool } from "../../../src/tools/git_push.js";
import { executeStep, GitSandbox, planOf, snapshot } from "../../support/git-sandbox.js";

let box: GitSandbox;
beforeEach(() => {
  box = new GitSandbox();
});
afterEach(() => box.cleanUp());

/** The whole way of an agent: a commit, a merge from main, a push, the branch deleted again. */
async function workThrough(repo: string, remote: string): Promise<string[]> {
  const { reader, writer } = box.open(repo);
  const before = (): Record<string, string> => snapshot(repo);
  box.git(repo, "checkout", "-q", "-b", "agent/x");
  box.write(repo, "new/file.txt", "new\n");
  let seen = before();
  const commit = await planOf(gitCommitTool, { message: "Add a file of mine", paths: ["new"] }, reader);
  expect(before()).toEqual(seen);
  await executeStep(gitCommitTool, commit.step, writer);
  box.git(repo, "checkout", "-q", "main");
  box.commit(repo, { "on-main.txt": "m" }, "On main");
  seen = before();
  const merge = await planOf(gitMergeTool, { base: "agent/x", head: "main" }, reader);
  expect(before()).toEqual(seen);
  await executeStep(gitMergeTool, merge.step, writer);
  seen = before();
  const push = await planOf(gitPushTool, { branch: "agent/x" }, reader);
  expect(before()).toEqual(seen);
  expect(push.payload).toMatchObject({ update: "create", commit_count: 3, file_count: 1, secrets: [] });
  expect((await executeStep(gitPushTool, push.step, writer)).actions).toMatchObject([{ success: true }]);
  expect(box.refs(remote)["refs/heads/agent/x"]).toBe(box.git(repo, "rev-parse", "agent/x"));
  for (const where of [{ remote: "origin" }, {}]) {
    const gone = await planOf(gitDeleteBranchTool, { branch: "agent/x", ...where }, reader);
    expect((await executeStep(gitDeleteBranchTool, gone.step, writer)).actions).toMatchObject([{ success: true }]);
  }
  return Object.keys(box.refs(remote));
}

test("with SHA-256 object names", async () => {
  const remote = box.path("remote.git");
  box.git(box.root, "init", "-q", "--bare", "--object-format=sha256", remote);
  const repo = box.path("work");
  box.git(box.root, "init", "-q", "--object-format=sha256", repo);
  box.git(repo, "remote", "add", "origin", remote);
  box.commit(repo, { "a.txt": "a" }, "First commit");
  box.git(repo, "push", "-q", "origin", "main");
  expect(await workThrough(repo, remote)).toEqual(["refs/heads/main"]);
});

test.each(["with space", "co:lon", "quo\"te", "apo'strophe", "dollar$(id)", "ünïcode", "-dash", "semi;colon"])("in a folder named %j", async (name) => {
  mkdirSync(box.path(name));
  const remote = box.bare(join(name, "remote.git"));
  expect(await workThrough(box.work(join(name, "work"), `file://${remote}`), remote)).toEqual(["refs/heads/main"]);
});

test("a partial clone: nothing is fetched while looking, and what is not here is said to be unknown", async () => {
  const remote = box.bare();
  const first = box.work("first", remote);
  box.commit(first, { "big.txt": "big\n", "src/a.ts": "a\n" }, "More");
  box.git(first, "push", "-q", "origin", "main");
  box.git(remote, "config", "uploadpack.allowFilter", "true");
  box.git(remote, "config", "uploadpack.allowAnySHA1InWant", "true");
  const repo = box.path("partial");
  box.git(box.root, "clone", "-q", "--filter=blob:none", "--no-checkout", `file://${remote}`, repo);
  box.git(repo, "sparse-checkout", "set", "--no-cone", "/*", "!/big.txt");
  box.git(repo, "checkout", "-q", "main");
  expect(await workThrough(repo, remote)).toEqual(["refs/heads/main"]);
  // A commit of a colleague whose content never came here.
  box.commit(first, { "other.txt": "other\n" }, "Theirs");
  box.git(first, "push", "-q", "origin", "main:refs/heads/theirs");
  box.git(repo, "fetch", "-q", "origin", "theirs:refs/heads/agent/theirs");
  box.git(remote, "update-ref", "-d", "refs/heads/theirs");
  const seen = snapshot(repo);
  const { payload } = await planOf(gitPushTool, { branch: "agent/theirs" }, box.open(repo).reader);
  expect(payload).toMatchObject({ commit_count: 1, file_count: 1, secrets: { $unknown: expect.stringContaining("partial") as string } });
  expect(snapshot(repo)).toEqual(seen);
});

test("objects borrowed from another repository, and a bare one although the person allows none by default", async () => {
  const remote = box.bare();
  box.work("first", remote);
  const repo = box.path("borrowed");
  box.git(box.root, "clone", "-q", "--shared", box.path("first"), repo);
  box.git(repo, "remote", "set-url", "origin", remote);
  expect(await workThrough(repo, remote)).toEqual(["refs/heads/main"]);
  box.git(repo, "config", "--global", "safe.bareRepository", "explicit");
  const bare = box.path("bare.git");
  box.git(box.root, "clone", "-q", "--bare", remote, bare);
  box.git(box.root, "--git-dir", bare, "branch", "agent/b", "main");
  const { reader, writer } = box.open(bare);
  const { step } = await planOf(gitPushTool, { branch: "agent/b" }, reader);
  expect((await executeStep(gitPushTool, step, writer)).actions).toMatchObject([{ success: true }]);
});
