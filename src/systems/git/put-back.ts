import { EnactError } from "../../errors.js";
import { moveHeld } from "./held-ref.js";
import { changesBetween } from "./history.js";
import type { ChangedFile } from "./history.js";
import { runHook } from "./hooks.js";
import { withIndex } from "./index-lock.js";
import type { IndexEntry } from "./index-lock.js";
import { refuseBusy } from "./commit-look.js";
import { workTreeOf } from "./merge-look.js";
import { moveFiles } from "./move-files.js";
import { headBranch, refOf, tipOf } from "./refs.js";
import { actingEnv, look, openRepository, placeOf } from "./repository.js";
import type { Home, Repository } from "./repository.js";
import { run } from "./run.js";
import type { Ran } from "./run.js";
import { withScratch } from "./scratch.js";
import { isTrue, lastOf, readSettings } from "./settings.js";
import { revertedTree } from "./undo-look.js";
import { complaint, plainWords, records } from "./words.js";

/** Plain JSON. */
export interface CreateStep {
  readonly repo: string;
  readonly git_dir: string;
  readonly branch: string;
  readonly tip: string;
  readonly settings: readonly (readonly [key: string, value: string])[];
}

/** Makes a local branch at a commit, with the settings that it had. @throws EnactError STALE_PLAN when there is one by now */
export async function createLocal(home: Home, step: CreateStep): Promise<void> {
  const repository = await sameRepository(home, step);
  const none = "0".repeat(repository.format === "sha256" ? 64 : 40);
  const ran = await act(repository, ["update-ref", "--no-deref", "--create-reflog", "-m", "branch: brought back by the guard", refOf(step.branch), step.tip, none]);
  if (ran.code !== 0) {
    const there = await tipOf(repository, step.branch).catch(() => null);
    if (there !== null) throw new EnactError("STALE_PLAN", `There is a branch '${plainWords(step.branch)}' again by now`);
    throw new EnactError("ACTION_FAILED", `The branch cannot be made: ${complaint(ran.stderr)}`);
  }
  for (const [key, value] of step.settings) await act(repository, ["config", "--local", "--add", `branch.${step.branch}.${key}`, value]);
}

/** Plain JSON. */
export interface MoveBackStep {
  readonly repo: string;
  readonly git_dir: string;
  readonly branch: string;
  readonly from: string;
  readonly to: string;
}

/**
 * Moves a local branch back, with the work tree that has it checked out; if a changed file is in the way, nothing happens.
 * @throws EnactError STALE_PLAN, REFUSED, ACTION_FAILED: the branch has not moved
 */
export async function moveBack(home: Home, step: MoveBackStep): Promise<void> {
  const repository = await sameRepository(home, step);
  if ((await tipOf(repository, step.branch)) !== step.from) throw new EnactError("STALE_PLAN", `'${plainWords(step.branch)}' has moved on since it was judged`);
  await withScratch(repository, async (scratch) => {
    const files = await changesBetween(scratch, step.from, step.to);
    const tree = await workTreeOf(repository, step.branch, files);
    const place = tree?.path ?? placeOf(repository);
    const held = { place, ref: refOf(step.branch), from: step.from, to: step.to, reason: "reset: moved back by the guard" };
    await moveHeld(repository, held, async () => {
      if (tree !== null) await moveFiles(repository, tree.path, { from: step.from, to: step.to, files });
    });
  });
}

/** Plain JSON. */
export interface RevertStep {
  readonly repo: string;
  readonly git_dir: string;
  readonly branch: string;
  /** The commit that is taken back. */
  readonly sha: string;
  readonly tip: string;
  readonly tree: string;
  readonly message: string;
}

/**
 * Takes a commit back by a new one on top. The files of the work tree stay as they are, as they did when the commit was
 * made: they show as changed again. The index follows where it holds what the branch holds.
 *
 * @returns the sha of the new commit
 * @throws EnactError STALE_PLAN, ACTION_FAILED: the branch has not moved
 */
