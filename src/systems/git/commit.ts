import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { EnactError } from "../../errors.js";
import type { AddedSecret, SecretFinder } from "./added.js";
import { cleanMessage, draftCommit, emptyTree, nothingToCommit, refuseBusy, secretsIn } from "./commit-look.js";
import type { Draft } from "./commit-look.js";
import { copyIndex, inScratch, withScratch } from "./scratch.js";
import type { Scratch } from "./scratch.js";
import { changesBetween } from "./history.js";
import type { ChangedFile } from "./history.js";
import { messageFile, runHook } from "./hooks.js";
import { onIndex, withIndex } from "./index-lock.js";
import type { IndexEntry } from "./index-lock.js";
import type { NotKnown } from "./push-look.js";
import { headBranch, headCommit, refOf } from "./refs.js";
import { actingEnv, openRepository, placeOf } from "./repository.js";
import type { Home, Repository } from "./repository.js";
import { run } from "./run.js";
import type { Ran } from "./run.js";
import { isTrue, lastOf, readSettings } from "./settings.js";
import { complaint, plainWords, records } from "./words.js";

/** Plain JSON. */
export interface CommitStep {
  readonly repo: string;
  readonly git_dir: string;
  readonly paths: readonly string[];
  /** As git would clean it. */
  readonly message: string;
  readonly branch: string | null;
  readonly parent: string | null;
  readonly tree: string;
}

/** What the commit has become where filters or hooks had a hand in it. */
export interface MeasuredCommit {
  readonly tree: string;
  readonly message: string;
  readonly files: readonly ChangedFile[];
  readonly secrets: readonly AddedSecret[] | NotKnown;
}

export interface CommitJudge {
  readonly find: SecretFinder;
  /** Judges the commit again, as it has become. */
  judge(measured: MeasuredCommit): Promise<boolean>;
}

export interface Committed {
  readonly sha: string;
  readonly tree: string;
  readonly message: string;
  readonly files: readonly ChangedFile[];
}

/**
 * Makes the commit that was judged: the same tree, on the same parent, on the same branch.
 *
 * @returns null when a filter or a hook changed the commit and the changed one was not allowed; nothing was committed
 * @throws EnactError STALE_PLAN, ACTION_FAILED: nothing was committed
 */
export async function commit(home: Home, step: CommitStep, judge: CommitJudge): Promise<Committed | null> {
  const repository = await openRepository(home, step.repo);
  if (repository.gitDir !== step.git_dir) throw new EnactError("STALE_PLAN", "The repository is no longer the one that was judged");
  return withScratch(repository, async (scratch) => {
    const draft = await sameDraft(scratch, step);
    await bringIn(scratch, draft);
    const made = { tree: await realTree(repository, draft), message: step.message, files: draft.files };
    if (made.tree !== step.tree) {
      made.files = await changesBetween(scratch, step.parent ?? (await emptyTree(scratch)), made.tree);
      if (made.files.length === 0) throw nothingToCommit(step.paths);
    }
    await preCommit(scratch, draft, made.tree);
    made.message = await messageAfterHooks(scratch, step.message);
    if (made.tree !== step.tree || made.message !== step.message) {
      const secrets = await secretsIn(scratch, made, judge.find);
      if (!(await judge.judge({ ...made, secrets }))) return null;
    }
    const sha = await commitObject(scratch, step, made);
    await move(scratch, step, { sha, ...made }, await entriesOf(repository, draft));
    await runHook(repository, "post-commit").catch(() => undefined);
    return { sha, ...made };
  });
}

