import { EnactError } from "../../errors.js";
import type { CheckedEntry, Problem } from "../../receipts/check.js";
import { checkNext } from "../../receipts/check.js";
import type { ChainPosition } from "../../receipts/entry.js";
import { CHAIN_START } from "../../receipts/entry.js";
import type { Keys } from "../../receipts/keys.js";
import type { Database } from "./database.js";
import type { KnownLedger, KnownLedgers } from "./known.js";
import { lastPosition, linesAfter, positionAt } from "./lines.js";

export interface CaughtUp {
  /** The last entry that both sides now agree on. */
  readonly head: ChainPosition;
  readonly known: KnownLedger | null;
  /** True when there are more entries to take over: call again. */
  readonly isBehind: boolean;
}

/**
 * Compares the ledger with its known head, and takes over what the ledger has beyond it: entries of a guard that was
 * stopped before it could note its head, or of another user's guard. They must follow the known head and be genuine.
 *
 * @throws EnactError TAMPERED when the ledger is not, or no longer, the one that was written
 */
export function catchUp(db: Database, ledgers: KnownLedgers, keys: Keys, path: string, limit: number): CaughtUp {
  // The known head first: read the other way round, a guard at work would make the ledger look cut.
  const noted = ledgers.find(path, null);
  const last = lastPosition(db);
  const known = noted ?? (last === null ? null : knownAnew(db, ledgers, path, last));
  if ((known === null || known.sequence === 0) && last === null) return { head: CHAIN_START, known, isBehind: false };
  const from = known ?? CHAIN_START;
  if (last === null || last.sequence < from.sequence) throw cut(last?.sequence ?? 0, from.sequence);
  const sameHead = known === null || known.sequence === 0 || (last.sequence === known.sequence ? last : positionAt(db, known.sequence))?.hash === known.hash;
  if (!sameHead) throw replacedLedger(from.sequence);
  if (known !== null && last.sequence === known.sequence) {
    if (keys.find(known.key_id) === undefined) throw keyIsGone(known.key_id, keys.location);
    return { head: known, known, isBehind: false };
  }
  const entries = takeOver(db, keys, from, limit);
  ledgers.advance(path, entries);
  const newest = entries.at(-1);
  const head = newest === undefined ? from : { sequence: newest.entry.sequence, hash: newest.hash };
  return { head, known: ledgers.find(path, null), isBehind: head.sequence < last.sequence };
}

/**
 * A ledger without a known head: moved here from another place; or somebody has deleted the head, and perhaps the end of the
 * ledger with it. What is there is checked and the guard goes on, and from now on the list says that it was so.
 */
function knownAnew(db: Database, ledgers: KnownLedgers, path: string, last: ChainPosition): KnownLedger | null {
  const moved = ledgers.find(path, positionAt(db, 1)?.hash ?? null);
  if (moved === null) ledgers.begin(path, { at: new Date().toISOString(), entries: last.sequence });
  else ledgers.advance(path, [], moved);
  return ledgers.find(path, null);
}

function takeOver(db: Database, keys: Keys, from: ChainPosition, limit: number): readonly CheckedEntry[] {
  const entries: CheckedEntry[] = [];
  let head = from;
  for (const line of linesAfter(db, from.sequence, limit)) {
    const checked = checkNext(line, head, keys);
    if ("problem" in checked) throw problemError(checked.problem, keys.location);
    entries.push(checked.good);
    head = { sequence: checked.good.entry.sequence, hash: checked.good.hash };
  }
  return entries;
}

function problemError(problem: Problem, location: string): EnactError {
  if (problem.kind === "unknown_key") {
    return new EnactError("KEY_UNUSABLE", `${problem.message} in ${location}`, { hint: hintForKey(location) });
  }
  return tampered(problem.message);
}

function keyIsGone(keyId: string, location: string): EnactError {
  const message = `The ledger's receipts are signed with key ${keyId}, which is not in ${location}`;
  return new EnactError("KEY_UNUSABLE", message, { hint: hintForKey(location) });
}

function hintForKey(location: string): string {
  return `Put that key back into ${location} (or set ENACT_SECRET as it was). If it is lost, move .enact/ledger.sqlite away, keep it, and run enact-guard verify.`;
}

function cut(last: number, known: number): EnactError {
  const what = last === 0 ? "The ledger is gone" : `The ledger ends at receipt ${String(last)}`;
  return tampered(`${what}, but ${String(known)} were written: it was cut, deleted or replaced by an older copy`);
}

function replacedLedger(sequence: number): EnactError {
  return tampered(`Receipt ${String(sequence)} is not the one that the guard wrote: the ledger was replaced by another copy`);
}

function tampered(message: string): EnactError {
  const hint = "Run enact-guard verify. A person who knows why receipts are missing can accept it with enact-guard verify --accept-loss.";
  return new EnactError("TAMPERED", message, { hint });
}

/** A ledger that has a known head and is not there any more. @throws EnactError TAMPERED */
export function refuseMissingLedger(known: KnownLedger | null): void {
  if (known !== null && known.sequence > 0) throw cut(0, known.sequence);
}
