import { closeSync, constants, lstatSync, mkdirSync, openSync, readSync, writeSync } from "node:fs";
import type { BigIntStats } from "node:fs";
import { basename, dirname, join } from "node:path";

import { EnactError } from "../../errors.js";
import { realPathOf } from "../../receipts/key-files.js";

/** Where the ledger of a project lies. The project may be reached through links; `.enact` itself may be none. */
export function ledgerPath(project: string): string {
  return join(realPathOf(project), ".enact", "ledger.sqlite");
}

/**
 * Says whether there is a ledger. An empty file is none: a guard was stopped just before its first entry.
 * @throws EnactError LEDGER_UNAVAILABLE when something else is in its place: opening it could write elsewhere or hang
 */
export function ledgerExists(path: string): boolean {
  const folder = lstatSync(dirname(path), { throwIfNoEntry: false });
  if (folder === undefined) return false;
  if (!folder.isDirectory()) throw inTheWay(dirname(path), "a folder");
  for (const suffix of ["-wal", "-shm", "-journal"]) {
    const beside = lstatSync(path + suffix, { throwIfNoEntry: false });
    if (beside !== undefined && !beside.isFile()) throw inTheWay(path + suffix, "a regular file");
  }
  const file = lstatSync(path, { throwIfNoEntry: false });
  if (file === undefined) return false;
  if (!file.isFile()) throw inTheWay(path, "a regular file");
  return file.size > 0;
}

/** Makes the folder (0700, with a .gitignore of its own) and an empty file (0600) unless they are there. */
export function makeLedgerFile(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  ledgerExists(path);
  createNew(join(dirname(path), ".gitignore"), "*\n");
  createNew(path, "");
}

/** An empty file that only its owner can use, unless there is one: SQLite gives the same mode to the files beside it. */
export function createPrivateEmptyFile(path: string): void {
  createNew(path, "");
}

/** The very files that a connection works on. */
export interface FilesBehind {
  /**
   * Names the database, its log and its shared index. When it changes, someone has put other files in their place, and
   * what the connection writes can no longer be found under the path.
   */
  readonly ids: string;
  /** The size of the database; it never shrinks. */
  readonly size: bigint;
}

export function filesBehind(path: string): FilesBehind {
  const database = statOf(path);
  const ids = `${idOf(database)} ${fileId(`${path}-wal`)} ${fileId(`${path}-shm`)}`;
  return { ids, size: database?.size ?? 0n };
}

/**
 * Says whether the log, if there is one, can be read back: it is empty after a checkpoint, and otherwise begins with the mark of its
 * format (sqlite.org/fileformat2.html#walformat). A log that was emptied in place would swallow what is written next.
 */
export function logIsReadable(path: string): boolean {
  const file = openIfThere(`${path}-wal`);
  if (file === undefined) return true;
  const start = Buffer.alloc(4);
  try {
    return readSync(file, start, 0, 4, 0) === 0 || (start.readUInt32BE() & ~1) === 0x377f0682;
  } finally {
    closeSync(file);
  }
}

/** Device and inode, or "-" when there is no such file. */
export function fileId(path: string): string {
  return idOf(statOf(path));
}

function statOf(path: string): BigIntStats | undefined {
  return lstatSync(path, { throwIfNoEntry: false, bigint: true });
}

function idOf(stats: BigIntStats | undefined): string {
  return stats === undefined ? "-" : `${String(stats.dev)}:${String(stats.ino)}`;
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function createNew(path: string, content: string): void {
  try {
    const file = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
    if (content !== "") writeSync(file, content);
    closeSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

function inTheWay(path: string, wanted: string): EnactError {
  return new EnactError("LEDGER_UNAVAILABLE", `${path} is not ${wanted}`, {
    hint: `The guard keeps its receipts there: move what is in the way, ${basename(path)} must be ${wanted}.`,
  });
}
