import { digestBytes } from "./canonical.js";
import type { CheckedEntry, KnownChain, Problem, ProblemKind, StoredLine } from "./check.js";
import { checkLine } from "./check.js";
import type { ChainPosition } from "./entry.js";
import type { KeyFinder } from "./signing.js";

export interface Evidence {
  readonly keys: KeyFinder;
  readonly known: KnownChain | null;
  /** The last entry before the problem. */
  readonly head: ChainPosition;
}

/** Kinds that one reading cannot tell apart. The others say by themselves what was done. */
const OPEN: readonly ProblemKind[] = ["edited", "removed", "reordered", "replaced", "cut", "unknown_key"];

/**
 * Finds out what was done to the first wrong entry, by reading all lines once more: is the entry that belongs there
 * somewhere else, is what stands in its place a copy of another one, does what follows lead to the known head?
 *
 * What it says is what the lines show. Whoever holds no key cannot make an edited entry look genuine, but can combine
 * several changes so that they look like one.
 */
export function diagnose(problem: Problem, lines: () => Iterable<StoredLine>, evidence: Evidence): Problem {
  if (!OPEN.includes(problem.kind)) return problem;
  const { known, head } = evidence;
  if (known !== null && problem.sequence > 0 && (problem.kind === "cut" || head.sequence + 1 === known.sequence)) {
    const other = otherLedger(lines, known);
    if (other !== null) return other;
  }
  if (problem.kind === "cut") return problem;
  const found = search(lines, evidence);
  if (found.first === null || !fits(found.first, head)) return named(problem, found, evidence);
  if (problem.kind !== "replaced") return misplaced(head.sequence + 1, found.place ?? 0);
  // Right by itself, and yet not the one that is known: that one comes later, or the ledger forked somewhere before.
  return found.holdsKnownHead ? inserted(found.first, head) : forked(problem, lines, known);
}

interface Found {
  /** What stands where the entry belongs. */
  readonly place: number | undefined;
  /** The same, if it is genuine. */
  readonly first: CheckedEntry | null;
  /** Another line has the very same bytes. */
  readonly isCopy: boolean;
  /** Another one has its number: of two copies of the ledger that went on by themselves, it is of the other one. */
  readonly hasRival: boolean;
  /** The place at which the entry that belongs here was found instead; null when it is nowhere. */
  readonly elsewhere: number | null;
  /** From here on each entry follows the one before it, up to the known head. */
  readonly leadsToKnownHead: boolean;
  /** Somewhere behind the break stands the known head. */
  readonly holdsKnownHead: boolean;
}

/** Looks at every line for what it says about the one at which the chain broke. */
function search(lines: () => Iterable<StoredLine>, { keys, known, head }: Evidence): Found {
  const suspect = nth(lines(), head.sequence);
  const checked = suspect === undefined ? null : checkLine(suspect, keys);
  const first = checked !== null && "good" in checked ? checked.good : null;
  const number = first === null ? "" : `"sequence":${String(first.entry.sequence)},`;
  const successor = `"previous":"${head.hash}"`;
  const found = { isCopy: false, hasRival: false, elsewhere: null as number | null };
  const tail = new Tail(known);
  let order = 0;
  for (const line of lines()) {
    order += 1;
    const isSuspect = order === head.sequence + 1;
    const bytes = Buffer.from(line.bytes.buffer, line.bytes.byteOffset, line.bytes.byteLength);
    if (order > head.sequence) tail.add(bytes);
    if (isSuspect || suspect === undefined) continue;
    if (first !== null && bytes.includes(number)) {
      if (bytes.equals(suspect.bytes)) found.isCopy = true;
      else if (!found.hasRival) found.hasRival = sequenceOf(line, keys) === first.entry.sequence;
    }
    const mayBelong = found.elsewhere === null && order > head.sequence && bytes.includes(successor);
    if (mayBelong && belongs(line, keys, head)) found.elsewhere = line.sequence ?? order;
  }
  return { ...found, place: suspect?.sequence, first, leadsToKnownHead: tail.reachesKnown, holdsKnownHead: tail.holdsKnown };
}

/** Follows the entries behind the break as far as each names the one before it. */
class Tail {
  reachesKnown = false;
  holdsKnown = false;
  readonly #known: KnownChain | null;
  #hash: string | null = null;
  #isWhole = true;

  constructor(known: KnownChain | null) {
    this.#known = known;
  }

