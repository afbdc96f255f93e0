import { isEnactError } from "../../errors.js";
import { plainText } from "../../guard/text.js";
import type { NoteKey } from "../../receipts/checkpoint.js";
import { parseCheckpoint, parseNote } from "../../receipts/checkpoint.js";
import { broken, readKept } from "../../receipts/checkpoint-make.js";
import { LedgerScan } from "../../receipts/checkpoint-scan.js";
import type { StoredLine } from "../../receipts/check.js";
import type { KeyFinder } from "../../receipts/signing.js";
import { readText } from "./files.js";

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
    const scan = new LedgerScan({ keys: log.keys, vouched: null, sizes: () => [checkpoint.size] });
    for (const line of log.lines()) {
      scan.add(line);
      if (scan.tree.size === checkpoint.size) break;
    }
    const problem = broken(checkpoint, scan);
    return verdict(problem === null ? null : `the checkpoint is broken: ${problem}`, key.key_id);
  } catch (error) {
    if (!isEnactError(error) || !["TAMPERED", "KEY_UNUSABLE"].includes(error.code)) throw error;
    return verdict(`${error.message}${error.hint === undefined ? "" : `. ${error.hint.replace(/\.$/u, "")}`}`, null);
  }
}

/** For the end of what verify prints. */
export function checkpointLine({ ok, message, file, key_id }: CheckpointVerdict): string {
  const by = key_id === null ? "" : `, signed with ${key_id}`;
  return `${ok ? "✓" : "✗"} ${plainText(message, 600)} (${plainText(file, 400)}${by})\n`;
}

function capital(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;
}
