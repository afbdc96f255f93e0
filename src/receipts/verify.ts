import type { Problem, StoredLine } from "./check.js";
import { checkNext } from "./check.js";
import type { ChainPosition } from "./entry.js";
import { CHAIN_START } from "./entry.js";
import type { Entry } from "./receipt.js";
import type { KeyFinder } from "./signing.js";

/** A run that was allowed and has no outcome: being done right now, or interrupted. */
export interface InterruptedRun {
  readonly run_id: string;
  readonly sequence: number;
  readonly workflow: string;
  readonly timestamp: string;
}

export interface VerifyReport {
  readonly ok: boolean;
  /** How many receipts were found right, from the first on. */
  readonly entries: number;
  /** The last of them. */
  readonly head: ChainPosition;
  readonly firstProblem?: Problem;
  /** Of the receipts that were found right; not a problem by itself. */
  readonly interrupted: readonly InterruptedRun[];
  /** Which key signed how many. */
  readonly keys: readonly { readonly key_id: string; readonly entries: number }[];
}

export interface VerifyOptions {
  readonly keys: KeyFinder;
  /** The head that is known from outside the ledger, read before the lines were; null when none is. */
  readonly known: ChainPosition | null;
}

/**
 * Verifies a whole ledger, line by line (what stays in memory is the id of each run): exact bytes, canonical form, signatures,
 * sequence, chain, the order of decisions and outcomes, and the head known from outside. Stops at the first problem.
 *
 * Needs node:crypto and no store: an auditor can run it over an exported file with nothing but the public key.
 *
 * @throws EnactError KEY_UNUSABLE when a key file must not be used
 */
export function verifyLines(lines: Iterable<StoredLine>, { keys, known }: VerifyOptions): VerifyReport {
  const runs = new Runs();
  const signedBy = new Map<string, number>();
  let head = CHAIN_START;
  const report = (firstProblem?: Problem): VerifyReport => ({
    ok: firstProblem === undefined,
    entries: head.sequence,
    head,
    ...(firstProblem === undefined ? {} : { firstProblem }),
    interrupted: runs.interrupted(),
    keys: [...signedBy].map(([key_id, entries]) => ({ key_id, entries })),
  });
  for (const line of lines) {
    const checked = checkNext(line, head, keys);
    if ("problem" in checked) return report(checked.problem);
    const { entry, hash } = checked.good;
    const problem = runs.add(entry) ?? headProblem(entry, hash, known);
    if (problem !== undefined) return report(problem);
    head = { sequence: entry.sequence, hash };
    signedBy.set(entry.key_id, (signedBy.get(entry.key_id) ?? 0) + 1);
  }
  return report(cutProblem(head, known));
}

function headProblem(entry: Entry, hash: string, known: ChainPosition | null): Problem | undefined {
  if (known === null || entry.sequence !== known.sequence || hash === known.hash) return undefined;
  const message = `Receipt ${String(entry.sequence)} is not the one that the guard wrote: the ledger was replaced by another copy that went on by itself`;
  return { kind: "replaced", sequence: entry.sequence, run_id: entry.run_id, message };
}

function cutProblem(head: ChainPosition, known: ChainPosition | null): Problem | undefined {
  if (known === null || head.sequence >= known.sequence) return undefined;
  const first = head.sequence + 1;
  const lost = first === known.sequence ? `receipt ${String(first)} is` : `receipts ${String(first)} to ${String(known.sequence)} are`;
  const what = head.sequence === 0 ? "The ledger is empty or gone" : `The ledger ends at receipt ${String(head.sequence)}`;
  const message = `${what}, but ${String(known.sequence)} were written: ${lost} missing. It was cut, deleted or replaced by an older copy`;
  return { kind: "cut", sequence: first, run_id: null, message };
}

/** Follows runs from decision to outcome. Only someone who holds the key can make these go wrong. */
class Runs {
  readonly #states = new Map<string, "blocked" | "open" | "closed">();
  readonly #open = new Map<string, InterruptedRun>();

  add(entry: Entry): Problem | undefined {
    const { run_id, sequence, workflow, timestamp } = entry;
    const state = this.#states.get(run_id);
    if (entry.phase === "decision") {
      if (state !== undefined) return forged(entry, "decides a run that was decided before");
      const isOpen = entry.decision === "PASS";
      this.#states.set(run_id, isOpen ? "open" : "blocked");
      if (isOpen) this.#open.set(run_id, { run_id, sequence, workflow, timestamp });
      return undefined;
    }
    if (state === undefined) return forged(entry, "is the outcome of a run that was never decided");
    if (state === "blocked") return forged(entry, "is the outcome of a run that was blocked");
    if (state === "closed") return forged(entry, "is a second outcome of its run");
    this.#states.set(run_id, "closed");
    this.#open.delete(run_id);
    return undefined;
  }

  interrupted(): readonly InterruptedRun[] {
    return [...this.#open.values()];
  }
}

function forged({ sequence, run_id }: Entry, what: string): Problem {
  const message = `Receipt ${String(sequence)} ${what}; the guard never writes such a receipt, so someone else used its key`;
  return { kind: "forged", sequence, run_id, message };
}
