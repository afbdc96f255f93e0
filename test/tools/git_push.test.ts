import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import type { GitPushPayload } from "../../src/facts/git.js";
import type { GitOptions } from "../../src/systems/git.js";
import { gitPushTool } from "../../src/tools/git_push.js";
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

type Call = Record<string, unknown>;

function plan(input: Call, options: Partial<GitOptions> = {}) {
  return planOf(gitPushTool, input, box.open(repo, options).reader);
}

async function facts(input: Call, options: Partial<GitOptions> = {}): Promise<GitPushPayload> {
  return (await plan(input, options)).payload;
}

async function push(input: Call) {
  return executeStep(gitPushTool, (await plan(input)).step, box.open(repo).writer);
}

/** A colleague's clone that has pushed a commit of its own. */
function colleague(branch: string, files: Record<string, string>, message = "Work of a colleague"): string {
  const path = box.path(`colleague-${branch.replaceAll("/", "-")}-${Object.keys(files).join("-")}`);
  box.git(box.root, "clone", "-q", remote, path);
  const known = box.tryGit(path, "rev-parse", "--verify", "-q", `refs/remotes/origin/${branch}`).code === 0;
  box.git(path, "checkout", "-q", "-B", branch, ...(known ? [`origin/${branch}`] : []));
  const sha = box.commit(path, files, message);
  box.git(path, "push", "-q", "origin", branch);
  return sha;
}

