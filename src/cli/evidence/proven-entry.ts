import { EnactError } from "../../errors.js";
import { plainText } from "../../guard/text.js";
import { checkLine } from "../../receipts/check.js";
import type { StoredLine } from "../../receipts/check.js";
import type { LedgerReader } from "../../receipts/ledger.js";
import { runsNamed } from "../receipts/runs.js";

/** A receipt that a person wants proved. */
export interface ProvenEntry {
  readonly sequence: number;
  readonly bytes: Uint8Array;
  /** For people: tool, phase and decision. */
  readonly title: string;
}

/**
 * The receipt that is meant: by its number, or the last one of a run by the run's id or its first characters.
 * @throws EnactError NOT_FOUND, USAGE when several runs are meant, TAMPERED when it is not genuine
 */
export function provenEntry(reader: LedgerReader, wanted: string): ProvenEntry {
  const sequence = /^[1-9]\d{0,14}$/u.test(wanted) ? Number(wanted) : 0;
  const byNumber = sequence === 0 ? undefined : reader.find({ after: sequence - 1, before: sequence + 1, limit: 1 })[0];
  // The beginning of a run's id may be all digits.
  const line = byNumber ?? lineOfRun(reader, wanted);
  const checked = checkLine(line, reader.keys);
  if ("problem" in checked) throw new EnactError("TAMPERED", checked.problem.message, { hint: "Run enact-guard verify to see what was changed." });
  const { workflow, phase, decision } = checked.good.entry;
  return { sequence: line.sequence ?? 0, bytes: line.bytes, title: `${phase} ${decision} of ${plainText(workflow, 60)}` };
}

function lineOfRun(reader: LedgerReader, wanted: string): StoredLine {
  const { runs, problems } = runsNamed(reader, wanted);
  const name = plainText(wanted, 80);
  const [problem] = problems;
  if (problem !== undefined) throw new EnactError("TAMPERED", problem.message, { hint: "Run enact-guard verify to see what was changed." });
  if (runs.length > 1) throw new EnactError("USAGE", `Several runs begin with '${name}'`, { hint: "Give more of the run's id." });
  const [run] = runs;
  const line = run === undefined ? undefined : reader.find({ run_id: run.run_id, newest: true, limit: 1 })[0];
  if (line === undefined) {
    throw new EnactError("NOT_FOUND", `There is no receipt '${name}' in ${reader.location}`, {
      hint: "Give the number of a receipt, or the id of a run as enact-guard receipts shows it (four characters or more).",
    });
  }
  return line;
}
