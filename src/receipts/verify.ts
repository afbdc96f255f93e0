import type { KnownChain, Problem, StoredLine } from "./check.js";
import { checkNext } from "./check.js";
import { diagnose } from "./diagnose.js";
import type { ChainPosition } from "./entry.js";
import { CHAIN_START } from "./entry.js";
import type { Entry } from "./receipt.js";
import type { InterruptedRun } from "./runs.js";
import { RunOrder } from "./runs.js";
import type { KeyFinder } from "./signing.js";

export type { KnownChain, KnownRun } from "./check.js";
export type { InterruptedRun } from "./runs.js";

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

/**
 * Something else that must hold of every entry, such as its approval. Gets each entry that was found genuine and in its
 * place, in order, so it may remember earlier ones.
 */
export type EntryCheck = (entry: Entry) => Problem | null;

/** Says of an entry's approval why it does not hold, as a clause; null when it does, or when there is none. */
export type ApprovalProblem = (entry: Entry) => string | null;

export function approvalCheck(problemOf: ApprovalProblem): EntryCheck {
  return (entry) => {
    const why = problemOf(entry);
    const { sequence, run_id } = entry;
    return why === null ? null : { kind: "approval", sequence, run_id, message: `Receipt ${String(sequence)} is genuine, but its approval does not hold: ${why}` };
  };
}

export interface VerifyOptions {
  readonly keys: KeyFinder;
  /** The head that is known from outside the ledger, read before the lines were; null when none is. */
  readonly known: KnownChain | null;
  readonly checks?: readonly EntryCheck[];
  /**
   * Reads the lines once more. Only when something is wrong, to find out what was done: whether an entry that is not in
   * its place is somewhere else can be said only by who has seen all of them. Needed where `lines` can be read only once.
   */
  readonly again?: () => Iterable<StoredLine>;
}

/**
 * Verifies a whole ledger, line by line (what stays in memory is the id of each run): exact bytes, canonical form, signatures,
 * sequence, chain, the order of decisions and outcomes, and the head known from outside. Stops at the first problem.
 *
 * Needs node:crypto and no store: an auditor can run it over an exported file with nothing but the public key.
 *
 * @throws EnactError KEY_UNUSABLE when a key file must not be used
 */
export function verifyLines(lines: Iterable<StoredLine>, options: VerifyOptions): VerifyReport {
  const { keys, known, checks = [] } = options;
  const runs = new RunOrder();
  const signedBy = new Map<string, number>();
  let head = CHAIN_START;
  const report = (found?: Problem): VerifyReport => {
    const firstProblem = found === undefined ? undefined : diagnosed(found, lines, head, options);
    return {
      ok: firstProblem === undefined,
      entries: firstProblem === undefined || firstProblem.sequence < 1 ? head.sequence : Math.min(head.sequence, firstProblem.sequence - 1),
      head,
      ...(firstProblem === undefined ? {} : { firstProblem }),
      interrupted: runs.interrupted(),
      keys: [...signedBy].map(([key_id, entries]) => ({ key_id, entries })),
    };
  };
  for (const line of lines) {
    const checked = checkNext(line, head, keys);
    if ("problem" in checked) return report(checked.problem);
    const { entry, hash } = checked.good;
    const problem = runs.add(entry) ?? headProblem(entry, hash, known) ?? firstOf(checks, entry);
    if (problem !== null) return report(problem);
    head = { sequence: entry.sequence, hash };
    signedBy.set(entry.key_id, (signedBy.get(entry.key_id) ?? 0) + 1);
  }
  return report(cutProblem(head, known));
}

/** Lines that can be read only once, and no way to read them again: what the first reading saw has to do. */
function diagnosed(problem: Problem, lines: Iterable<StoredLine>, head: ChainPosition, { keys, known, again }: VerifyOptions): Problem {
  const reread = again ?? (Array.isArray(lines) ? () => lines as readonly StoredLine[] : undefined);
  return reread === undefined ? problem : diagnose(problem, reread, { keys, known, head });
}

function firstOf(checks: readonly EntryCheck[], entry: Entry): Problem | null {
  for (const check of checks) {
    const problem = check(entry);
    if (problem !== null) return problem;
  }
  return null;
}

/** At the place of the known head stands another receipt. */
export function headProblem(entry: Entry, hash: string, known: KnownChain | null): Problem | null {
  if (known === null || entry.sequence !== known.sequence || hash === known.hash) return null;
  const message = `Receipt ${String(entry.sequence)} is not the one that the guard wrote: the ledger was replaced by another copy that went on by itself`;
  return { kind: "replaced", sequence: entry.sequence, run_id: entry.run_id, message };
}

/** The lines end before the known head. */
export function cutProblem(head: ChainPosition, known: KnownChain | null): Problem | undefined {
  if (known === null || head.sequence >= known.sequence) return undefined;
  const first = head.sequence + 1;
  const lost = first === known.sequence ? `receipt ${String(first)} is` : `receipts ${String(first)} to ${String(known.sequence)} are`;
  const what = head.sequence === 0 ? "The ledger is empty or gone" : `The ledger ends at receipt ${String(head.sequence)}`;
  const message = `${what}, but ${String(known.sequence)} were written: ${lost} missing. It was cut, deleted or replaced by an older copy`;
  return { kind: "cut", sequence: first, run_id: null, message };
}
