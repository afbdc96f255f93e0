import { EnactError } from "../errors.js";
import { digestBytes } from "./canonical.js";
import type { Problem, StoredLine } from "./check.js";
import { checkLine, checkNext } from "./check.js";
import type { ChainPosition } from "./entry.js";
import { CHAIN_START } from "./entry.js";
import type { LedgerReader } from "./ledger.js";
import type { KeyFinder } from "./signing.js";
import { verifyLedger } from "./verify-ledger.js";

/**
 * Follows the chain of a ledger line by line and says whether it is whole, without checking each signature anew.
 *
 * An entry holds the hash of the one before it, so the hash of one entry vouches for all before it. The guard moves the known
 * head only over entries that it wrote or checked itself: up to there, the chain alone is proof. What comes behind it, and
 * the last entry in any case, is checked in full. That takes microseconds where a signature takes a hundred.
 */
export class ChainWalk {
  readonly #keys: KeyFinder;
  readonly #vouched: ChainPosition;
  #head: ChainPosition = CHAIN_START;
  #last: StoredLine | undefined;
  #broken = false;

  /** @param vouched a place whose hash comes from outside the ledger, or from a full verification of it */
  constructor(keys: KeyFinder, vouched: ChainPosition) {
    this.#keys = keys;
    this.#vouched = vouched;
  }

  /** The last entry that was in its place. */
  get head(): ChainPosition {
    return this.#head;
  }

  /** Takes the next line. Once something was wrong, it only counts for isWhole. */
  add(line: StoredLine): void {
    if (this.#broken) return;
    const hash = digestBytes(line.bytes);
    this.#broken = !this.#follows(line, hash);
    if (this.#broken) return;
    this.#head = { sequence: this.#head.sequence + 1, hash };
    this.#last = line;
  }

  /** Says whether all lines are what was written. Ask when there are no more. */
  isWhole(): boolean {
    if (this.#broken || this.#head.sequence < this.#vouched.sequence) return false;
    return this.#last === undefined || "good" in checkLine(this.#last, this.#keys);
  }

  #follows(line: StoredLine, hash: string): boolean {
    const sequence = this.#head.sequence + 1;
    if (line.sequence !== undefined && line.sequence !== sequence) return false;
    if (sequence > this.#vouched.sequence) return "good" in checkNext(line, this.#head, this.#keys);
    if (sequence === this.#vouched.sequence && hash !== this.#vouched.hash) return false;
    // The bytes come from a chain whose end is vouched for: each entry that is read this way is proved by the one behind it.
    return textMember(line.bytes, "previous") === this.#head.hash;
  }
}

/**
 * A text member of an entry, such as `previous`. The entry's own counts, not one of a nested object that somebody gave such a
 * member, so the text is parsed unless the member stands in it just once. Null when there is none.
 *
 * Not for entries that nothing vouches for: what is no entry at all may seem to have one.
 */
export function textMember(bytes: Uint8Array, name: string): string | null {
  const whole = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const mark = `"${name}":"`;
  const start = whole.indexOf(mark);
  if (start !== -1 && whole.indexOf(mark, start + 1) === -1) {
    const end = whole.indexOf('"', start + mark.length);
    return whole.toString("utf8", start + mark.length, end);
  }
  try {
    const { [name]: value } = JSON.parse(whole.toString("utf8")) as Readonly<Record<string, unknown>>;
    return typeof value === "string" ? value : null;
  } catch {
    return null;
  }
}

/** Where a ChainWalk may begin to trust, or what is wrong. */
export type Vouched = { readonly head: ChainPosition } | { readonly problem: Problem };

/**
 * The known head; where none is known, or it was gone once, the head after a full verification.
 * @throws EnactError KEY_UNUSABLE, LEDGER_UNAVAILABLE
 */
export function vouchedHead(reader: LedgerReader): Vouched {
  if (reader.structureProblem !== null) return { problem: structure(reader.structureProblem) };
  if (reader.known !== null && reader.takenOver === null) return { head: reader.known };
  const report = verifyLedger(reader);
  return report.firstProblem === undefined ? { head: report.head } : { problem: report.firstProblem };
}

/**
 * Names the first wrong entry, after a ChainWalk has found that there is one.
 * @throws EnactError KEY_UNUSABLE, LEDGER_UNAVAILABLE
 */
export function firstProblem(reader: LedgerReader): Problem {
  return verifyLedger(reader).firstProblem ?? structure("The ledger was changed while it was read, and verifies again now");
}

function structure(message: string): Problem {
  return { kind: "structure", sequence: 0, run_id: null, message };
}

/** A ledger that does not verify, for those who need one that does. */
export function unproved(problem: Problem): EnactError {
  if (problem.kind === "unknown_key") {
    return new EnactError("KEY_UNUSABLE", problem.message, { hint: "Put that key back, or set ENACT_SECRET as it was, and try again." });
  }
  const accept = problem.kind === "no_head" ? " Who knows why can accept it: enact-guard verify --accept-loss." : "";
  return new EnactError("TAMPERED", problem.message, { hint: `Run enact-guard verify to see more. Nothing is signed over a ledger that does not verify.${accept}` });
}