export async function revert(home: Home, step: RevertStep): Promise<string> {
  const repository = await sameRepository(home, step);
  if ((await tipOf(repository, step.branch)) !== step.tip) throw new EnactError("STALE_PLAN", `'${plainWords(step.branch)}' has moved on since it was judged`);
  return withScratch(repository, async (scratch) => {
    const tree = await revertedTree(scratch, step.sha, step.tip, repository.objects);
    if (tree !== step.tree) throw new EnactError("STALE_PLAN", "Taking the commit back no longer gives what was judged");
    const sha = await revertCommit(repository, step);
    if ((await headBranch(repository)) !== step.branch) {
      await moveRef(repository, step, sha);
      return sha;
    }
    const entries = await entriesToMove(repository, await changesBetween(scratch, step.tip, tree));
    await withIndex(repository, scratch.folder, entries, async () => {
      await refuseBusy(repository);
      if ((await headBranch(repository)) !== step.branch) throw new EnactError("STALE_PLAN", "Another branch is checked out now than was judged");
      await moveRef(repository, step, sha);
    });
    await runHook(repository, "post-commit").catch(() => undefined);
    return sha;
  });
}

async function revertCommit(repository: Repository, step: RevertStep): Promise<string> {
  const signs = isTrue(lastOf(await readSettings(repository), "commit.gpgsign"));
  const args = ["-c", "i18n.commitEncoding=UTF-8", "-c", "user.useConfigOnly=true", "commit-tree", "-p", step.tip, ...(signs ? ["-S"] : []), "-F", "-", step.tree];
  const ran = await act(repository, args, Buffer.from(step.message));
  const sha = ran.stdout.toString("latin1").trim();
  if (ran.code !== 0 || sha === "") throw new EnactError("ACTION_FAILED", `The commit cannot be made: ${complaint(ran.stderr)}`);
  return sha;
}

async function moveRef(repository: Repository, step: RevertStep, sha: string): Promise<void> {
  const reason = `revert: ${plainWords(step.message.split("\n")[0] ?? "", 200)}`;
  const ran = await act(repository, ["update-ref", "--create-reflog", "-m", reason, refOf(step.branch), sha, step.tip]);
  if (ran.code === 0) return;
  const moved = (await tipOf(repository, step.branch).catch(() => null)) !== step.tip;
  throw new EnactError(moved ? "STALE_PLAN" : "ACTION_FAILED", moved ? `'${plainWords(step.branch)}' has moved on since it was judged` : `The branch cannot be moved: ${complaint(ran.stderr)}`);
}

/** Where something else is staged by now than the branch holds, the index stays as it is. */
async function entriesToMove(repository: Repository, files: readonly ChangedFile[]): Promise<IndexEntry[]> {
  const staged = new Map<string, string>();
  const ran = await look(repository, ["ls-files", "-z", "-s"], { bytes: 256 * 1024 * 1024 });
  for (const line of records(ran.stdout)) {
    // "<mode> <sha> <stage> TAB <path>"
    const [, sha = "", stage] = line.slice(0, line.indexOf("\t")).split(" ");
    if (stage === "0") staged.set(line.slice(line.indexOf("\t") + 1), sha);
  }
  return files
    .filter(({ path, before: [before] }) => (isGone(before) ? !staged.has(path) : staged.get(path) === before))
    .map(({ path, mode, blob }) => ({ path, entry: isGone(blob) ? null : `${mode} ${blob}` }));
}

function isGone(blob: string | undefined): boolean {
  return blob === undefined || /^0+$/.test(blob);
}

async function sameRepository(home: Home, step: { readonly repo: string; readonly git_dir: string }): Promise<Repository> {
  const repository = await openRepository(home, step.repo);
  if (repository.gitDir !== step.git_dir) throw new EnactError("STALE_PLAN", "The repository is no longer the one that was judged");
  return repository;
}

function act(repository: Repository, args: readonly string[], input?: Buffer): Promise<Ran> {
  const command = { args, cwd: placeOf(repository), env: actingEnv(repository), milliseconds: 120_000 };
  return run(input === undefined ? command : { ...command, input });
}
