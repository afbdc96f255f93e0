import { EnactError } from "../../errors.js";
import type { Keys } from "../../receipts/keys.js";
import { refuseMissingLedger } from "./catch-up.js";
import { Database, loadSqlite } from "./database.js";
import { KnownLedgers } from "./known.js";
import type { FilesBehind } from "./place.js";
import { fileId, filesBehind, ledgerExists, ledgerPath, logIsReadable, makeLedgerFile } from "./place.js";

/** How long SQLite waits by itself, holding up this process; beyond it, the ledger waits without. */
const BUSY_TIMEOUT_MS = 50;

export interface ConnectOptions {
  readonly project: string;
  readonly enactHome: string;
  readonly keys: Keys;
}

/** The ledger under its path was exchanged for other files: connect anew, and look at those. */
export class ExchangedError extends EnactError {
  constructor() {
    super("LEDGER_UNAVAILABLE", "The ledger's files were exchanged while it was being written", {
      hint: "Find out who did that, and run enact-guard verify.",
    });
  }
}

/** A connection to the ledger of a project, and to what is known of it. */
export class Connection {
  readonly path: string;
  readonly db: Database;
  readonly known: KnownLedgers;
  readonly #files: string;
  #size = 0n;

  private constructor(path: string, db: Database, known: KnownLedgers) {
    this.path = path;
    this.db = db;
    this.known = known;
    this.#files = filesBehind(path).ids;
  }

  /**
   * Says whether there is a ledger, without making anything.
   * @throws EnactError TAMPERED when there was one and it is gone
   */
  static async isThere({ project, enactHome }: ConnectOptions): Promise<boolean> {
    const path = ledgerPath(project);
    if (ledgerExists(path)) return true;
    const known = KnownLedgers.openReadOnly(await loadSqlite(), enactHome);
    try {
      refuseMissingLedger(known?.find(path, null) ?? null);
    } finally {
      known?.close();
    }
    return false;
  }

  /** Makes the files when there are none. @throws EnactError TAMPERED when there was a ledger and it is gone */
  static async open({ project, enactHome, keys }: ConnectOptions): Promise<Connection> {
    const sqlite = await loadSqlite();
    keys.checkPlace();
    const path = ledgerPath(project);
    const known = KnownLedgers.open(sqlite, enactHome);
    let db: Database | undefined;
    try {
      if (!ledgerExists(path)) refuseMissingLedger(known.find(path, null));
      makeLedgerFile(path);
      const file = fileId(path);
      db = new Database(sqlite, path, { busyTimeoutMs: BUSY_TIMEOUT_MS });
      makeDurable(db);
      const connection = new Connection(path, db, known);
      if (fileId(path) !== file) throw new ExchangedError();
      return connection;
    } catch (error) {
      db?.close();
      known.close();
      throw error;
    }
  }

  /**
   * Says whether the path still leads to the files of this connection, and nobody has emptied them. Otherwise entries
   * would go where the next process does not find them.
   */
  isWhole(): boolean {
    const now = filesBehind(this.path);
    if (now.ids !== this.#files || this.#isEmptied(now)) return false;
    this.#size = now.size;
    return true;
  }

  /** @throws ExchangedError when it does not */
  checkFiles(): void {
    if (!this.isWhole()) throw new ExchangedError();
  }

  /** Moves the log into the database file, so that a copy of that one file is the whole ledger. */
  close(): void {
    try {
      // A log that was emptied would overwrite what is still right; one that was deleted is whole in our hands.
      if (!this.#isEmptied(filesBehind(this.path))) this.db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    } catch {
      // Others use it, or the disk is full: the log stays, and is as durable as the file.
    }
    this.db.close();
    this.known.close();
  }

  #isEmptied({ size }: FilesBehind): boolean {
    return size < this.#size || !logIsReadable(this.path);
  }
}

/** An entry is on the disk when its transaction ends: the log is synced at every commit. */
function makeDurable(db: Database): void {
  const mode = db.get("PRAGMA journal_mode = WAL")?.["journal_mode"];
  if (mode !== "wal") {
    throw new EnactError("LEDGER_UNAVAILABLE", "The disk of this project cannot hold a ledger that several processes share", {
      hint: "Move the project to a local disk: network disks lack the locks and shared memory that are needed.",
    });
  }
  db.exec("PRAGMA synchronous = FULL");
  // Opens the log and its shared index, so that their identities can be noted.
  db.get("SELECT count(*) AS tables FROM sqlite_schema");
  // On macOS, a plain sync may leave the data in the drive's own memory. No effect elsewhere.
  db.exec("PRAGMA fullfsync = ON");
}
