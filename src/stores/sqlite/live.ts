import { randomBytes } from "node:crypto";
import { closeSync, constants, lstatSync, mkdirSync, openSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";

import { processOf, PROCESS_NAME_LENGTH } from "../../receipts/entry.js";
import type { Sqlite } from "./database.js";
import { Database, isBusy } from "./database.js";
import { createPrivateEmptyFile, fileId } from "./place.js";

/** Marks of processes that ended without taking them away are kept for a while: they prove that these are gone. */
const KEPT_MS = 24 * 60 * 60 * 1000;

/**
 * The mark of a process that executes runs: an empty file beside the ledger on which it holds SQLite's lock for as long as it
 * lives. The system lets go of such a lock when the process ends, however it ends, and of nothing else: a process that is
 * stopped, swapped out or asleep with its machine still holds it. A number of a process would prove neither: it is given
 * to others, and means nothing in another container that shares the folder.
 *
 * It is taken before the process's first decision is on record, so that there is no run whose process has no mark.
 */
export class LiveMark {
  readonly name: string;
  #held: Database | undefined;

  constructor(name: string) {
    this.name = name;
  }

  /** Holds the mark of this process; once is enough. @throws the system's or SQLite's error */
  hold(sqlite: Sqlite, ledger: string): void {
    if (this.#held !== undefined) return;
    const folder = folderBeside(ledger);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const path = join(folder, this.name);
    createPrivateEmptyFile(path);
    const db = new Database(sqlite, path, { busyTimeoutMs: 0 });
    try {
      // No journal beside it: nothing is ever written.
      db.exec("PRAGMA journal_mode = MEMORY");
      db.exec("BEGIN EXCLUSIVE");
    } catch (error) {
      db.close();
      throw error;
    }
    this.#held = db;
    sweep(sqlite, folder, this.name);
  }

  /** Of an orderly end: none of this process's runs is at work any more. */
  release(ledger: string): void {
    if (this.#held === undefined) return;
    this.#held.close();
    this.#held = undefined;
    rmSync(join(folderBeside(ledger), this.name), { force: true });
  }

  /** Says of one run that it is no longer at work although its process lives on, as well as that can be said now. */
  letGo(ledger: string, runId: string): void {
    try {
      closeSync(openSync(join(folderBeside(ledger), `${runId}.ended`), constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW, 0o600));
    } catch {
      // Then the run counts as being at work until the process ends.
    }
  }

  /** A run id that carries the name of this process. */
  runId(uuid: string): string {
    return uuid.slice(0, -PROCESS_NAME_LENGTH) + this.name;
  }
}

/** A name for a process that has none yet; as long as the last part of a UUID, where each of its runs carries it. */
export function newProcessName(): string {
  return randomBytes(PROCESS_NAME_LENGTH / 2).toString("hex");
}

/**
 * Whether the process of a run may still be at work. gone: certainly not. unmarked: it has left no mark, because it ended in
 * an orderly way, or long ago.
 */
export function executorOf(sqlite: Sqlite, ledger: string, runId: string): "alive" | "gone" | "unmarked" {
  const folder = folderBeside(ledger);
  if (lstatSync(join(folder, `${runId}.ended`), { throwIfNoEntry: false })?.isFile() === true) return "gone";
  const path = join(folder, processOf(runId));
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return "unmarked";
  return isHeld(sqlite, path) ? "alive" : "gone";
}

/** True also when nobody can tell. */
function isHeld(sqlite: Sqlite, path: string): boolean {
  let db: Database | undefined;
  try {
    if (!lstatSync(path).isFile()) return true;
    // Not made anew if it was just taken away.
    db = new Database(sqlite, `${pathToFileURL(path).href}?mode=rw`, { busyTimeoutMs: 0 });
    db.exec("BEGIN IMMEDIATE");
    db.exec("ROLLBACK");
    return false;
  } catch (error) {
    return isBusy(error) || lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } finally {
    db?.close();
  }
}

/** Takes away what processes left behind that ended long ago. */
function sweep(sqlite: Sqlite, folder: string, own: string): void {
  const now = Date.now();
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (name === own || stats === undefined || !stats.isFile() || now - stats.mtimeMs < KEPT_MS) continue;
    const before = fileId(path);
    if (name.length === PROCESS_NAME_LENGTH && isHeld(sqlite, path)) continue;
    if (fileId(path) === before) rmSync(path, { force: true });
  }
}

function folderBeside(ledger: string): string {
  return join(dirname(ledger), "live");
}
