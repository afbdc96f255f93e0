import { execFileSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { delimiter, join } from "node:path";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { gitPushTool } from "../../../src/tools/git_push.js";
import { GitHttp } from "../../support/git-http.js";
import { executeStep, GitSandbox, planOf } from "../../support/git-sandbox.js";

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
  return planOf(gitPushTool, input, box.open(repo).reader);
}

type Step = Awaited<ReturnType<typeof plan>>["step"];

function execute(step: Step) {
  return executeStep(gitPushTool, step, box.open(repo).writer);
}

async function push(input: Record<string, unknown>) {
  return execute((await plan(input)).step);
}

describe("a world that moved on between look and act", () => {
  test("a branch that somebody created, moved or deleted meanwhile stays as it is", async () => {
    const tip = box.branch(repo, "agent/x");
    const other = box.git(repo, "commit-tree", "-p", "main", "-m", "Other", "main^{tree}");
    box.git(repo, "push", "-q", "origin", `${other}:refs/heads/parking`);
    const created = await plan({ branch: "agent/x" });
    box.git(remote, "update-ref", "refs/heads/agent/x", other);
    await expect(execute(created.step)).rejects.toMatchObject({ code: "STALE_PLAN" });
    expect(box.refs(remote)["refs/heads/agent/x"]).toBe(other);

    box.git(remote, "update-ref", "refs/heads/agent/x", box.git(repo, "rev-parse", "main"));
    const moved = await plan({ branch: "agent/x", force: true });
    box.git(remote, "update-ref", "refs/heads/agent/x", other);
    await expect(execute(moved.step)).rejects.toMatchObject({ code: "STALE_PLAN" });
    expect(box.refs(remote)["refs/heads/agent/x"]).toBe(other);

    const deleted = await plan({ branch: "agent/x", force: true });
    box.git(remote, "update-ref", "-d", "refs/heads/agent/x");
    await expect(execute(deleted.step)).rejects.toMatchObject({ code: "STALE_PLAN" });
    expect(box.refs(remote)["refs/heads/agent/x"]).toBeUndefined();

    box.git(repo, "push", "-q", "origin", "agent/x");
    const idle = await plan({ branch: "agent/x" });
    box.git(remote, "update-ref", "refs/heads/agent/x", other);
    await expect(execute(idle.step)).rejects.toMatchObject({ code: "STALE_PLAN" });
    expect(tip).not.toBe(other);
  });

  test("even when somebody pushed the very same commit first, it was not this push", async () => {
    box.branch(repo, "agent/x");
    const { step } = await plan({ branch: "agent/x" });
    box.git(repo, "push", "-q", "origin", "agent/x");
    await expect(execute(step)).rejects.toMatchObject({ code: "STALE_PLAN" });
  });

  test("the judged commit is pushed, not what the branch has become since", async () => {
    const judged = box.branch(repo, "agent/x");
    const { step } = await plan({ branch: "agent/x" });
    box.commit(repo, { "later.txt": "later" }, "Later");
    await execute(step);
    expect(box.refs(remote)["refs/heads/agent/x"]).toBe(judged);
  });

  test("a remote that has another address now is not pushed to", async () => {
    const other = box.bare("other.git");
    box.branch(repo, "agent/x");
    for (const change of [
      ["remote.origin.url", other],
      ["remote.origin.pushurl", other],
      [`url.${other}.insteadOf`, remote],
      [`url.${other}.pushInsteadOf`, remote],
    ] as const) {
      const { step } = await plan({ branch: "agent/x" });
      const old = box.tryGit(repo, "config", change[0]).out;
      box.git(repo, "config", ...change);
      await expect(execute(step)).rejects.toMatchObject({ code: "STALE_PLAN" });
      if (old === "") box.git(repo, "config", "--unset", change[0]);
      else box.git(repo, "config", change[0], old);
    }
    expect(box.refs(other)).toEqual({});
    expect(Object.keys(box.refs(remote))).toEqual(["refs/heads/main"]);
  });

  test("an address that changes in the very moment of the push is caught before anything is sent", async () => {
    const other = box.bare("other.git");
    box.branch(repo, "agent/x");
    const real = execFileSync("sh", ["-c", "command -v git"], { encoding: "utf8" }).trim();
    // Stands for another process that wins the race: it changes the configuration when git push already starts.
    box.script(box.path("shim/git"), `case " $* " in *" push "*) '${real}' config remote.origin.pushurl '${other}';; esac\nexec '${real}' "$@"`);
    const opened = box.open(repo, { env: { ...box.env, PATH: `${box.path("shim")}${delimiter}${box.env["PATH"]}` } });
    const { step } = await planOf(gitPushTool, { branch: "agent/x" }, opened.reader);
    const done = await executeStep(gitPushTool, step, opened.writer).then(
      (execution) => execution.actions[0]?.error?.code,
      (error: unknown) => (error as { code: string }).code,
    );
    expect(done).toBe("STALE_PLAN");
    expect(box.refs(other)).toEqual({});
    expect(box.git(repo, "config", "remote.origin.pushurl")).toBe(other);
  });

  test("of two pushes that race, one wins and the other says that the branch has moved", async () => {
    for (let round = 0; round < 4; round += 1) {
      const branch = `agent/race-${round}`;
      box.git(repo, "checkout", "-q", "main");
      const one = box.branch(repo, `${branch}-a`);
      box.git(repo, "checkout", "-q", "main");
      const two = box.branch(repo, `${branch}-b`);
      const plans = [await plan({ branch, source: `${branch}-a` }), await plan({ branch, source: `${branch}-b` })];
      const ends = await Promise.allSettled(plans.map(({ step }) => execute(step)));
      const won = ends.map((end) => end.status === "fulfilled" && end.value.actions.every((action) => action.success === true));
      expect(won.filter(Boolean)).toHaveLength(1);
      const lost = ends[won.indexOf(false)];
      expect(lost).toMatchObject({ status: "rejected", reason: { code: "STALE_PLAN" } });
      expect(box.refs(remote)[`refs/heads/${branch}`]).toBe(won[0] === true ? one : two);
    }
  });
});

