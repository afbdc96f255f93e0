import { closeSync, fsyncSync } from "node:fs";

import { isEnactError } from "../../errors.js";
import type { Problem } from "../../receipts/check.js";
import { firstProblem, textMember, vouchedHead } from "../../receipts/checkpoint-ledger.js";
import { LedgerScan } from "../../receipts/checkpoint-scan.js";
import type { LedgerReader } from "../../receipts/ledger.js";
import type { Output } from "../io.js";
import { approverIdsIn } from "./approvals.js";
import { cannotWrite, createFile, writeAll } from "./files.js";

/** Where exported lines go. */
export interface Sink {
  write(line: Uint8Array): Promise<void> | void;
  /** Durable, for a file, when it returns. */
  end(): Promise<void> | void;
}

export interface Copied {
  /** How many receipts were written. */
  readonly count: number;
  /** The first thing that is wrong with the ledger; null when it verifies. */
  readonly problem: Problem | null;
  readonly scan: LedgerScan;
  /** How many of the written receipts each key signed, as they say. */
  readonly keys: ReadonlyMap<string, number>;
  /** Whose approvals are in them. */
  readonly approvers: ReadonlySet<string>;
}

const CHUNK_BYTES = 64 * 1024;
const LINE_END = Buffer.from("\n");

/**
 * Copies the receipts of a ledger from one on, as they lie there, and proves the whole ledger meanwhile. What is wrong is
 * copied too: it is evidence.
 * @throws EnactError KEY_UNUSABLE; USAGE when the sink cannot take it
 */
export async function copyLines(reader: LedgerReader, from: number, sink: Sink, sizes: (origin: string) => readonly number[]): Promise<Copied> {
  const vouched = vouchedHead(reader);
  const scan = new LedgerScan({ keys: reader.keys, vouched: "head" in vouched ? vouched.head : null, sizes });
  const keys = new Map<string, number>();
  const approvers = new Set<string>();
  let count = 0;
  let unreadable: Problem | null = null;
  try {
    for (const line of reader.lines()) {
      scan.add(line);
      if ((line.sequence ?? scan.tree.size) < from) continue;
      const key = textMember(line.bytes, "key_id") ?? "";
      keys.set(key, (keys.get(key) ?? 0) + 1);
      for (const id of approverIdsIn(line.bytes)) approvers.add(id);
      await sink.write(line.bytes);
      count += 1;
    }
  } catch (error) {
    if (!isEnactError(error) || error.code !== "LEDGER_UNAVAILABLE") throw error;
    const message = `${error.message} (after receipt ${String(scan.tree.size)}): what could be read is exported`;
    unreadable = { kind: "structure", sequence: scan.tree.size + 1, run_id: null, message };
  }
  await sink.end();
  return { count, scan, keys, approvers, problem: unreadable ?? ("problem" in vouched ? vouched.problem : scan.isWhole() ? null : firstProblem(reader)) };
}

/** A new file of its own. @throws EnactError USAGE when there is one already */
export function fileSink(path: string): Sink {
  const file = createFile(path);
  const chunks = new Chunks();
  const flush = (): void => {
    try {
      writeAll(file, chunks.take());
    } catch (cause) {
      throw cannotWrite(path, cause);
    }
  };
  return {
    write(line) {
      if (chunks.add(line)) flush();
    },
    end() {
      try {
        flush();
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
    },
  };
}

/** Waits for a reader that is slower than the ledger, so that not all of it piles up in memory. */
export function streamSink(output: Output): Sink {
  const chunks = new Chunks();
  const flush = async (): Promise<void> => {
    const bytes = chunks.take();
    if (bytes.length === 0 || output.write(bytes) !== false || output.once === undefined) return;
    await new Promise<void>((resolve) => void output.once?.("drain", resolve));
  };
  return {
    write: (line) => (chunks.add(line) ? flush() : undefined),
    end: flush,
  };
}

/** Lines, put together to pieces that are worth a write. */
class Chunks {
  #parts: Uint8Array[] = [];
  #bytes = 0;

  /** Says whether it is time to take them. */
  add(line: Uint8Array): boolean {
    this.#parts.push(line, LINE_END);
    this.#bytes += line.length + 1;
    return this.#bytes >= CHUNK_BYTES;
  }

  take(): Uint8Array {
    const bytes = Buffer.concat(this.#parts);
    this.#parts = [];
    this.#bytes = 0;
    return bytes;
  }
}
