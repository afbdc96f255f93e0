import type { Entry, EntryDraft, RecordedAction } from "../receipts/receipt.js";
import { plainText } from "./text.js";
import { ROLLBACK } from "./undoing.js";

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
    ...undoLines(parts),
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

/** Lists in a receipt's facts may be long; the receipt has them all. */
const SHOWN = 20;

/** What a rollback does and leaves, and whether a call can be undone. A call that was stopped has nothing to undo. */
function undoLines({ receipt, verdict }: ReportParts): string[] {
  if (receipt === null || verdict === "BLOCKED") return [];
  const { changes, not_undone: left, reversal } = receipt.payload;
  if (receipt.workflow === ROLLBACK) return [...listed("  ↺ ", changes), ...listed("Left for a person: ", left)];
  if (!isReversal(reversal)) return [];
  const ran = receipt.phase === "outcome";
  const isPossible = reversal.possible && (!ran || receipt.actions_taken.some(({ reversible }) => reversible === true));
  const hasChanged = !ran || receipt.actions_taken.some(({ success }) => success !== false);
  if (!isPossible) return hasChanged ? [`Cannot be undone: ${plainText(reversal.how, LINE)}`] : [];
  return [`Can be undone${ran ? ` with ${ROLLBACK}` : ""}: ${plainText(reversal.how, LINE)}`];
}

function isReversal(value: unknown): value is { readonly possible: boolean; readonly how: string } {
  return typeof value === "object" && value !== null && "possible" in value && "how" in value && typeof value.how === "string";
}

function listed(mark: string, list: unknown): string[] {
  const lines = Array.isArray(list) ? list.filter((line) => typeof line === "string") : [];
  const more = lines.length > SHOWN ? [`${mark}… and ${lines.length - SHOWN} more; the receipt has them all`] : [];
  return [...lines.slice(0, SHOWN).map((line) => mark + plainText(line, LINE)), ...more];
}

function receiptLine(receipt: Entry | EntryDraft | null): string | undefined {
  if (receipt === null || !("signature" in receipt)) return undefined;
  return `Receipt ${receipt.run_id.slice(0, 8)} (signed) · enact://receipts/${receipt.run_id}`;
}
