import { statSync } from "node:fs";
import { pathToFileURL } from "node:url";

import type { Keys } from "../../receipts/keys.js";
import type { AcceptedLoss, EntryQuery, KnownHead, LedgerReader, TakenOver } from "../../receipts/ledger.js";
import type { KnownRun, StoredLine } from "../../receipts/check.js";
import type { Sqlite } from "./database.js";
import { catchUp } from "./catch-up.js";
import { Database, inWords, loadSqlite, sqliteCode } from "./database.js";
import type { KnownLedger } from "./known.js";
import { KnownLedgers } from "./known.js";
import { allLines, linesAfter, matchingLines, matchingLinesSlowly, positionAt } from "./lines.js";
import { ledgerExists, ledgerPath } from "./place.js";
import { ledgerStructure } from "./schema.js";

export interface SqliteReaderOptions {
  readonly project: string;
  readonly enactHome: string;
  readonly keys: Keys;
}

const BUSY_TIMEOUT_MS = 2000;
/** Entries to take over at a time, after a loss was accepted. */
const BATCH = 1000;

/**
 * Opens the ledger of a project for reading, as it lies there. Makes no ledger, no key and no folder.
 * @throws EnactError LEDGER_UNAVAILABLE when it cannot be read at all
 */
export async function openSqliteReader(options: SqliteReaderOptions): Promise<LedgerReader> {
  const sqlite = await loadSqlite();
  let known: KnownLedgers | null = null;
  let db: Database | null = null;
  try {
    const path = ledgerPath(options.project);
    known = KnownLedgers.openReadOnly(sqlite, options.enactHome);
    // The head before the lines; see LedgerReader.known.
    const head = known?.find(path, null) ?? null;
    const losses = known?.losses(path) ?? [];
    db = ledgerExists(path) ? openReadOnly(sqlite, path) : null;
    const structure = db === null ? "new" : ledgerStructure(db);
    if (structure === "new") {
      db?.close();
      db = null;
    }
    const found = head ?? movedHead(known, db, path);
    const structureProblem = typeof structure === "object" ? structure.problem : null;
    return new SqliteReader({ sqlite, options, path, db, head: found, losses, structureProblem });
  } catch (error) {
    db?.close();
    throw inWords(error, "The ledger");
  } finally {
    known?.close();
  }
}

function movedHead(known: KnownLedgers | null, db: Database | null, path: string): KnownLedger | null {
  const genesis = db === null ? null : firstHash(db);
  return genesis === null ? null : (known?.find(path, genesis) ?? null);
}

function firstHash(db: Database): string | null {
  try {
    return positionAt(db, 1)?.hash ?? null;
  } catch (error) {
    // A ledger without its table is a problem of the structure, and is reported as such.
    if (sqliteCode(error) === "SQLITE_ERROR") return null;
    throw error;
  }
}

/**
 * SQLite needs a file for shared memory beside the database. Where none can be made (a read-only disk, a copy that an
 * auditor was given) and no log waits to be taken over, the file is all there is, and is read as one that never changes.
 */
function openReadOnly(sqlite: Sqlite, path: string): Database {
  try {
    return opened(sqlite, path);
  } catch (error) {
    const isLocked = ["SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PERM", "SQLITE_IOERR"].includes(sqliteCode(error) ?? "");
    const logSize = statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
    if (!isLocked || logSize > 0) throw error;
    return opened(sqlite, `${pathToFileURL(path).href}?immutable=1`);
  }
}

function opened(sqlite: Sqlite, location: string): Database {
  const db = new Database(sqlite, location, { readOnly: true, busyTimeoutMs: BUSY_TIMEOUT_MS });
  try {
    db.get("SELECT count(*) AS tables FROM sqlite_schema");
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function takeOverAll(db: Database, known: KnownLedgers, keys: Keys, path: string): void {
  let isBehind = true;
  while (isBehind) ({ isBehind } = catchUp(db, known, keys, path, BATCH));
}

interface Parts {
  readonly sqlite: Sqlite;
  readonly options: SqliteReaderOptions;
  readonly path: string;
  readonly db: Database | null;
  readonly head: KnownLedger | null;
  readonly losses: readonly AcceptedLoss[];
  readonly structureProblem: string | null;
}

class SqliteReader implements LedgerReader {
  readonly location: string;
  readonly exists: boolean;
  readonly known: KnownHead | null;
  readonly takenOver: TakenOver | null;
  readonly acceptedLosses: readonly AcceptedLoss[];
  readonly structureProblem: string | null;
  readonly keys: Keys;
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.location = parts.path;
    this.exists = parts.db !== null;
    this.known = parts.head === null ? null : { ...parts.head, runs: () => this.#knownRuns() };
    this.takenOver = parts.head?.takenOver ?? null;
    this.acceptedLosses = parts.losses;
    this.structureProblem = parts.structureProblem;
    this.keys = parts.options.keys;
    this.#parts = parts;
  }

  *lines(): Iterable<StoredLine> {
    const { db } = this.#parts;
    if (db === null) return;
    try {
      yield* allLines(db);
    } catch (error) {
      throw inWords(error, "The ledger");
    }
  }

  linesAfter(sequence: number, limit: number): readonly StoredLine[] {
    const { db } = this.#parts;
    if (db === null) return [];
    try {
      return linesAfter(db, sequence, limit);
    } catch (error) {
      throw inWords(error, "The ledger");
    }
  }

  find(query: EntryQuery): readonly StoredLine[] {
    const { db, structureProblem } = this.#parts;
    if (db === null) return [];
    try {
      return structureProblem === null ? matchingLines(db, query) : matchingLinesSlowly(db, query);
    } catch (error) {
      throw inWords(error, "The ledger");
    }
  }

  acceptLoss(kept: number, now: Date): void {
    const { sqlite, options, head, db } = this.#parts;
    let known: KnownLedgers | null = null;
    try {
      known = KnownLedgers.open(sqlite, options.enactHome);
      known.acceptLoss(head, this.location, kept, now);
      // From now on what is left is what is known: a cut that comes next is found.
      if (db !== null) takeOverAll(db, known, options.keys, this.location);
    } catch (error) {
      throw inWords(error, "The list of known ledgers");
    } finally {
      known?.close();
    }
  }

  close(): void {
    this.#parts.db?.close();
  }

  *#knownRuns(): Iterable<KnownRun> {
    const { sqlite, options, head } = this.#parts;
    const known = KnownLedgers.openReadOnly(sqlite, options.enactHome);
    try {
      if (known !== null && head !== null) yield* known.runs(head);
    } finally {
      known?.close();
    }
  }
}
