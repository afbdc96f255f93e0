import { chmod, open, rename, rm, stat } from "node:fs/promises";
import { devNull } from "node:os";
import { join } from "node:path";

import { EnactError } from "../../errors.js";
import { actingEnv, placeOf } from "./repository.js";
import type { Repository } from "./repository.js";
import { run } from "./run.js";
import type { Ran } from "./run.js";
import { copyIndex } from "./scratch.js";
import { complaint } from "./words.js";

/** An entry of an index: "<mode> <sha>", or null to leave the path out. */
export interface IndexEntry {
  /** A byte string. */
  readonly path: string;
  readonly entry: string | null;
}

/**
 * Changes some entries of the repository's index around an action, by git's own protocol: index.lock is taken first, so
 * that no other git can change index or branch meanwhile; it becomes the index when the action is done, and is thrown
 * away when it is not.
 *
 * @throws EnactError ACTION_FAILED when somebody else holds the lock
 */
export async function withIndex<Value>(
  repository: Repository,
  workshop: string,
  entries: readonly IndexEntry[],
  action: () => Promise<Value>,
): Promise<Value> {
  const index = join(repository.gitDir, "index");
  const lock = `${index}.lock`;
  await take(lock);
  try {
    const draft = join(workshop, "next-index");
    await copyIndex(index, draft);
    await apply(repository, draft, entries);
    await copyIndex(draft, lock);
    const mode = (await stat(index).catch(() => null))?.mode;
    if (mode !== undefined) await chmod(lock, mode & 0o777);
    const value = await action();
    await rename(lock, index);
    return value;
  } catch (error) {
    await rm(lock, { force: true });
    throw error;
  }
}

async function take(lock: string): Promise<void> {
  try {
    await (await open(lock, "wx", 0o666)).close();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === "EEXIST" ? "another git is working in the repository (index.lock exists)" : `its index cannot be locked (${code ?? "unknown error"})`;
    throw new EnactError("ACTION_FAILED", `Nothing was committed: ${why}`, {
      hint: "Try again when the other git is done. If none runs, a crash left the lock behind: the person may remove it.",
    });
  }
}

async function apply(repository: Repository, draft: string, entries: readonly IndexEntry[]): Promise<void> {
  const none = "0".repeat(repository.format === "sha256" ? 64 : 40);
  const input = Buffer.from(entries.map(({ path, entry }) => `${entry ?? `0 ${none}`}\t${path}\0`).join(""), "latin1");
  const ran = await onIndex(repository, draft, ["update-index", "-z", "--index-info"], input);
  if (ran.code !== 0) throw new EnactError("ACTION_FAILED", `The index cannot be written: ${complaint(ran.stderr)}`);
  // Without this every entry would look changed until the next git status.
  await onIndex(repository, draft, ["update-index", "-q", "--refresh"]);
}

/** Runs git on another index than the repository's; hooks for index changes are not for that. */
export function onIndex(repository: Repository, index: string, args: readonly string[], input?: Buffer): Promise<Ran> {
  const env = actingEnv(repository, [
    ["core.splitIndex", "false"],
    ["core.fsmonitor", "false"],
    ["core.hooksPath", devNull],
    ["hook.post-index-change.enabled", "false"],
  ]);
  return run({
    args,
    cwd: placeOf(repository),
    env: { ...env, GIT_INDEX_FILE: index },
    milliseconds: 120_000,
    ...(input === undefined ? {} : { input }),
  });
}
