import { EnactError, isEnactError } from "../errors.js";
import type { Problem, StoredLine } from "./check.js";
import type { LedgerReader } from "./ledger.js";
import { maySign } from "./signing.js";
import type { EntryCheck, VerifyReport } from "./verify.js";
import { verifyLines } from "./verify.js";

/**
 * Verifies a ledger as it lies there: all that verifyLines proves, the structure of the store, and that there is a head
 * outside of it by which a cut end would be found.
 *
 * @throws EnactError LEDGER_UNAVAILABLE when it cannot be read to its end, KEY_UNUSABLE when a key file must not be used
 */
export function verifyLedger(reader: LedgerReader, checks: readonly EntryCheck[] = []): VerifyReport {
  const { keys, known } = reader;
  const report = verifyLines(readableLines(reader), { keys, known, checks, again: () => reader.lines() });
  if (!report.ok) return report;
  const problem = structureOf(reader) ?? headOf(reader, report);
  return problem === null ? report : { ...report, ok: false, firstProblem: problem };
}

/** The same for a ledger whose head a person is about to give up: what is left must be right by itself. */
export function verifyRest(reader: LedgerReader, checks: readonly EntryCheck[] = []): VerifyReport {
  const report = verifyLines(readableLines(reader), { keys: reader.keys, known: null, checks, again: () => reader.lines() });
  const problem = report.ok ? structureOf(reader) : null;
  return problem === null ? report : { ...report, ok: false, firstProblem: problem };
}

function structureOf({ structureProblem }: LedgerReader): Problem | null {
  return structureProblem === null ? null : { kind: "structure", sequence: 0, run_id: null, message: structureProblem };
}

/**
 * Without a head a cut end cannot be seen, and who can cut can also delete the head. It is missing for good reason only where
 * nobody writes: an auditor holds public keys, no guard has ever noted a head there.
 */
export function headOf({ known, takenOver, keys }: LedgerReader, { entries, keys: signedBy }: Pick<VerifyReport, "entries" | "keys">): Problem | null {
  if (entries === 0) return null;
  if (takenOver !== null) {
    const message = `The head of this ledger was gone on ${takenOver.at}: a guard found ${count(takenOver.entries)} and went on from there. Whether the end was cut before that, nobody can tell`;
    return { kind: "no_head", sequence: 0, run_id: null, message };
  }
  const isWrittenHere = signedBy.some(({ key_id }) => maySign(keys.find(key_id)));
  if (known !== null || !isWrittenHere) return null;
  const message = `${count(entries)} are right by themselves, but the head of this ledger is gone, which the guard keeps outside of it. Whether the end was cut, nobody can tell`;
  return { kind: "no_head", sequence: 0, run_id: null, message };
}

/** Says how far the reading came before the file turned out to be damaged. */
function* readableLines(reader: LedgerReader): Iterable<StoredLine> {
  let last = 0;
  try {
    for (const line of reader.lines()) {
      yield line;
      last = line.sequence ?? last;
    }
  } catch (error) {
    if (!isEnactError(error)) throw error;
    const { code, message, hint } = error;
    throw new EnactError(code, `${message} (after receipt ${String(last)})`, hint === undefined ? {} : { hint });
  }
}

function count(receipts: number): string {
  return receipts === 1 ? "1 receipt" : `${String(receipts)} receipts`;
}
