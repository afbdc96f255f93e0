import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import { EnactError } from "../errors.js";
import type { StoredLine } from "../receipts/check.js";
import { checkLine } from "../receipts/check.js";
import type { ChainPosition, SealedEntry } from "../receipts/entry.js";
import { CHAIN_START, sealEntry } from "../receipts/entry.js";
import type { Keys } from "../receipts/keys.js";
import type { DecisionDraft, EntryQuery, Ledger, LedgerHistory, LedgerReader } from "../receipts/ledger.js";
import type { Entry, EntryDraft } from "../receipts/receipt.js";
import { shapeProblem } from "../receipts/shape.js";
import type { KeyFinder } from "../receipts/signing.js";
import { catchUp, refuseMissingLedger } from "./sqlite/catch-up.js";
import { Connection, ExchangedError } from "./sqlite/connection.js";
import type { Database } from "./sqlite/database.js";
import { inWords, isBusy, loadSqlite, sqliteCode } from "./sqlite/database.js";
import type { KnownLedger } from "./sqlite/known.js";
import { insertLine, linesAfter } from "./sqlite/lines.js";
import { executorOf, LiveMark, newProcessName } from "./sqlite/live.js";
import { fileId, ledgerPath } from "./sqlite/place.js";
import { openSqliteReader } from "./sqlite/reader.js";
import { createLedger, ledgerStructure } from "./sqlite/schema.js";

export { newProcessName } from "./sqlite/live.js";
export { openSqliteReader } from "./sqlite/reader.js";

export interface SqliteLedgerOptions {
  /** The ledger lies in `.enact/ledger.sqlite` below it. */
  readonly project: string;
  /** The user's config folder: known heads in `ledgers.sqlite`, keys in `keys/`. Must not be inside the project. */
  readonly enactHome: string;
  readonly keys: Keys;
  /** How long to wait for a ledger that other processes hold; 5 seconds when left out. */
  readonly busyTimeoutMs?: number;
  /** Twelve hex digits that nobody else has, carried by the ids of this process's runs; made up when left out. */
  readonly processName?: string;
}

/** Entries to take over at a time when a ledger is far ahead of its known head; about 50 ms of work. */
const BATCH = 1000;
const RETRY_PAUSE_MS = 10;

/**
 * The ledger of a project in SQLite, shared by as many processes as there are IDE windows. Opens nothing and writes
 * nothing until it is used; the first record makes `.enact/` (0700), the file (0600) and, if need be, the key.
 */
export function openSqliteLedger(options: SqliteLedgerOptions): Ledger {
  return new SqliteLedger(options);
}

interface Append {
  readonly entry: EntryDraft;
  readonly subjects: readonly string[];
}

class SqliteLedger implements Ledger {
  readonly #options: SqliteLedgerOptions;
  readonly #mark: LiveMark;
  #connection: Connection | undefined;
  #reader: LedgerReader | undefined;
  #readFile = "";
  /** The end of the work under way: within a process, one after the other. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(options: SqliteLedgerOptions) {
    this.#options = options;
    this.#mark = new LiveMark(options.processName ?? newProcessName());
  }

  newRunId(): string {
    return this.#mark.runId(randomUUID());
  }

  async executorOf(runId: string): Promise<"alive" | "gone" | "unmarked"> {
    return executorOf(await loadSqlite(), ledgerPath(this.#options.project), runId);
  }

  async recordDecision(decide: (history: LedgerHistory) => DecisionDraft): Promise<Entry> {
    const sqlite = await loadSqlite();
    return this.#append(({ known: ledgers }, known) => {
      const { entry, subjects } = decide(ledgers.history(known, null));
      if (entry.phase !== "decision") throw defect("a decision must be of the phase 'decision'");
      // Inside the transaction: whoever sees this run also sees that its process is there.
      if (entry.decision === "PASS") this.#mark.hold(sqlite, ledgerPath(this.#options.project));
      return { entry, subjects: entry.decision === "PASS" ? subjects : [] };
    });
  }

  recordOutcome(entry: EntryDraft): Promise<Entry> {
    const recorded = this.#append(({ known: ledgers }, known) => {
      if (entry.phase !== "outcome") throw defect("an outcome must be of the phase 'outcome'");
      const state = ledgers.runState(known, entry.run_id);
      if (state !== "running") throw defect(state === null ? "an outcome needs an allowed run" : "this run has its outcome already");
      return { entry, subjects: [] };
    });
    recorded.catch(() => this.#mark.letGo(ledgerPath(this.#options.project), entry.run_id));
    return recorded;
  }

  look<Value>(look: (history: LedgerHistory) => Value, except?: string): Promise<Value> {
    return this.#patiently(async () => {
      const nothing: LedgerHistory = { runs: () => [], count: () => 0 };
      if (this.#connection === undefined && !(await Connection.isThere(this.#options))) return look(nothing);
      const connection = await this.#connect();
      connection.checkFiles();
      const { known } = this.#head(connection);
      return connection.known.snapshot(() => look(connection.known.history(known, except ?? null)));
    });
  }

  entries(query: EntryQuery): Promise<readonly Entry[]> {
    return this.#inTurn(async () => {
      const reader = await this.#read();
      return reader.find(query).map((line) => genuineEntry(line, reader.keys));
    });
  }

  openRuns(): Promise<readonly Entry[]> {
    return this.#patiently(async () => {
      if (this.#connection === undefined && !(await Connection.isThere(this.#options))) return [];
      const connection = await this.#connect();
      connection.checkFiles();
      const { known } = this.#head(connection);
      const lines = connection.known.openRuns(known).flatMap((sequence) => linesAfter(connection.db, sequence - 1, 1));
      return lines.map((line) => genuineEntry(line, this.#options.keys)).filter(({ phase }) => phase === "decision");
    });
  }

  close(): Promise<void> {
    return this.#inTurn(() => {
      this.#forgetReader();
      this.#disconnect();
      this.#mark.release(ledgerPath(this.#options.project));
      return Promise.resolve();
    });
  }

  #append(make: (connection: Connection, known: KnownLedger | null) => Append): Promise<Entry> {
    return this.#patiently(async () => {
      const connection = await this.#connect();
      const { db, path, known: ledgers } = connection;
      const sealed = db.transaction("BEGIN IMMEDIATE", () => this.#appendInside(connection, make));
      // Committed, but into a file that nobody will find again if someone has exchanged it meanwhile.
      if (!connection.isWhole()) throw exchangedTooLate();
      try {
        ledgers.advance(path, [sealed]);
      } catch {
        // The entry is durable. Whoever comes next finds this head behind, checks the entry and takes it over; if that
        // is not possible either, nothing runs any more.
      }
      return sealed.entry;
    });
  }

  #appendInside(connection: Connection, make: (connection: Connection, known: KnownLedger | null) => Append): SealedEntry {
    connection.checkFiles();
    const { head, known } = this.#head(connection);
    const { entry, subjects } = make(connection, known);
    if (head.sequence === 0) {
      connection.known.begin(connection.path);
      makeIfNew(connection.db);
    }
    const sealed = sealEntry(entry, subjects, head, this.#options.keys.signer());
    const problem = shapeProblem(sealed.entry);
    if (problem !== null) throw defect(problem);
    insertLine(connection.db, sealed.entry.sequence, sealed.text);
    return sealed;
  }

  /** The head of the ledger, once both sides agree on it. */
  #head({ db, known: ledgers, path }: Connection): { readonly head: ChainPosition; readonly known: KnownLedger | null } {
    const structure = ledgerStructure(db);
    if (structure === "new") {
      const known = ledgers.find(path, null);
      refuseMissingLedger(known);
      return { head: CHAIN_START, known };
    }
    if (structure !== "right") throw new EnactError("TAMPERED", structure.problem, { hint: "Run enact-guard verify." });
    const caught = catchUp(db, ledgers, this.#options.keys, path, BATCH);
    if (caught.isBehind) throw new BehindError();
    return caught;
  }