describe("force", () => {
  test("without it, a push that would lose commits is judged, and not done", async () => {
    box.branch(repo, "agent/x");
    box.git(repo, "push", "-q", "origin", "agent/x");
    const old = box.refs(remote)["refs/heads/agent/x"];
    box.git(repo, "commit", "-q", "--amend", "-m", "Amended");
    const { payload, step } = await plan({ branch: "agent/x" });
    expect(payload).toMatchObject({ update: "forced", force: false, lost_commit_count: 1 });
    await expect(execute(step)).rejects.toMatchObject({ code: "ACTION_FAILED" });
    expect(box.refs(remote)["refs/heads/agent/x"]).toBe(old);
    expect((await push({ branch: "agent/x", force: true })).actions).toMatchObject([{ success: true }]);
  });
});

describe("exactly one ref", () => {
  test("nothing that the configuration adds to a push gets through", async () => {
    const tip = box.branch(repo, "agent/x");
    box.git(repo, "tag", "-a", "v1", "-m", "Version 1");
    box.git(repo, "branch", "secret");
    const before = box.refs(remote);
    box.git(remote, "config", "receive.advertisePushOptions", "true");
    const options = box.path("options");
    box.hook(remote, "pre-receive", `echo "options: $GIT_PUSH_OPTION_COUNT" > '${options}'`);
    const gpg = box.marker("gpg");
    for (const [key, value] of [
      ["push.followTags", "true"], ["push.default", "matching"], ["remote.origin.mirror", "true"], ["remote.origin.push", "refs/heads/*:refs/heads/*"],
      ["push.pushOption", "merge_request.merge"], ["push.gpgSign", "if-asked"], ["gpg.program", gpg.program], ["push.recurseSubmodules", "on-demand"],
      ["submodule.recurse", "true"], ["push.autoSetupRemote", "true"], ["remote.pushDefault", "elsewhere"], ["push.useForceIfIncludes", "true"],
    ] as const) box.git(repo, "config", key, value);
    expect((await push({ branch: "agent/x" })).actions).toMatchObject([{ success: true }]);
    expect(box.refs(remote)).toEqual({ ...before, "refs/heads/agent/x": tip });
    expect(readFileSync(options, "utf8")).toMatch(/^options: 0?\n$/);
    expect(gpg.ran()).toBe(false);
  });

  test("the remote-tracking branch follows, as after any push", async () => {
    const tip = box.branch(repo, "agent/x");
    await push({ branch: "agent/x" });
    expect(box.refs(repo)["refs/remotes/origin/agent/x"]).toBe(tip);
  });
});

