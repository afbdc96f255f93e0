import type { Entry, EntryDraft, RecordedAction } from "../receipts/receipt.js";
import { plainText } from "./text.js";

/** What the chat shows: the same words for the agent and for the person who reads along. */
export interface ReportParts {
  /** "BLOCKED", "DONE", "FAILED", "WOULD BE BLOCKED", … */
  readonly verdict: string;
  readonly target: string;
  readonly receipt: Entry | EntryDraft | null;
  readonly hints: readonly string[];
  /** Lines that a person must not miss, put first. */
  readonly alarms?: readonly string[];
}

const LINE = 600;

export function renderReport(tool: string, parts: ReportParts): string {
  const results = parts.receipt?.policy_results ?? [];
  const lines = [
    ...(parts.alarms ?? []).map((alarm) => plainText(alarm, LINE)),
    [parts.verdict, tool, plainText(parts.target, 200)].filter((word) => word !== "").join("  "),
    ...results.map((result) => `  ${result.passed ? "✓" : "✗"} ${result.policy}: ${plainText(result.reason, LINE)}`),
    ...(parts.receipt?.actions_taken ?? []).map(actionLine),
    ...adviceLines(parts.hints),
  ];
  const place = receiptLine(parts.receipt);
  return [...lines, ...(place === undefined ? [] : [place])].join("\n");
}

function adviceLines(hints: readonly string[]): string[] {
  if (hints.length === 1) return [`Do instead: ${plainText(hints[0] ?? "", LINE)}`];
  return hints.length === 0 ? [] : ["Do instead:", ...hints.map((hint) => `  - ${plainText(hint, LINE)}`)];
}

function actionLine(action: RecordedAction): string {
  const name = `${action.system} ${action.action}`;
  if (action.success === true) return `  → ${name}: done`;
  const fate = action.success === "unknown" ? "its fate is not known" : "failed";
  const why = action.error === undefined ? "" : ` (${action.error.code}): ${plainText(action.error.message, LINE)}`;
  return `  → ${name}: ${fate}${why}`;
}

function receiptLine(receipt: Entry | EntryDraft | null): string | undefined {
  if (receipt === null || !("signature" in receipt)) return undefined;
  return `Receipt ${receipt.run_id.slice(0, 8)} (signed) · enact://receipts/${receipt.run_id}`;
}
