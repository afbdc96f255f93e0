import { cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import type { GitMergePayload } from "../../src/facts/git.js";
import type { GitOptions } from "../../src/systems/git.js";
import { gitMergeTool } from "../../src/tools/git_merge.js";
import { executeStep, GitSandbox, planOf, snapshot } from "../support/git-sandbox.js";
import { Dice, universe } from "../support/git-worlds.js";

let box: GitSandbox;
let repo: string;
beforeEach(() => {
  box = new GitSandbox();
  repo = box.work();
});
afterEach(() => box.cleanUp());

type Call = { base: string; head: string; repo?: string };

function plan(input: Call, options: Partial<GitOptions> = {}) {
  return planOf(gitMergeTool, input, box.open(repo, options).reader);
}

async function facts(input: Call, options: Partial<GitOptions> = {}): Promise<GitMergePayload> {
  return (await plan(input, options)).payload;
}

async function merge(input: Call) {
  return executeStep(gitMergeTool, (await plan(input)).step, box.open(repo).writer);
}

/** main and agent/x, each with a commit of its own; main is checked out. */
function diverge(): void {
  box.branch(repo, "agent/x", { "x.txt": "x", "y.txt": "y" });
  box.git(repo, "checkout", "-q", "main");
  box.commit(repo, { "m.txt": "m" }, "On main");
}

const status = (path = repo): string => box.git(path, "status", "--porcelain");
const read = (name: string): string => readFileSync(join(repo, name), "utf8");

describe("what a plan finds out", () => {
  test("a real merge, a fast-forward and nothing to do, without touching anything", async () => {
    diverge();
    const [main, x] = [box.git(repo, "rev-parse", "main"), box.git(repo, "rev-parse", "agent/x")];
    const before = snapshot(box.root);
    expect(await facts({ base: "main", head: "agent/x" })).toMatchObject({
      base_sha: main, head_sha: x, update: "merge", fast_forward: false, commits: [{ sha: x, file_count: 2 }], commit_count: 1, file_count: 2, merge_commit_file_count: 0,
      conflicts: [], protected_branches: ["main", "master"], remote_default_branch: "main", checked_out: true,
    });
    expect(snapshot(box.root)).toEqual(before);
    box.git(repo, "branch", "agent/y", "main~1");
    expect(await facts({ base: "agent/y", head: "main" })).toMatchObject({ update: "fast_forward", fast_forward: true, file_count: 1, checked_out: false });
    expect(await facts({ base: "main", head: "agent/y" })).toMatchObject({ update: "up_to_date", commits: [], file_count: 0 });
    expect(await facts({ base: "main", head: "main" })).toMatchObject({ update: "up_to_date" });
  });

  test("conflicts are named, and nothing is done", async () => {
    diverge();
    box.commit(repo, { "x.txt": "other", "y.txt": "other" }, "Conflicting");
    const before = snapshot(box.root);
    await expect(plan({ base: "main", head: "agent/x" })).rejects.toMatchObject({ code: "REFUSED", message: expect.stringMatching(/x\.txt.*y\.txt/) as string });
    expect(snapshot(box.root)).toEqual(before);
  });

  test("files that both sides changed count as the merge's own", async () => {
    const lines = Array.from({ length: 30 }, (_, n) => `line ${n}`);
    box.commit(repo, { "shared.txt": lines.join("\n") }, "Shared");
    box.branch(repo, "agent/x", { "shared.txt": ["top", ...lines].join("\n") });
    box.git(repo, "checkout", "-q", "main");
    box.commit(repo, { "shared.txt": [...lines, "bottom"].join("\n") }, "Bottom");
    expect(await facts({ base: "main", head: "agent/x" })).toMatchObject({ file_count: 1, merge_commit_file_count: 1 });
  });

  test("unrelated histories, symbolic branches and names that are no branches are refused", async () => {
    diverge();
    box.git(repo, "checkout", "-q", "--orphan", "stranger");
    box.commit(repo, { "z.txt": "z" }, "Stranger");
    await expect(plan({ base: "main", head: "stranger" })).rejects.toMatchObject({ code: "REFUSED", message: expect.stringContaining("no common history") as string });
    box.git(repo, "symbolic-ref", "refs/heads/agent/alias", "refs/heads/main");
    await expect(plan({ base: "agent/alias", head: "agent/x" })).rejects.toMatchObject({ code: "REFUSED" });
    for (const head of ["origin/main", "v9", "main~1"]) await expect(plan({ base: "main", head })).rejects.toThrow();
    for (const bad of [{ base: "refs/heads/main", head: "agent/x" }, { base: "main", head: "HEAD" }, { base: "main", head: "--abort" }, { base: "main" }]) expect(gitMergeTool.input.safeParse(bad).success).toBe(false);
  });

  test("the default branch is the first configured remote's, live; unknown when it does not answer; local facts when there is none", async () => {
    diverge();
    box.git(box.path("remote.git"), "symbolic-ref", "HEAD", "refs/heads/trunk");
    expect(await facts({ base: "agent/x", head: "main" })).toMatchObject({ remote_default_branch: "trunk", protected_branches: ["trunk", "main", "master"] });
    box.git(repo, "remote", "set-url", "origin", box.path("nowhere.git"));
    expect(await facts({ base: "agent/x", head: "main" })).toMatchObject({ protected_branches: { $unknown: expect.stringContaining("origin") as string } });
    box.git(repo, "remote", "remove", "origin");
    box.git(repo, "config", "init.defaultBranch", "stem");
    expect(await facts({ base: "agent/x", head: "main" })).toMatchObject({ remote_default_branch: "stem", protected_branches: ["stem", "main", "master"] });
  });

  test("a merge driver of the attributes does not run: the file counts as a conflict, also if it is the person's own", async () => {
    const mark = box.marker();
    box.commit(repo, { ".gitattributes": "*.lock merge=ours\n*.log merge=union\n", "a.lock": "1\n", "a.log": "1\n" }, "Attributes");
    box.branch(repo, "agent/x", { "a.lock": "2\n", "a.log": "1\n2\n" });
    box.git(repo, "checkout", "-q", "main");
    box.commit(repo, { "a.lock": "3\n", "a.log": "1\n3\n" }, "Main");
    box.git(repo, "config", "--global", "merge.ours.driver", mark.program);
    await expect(plan({ base: "main", head: "agent/x" })).rejects.toMatchObject({ code: "REFUSED", message: expect.stringMatching(/'a\.lock'$/) as string });
    expect(mark.ran()).toBe(false);
  });
});

describe("a base that nobody has checked out", () => {
  test("moves by a merge commit of the judged tree, or forward", async () => {
    diverge();
    box.git(repo, "checkout", "-q", "-b", "elsewhere");
    const before = snapshot(repo)["./README.md"];
    const { result } = await merge({ base: "main", head: "agent/x" });
    const sha = box.git(repo, "rev-parse", "main");
    expect(result).toMatchObject({ base: "main", head: "agent/x", sha, update: "merge" });
    expect(box.git(repo, "log", "-1", "--format=%s|%an", "main")).toBe("Merge branch 'agent/x' into main|Ada Agent");
    expect(box.git(repo, "ls-tree", "-r", "--name-only", "main").split("\n")).toEqual(["README.md", "m.txt", "x.txt", "y.txt"]);
    expect(box.git(repo, "rev-parse", "main^2")).toBe(box.git(repo, "rev-parse", "agent/x"));
    expect(status()).toBe("");
    expect(snapshot(repo)["./README.md"]).toBe(before);
    await merge({ base: "agent/x", head: "main" });
    expect(box.git(repo, "rev-parse", "agent/x")).toBe(sha);
    expect((await merge({ base: "agent/x", head: "main" })).actions).toMatchObject([{ success: true, output: { changed: false } }]);
  });

  test("in a bare repository", async () => {
    diverge();
    const bare = box.path("bare.git");
    box.git(box.root, "clone", "-q", "--bare", repo, bare);
    const { reader, writer } = box.open(bare, { remotes: ["origin"] });
    const { step } = await planOf(gitMergeTool, { base: "agent/x", head: "main" }, reader);
    await executeStep(gitMergeTool, step, writer);
    expect(box.git(bare, "rev-list", "--parents", "-1", "agent/x").split(" ")).toHaveLength(3);
  });
});

describe("a base that is checked out", () => {
  test("its work tree and index follow; changes elsewhere in it stay", async () => {
    diverge();
    box.write(repo, "README.md", "being edited");
    box.write(repo, "untracked.txt", "u");
    box.write(repo, "staged.txt", "s");
    box.git(repo, "add", "staged.txt");
    await merge({ base: "main", head: "agent/x" });
    expect(read("x.txt")).toBe("x");
    expect(status().split("\n")).toEqual([" M README.md", "A  staged.txt", "?? untracked.txt"]);
    expect(box.git(repo, "log", "-g", "-1", "--format=%gs", "HEAD")).toContain("merge agent/x");
  });

  test.each<[string, () => void]>([
    ["a changed file", () => box.write(repo, "README.md", "being edited")],
    ["a staged file", () => { box.write(repo, "README.md", "staged"); box.git(repo, "add", "README.md"); }],
    ["an untracked file", () => box.write(repo, "x.txt", "precious")],
    ["an ignored file", () => { writeFileSync(join(repo, ".git/info/exclude"), "x.txt\n"); box.write(repo, "x.txt", "precious"); }],
    ["a folder where a file would be", () => box.write(repo, "x.txt/inside", "precious")],
    ["a merge that is going on", () => writeFileSync(join(repo, ".git/MERGE_HEAD"), `${box.git(repo, "rev-parse", "HEAD")}\n`)],
  ])("%s in the way: nothing happens at all", async (_what, change) => {
    box.branch(repo, "agent/x", { "x.txt": "x", "README.md": "changed\n" });
    box.git(repo, "checkout", "-q", "main");
    box.commit(repo, { "m.txt": "m" }, "On main");
    const { step } = await plan({ base: "main", head: "agent/x" });
    change();
    const before = [box.git(repo, "rev-parse", "main"), status(), box.git(repo, "ls-files", "-s"), read("README.md")];
    await expect(executeStep(gitMergeTool, step, box.open(repo).writer)).rejects.toMatchObject({ code: "REFUSED" });
    expect([box.git(repo, "rev-parse", "main"), status(), box.git(repo, "ls-files", "-s"), read("README.md")]).toEqual(before);
    expect(existsSync(join(repo, ".git/index.lock"))).toBe(false);
    expect(existsSync(join(repo, ".git/refs/heads/main.lock"))).toBe(false);
  });

  test("in a linked work tree inside the repository; one outside of it is left alone", async () => {
    diverge();
    const linked = join(repo, "linked");
    box.git(repo, "worktree", "add", "-q", linked, "agent/x");
    await merge({ base: "agent/x", head: "main" });
    expect(readFileSync(join(linked, "m.txt"), "utf8")).toBe("m");
    expect(status(linked)).toBe("");
    box.git(repo, "worktree", "add", "-q", "-b", "agent/far", box.path("far"), "main~1");
    await expect(plan({ base: "agent/far", head: "main" })).rejects.toMatchObject({ code: "REFUSED", message: expect.stringContaining("outside") as string });
  });

  test("a base that is being rebased is not moved under it", async () => {
    diverge();
    box.commit(repo, { "n.txt": "n" }, "One more");
    box.tryGit(repo, "rebase", "-q", "--exec", "false", "HEAD~1");
    await expect(plan({ base: "main", head: "agent/x" })).rejects.toMatchObject({ code: "REFUSED", message: expect.stringContaining("rebased") as string });
  });
});

describe("self-protection", () => {
  test.each(["enact.yaml", ".enact/ledger.db", "mcp.json", ".mcp.json", ".claude/settings.json", ".cursor/mcp.json", ".vscode/mcp.json", ".CLAUDE/settings.json", ".vscode", "Enact.YAML"])(
    "a merge that would change %s in the work tree is refused, whatever the policies say",
    async (name) => {
      box.branch(repo, "agent/x", { [name]: "evil" });
      box.git(repo, "checkout", "-q", "main");
      await expect(plan({ base: "main", head: "agent/x" })).rejects.toMatchObject({ code: "REFUSED", message: expect.stringContaining("protects") as string });
      box.git(repo, "checkout", "-q", "-b", "elsewhere");
      expect(await facts({ base: "main", head: "agent/x" })).toMatchObject({ update: "fast_forward" });
    },
  );

  test("also in a project folder below the work tree, at the place that is configured, and when the base is checked out only later", async () => {
    box.branch(repo, "agent/x", { "app/enact.yaml": "evil", "conf/guard.yaml": "evil" });
    box.git(repo, "checkout", "-q", "main");
    await expect(plan({ base: "main", head: "agent/x" }, { project: join(repo, "app") })).rejects.toMatchObject({ code: "REFUSED" });
    await expect(plan({ base: "main", head: "agent/x" }, { protect: [join(repo, "conf/guard.yaml")] })).rejects.toMatchObject({ code: "REFUSED" });
    box.branch(repo, "agent/y", { "enact.yaml": "evil" });
    box.git(repo, "checkout", "-q", "-b", "elsewhere", "main");
    const { step } = await plan({ base: "main", head: "agent/y" });
    box.git(repo, "checkout", "-q", "main");
    await expect(executeStep(gitMergeTool, step, box.open(repo).writer)).rejects.toMatchObject({ code: "REFUSED" });
    expect(existsSync(join(repo, "enact.yaml"))).toBe(false);
    expect(box.git(repo, "rev-parse", "main")).not.toBe(box.git(repo, "rev-parse", "agent/y"));
  });

  test("what only sounds like it is free", async () => {
    box.branch(repo, "agent/x", { "docs/enact.yaml": "d", "enact.yaml.md": "d", ".vscodeignore": "d", "claude/x": "d", "packages/a/.vscode/settings.json": "d" });
    box.git(repo, "checkout", "-q", "main");
    await merge({ base: "main", head: "agent/x" });
    expect(read("docs/enact.yaml")).toBe("d");
  });
});

describe("a world that moved on", () => {
  test("a base that has moved is not moved again; a head that has moved is merged as it was judged", async () => {
    diverge();
    const first = await plan({ base: "main", head: "agent/x" });
    box.commit(repo, { "later.txt": "l" }, "Later on main");
    const tip = box.git(repo, "rev-parse", "main");
    await expect(executeStep(gitMergeTool, first.step, box.open(repo).writer)).rejects.toMatchObject({ code: "STALE_PLAN" });
    expect(box.git(repo, "rev-parse", "main")).toBe(tip);
    const { step, payload } = await plan({ base: "main", head: "agent/x" });
    box.git(repo, "update-ref", "refs/heads/agent/x", "main");
    await executeStep(gitMergeTool, step, box.open(repo).writer);
    expect(box.git(repo, "rev-parse", "main^2")).toBe(payload.head_sha);
  });

  test("of two merges at once into the same base one wins", async () => {
    diverge();
    box.git(repo, "checkout", "-q", "-b", "agent/z", "main~1");
    box.commit(repo, { "z.txt": "z" }, "Z");
    const plans = [await plan({ base: "main", head: "agent/x" }), await plan({ base: "main", head: "agent/z" })];
    const ends = await Promise.allSettled(plans.map(({ step }) => executeStep(gitMergeTool, step, box.open(repo).writer)));
    expect(ends.filter((end) => end.status === "fulfilled")).toHaveLength(1);
    expect(box.git(repo, "rev-list", "--parents", "-1", "main").split(" ")).toHaveLength(3);
  });
});

describe("hooks", () => {
  test("of a merge may refuse it; none runs while looking", async () => {
    diverge();
    const log = box.path("log");
    for (const name of ["pre-merge-commit", "prepare-commit-msg", "commit-msg", "post-merge", "reference-transaction"]) box.hook(repo, name, `echo ${name} >> '${log}'`);
    const { step } = await plan({ base: "main", head: "agent/x" });
    expect(existsSync(log)).toBe(false);
    await executeStep(gitMergeTool, step, box.open(repo).writer);
    expect(readFileSync(log, "utf8").split("\n").filter((line) => line !== "reference-transaction")).toEqual(["pre-merge-commit", "prepare-commit-msg", "commit-msg", "post-merge", ""]);
    box.git(repo, "reset", "-q", "--hard", "HEAD~1");
    box.hook(repo, "commit-msg", "echo 'no merges' >&2; exit 1");
    const tip = box.git(repo, "rev-parse", "main");
    await expect(merge({ base: "main", head: "agent/x" })).rejects.toMatchObject({ code: "ACTION_FAILED", message: expect.stringContaining("no merges") as string });
    expect([box.git(repo, "rev-parse", "main"), status()]).toEqual([tip, ""]);
  });

  test("a reference-transaction hook that refuses leaves base, files and index as they were", async () => {
    diverge();
    box.hook(repo, "reference-transaction", '[ "$1" = prepared ] && exit 1; exit 0');
    const { step } = await plan({ base: "main", head: "agent/x" });
    const tip = box.git(repo, "rev-parse", "main");
    await expect(executeStep(gitMergeTool, step, box.open(repo).writer)).rejects.toMatchObject({ code: "ACTION_FAILED" });
    expect([box.git(repo, "rev-parse", "main"), status(), existsSync(join(repo, "x.txt"))]).toEqual([tip, "", false]);
  });
});

test("an oracle: git merge in a copy comes to the same tree, the same kind of update and the same conflicts", { timeout: 120_000 }, async () => {
  const rounds = Number(process.env["ENACT_GIT_MERGES"] ?? 14);
  const seen = new Set<string>();
  for (let seed = 1; seed <= rounds; seed += 1) {
    const dice = new Dice(seed * 31);
    const source = box.path(`universe-${seed}.git`);
    universe(box, dice, source, 10);
    repo = box.path(`merge-${seed}`);
    box.git(box.root, "init", "-q", "-b", "none", repo);
    const [base, head] = [dice.roll(10), dice.roll(10)];
    box.git(repo, "fetch", "-q", source, `refs/u/${base}:refs/heads/base`, `refs/u/${head}:refs/heads/head`);
    if (dice.chance(70)) box.git(repo, "checkout", "-q", "base");
    const copy = `${repo}-copy`;
    cpSync(repo, copy, { recursive: true });
    box.tryGit(copy, "checkout", "-q", "base");
    const real = box.tryGit(copy, "merge", "-q", "--no-edit", "head");
    const conflicts = box.git(copy, "diff", "--name-only", "--diff-filter=U").split("\n").filter((name) => name !== "");
    const ours = await plan({ base: "base", head: "head" }).then(
      (planned) => ({ planned, message: "" }),
      (error: unknown) => ({ planned: null, message: (error as Error).message }),
    );
    expect({ seed, fails: ours.planned === null }).toEqual({ seed, fails: real.code !== 0 });
    if (ours.planned === null) {
      for (const name of conflicts) expect(ours.message).toContain(name);
      seen.add(conflicts.length > 0 ? "conflict" : "unrelated");
      continue;
    }
    seen.add(ours.planned.payload.update);
    await executeStep(gitMergeTool, ours.planned.step, box.open(repo).writer);
    const end = (path: string): string[] => [box.git(path, "rev-parse", "base^{tree}"), box.git(path, "log", "-1", "--format=%P", "base"), status(path)];
    expect({ seed, end: end(repo) }).toEqual({ seed, end: end(copy) });
  }
  expect([...seen]).toEqual(expect.arrayContaining(["merge", "fast_forward", "up_to_date", "conflict"]));
});
