import { cpSync } from "node:fs";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import type { GitPushPayload } from "../../../src/facts/git.js";
import { isUnknown } from "../../../src/facts/unknown.js";
import { gitPushTool } from "../../../src/tools/git_push.js";
import { executeStep, GitSandbox, planOf, snapshot } from "../../support/git-sandbox.js";
import { Dice, fillFrom, randomRefs, universe } from "../../support/git-worlds.js";

/**
 * The oracle: what a real `git push --porcelain` of the same commit does to a copy of the remote. Worlds and
 * configurations are random and always the same for a seed; ENACT_GIT_WORLDS asks for more of them.
 */
const WORLDS = Number(process.env["ENACT_GIT_WORLDS"] ?? 24);
const SIZE = 14;

let box: GitSandbox;
beforeAll(() => {
  box = new GitSandbox();
});
afterAll(() => box.cleanUp());

interface World {
  readonly repo: string;
  readonly remotes: readonly string[];
  readonly shas: readonly string[];
  readonly branch: string;
  readonly source: string;
  readonly force: boolean;
}

function makeWorld(seed: number): World {
  const dice = new Dice(seed);
  const path = (name: string): string => join(box.root, `w${seed}`, name);
  const source = path("universe.git");
  const shas = universe(box, dice, source, SIZE);
  const repo = path("work");
  box.git(box.root, "init", "-q", "-b", "unborn", repo);
  // The remote is behind, beside or ahead of what is here.
  const all = [0, SIZE] as const;
  const theirs = dice.chance(60) ? ([0, SIZE / 2] as const) : all;
  const local = new Map([...randomRefs(dice, [SIZE / 3, SIZE].map(Math.floor) as [number, number], "refs/heads/"), ...randomRefs(dice, all, "refs/tags/")]);
  fillFrom(box, repo, source, local);
  const remotes = ["one.git", "two.git"].slice(0, dice.chance(25) ? 2 : 1).map((name) => {
    const remote = path(name);
    const refs = new Map([...randomRefs(dice, theirs, "refs/heads/"), ...randomRefs(dice, theirs, "refs/tags/", ["v1", "agent/x", "blob"])]);
    box.git(box.root, "init", "-q", "--bare", remote);
    if (dice.chance(90)) fillFrom(box, remote, source, refs);
    if (dice.chance(15)) box.git(remote, "tag", "a-tree", box.git(remote, "hash-object", "-t", "tree", "-w", "/dev/null"));
    const heads = [...refs.keys()].filter((ref) => ref.startsWith("refs/heads/"));
    if (dice.chance(70)) box.git(remote, "symbolic-ref", "HEAD", dice.pick([...heads, "refs/heads/trunk", "refs/heads/main"]));
    if (dice.chance(50)) box.git(remote, "pack-refs", "--all");
    return remote;
  });
  const taken = remotes.flatMap((remote) => Object.keys(box.refs(remote))).filter((ref) => ref.startsWith("refs/heads/")).map((ref) => ref.slice("refs/heads/".length));
  configure(dice, repo, remotes, path("decoy.git"));
  if (dice.chance(40)) box.git(repo, "pack-refs", "--all");
  const branches = [...local.keys()].filter((ref) => ref.startsWith("refs/heads/")).map((ref) => ref.slice("refs/heads/".length));
  const from = dice.pick(branches);
  const to = dice.chance(30) ? from : dice.chance(50) ? (dice.pick(taken) ?? from) : dice.pick(["main", "Main", "agent", "agent/x", "agent/x/y", "release", "agent/fix", "v1", "new/one"]);
  if (dice.chance(15)) for (const remote of remotes) box.tryGit(repo, "push", "-q", "--force", remote, `refs/heads/${from}:refs/heads/${to}`);
  return { repo, remotes, shas, branch: to, source: from, force: dice.chance(60) };
}

