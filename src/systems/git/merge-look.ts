import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { EnactError } from "../../errors.js";
import type { Setting } from "./environment.js";
import { changesBetween, changesOf, commitsBetween, isAncestor, MOST_COMMITS } from "./history.js";
import type { ChangedFile, CommitLook } from "./history.js";
import { protectedFile } from "./protected-files.js";
import type { NotKnown } from "./push-look.js";
import { rememberedDefaults, symbolicTarget, tipOf, workTrees } from "./refs.js";
import type { WorkTree } from "./refs.js";
import { fetchUrl } from "./remote-url.js";
import { askRemote, remotesOf } from "./remote.js";
import { isInside, look } from "./repository.js";
import type { Repository } from "./repository.js";
import { inScratch, withScratch } from "./scratch.js";
import type { Scratch } from "./scratch.js";
import { lastOf, readSettings } from "./settings.js";
import type { Configured } from "./settings.js";
import { complaint, expectDone, lines, plainWords, records, shownBytes } from "./words.js";

export interface MergeLook {
  readonly baseSha: string;
  readonly headSha: string;
  readonly update: "merge" | "fast_forward" | "up_to_date";
  /** What base will hold. */
  readonly tree: string;
  readonly commits: readonly CommitLook[] | NotKnown;
  /** Files that change in base. */
  readonly files: readonly ChangedFile[];
  /** Files in which the merge commit differs from both tips. */
  readonly ownFiles: number;
  readonly defaults: readonly string[] | NotKnown;
  readonly checkedOut: boolean;
}

/**
 * Finds out what merging one local branch into another would do.
 *
 * @throws EnactError REFUSED for conflicts, unrelated histories, protected files and branches that git holds on to
 */
export async function lookAtMerge(repository: Repository, base: string, head: string): Promise<MergeLook> {
  const baseSha = await tipOf(repository, base);
  const headSha = await tipOf(repository, head);
  const target = await symbolicTarget(repository, base);
  if (target !== null) throw new EnactError("REFUSED", `'${base}' is only another name for ${plainWords(target)}`, { hint: "Name that branch." });
  const settings = await readSettings(repository);
  return withScratch(repository, async (scratch) => {
    const { update, tree } = await resultOf(scratch, settings, { base, head, baseSha, headSha });
    const files = update === "up_to_date" ? [] : await changesBetween(scratch, baseSha, tree);
    const own = update === "merge" ? await changesBetween(scratch, headSha, tree) : [];
    const theirs = new Set(own.map((file) => file.path));
    const commits = await commitsBetween(scratch, headSha, [baseSha]);
    const trees = await workTreeOf(repository, base, files);
    return {
      baseSha,
      headSha,
      update,
      tree,
      commits: commits === "too many" ? { why: `more than ${MOST_COMMITS} commits would be merged` } : await changesOf(scratch, commits),
      files,
      ownFiles: files.filter((file) => theirs.has(file.path)).length,
      defaults: await defaultsFor(scratch, settings),
      checkedOut: trees !== null,
    };
  });
}

interface Tips {
  readonly base: string;
  readonly head: string;
  readonly baseSha: string;
  readonly headSha: string;
}

async function resultOf(scratch: Scratch, settings: readonly Configured[], tips: Tips): Promise<Pick<MergeLook, "update" | "tree">> {
  const { baseSha, headSha } = tips;
  if (await isAncestor(scratch, headSha, baseSha)) return { update: "up_to_date", tree: await treeOf(scratch, baseSha) };
  if (await isAncestor(scratch, baseSha, headSha)) return { update: "fast_forward", tree: await treeOf(scratch, headSha) };
  return { update: "merge", tree: await mergedTree(scratch, settings, tips) };
}

async function treeOf(scratch: Scratch, sha: string): Promise<string> {
  const ran = expectDone(await inScratch(scratch, ["rev-parse", "--verify", `${sha}^{tree}`]), "reading a tree");
  return ran.stdout.toString("latin1").trim();
}

/**
 * The tree of the merge, made by git's own strategy. Merge drivers of attributes do not run: a file that has one and was
 * changed on both sides counts as a conflict.
 *
 * @param into where new objects go; the scratch repository when left out
 */
