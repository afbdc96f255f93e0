import { lstatSync } from "node:fs";
import { join } from "node:path";

import { EnactError } from "../../errors.js";
import type { CheckedEntry, KnownRun } from "../../receipts/check.js";
import { NO_PREVIOUS, runState } from "../../receipts/entry.js";
import { effectiveTime } from "../../receipts/history.js";
import { checkPrivateFolder, makePrivateFolder, realPathOf } from "../../receipts/key-files.js";
import type { AcceptedLoss, KnownHead, LedgerHistory, LedgerPastRun, TakenOver } from "../../receipts/ledger.js";
import type { Row, Sqlite } from "./database.js";
import { Database } from "./database.js";
import { digestBlob, historyOf } from "./history.js";
import { createPrivateEmptyFile } from "./place.js";
import { createKnown, knownState } from "./schema.js";

/** Every write here is short; see KnownLedgers. */
const BUSY_TIMEOUT_MS = 250;

/** What is known of one ledger. Sequence 0: it is being made, its first entry has not been noted yet. */
export interface KnownLedger extends KnownHead {
  readonly id: number;
  readonly path: string;
  readonly takenOver: TakenOver | null;
}

/**
 * What the guard knows of the ledgers that it has written, kept in the user's own folder, out of an agent's reach: the
 * head of each, so that a cut or replaced one is found, and the index of runs that policies count by, so that nobody
 * can make the history forget by deleting rows from the project.
 *
 * The order is always ledger first, this second, and both are durable in that order: a crash in between leaves this one
 * behind, never ahead, and the missing entries are taken over after their chain and signatures have been checked. A
 * loss of power may undo the last writes here (synchronous = NORMAL) but none in the ledger (FULL), which is the same.
 * Writes only ever move a head forward by the entry that follows it, so the order of processes does not matter.
 */
export class KnownLedgers {
  readonly #db: Database;

  private constructor(db: Database) {
    this.#db = db;
  }

  /** Opens it and makes it when needed. @throws EnactError KEY_UNUSABLE when others could change the folder */
  static open(sqlite: Sqlite, enactHome: string): KnownLedgers {
    const home = realPathOf(enactHome);
    makePrivateFolder(home);
    const path = join(home, "ledgers.sqlite");
    createPrivateEmptyFile(path);
    checkFile(path);
    const db = new Database(sqlite, path, { busyTimeoutMs: BUSY_TIMEOUT_MS });
    try {
      db.exec("PRAGMA journal_mode = WAL");
      db.exec("PRAGMA synchronous = NORMAL");
      if (knownState(db) !== "current") db.transaction("BEGIN IMMEDIATE", () => createKnown(db));
      return new KnownLedgers(db);
    } catch (error) {
      db.close();
      throw error;
    }
  }

  /** Opens it for reading, or says null when there is none. Makes nothing. */
  static openReadOnly(sqlite: Sqlite, enactHome: string): KnownLedgers | null {
    const home = realPathOf(enactHome);
    checkPrivateFolder(home);
    const path = join(home, "ledgers.sqlite");
    if (!checkFile(path)) return null;
    const db = new Database(sqlite, path, { readOnly: true, busyTimeoutMs: BUSY_TIMEOUT_MS });
    if (knownState(db) !== "none") return new KnownLedgers(db);
    db.close();
    return null;
  }

  /**
   * The ledger at this path. One that was moved is known by its first entry, provided that nothing is left at its old
   * path: two copies cannot both be the one that was written.
   */
  find(path: string, genesis: string | null): KnownLedger | null {
    const here = this.#db.get("SELECT * FROM ledgers WHERE path = ?", path);
    if (here !== undefined) return knownLedger(here);
    if (genesis === null) return null;
    const elsewhere = this.#db.all("SELECT * FROM ledgers WHERE genesis = ? AND path IS NOT NULL", genesis);
    const moved = elsewhere.map(knownLedger).filter((ledger) => lstatSync(ledger.path, { throwIfNoEntry: false }) === undefined);
    return moved.length === 1 ? (moved[0] ?? null) : null;
  }

