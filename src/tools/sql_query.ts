import { z } from "zod";

import type { Json, JsonObject } from "../facts/json.js";
import { sqlQueryPayload } from "../facts/sql.js";
import type { SqlQueryPayload } from "../facts/sql.js";
import type { RunReport } from "../systems/postgres/run.js";
import type { PostgresReader, PostgresWriter } from "../systems/postgres.js";
import { measuredFacts } from "./sql/measured.js";
import { MAX_SQL_LENGTH } from "./sql/parse.js";
import { planSql } from "./sql/plan.js";
import type { SqlStep } from "./sql/plan.js";
import { resultOf } from "./sql/result.js";
import { tryCondition } from "./sql/trial/trial.js";
import { keepRows, sqlReversal, undoSql } from "./sql/undo.js";
import type { Kept } from "./sql/undo.js";
import { settleSql } from "./settling/unseen.js";
import { defineTool } from "./tool.js";
import type { ActionTaken, ExecuteControl, Execution } from "./tool.js";

const input = z.strictObject({
  sql: z.string().describe("One statement or several, separated by semicolons; all or none take effect."),
  params: z
    .array(z.json())
    .max(1000)
    .default([])
    .describe("Values for $1, $2 …; only with a single statement. Large numbers as text."),
});
interface Input {
  readonly sql: string;
  readonly params: readonly Json[];
}

/** Runs SQL in one transaction; what it really did is judged before it is committed. */
export const sqlQueryTool = defineTool<Input, SqlQueryPayload, SqlStep, PostgresReader, PostgresWriter>({
  name: "sql_query",
  title: "Query PostgreSQL",
  description:
    "Runs SQL on PostgreSQL in one transaction. Before anything runs, the statements are parsed and looked up in the " +
    "catalogue; after they ran, the rows that PostgreSQL counted as changed and the tables that it touched are judged, and " +
    "only then committed. Refused whatever the policies say: transaction control, SET, COPY, PREPARE, NOTIFY, VACUUM, " +
    `server files, and functions that reach out of the transaction. At most ${MAX_SQL_LENGTH} characters. Rows come back ` +
    "up to a limit (truncated: true); bigint, numeric and timestamps as text.",
  system: "postgres",
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: false },
  input,
  payload: sqlQueryPayload,
  reversible: "rows that were inserted, updated or deleted are put back by their primary keys, cascades and triggers included",
  undo: undoSql,
  settle: settleSql,
  plan: async ({ sql, params }, reader, { undoBytes }) => {
    const plan = await planSql(sql, params, reader);
    return { ...plan, reversal: sqlReversal(plan.step, reader.isEmbedded, undoBytes) };
  },
  execute: async (step, writer, control) => execute(step, writer, control),
});

async function execute(step: SqlStep, writer: PostgresWriter, control: ExecuteControl): Promise<Execution> {
  let measured: SqlQueryPayload = step.facts;
  let kept = { why: "it only reads" } as Kept;
  const { statements, params } = step.order;
  const report = await writer.run(
    step.order,
    {
      examine: (watch, bench) => writer.parsing((parser) => tryCondition(parser, statements[watch.statement] ?? "", params, watch, bench)),
      judge: async (measurement) => {
        measured = measuredFacts(step, measurement);
        return control.judge(measured);
      },
      keep: async (capture) => {
        kept = await keepRows(capture, { search_path: step.order.search_path, place: await writer.place() }, control.undo);
      },
    },
    control.signal,
  );
  const output: JsonObject = {
    statements: step.order.statements.length,
    rows_affected: measured.rows_affected,
    tables_written: measured.tables_written,
    ...("why" in kept && !step.order.readOnly ? { not_kept: kept.why } : {}),
  };
  return { ...outcome(report, output, "rows" in kept && kept.rows > 0), measured };
}

function outcome(report: RunReport, output: JsonObject, reversible: boolean): Execution {
  if (report.state === "rolled_back") {
    const undone: ActionTaken = { system: "guard", action: "rolled_back", success: true, output };
    return { actions: [undone], result: null };
  }
  if (report.state === "unknown") {
    const { code, message, done, hint } = report.error;
    const error = { code, message: `${message}. ${done} ${hint ?? ""}`.trim() };
    return { actions: [{ system: "postgres", action: "query", success: "unknown", output, error }], result: null };
  }
  const rows = report.replies.reduce((sum, reply) => sum + reply.rows.length, 0);
  const action: ActionTaken = { system: "postgres", action: "query", success: true, output: { ...output, rows }, reversible };
  return { actions: [action], result: resultOf(report.replies, report.types), untrusted: true };
}