function configure(dice: Dice, repo: string, remotes: readonly string[], decoy: string): void {
  const set = (key: string, value: string, ...flags: string[]): string => box.git(repo, "config", ...flags, key, value);
  const [first = ""] = remotes;
  box.git(repo, "remote", "add", "origin", first);
  const way = dice.roll(6);
  if (remotes.length > 1) for (const remote of remotes) set("remote.origin.pushurl", remote, "--add");
  else if (way === 1) {
    set("remote.origin.url", `alias:${first}`);
    set("url..insteadOf", "alias:");
  } else if (way === 2) {
    box.git(box.root, "init", "-q", "--bare", decoy);
    set("remote.origin.url", decoy);
    set("remote.origin.pushurl", first);
  } else if (way === 3) {
    box.git(box.root, "init", "-q", "--bare", decoy);
    set("remote.origin.url", decoy);
    set(`url.${first}.pushInsteadOf`, decoy);
  } else if (way === 4) set("remote.origin.url", `file://${first}`);
  else if (way === 5) set("remote.origin.url", `../${first.split("/").at(-1)}`);
  const extras = [
    ["push.default", dice.pick(["simple", "matching", "upstream", "current", "nothing"])], ["push.followTags", "true"], ["remote.origin.mirror", "true"],
    ["remote.origin.push", "+refs/heads/*:refs/heads/*"], ["remote.origin.tagOpt", "--tags"], ["push.autoSetupRemote", "true"], ["push.useForceIfIncludes", "true"],
    ["push.negotiate", "true"], ["core.commitGraph", "true"], ["transfer.hideRefs", "refs/hidden"], ["remote.origin.prune", "true"], ["fetch.prune", "true"],
  ] as const;
  // The person's own choice: an old protocol tells less.
  set("protocol.version", dice.pick(["0", "1", "2"]), "--global");
  for (const [key, value] of extras) if (dice.chance(30)) set(key, value);
}

/** What really happens: to a copy of each remote, by force, so that git says what kind of update it is. */
function realPush(world: World, remote: string, sha: string): { update: string; old: string | null; lost: string[]; lacked: string[] } {
  const copy = `${remote}.copy`;
  cpSync(remote, copy, { recursive: true });
  const before = box.refs(copy);
  const ref = `refs/heads/${world.branch}`;
  const pushed = box.tryGit(world.repo, "push", "--porcelain", "--no-verify", "--force", copy, `${sha}:${ref}`);
  const line = pushed.out.split("\n").find((each) => each.split("\t")[1]?.endsWith(`:${ref}`)) ?? "";
  const kinds: Record<string, string> = { "*": "create", " ": "fast_forward", "+": "forced", "=": "up_to_date", "!": "refused" };
  const old = before[ref] ?? null;
  const list = (...args: string[]): string[] => box.git(copy, "rev-list", ...args).split("\n").filter((each) => each !== "");
  // A refused push may still have brought the objects; if not, they are fetched to compare histories.
  box.git(copy, "fetch", "-q", "--no-tags", world.repo, `+${sha}:refs/compare/new`);
  const theirs = Object.values(before).map((tip) => `^${tip}`);
  return { update: kinds[line[0] ?? ""] ?? "none", old, lost: old === null ? [] : list(old, `^${sha}`), lacked: list(sha, ...theirs) };
}

/** Files that a commit touches, found in another way than the guard's. */
function touched(world: World, sha: string): number {
  const [, ...parents] = box.git(world.repo, "rev-list", "--parents", "-1", sha).split(" ");
  const names = (args: string[]): string[] => box.git(world.repo, "diff-tree", "-r", "--no-commit-id", "--name-only", "--no-renames", ...args).split("\n").filter((each) => each !== "");
  if (parents.length === 0) return names(["--root", sha]).length;
  const lists = parents.map((parent) => names([parent, sha]));
  return lists.reduce((common, list) => common.filter((name) => list.includes(name))).length;
}

function kindOf(update: GitPushPayload["update"], force: boolean): string {
  if (isUnknown(update)) return "unknown";
  return update === "forced" ? `forced ${force}` : update;
}

