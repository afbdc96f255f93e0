import { lstat } from "node:fs/promises";
import { join } from "node:path";

import { isAncestor, MOST_COMMITS, present } from "./history.js";
import { gitDirOf, headBranch, headCommit, refOf, workTrees } from "./refs.js";
import type { Repository } from "./repository.js";
import { look } from "./repository.js";
import { inScratch, withScratch } from "./scratch.js";
import { expectDone, records } from "./words.js";

/** Whether one commit leads to another; null when one of them is not in this repository. */
export async function lookAtDescent(repository: Repository, old: string, tip: string): Promise<{ readonly leads: boolean | null }> {
  return withScratch(repository, async (scratch) => {
    const here = await present(scratch, [old, tip]);
    return { leads: here.has(old) && here.has(tip) ? await isAncestor(scratch, old, tip) : null };
  });
}

/** A commit that was made directly on another one. */
export interface Successor {
  readonly sha: string;
  readonly tree: string;
  readonly message: string;
}

export interface Successors {
  /** Where the branch (or HEAD, when none is named) stands now; null when there is no such branch, or nothing on it. */
  readonly tip: string | null;
  /** Commits that lead to the tip and whose first parent is the one asked for, at most 5,000 back. */
  readonly made: readonly Successor[];
  /** The branch that is checked out; null when HEAD is detached. */
  readonly checkedOut: string | null;
  /** A lock on the index: another git is at work, or one was killed. Nobody can commit as long as it lies there. */
  readonly indexIsLocked: boolean;
}

/** What was committed on a branch on top of a commit; `parent` null: the first commits of a history. */
export async function lookAtSuccessors(repository: Repository, branch: string | null, parent: string | null): Promise<Successors> {
  const checkedOut = await headBranch(repository);
  const tip = branch === null ? await headCommit(repository) : await tipOrNull(repository, branch);
  const indexIsLocked = (await lstat(join(repository.gitDir, "index.lock")).catch(() => null)) !== null;
  if (tip === null || tip === parent) return { tip, made: [], checkedOut, indexIsLocked };
  const made = await withScratch(repository, async (scratch) => {
    const known = parent === null || (await present(scratch, [parent])).has(parent);
    if (!known) return [];
    const without = parent === null ? [] : [`^${parent}`];
    const args = ["rev-list", `--max-count=${String(MOST_COMMITS)}`, "--no-commit-header", "--format=%H%x00%T%x00%P%x00%B%x00", "--encoding=UTF-8", tip, ...without, "--"];
    const ran = expectDone(await inScratch(scratch, args), "reading history");
    return commitsIn(ran.stdout).filter(({ parents }) => (parents[0] ?? null) === parent);
  });
  return { tip, made: made.map(({ sha, tree, message }) => ({ sha, tree, message })), checkedOut, indexIsLocked };
}

/** Whether the index of the work tree that has a branch checked out is that commit's; null when no work tree has. */
export async function lookAtIndex(repository: Repository, branch: string, sha: string): Promise<{ readonly isAt: boolean | null }> {
  const tree = (await workTrees(repository)).find((each) => each.branch === branch);
  if (tree === undefined) return { isAt: null };
  const here: Repository = { ...repository, top: tree.path, gitDir: await gitDirOf(repository, tree.path) };
  const ran = await look(here, ["diff-index", "--cached", "--quiet", "--no-ext-diff", "--ignore-submodules=none", sha, "--"]);
  return { isAt: expectDone(ran, "reading the index", [0, 1]).code === 0 };
}

async function tipOrNull(repository: Repository, branch: string): Promise<string | null> {
  const ran = await look(repository, ["rev-parse", "-q", "--verify", `${refOf(branch)}^{commit}`]);
  return expectDone(ran, "looking up a branch", [0, 1]).stdout.toString("latin1").trim() || null;
}

function commitsIn(output: Buffer): readonly (Successor & { readonly parents: readonly string[] })[] {
  // A message cannot hold a NUL, so every fourth piece begins a commit, behind the line break that ended the last one.
  const pieces = records(output).map((piece) => Buffer.from(piece, "latin1").toString("utf8"));
  const found = [];
  for (let index = 0; index + 3 < pieces.length; index += 4) {
    const [sha = "", tree = "", parents = "", message = ""] = pieces.slice(index, index + 4);
    found.push({ sha: sha.trim(), tree, parents: parents.split(" ").filter((parent) => parent !== ""), message });
  }
  return found;
}
