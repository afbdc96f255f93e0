import { stat } from "node:fs/promises";
import { join } from "node:path";

import { EnactError } from "../../errors.js";
import { addedSecrets } from "./added.js";
import type { AddedSecret, SecretFinder } from "./added.js";
import { changedPaths } from "./commit-changes.js";
import type { ChangedPaths } from "./commit-changes.js";
import { treePaths } from "./commit-paths.js";
import { changesBetween } from "./history.js";
import type { ChangedFile } from "./history.js";
import type { NotKnown } from "./push-look.js";
import { headBranch, headCommit, rememberedDefaults } from "./refs.js";
import { look } from "./repository.js";
import type { Repository } from "./repository.js";
import { copyIndex, inScratch, withScratch } from "./scratch.js";
import type { Scratch } from "./scratch.js";
import { readSettings } from "./settings.js";
import { complaint, expectDone, plainWords, records } from "./words.js";
import { driversOf, openWorkshop } from "./workshop.js";
import type { Workshop } from "./workshop.js";

export interface CommitQuestion {
  readonly message: string;
  readonly paths: readonly string[];
}

export interface CommitPlanLook {
  readonly branch: string | null;
  readonly parent: string | null;
  readonly tree: string;
  /** As git would clean it. */
  readonly message: string;
  readonly author: string;
  readonly files: readonly ChangedFile[];
  readonly secrets: readonly AddedSecret[] | NotKnown;
  /** Filter drivers that git will run on these files. */
  readonly filters: readonly string[];
  readonly defaults: readonly string[];
}

/** Finds out what a commit of these paths would be. Neither index nor objects of the repository are touched. */
export async function lookAtCommit(repository: Repository, question: CommitQuestion, find: SecretFinder): Promise<CommitPlanLook> {
  const author = await authorOf(repository);
  return withScratch(repository, async (scratch) => {
    const message = await cleanMessage(scratch, question.message);
    const draft = await draftCommit(scratch, question.paths);
    const secrets = await secretsIn(scratch, { message, files: draft.files }, find);
    return { ...draft, message, author, secrets, defaults: await rememberedDefaults(repository) };
  });
}

export async function secretsIn(scratch: Scratch, commit: { message: string; files: readonly ChangedFile[] }, find: SecretFinder): Promise<readonly AddedSecret[] | NotKnown> {
  const found = await addedSecrets(scratch, [{ commit: null, ...commit }], find);
  return typeof found === "string" ? { why: found } : found;
}

/** A commit in the making: an index and a tree in the scratch repository, made from the files as they are now. */
export interface Draft {
  readonly branch: string | null;
  readonly parent: string | null;
  readonly tree: string;
  readonly files: readonly ChangedFile[];
  readonly filters: readonly string[];
  /** Paths among `files` that pass through a filter: byte strings. */
  readonly filtered: readonly string[];
  /** All paths that were looked at because something about them differs, staged or not: byte strings. */
  readonly touched: readonly string[];
  /** The index of the commit, in the scratch repository. */
  readonly index: string;
}

/**
 * Makes the tree that a commit of these paths would have: the parent's, with the paths as they are in the work tree.
 *
 * No filter driver runs: a file that has one goes in as it lies there, and is judged as that. When the commit is really
 * made, the drivers run, and what they made of the files is judged again.
 *
 * @throws EnactError INVALID_INPUT when nothing would change, NOT_FOUND for a path that is not there, REFUSED
 */
export async function draftCommit(scratch: Scratch, paths: readonly string[]): Promise<Draft> {
  const { repository } = scratch;
  const { top } = repository;
  if (top === null) throw new EnactError("REFUSED", "A bare repository has no files to commit");
  await refuseBusy(repository);
  const specs = await treePaths(repository, top, paths);
  const [branch, parent, settings] = [await headBranch(repository), await headCommit(repository), await readSettings(repository)];
  const workshop = await openWorkshop(scratch, top, settings);
  const before = parent === null ? await emptyTree(scratch) : parent;
  const changed = await changedPaths(workshop, { specs, before });
  const index = await fillIndex(workshop, parent, changed);
  const written = await workshop.git(["write-tree", "--missing-ok"], { alone: true, variables: { GIT_INDEX_FILE: index } });
  const tree = expectDone(written, "making the tree").stdout.toString("latin1").trim();
  const files = await changesBetween(scratch, before, tree);
  if (files.length === 0) throw nothingToCommit(paths);
  const filtered = await filteredFiles(workshop, files);
  const filters = [...new Set(filtered.map((file) => file.filter))];
  return { branch, parent, tree, files, index, filters, filtered: filtered.map((file) => file.path), touched: [...changed.there, ...changed.gone] };
}

export function nothingToCommit(paths: readonly string[]): EnactError {
  const shown = paths.slice(0, 5).map((path) => `'${plainWords(path, 100)}'`).join(", ");
  return new EnactError("INVALID_INPUT", `There is nothing to commit in ${shown}: it is as in the last commit`);
}

