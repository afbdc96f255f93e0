import type { Entry } from "./receipt.js";

const TEXT_FIELDS = ["run_id", "workflow", "user_email", "actor_role", "config_digest", "previous", "key_id", "signature"] as const;
const LIST_FIELDS = ["policy_results", "actions_taken", "redacted", "subjects"] as const;
const DECISIONS: readonly unknown[] = ["PASS", "BLOCK", "PARTIAL", "ROLLED_BACK"];
const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/**
 * Says what keeps a parsed value from being an entry, or null when it is one. Members that it does not know are fine:
 * they were signed too.
 */
export function shapeProblem(value: unknown): string | null {
  if (!isObject(value)) return "it is not an object";
  for (const name of TEXT_FIELDS) if (typeof value[name] !== "string") return `'${name}' is not a text`;
  for (const name of LIST_FIELDS) if (!Array.isArray(value[name])) return `'${name}' is not a list`;
  for (const name of ["user_attributes", "payload"]) if (!isObject(value[name])) return `'${name}' is not an object`;
  const { sequence, phase, decision, timestamp, plan_digest, approval } = value;
  if (!Number.isSafeInteger(sequence) || (sequence as number) < 1) return "'sequence' is not a positive whole number";
  if (phase !== "decision" && phase !== "outcome") return "'phase' is neither decision nor outcome";
  if (!DECISIONS.includes(decision)) return "'decision' is none of PASS, BLOCK, PARTIAL and ROLLED_BACK";
  if (!isTimestamp(timestamp)) return "'timestamp' is not a time in UTC with milliseconds";
  if (plan_digest !== null && typeof plan_digest !== "string") return "'plan_digest' is neither a text nor null";
  if (approval !== null && !isObject(approval)) return "'approval' is neither an object nor null";
  return listProblem(value as unknown as Entry);
}

/** RFC 3339 in UTC with milliseconds, and a date that exists. */
function isTimestamp(value: unknown): value is string {
  return typeof value === "string" && TIMESTAMP.test(value) && !Number.isNaN(Date.parse(value));
}

function listProblem(entry: Entry): string | null {
  const areResults = entry.policy_results.every(
    (result) => isObject(result) && typeof result.policy === "string" && typeof result.passed === "boolean" && typeof result.reason === "string",
  );
  if (!areResults) return "'policy_results' holds something that is no policy result";
  const areActions = entry.actions_taken.every(
    (taken) => isObject(taken) && typeof taken.system === "string" && typeof taken.action === "string" && isSuccess(taken.success),
  );
  if (!areActions) return "'actions_taken' holds something that is no action";
  const areTexts = [...entry.redacted, ...entry.subjects].every((item) => typeof item === "string");
  return areTexts ? null : "'redacted' or 'subjects' holds something that is no text";
}

function isSuccess(value: unknown): boolean {
  return typeof value === "boolean" || value === "unknown";
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
