import { join } from "node:path";

import { EnactError, isEnactError } from "../errors.js";
import { realPathOf } from "../receipts/key-files.js";
import type { Sealing } from "../receipts/sealed.js";
import { plainSize } from "../receipts/sealed.js";
import type { UndoPiece, UndoStore } from "../receipts/undo-store.js";
import { forgetFolder, isRunId, keptRuns, lastKept, makeFolders, pieceFile, piecesIn, readPiece, writePiece } from "./undo/folders.js";

export interface UndoStoreOptions {
  /** The store lies in `.enact/undo/` below it. */
  readonly project: string;
  readonly sealing: Sealing;
  readonly maxRunBytes: number;
  readonly maxTotalBytes: number;
  readonly maxAgeMs: number;
  readonly clock: () => Date;
}

const MB = 1_000_000;
const DAY_MS = 24 * 60 * 60 * 1000;

/** The limits as a person writes them. */
export function undoLimits(given: { readonly max_run_mb: number; readonly max_total_mb: number; readonly max_age_days: number }) {
  return { maxRunBytes: Math.min(given.max_run_mb, given.max_total_mb) * MB, maxTotalBytes: given.max_total_mb * MB, maxAgeMs: given.max_age_days * DAY_MS };
}

/** How long the size of the store is believed, in milliseconds; other processes write to it as well. */
const SIZE_KNOWN = 60_000;

/** Looks at nothing and makes nothing until something is kept or asked for. */
export function openUndoStore(options: UndoStoreOptions): UndoStore {
  return new FolderUndoStore(options);
}

/** What the store of a project holds, one clause. Makes nothing. @throws EnactError UNDO_UNAVAILABLE when something else is in its place */
export async function undoStoreState(project: string, maxTotalBytes: number): Promise<string> {
  const runs = await inWords("read", () => keptRuns(rootOf(project)));
  const bytes = runs.reduce((sum, run) => sum + run.bytes, 0);
  return `${runs.length} ${runs.length === 1 ? "run" : "runs"} kept, ${(bytes / MB).toFixed(1)} of ${maxTotalBytes / MB} MB`;
}

function rootOf(project: string): string {
  return join(realPathOf(project), ".enact", "undo");
}

/** One folder a run, one sealed file a piece: durable before put() resolves, whole or not there. */
class FolderUndoStore implements UndoStore {
  readonly maxRunBytes: number;
  readonly #options: UndoStoreOptions;
  /** Bytes in the store, as last counted, and when. */
  #total: { readonly at: number; bytes: number } | undefined;

  constructor(options: UndoStoreOptions) {
    this.#options = options;
    this.maxRunBytes = options.maxRunBytes;
  }

