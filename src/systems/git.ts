import type { SecretFinder } from "./git/added.js";
import { lookAtCommit } from "./git/commit-look.js";
import type { CommitPlanLook, CommitQuestion } from "./git/commit-look.js";
import { commit } from "./git/commit.js";
import type { CommitJudge, CommitStep, Committed } from "./git/commit.js";
import { deleteLocal, lookAtLocalDelete, lookAtRemoteDelete } from "./git/delete-branch.js";
import type { Deleted, DeleteLook, DeleteStep } from "./git/delete-branch.js";
import { cleanEnvironment } from "./git/environment.js";
import { hooksFolder } from "./git/hooks.js";
import { bringBack } from "./git/keep.js";
import type { PackKeeper } from "./git/keep.js";
import type { ChangedFile } from "./git/history.js";
import { lookAtMerge } from "./git/merge-look.js";
import type { MergeLook } from "./git/merge-look.js";
import { merge } from "./git/merge.js";
import type { Merged, MergeStep } from "./git/merge.js";
import { lookAtPush } from "./git/push-look.js";
import type { PushLook, PushQuestion } from "./git/push-look.js";
import { push } from "./git/push.js";
import type { PushOutcome, PushStep } from "./git/push.js";
import { createLocal, moveBack, revert } from "./git/put-back.js";
import type { CreateStep, MoveBackStep, RevertStep } from "./git/put-back.js";
import { reachRemote } from "./git/reach.js";
import { openRepository } from "./git/repository.js";
import type { Home, Repository } from "./git/repository.js";
import { lookAtLocalTip, lookAtMoveBack, lookAtRemoteTips, lookAtRevert } from "./git/undo-look.js";
import type { LocalTip, RemoteTips, RevertLook } from "./git/undo-look.js";
import { lookAtDescent, lookAtIndex, lookAtSuccessors } from "./git/settle-look.js";
import type { Successors } from "./git/settle-look.js";
import { sweepScratch } from "./git/sweep.js";
import { programsOf } from "./git/programs.js";
import { shownBytes } from "./git/words.js";

export type { AddedSecret, SecretFinder } from "./git/added.js";
export type { CommitPlanLook, CommitQuestion } from "./git/commit-look.js";
export type { CommitJudge, CommitStep, Committed, MeasuredCommit } from "./git/commit.js";
export type { DeleteLook, DeleteStep } from "./git/delete-branch.js";
export type { PackKeeper } from "./git/keep.js";
export type { CreateStep, MoveBackStep, RevertStep } from "./git/put-back.js";
export type { ChangedFile, CommitLook } from "./git/history.js";
export type { MergeLook } from "./git/merge-look.js";
export type { Merged, MergeStep } from "./git/merge.js";
export type { DestinationLook, LostCommit, NotKnown, PushLook, PushQuestion, Update } from "./git/push-look.js";
export type { Successor, Successors } from "./git/settle-look.js";
export type { PushOutcome, PushStep } from "./git/push.js";

export interface GitOptions {
  /** Absolute: the folder of enact.yaml. */
  readonly project: string;
  /** Absolute: the configured repository. */
  readonly repo: string;
  /** Names of remotes that may be used. */
  readonly remotes: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute paths, beyond those that are always protected, that a merge must not change in a work tree. */
  readonly protect?: readonly string[];
  /** The name that programs started by this process carry in their environment. */
  readonly processName?: string;
  /** Whether the process of such a name has ended for certain: what it left behind is then removed. */
  readonly isGone?: (processName: string) => Promise<boolean>;
}

/** The repository that a call names, as a plan shows and remembers it. */
export interface Named {
  /** Relative to the configured repository. */
  readonly repo: string;
  readonly gitDir: string;
}

/** Which repository, and until when. */
export interface Where {
  /** As the call has it: "." or a path below the configured repository. */
  readonly repo: string;
  readonly signal?: AbortSignal | undefined;
}

/** Looks. Runs no hook and no program of the repository, and changes nothing: no ref, index, lock, object or time stamp. */
export interface GitReader {
  push(where: Where, question: PushQuestion, find: SecretFinder): Promise<PushLook & Named>;
  commit(where: Where, question: CommitQuestion, find: SecretFinder): Promise<CommitPlanLook & Named>;
  /** `remote` null: the local branch. */
  deleteBranch(where: Where, remote: string | null, branch: string): Promise<DeleteLook & Named>;
  merge(where: Where, base: string, head: string): Promise<MergeLook & Named>;
  /** Absolute folder of the hooks that a commit or push runs: core.hooksPath, or the repository's own. */
  hooks(where: Where): Promise<string>;
  /** Where a branch stands now at each push URL, and which of the commits are here: for undoing. */
  remoteTips(where: Where, remote: string, branch: string, shas: readonly string[]): Promise<RemoteTips & Named>;
  /** Likewise for a local branch. */
  localTip(where: Where, branch: string, shas: readonly string[]): Promise<LocalTip & Named>;
  /** Whether a local branch can be moved back. */
  moveBack(where: Where, branch: string, from: string, to: string): Promise<{ readonly files: readonly ChangedFile[]; readonly checkedOut: boolean } & Named>;
  /** What taking a commit back would do. */
  revert(where: Where, branch: string, sha: string): Promise<RevertLook & Named>;
  /** Whether one commit leads to another: for finding out what became of a run. */
  descent(where: Where, old: string, tip: string): Promise<{ readonly leads: boolean | null } & Named>;
  /** What was committed directly on a commit: likewise. `branch` null: where HEAD stands. */
  successors(where: Where, branch: string | null, parent: string | null): Promise<Successors & Named>;
  /** Whether the index of the work tree that has a branch checked out is that commit's; null when none has it. */
  indexAt(where: Where, branch: string, sha: string): Promise<{ readonly isAt: boolean | null } & Named>;
  /** Programs that a guard has started and that still run, by the name of its process; null where nobody can look. */
  programs(processName: string): Promise<readonly number[] | null>;
  /** How many branches a remote has, asked live: for enact-guard doctor. */
  reach(where: Where, remote: string): Promise<number>;
}

