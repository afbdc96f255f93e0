import { canonicalJson, digestBytes, isCanonical } from "./canonical.js";
import type { ChainPosition } from "./entry.js";
import type { Entry, JsonValue } from "./receipt.js";
import { shapeProblem } from "./shape.js";
import type { KeyFinder } from "./signing.js";
import { isSignedBy } from "./signing.js";

/** The exact bytes of an entry, as the store or an export holds them. */
export interface StoredLine {
  /** The place under which the store keeps them; left out for an export, where the order is the place. */
  readonly sequence?: number;
  readonly bytes: Uint8Array;
}

/**
 * What was done to the first wrong entry.
 *
 * edited: its content does not fit its signature, or its form was changed. removed: it is gone, and later ones are there.
 * inserted: something that the guard never wrote here stands before it, or behind the end. duplicated: a copy of another
 * receipt stands in its place. reordered: it is there, in another place. cut: the end is missing; the ledger was cut,
 * deleted, or replaced by an older copy. replaced: genuine receipts of another copy of this ledger, an older one that went
 * on by itself. other_ledger: the whole ledger is another one. forged: genuine signatures over something that the guard
 * never writes. approval: it says that a person approved, and that does not hold. unknown_key: signed by a key that is not
 * held. no_head: nothing is known outside the ledger of how long it should be. structure: the store itself was changed.
 */
export type ProblemKind =
  | "edited" | "removed" | "inserted" | "duplicated" | "reordered" | "cut" | "replaced" | "other_ledger"
  | "forged" | "approval" | "unknown_key" | "no_head" | "structure";

export interface Problem {
  readonly kind: ProblemKind;
  /** The place that is wrong; 0 when it is no single one. */
  readonly sequence: number;
  /** Null when it cannot be read, or not be believed. */
  readonly run_id: string | null;
  /** A sentence for a person. */
  readonly message: string;
}

/** What is known from outside the ledger of how it was. */
export interface KnownChain extends ChainPosition {
  /** Hash of the first entry. */
  readonly genesis?: string;
  /** Allowed decisions in order of their sequence, as the guard noted them when it wrote them. */
  readonly runs?: () => Iterable<KnownRun>;
}

export interface KnownRun {
  readonly sequence: number;
  readonly run_id: string;
}

/** An entry that is genuine: canonical, complete, and signed by a key that is held. */
export interface CheckedEntry {
  readonly entry: Entry;
  readonly hash: string;
}

export type Checked = { readonly good: CheckedEntry } | { readonly problem: Problem };

/** Not lenient: bytes that are not UTF-8 would otherwise be read as if they were something else. */
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Checks one line by itself: its exact bytes, its form and its signature, but not its place in the chain. */
export function checkLine(line: StoredLine, keys: KeyFinder): Checked {
  const read = readLine(line);
  if ("problem" in read) return read;
  const { entry } = read;
  const at = { sequence: entry.sequence, run_id: entry.run_id };
  const key = keys.find(entry.key_id);
  if (key === undefined) {
    const message = `Cannot verify receipt ${String(entry.sequence)}: key ${quoted(entry.key_id)} not found`;
    return { problem: { kind: "unknown_key", ...at, message } };
  }
  if (!isSignedBy(key, signedBytes(entry, line.bytes), entry.signature)) {
    const message = `Receipt ${String(entry.sequence)} was edited: its content does not fit its signature`;
    return { problem: { kind: "edited", ...at, sequence: line.sequence ?? entry.sequence, message } };
  }
  return { good: { entry, hash: digestBytes(line.bytes) } };
}

/** Checks one line as the entry that follows `after` in the chain. */
export function checkNext(line: StoredLine, after: ChainPosition, keys: KeyFinder): Checked {
  const expected = after.sequence + 1;
  if (line.sequence !== undefined && line.sequence > expected) return { problem: missing(expected, line.sequence) };
  const checked = checkLine(line, keys);
  if ("problem" in checked) return { problem: { ...checked.problem, sequence: line.sequence ?? expected } };
  const { entry } = checked.good;
  const at = { sequence: expected, run_id: entry.run_id };
  if (entry.sequence !== expected) {
    if (line.sequence === undefined && entry.sequence > expected) return { problem: missing(expected, entry.sequence) };
    const stands = `In the place of receipt ${String(expected)} stands receipt ${String(entry.sequence)}`;
    return { problem: { kind: "reordered", ...at, message: `${stands}: receipts were removed or put in another order` } };
  }
  if (line.sequence !== undefined && line.sequence !== expected) {
    return { problem: { kind: "reordered", ...at, message: `Receipt ${String(expected)} lies in the place ${String(line.sequence)}` } };
  }
  if (entry.previous !== after.hash) {
    const message = `Receipt ${String(expected)} is genuine but does not follow the one before it: one of them comes from another copy of the ledger`;
    return { problem: { kind: "replaced", ...at, message } };
  }
  return checked;
}

function missing(first: number, next: number): Problem {
  const one = next - first === 1;
  const which = one ? `Receipt ${String(first)} was removed` : `Receipts ${String(first)} to ${String(next - 1)} were removed`;
  return { kind: "removed", sequence: first, run_id: null, message: `${which}: receipt ${String(next)} comes next` };
}

function readLine(line: StoredLine): { readonly entry: Entry } | { readonly problem: Problem } {
  const sequence = line.sequence ?? 0;
  const edited = (why: string): { readonly problem: Problem } => {
    const which = sequence === 0 ? "A receipt" : `Receipt ${String(sequence)}`;
    return { problem: { kind: "edited", sequence, run_id: null, message: `${which} was edited: ${why}` } };
  };
  let text: string;
  let value: unknown;
  try {
    text = utf8.decode(line.bytes);
    value = JSON.parse(text);
  } catch {
    return edited("it is no longer readable as JSON");
  }
  const problem = shapeProblem(value);
  if (problem !== null) return edited(problem);
  if (!isCanonical(text, value as JsonValue)) {
    return edited("its text is not in canonical form (spaces, order, numbers written otherwise, or a member named twice)");
  }
  return { entry: value as Entry };
}

/** The bytes that the signature is over: the canonical text of everything but the signature. */
function signedBytes(entry: Entry, bytes: Uint8Array): Uint8Array {
  // The text is canonical, so the signature stands in it exactly once in this form, unless a nested member has the same
  // name and value; then, and only then, the slow way is taken.
  const member = Buffer.from(`"signature":${JSON.stringify(entry.signature)},`, "utf8");
  const whole = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = whole.indexOf(member);
  if (start !== -1 && whole.indexOf(member, start + 1) === -1) {
    return Buffer.concat([whole.subarray(0, start), whole.subarray(start + member.length)]);
  }
  const { signature: _signature, ...signed } = entry;
  return Buffer.from(canonicalJson(signed), "utf8");
}

/** Text from an entry that is not proved genuine, made safe to show. */
function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 100));
}
