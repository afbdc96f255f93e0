import { randomBytes } from "node:crypto";
import { closeSync, constants, fsyncSync, linkSync, lstatSync, mkdirSync, openSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setImmediate as breathe } from "node:timers/promises";

import { EnactError } from "../../errors.js";

/** A run in the store. */
export interface KeptRun {
  readonly runId: string;
  readonly folder: string;
  /** On disk, sealed. */
  readonly bytes: number;
  /** When the last piece was kept, in milliseconds. */
  readonly modified: number;
}

const NEW = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const FOLDER = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
const SUFFIX = ".sealed";
const READ_BYTES = 1024 * 1024;
/** Runs counted before other work gets its turn. */
const BREATH = 200;

/** A run's id comes from outside too, and must never become a path. */
export function isRunId(text: string): boolean {
  return /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/u.test(text);
}

/** Names come from tools, not from calls; still they become no path. */
export function pieceFile(folder: string, name: string): string {
  if (!/^[a-z0-9][a-z0-9_-]{0,99}$/u.test(name)) throw new EnactError("INTERNAL", "A piece for undoing needs a name of a-z, 0-9, '-' and '_'");
  return join(folder, name + SUFFIX);
}

/**
 * When a run's folder was last changed, in milliseconds; undefined when there is none. It and those above it up to `.enact`
 * must be folders of this user that others cannot change.
 * @throws EnactError UNDO_UNAVAILABLE for a link, a FIFO or whatever else is in its place
 */
export function lastKept(folder: string): number | undefined {
  for (const path of [dirname(dirname(folder)), dirname(folder)]) if (checkFolder(path) === undefined) return undefined;
  return checkFolder(folder);
}

/** Makes the run's folder and those above it (0700), each durable in its parent. */
export function makeFolders(folder: string): void {
  const state = dirname(dirname(folder));
  for (const path of [state, dirname(folder), folder]) {
    if (checkFolder(path) !== undefined) continue;
    mkdirSync(path, { mode: 0o700 });
    syncFolder(dirname(path));
    if (path === state) ignoreForGit(path);
  }
}

/** As the ledger does when it comes first. */
function ignoreForGit(state: string): void {
  try {
    const file = openSync(join(state, ".gitignore"), NEW, 0o600);
    writeFileSync(file, "*\n");
    closeSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

function checkFolder(path: string): number | undefined {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return undefined;
  const isOurs = process.getuid === undefined || stats.uid === process.getuid();
  const isClosed = process.platform === "win32" || (stats.mode & 0o022) === 0;
  if (stats.isDirectory() && isOurs && isClosed) return stats.mtimeMs;
  const why = stats.isDirectory() ? "belongs to another user, or others may change it" : "is no folder";
  const hint = "What undoing needs is kept there: find out who put it there, and move it away.";
  throw new EnactError("UNDO_UNAVAILABLE", `${path} ${why}`, { hint });
}

/** What the folder holds, sealed sizes. Drafts of interrupted runs are none. */
export function piecesIn(folder: string): readonly { readonly name: string; readonly size: number }[] {
  const names = readdirSync(folder).filter((name) => name.endsWith(SUFFIX)).toSorted();
  return names.map((name) => ({ name: name.slice(0, -SUFFIX.length), size: regularSize(join(folder, name)) }));
}

function regularSize(path: string): number {
  const stats = lstatSync(path);
  if (stats.isFile()) return stats.size;
  throw new EnactError("TAMPERED", `${path} is no regular file, so it is not what was kept`);
}

/** Writes a piece whole or not at all. @returns its size on disk */
export async function writePiece(folder: string, path: string, sealed: AsyncIterable<Uint8Array>): Promise<number> {
  const draft = join(folder, `.${basename(path)}.${randomBytes(8).toString("hex")}`);
  const file = await open(draft, NEW, 0o600);
  let size = 0;
  try {
    for await (const bytes of sealed) {
      await file.writeFile(bytes);
      size += bytes.length;
    }
    await file.sync();
    // Over nothing: rename(2) would replace a piece of the same name.
    linkSync(draft, path);
    return size;
  } finally {
    await file.close();
    rmSync(draft, { force: true });
    syncFolder(folder);
  }
}

/** The bytes of a piece; undefined when there is none. */
export function readPiece(path: string): AsyncIterable<Uint8Array> | undefined {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return undefined;
  if (!stats.isFile()) throw new EnactError("TAMPERED", `${path} is no regular file, so it is not what was kept`);
  return chunksOf(path);
}

async function* chunksOf(path: string): AsyncIterable<Uint8Array> {
  const file = await open(path, READ);
  try {
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, READ_BYTES, null);
      if (bytesRead === 0) return;
      yield Buffer.from(buffer.subarray(0, bytesRead));
    }
  } finally {
    await file.close();
  }
}

/** All runs of the store; what is no run's folder is left alone. */
export async function keptRuns(root: string): Promise<readonly KeptRun[]> {
  if (checkFolder(dirname(root)) === undefined || checkFolder(root) === undefined) return [];
  const runs: KeptRun[] = [];
  for (const [index, runId] of readdirSync(root).entries()) {
    if (index % BREATH === BREATH - 1) await breathe();
    if (!isRunId(runId)) continue;
    const folder = join(root, runId);
    const stats = lstatSync(folder, { throwIfNoEntry: false });
    if (stats?.isDirectory() !== true) continue;
    runs.push({ runId, folder, bytes: sizeOf(folder), modified: stats.mtimeMs });
  }
  return runs;
}

function sizeOf(folder: string): number {
  const sizes = readdirSync(folder).map((name) => lstatSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0);
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** Links in it are removed, never followed. */
export function forgetFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}

function syncFolder(path: string): void {
  if (process.platform === "win32") return;
  const folder = openSync(path, FOLDER);
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