describe("what a plan finds out", () => {
  test("a new branch, its commits and the remote's default branch, without touching anything", async () => {
    const first = box.branch(repo, "agent/fix", { "a.txt": "a", "b.txt": "b" }, "Fix the login");
    const second = box.commit(repo, { "a.txt": "A" }, "Polish it");
    const before = snapshot(box.root);
    const { payload, target } = await plan({ branch: "agent/fix" });
    expect(snapshot(box.root)).toEqual(before);
    expect(target).toBe("agent/fix → origin");
    expect(payload).toMatchObject({
      repo: ".", remote: "origin", branch: "agent/fix", ref: "refs/heads/agent/fix", source: "agent/fix", force: false,
      update: "create", old_sha: null, new_sha: second, remote_default_branch: "main", protected_branches: ["main", "master"],
      commits: [{ sha: second, subject: "Polish it", file_count: 1 }, { sha: first, subject: "Fix the login", file_count: 2 }],
      commit_count: 2, file_count: 2, lost_commits: [], lost_commit_count: 0, push_urls: [remote], secrets: [], suspicious_characters: [],
    });
  });

  test("a fast-forward, nothing to do, and a forced update with the commits that would be lost", async () => {
    box.branch(repo, "agent/fix");
    const base = box.git(repo, "rev-parse", "main");
    box.git(repo, "push", "-q", "origin", "agent/fix");
    const pushed = box.git(repo, "rev-parse", "HEAD");
    expect(await facts({ branch: "agent/fix" })).toMatchObject({ update: "up_to_date", old_sha: pushed, new_sha: pushed, commits: [], file_count: 0 });
    box.commit(repo, { "more.txt": "more" }, "More");
    expect(await facts({ branch: "agent/fix", force: true })).toMatchObject({ update: "fast_forward", old_sha: pushed, lost_commits: [], commit_count: 1 });
    box.git(repo, "reset", "-q", "--hard", base);
    box.commit(repo, { "other.txt": "other" }, "Something else");
    expect(await facts({ branch: "agent/fix", force: true })).toMatchObject({
      update: "forced", old_sha: pushed, lost_commits: [{ sha: pushed, subject: "Work on agent/fix" }], lost_commit_count: 1,
    });
  });

  test("commits of a colleague that this clone has never seen would be lost: they are found, and still not in this clone", async () => {
    box.branch(repo, "agent/fix");
    box.git(repo, "push", "-q", "origin", "agent/fix");
    const theirs = colleague("agent/fix", { "theirs.txt": "theirs" });
    box.commit(repo, { "mine.txt": "mine" }, "Mine");
    const before = snapshot(box.root);
    const payload = await facts({ branch: "agent/fix", force: true });
    expect(payload).toMatchObject({ update: "forced", old_sha: theirs, lost_commits: [{ sha: theirs, subject: "Work of a colleague" }], lost_commit_count: 1, commit_count: 1 });
    expect(snapshot(box.root)).toEqual(before);
    expect(box.tryGit(repo, "cat-file", "-e", theirs).code).not.toBe(0);
  });

  test("a clone that has not fetched for long still knows what the remote lacks", async () => {
    for (const n of [1, 2, 3]) colleague("main", { [`n${n}.txt`]: "n" }, `Colleague ${n}`);
    const sha = box.branch(repo, "agent/fix");
    const payload = await facts({ branch: "agent/fix" });
    expect(payload.commits.map((commit) => commit.sha)).toEqual([sha]);
  });

  test("the default branch is asked for live, whatever it is called and whatever was remembered here", async () => {
    box.git(repo, "remote", "set-head", "origin", "main");
    colleague("develop", { "d.txt": "d" });
    box.git(remote, "symbolic-ref", "HEAD", "refs/heads/develop");
    box.branch(repo, "agent/fix");
    expect(await facts({ branch: "agent/fix" })).toMatchObject({ remote_default_branch: "develop", protected_branches: ["develop", "main", "master"] });
  });

  test("the first push to an empty remote makes its default branch: that name is known before", async () => {
    const empty = box.bare("empty.git", "trunk");
    box.git(repo, "remote", "set-url", "origin", empty);
    box.branch(repo, "trunk");
    expect(await facts({ branch: "trunk" })).toMatchObject({ remote_default_branch: "trunk", protected_branches: ["trunk", "main", "master"], update: "create" });
  });

  test("a remote whose HEAD is detached protects the branches at that commit", async () => {
    box.git(remote, "update-ref", "--no-deref", "HEAD", box.git(remote, "rev-parse", "main"));
    box.branch(repo, "agent/fix");
    expect(await facts({ branch: "agent/fix" })).toMatchObject({ remote_default_branch: "main" });
  });

  test("a branch of the remote that is only another name for main is not pushed to, and main stays", async () => {
    box.git(remote, "symbolic-ref", "refs/heads/agent/alias", "refs/heads/main");
    box.git(repo, "checkout", "-q", "-b", "agent/work");
    box.commit(repo, { "a.txt": "a" }, "Work of the agent");
    const before = box.refs(remote);
    await expect(plan({ branch: "agent/alias", source: "agent/work" })).rejects.toThrow("'agent/alias' is only another name for 'main'");
    await push({ branch: "agent/work" });
    expect(box.refs(remote)).toEqual({ ...before, "refs/heads/agent/work": box.git(repo, "rev-parse", "agent/work") });
  });

  test("a branch wins over a tag of the same name, at both ends", async () => {
    const tip = box.branch(repo, "agent/fix");
    box.git(repo, "tag", "agent/fix", "main");
    box.git(repo, "push", "-q", "origin", "refs/tags/agent/fix");
    expect(await facts({ branch: "agent/fix" })).toMatchObject({ new_sha: tip, old_sha: null, update: "create" });
    await push({ branch: "agent/fix" });
    expect(box.refs(remote)).toMatchObject({ "refs/heads/agent/fix": tip, "refs/tags/agent/fix": box.git(repo, "rev-parse", "main") });
  });

  test("refs that make the name impossible at the remote are named", async () => {
    colleague("agent", { "x.txt": "x" });
    box.branch(repo, "agent/fix");
    expect(await facts({ branch: "agent/fix" })).toMatchObject({ update: "create", destinations: [{ conflicting_refs: ["refs/heads/agent"] }] });
    const done = await push({ branch: "agent/fix" });
    expect(done.actions).toMatchObject([{ success: false, error: { code: "ACTION_FAILED" } }]);
    expect(Object.keys(box.refs(remote)).toSorted()).toEqual(["refs/heads/agent", "refs/heads/main"]);
  });

  test("look-alikes and invisible characters in a name are shown", async () => {
    const name = "agent/ma\u0456n\u200b";
    box.branch(repo, name);
    expect((await facts({ branch: name })).suspicious_characters.map((one) => one.character)).toEqual(["U+0456", "U+200B"]);
  });
});

