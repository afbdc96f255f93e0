import { spawn } from "node:child_process";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { gitCommitTool } from "../../src/tools/git_commit.js";
import { gitDeleteBranchTool } from "../../src/tools/git_delete_branch.js";
import { gitMergeTool } from "../../src/tools/git_merge.js";
import { gitPushTool } from "../../src/tools/git_push.js";
import { executeStep, GitSandbox, planOf, snapshot } from "../support/git-sandbox.js";
import { settled } from "../support/settling.js";

let sandbox: GitSandbox;
let remote: string;
let work: string;
beforeEach(() => {
  sandbox = new GitSandbox();
  remote = sandbox.bare();
  work = sandbox.work("work", remote);
});
afterEach(() => sandbox.cleanUp());

const reader = () => sandbox.open(work).reader;
const writer = () => sandbox.open(work).writer;

describe("git_push", () => {
  const planPush = (input: Record<string, unknown> = {}) => planOf(gitPushTool, { branch: "agent/x", ...input }, reader());
  beforeEach(() => {
    sandbox.branch(work, "agent/x");
  });

  test("pushed: done; and it stays so when others go on from there", async () => {
    const { payload, step } = await planPush();
    expect(await settled(gitPushTool, payload, reader())).toMatchObject({ found: "not_done", facts: { destinations: [{ tip: null }] } });
    await executeStep(gitPushTool, step, writer());
    expect(await settled(gitPushTool, payload, reader())).toMatchObject({ found: "done", facts: { destinations: [{ tip: payload.new_sha }] } });
    sandbox.commit(work, { "more.txt": "more" }, "More");
    sandbox.git(work, "push", "-q", "origin", "agent/x");
    expect(await settled(gitPushTool, payload, reader())).toMatchObject({ found: "done" });
  });

  test("not pushed, and the branch was there before: not done", async () => {
    sandbox.git(work, "push", "-q", "origin", "agent/x");
    sandbox.commit(work, { "more.txt": "more" }, "More");
    const { payload } = await planPush();
    expect(await settled(gitPushTool, payload, reader())).toMatchObject({ found: "not_done", facts: { destinations: [{ tip: payload.old_sha }] } });
  });

  test("somebody else has moved the branch: nobody can tell", async () => {
    const { payload } = await planPush();
    sandbox.git(work, "checkout", "-q", "-b", "other", "main");
    const other = sandbox.commit(work, { "other.txt": "other" }, "Other");
    sandbox.git(work, "push", "-q", "origin", "other:agent/x");
    expect(await settled(gitPushTool, payload, reader())).toMatchObject({ found: "cannot_tell", facts: { destinations: [{ tip: other }] } });
  });

  test("the remote is another one now: nobody can tell", async () => {
    const { payload } = await planPush();
    sandbox.git(work, "remote", "set-url", "origin", sandbox.bare("elsewhere.git"));
    expect(await settled(gitPushTool, payload, reader())).toMatchObject({ found: "cannot_tell", reason: expect.stringContaining("other addresses") as string });
  });

  test("pushed to one of two addresses only: nobody can tell of the whole", async () => {
    const second = sandbox.bare("second.git");
    sandbox.git(work, "remote", "set-url", "--add", "--push", "origin", remote);
    sandbox.git(work, "remote", "set-url", "--add", "--push", "origin", second);
    const { payload } = await planPush();
    sandbox.git(work, "push", "-q", remote, "agent/x");
    expect(await settled(gitPushTool, payload, reader())).toMatchObject({ found: "cannot_tell", reason: expect.stringContaining("some of its addresses") as string });
    sandbox.git(work, "push", "-q", second, "agent/x");
    expect(await settled(gitPushTool, payload, reader())).toMatchObject({ found: "done" });
  });

  test("a remote that does not answer is no finding", async () => {
    const { payload } = await planPush();
    rmSync(remote, { recursive: true });
    await expect(settled(gitPushTool, payload, reader())).rejects.toMatchObject({ code: "SYSTEM_UNAVAILABLE" });
  });

  test("to another machine: not done is said only when its server can no longer be at work", async () => {
    const { payload } = await planPush();
    const far = { ...payload, destinations: payload.destinations.map((one) => ({ ...one, url: "https://git.example.com/x.git" })) };
    const look = { ...reader(), remoteTips: async () => ({ destinations: [{ url: { raw: "-", shown: "https://git.example.com/x.git", digest: "-" }, tip: null }], here: new Set<string>(), repo: ".", gitDir: "-" }) };
    expect(await settled(gitPushTool, far, look, { age: 5_000 })).toMatchObject({ found: "not_done", stillOpen: expect.stringMatching(/look again in 11\d s/) as string });
    expect(await settled(gitPushTool, far, look)).not.toHaveProperty("stillOpen");
    expect(await settled(gitPushTool, payload, reader(), { age: 5_000 })).not.toHaveProperty("stillOpen");
  });

  test("while git that the dead server started is still at work, nothing is final; what it pushes then is found", async () => {
    const marked = sandbox.open(work, { processName: "0123456789ab" });
    const ready = sandbox.path("ready");
    sandbox.hook(work, "pre-push", `touch '${ready}'; while [ -e '${ready}' ]; do sleep 0.05; done`);
    const { payload, step } = await planOf(gitPushTool, { branch: "agent/x" }, marked.reader);
    const pushing = executeStep(gitPushTool, step, marked.writer);
    await vi.waitFor(() => expect(existsSync(ready)).toBe(true), { timeout: 20_000 });
    expect(await settled(gitPushTool, payload, reader())).toMatchObject({ found: "not_done", stillOpen: expect.stringMatching(/git, which that server started, is still at work \(process \d+/) as string });
    rmSync(ready);
    await pushing;
    expect(await settled(gitPushTool, payload, reader())).toMatchObject({ found: "done" });
  });

  test("programs of other processes do not count, nor do variables that merely look like it", async () => {
    const env = { PATH: process.env["PATH"] ?? "", ENACT_GUARD_PROCESS: "ba9876543210", NOTE: "ENACT_GUARD_PROCESS=0123456789ab" };
    const sleeper = spawn("sleep", ["30"], { env });
    const { payload } = await planPush();
    expect(await settled(gitPushTool, payload, reader())).not.toHaveProperty("stillOpen");
    sleeper.kill();
  });

  test("where programs cannot be seen, it takes longer than any of them", async () => {
    const { payload } = await planPush();
    const blind = { ...reader(), programs: async () => null };
    expect(await settled(gitPushTool, payload, blind)).toMatchObject({ stillOpen: expect.stringContaining("this system does not show it") as string });
    expect(await settled(gitPushTool, payload, blind, { age: 16 * 60 * 1000 })).not.toHaveProperty("stillOpen");
  });

  test("facts that were redacted or are of another version: nobody can tell", async () => {
    const { payload } = await planPush();
    for (const bad of [{ ...payload, new_sha: { $unknown: "it was redacted in the receipt" } }, { ...payload, branch: { $unknown: "x" } }, {}]) {
      expect(await settled(gitPushTool, bad, reader())).toMatchObject({ found: "cannot_tell", reason: expect.stringContaining("does not say enough") as string });
    }
  });
});

describe("git_delete_branch", () => {
  beforeEach(() => {
    sandbox.branch(work, "agent/x");
    sandbox.git(work, "push", "-q", "origin", "agent/x");
    sandbox.git(work, "checkout", "-q", "main");
  });

  test.each([["local", {}], ["remote", { remote: "origin" }]])("%s: gone is done, the same tip is not done, another tip nobody can tell", async (_title, where) => {
    const { payload, step } = await planOf(gitDeleteBranchTool, { branch: "agent/x", ...where }, reader());
    expect(await settled(gitDeleteBranchTool, payload, reader())).toMatchObject({ found: "not_done" });
    await executeStep(gitDeleteBranchTool, step, writer());
    expect(await settled(gitDeleteBranchTool, payload, reader())).toMatchObject({ found: "done" });
    // Under another configuration it may never have been there.
    expect(await settled(gitDeleteBranchTool, payload, reader(), { sameConfiguration: false })).toMatchObject({ found: "cannot_tell" });
    sandbox.git(work, "branch", "-f", "agent/x", "main");
    sandbox.git(work, "push", "-q", "-f", "origin", "agent/x");
    expect(await settled(gitDeleteBranchTool, payload, reader())).toMatchObject({ found: "cannot_tell" });
  });
});

describe("git_commit", () => {
  const planCommit = async () => {
    sandbox.write(work, "a.txt", "a\n");
    return planOf(gitCommitTool, { message: "Add a file of mine", paths: ["a.txt"] }, reader());
  };

  test("nothing on the parent: not done; the judged files on it: done, also when others come on top", async () => {
    const { payload, step } = await planCommit();
    expect(await settled(gitCommitTool, payload, reader())).toMatchObject({ found: "not_done" });
    await executeStep(gitCommitTool, step, writer());
    const sha = sandbox.git(work, "rev-parse", "HEAD");
    expect(await settled(gitCommitTool, payload, reader())).toMatchObject({ found: "done", facts: { sha } });
    sandbox.commit(work, { "b.txt": "b" }, "Another");
    sandbox.git(work, "checkout", "-q", "-b", "elsewhere", "HEAD~2");
    expect(await settled(gitCommitTool, payload, reader())).toMatchObject({ found: "done", facts: { sha } });
  });

  test("other files on the parent: nobody can tell, and the commit is named", async () => {
    const { payload } = await planCommit();
    const sha = sandbox.commit(work, { "a.txt": "b\n" }, "Add a file of mine");
    expect(await settled(gitCommitTool, payload, reader())).toMatchObject({ found: "cannot_tell", reason: expect.stringContaining(sha.slice(0, 12)) as string });
  });

  test("the first commit of a repository", async () => {
    const fresh = sandbox.path("fresh");
    sandbox.git(sandbox.root, "init", "-q", fresh);
    sandbox.write(fresh, "a.txt", "a\n");
    const open = sandbox.open(fresh);
    const { payload, step } = await planOf(gitCommitTool, { message: "Begin the whole thing", paths: ["a.txt"] }, open.reader);
    expect(await settled(gitCommitTool, payload, open.reader)).toMatchObject({ found: "not_done", reason: expect.stringContaining("no commit yet") as string });
    await executeStep(gitCommitTool, step, open.writer);
    expect(await settled(gitCommitTool, payload, open.reader)).toMatchObject({ found: "done" });
  });

  test("on a detached HEAD: where HEAD still stands is a finding, where it has gone is none", async () => {
    sandbox.git(work, "checkout", "-q", "--detach");
    const { payload, step } = await planCommit();
    expect(await settled(gitCommitTool, payload, reader())).toMatchObject({ found: "not_done" });
    await executeStep(gitCommitTool, step, writer());
    expect(await settled(gitCommitTool, payload, reader())).toMatchObject({ found: "done" });
    sandbox.git(work, "checkout", "-q", "main");
    expect(await settled(gitCommitTool, payload, reader())).toMatchObject({ found: "cannot_tell", reason: expect.stringContaining("reflog") as string });
  });

  test("a lock that was left behind is named", async () => {
    const { payload } = await planCommit();
    writeFileSync(join(work, ".git/index.lock"), "");
    expect(await settled(gitCommitTool, payload, reader())).toMatchObject({ found: "not_done", reason: expect.stringContaining("index.lock was left behind") as string });
  });
});

describe("git_merge", () => {
  test.each([
    ["a fast-forward", [], false], ["a merge", ["base.txt"], false], ["a fast-forward of what is checked out", [], true], ["a merge into what is checked out", ["base.txt"], true],
  ] as const)("%s", async (_title, own, isCheckedOut) => {
    sandbox.branch(work, "agent/x");
    sandbox.git(work, "checkout", "-q", "-b", "base", "main");
    for (const name of own) sandbox.commit(work, { [name]: "own" }, "Own");
    if (!isCheckedOut) sandbox.git(work, "checkout", "-q", "main");
    const { payload, step } = await planOf(gitMergeTool, { base: "base", head: "agent/x" }, reader());
    expect(await settled(gitMergeTool, payload, reader())).toMatchObject({ found: "not_done" });
    await executeStep(gitMergeTool, step, writer());
    expect(await settled(gitMergeTool, payload, reader())).toMatchObject({ found: "done" });
  });

  test("the branch has not moved, but its files have: nobody calls that not done", async () => {
    sandbox.branch(work, "agent/x");
    sandbox.git(work, "checkout", "-q", "main");
    const { payload } = await planOf(gitMergeTool, { base: "main", head: "agent/x" }, reader());
    sandbox.git(work, "read-tree", "-m", "-u", "main", "agent/x");
    expect(await settled(gitMergeTool, payload, reader())).toMatchObject({ found: "cannot_tell", reason: expect.stringContaining("git status") as string });
  });

  test("the base is elsewhere, or gone: nobody can tell", async () => {
    sandbox.branch(work, "agent/x");
    sandbox.git(work, "branch", "base", "main");
    const { payload } = await planOf(gitMergeTool, { base: "base", head: "agent/x" }, reader());
    sandbox.git(work, "checkout", "-q", "base");
    sandbox.commit(work, { "own.txt": "own" }, "Own");
    expect(await settled(gitMergeTool, payload, reader())).toMatchObject({ found: "cannot_tell" });
    sandbox.git(work, "checkout", "-q", "main");
    sandbox.git(work, "branch", "-D", "base");
    expect(await settled(gitMergeTool, payload, reader())).toMatchObject({ found: "cannot_tell", reason: expect.stringContaining("gone") as string });
  });

  test("nothing to merge is done as it stands", async () => {
    sandbox.git(work, "branch", "same", "main");
    const { payload } = await planOf(gitMergeTool, { base: "main", head: "same" }, reader());
    expect(await settled(gitMergeTool, payload, reader())).toMatchObject({ found: "done" });
  });
});

test("killed anywhere in a push, a deletion, a commit or a merge: what is found is what the refs say, and looking changes nothing", async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom("push", "delete", "commit", "merge"), fc.boolean(), fc.boolean(), async (kind, isExecuted, othersWork) => {
      const own = new GitSandbox();
      try {
        const repo = own.work();
        own.branch(repo, "agent/x");
        own.git(repo, "checkout", "-q", "main");
        own.write(repo, "new.txt", "new\n");
        const { reader: look, writer: act } = own.open(repo);
        const inputs = { push: { branch: "agent/x" }, delete: { branch: "agent/x" }, commit: { message: "Add something new", paths: ["new.txt"] }, merge: { base: "main", head: "agent/x" } };
        const tools = { push: gitPushTool, delete: gitDeleteBranchTool, commit: gitCommitTool, merge: gitMergeTool } as const;
        const tool = tools[kind] as typeof gitPushTool;
        const { payload, step } = await planOf(tool, inputs[kind], look);
        if (isExecuted) await executeStep(tool, step, act);
        if (othersWork) own.git(repo, "branch", "unrelated");
        const before = snapshot(own.root);
        expect((await settled(tool, payload, look)).found).toBe(isExecuted ? "done" : "not_done");
        expect(snapshot(own.root)).toEqual(before);
      } finally {
        own.cleanUp();
      }
    }),
    { seed: 7, numRuns: 8 },
  );
});
