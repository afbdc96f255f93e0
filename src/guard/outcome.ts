import { isEnactError } from "../errors.js";
import type { Json } from "../facts/json.js";
import type { Entry, EntryDraft } from "../receipts/receipt.js";
import type { CallReport } from "./guard.js";
import { renderReport } from "./report.js";
import { plainText } from "./text.js";

/** A call that was stopped; nothing was changed. */
export function blockedReport(tool: string, target: string, receipt: Entry, hints: readonly string[]): CallReport {
  const text = renderReport(tool, { verdict: "BLOCKED", target, receipt, hints });
  return { tool, status: "blocked", receipt, result: null, text, isError: true, untrusted: false, code: "BLOCKED" };
}

export function checkReport(tool: string, target: string, draft: EntryDraft, hints: readonly string[]): CallReport {
  const wouldRun = draft.decision === "PASS";
  const verdict = wouldRun ? "WOULD RUN" : "WOULD BE BLOCKED";
  const text = `${renderReport(tool, { verdict, target, receipt: draft, hints })}\n${wouldUseUp(draft)}Nothing was executed and nothing was recorded.`;
  const status = wouldRun ? "done" : "blocked";
  return { tool, status, receipt: draft, result: null, text, isError: !wouldRun, untrusted: false };
}

/** An approval that a check has found is still there afterwards. */
function wouldUseUp({ decision, approval }: EntryDraft): string {
  const id = decision === "PASS" ? approval?.["id"] : undefined;
  return typeof id === "string" ? `The call itself would use up approval ${id.slice(0, 8)}.\n` : "";
}

/** Arguments that are not well-formed: nothing was looked at, so there is nothing to put on record. */
export function invalidReport(tool: string, message: string): CallReport {
  const name = plainText(tool, 80);
  const text = `INVALID INPUT  ${name}\n  ${message}\nNothing was done. Correct the arguments and call again.`;
  return { tool: name, status: "invalid", receipt: null, result: null, text, isError: true, untrusted: false, code: "INVALID_INPUT" };
}

/** The ledger could not take the decision, so nothing may run. */
export function unrecordedReport(tool: string, target: string, error: unknown, alsoFound?: string): CallReport {
  const known = isEnactError(error) ? error : undefined;
  const code = known?.code ?? "INTERNAL";
  const why = known?.message ?? "The guard failed while it recorded its decision";
  const lines = [
    ["BLOCKED", tool, plainText(target, 200)].filter((word) => word !== "").join("  "),
    ...(alsoFound === undefined ? [] : [`  ✗ guard: ${plainText(alsoFound, 600)}`]),
    `  ✗ ledger: ${plainText(why, 600)}`,
    "Nothing was done: what cannot be put on record does not run.",
    `Do instead: ${known?.hint ?? "tell the person that the ledger needs attention; enact-guard doctor shows what is wrong."}`,
  ];
  return { tool, status: "blocked", receipt: null, result: null, text: lines.join("\n"), isError: true, untrusted: false, code };
}

/** A call that ran, with what the ledger says about it. */
export function ranReport(parts: {
  readonly tool: string;
  readonly target: string;
  readonly receipt: Entry;
  readonly result: Json;
  readonly untrusted: boolean;
  readonly hints: readonly string[];
}): CallReport {
  const { tool, target, receipt, result, untrusted, hints } = parts;
  if (receipt.decision === "BLOCK") return blockedReport(tool, target, receipt, hints);
  const done = receipt.decision === "PASS" || receipt.decision === "ROLLED_BACK";
  const firstError = receipt.actions_taken.find((action) => action.success !== true);
  const text = renderReport(tool, { verdict: verdictOf(receipt), target, receipt, hints });
  const report = { tool, status: done ? "done" : "failed", receipt, result, text, isError: !done, untrusted } as const;
  return done ? report : { ...report, code: firstError?.error?.code ?? "ACTION_FAILED" };
}

function verdictOf(receipt: Entry): string {
  if (receipt.decision === "ROLLED_BACK") return "ROLLED BACK";
  if (receipt.decision === "PASS") return "DONE";
  const states = receipt.actions_taken.map((action) => action.success);
  if (states.includes("unknown")) return "NOT KNOWN WHETHER DONE";
  return states.includes(true) ? "PARTLY DONE" : "NOT DONE";
}

/** The action ran, and its outcome could not be written: the person must hear of it. */
export function unprovenReport(parts: {
  readonly tool: string;
  readonly target: string;
  readonly decision: Entry;
  readonly result: Json;
  readonly untrusted: boolean;
  readonly what: string;
}): CallReport {
  const { tool, target, decision, result, untrusted, what } = parts;
  const alarms = [
    `ATTENTION: ${what}, and the outcome could not be written to the ledger.`,
    "Tell the person: `enact-guard verify` will show this run as interrupted, and `enact-guard doctor --settle` puts on record what became of it.",
  ];
  const text = renderReport(tool, { verdict: "NOT RECORDED", target, receipt: decision, hints: [], alarms });
  return { tool, status: "failed", receipt: decision, result, text, isError: true, untrusted, code: "OUTCOME_NOT_RECORDED" };
}