describe("what counts as a commit's files", () => {
  test("root commits, renames, modes, deletions and a merge's own changes", async () => {
    box.git(repo, "checkout", "-q", "--orphan", "agent/fresh");
    box.git(repo, "rm", "-rfq", ".");
    const counts: Record<string, number> = {};
    counts[box.commit(repo, { "a.txt": "a", "b.txt": "b", "c/d.txt": "d" }, "Root")] = 3;
    box.git(repo, "mv", "a.txt", "z.txt");
    box.git(repo, "commit", "-qm", "Rename");
    counts[box.git(repo, "rev-parse", "HEAD")] = 2;
    box.git(repo, "update-index", "--chmod=+x", "z.txt");
    box.git(repo, "commit", "-qm", "Mode");
    counts[box.git(repo, "rev-parse", "HEAD")] = 1;
    counts[box.commit(repo, { "b.txt": null }, "Delete")] = 1;
    box.git(repo, "checkout", "-q", "--", ".");
    box.git(repo, "checkout", "-q", "-b", "side", "HEAD~1");
    counts[box.commit(repo, { "side.txt": "s" }, "Side")] = 1;
    box.git(repo, "checkout", "-q", "agent/fresh");
    box.git(repo, "merge", "-q", "--no-ff", "--no-commit", "side");
    box.write(repo, "evil1.txt", "e");
    box.write(repo, "evil2.txt", "e");
    counts[box.commit(repo, { "evil1.txt": "e", "evil2.txt": "e" }, "Merge with more in it")] = 2;
    const payload = await facts({ branch: "agent/fresh" });
    expect(Object.fromEntries(payload.commits.map((commit) => [commit.sha, commit.file_count]))).toEqual(counts);
    expect(payload.file_count).toBe(3);
  });

  test("replaced and grafted history does not hide anything", async () => {
    const big = box.branch(repo, "agent/big", Object.fromEntries(Array.from({ length: 30 }, (_, n) => [`f${n}.txt`, "x"])));
    const small = box.git(repo, "commit-tree", "-p", "main", "-m", "Small", "main^{tree}");
    box.git(repo, "replace", big, small);
    writeFileSync(join(repo, ".git/info/grafts"), `${big}\n`);
    expect(await facts({ branch: "agent/big" })).toMatchObject({ file_count: 30, commit_count: 1, new_sha: big });
  });

  test("of many commits the receipt shows a hundred, the largest always among them", async () => {
    box.git(repo, "checkout", "-q", "-b", "agent/long");
    const large = box.commit(repo, { "1.txt": "1", "2.txt": "2", "3.txt": "3" }, "Large");
    let parent = large;
    const tree = box.git(repo, "rev-parse", "HEAD^{tree}");
    for (let n = 0; n < 120; n += 1) parent = box.git(repo, "commit-tree", "-p", parent, "-m", `Empty ${n}`, tree);
    box.git(repo, "update-ref", "refs/heads/agent/long", parent);
    const payload = await facts({ branch: "agent/long" });
    expect(payload).toMatchObject({ commit_count: 121, file_count: 3 });
    expect(payload.commits).toHaveLength(100);
    expect(payload.commits.some((commit) => commit.sha === large)).toBe(true);
  });
});

describe("keys in what is pushed", () => {
  const key = ["AKIA", "QZ7RNPLE4XWVTY2B"].join("");

  test("a key in a commit that a later one takes out again is found, with its place and never itself", async () => {
    const bad = box.branch(repo, "agent/keys", { "src/config.ts": `one\nconst id = "${key}";\n` }, "Add config");
    box.commit(repo, { "src/config.ts": "one\n" }, "Take it out");
    const payload = await facts({ branch: "agent/keys" });
    expect(payload.secrets).toMatchObject([{ file: "src/config.ts", line: 2, commit: bad }]);
    expect(JSON.stringify(payload)).not.toContain(key);
  });

  test("a key in a message is found, also behind a NUL", async () => {
    const tree = box.git(repo, "rev-parse", "main^{tree}");
    const file = box.path("raw");
    writeFileSync(file, `tree ${tree}\nparent ${box.git(repo, "rev-parse", "main")}\nauthor A <a@b> 1700000000 +0000\ncommitter A <a@b> 1700000000 +0000\n\nfine\0 ${key}\n`);
    const sha = box.git(repo, "hash-object", "-t", "commit", "-w", "--literally", file);
    box.git(repo, "update-ref", "refs/heads/agent/nul", sha);
    expect((await facts({ branch: "agent/nul" })).secrets).toMatchObject([{ file: null, commit: sha }]);
  });

  test("removing a key, moving a file that has one, and what the remote has already are no additions", async () => {
    box.commit(repo, { "old.txt": `${key}\nb\n`, "gone.txt": `${key.replace("QZ7", "QZ8")}\n` }, "Before there was a guard");
    box.git(repo, "push", "-q", "origin", "main");
    box.git(repo, "checkout", "-q", "-b", "agent/tidy");
    box.commit(repo, { "gone.txt": null }, "Remove a key");
    box.git(repo, "mv", "old.txt", "new.txt");
    box.git(repo, "commit", "-qm", "Move");
    box.commit(repo, { "new.txt": `${key}\nb\nc\n` }, "Another line");
    expect((await facts({ branch: "agent/tidy" })).secrets).toEqual([]);
  });

  test("UTF-16 and CRLF do not hide a key", async () => {
    box.branch(repo, "agent/wide", { "crlf.txt": `a\r\n${key}\r\n` });
    writeFileSync(join(repo, "wide.txt"), Buffer.from(`\ufeffid = ${key}\n`, "utf16le"));
    box.git(repo, "add", "wide.txt");
    box.git(repo, "commit", "-qm", "Wide");
    const { secrets } = await facts({ branch: "agent/wide" });
    expect(secrets).toMatchObject([{ file: "wide.txt" }, { file: "crlf.txt", line: 2 }]);
  });

  test("more than can be looked through is not known", async () => {
    box.branch(repo, "agent/large", { "big.txt": "x".repeat(33 * 1024 * 1024) });
    expect((await facts({ branch: "agent/large" })).secrets).toMatchObject({ $unknown: expect.stringContaining("32 MB") as string });
  });
});