describe("hooks", () => {
  test("pre-push runs once, on the real push only, with the remote's name, the address and the ref as from a person", async () => {
    const log = box.path("hook.log");
    box.hook(repo, "pre-push", `echo "args $@" >> '${log}'; cat >> '${log}'; git config user.name >> '${log}'; echo "cfg $GIT_CONFIG_COUNT" >> '${log}'; git rev-parse --git-path hooks >> '${log}'`);
    const tip = box.branch(repo, "agent/x");
    const { step } = await plan({ branch: "agent/x" });
    expect(() => readFileSync(log)).toThrow();
    await execute(step);
    const zero = "0".repeat(40);
    expect(readFileSync(log, "utf8")).toBe(`args origin ${remote}\nrefs/heads/agent/x ${tip} refs/heads/agent/x ${zero}\nAda Agent\ncfg \n.git/hooks\n`);
  });

  test("a pre-push hook that refuses means that nothing was sent", async () => {
    box.hook(repo, "pre-push", "echo 'tests are red' >&2; exit 3");
    box.branch(repo, "agent/x");
    const { actions } = await push({ branch: "agent/x" });
    expect(actions).toMatchObject([{ success: false, error: { code: "ACTION_FAILED", message: expect.stringContaining("tests are red") as string } }]);
    expect(Object.keys(box.refs(remote))).toEqual(["refs/heads/main"]);
  });

  test("core.hooksPath counts, hooks that may not be executed don't, and other hooks of a push run too", async () => {
    const mark = box.marker();
    box.git(repo, "config", "core.hooksPath", ".husky");
    box.script(join(repo, ".husky/pre-push"), `. "\${0%/*}/common"`);
    box.script(join(repo, ".husky/common"), `'${mark.program}' common`);
    box.script(join(repo, ".husky/reference-transaction"), `[ "$1" = committed ] && '${mark.program}' transaction || true`);
    box.branch(repo, "agent/x");
    rmSync(box.path("marker.mark"));
    await push({ branch: "agent/x" });
    expect(mark.log()).toMatch(/common/);
    expect(mark.log()).toMatch(/transaction/);
    rmSync(box.path("marker.mark"));
    execFileSync("chmod", ["-x", join(repo, ".husky/pre-push")]);
    box.commit(repo, { "y.txt": "y" }, "More");
    rmSync(box.path("marker.mark"));
    await push({ branch: "agent/x" });
    expect(mark.log()).not.toMatch(/common/);
  });

  test("the hooks of the remote run as for every push, and what they say is passed on", async () => {
    box.hook(remote, "pre-receive", "echo 'no pushes on Sundays' >&2; exit 1");
    box.branch(repo, "agent/x");
    const { actions } = await push({ branch: "agent/x" });
    expect(actions).toMatchObject([{ success: false, error: { code: "ACTION_FAILED", message: expect.stringContaining("no pushes on Sundays") as string } }]);
  });

  test("what a remote says cannot forge lines of a receipt", async () => {
    box.hook(remote, "pre-receive", String.raw`printf '\033[2Jline\n\nPASSED \342\200\256evil\n' >&2; exit 1`);
    box.branch(repo, "agent/x");
    const { actions } = await push({ branch: "agent/x" });
    expect(actions[0]?.error?.message).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });

  test("the guard's own secrets and GIT_* variables from outside do not reach hooks or git", async () => {
    const log = box.path("env.log");
    box.hook(repo, "pre-push", `env > '${log}'`);
    box.branch(repo, "agent/x");
    const env = { ...box.env, ENACT_SECRET: "x".repeat(32), SLACK_BOT_TOKEN: "xoxb", GIT_DIR: box.path("nowhere"), GIT_WORK_TREE: "/", GIT_CONFIG_COUNT: "1", GIT_CONFIG_KEY_0: "remote.origin.url", GIT_CONFIG_VALUE_0: "ext::x", GIT_SSH_COMMAND: "false", GIT_INDEX_FILE: "/nowhere" };
    const opened = box.open(repo, { env });
    const { step } = await planOf(gitPushTool, { branch: "agent/x" }, opened.reader);
    expect((await executeStep(gitPushTool, step, opened.writer)).actions).toMatchObject([{ success: true }]);
    expect(readFileSync(log, "utf8")).not.toMatch(/ENACT_SECRET|SLACK|GIT_DIR=|GIT_WORK_TREE|GIT_CONFIG|GIT_INDEX_FILE/);
  });
});

