import { readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { gitCommitTool } from "../../../src/tools/git_commit.js";
import { gitDeleteBranchTool } from "../../../src/tools/git_delete_branch.js";
import { gitMergeTool } from "../../../src/tools/git_merge.js";
import { gitPushTool } from "../../../src/tools/git_push.js";
import { executeStep, GitSandbox, planOf, snapshot } from "../../support/git-sandbox.js";

let box: GitSandbox;
let repo: string;
beforeEach(() => {
  box = new GitSandbox();
  repo = box.work();
  box.write(repo, ".gitattributes", "*.txt filter=evil diff=evil merge=evil\n");
  box.commit(repo, { ".gitattributes": "*.txt filter=evil diff=evil merge=evil\n", "f.txt": "1\n2\n3\n" }, "Attributes");
  box.branch(repo, "agent/x", { "f.txt": "1\n2\nthree\n", "g.txt": "g" });
  box.git(repo, "checkout", "-q", "main");
  box.commit(repo, { "h.txt": "h" }, "On main");
  box.write(repo, "f.txt", "one\n2\n3\n");
  box.write(repo, "new.txt", "new\n");
});
afterEach(() => box.cleanUp());

/** Everything that every tool can look at here. */
async function lookAround(env: Record<string, string> = box.env): Promise<string[]> {
  const { reader } = box.open(repo, { env });
  const looks: Promise<unknown>[] = [
    planOf(gitPushTool, { branch: "agent/x", force: true }, reader),
    planOf(gitPushTool, { branch: "main", source: "agent/x" }, reader),
    planOf(gitDeleteBranchTool, { branch: "agent/x" }, reader),
    planOf(gitDeleteBranchTool, { branch: "main", remote: "origin" }, reader),
    planOf(gitMergeTool, { base: "main", head: "agent/x" }, reader),
    planOf(gitCommitTool, { message: "Change things", paths: ["."] }, reader),
  ];
  const ends = await Promise.allSettled(looks);
  return ends.map((end) => (end.status === "fulfilled" ? "planned" : (end.reason as Error).message));
}

const HOOKS = [
  "pre-commit", "prepare-commit-msg", "commit-msg", "post-commit", "pre-push", "pre-rebase", "post-checkout", "post-merge", "pre-merge-commit", "reference-transaction",
  "post-index-change", "fsmonitor-watchman", "pre-auto-gc", "post-rewrite", "applypatch-msg", "push-to-checkout", "update", "pre-receive", "post-receive", "post-update", "proc-receive",
];

function evilSettings(program: string): readonly (readonly [key: string, value: string])[] {
  return [
    ["core.fsmonitor", program], ["core.pager", program], ["core.editor", program], ["core.askPass", program], ["core.gitProxy", program], ["core.alternateRefsCommand", program],
    ["core.sshCommand", program], ["remote.origin.uploadpack", program], ["remote.origin.receivepack", program], ["uploadpack.packObjectsHook", program],
    ["credential.helper", `!${program}`], ["filter.evil.clean", program], ["filter.evil.smudge", program], ["filter.evil.process", program], ["filter.evil.required", "true"],
    ["diff.external", program], ["diff.evil.command", program], ["diff.evil.textconv", program], ["diff.evil.cachetextconv", "true"], ["merge.evil.driver", program],
    ["gpg.program", program], ["log.showSignature", "true"], ["commit.gpgSign", "true"], ["push.gpgSign", "true"], ["sequence.editor", program], ["interactive.diffFilter", program],
    ["core.untrackedCache", "true"], ["core.splitIndex", "true"], ["fetch.writeCommitGraph", "true"], ["gc.auto", "1"],
    ...["config", "ls-remote", "push", "show-ref", "rev-list", "ls-files", "merge-tree", "remote"].map((name) => [`alias.${name}`, `!${program}`] as const),
    ...HOOKS.flatMap((event) => [[`hook.evil-${event}.event`, event], [`hook.evil-${event}.command`, program]] as const),
  ];
}

describe("nothing that a repository configures runs while looking, and nothing changes", () => {
  test.each(["in .git/config", "in an included file", "in config.worktree"])("programs named %s", async (place) => {
    const mark = box.marker();
    const file = place === "in an included file" ? box.path("included") : join(repo, place === "in config.worktree" ? ".git/config.worktree" : ".git/config");
    for (const [key, value] of evilSettings(mark.program)) box.git(box.root, "config", "-f", file, key, value);
    if (place === "in an included file") box.git(box.root, "config", "-f", join(repo, ".git/config"), "include.path", file);
    if (place === "in config.worktree") box.git(box.root, "config", "-f", join(repo, ".git/config"), "extensions.worktreeConfig", "true");
    const before = snapshot(box.root);
    const ends = await lookAround();
    expect(mark.log()).toBe("");
    expect(snapshot(box.root)).toEqual(before);
    expect(ends).toEqual(Array(6).fill("planned"));
    // The programs are really in place: the person's own git runs them.
    box.tryGit(repo, "status");
    expect(mark.ran()).toBe(true);
  });

  test("hooks, in the hooks folder and in core.hooksPath", async () => {
    const mark = box.marker();
    for (const folder of [join(repo, ".git/hooks"), box.path("hooks")]) for (const name of HOOKS) box.script(join(folder, name), mark.program);
    for (const hooksPath of [null, box.path("hooks")]) {
      if (hooksPath !== null) box.git(repo, "config", "core.hooksPath", hooksPath);
      const before = snapshot(box.root);
      expect(await lookAround()).toEqual(Array(6).fill("planned"));
      expect(mark.ran()).toBe(false);
      expect(snapshot(box.root)).toEqual(before);
    }
  });

  test("the person's own filters and merge drivers wait as well", async () => {
    const mark = box.marker();
    for (const key of ["filter.evil.clean", "filter.evil.process", "merge.evil.driver", "diff.external", "core.fsmonitor"]) box.git(repo, "config", "--global", key, mark.program);
    await lookAround();
    expect(mark.ran()).toBe(false);
  });

  test("a submodule's configuration, when the files above it are committed", async () => {
    box.git(repo, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", box.path("remote.git"), "sub");
    box.git(repo, "commit", "-qm", "Submodule");
    const mark = box.marker();
    for (const key of ["core.fsmonitor", "core.sshCommand", "diff.external"]) box.git(join(repo, "sub"), "config", key, mark.program);
    box.write(join(repo, "sub"), "dirty.txt", "dirty");
    box.git(repo, "config", "diff.ignoreSubmodules", "none");
    const before = snapshot(box.root);
    expect((await lookAround()).at(-1)).toBe("planned");
    expect(mark.ran()).toBe(false);
    expect(snapshot(box.root)).toEqual(before);
  });

  test("templates, traces and stale index statistics leave nothing behind", async () => {
    const mark = box.marker();
    box.script(box.path("template/hooks/reference-transaction"), mark.program);
    box.script(box.path("template/hooks/post-index-change"), mark.program);
    box.git(repo, "config", "--global", "init.templateDir", box.path("template"));
    box.write(repo, "README.md", "hello\n");
    box.git(repo, "update-index", "--split-index", "--untracked-cache");
    const before = snapshot(box.root);
    expect(await lookAround({ ...box.env, GIT_TRACE: box.path("trace"), GIT_TRACE2_EVENT: box.path("trace2") })).toEqual(Array(6).fill("planned"));
    expect(mark.ran()).toBe(false);
    expect(snapshot(box.root)).toEqual(before);
  });
});

describe("how a remote is reached", () => {
  let env: Record<string, string>;
  let log: string;
  /** An ssh that "connects" to this machine: its last argument is the command for the other end. */
  const fakeSsh = (path: string, name: string): string => box.script(path, `echo "${name} $1" >> '${log}'\nfor last; do :; done\nexec sh -c "$last"`);
  beforeEach(() => {
    log = box.path("ssh.log");
    fakeSsh(box.path("bin/ssh"), "plain");
    env = { ...box.env, PATH: `${box.path("bin")}${delimiter}${box.env["PATH"]}` };
    box.git(repo, "remote", "set-url", "origin", `ssh://example.invalid${box.path("remote.git")}`);
    writeFileSync(log, "");
  });
  const plan = () => planOf(gitPushTool, { branch: "agent/x" }, box.open(repo, { env }).reader);
  const logged = (): string => [...new Set(readFileSync(log, "utf8").trim().split("\n"))].join("\n");

  test("an ssh command of the repository is not used, one of the person's own is, and neither can ask a question", async () => {
    const evil = box.marker("evil-ssh");
    box.git(repo, "config", "core.sshCommand", evil.program);
    await plan();
    expect(logged()).toBe("plain -oBatchMode=yes");
    writeFileSync(log, "");
    box.git(repo, "config", "--global", "core.sshCommand", fakeSsh(box.path("own-ssh"), "own"));
    await plan();
    expect(logged()).toMatch(/^own /);
    expect(evil.ran()).toBe(false);
  });

  test("a repository may choose the key of plain ssh, and nothing more", async () => {
    box.git(repo, "config", "core.sshCommand", "ssh -i ~/.ssh/work_key -o IdentitiesOnly=yes");
    fakeSsh(box.path("bin/ssh"), "plain $2 $3");
    await plan();
    expect(logged()).toContain("plain -i ");
    for (const command of ["ssh -o ProxyCommand=x", "ssh -F file", "ssh -i $(x)", "ssh; x", "sshx", "ssh -i a -oPermitLocalCommand=yes"]) {
      writeFileSync(log, "");
      box.git(repo, "config", "core.sshCommand", command);
      await plan();
      expect(logged()).not.toContain("-i ");
    }
  });

  test("the push itself goes the same way", async () => {
    const evil = box.marker("evil");
    for (const key of ["core.sshCommand", "remote.origin.receivepack", "credential.helper", "core.askPass", "core.fsmonitor"]) box.git(repo, "config", key, evil.program);
    const opened = box.open(repo, { env });
    const { step } = await planOf(gitPushTool, { branch: "agent/x" }, opened.reader);
    expect((await executeStep(gitPushTool, step, opened.writer)).actions).toMatchObject([{ success: true }]);
    expect(evil.ran()).toBe(false);
  });

  test("what is left out is named when the remote does not answer", async () => {
    box.git(repo, "config", "core.sshCommand", "my-ssh-wrapper");
    box.script(box.path("bin/ssh"), "exit 255");
    const error = (await plan().catch((thrown: unknown) => thrown)) as Error & { hint: string };
    expect(error).toMatchObject({ code: "SYSTEM_UNAVAILABLE", hint: expect.stringContaining("core.sshCommand") as string });
  });
});
