import type { JsonObject } from "../../src/facts/json.js";
import { isEnactError } from "../../src/errors.js";
import type { SqlQueryPayload } from "../../src/facts/sql.js";
import type { Policy } from "../../src/policies/policy.js";
import type { PostgresSystem } from "../../src/systems/postgres.js";
import { sqlQueryTool } from "../../src/tools/sql_query.js";
import type { SqlStep } from "../../src/tools/sql/plan.js";
import type { Plan } from "../../src/tools/tool.js";
import { blockedBy, executed, planned } from "./tool-calls.js";

/** What became of a call, told as the guard would. */
export interface Attempt {
  /** refused: not planned. blocked: by the plan. undone: by what was measured. failed: PostgreSQL said no. */
  readonly what: "refused" | "blocked" | "undone" | "failed" | "unknown" | "done";
  readonly why: string;
  readonly code?: string;
  readonly payload?: JsonObject;
  readonly result?: unknown;
}

/** Plans, judges, runs and judges again, as the guard does. */
export async function attempt(
  system: PostgresSystem,
  policies: readonly Policy[],
  sql: string,
  params: readonly unknown[] = [],
  signal: AbortSignal = new AbortController().signal,
): Promise<Attempt> {
  const judge = (payload: unknown): string | null => (policies.length === 0 ? null : blockedBy("sql_query", payload, policies));
  let plan: Plan<SqlQueryPayload, SqlStep>;
  try {
    plan = await planned(sqlQueryTool, { sql, params }, system.reader);
  } catch (error) {
    if (!isEnactError(error)) throw error;
    return { what: "refused", why: error.message, code: error.code };
  }
  const first = judge(plan.payload);
  if (first !== null) return { what: "blocked", why: first, payload: plan.payload };
  let payload: JsonObject = plan.payload;
  let second: string | null = null;
  try {
    const execution = await executed(sqlQueryTool, plan.step, system.writer, {
      signal,
      judge: async (measured) => {
        payload = measured;
        second = judge(measured);
        return second === null;
      },
    });
    const [action] = execution.actions;
    if (action?.action === "rolled_back") return { what: "undone", why: second ?? "", payload, result: execution.result };
    if (action?.success === "unknown") return { what: "unknown", why: action.error?.message ?? "", payload };
    return { what: "done", why: "", payload, result: execution.result };
  } catch (error) {
    if (!isEnactError(error)) throw error;
    return { what: "failed", why: error.message, code: error.code, payload };
  }
}
