import { EnactError } from "../../errors.js";
import { changesBetween, isAncestor, present } from "./history.js";
import type { ChangedFile } from "./history.js";
import { workTreeOf } from "./merge-look.js";
import { refOf, tipOf, workTrees } from "./refs.js";
import { pushUrls } from "./remote-url.js";
import type { RemoteUrl } from "./remote-url.js";
import { askRemote, mustBeItself, remotesOf } from "./remote.js";
import type { Repository } from "./repository.js";
import { inScratch, withScratch } from "./scratch.js";
import type { Scratch } from "./scratch.js";
import { readSettings } from "./settings.js";
import { emptyTree } from "./commit-look.js";
import { complaint, expectDone, plainWords, records, shownBytes } from "./words.js";

/** Where a branch stands now at each push URL of a remote, and which of the given commits are in this repository. */
export interface RemoteTips {
  readonly destinations: readonly { readonly url: RemoteUrl; readonly tip: string | null }[];
  readonly here: ReadonlySet<string>;
}

/** Asks live. @throws EnactError REFUSED for a branch that is only another name for one */
export async function lookAtRemoteTips(repository: Repository, remote: string, branch: string, shas: readonly string[]): Promise<RemoteTips> {
  const settings = await readSettings(repository);
  const urls = await pushUrls(repository, remote, settings);
  return withScratch(repository, async (scratch) => {
    const remotes = remotesOf(scratch, settings);
    const destinations = await Promise.all(
      urls.map(async (url) => {
        const state = await askRemote(remotes, url);
        mustBeItself(state, refOf(branch), url);
        return { url, tip: state.refs.get(refOf(branch)) ?? null };
      }),
    );
    return { destinations, here: await present(scratch, shas) };
  });
}

/** Where a local branch stands now; null when there is none. */
export interface LocalTip {
  readonly tip: string | null;
  readonly here: ReadonlySet<string>;
}

export async function lookAtLocalTip(repository: Repository, branch: string, shas: readonly string[]): Promise<LocalTip> {
  const tip = await tipOf(repository, branch).catch((error: unknown) => {
    if (error instanceof EnactError && error.code === "NOT_FOUND") return null;
    throw error;
  });
  return { tip, here: await withScratch(repository, (scratch) => present(scratch, shas)) };
}

/**
 * Whether a local branch can be moved back, with the work tree that has it checked out.
 * @throws EnactError REFUSED when the work tree must not be changed
 */
export async function lookAtMoveBack(repository: Repository, branch: string, from: string, to: string): Promise<{ readonly files: readonly ChangedFile[]; readonly checkedOut: boolean }> {
  return withScratch(repository, async (scratch) => {
    const files = await changesBetween(scratch, from, to);
    return { files, checkedOut: (await workTreeOf(repository, branch, files)) !== null };
  });
}

/** A commit that takes another one back. */
export interface RevertLook {
  readonly tip: string;
  readonly tree: string;
  readonly subject: string;
  /** The files that it changes in the branch. */
  readonly files: readonly ChangedFile[];
}

/**
 * Tries out taking a commit back on top of what has come after it, without touching anything.
 *
 * @throws EnactError STALE_PLAN when the branch is gone, no longer holds the commit, or later commits are in the way
 */
export async function lookAtRevert(repository: Repository, branch: string, sha: string): Promise<RevertLook> {
  const { tip } = await lookAtLocalTip(repository, branch, []);
  if (tip === null) throw new EnactError("STALE_PLAN", `There is no branch '${plainWords(branch)}' any more`);
  const elsewhere = (await workTrees(repository)).some((tree) => tree.branch === branch && (tree.path !== repository.top || !tree.plain));
  if (elsewhere) throw new EnactError("REFUSED", `'${plainWords(branch)}' is checked out in another work tree, or being rebased or bisected`);
  return withScratch(repository, async (scratch) => {
    if (!(await present(scratch, [sha])).has(sha) || !(await isAncestor(scratch, sha, tip))) {
      throw new EnactError("STALE_PLAN", `'${plainWords(branch)}' no longer holds the commit ${sha.slice(0, 12)}`);
    }
    const tree = await revertedTree(scratch, sha, tip);
    const files = await changesBetween(scratch, tip, tree);
    const subject = await inScratch(scratch, ["log", "-1", "--no-show-signature", "--encoding=UTF-8", "--format=%s", sha]);
    return { tip, tree, files, subject: plainWords(expectDone(subject, "reading a commit").stdout.toString("utf8"), 200) };
  });
}

/**
 * The tree of `tip` without what `sha` had changed: a merge of the tip with the state before the commit, over the commit
 * as their common past. (merge-tree takes no base of one's choice before git 2.40; commits made for it say the same.)
 *
 * @param into where new objects go; the scratch repository when left out
 */
export async function revertedTree(scratch: Scratch, sha: string, tip: string, into?: string): Promise<string> {
  const before = await parentTree(scratch, sha);
  if (tip === sha) return before;
  const past = await madeCommit(scratch, `${sha}^{tree}`, []);
  const ours = await madeCommit(scratch, `${tip}^{tree}`, [past]);
  const theirs = await madeCommit(scratch, before, [past]);
  const variables = into === undefined ? {} : { GIT_OBJECT_DIRECTORY: into, GIT_ALTERNATE_OBJECT_DIRECTORIES: scratch.made };
  const args = ["merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", ours, theirs];
  const ran = await inScratch(scratch, args, { variables, milliseconds: 45_000 });
  const [tree = "", ...named] = records(expectDone(ran, "trying out the revert", [0, 1]).stdout);
  if (ran.code === 0 && /^[0-9a-f]{40,64}$/.test(tree)) return tree;
  const files = named.filter((file) => file !== "").slice(0, 10).map((file) => `'${plainWords(shownBytes(file), 200)}'`);
  throw new EnactError("STALE_PLAN", `Later commits changed the same places in ${files.join(", ") || complaint(ran.stderr)}: taking ${sha.slice(0, 12)} back conflicts`, {
    hint: `Ask the person to revert it: git revert ${sha.slice(0, 12)}`,
  });
}

async function parentTree(scratch: Scratch, sha: string): Promise<string> {
  const ran = expectDone(await inScratch(scratch, ["rev-parse", "-q", "--verify", `${sha}^1^{tree}`]), "reading a commit", [0, 1]);
  return ran.stdout.toString("latin1").trim() || emptyTree(scratch);
}

const NOBODY = { GIT_AUTHOR_NAME: "guard", GIT_AUTHOR_EMAIL: "guard", GIT_AUTHOR_DATE: "@0 +0000", GIT_COMMITTER_NAME: "guard", GIT_COMMITTER_EMAIL: "guard", GIT_COMMITTER_DATE: "@0 +0000" };

async function madeCommit(scratch: Scratch, tree: string, parents: readonly string[]): Promise<string> {
  const args = ["commit-tree", ...parents.flatMap((parent) => ["-p", parent]), "-m", "-", tree];
  return expectDone(await inScratch(scratch, args, { variables: NOBODY }), "trying out the revert").stdout.toString("latin1").trim();
}
