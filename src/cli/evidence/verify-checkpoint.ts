import { resolve } from "node:path";

import { isEnactError } from "../../errors.js";
import { plainText } from "../../guard/text.js";
import type { Checkpoint, NoteKey } from "../../receipts/checkpoint.js";
import { parseCheckpoint, parseNote } from "../../receipts/checkpoint.js";
import type { CheckpointKeys } from "../../receipts/checkpoint-keys.js";
import { broken, readKept } from "../../receipts/checkpoint-make.js";
import { LedgerScan } from "../../receipts/checkpoint-scan.js";
import type { StoredLine } from "../../receipts/check.js";
import type { MerkleTree } from "../../receipts/merkle.js";
import type { KeyFinder } from "../../receipts/signing.js";
import { readPublicKey, readText } from "./files.js";

/** What a kept checkpoint says about a log. */
export interface CheckpointVerdict {
  readonly ok: boolean;
  /** A sentence. */
  readonly message: string;
  readonly file: string;
  readonly origin: string;
  readonly size: number;
  /** Null when no trusted key signed it. */
  readonly key_id: string | null;
}

/** A log, as far as it is compared with a checkpoint. */
export interface ComparedLog {
  readonly keys: KeyFinder;
  lines(): Iterable<StoredLine>;
  /** For a part of a log: the tree over what came before it. Which log that was cannot be seen from a part. */
  before?(): MerkleTree | null;
}

/**
 * Says whether a log still begins with exactly what a checkpoint promised. Trusts nothing of the machine that the log lies
 * on but the public key: not the known head, nor that signatures are right.
 * @throws EnactError NOT_FOUND and INVALID_INPUT for a file that is no checkpoint; LEDGER_UNAVAILABLE
 */
export function verifyCheckpoint(file: string, log: ComparedLog, trusted: readonly NoteKey[]): CheckpointVerdict {
  const note = readText(file);
  const { origin, size } = parseCheckpoint(parseNote(note).text);
  const verdict = (problem: string | null, key_id: string | null): CheckpointVerdict => {
    const count = size === 1 ? "1 receipt" : `${String(size)} receipts`;
    const holds = `The checkpoint of ${count} holds: the first ${count} are exactly the ones it promised`;
    return { ok: problem === null, message: `${problem === null ? holds : capital(problem)}.`, file, origin, size, key_id };
  };
  try {
    const { checkpoint, key } = readKept(note, trusted);
    const problem = difference(checkpoint, log);
    return verdict(problem === null ? null : `the checkpoint is broken: ${problem}`, key.key_id);
  } catch (error) {
    if (!isEnactError(error) || !["TAMPERED", "KEY_UNUSABLE"].includes(error.code)) throw error;
    return verdict(`${error.message}${error.hint === undefined ? "" : `. ${error.hint.replace(/\.$/u, "")}`}`, null);
  }
}

/** The keys of these files and no others, or those that are held. @throws EnactError NOT_FOUND, INVALID_INPUT */
export function trustedKeys(files: readonly string[] | undefined, cwd: string, held: CheckpointKeys): readonly NoteKey[] {
  return files?.map((file) => readPublicKey(resolve(cwd, file))) ?? held.trusted();
}

function difference(checkpoint: Checkpoint, log: ComparedLog): string | null {
  const before = log.before?.() ?? null;
  const { origin, size } = checkpoint;
  if (before !== null && size < before.size) return `it promises ${String(size)} receipts, and the part begins after number ${String(before.size)}`;
  const scan = new LedgerScan({ keys: log.keys, vouched: null, sizes: () => [size], ...(before === null ? {} : { after: { origin, tree: before } }) });
  for (const line of log.lines()) {
    if (scan.tree.size === size) break;
    scan.add(line);
  }
  return broken(checkpoint, scan);
}

/** For the end of what verify prints. */
export function checkpointLine({ ok, message, file, key_id }: CheckpointVerdict): string {
  const by = key_id === null ? "" : `, signed with ${key_id}`;
  return `${ok ? "✓" : "✗"} ${plainText(message, 600)} (${plainText(file, 400)}${by})\n`;
}

function capital(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;
}