  /**
   * Notes that a ledger is being made at this path, before its first entry is: so that one that is there without being
   * known is one whose head somebody has deleted, and not one that a guard was making when it was stopped.
   */
  begin(path: string, takenOver: TakenOver | null = null): void {
    const sql = "INSERT OR IGNORE INTO ledgers (path, genesis, sequence, hash, key_id, time, taken_over_at, taken_over) VALUES (?, '', 0, ?, '', 0, ?, ?)";
    this.#db.run(sql, path, NO_PREVIOUS, takenOver?.at ?? null, takenOver?.entries ?? null);
  }

  /** The allowed decisions of a ledger as they were noted, in order. */
  *runs(ledger: KnownLedger): Iterable<KnownRun> {
    for (const row of this.#db.iterate("SELECT sequence, run_id FROM runs WHERE ledger = ? ORDER BY sequence", ledger.id)) {
      yield { sequence: row["sequence"] as number, run_id: row["run_id"] as string };
    }
  }

  /** Places of the decisions whose runs have no outcome, oldest first. */
  openRuns(ledger: KnownLedger | null): readonly number[] {
    const rows = this.#db.all("SELECT sequence FROM runs WHERE ledger = ? AND state = 'running' ORDER BY sequence", ledger?.id ?? -1);
    return rows.map((row) => row["sequence"] as number);
  }

