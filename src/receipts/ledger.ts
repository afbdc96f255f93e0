import type { KnownChain, StoredLine } from "./check.js";
import type { Entry, EntryDraft } from "./receipt.js";
import type { KeyFinder } from "./signing.js";

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
  /** Keys under which this run is found in the history; the entry holds their digests. Ignored for a BLOCK. */
  readonly subjects: readonly string[];
}

export interface EntryQuery {
  readonly run_id?: string;
  /** The beginning of a run_id, such as the eight characters that the chat shows. */
  readonly run_id_prefix?: string;
  readonly decision?: string;
  readonly workflow?: string;
  readonly phase?: "decision" | "outcome";
  /** At most so many entries. */
  readonly limit?: number;
  /** Newest first. */
  readonly newest?: boolean;
  /** Only entries with a higher sequence. */
  readonly after?: number;
  /** Only entries with a lower sequence. */
  readonly before?: number;
}

/**
 * The port to the ledger. Opening writes nothing: files and keys are made by the first record.
 *
 * Every method rejects with EnactError LEDGER_UNAVAILABLE when the ledger cannot be read or written, KEY_UNUSABLE when
 * there is no key to sign or check with, and TAMPERED when the ledger is not the one that was written: a history that
 * someone has cut must not let through what the whole one would block.
 */
export interface Ledger {
  /** A new id for a run, from which `executorOf` can tell later which process executes it. */
  newRunId(): string;
  /**
   * Whether the process that executes a run may still be at it. gone: certainly not, however it ended. unmarked: it has
   * left nothing by which to tell, because it ended in an orderly way, or long ago.
   */
  executorOf(runId: string): Promise<"alive" | "gone" | "unmarked">;
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
  /** Entries in order of their sequence, or newest first. Each one's signature has been checked; see LedgerReader. */
  entries(query: EntryQuery): Promise<readonly Entry[]>;
  /** Decisions of allowed runs that have no outcome, oldest first; each one's signature has been checked. */
  openRuns(): Promise<readonly Entry[]>;
  close(): Promise<void>;
}

/** The newest entry that the guard knows it wrote, kept outside the ledger. */
export interface KnownHead extends KnownChain {
  readonly key_id: string;
}

/**
 * A guard once found this ledger with so many entries and no known head, checked what was there and went on with it: what
 * may have been cut from its end before, nobody can tell. Stays until a person accepts it.
 */
export interface TakenOver {
  readonly at: string;
  readonly entries: number;
}

/** A loss that a person has accepted: the entries after `kept` up to `sequence` are gone. */
export interface AcceptedLoss {
  readonly accepted_at: string;
  readonly kept: number;
  readonly sequence: number;
  /** No head was known, so nobody can tell how many there were; `sequence` is as many as were left. */
  readonly head_unknown?: true;
}

/**
 * The port for those who check and show a ledger as it lies there, tampered or not: `verify`, `receipts`, exports.
 * Opening and reading create nothing. Methods throw EnactError LEDGER_UNAVAILABLE when the ledger cannot be read at all.
 */
export interface LedgerReader {
  /** Where it lies, for people. */
  readonly location: string;
  /** False when there is no ledger yet (or no longer: see `known`). */
  readonly exists: boolean;
  /** Read before the lines are, so that a guard at work cannot make an untouched ledger look cut. */
  readonly known: KnownHead | null;
  readonly takenOver: TakenOver | null;
  readonly acceptedLosses: readonly AcceptedLoss[];
  /** What was changed about the store itself, as a sentence; null when nothing was. */
  readonly structureProblem: string | null;
  readonly keys: KeyFinder & { readonly location: string };
  /** All lines in their order, as one snapshot. */
  lines(): Iterable<StoredLine>;
  /** At most `limit` lines behind a place, in their order, exactly as they lie there. Each call is a look of its own. */
  linesAfter(sequence: number, limit: number): readonly StoredLine[];
  /** Lines whose entries match; not checked, and what is unreadable matches nothing. */
  find(query: EntryQuery): readonly StoredLine[];
  /**
   * Takes the ledger as it lies there for the whole one from now on, and keeps a note of it. For a person who knows why
   * entries are gone, or why no head is known; the chain that is left must verify.
   */
  acceptLoss(kept: number, now: Date): void;
  close(): void;
}
