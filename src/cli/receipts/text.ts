import { plainText } from "../../guard/text.js";
import { ROLLBACK } from "../../guard/undoing.js";
import type { Entry, RecordedAction, RecordedPolicyResult } from "../../receipts/receipt.js";
import type { Run } from "./runs.js";
import { finalEntry, isOpen } from "./runs.js";

const LINE = 600;

/** One line a run: when, decision, tool, run, why. */
export function runTable(runs: readonly Run[], columns: number): string {
  const tool = Math.max(4, ...runs.map((run) => plainText(finalEntry(run)?.workflow ?? "", 40).length));
  return runs.map((run) => runLine(run, tool, columns)).join("\n");
}

function runLine(run: Run, toolWidth: number, columns: number): string {
  const entry = finalEntry(run);
  if (entry === null) return "";
  const when = (run.decision ?? entry).timestamp.replace("T", " ").replace(/\.\d+Z$/, "Z");
  const parts = [when, entry.decision.padEnd(11), plainText(entry.workflow, 40).padEnd(toolWidth), run.run_id.slice(0, 8)];
  const line = `${parts.join("  ")}  ${summary(run, entry)}`;
  return line.length <= columns ? line : `${line.slice(0, Math.max(40, columns - 1)).toWellFormed()}…`;
}

function summary(run: Run, entry: Entry): string {
  if (isOpen(run)) return "allowed, no outcome: running or interrupted";
  const failed = entry.policy_results.find((result) => !result.passed);
  if (entry.decision === "BLOCK" && failed !== undefined) return plainText(`${failed.policy}: ${failed.reason}`, LINE);
  const action = entry.actions_taken.find((taken) => taken.success !== true) ?? entry.actions_taken[0];
  const what = action === undefined ? "nothing to do" : actionText(action);
  const undone = undoneRun(entry);
  return undone === undefined ? what : `of ${plainText(`${undone.workflow} ${undone.run_id.slice(0, 8)}`, 100)}: ${what}`;
}

/** The run that a rollback was about. */
function undoneRun({ workflow, payload: { run_id: undone, undone_workflow: tool } }: Entry): { readonly run_id: string; readonly workflow: string } | undefined {
  return workflow === ROLLBACK && typeof undone === "string" && typeof tool === "string" ? { run_id: undone, workflow: tool } : undefined;
}

/** A run in full. @param rollbacks runs that were to undo it */
export function runText(run: Run, rollbacks: readonly Run[] = []): string {
  const entry = finalEntry(run);
  if (entry === null) return "";
  const { workflow, decision, timestamp, user_email, actor_role, policy_results, actions_taken, redacted } = entry;
  const asked = run.decision?.timestamp ?? timestamp;
  const lines = [
    `${plainText(workflow, 100)}  ${decision}${isOpen(run) ? "  (no outcome: running or interrupted)" : ""}`,
    `run       ${plainText(run.run_id, 100)}`,
    `when      ${asked}${run.outcome === null || run.decision === null ? "" : `, outcome ${timestamp}`}`,
    `who       ${plainText(user_email, 200)} (${plainText(actor_role, 100)})`,
    ...rollbacks.map((rollback) => `rollback  ${finalEntry(rollback)?.decision ?? ""} by run ${plainText(rollback.run_id, 100)}`),
    ...section("policies", policy_results.flatMap(policyLines)),
    ...section("facts", factLines(entry.payload)),
    ...section("actions", actions_taken.map(actionText)),
    ...section("approval", entry.approval === null ? [] : factLines(entry.approval)),
    ...section("redacted", redacted.map((pointer) => plainText(pointer, LINE))),
    ...section("evidence", [run.decision, run.outcome].flatMap((part) => (part === null ? [] : evidenceLines(part)))),
  ];
  return lines.join("\n");
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [title, ...lines.map((line) => `  ${line}`)];
}

function policyLines({ policy, passed, reason, hint }: RecordedPolicyResult): readonly string[] {
  const line = `${passed ? "✓" : "✗"} ${plainText(policy, 100)}: ${plainText(reason, LINE)}`;
  return typeof hint === "string" ? [line, `    do instead: ${plainText(hint, LINE)}`] : [line];
}

function actionText({ system, action, success, output, error }: RecordedAction): string {
  const { found, reason } = output;
  if (system === "guard" && action === "settled" && typeof found === "string" && typeof reason === "string") {
    return plainText(`settled, found ${found.replaceAll("_", " ")}: ${reason}`, LINE);
  }
  const name = plainText(`${system} ${action}`, 200);
  if (success === true) return `${name}: done`;
  const fate = success === "unknown" ? "its fate is not known" : "failed";
  return error === undefined ? `${name}: ${fate}` : `${name}: ${fate} (${plainText(`${error.code}): ${error.message}`, LINE)}`;
}

function factLines(value: Entry["payload"]): readonly string[] {
  if (Object.keys(value).length === 0) return [];
  // Each line by itself: a fact must not be able to draw a line of its own.
  return JSON.stringify(value, null, 2).split("\n").slice(1, -1).map((line) => plainText(line.slice(2), 2000));
}

function evidenceLines(entry: Entry): readonly string[] {
  return [
    `receipt ${String(entry.sequence)} (${entry.phase}), signed with ${plainText(entry.key_id, 100)}`,
    `  plan ${plainText(entry.plan_digest ?? "none", 100)}`,
    `  configuration ${plainText(entry.config_digest, 100)}`,
    `  signature ${plainText(entry.signature, 200)}`,
  ];
}