describe("where a push goes", () => {
  test("insteadOf, pushInsteadOf and pushurl are what git makes of them", async () => {
    const other = box.bare("other.git");
    box.branch(repo, "agent/fix");
    box.git(repo, "remote", "set-url", "origin", "short:remote.git");
    box.git(repo, "config", `url.${box.root}/.insteadOf`, "short:");
    expect(await facts({ branch: "agent/fix" })).toMatchObject({ push_urls: [remote], remote_default_branch: "main" });
    box.git(repo, "config", `url.${other}.pushInsteadOf`, "short:remote.git");
    expect(await facts({ branch: "agent/fix" })).toMatchObject({ push_urls: [other] });
    box.git(repo, "remote", "set-url", "--push", "origin", "short:remote.git");
    expect(await facts({ branch: "agent/fix" })).toMatchObject({ push_urls: [remote] });
  });

  test("the person's own insteadOf rules are applied once, not again to their result", async () => {
    const trap = box.bare("trap.git", "trap");
    box.git(repo, "config", "--global", `url.${remote}.insteadOf`, "https://example.invalid/x");
    box.git(repo, "config", "--global", `url.${trap}.insteadOf`, remote.slice(0, -4));
    box.git(repo, "remote", "set-url", "origin", "https://example.invalid/x");
    const sha = box.branch(repo, "agent/fix");
    expect(await facts({ branch: "agent/fix" })).toMatchObject({ push_urls: [remote], remote_default_branch: "main" });
    expect((await push({ branch: "agent/fix" })).actions).toMatchObject([{ success: true }]);
    expect(box.refs(remote)["refs/heads/agent/fix"]).toBe(sha);
    expect(box.refs(trap)).toEqual({});
  });

  test("every push URL is judged and pushed for itself", async () => {
    const second = box.bare("second.git", "stable");
    box.git(repo, "remote", "set-url", "--add", "--push", "origin", remote);
    box.git(repo, "remote", "set-url", "--add", "--push", "origin", second);
    box.git(repo, "push", "-q", second, "main:stable");
    const old = box.branch(repo, "agent/fix");
    box.git(repo, "push", "-q", remote, "agent/fix");
    const tip = box.commit(repo, { "x.txt": "x" }, "More");
    const payload = await facts({ branch: "agent/fix" });
    expect(payload).toMatchObject({
      push_urls: [remote, second], protected_branches: ["main", "stable", "master"], update: "create", commit_count: 2,
      destinations: [{ url: remote, default_branch: "main", old_sha: old, update: "fast_forward" }, { url: second, default_branch: "stable", old_sha: null, update: "create" }],
    });
    const hook = box.hook(repo, "pre-push", `echo "$1 $2" >> '${box.path("hook.log")}'`);
    const done = await push({ branch: "agent/fix" });
    expect(done.actions).toMatchObject([{ success: true }, { success: true }]);
    expect([box.refs(remote)["refs/heads/agent/fix"], box.refs(second)["refs/heads/agent/fix"]]).toEqual([tip, tip]);
    expect(readFileSync(box.path("hook.log"), "utf8")).toBe(`origin ${remote}\norigin ${second}\n`);
    rmSync(hook);
    // One of them fell behind, as after a push that failed half-way: pushing again mends it.
    box.git(second, "update-ref", "-d", "refs/heads/agent/fix");
    expect((await push({ branch: "agent/fix" })).actions).toMatchObject([{ success: true, output: { changed: false } }, { success: true, output: { changed: true } }]);
    expect(box.refs(second)["refs/heads/agent/fix"]).toBe(tip);
  });

  test("a forced update at one of several addresses makes the whole push a forced one", async () => {
    const second = box.bare("second.git");
    box.branch(repo, "agent/fix");
    box.git(repo, "push", "-q", second, "agent/fix");
    box.git(repo, "commit", "-q", "--amend", "-m", "Amended");
    box.git(repo, "remote", "set-url", "--add", "--push", "origin", remote);
    box.git(repo, "remote", "set-url", "--add", "--push", "origin", second);
    expect(await facts({ branch: "agent/fix", force: true })).toMatchObject({ update: "forced", lost_commit_count: 1 });
  });

  test("a relative path is meant from the work tree", async () => {
    box.git(repo, "remote", "set-url", "origin", "../remote.git");
    const sha = box.branch(repo, "agent/fix");
    mkdirSync(join(repo, "sub"));
    expect(await facts({ branch: "agent/fix", repo: "sub" })).toMatchObject({ push_urls: ["../remote.git"], remote_default_branch: "main" });
    await push({ branch: "agent/fix" });
    expect(box.refs(remote)["refs/heads/agent/fix"]).toBe(sha);
  });

  test.each(["ext::sh -c 'touch MARK'", "fd::3", "foo::bar", "ftp://x/y", "gcrypt://x", "-oProxyCommand=touch MARK", "ext::../remote.git", "::x"])(
    "the address %s is refused and starts nothing",
    async (url) => {
      const mark = box.path("mark");
      box.branch(repo, "agent/fix");
      box.git(repo, "config", "protocol.allow", "always");
      box.git(repo, "config", "remote.origin.url", url.replace("MARK", mark));
      await expect(facts({ branch: "agent/fix" })).rejects.toMatchObject({ code: "REFUSED" });
      expect(box.tryGit(box.root, "hash-object", mark).code).not.toBe(0);
    },
  );

  test("a remote behind a helper program (remote.origin.vcs) is refused", async () => {
    box.branch(repo, "agent/fix");
    box.git(repo, "config", "remote.origin.vcs", "hg");
    await expect(facts({ branch: "agent/fix" })).rejects.toMatchObject({ code: "REFUSED" });
  });

  test("only configured remotes, by name; never an address", async () => {
    box.branch(repo, "agent/fix");
    box.git(repo, "remote", "add", "evil", box.bare("evil.git"));
    await expect(facts({ branch: "agent/fix", remote: "evil" })).rejects.toMatchObject({ code: "INVALID_INPUT" });
    await expect(facts({ branch: "agent/fix", remote: "origin" }, { remotes: ["upstream"] })).rejects.toMatchObject({ code: "INVALID_INPUT" });
    await expect(facts({ branch: "agent/fix", remote: "upstream" }, { remotes: ["upstream"] })).rejects.toMatchObject({ code: "NOT_FOUND" });
    for (const address of [remote, "https://example.com/x.git", "git@example.com:x", "--mirror", "-f", ".", "../remote.git", "ext::sh", ""]) {
      await expect(facts({ branch: "agent/fix", remote: address })).rejects.toThrow(/remote|name/i);
    }
  });
});