  put(runId: string, name: string, content: Uint8Array | AsyncIterable<Uint8Array>): Promise<UndoPiece> {
    return inWords("kept", async () => {
      const folder = this.#folderOf(runId);
      const path = pieceFile(folder, name);
      makeFolders(folder);
      const kept = piecesIn(folder);
      if (kept.some((piece) => piece.name === name)) throw new EnactError("INTERNAL", `'${name}' is kept already`);
      const room = this.maxRunBytes - kept.reduce((sum, piece) => sum + plainSize(piece.size), 0);
      await this.#makeRoom(runId, content instanceof Uint8Array ? content.length : 0);
      const source = new Source(content, room);
      const sealed = this.#options.sealing.sealStream(source.bytes(), contextOf(runId, name));
      const size = await writePiece(folder, path, sealed).catch((error: unknown) => source.rethrow(error));
      if (this.#total !== undefined) this.#total.bytes += size;
      await this.#makeRoom(runId, 0);
      return { name, bytes: plainSize(size) };
    });
  }

  pieces(runId: string): Promise<readonly UndoPiece[]> {
    return inWords("read", () => {
      const folder = this.#folderOf(runId);
      if (!this.#isKept(folder)) return [];
      return piecesIn(folder).map(({ name, size }) => ({ name, bytes: Math.max(0, plainSize(size)) }));
    });
  }

  async *read(runId: string, name: string): AsyncIterable<Uint8Array> {
    const { sealing } = this.#options;
    const folder = this.#folderOf(runId);
    const path = pieceFile(folder, name);
    const opened = inWordsNow("read", () => (this.#isKept(folder) ? readPiece(path) : undefined));
    if (opened === undefined) throw new EnactError("NOT_FOUND", `What run ${runId} kept for its undoing ('${name}') is not there, or no longer`);
    yield* sealing.openStream(opened, contextOf(runId, name));
  }

  forget(runId: string): Promise<void> {
    return inWords("removed", () => {
      const folder = this.#folderOf(runId);
      if (lastKept(folder) === undefined) return;
      forgetFolder(folder);
      this.#total = undefined;
    });
  }

  prune(now: Date): Promise<void> {
    return inWords("removed", () => this.#prune(now, null));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** Counts the store, at most once a minute and only when something is kept; forgets the oldest where it is too large. */
  async #makeRoom(runId: string, wanted: number): Promise<void> {
    const { clock, maxTotalBytes } = this.#options;
    const isKnown = this.#total !== undefined && performance.now() - this.#total.at < SIZE_KNOWN;
    if (isKnown && (this.#total?.bytes ?? 0) + wanted <= maxTotalBytes) return;
    await this.#prune(clock(), runId, wanted);
  }

  async #prune(now: Date, keep: string | null, wanted = 0): Promise<void> {
    const { maxTotalBytes } = this.#options;
    const runs = await keptRuns(this.#root());
    let bytes = runs.reduce((sum, run) => sum + run.bytes, 0);
    const oldestFirst = runs.filter(({ runId }) => runId !== keep).toSorted((a, b) => a.modified - b.modified);
    for (const run of oldestFirst) {
      if (!this.#isOverAge(run.modified, now) && bytes + wanted <= maxTotalBytes) break;
      forgetFolder(run.folder);
      bytes -= run.bytes;
    }
    this.#total = { at: performance.now(), bytes };
  }

  #isKept(folder: string): boolean {
    const kept = lastKept(folder);
    return kept !== undefined && !this.#isOverAge(kept, this.#options.clock());
  }

  #isOverAge(kept: number, now: Date): boolean {
    return now.getTime() - kept > this.#options.maxAgeMs;
  }

  #root(): string {
    return rootOf(this.#options.project);
  }

  #folderOf(runId: string): string {
    if (!isRunId(runId)) throw new EnactError("NOT_FOUND", "This is no run's id");
    return join(this.#root(), runId);
  }
}

/** What makes a piece the piece of this run and this name: in another place it does not open. */
function contextOf(runId: string, name: string): string {
  return `undo\0${runId}\0${name}`;
}

/** What is to be kept, up to a limit. */
class Source {
  readonly #content: Uint8Array | AsyncIterable<Uint8Array>;
  readonly #room: number;
  #failure: { readonly error: unknown } | undefined;

  constructor(content: Uint8Array | AsyncIterable<Uint8Array>, room: number) {
    this.#content = content;
    this.#room = room;
  }

  async *bytes(): AsyncIterable<Uint8Array> {
    let left = this.#room;
    for await (const bytes of this.#content instanceof Uint8Array ? [this.#content] : this.#read(this.#content)) {
      left -= bytes.length;
      if (left < 0) {
        const hint = "Ask the person to raise undo.max_run_mb in enact.yaml, or act on less at once.";
        throw new EnactError("UNDO_UNAVAILABLE", "What undoing this would need is larger than one run may keep", { hint });
      }
      yield bytes;
    }
  }

  /** That the content could not be read says nothing of the store: whoever gave it must know. */
  rethrow(error: unknown): never {
    if (this.#failure?.error === error) throw new SourceFailure(error);
    throw error;
  }

  async *#read(content: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    try {
      yield* content;
    } catch (error) {
      this.#failure = { error };
      throw error;
    }
  }
}

class SourceFailure extends Error {
  constructor(cause: unknown) {
    super("the content cannot be read", { cause });
    this.name = "SourceFailure";
  }
}

async function inWords<Value>(doing: string, work: () => Promise<Value> | Value): Promise<Value> {
  try {
    return await work();
  } catch (error) {
    throw explained(error, doing);
  }
}

function inWordsNow<Value>(doing: string, work: () => Value): Value {
  try {
    return work();
  } catch (error) {
    throw explained(error, doing);
  }
}

function explained(error: unknown, doing: string): unknown {
  if (error instanceof SourceFailure) return error.cause;
  if (isEnactError(error)) return error;
  const code = (error as NodeJS.ErrnoException).code ?? "unknown error";
  const hint = "Look at .enact/undo of the project: it must be a folder that you can write, with space left on its disk.";
  return new EnactError("UNDO_UNAVAILABLE", `What undoing needs cannot be ${doing} (${code})`, { hint, cause: error });
}
