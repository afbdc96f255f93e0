import type { Entry, EntryDraft } from "./receipt.js";

/** What the ledger can say about earlier runs; see History in facts, which has the same shape. */
export interface LedgerHistory {
  runs(query: LedgerHistoryQuery): readonly LedgerPastRun[];
  count(query: LedgerHistoryQuery): number;
}

export interface LedgerHistoryQuery {
  readonly workflows?: readonly string[];
  readonly subject?: string;
  readonly since: Date;
}

export interface LedgerPastRun {
  readonly run_id: string;
  readonly workflow: string;
  readonly user_email: string;
  readonly timestamp: Date;
  readonly state: "done" | "failed" | "unknown" | "running";
}

/** A decision as the guard wants it stored. */
export interface DecisionDraft {
  readonly entry: EntryDraft;
  /** Keys under which this run is found in the history. Ignored for a BLOCK. */
  readonly subjects: readonly string[];
}

export interface EntryQuery {
  readonly run_id?: string;
  readonly decision?: string;
  readonly workflow?: string;
  readonly phase?: "decision" | "outcome";
  /** Newest first when set with `newest`; a limit on entries. */
  readonly limit?: number;
  readonly newest?: boolean;
  /** Only entries with a higher sequence. */
  readonly after?: number;
}

/**
 * The port to the ledger. Opening writes nothing: files and keys are made by the first record.
 *
 * Every method rejects with EnactError LEDGER_UNAVAILABLE (or KEY_UNUSABLE) when the ledger cannot be read or written.
 */
export interface Ledger {
  /**
   * Stores a decision. `decide` runs inside the transaction that stores its result, with the writers of all other
   * processes held off. It is pure and may be run more than once. Durable when the promise resolves.
   */
  recordDecision(decide: (history: LedgerHistory) => DecisionDraft): Promise<Entry>;
  /** Stores an outcome: durable when the promise resolves. */
  recordOutcome(entry: EntryDraft): Promise<Entry>;
  /**
   * Runs `look` on the history without storing anything; for enact_check and for judging measured effects, where the
   * run being judged (`except`) must not count against itself.
   */
  look<Value>(look: (history: LedgerHistory) => Value, except?: string): Promise<Value>;
  /** Entries in order of their sequence, or newest first. */
  entries(query: EntryQuery): Promise<readonly Entry[]>;
  close(): Promise<void>;
}
