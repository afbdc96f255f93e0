import { EnactError } from "../errors.js";
import type { Checkpoint, NoteKey, NoteSigner } from "./checkpoint.js";
import { checkpointText, noteSignedBy, parseCheckpoint, parseNote, signNote } from "./checkpoint.js";
import type { CheckpointKeys } from "./checkpoint-keys.js";
import type { LedgerScan } from "./checkpoint-scan.js";
import { sameHash } from "./merkle.js";

export interface MadeCheckpoint {
  readonly checkpoint: Checkpoint;
  readonly note: string;
  readonly signer: NoteSigner;
}

/** The sizes that a scan has to look at so that makeCheckpoint can compare with the checkpoint before. */
export function lastSize(keys: CheckpointKeys): (origin: string) => readonly number[] {
  return (origin) => {
    const last = lastCheckpoint(keys, origin);
    return last === null ? [] : [last.size];
  };
}

/**
 * Signs a checkpoint over a scanned ledger that is whole, and keeps it as the newest one. Never signs two that contradict
 * each other: who holds the older one could not tell which of them to believe.
 * @throws EnactError NOT_FOUND for an empty ledger; TAMPERED when it contradicts an earlier one; KEY_UNUSABLE
 */
export function makeCheckpoint(scan: LedgerScan, keys: CheckpointKeys): MadeCheckpoint {
  const { origin, tree } = scan;
  if (origin === null) {
    throw new EnactError("NOT_FOUND", "There are no receipts yet, so there is nothing to promise", { hint: "A guarded call makes the first one." });
  }
  const last = lastCheckpoint(keys, origin);
  const contradiction = last === null ? null : broken(last, scan);
  if (contradiction !== null) {
    throw new EnactError("TAMPERED", `This ledger contradicts the checkpoint that was made here before: ${contradiction}`, {
      hint: "Nothing is signed. Keep the ledger and the earlier checkpoint as evidence, and find out who changed it.",
    });
  }
  const signer = keys.signer(scan.newestKey());
  const checkpoint = { origin, size: tree.size, root: tree.root() };
  const note = signNote(checkpointText(checkpoint), origin, signer);
  if (last === null || last.size <= checkpoint.size) keys.keep(origin, note);
  return { checkpoint, note, signer };
}

function lastCheckpoint(keys: CheckpointKeys, origin: string): Checkpoint | null {
  const note = keys.last(origin);
  return note === null ? null : parseCheckpoint(parseNote(note).text);
}

/** A checkpoint from somebody's file, with the key that is proved to have signed it. */
export interface KeptCheckpoint {
  readonly checkpoint: Checkpoint;
  readonly key: NoteKey;
}

/**
 * Reads a kept checkpoint and checks who signed it.
 * @throws EnactError INVALID_INPUT when it is none; TAMPERED when it was changed; KEY_UNUSABLE when no trusted key signed it
 */
export function readKept(note: string, trusted: readonly NoteKey[]): KeptCheckpoint {
  const parsed = parseNote(note);
  const checkpoint = parseCheckpoint(parsed.text);
  const key = noteSignedBy(parsed, checkpoint.origin, trusted);
  if (key !== undefined) return { checkpoint, key };
  const held = trusted.length === 0 ? "no key for checkpoints is held here" : `the keys held here are ${trusted.map(({ key_id }) => key_id).join(" and ")}`;
  throw new EnactError("KEY_UNUSABLE", `No trusted key signed this checkpoint: ${held}`, {
    hint: "Give the public key that you were handed with it: --public-key FILE.",
  });
}

/** Says how a scanned ledger breaks what a checkpoint promised, as a clause; null when it still holds. The scan must have looked at its size. */
export function broken(checkpoint: Checkpoint, scan: LedgerScan): string | null {
  const { origin, size, root } = checkpoint;
  const promised = size === 1 ? "1 receipt" : `${String(size)} receipts`;
  const { size: found } = scan.tree;
  if (found === 0) return `it promises ${promised}, and the ledger is empty or gone`;
  if (scan.origin !== origin) return `it promises ${promised} of a ledger that began with another receipt: this one was written anew from the start, or is another ledger`;
  if (found < size) return `it promises ${promised}, and there are ${String(found)}: at least ${String(size - found)} were removed`;
  const state = scan.stateAt(size);
  if (state !== undefined && sameHash(state.root, root)) return null;
  return `the first ${promised} are not the ones it promises: at least one was changed, removed, added or moved`;
}
