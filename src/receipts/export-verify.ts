import { closeSync, openSync, readSync } from "node:fs";

import type { Checked, CheckedEntry, Problem, StoredLine } from "./check.js";
import { checkLine, checkNext } from "./check.js";
import type { ChainPosition } from "./entry.js";
import type { Entry } from "./receipt.js";
import { RunOrder } from "./runs.js";
import type { KeyFinder } from "./signing.js";
import type { EntryCheck, VerifyReport } from "./verify.js";
import { verifyLines } from "./verify.js";

export interface ExportOptions {
  readonly keys: KeyFinder;
  /** The sequence that the export begins with; see `enact-guard export --from`. */
  readonly from: number;
  /** A place that is known otherwise, such as the last receipt when it was exported; null when none is. */
  readonly known: ChainPosition | null;
  /** See VerifyOptions. */
  readonly checks?: readonly EntryCheck[];
}

/**
 * Verifies an exported file, or a part of a ledger that begins later: as verifyLines does, with nothing of a project.
 * Of a part, what came before cannot be judged, so an outcome may belong to a run that was decided there.
 * @param lines reads the export from its beginning; more than once when something is wrong
 * @throws EnactError KEY_UNUSABLE
 */
export function verifyExport(lines: () => Iterable<StoredLine>, options: ExportOptions): VerifyReport {
  return options.from === 1 ? verifyLines(lines(), { ...options, again: lines }) : verifyPart(lines(), options);
}

function verifyPart(lines: Iterable<StoredLine>, { keys, from, known, checks = [] }: ExportOptions): VerifyReport {
  const runs = new PartOrder();
  const signedBy = new Map<string, number>();
  let head: ChainPosition | null = null;
  let entries = 0;
  const report = (firstProblem?: Problem): VerifyReport => ({
    ok: firstProblem === undefined,
    entries,
    head: head ?? { sequence: from - 1, hash: "" },
    ...(firstProblem === undefined ? {} : { firstProblem }),
    interrupted: runs.interrupted(),
    keys: [...signedBy].map(([key_id, count]) => ({ key_id, entries: count })),
  });
  for (const line of lines) {
    const checked: Checked = head === null ? firstOf(line, from, keys) : checkNext(line, head, keys);
    if ("problem" in checked) return report(checked.problem);
    const { entry, hash }: CheckedEntry = checked.good;
    const problem = runs.add(entry) ?? knownProblem(entry, hash, known) ?? firstFound(checks, entry);
    if (problem !== null) return report(problem);
    head = { sequence: entry.sequence, hash };
    entries += 1;
    signedBy.set(entry.key_id, (signedBy.get(entry.key_id) ?? 0) + 1);
  }
  const last = head?.sequence ?? from - 1;
  if (known === null || last >= known.sequence) return report();
  const message = `The export ends at receipt ${String(last)}, but receipt ${String(known.sequence)} is known: its end was cut`;
  return report({ kind: "cut", sequence: last + 1, run_id: null, message });
}

function firstOf(line: StoredLine, from: number, keys: KeyFinder): Checked {
  const checked = checkLine(line, keys);
  if ("problem" in checked) return { problem: { ...checked.problem, sequence: from } };
  const { sequence, run_id } = checked.good.entry;
  if (sequence === from) return checked;
  const message = `The export begins with receipt ${String(sequence)}, where receipt ${String(from)} should be`;
  return { problem: { kind: sequence > from ? "removed" : "reordered", sequence: from, run_id, message } };
}

function knownProblem({ sequence, run_id }: Entry, hash: string, known: ChainPosition | null): Problem | null {
  if (known === null || sequence !== known.sequence || hash === known.hash) return null;
  const message = `Receipt ${String(sequence)} is not the one that is known: the export is of another copy of the ledger`;
  return { kind: "replaced", sequence, run_id, message };
}

function firstFound(checks: readonly EntryCheck[], entry: Entry): Problem | null {
  for (const check of checks) {
    const problem = check(entry);
    if (problem !== null) return problem;
  }
  return null;
}

/** RunOrder for what may have begun before. */
class PartOrder {
  readonly #runs = new RunOrder();
  readonly #decided = new Set<string>();
  readonly #ended = new Set<string>();

  add(entry: Entry): Problem | null {
    const { phase, run_id, sequence } = entry;
    const beganBefore = !this.#decided.has(run_id);
    if (phase === "decision") this.#decided.add(run_id);
    if (!beganBefore || (phase === "decision" && !this.#ended.has(run_id))) return this.#runs.add(entry);
    if (this.#ended.has(run_id)) {
      const message = `Receipt ${String(sequence)} belongs to a run that was over before; the guard never writes such a receipt, so someone else used its key`;
      return { kind: "forged", sequence, run_id, message };
    }
    this.#ended.add(run_id);
    return null;
  }

  interrupted(): VerifyReport["interrupted"] {
    return this.#runs.interrupted();
  }
}

/** Larger than any receipt; a file without line ends must not fill the memory. */
const MAX_LINE_BYTES = 64 * 1024 * 1024;
const CHUNK_BYTES = 1024 * 1024;
const LINE_END = 0x0a;

/**
 * The lines of a file, as exact bytes without their line end. The last one may lack it.
 * @throws whatever the file system throws
 */
export function* fileLines(path: string): Iterable<StoredLine> {
  const file = openSync(path, "r");
  const chunk = Buffer.alloc(CHUNK_BYTES);
  /** A line that has begun. */
  let parts: Buffer[] = [];
  let length = 0;
  try {
    // Whatever a longer line is, it is no receipt: handed out in part, it is found to be none.
    while (length <= MAX_LINE_BYTES) {
      const read = readSync(file, chunk, 0, CHUNK_BYTES, null);
      if (read === 0) break;
      const bytes = Buffer.from(chunk.subarray(0, read));
      let start = 0;
      for (let end = bytes.indexOf(LINE_END); end !== -1; end = bytes.indexOf(LINE_END, start)) {
        yield { bytes: Buffer.concat([...parts, bytes.subarray(start, end)]) };
        parts = [];
        start = end + 1;
      }
      parts.push(bytes.subarray(start));
      length = parts.reduce((sum, part) => sum + part.length, 0);
    }
    if (length > 0) yield { bytes: Buffer.concat(parts) };
  } finally {
    closeSync(file);
  }
}
