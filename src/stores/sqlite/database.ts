import type * as SqliteLibrary from "@photostructure/sqlite";
import type { DatabaseSyncInstance, StatementSyncInstance } from "@photostructure/sqlite";

import { EnactError, isEnactError } from "../../errors.js";

export type Sqlite = typeof SqliteLibrary;
export type Row = Readonly<Record<string, unknown>>;
type Value = string | number | Uint8Array | null;

/** Loads the native library on first use: a server that only answers `tools/list` never pays for it. */
export async function loadSqlite(): Promise<Sqlite> {
  try {
    return await import("@photostructure/sqlite");
  } catch (cause) {
    throw new EnactError("NOT_INSTALLED", "The SQLite library could not be loaded on this machine", {
      hint: "Install the package again on this machine: npm install enact-guard.",
      cause,
    });
  }
}

export interface OpenOptions {
  readonly readOnly?: boolean;
  /** How long SQLite itself waits for a lock; it holds up this whole process meanwhile. */
  readonly busyTimeoutMs: number;
}

/** A connection with prepared statements kept by their text. */
export class Database {
  readonly #connection: DatabaseSyncInstance;
  readonly #statements = new Map<string, StatementSyncInstance>();
  readonly #iterated = new Set<StatementSyncInstance>();

  constructor(sqlite: Sqlite, location: string, { readOnly = false, busyTimeoutMs }: OpenOptions) {
    // `timeout` sets the busy timeout before anything else can meet a lock; journal_mode comes later, from the caller.
    this.#connection = new sqlite.DatabaseSync(location, { readOnly, timeout: busyTimeoutMs, defensive: true });
    // A schema that was tampered with must not run functions of ours.
    this.exec("PRAGMA trusted_schema = OFF");
  }

  exec(sql: string): void {
    this.#connection.exec(sql);
  }

  run(sql: string, ...values: readonly Value[]): number {
    return this.#prepare(sql).run(...values).changes;
  }

  get(sql: string, ...values: readonly Value[]): Row | undefined {
    return this.#prepare(sql).get(...values) as Row | undefined;
  }

  all(sql: string, ...values: readonly Value[]): readonly Row[] {
    return this.#prepare(sql).all(...values) as readonly Row[];
  }

  /**
   * Rows one by one, on a statement of its own, so that other statements may run meanwhile. The statement is held for as
   * long as rows are read: the iterator does not keep it, and once it is collected as garbage there are no more rows.
   */
  *iterate(sql: string, ...values: readonly Value[]): Iterable<Row> {
    const statement = this.#connection.prepare(sql);
    this.#iterated.add(statement);
    try {
      yield* statement.iterate(...values) as Iterable<Row>;
    } finally {
      this.#iterated.delete(statement);
    }
  }

  /** Runs `work` in a transaction of this kind; whatever it throws rolls back. */
  transaction<Result>(begin: "BEGIN" | "BEGIN IMMEDIATE", work: () => Result): Result {
    this.exec(begin);
    try {
      const result = work();
      this.exec("COMMIT");
      return result;
    } catch (error) {
      this.#rollback();
      throw error;
    }
  }

  /**
   * The library finalizes statements only when they are collected as garbage, and SQLite keeps the files open until
   * then. So connections are kept and used again, and whoever needs the file to be whole must checkpoint before.
   */
  close(): void {
    this.#statements.clear();
    if (this.#connection.isOpen) this.#connection.close();
  }

  #rollback(): void {
    try {
      if (this.#connection.isTransaction) this.exec("ROLLBACK");
    } catch {
      // The error that led here is the one to report; the caller drops the connection.
    }
  }

  #prepare(sql: string): StatementSyncInstance {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#connection.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

/** The primary result code of SQLite, such as "SQLITE_BUSY"; undefined when the error is not from SQLite. */
export function sqliteCode(error: unknown): string | undefined {
  const { errcode, sqliteCode: code } = error as { errcode?: unknown; sqliteCode?: unknown };
  const number = typeof errcode === "number" ? errcode : code;
  if (!(error instanceof Error) || typeof number !== "number") return undefined;
  // The low byte is the primary code, the rest says more about it.
  return PRIMARY_CODES[number & 0xff] ?? "SQLITE_ERROR";
}

export function isBusy(error: unknown): boolean {
  const code = sqliteCode(error);
  return code === "SQLITE_BUSY" || code === "SQLITE_LOCKED";
}

/** Result codes from sqlite.org/rescode.html that are worth telling apart. */
const PRIMARY_CODES: Readonly<Record<number, string>> = {
  3: "SQLITE_PERM", 5: "SQLITE_BUSY", 6: "SQLITE_LOCKED", 8: "SQLITE_READONLY", 10: "SQLITE_IOERR", 11: "SQLITE_CORRUPT",
  13: "SQLITE_FULL", 14: "SQLITE_CANTOPEN", 19: "SQLITE_CONSTRAINT", 26: "SQLITE_NOTADB",
};

/** Why a ledger cannot be used, and what to do, by the code of SQLite or of the file system. */
const REASONS: Readonly<Record<string, readonly [string, string]>> = {
  SQLITE_BUSY: ["is held by another process", "Wait for the other process, or end it if it hangs."],
  SQLITE_LOCKED: ["is held by another process", "Wait for the other process, or end it if it hangs."],
  SQLITE_FULL: ["cannot grow: the disk is full", "Free some space on its disk."],
  ENOSPC: ["cannot grow: the disk is full", "Free some space on its disk."],
  SQLITE_READONLY: ["cannot be written", "Make its folder and the file writable for you."],
  SQLITE_PERM: ["cannot be written", "Make its folder and the file writable for you."],
  EACCES: ["cannot be written or read", "Make its folder and the file readable and writable for you."],
  EPERM: ["cannot be written or read", "Make its folder and the file readable and writable for you."],
  EROFS: ["lies on a disk that cannot be written", "Move the project to a disk that can be written."],
  SQLITE_CANTOPEN: ["cannot be opened", "Make its folder and the file readable and writable for you."],
  SQLITE_CORRUPT: ["is damaged", "Keep the file as evidence, run enact-guard verify, and put a backup in its place."],
  SQLITE_NOTADB: ["is damaged or no ledger at all", "Keep the file as evidence, and put a backup in its place."],
  SQLITE_IOERR: ["cannot be read or written: the disk reports an error", "Check the disk."],
};

/** An error of the database or the file system in words; errors of other kinds are handed back as they are. */
export function inWords(error: unknown, what: string): unknown {
  if (isEnactError(error) || !(error instanceof Error)) return error;
  const code = sqliteCode(error) ?? (error as NodeJS.ErrnoException).code ?? "";
  // A run_id that is there already: the guard draws a new one for each call.
  if (code === "SQLITE_CONSTRAINT") return new EnactError("INTERNAL", "The receipt cannot be stored: its run is in the ledger already", { cause: error });
  const reason = REASONS[code] ?? (sqliteCode(error) === undefined ? undefined : ["cannot be used", "Run enact-guard verify."]);
  if (reason === undefined) return error;
  return new EnactError("LEDGER_UNAVAILABLE", `${what} ${reason[0] ?? ""}`, { hint: reason[1] ?? "", cause: error });
}