async function sameDraft(scratch: Scratch, step: CommitStep): Promise<Draft> {
  let draft: Draft;
  try {
    draft = await draftCommit(scratch, step.paths);
  } catch (error) {
    if (!(error instanceof EnactError) || error.code === "TIMEOUT") throw error;
    throw new EnactError("STALE_PLAN", `The files are no longer as they were judged: ${error.message}`);
  }
  if (draft.branch !== step.branch) throw new EnactError("STALE_PLAN", "Another branch is checked out now than was judged");
  if (draft.parent !== step.parent) throw new EnactError("STALE_PLAN", "The branch has moved on since it was judged");
  if (draft.tree !== step.tree) throw new EnactError("STALE_PLAN", "The files have changed since they were judged");
  return draft;
}

/** Copies the contents of the new files from the scratch repository into the real one. */
async function bringIn(scratch: Scratch, draft: Draft): Promise<void> {
  const blobs = draft.files.filter((file) => !/^0+$/.test(file.blob) && file.mode !== "160000").map((file) => file.blob);
  if (blobs.length === 0) return;
  const base = join(scratch.folder, "contents");
  const input = Buffer.from([...new Set(blobs)].map((sha) => `${sha}\n`).join(""));
  const packed = await inScratch(scratch, ["pack-objects", "--quiet", base], { input, milliseconds: 120_000 });
  if (packed.code !== 0) throw new EnactError("ACTION_FAILED", `The files cannot be stored: ${complaint(packed.stderr)}`);
  const inputFile = `${base}-${packed.stdout.toString("latin1").trim()}.pack`;
  const { repository } = scratch;
  const unpacked = await run({ args: ["unpack-objects", "-q"], cwd: placeOf(repository), env: actingEnv(repository), inputFile, milliseconds: 120_000 });
  if (unpacked.code !== 0) throw new EnactError("ACTION_FAILED", `The files cannot be stored: ${complaint(unpacked.stderr)}`);
}

/** The tree of the commit in the real repository, after the filter drivers that the files have. */
async function realTree(repository: Repository, draft: Draft): Promise<string> {
  if (draft.filtered.length > 0) {
    const none = "0".repeat(repository.format === "sha256" ? 64 : 40);
    const out = Buffer.from(draft.filtered.map((path) => `0 ${none}\t${path}\0`).join(""), "latin1");
    const back = Buffer.from(draft.filtered.map((path) => `${path}\0`).join(""), "latin1");
    const removed = await onIndex(repository, draft.index, ["update-index", "-z", "--index-info"], out);
    const added = await onIndex(repository, draft.index, ["update-index", "--add", "-z", "--stdin"], back);
    if (removed.code !== 0 || added.code !== 0) throw new EnactError("ACTION_FAILED", `A filter (${draft.filters.join(", ")}) failed: ${complaint(added.stderr)}`);
  }
  return treeOf(repository, draft.index);
}

async function treeOf(repository: Repository, index: string): Promise<string> {
  const ran = await onIndex(repository, index, ["write-tree"]);
  if (ran.code !== 0) throw new EnactError("ACTION_FAILED", `The tree cannot be stored: ${complaint(ran.stderr)}`);
  return ran.stdout.toString("latin1").trim();
}

/** What the hooks of this commit see as the index: the parent's tree with the committed paths laid over it. */
function hookIndex(scratch: Scratch): string {
  return join(scratch.folder, "hook-index");
}

/** The pre-commit hook sees the index of this very commit, as under `git commit -- <paths>`. It may refuse, not change. */
async function preCommit(scratch: Scratch, draft: Draft, tree: string): Promise<void> {
  const { repository } = scratch;
  const index = hookIndex(scratch);
  await copyIndex(draft.index, index);
  await onIndex(repository, index, ["update-index", "-q", "--refresh"]);
  await runHook(repository, "pre-commit", { variables: { GIT_INDEX_FILE: index } });
  if ((await treeOf(repository, index)) === tree) return;
  throw new EnactError("ACTION_FAILED", "The repository's pre-commit hook changed the files of the commit, and nobody has judged those", {
    hint: "Call again: the files are judged as the hook left them.",
  });
}