  add(bytes: Buffer): void {
    const hash = digestBytes(bytes);
    if (this.#hash !== null && !bytes.includes(`"previous":"${this.#hash}"`)) this.#isWhole = false;
    this.#hash = hash;
    if (hash !== this.#known?.hash) return;
    this.holdsKnown = true;
    if (this.#isWhole) this.reachesKnown = true;
  }
}

function named(problem: Problem, found: Found, { known, head }: Evidence): Problem {
  const sequence = head.sequence + 1;
  const at = { sequence, run_id: found.first?.entry.run_id ?? null };
  const here = `Receipt ${String(sequence)}`;
  if (found.isCopy && found.first !== null) {
    const gone = found.elsewhere === null && known !== null && sequence <= known.sequence ? ` ${here} itself is gone.` : "";
    return { kind: "duplicated", ...at, message: `A copy of receipt ${String(found.first.entry.sequence)} stands in the place of receipt ${String(sequence)}.${gone}` };
  }
  if (found.elsewhere !== null) {
    const isOwn = found.first !== null && !found.hasRival;
    if (isOwn || isGap(found, sequence)) return misplaced(sequence, found.elsewhere);
    return inserted(found.first, head);
  }
  if (known !== null && sequence > known.sequence && problem.kind !== "removed" && problem.kind !== "unknown_key") {
    const why = found.first === null ? "does not fit its signature" : "does not follow the one before it";
    const message = `${here} ${why}, and the last one that the guard is known to have written is ${String(known.sequence)}: it was added behind the end`;
    return { kind: "inserted", ...at, message };
  }
  return withoutOriginal(problem, found, head, at);
}

function inserted(first: CheckedEntry | null, head: ChainPosition): Problem {
  const sequence = head.sequence + 1;
  const here = `receipt ${String(sequence)}`;
  const other = first === null ? "something that does not fit its signature" : `${first.entry.sequence === sequence ? "another " : ""}receipt ${String(first.entry.sequence)}`;
  const message = `In the place of ${here} stands ${other}, which the guard never wrote there; ${here} itself comes later`;
  return { kind: "inserted", sequence, run_id: first?.entry.run_id ?? null, message };
}

function misplaced(sequence: number, place: number): Problem {
  const message = `Receipt ${String(sequence)} is not in its place but in the place ${String(place)}: receipts were put in another order`;
  return { kind: "reordered", sequence, run_id: null, message };
}

/** The entry that belongs here is nowhere. */
function withoutOriginal(problem: Problem, found: Found, head: ChainPosition, at: { readonly sequence: number; readonly run_id: string | null }): Problem {
  const { first } = found;
  if (first === null || problem.kind === "removed" || problem.kind === "unknown_key") return problem;
  const { sequence } = at;
  if (first.entry.sequence > sequence && !found.hasRival) {
    const last = first.entry.sequence - 1;
    const gone = last === sequence ? `Receipt ${String(sequence)} was` : `Receipts ${String(sequence)} to ${String(last)} were`;
    return { kind: "removed", ...at, run_id: null, message: `${gone} removed: receipt ${String(first.entry.sequence)} comes next` };
  }
  if (found.leadsToKnownHead && first.entry.sequence >= head.sequence) return wrongBefore(first, head);
  const message = `Receipt ${String(sequence)} is genuine but comes from another copy of the ledger: it does not follow the one before it`;
  return { kind: "replaced", ...at, message };
}

/** All that follows is what the guard wrote, so the one before is wrong, although it fits what comes before it. */
function wrongBefore({ entry }: CheckedEntry, { sequence }: ChainPosition): Problem {
  const at = { sequence, run_id: null };
  const here = `Receipt ${String(sequence)} is genuine but comes from another copy of the ledger`;
  if (entry.sequence === sequence) return { kind: "inserted", ...at, message: `${here}: the one that the guard wrote comes after it` };
  return { kind: "replaced", ...at, message: `${here}: what follows does not follow it` };
}

function isGap({ place }: Found, sequence: number): boolean {
  return place !== undefined && place !== sequence;
}

function fits(first: CheckedEntry, head: ChainPosition): boolean {
  return first.entry.sequence === head.sequence + 1 && first.entry.previous === head.hash;
}

function sequenceOf(line: StoredLine, keys: KeyFinder): number | null {
  const checked = checkLine(line, keys);
  return "good" in checked ? checked.good.entry.sequence : null;
}

function belongs(line: StoredLine, keys: KeyFinder, head: ChainPosition): boolean {
  const checked = checkLine(line, keys);
  return "good" in checked && fits(checked.good, head);
}

/** The first entry is another one, and all that follows from it: this is not the ledger at all. */
function otherLedger(lines: () => Iterable<StoredLine>, { genesis, sequence }: KnownChain): Problem | null {
  const first = nth(lines(), 0);
  if (genesis === undefined || genesis === "" || first === undefined || digestBytes(first.bytes) === genesis) return null;
  const message = `This is another ledger: already its first receipt is not the one that the guard wrote, which is known to have written ${String(sequence)}. The whole ledger was replaced`;
  return { kind: "other_ledger", sequence: 1, run_id: null, message };
}

/** Where the copy went on by itself: the first allowed run that differs from those that the guard noted. */
function forked(problem: Problem, lines: () => Iterable<StoredLine>, known: KnownChain | null): Problem {
  if (problem.kind !== "replaced" || known?.runs === undefined) return problem;
  const noted = new Map<number, string>();
  for (const { sequence, run_id } of known.runs()) noted.set(sequence, run_id);
  let same = 0;
  let order = 0;
  for (const line of lines()) {
    order += 1;
    if (order > known.sequence) return problem;
    const entry = JSON.parse(Buffer.from(line.bytes).toString("utf8")) as { run_id: string; phase: string; decision: string };
    const found = entry.phase === "decision" && entry.decision === "PASS" ? entry.run_id : undefined;
    if (found === noted.get(order)) {
      if (found !== undefined) same = order;
      continue;
    }
    const from = same === 0 ? "" : ` Up to receipt ${String(same)} it is the one that the guard wrote.`;
    const message = `Receipt ${String(order)} is not the one that the guard wrote: the ledger was replaced by an older copy that went on by itself.${from}`;
    return { kind: "replaced", sequence: order, run_id: entry.run_id, message };
  }
  return problem;
}

function nth(lines: Iterable<StoredLine>, index: number): StoredLine | undefined {
  let order = 0;
  for (const line of lines) {
    if (order === index) return line;
    order += 1;
  }
  return undefined;
}
