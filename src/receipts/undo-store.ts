import type { JsonValue } from "./receipt.js";

/** One piece that a run kept, without its content. */
export interface UndoPiece {
  readonly name: string;
  readonly bytes: number;
}

/**
 * The private store beside the ledger for what undoing needs: readable by its owner only, encrypted with a key outside
 * of the project, each piece authenticated together with its run and its name, bounded in size and age. Opening it writes nothing.
 *
 * Every method rejects with EnactError UNDO_UNAVAILABLE when it cannot be read or written.
 */
export interface UndoStore {
  /** Bytes that one run may keep. */
  readonly maxRunBytes: number;
  /**
   * Keeps one piece of a run, durable when it resolves; makes room by forgetting the oldest runs. A name is kept once.
   * @throws EnactError UNDO_UNAVAILABLE when it is larger than a run may keep; nothing of this piece is left behind;
   *   what the content throws is thrown on
   */
  put(runId: string, name: string, content: Uint8Array | AsyncIterable<Uint8Array>): Promise<UndoPiece>;
  /** What a run kept; empty when nothing, or no longer. */
  pieces(runId: string): Promise<readonly UndoPiece[]>;
  /** The content, authenticated before the last byte is given. @throws EnactError NOT_FOUND, TAMPERED */
  read(runId: string, name: string): AsyncIterable<Uint8Array>;
  /** Forgets a run (undone, or over age). */
  forget(runId: string): Promise<void>;
  /** Forgets what is over age or beyond the size, oldest first. */
  prune(now: Date): Promise<void>;
  close(): Promise<void>;
}

/** JSON as a piece. */
export function pieceOf(value: JsonValue): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}