  async #connect(): Promise<Connection> {
    this.#connection ??= await Connection.open(this.#options);
    return this.#connection;
  }

  /** One reader for all looks, as long as it reads the file under the path; see Database.close for why. */
  async #read(): Promise<LedgerReader> {
    if (this.#reader !== undefined && fileId(this.#reader.location) !== this.#readFile) this.#forgetReader();
    if (this.#reader === undefined) {
      this.#readFile = fileId(ledgerPath(this.#options.project));
      const reader = await openSqliteReader(this.#options);
      if (!reader.exists) return reader;
      this.#reader = reader;
    }
    return this.#reader;
  }

  #forgetReader(): void {
    this.#reader?.close();
    this.#reader = undefined;
  }

  #disconnect(): void {
    this.#connection?.close();
    this.#connection = undefined;
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const turn = this.#queue.then(work, work);
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  /** Tries again while others hold the ledger; the event loop goes on meanwhile. After an error, connects anew. */
  #patiently<Result>(work: () => Promise<Result>): Promise<Result> {
    return this.#inTurn(async () => {
      let until = performance.now() + (this.#options.busyTimeoutMs ?? 5000);
      for (;;) {
        try {
          return await work();
        } catch (error) {
          if (error instanceof ExchangedError || (sqliteCode(error) !== undefined && !isBusy(error))) this.#disconnect();
          // A part was taken over, and the waiting starts anew.
          if (error instanceof BehindError) until = performance.now() + (this.#options.busyTimeoutMs ?? 5000);
          const mayTryAgain = isBusy(error) || error instanceof BehindError || error instanceof ExchangedError;
          if (!mayTryAgain || performance.now() >= until) throw inWords(error, "The ledger");
          await sleep(isBusy(error) ? RETRY_PAUSE_MS : 0);
        }
      }
    });
  }
}

/** There is more to take over than fits into one go; what was taken over stays. */
class BehindError extends EnactError {
  constructor() {
    super("LEDGER_UNAVAILABLE", "The ledger is being written faster than it can be checked", { hint: "Try again." });
  }
}

/** @throws EnactError TAMPERED when it is not genuine, or not in its place */
function genuineEntry(line: StoredLine, keys: KeyFinder): Entry {
  const checked = checkLine(line, keys);
  if ("good" in checked && checked.good.entry.sequence === line.sequence) return checked.good.entry;
  const why = "problem" in checked ? checked.problem.message : `Receipt ${String(line.sequence)} is not in its place`;
  throw new EnactError("TAMPERED", why, { hint: "Run enact-guard verify to see what was changed." });
}

function makeIfNew(db: Database): void {
  if (ledgerStructure(db) === "new") createLedger(db);
}

/** Not tried again: the entry is in a file that is no longer the ledger, and nobody can say what became of it. */
function exchangedTooLate(): EnactError {
  return new EnactError("LEDGER_UNAVAILABLE", "The ledger's files were exchanged while an entry was written", {
    hint: "Find out who did that, and run enact-guard verify.",
  });
}

function defect(what: string): EnactError {
  return new EnactError("INTERNAL", `The receipt cannot be stored: ${what}`);
}