export async function mergedTree(scratch: Scratch, settings: readonly Configured[], tips: Tips, into?: string): Promise<string> {
  await takeAttributes(scratch, tips.baseSha);
  const variables = into === undefined ? {} : { GIT_OBJECT_DIRECTORY: into };
  const args = ["merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", tips.baseSha, tips.headSha];
  const ran = await inScratch(scratch, args, { settings: withoutDrivers(settings), variables, milliseconds: 45_000 });
  if (ran.stopped === null && /unrelated histories/.test(ran.stderr)) {
    throw new EnactError("REFUSED", `'${tips.base}' and '${tips.head}' have no common history`);
  }
  const [tree = "", ...named] = records(expectDone(ran, "trying out the merge", [0, 1]).stdout);
  if (ran.code === 0 && /^[0-9a-f]{40,64}$/.test(tree)) return tree;
  const files = named.filter((file) => file !== "");
  if (files.length === 0) throw new EnactError("SYSTEM_UNAVAILABLE", `git could not try out the merge: ${complaint(ran.stderr)}`);
  const shown = files.slice(0, 20).map((file) => `'${plainWords(shownBytes(file), 200)}'`).join(", ");
  const more = files.length > 20 ? ` and ${files.length - 20} more` : "";
  throw new EnactError("REFUSED", `Merging '${tips.head}' into '${tips.base}' conflicts in ${shown}${more}`, {
    hint: `Merge '${tips.base}' into '${tips.head}' in a work tree, resolve the conflicts there and commit; then this merge is clean.`,
  });
}

/** Attributes such as merge=union or -merge count as they stand in the tree that is merged into. */
async function takeAttributes(scratch: Scratch, sha: string): Promise<void> {
  const ran = await inScratch(scratch, ["cat-file", "blob", `${sha}:.gitattributes`]);
  if (ran.code === 0) await writeFile(join(scratch.folder, "info", "attributes"), ran.stdout);
}

function withoutDrivers(settings: readonly Configured[]): Setting[] {
  const drivers = settings.map(({ key }) => /^merge\.(.+)\.driver$/s.exec(key)?.[1]).filter((driver) => driver !== undefined);
  return [...new Set(drivers)].map((driver): Setting => [`merge.${driver}.driver`, "false"]);
}

/**
 * The work tree that has base checked out and would change with it; null when none has.
 *
 * @throws EnactError REFUSED when it must not be changed
 */
export async function workTreeOf(repository: Repository, base: string, files: readonly ChangedFile[]): Promise<WorkTree | null> {
  const [tree, another] = (await workTrees(repository)).filter((each) => each.branch === base);
  if (tree === undefined || files.length === 0) return tree ?? null;
  if (!tree.plain) throw new EnactError("REFUSED", `'${base}' is being rebased or bisected in a work tree`);
  if (another !== undefined) throw new EnactError("REFUSED", `'${base}' is checked out in two work trees`);
  const { home, folder } = repository;
  if (!isInside(tree.path, folder) && tree.path !== repository.top && !isInside(tree.path, home.root)) {
    throw new EnactError("REFUSED", `'${base}' is checked out in a work tree outside of the configured repository, whose files would change`);
  }
  const hit = await protectedFile(tree.path, home.project, home.protect, files.map((file) => file.path));
  if (hit === null) return tree;
  throw new EnactError("REFUSED", `The merge would change '${plainWords(hit, 200)}' in the work tree, which the guard protects`, {
    hint: "Ask the person to do this merge: it changes the guard's own configuration or that of the agent's client.",
  });
}

/** The default branch, from the first configured remote that this repository has, asked live; without any, as remembered here. */
async function defaultsFor(scratch: Scratch, settings: readonly Configured[]): Promise<readonly string[] | NotKnown> {
  const { repository } = scratch;
  const known = new Set(lines(expectDone(await look(repository, ["remote"]), "listing remotes").stdout));
  const remote = repository.home.remotes.find((name) => known.has(name));
  if (remote === undefined) return localDefaults(repository, settings);
  try {
    const url = await fetchUrl(repository, remote, settings);
    return (await askRemote(remotesOf(scratch, settings), url)).defaults;
  } catch (error) {
    if (!(error instanceof EnactError) || error.code === "CANCELLED") throw error;
    return { why: `the default branch of '${remote}' could not be asked for: ${error.message}` };
  }
}

/** Without a remote: what a fetch remembered, what HEAD of a bare repository names, what new repositories are begun with. */
async function localDefaults(repository: Repository, settings: readonly Configured[]): Promise<string[]> {
  const remembered = await rememberedDefaults(repository);
  const initial = lastOf(settings, "init.defaultbranch");
  const ran = repository.top === null ? await look(repository, ["symbolic-ref", "-q", "HEAD"]) : null;
  const head = ran?.stdout.toString("utf8").trim().replace(/^refs\/heads\//, "") ?? "";
  return [...new Set([...remembered, head, initial ?? ""])].filter((name) => name !== "");
}