async function filteredFiles(workshop: Workshop, files: readonly ChangedFile[]): Promise<{ path: string; filter: string }[]> {
  const drivers = new Set(driversOf(workshop.settings));
  const present = files.filter((file) => !/^0+$/.test(file.blob) && file.mode !== "160000" && file.mode !== "120000");
  if (drivers.size === 0 || present.length === 0) return [];
  const input = Buffer.from(present.map((file) => `${file.path}\0`).join(""), "latin1");
  const ran = expectDone(await workshop.git(["check-attr", "-z", "--stdin", "filter"], { input }), "reading attributes");
  const parts = records(ran.stdout);
  const found: { path: string; filter: string }[] = [];
  for (let index = 0; index + 2 < parts.length; index += 3) {
    const filter = Buffer.from(parts[index + 2] ?? "", "latin1").toString("utf8");
    if (drivers.has(filter)) found.push({ path: parts[index] ?? "", filter });
  }
  return found;
}

/** The parent's tree as an index, with the changed paths laid over it. */
async function fillIndex(workshop: Workshop, parent: string | null, changed: ChangedPaths): Promise<string> {
  const { folder } = workshop.scratch;
  const index = join(folder, "commit-index");
  const variables = { GIT_INDEX_FILE: index };
  if (parent !== null) {
    // Starting from the real index keeps what is known about unchanged files, so that they need not be read again.
    const copied = await copyIndex(join(folder, "index"), index);
    expectDone(await workshop.git(["read-tree", ...(copied ? ["-m"] : []), parent], { variables }), "reading the last commit");
  }
  const gone = changed.gone.map((path) => `0 ${"0".repeat(workshop.scratch.repository.format === "sha256" ? 64 : 40)}\t${path}\0`);
  expectDone(await workshop.git(["update-index", "-z", "--index-info"], { alone: true, variables, input: bytesOf(gone) }), "leaving out deleted files");
  const add = ["update-index", "--add", "--remove", "--replace", "-z", "--stdin"];
  const ran = await workshop.git(add, { alone: true, variables, input: bytesOf(changed.there.map((path) => `${path}\0`)) });
  if (ran.code !== 0 && ran.stopped === null) throw new EnactError("REFUSED", `git does not take these files: ${complaint(ran.stderr)}`);
  expectDone(ran, "reading the files");
  return index;
}

function bytesOf(parts: readonly string[]): Buffer {
  return Buffer.from(parts.join(""), "latin1");
}

export async function emptyTree(scratch: Scratch): Promise<string> {
  const ran = await inScratch(scratch, ["mktree"], { alone: true, input: Buffer.alloc(0) });
  return expectDone(ran, "making an empty tree").stdout.toString("latin1").trim();
}

const BUSY: readonly (readonly [file: string, what: string])[] = [
  ["MERGE_HEAD", "a merge"],
  ["CHERRY_PICK_HEAD", "a cherry-pick"],
  ["REVERT_HEAD", "a revert"],
  ["rebase-merge", "a rebase"],
  ["rebase-apply", "a rebase"],
];

/** As git commit with paths: not in the middle of something that will make a commit of its own. */
export async function refuseBusy(repository: Repository): Promise<void> {
  for (const [file, what] of BUSY) {
    const there = await stat(join(repository.gitDir, file)).catch(() => null);
    if (there !== null) throw new EnactError("REFUSED", `The repository is in the middle of ${what}`, { hint: `Finish or abort ${what} first.` });
  }
}

/** The message as `git commit -m` stores it. */
export async function cleanMessage(scratch: Scratch, message: string): Promise<string> {
  const ran = await inScratch(scratch, ["stripspace"], { input: Buffer.from(message) });
  const clean = expectDone(ran, "reading the message").stdout.toString("utf8");
  if (clean.trim() === "") throw new EnactError("INVALID_INPUT", "The message of a commit cannot be empty");
  return clean;
}

async function authorOf(repository: Repository): Promise<string> {
  for (const who of ["GIT_COMMITTER_IDENT", "GIT_AUTHOR_IDENT"]) {
    const ran = await look(repository, ["-c", "user.useConfigOnly=true", "var", who]);
    if (ran.code === 0) {
      if (who === "GIT_AUTHOR_IDENT") return plainWords(ran.stdout.toString("utf8").replace(/ \d+ [+-]\d{4}\n?$/, ""), 300);
    } else if (ran.stopped === null) {
      throw new EnactError("REFUSED", "git does not know who commits: user.name or user.email is not set", {
        hint: 'Set them: git config user.name "…" and git config user.email "…".',
      });
    }
    expectDone(ran, "reading who commits");
  }
  throw new EnactError("INTERNAL", "git did not say who commits");
}