async function messageAfterHooks(scratch: Scratch, message: string): Promise<string> {
  const { repository } = scratch;
  const file = await messageFile(scratch, message);
  const variables = { GIT_INDEX_FILE: hookIndex(scratch) };
  await runHook(repository, "prepare-commit-msg", { args: [file, "message"], variables });
  await runHook(repository, "commit-msg", { args: [file], variables });
  const left = await readFile(file, "utf8");
  if (left === message) return message;
  return cleanMessage(scratch, left).catch(() => {
    throw new EnactError("ACTION_FAILED", "The repository's commit-msg hook left no message");
  });
}

async function commitObject(scratch: Scratch, step: CommitStep, made: { tree: string; message: string }): Promise<string> {
  const { repository } = scratch;
  const signs = isTrue(lastOf(await readSettings(repository), "commit.gpgsign"));
  const parents = step.parent === null ? [] : ["-p", step.parent];
  const args = ["-c", "i18n.commitEncoding=UTF-8", "-c", "user.useConfigOnly=true", "commit-tree", ...parents, ...(signs ? ["-S"] : []), "-F", "-", made.tree];
  const ran = await act(repository, args, Buffer.from(made.message));
  const sha = ran.stdout.toString("latin1").trim();
  if (ran.code !== 0 || sha === "") throw new EnactError("ACTION_FAILED", `The commit cannot be made: ${complaint(ran.stderr)}`);
  return sha;
}

/** What the commit has at the paths that it covers: the index follows there, also where something else had been staged. */
async function entriesOf(repository: Repository, draft: Draft): Promise<IndexEntry[]> {
  const ran = await onIndex(repository, draft.index, ["ls-files", "-z", "-s"]);
  if (ran.code !== 0) throw new EnactError("ACTION_FAILED", `The commit cannot be read: ${complaint(ran.stderr)}`);
  const touched = new Set(draft.touched);
  const entries = new Map<string, IndexEntry>(draft.touched.map((path) => [path, { path, entry: null }]));
  for (const line of records(ran.stdout)) {
    // "<mode> <sha> <stage> TAB <path>"
    const entry = line.slice(0, line.indexOf("\t"));
    const path = line.slice(line.indexOf("\t") + 1);
    if (touched.has(path)) entries.set(path, { path, entry: entry.slice(0, entry.lastIndexOf(" ")) });
  }
  return [...entries.values()];
}

/** Moves the branch from the judged parent to the commit, and the committed paths of the index with it. */
async function move(scratch: Scratch, step: CommitStep, made: Committed, entries: readonly IndexEntry[]): Promise<void> {
  const { repository, folder } = scratch;
  await withIndex(repository, folder, entries, async () => {
    await refuseBusy(repository);
    if ((await headBranch(repository)) !== step.branch || (await headCommit(repository)) !== step.parent) {
      throw new EnactError("STALE_PLAN", "The branch has moved on since it was judged");
    }
    const none = "0".repeat(repository.format === "sha256" ? 64 : 40);
    const [subject = ""] = made.message.split("\n");
    const reason = `commit${step.parent === null ? " (initial)" : ""}: ${plainWords(subject, 200)}`;
    const target = step.branch === null ? ["--no-deref", "HEAD"] : [refOf(step.branch)];
    const ran = await act(repository, ["update-ref", "--create-reflog", "-m", reason, ...target, made.sha, step.parent ?? none]);
    if (ran.code === 0) return;
    const moved = (await headCommit(repository)) !== step.parent;
    throw new EnactError(moved ? "STALE_PLAN" : "ACTION_FAILED", moved ? "The branch has moved on since it was judged" : `The branch cannot be moved: ${complaint(ran.stderr)}`);
  });
}

function act(repository: Repository, args: readonly string[], input?: Buffer): Promise<Ran> {
  const command = { args, cwd: placeOf(repository), env: actingEnv(repository), milliseconds: 120_000 };
  return run(input === undefined ? command : { ...command, input });
}