  /** Moves the head forward over these entries, which follow each other and have been checked; see check.ts. */
  advance(path: string, entries: readonly CheckedEntry[], moved: KnownLedger | null = null): void {
    this.#db.transaction("BEGIN IMMEDIATE", () => {
      if (moved !== null) this.#db.run("UPDATE OR IGNORE ledgers SET path = ? WHERE id = ? AND path = ?", path, moved.id, moved.path);
      for (const checked of entries) this.#add(path, checked);
    });
  }

  history(ledger: KnownLedger | null, except: string | null): LedgerHistory {
    return historyOf(this.#db, ledger?.id ?? null, except);
  }

  /** One snapshot for several look-ups. */
  snapshot<Result>(work: () => Result): Result {
    return this.#db.transaction("BEGIN", work);
  }

  runState(ledger: KnownLedger | null, runId: string): LedgerPastRun["state"] | null {
    const row = this.#db.get("SELECT state FROM runs WHERE ledger = ? AND run_id = ?", ledger?.id ?? -1, runId);
    return row === undefined ? null : (row["state"] as LedgerPastRun["state"]);
  }

  /**
   * Forgets the head of this ledger, if it is still the one given, keeps a note of the loss, and begins anew. Null: no head
   * was known.
   */
  acceptLoss(ledger: KnownLedger | null, path: string, kept: number, now: Date): void {
    this.#db.transaction("BEGIN IMMEDIATE", () => {
      if (ledger === null) this.#noteUnknownLoss(path, kept, now);
      else this.#forget(ledger, path, kept, now);
      this.begin(path);
    });
  }

  losses(path: string): readonly AcceptedLoss[] {
    const rows = this.#db.all("SELECT lost_at, kept, sequence FROM ledgers WHERE lost_path = ? ORDER BY lost_at", path);
    return rows.map((row) => ({
      accepted_at: row["lost_at"] as string,
      kept: row["kept"] as number,
      sequence: row["sequence"] === 0 ? (row["kept"] as number) : (row["sequence"] as number),
      ...(row["sequence"] === 0 ? { head_unknown: true } : {}),
    }));
  }

  close(): void {
    this.#db.close();
  }

  #forget(ledger: KnownLedger, path: string, kept: number, now: Date): void {
    // Where the head itself was unknown, it says nothing of how many there were.
    const sequence = ledger.takenOver === null ? ledger.sequence : 0;
    const changed = this.#db.run(
      "UPDATE ledgers SET path = NULL, lost_path = ?, lost_at = ?, kept = ?, sequence = ? WHERE id = ? AND path = ? AND hash = ?",
      path, now.toISOString(), kept, sequence, ledger.id, ledger.path, ledger.hash,
    );
    if (changed !== 1) throw new EnactError("STALE_PLAN", "The ledger has gone on meanwhile", { hint: "Run verify again." });
    this.#db.run("DELETE FROM runs WHERE ledger = ?", ledger.id);
    this.#db.run("DELETE FROM subjects WHERE ledger = ?", ledger.id);
  }

  #noteUnknownLoss(path: string, kept: number, now: Date): void {
    if (this.find(path, null) !== null) throw new EnactError("STALE_PLAN", "The ledger has gone on meanwhile", { hint: "Run verify again." });
    const sql = "INSERT INTO ledgers (path, genesis, sequence, hash, key_id, time, lost_path, lost_at, kept) VALUES (NULL, '', 0, '', '', 0, ?, ?, ?)";
    this.#db.run(sql, path, now.toISOString(), kept);
  }

  /** Adds the entry if it is the next one; another process may have been quicker, or this one may be behind. */
  #add(path: string, { entry, hash }: CheckedEntry): void {
    const row = this.#db.get("SELECT id, sequence, hash, time FROM ledgers WHERE path = ?", path);
    if (row === undefined || row["sequence"] !== entry.sequence - 1) return;
    const time = effectiveTime(entry.timestamp, row["time"] as number);
    const id = row["id"] as number;
    // Two forks of one ledger must not be mixed: what follows another head than ours is not ours.
    if (row["hash"] !== entry.previous) return;
    this.#db.run("UPDATE ledgers SET sequence = ?, hash = ?, key_id = ?, time = ? WHERE id = ?", entry.sequence, hash, entry.key_id, time, id);
    if (entry.sequence === 1) this.#db.run("UPDATE ledgers SET genesis = ? WHERE id = ?", hash, id);
    this.#index(id, time, { entry, hash });
  }

  #index(ledger: number, time: number, { entry }: CheckedEntry): void {
    if (entry.phase === "outcome") {
      this.#db.run("UPDATE runs SET state = ? WHERE ledger = ? AND run_id = ?", runState(entry), ledger, entry.run_id);
    } else if (entry.decision === "PASS") {
      const { sequence, run_id, workflow, user_email, timestamp } = entry;
      this.#db.run(
        "INSERT OR IGNORE INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, 'running')",
        ledger, sequence, run_id, workflow, user_email, Date.parse(timestamp), time,
      );
      for (const subject of entry.subjects) {
        this.#db.run("INSERT OR IGNORE INTO subjects VALUES (?, ?, ?, ?)", ledger, digestBlob(subject), time, sequence);
      }
    }
  }
}

function knownLedger(row: Row): KnownLedger {
  return {
    id: row["id"] as number,
    path: row["path"] as string,
    sequence: row["sequence"] as number,
    hash: row["hash"] as string,
    key_id: row["key_id"] as string,
    genesis: row["genesis"] as string,
    // A list that an earlier version left has no such columns.
    takenOver: typeof row["taken_over_at"] === "string" ? { at: row["taken_over_at"], entries: row["taken_over"] as number } : null,
  };
}

/** @returns false when there is none. @throws EnactError KEY_UNUSABLE when someone else could have written it */
function checkFile(path: string): boolean {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return false;
  const isOurs = process.getuid === undefined || stats.uid === process.getuid();
  const isClosed = process.platform === "win32" || (stats.mode & 0o022) === 0;
  if (stats.isFile() && isOurs && isClosed) return stats.size > 0;
  throw new EnactError("KEY_UNUSABLE", `${path} is no regular file, or others may change it`, {
    hint: `The guard keeps the heads of its ledgers there. Make it a regular file of yours: chmod 600 ${path}`,
  });
}