describe("a line that breaks", () => {
  test("while the remote works on what it got: nobody knows, and that is what is said", async () => {
    box.hook(remote, "pre-receive", "kill -9 $PPID; sleep 1");
    box.branch(repo, "agent/x");
    const { actions } = await push({ branch: "agent/x" });
    expect(actions).toMatchObject([{ success: "unknown", error: { code: "OUTCOME_UNKNOWN" } }]);
  });

  test("after the remote had moved the branch: it is asked, and it is done", async () => {
    box.hook(remote, "reference-transaction", '[ "$1" = committed ] && kill -9 $PPID; exit 0');
    const tip = box.branch(repo, "agent/x");
    const { actions } = await push({ branch: "agent/x" });
    expect(box.refs(remote)["refs/heads/agent/x"]).toBe(tip);
    expect(actions).toMatchObject([{ success: true, output: { tip_afterwards: tip } }]);
  });
});

describe("over HTTP, with a password in the address", () => {
  let http: GitHttp;
  const secret = ["p4ss", "w0rd", "zz"].join("-");
  beforeEach(async () => {
    box.git(remote, "config", "http.receivepack", "true");
    http = await GitHttp.start(box.root, box.env, `bob:${secret}`);
    box.git(repo, "remote", "set-url", "origin", `http://bob:${secret}@127.0.0.1:${http.port}/remote.git`);
  });
  afterEach(() => http.stop());

  test("it pushes, and the password is nowhere to be seen", async () => {
    const tip = box.branch(repo, "agent/x");
    const planned = await plan({ branch: "agent/x" });
    const done = await execute(planned.step);
    expect(done.actions).toMatchObject([{ success: true }]);
    expect(box.refs(remote)["refs/heads/agent/x"]).toBe(tip);
    expect(planned.payload.push_urls).toEqual([`http://127.0.0.1:${http.port}/remote.git`]);
    expect(JSON.stringify([planned, done])).not.toContain(secret);
  });

  test("the person's credential helper is asked, one that the repository names is not", async () => {
    box.git(repo, "remote", "set-url", "origin", `http://127.0.0.1:${http.port}/remote.git`);
    const evil = box.marker("evil-helper");
    box.git(repo, "config", "credential.helper", `!${evil.program}`);
    box.git(repo, "config", `credential.http://127.0.0.1:${http.port}.helper`, evil.program);
    box.branch(repo, "agent/x");
    await expect(plan({ branch: "agent/x" })).rejects.toMatchObject({ code: "SYSTEM_UNAVAILABLE", message: expect.stringContaining("credential.helper") as string });
    const own = box.script(box.path("own-helper"), `[ "$1" = get ] && printf 'username=bob\npassword=${secret}\n'; exit 0`);
    box.git(repo, "config", "--global", "credential.helper", own);
    expect((await push({ branch: "agent/x" })).actions).toMatchObject([{ success: true }]);
    expect(evil.ran()).toBe(false);
  });

  test("an extra header of the repository gives access as well", async () => {
    box.git(repo, "remote", "set-url", "origin", `http://127.0.0.1:${http.port}/remote.git`);
    const header = `Authorization: Basic ${Buffer.from(`bob:${secret}`).toString("base64")}`;
    box.git(repo, "config", `http.http://127.0.0.1:${http.port}/.extraHeader`, header);
    box.branch(repo, "agent/x");
    expect((await push({ branch: "agent/x" })).actions).toMatchObject([{ success: true }]);
  });

  test("looking sends nothing that changes anything", async () => {
    box.branch(repo, "agent/x");
    await plan({ branch: "agent/x" });
    expect(http.requests.filter((request) => request.includes("receive-pack"))).toEqual([]);
  });

  test("a wrong password is an error without a prompt and without the password", async () => {
    box.git(repo, "remote", "set-url", "origin", `http://bob:${secret}x@127.0.0.1:${http.port}/remote.git`);
    box.branch(repo, "agent/x");
    const error = (await plan({ branch: "agent/x" }).catch((thrown: unknown) => thrown)) as Error;
    expect(error).toMatchObject({ code: "SYSTEM_UNAVAILABLE" });
    expect(error.message).not.toContain(secret);
  });

  test("a connection that drops before the remote got it, or before it answered", async () => {
    box.branch(repo, "agent/x");
    http.mishap = "drop before";
    const lost = await push({ branch: "agent/x" });
    expect(lost.actions).toMatchObject([{ success: "unknown", error: { code: "OUTCOME_UNKNOWN" }, output: { tip_afterwards: null } }]);
    expect(JSON.stringify(lost)).not.toContain(secret);
    http.mishap = "drop after";
    const { payload, step } = await plan({ branch: "agent/x" });
    const unheard = await execute(step);
    expect(unheard.actions).toMatchObject([{ success: true, output: { tip_afterwards: payload.new_sha } }]);
  });
});
