import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";

import { EnactError } from "../../errors.js";
import type { Repository } from "./repository.js";
import { look } from "./repository.js";
import { complaint, expectDone, lines } from "./words.js";

export function refOf(branch: string): string {
  return `refs/heads/${branch}`;
}

/**
 * The tip of a local branch: exactly refs/heads/<branch>, never a tag or an expression of the same name.
 *
 * @throws EnactError NOT_FOUND
 */
export async function tipOf(repository: Repository, branch: string): Promise<string> {
  const ran = await look(repository, ["show-ref", "--verify", "--hash", "--", refOf(branch)]);
  if (ran.stopped !== null) expectDone(ran, "looking up a branch");
  const tip = ran.stdout.toString("utf8").trim();
  if (ran.code !== 0 || !/^[0-9a-f]{40,64}$/.test(tip)) {
    const unborn = (await headBranch(repository)) === branch;
    throw new EnactError("NOT_FOUND", unborn ? `The branch '${branch}' has no commit yet` : `There is no local branch '${branch}'`, {
      hint: unborn ? "Commit something first." : "Name a branch of this repository (git branch --list).",
    });
  }
  const type = await look(repository, ["cat-file", "-t", tip]);
  const kind = type.stdout.toString("utf8").trim();
  if (kind !== "commit") {
    throw new EnactError("REFUSED", `The branch '${branch}' does not point to a commit (${kind || complaint(type.stderr)})`);
  }
  return tip;
}

/** The branch that HEAD names; null when it is detached. */
export async function headBranch(repository: Repository): Promise<string | null> {
  const ran = expectDone(await look(repository, ["symbolic-ref", "-q", "HEAD"]), "reading HEAD", [0, 1]);
  const ref = ran.stdout.toString("utf8").trim();
  return ref.startsWith("refs/heads/") ? ref.slice("refs/heads/".length) : null;
}

/** The commit that HEAD stands on; null when there is none yet. */
export async function headCommit(repository: Repository): Promise<string | null> {
  const ran = expectDone(await look(repository, ["rev-parse", "-q", "--verify", "HEAD^{commit}"]), "reading HEAD", [0, 1]);
  return ran.stdout.toString("utf8").trim() || null;
}

/** What a branch is a symbolic name for; null for an ordinary one. */
export async function symbolicTarget(repository: Repository, branch: string): Promise<string | null> {
  const ran = expectDone(await look(repository, ["symbolic-ref", "-q", refOf(branch)]), "reading a branch", [0, 1]);
  return ran.stdout.toString("utf8").trim() || null;
}

/** Default branches as the last clone or fetch left them: what refs/remotes/<remote>/HEAD names. Asks nobody. */
export async function rememberedDefaults(repository: Repository): Promise<string[]> {
  const ran = await look(repository, ["for-each-ref", "--format=%(refname) %(symref)", "refs/remotes/"]);
  const found = lines(expectDone(ran, "reading remote-tracking branches").stdout).map((line) => {
    const [name = "", target = ""] = line.split(" ");
    const remote = /^(refs\/remotes\/.+\/)HEAD$/.exec(name)?.[1];
    return remote !== undefined && target.startsWith(remote) ? target.slice(remote.length) : "";
  });
  return [...new Set(found.filter((name) => name !== ""))];
}

/** A work tree of the repository. */
export interface WorkTree {
  readonly path: string;
  /** The branch that is checked out, or being rebased or bisected; null when there is none. */
  readonly branch: string | null;
  /** The branch is checked out plainly: HEAD names it. */
  readonly plain: boolean;
}

/** All work trees of the repository, main and linked; a bare repository's own folder is none. */
export async function workTrees(repository: Repository): Promise<WorkTree[]> {
  const ran = expectDone(await look(repository, ["worktree", "list", "--porcelain", "-z"]), "listing work trees");
  const trees: WorkTree[] = [];
  for (const block of ran.stdout.toString("utf8").split("\0\0")) {
    const fields = block.split("\0");
    const path = fields.find((field) => field.startsWith("worktree "))?.slice("worktree ".length);
    if (path === undefined || fields.includes("bare")) continue;
    const ref = fields.find((field) => field.startsWith("branch "))?.slice("branch refs/heads/".length);
    if (ref !== undefined) trees.push({ path, branch: ref, plain: true });
    else trees.push(...(await busyBranches(repository, path)).map((branch) => ({ path, branch, plain: false })));
  }
  return trees;
}

/** Branches that a rebase or bisect in a work tree will come back to: HEAD is detached, and git still holds them. */
async function busyBranches(repository: Repository, path: string): Promise<string[]> {
  const gitDir = await gitDirOf(repository, path);
  const names = ["rebase-merge/head-name", "rebase-apply/head-name", "BISECT_START"];
  const texts = await Promise.all(names.map((name) => readFile(join(gitDir, name), "utf8").catch(() => "")));
  return texts.map((text) => text.trim().replace(/^refs\/heads\//, "")).filter((name) => name !== "");
}

/** The folder that holds HEAD and index of a work tree. */
export async function gitDirOf(repository: Repository, path: string): Promise<string> {
  const file = join(path, ".git");
  const info = await stat(file).catch(() => null);
  if (info?.isFile() === true) {
    const target = /^gitdir: (.+)$/m.exec(await readFile(file, "utf8"))?.[1];
    if (target !== undefined) return target;
  }
  return info === null ? repository.commonDir : file;
}