describe("names are data", () => {
  const SPELLINGS = [
    "main", "Main", "MAIN", "mAiN", "master", "MASTER", "Master", "refs/heads/main", "heads/main", "+main", "+refs/heads/main", "HEAD", "@", ":main",
    "main:main", "agent/x:main", "agent/x:refs/heads/main", "-main", "--all", "--mirror", "--force", "main^{}", "main~0", "main@{0}", "main@{upstream}", "@{u}", " main",
    "main ", "main\n", "main\u0000", "ma\tin", "./main", "main/.", "main/", "/main", "main..main", "ma*n", "refs/heads/*", "*", "\uff4dain", "ma\u200bin", "ma\u0456n", "m\u0430ster",
  ];

  test("no spelling of main gets to the remote's main unseen", async () => {
    box.branch(repo, "agent/x");
    const before = box.refs(remote);
    for (const branch of SPELLINGS) {
      const outcome = await plan({ branch, source: "agent/x" }).then(
        ({ payload }) => ({ refused: false, isProtected: (payload.protected_branches as string[]).includes(payload.branch) }),
        () => ({ refused: true, isProtected: false }),
      );
      expect({ branch, ...outcome }).toSatisfy((seen: typeof outcome) => seen.refused || seen.isProtected);
    }
    expect(box.refs(remote)).toEqual(before);
  });

  test.each(["refs/heads/agent/x", "heads/agent/x", "HEAD", "@", "agent/x~0", "agent/x^{commit}", "agent/x@{0}", "main..agent/x", "origin/main", "v1", "nope", ":/First", "--all"])(
    "the source %j is a branch of that very name or nothing",
    async (source) => {
      box.branch(repo, "agent/x");
      box.git(repo, "tag", "v1");
      await expect(plan({ branch: "agent/y", source })).rejects.toThrow();
    },
  );

  test("an abbreviated or full sha is no source", async () => {
    const sha = box.branch(repo, "agent/x");
    for (const source of [sha, sha.slice(0, 7)]) await expect(plan({ branch: "agent/y", source })).rejects.toThrow();
  });

  test("refs of tricky names below refs/tags and refs/heads do not stand in for a branch", async () => {
    const sha = box.git(repo, "rev-parse", "main");
    box.git(repo, "update-ref", "refs/tags/refs/heads/agent/y", sha);
    box.git(repo, "update-ref", "refs/refs/heads/agent/y", sha);
    await expect(plan({ branch: "agent/y" })).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test.each(["agent/c++", "agent/ünïcode", "agent/#1", "agent/a=b,c", "agent/$(id)", "agent/`x`", "agent/a;b|c&d", "agent/'quoted'", 'agent/"q"', "agent/%41", "agent/x.y"])(
    "%s is an ordinary branch",
    async (branch) => {
      box.git(repo, "branch", branch, "main");
      const done = await push({ branch });
      expect(done.actions).toMatchObject([{ success: true }]);
      expect(Object.keys(box.refs(remote))).toContain(`refs/heads/${branch}`);
    },
  );

  test("unknown keys and wrong types are errors", () => {
    for (const input of [{}, { branch: 1 }, { branch: "x", extra: 1 }, { branch: "x", force: "yes" }, { branch: "x", repo: "a\0b" }, { branch: "x", repo: "" }]) {
      expect(gitPushTool.input.safeParse(input).success).toBe(false);
    }
  });
});

describe("which repository", () => {
  test("only the configured one or one below it, on real paths", async () => {
    box.branch(repo, "agent/x");
    const other = box.path("elsewhere");
    box.git(box.root, "clone", "-q", remote, other);
    symlinkSync(other, join(repo, "link"));
    for (const outside of ["..", "../elsewhere", other, "link", "/"]) {
      await expect(plan({ branch: "main", repo: outside })).rejects.toMatchObject({ code: "INVALID_INPUT" });
    }
    await expect(plan({ branch: "main", repo: "nowhere" })).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(plan({ branch: "main", repo: ".git" })).rejects.toMatchObject({ code: "REFUSED" });
  });

  test("a repository below the configured one is itself, not the one above", async () => {
    const inner = join(repo, "vendor/lib");
    box.git(box.root, "clone", "-q", remote, inner);
    const sha = box.branch(inner, "agent/inner");
    expect(await facts({ branch: "agent/inner", repo: "vendor/lib" })).toMatchObject({ new_sha: sha, repo: "vendor/lib" });
  });

  test("a folder that merely looks like a bare repository, its configuration included, is not taken", async () => {
    const mark = box.marker();
    const fake = join(repo, "fake");
    for (const folder of ["objects", "refs/heads"]) mkdirSync(join(fake, folder), { recursive: true });
    writeFileSync(join(fake, "HEAD"), "ref: refs/heads/main\n");
    writeFileSync(join(fake, "config"), `[core]\n\tbare = true\n\tfsmonitor = ${mark.program}\n[remote "origin"]\n\turl = ${remote}\n`);
    await expect(plan({ branch: "main", repo: "fake" })).rejects.toMatchObject({ code: "REFUSED" });
    expect(mark.ran()).toBe(false);
  });

  test("bare, linked work tree, submodule and detached HEAD all work", async () => {
    box.branch(repo, "agent/x");
    box.git(repo, "checkout", "-q", "--detach");
    const linked = join(repo, "linked");
    box.git(repo, "worktree", "add", "-q", "-b", "agent/linked", linked);
    const sha = box.commit(linked, { "l.txt": "l" }, "Linked");
    expect(await facts({ branch: "agent/linked", repo: "linked" })).toMatchObject({ new_sha: sha, update: "create" });
    expect(await facts({ branch: "agent/x" })).toMatchObject({ update: "create" });
    box.git(repo, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", remote, "sub");
    const inSub = box.branch(join(repo, "sub"), "agent/sub");
    expect(await facts({ branch: "agent/sub", repo: "sub" })).toMatchObject({ new_sha: inSub });
    const mirror = box.path("mirror.git");
    box.git(box.root, "clone", "-q", "--bare", remote, mirror);
    const bare = box.open(mirror);
    box.git(mirror, "branch", "agent/bare", "main");
    const planned = await planOf(gitPushTool, { branch: "agent/bare" }, bare.reader);
    expect((await executeStep(gitPushTool, planned.step, bare.writer)).actions).toMatchObject([{ success: true }]);
    expect(Object.keys(box.refs(remote))).toContain("refs/heads/agent/bare");
  });

  test("an empty repository and an unborn branch have nothing to push", async () => {
    const fresh = box.path("fresh");
    box.git(box.root, "init", "-q", fresh);
    box.git(fresh, "remote", "add", "origin", remote);
    await expect(planOf(gitPushTool, { branch: "main" }, box.open(fresh).reader)).rejects.toMatchObject({ code: "NOT_FOUND", message: expect.stringContaining("no commit yet") as string });
  });

  test("a shallow clone: what was cut off counts as the remote's, and a fast-forward is known as one", async () => {
    for (const n of [1, 2, 3]) colleague("main", { [`s${n}.txt`]: "s" }, `Step ${n}`);
    colleague("agent/old", { "old.txt": "o" }, "Old work");
    const shallow = box.path("shallow");
    box.git(box.root, "clone", "-q", "--depth=1", `file://${remote}`, shallow);
    colleague("main", { "later.txt": "l" }, "Later");
    const sha = box.branch(shallow, "agent/new");
    const opened = box.open(shallow);
    const before = snapshot(shallow);
    const { payload, step } = await planOf(gitPushTool, { branch: "agent/new" }, opened.reader);
    expect(payload).toMatchObject({ update: "create", commits: [{ sha, file_count: 1 }], commit_count: 1 });
    // The branch there is an ancestor beyond the point where this clone was cut off.
    box.git(remote, "update-ref", "refs/heads/agent/behind", box.git(remote, "rev-parse", "main~3"));
    expect((await planOf(gitPushTool, { branch: "agent/behind", source: "agent/new" }, opened.reader)).payload).toMatchObject({ update: "fast_forward", lost_commits: [] });
    expect((await planOf(gitPushTool, { branch: "agent/old", source: "agent/new", force: true }, opened.reader)).payload).toMatchObject({ update: "forced", lost_commits: [{ subject: "Old work" }] });
    expect(snapshot(shallow)).toEqual(before);
    expect((await executeStep(gitPushTool, step, opened.writer)).actions).toMatchObject([{ success: true }]);
  });
});

describe("a remote that does not answer", () => {
  test("is an error in words, without credentials", async () => {
    box.branch(repo, "agent/x");
    box.git(repo, "remote", "set-url", "origin", "http://bob:s3cr3t-t0ken@127.0.0.1:9/x.git?access=s3cr3t-t0ken");
    const error = await plan({ branch: "agent/x" }).then(() => undefined, (thrown: unknown) => thrown as Error & { hint?: string });
    expect(error).toMatchObject({ code: "SYSTEM_UNAVAILABLE" });
    expect(`${error?.message} ${error?.hint}`).not.toContain("s3cr3t");
  });

  test("a path that is no repository is an error, not an empty remote", async () => {
    box.branch(repo, "agent/x");
    box.git(repo, "remote", "set-url", "origin", box.path("nowhere.git"));
    await expect(plan({ branch: "agent/x" })).rejects.toMatchObject({ code: "SYSTEM_UNAVAILABLE" });
  });
});
