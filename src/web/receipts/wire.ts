/**
 * What the receipts browser's server and its page say to each other. Types only: both sides import them.
 *
 * All text may come from a ledger that someone wrote into: the page shows it as text and nothing else.
 */

/**
 * OPEN: allowed, and without an outcome: running, or interrupted. WRONG: one of its receipts is not what the guard wrote.
 * MISSING: no run, but a place where receipts should be.
 */
export type RunState = "PASS" | "BLOCK" | "PARTIAL" | "ROLLED_BACK" | "OPEN" | "WRONG" | "MISSING";

/** A run in the timeline. */
export interface RunRow {
  /** The place of its first receipt in the ledger; the first missing place of a gap. */
  readonly sequence: number;
  /** The place of its last one. */
  readonly last: number;
  readonly state: RunState;
  /** When it was decided, in milliseconds; null when that cannot be read. */
  readonly at: number | null;
  /** From decision to outcome, in milliseconds. */
  readonly took: number | null;
  readonly run_id: string;
  readonly tool: string;
  /** What it was about: "agent/fix → origin". */
  readonly target: string;
  readonly person: string;
  readonly role: string;
  /** Policies that did not pass. */
  readonly stopped_by: readonly string[];
  /** The first reason against it, or the first error of an action. */
  readonly why: string;
  /** What is wrong with one of its receipts, as a sentence. */
  readonly problem: string | null;
}

export interface RunFilter {
  readonly states: readonly RunState[];
  readonly tool: string;
  readonly policy: string;
  readonly person: string;
  /** Milliseconds, inclusive; null for no bound. */
  readonly from: number | null;
  readonly to: number | null;
  /** Every receipt that says this anywhere, whatever the case. */
  readonly text: string;
}

export interface RunPage {
  readonly revision: string;
  /** Runs that match. */
  readonly total: number;
  readonly chunk: number;
  /** A hundred, in order of their sequence: the run `chunk * 100 + index` of all that match, oldest first. */
  readonly rows: readonly RunRow[];
}

export interface Facet {
  readonly name: string;
  readonly count: number;
}

export interface ProofProblem {
  readonly kind: string;
  /** The first place that is wrong; 0 when it is the ledger as a whole. */
  readonly sequence: number;
  readonly message: string;
}

/**
 * empty: nothing to prove. checking: for the first time, so far without a problem. whole: content, signatures, order, nothing
 * removed. wrong: see `problem`. unreadable: it cannot be read or there is no key to check with.
 */
export type ProofState = "empty" | "checking" | "whole" | "wrong" | "unreadable";

export interface LedgerProof {
  readonly state: ProofState;
  /** Receipts checked in the check under way, or in the last one. */
  readonly checked: number;
  readonly of: number;
  /** When the last check of all receipts ended, in milliseconds. */
  readonly at: number | null;
  /** Every receipt up to this place is proved. */
  readonly proved_to: number;
  readonly problem: ProofProblem | null;
  /** How many receipts are wrong or missing. */
  readonly problems: number;
}

export interface LedgerStatus {
  readonly project: string;
  readonly location: string;
  readonly exists: boolean;
  readonly revision: string;
  /** Receipts read so far, and how many there are. */
  readonly entries: number;
  readonly reading: boolean;
  /** The newest place. */
  readonly newest: number;
  readonly runs: number;
  readonly proof: LedgerProof;
  readonly states: Readonly<Record<RunState, number>>;
  readonly tools: readonly Facet[];
  readonly people: readonly Facet[];
  /** By how many runs each policy stopped. */
  readonly policies: readonly Facet[];
  readonly keys: readonly { readonly key_id: string; readonly entries: number }[];
  readonly losses: readonly { readonly accepted_at: string; readonly kept: number; readonly sequence: number | null }[];
}

export interface Changes {
  readonly status: LedgerStatus;
  readonly total: number;
  /** The first of the matching runs (oldest first) that may be another than at the revision asked for; equal to `total` when none is. */
  readonly changed_from: number;
}

/** Calls over time; every list has one number for each step. */
export interface TimeChart {
  readonly from: number;
  readonly step: number;
  readonly counts: Readonly<Record<RunState, readonly number[]>>;
}

export interface PolicyBar {
  readonly policy: string;
  readonly judged: number;
  readonly stopped: number;
}

export interface Charts {
  readonly revision: string;
  readonly time: TimeChart | null;
  readonly policies: readonly PolicyBar[];
  /** How many more policies there are. */
  readonly more: number;
}

export type SignatureState = "valid" | "invalid" | "unknown_key" | "unreadable";

/** One receipt with its proof. */
export interface ReceiptDetail {
  readonly sequence: number;
  /** The receipt, when it is genuine. */
  readonly entry: Readonly<Record<string, unknown>> | null;
  /** What lies there, when it is not; shown as a quotation, at most its first 20,000 characters. */
  readonly raw: string | null;
  readonly problem: string | null;
  readonly signature: { readonly state: SignatureState; readonly algorithm: string; readonly key_id: string };
  readonly hash: string;
  readonly bytes: number;
  /** The receipt before; null for the first one. */
  readonly previous: { readonly sequence: number; readonly hash: string | null; readonly fits: boolean } | null;
  /** The receipt after, if there is one. */
  readonly next: { readonly sequence: number; readonly fits: boolean } | null;
}

export interface RunDetail {
  readonly row: RunRow;
  readonly receipts: readonly ReceiptDetail[];
  readonly key_location: string;
}

export interface WireError {
  readonly error: { readonly code: string; readonly message: string; readonly hint?: string };
}
