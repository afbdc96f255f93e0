import { lstat, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { programsOf } from "./programs.js";

/** `enact-git-<name of the process>-<six characters>`; see withScratch. */
const OURS = /^enact-git-(?:([0-9a-f]{12})-)?[A-Za-z0-9]{6}$/;
/** Nothing here takes as long: what is older was left by a process that was killed, whoever that was. */
const OLD_MS = 24 * 60 * 60 * 1000;

export interface Sweeping {
  /** Whether the process of this name has ended for certain; see Ledger.executorOf. */
  readonly isGone: (processName: string) => Promise<boolean>;
}

/** The beginning of the name of a scratch folder. */
export function scratchPrefix(processName: string | undefined): string {
  return join(tmpdir(), processName === undefined ? "enact-git-" : `enact-git-${processName}-`);
}

/**
 * Removes the scratch folders that killed guards have left behind. Not while a program that they started still runs: a push
 * asks the gate in its folder whether it is what was judged.
 */
export async function sweepScratch({ isGone }: Sweeping): Promise<void> {
  const names = await readdir(tmpdir()).catch(() => []);
  for (const name of names) {
    const found = OURS.exec(name);
    if (found === null) continue;
    const path = join(tmpdir(), name);
    if (await mayGo(path, found[1], isGone)) await rm(path, { recursive: true, force: true }).catch(() => undefined);
  }
}

async function mayGo(path: string, processName: string | undefined, isGone: Sweeping["isGone"]): Promise<boolean> {
  const stats = await lstat(path).catch(() => null);
  const isOwn = stats?.isDirectory() === true && (process.getuid === undefined || stats.uid === process.getuid());
  if (stats === null || !isOwn) return false;
  if (Date.now() - stats.mtimeMs > OLD_MS) return true;
  if (processName === undefined || !(await isGone(processName).catch(() => false))) return false;
  return (await programsOf(processName))?.length === 0;
}