function worst(updates: readonly string[]): string {
  return ["forced", "create", "fast_forward", "up_to_date"].find((kind) => updates.includes(kind)) ?? "none";
}

function checkPlan(world: World, payload: GitPushPayload): void {
  const sha = box.git(world.repo, "rev-parse", `refs/heads/${world.source}`);
  const real = world.remotes.map((remote) => realPush(world, remote, sha));
  const dry = box.tryGit(world.repo, "-c", "remote.origin.mirror=false", "push", "--dry-run", "--no-verify", "--porcelain", "origin", `+${sha}:refs/heads/probe/never`);
  expect(payload.push_urls).toEqual(dry.out.split("\n").filter((line) => line.startsWith("To ")).map((line) => line.slice(3)));
  expect(payload.new_sha).toBe(sha);
  for (const [index, remote] of world.remotes.entries()) {
    const [planned, truth] = [payload.destinations[index], real[index]];
    const head = box.tryGit(remote, "symbolic-ref", "HEAD").out.replace("refs/heads/", "");
    const isBroken = planned?.conflicting_refs.length !== 0;
    expect({ old: planned?.old_sha, head: planned?.default_branch, isBroken }).toEqual({ old: truth?.old, head, isBroken: truth?.update === "refused" });
    if (!isBroken) expect(planned?.update).toBe(truth?.update);
    expect(payload.protected_branches).toContain(head);
  }
  if (real.every(({ update }) => update !== "refused")) expect(payload.update).toBe(worst(real.map(({ update }) => update)));
  const lost = [...new Set(real.flatMap((each) => each.lost))];
  expect((payload.lost_commits as { sha: string }[]).map((each) => each.sha).toSorted()).toEqual(lost.toSorted());
  const lacked = [...new Set(real.flatMap((each) => each.lacked))];
  const counts = Object.fromEntries(lacked.map((each) => [each, touched(world, each)]));
  expect(Object.fromEntries(payload.commits.map((each) => [each.sha, each.file_count]))).toEqual(counts);
  expect(payload.file_count).toBe(Math.max(0, ...Object.values(counts)));
}

test(`the plan says what a real push does, and the push does what the plan says, in ${WORLDS} worlds`, { timeout: 300_000 }, async () => {
  const seen = new Set<string>();
  for (let seed = 1; seed <= WORLDS; seed += 1) {
    const world = makeWorld(seed);
    const { repo, remotes, branch, source, force } = world;
    const context = { seed, branch, source, force };
    const { reader, writer } = box.open(repo);
    const untouched = snapshot(repo);
    const { payload, step } = await planOf(gitPushTool, { branch, source, force }, reader);
    expect({ ...context, changed: snapshot(repo) }).toEqual({ ...context, changed: untouched });
    try {
      checkPlan(world, payload);
    } catch (error) {
      throw new Error(`world ${JSON.stringify(context)}: ${(error as Error).message}`, { cause: error });
    }
    const before = remotes.map((remote) => box.refs(remote));
    if (payload.destinations.every((each) => each.conflicting_refs.length === 0)) seen.add(kindOf(payload.update, force));
    else seen.add("conflict");
    const done = await executeStep(gitPushTool, step, writer).then(
      ({ actions }) => actions.map((action) => action.success),
      (error: unknown) => (error as { code: string }).code,
    );
    const mayRun = force || payload.update !== "forced";
    for (const [index, remote] of remotes.entries()) {
      const moves = mayRun && payload.destinations[index]?.conflicting_refs.length === 0;
      const expected = moves ? { ...before[index], [`refs/heads/${branch}`]: payload.new_sha } : before[index];
      expect({ ...context, refs: box.refs(remote) }).toEqual({ ...context, refs: expected });
      if (mayRun) expect({ ...context, done: done[index] }).toEqual({ ...context, done: moves });
      else expect(done).toBe("ACTION_FAILED");
    }
  }
  // The worlds are worth something only if every kind of update came up.
  expect([...seen].toSorted()).toEqual(["conflict", "create", "fast_forward", "forced false", "forced true", "up_to_date"]);
});
