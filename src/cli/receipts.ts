import { EnactError } from "../errors.js";
import { plainText } from "../guard/text.js";
import type { LedgerReader } from "../receipts/ledger.js";
import type { ExitCode, Io } from "./io.js";
import { EXIT } from "./io.js";
import type { Runs } from "./receipts/runs.js";
import { newestRuns, rollbacksOf, runsNamed } from "./receipts/runs.js";
import { runTable, runText } from "./receipts/text.js";

export interface ReceiptsOptions {
  /** A run_id, or its first characters (four or more). */
  readonly runId?: string;
  readonly decision?: string;
  readonly workflow?: string;
  /** At most so many runs; 20 when left out. */
  readonly limit?: number;
  readonly json: boolean;
}

/** What main.ts wires in: this room knows no store. */
export interface LedgerDeps {
  openLedger(): Promise<LedgerReader>;
}

const DECISIONS = ["PASS", "BLOCK", "PARTIAL", "ROLLED_BACK"];
const DEFAULT_LIMIT = 20;
const DEFAULT_COLUMNS = 160;

/**
 * Shows the newest runs, or one run in full. Each receipt's signature is checked; content that is not genuine is named
 * but not shown.
 *
 * With `--json`: `{ "receipts": [entries as they were signed], "problems": [...] }`, runs newest first, the decision of
 * a run before its outcome.
 *
 * @returns 0; 1 when a receipt is not genuine
 * @throws EnactError NOT_FOUND for a run that is not there, USAGE for a decision that does not exist
 */
export async function receiptsCommand(args: ReceiptsOptions, io: Pick<Io, "stdout" | "stderr">, deps: LedgerDeps): Promise<ExitCode> {
  const { decision, runId } = args;
  if (decision !== undefined && !DECISIONS.includes(decision)) {
    throw new EnactError("USAGE", `There is no decision '${plainText(decision, 40)}'.`, { hint: `Decisions are ${DECISIONS.join(", ")}.` });
  }
  const reader = await deps.openLedger();
  try {
    const found = runId === undefined ? newestRuns(reader, { ...args, limit: args.limit ?? DEFAULT_LIMIT }) : oneRun(reader, runId);
    if (args.json) io.stdout.write(`${JSON.stringify(asJson(found), null, 2)}\n`);
    else io.stdout.write(`${asText(found, args, reader, io.stdout.columns ?? DEFAULT_COLUMNS)}\n`);
    for (const problem of found.problems) io.stderr.write(`✗ ${plainText(problem.message, 600)}\n`);
    if (found.problems.length > 0) io.stderr.write("Run enact-guard verify to see what was changed.\n");
    return found.problems.length > 0 ? EXIT.blocked : EXIT.done;
  } finally {
    reader.close();
  }
}

function oneRun(reader: LedgerReader, runId: string): Runs {
  const found = runsNamed(reader, runId);
  const name = plainText(runId, 80);
  if (found.runs.length > 1) {
    const ids = found.runs.map((run) => run.run_id).join(", ");
    throw new EnactError("USAGE", `Several runs begin with '${name}': ${plainText(ids, 400)}`, { hint: "Give more of the run's id." });
  }
  if (found.runs.length === 0 && found.problems.length === 0) {
    throw new EnactError("NOT_FOUND", `There is no receipt of a run '${name}' in ${reader.location}`, {
      hint: "enact-guard receipts lists the newest runs.",
    });
  }
  return found;
}

function asText({ runs }: Runs, args: ReceiptsOptions, reader: LedgerReader, columns: number): string {
  if (args.runId !== undefined) return runs.map((run) => runText(run, rollbacksOf(reader, run.run_id))).join("\n");
  if (runs.length > 0) return runTable(runs, columns);
  if (!reader.exists) return "No receipts yet: no guarded call was made in this project.";
  return "No receipt matches.";
}

function asJson({ runs, problems }: Runs) {
  return { receipts: runs.flatMap((run) => [run.decision, run.outcome]).filter((entry) => entry !== null), problems };
}