/** Acts, on what was looked at and nothing else. */
export interface GitWriter {
  /** Keeps commits that would be lost, where there is a keeper. */
  push(step: PushStep, keeper?: PackKeeper): Promise<readonly PushOutcome[]>;
  commit(step: CommitStep, judge: CommitJudge): Promise<Committed | null>;
  deleteLocal(step: DeleteStep, keeper?: PackKeeper): Promise<Deleted>;
  merge(step: MergeStep): Promise<Merged>;
  /** Takes a kept pack into the repository. */
  bringBack(where: { readonly repo: string; readonly git_dir: string }, pack: AsyncIterable<Uint8Array>): Promise<void>;
  createLocal(step: CreateStep): Promise<void>;
  moveBack(step: MoveBackStep): Promise<void>;
  /** Returns the sha of the commit that takes another one back. */
  revert(step: RevertStep): Promise<string>;
}

/** Opens nothing yet: git is asked when the first call comes. */
export function openGit(options: GitOptions): { readonly reader: GitReader; readonly writer: GitWriter } {
  const { isGone, processName } = options;
  let swept: Promise<void> | undefined;
  const home: Home = {
    processName,
    sweep: () => (swept ??= isGone === undefined ? Promise.resolve() : sweepScratch({ isGone })),
    project: options.project,
    root: options.repo,
    remotes: options.remotes,
    env: cleanEnvironment(options.env, processName),
    locale: options.env["LC_ALL"],
    protect: options.protect ?? [],
  };
  return { reader: readerOf(home), writer: writerOf(home) };
}

function readerOf(home: Home): GitReader {
  const at = async <Look>(where: Where, look: (repository: Repository) => Promise<Look>): Promise<Look & Named> => {
    const repository = await openRepository(home, where.repo, where.signal);
    return { ...(await look(repository)), repo: repository.shown, gitDir: repository.gitDir };
  };
  return {
    push: (where, question, find) => at(where, (repository) => lookAtPush(repository, question, find)),
    commit: (where, question, find) => at(where, (repository) => lookAtCommit(repository, question, find)),
    deleteBranch: (where, remote, branch) =>
      at(where, (repository) => (remote === null ? lookAtLocalDelete(repository, branch) : lookAtRemoteDelete(repository, remote, branch))),
    merge: (where, base, head) => at(where, (repository) => lookAtMerge(repository, base, head)),
    remoteTips: (where, remote, branch, shas) => at(where, (repository) => lookAtRemoteTips(repository, remote, branch, shas)),
    localTip: (where, branch, shas) => at(where, (repository) => lookAtLocalTip(repository, branch, shas)),
    moveBack: (where, branch, from, to) => at(where, (repository) => lookAtMoveBack(repository, branch, from, to)),
    revert: (where, branch, sha) => at(where, (repository) => lookAtRevert(repository, branch, sha)),
    descent: (where, old, tip) => at(where, (repository) => lookAtDescent(repository, old, tip)),
    successors: (where, branch, parent) => at(where, (repository) => lookAtSuccessors(repository, branch, parent)),
    indexAt: (where, branch, sha) => at(where, (repository) => lookAtIndex(repository, branch, sha)),
    programs: programsOf,
    hooks: async (where) => hooksFolder(await openRepository(home, where.repo, where.signal)),
    reach: async (where, remote) => reachRemote(await openRepository(home, where.repo, where.signal), remote),
  };
}

function writerOf(home: Home): GitWriter {
  return {
    push: (step, keeper) => push(home, step, keeper),
    commit: (step, judge) => commit(home, step, judge),
    deleteLocal: (step, keeper) => deleteLocal(home, step, keeper),
    merge: (step) => merge(home, step),
    bringBack: (where, pack) => bringBack(home, where, pack),
    createLocal: (step) => createLocal(home, step),
    moveBack: (step) => moveBack(home, step),
    revert: (step) => revert(home, step),
  };
}

/** A path as git has it (bytes, one character each) as a person reads it. */
export function shownPath(path: string): string {
  return shownBytes(path);
}
