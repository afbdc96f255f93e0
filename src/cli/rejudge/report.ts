import type { Rejudged, RejudgeReport } from "../../guard/rejudge.js";
import { contradictions } from "../../guard/rejudge.js";
import { plainText } from "../../guard/text.js";
import { checkLine } from "../../receipts/check.js";
import type { LedgerReader } from "../../receipts/ledger.js";
import type { Entry } from "../../receipts/receipt.js";

const SHOWN = 50;
const LINE = 400;

/** The first so many entries of a ledger, which have been verified. */
export function* verifiedEntries(reader: LedgerReader, most: number): Iterable<Entry> {
  let read = 0;
  for (const line of reader.lines()) {
    if (read === most) return;
    const checked = checkLine(line, reader.keys);
    if ("good" in checked) yield checked.good.entry;
    read += 1;
  }
}

/** What is shown of a report, whichever command asked for it. */
export function rejudgeLines(report: RejudgeReport, { acceptedLosses }: Pick<LedgerReader, "acceptedLosses">, source: string): readonly string[] {
  const { judged, same, changed, unclear, unplanned } = report;
  const lines = [
    `Judged again by ${source}: ${count(judged, "decision")}. ${String(same)} as then, ${String(changed.length)} otherwise, ${String(unclear.length)} cannot be told.`,
    ...(unplanned === 0 ? [] : [`  ${count(unplanned, "call")} could not be planned then, so there is nothing to judge.`]),
    ...(acceptedLosses.length === 0 ? [] : ["  The history that policies count by begins after receipts that are lost: limits may look looser than they were."]),
    ...section("Would be decided otherwise", changed),
    ...section("Cannot be told", unclear),
  ];
  const wrong = contradictions(report).length;
  if (wrong === 0) return lines;
  return [...lines, `! ${count(wrong, "decision")} of these ${wrong === 1 ? "was" : "were"} made under this very configuration: either a policy judges otherwise since an update, or the decision was not made by it.`];
}

function section(title: string, items: readonly Rejudged[]): readonly string[] {
  if (items.length === 0) return [];
  const more = items.length > SHOWN ? [`  and ${String(items.length - SHOWN)} more (--json lists all)`] : [];
  return [title, ...items.slice(0, SHOWN).flatMap(itemLines), ...more];
}

function itemLines({ sequence, workflow, run_id, timestamp, of, was, now, policies, assumes, sameConfiguration }: Rejudged): readonly string[] {
  const verdict = now === "cannot_tell" ? `${was} → cannot tell` : `${was} → ${now}`;
  const what = of === "measured" ? " (measured effects)" : "";
  const same = sameConfiguration && now !== "cannot_tell" ? "  (same configuration)" : "";
  return [
    `  ${verdict}  ${plainText(workflow, 40)}${what}  ${plainText(timestamp, 40)}  receipt ${String(sequence)}  run ${plainText(run_id, 100)}${same}`,
    ...policies.map((one) => `      ${MARKS[one.now]} ${plainText(one.policy, 100)} (then ${THEN[one.was]}): ${plainText(one.reason, LINE)}`),
    ...assumes.map((assumed) => `      taking for granted: ${plainText(assumed, LINE)}`),
  ];
}

const MARKS = { passed: "✓", failed: "✗", absent: "–", cannot_tell: "?" } as const;
const THEN = { passed: "✓", failed: "✗", absent: "not asked", cannot_tell: "?" } as const;

/** For scripts. */
export function rejudgeJson({ judged, same, changed, unclear, unplanned }: RejudgeReport) {
  return { judged, same, changed, unclear, unplanned };
}

function count(number: number, what: string): string {
  return `${String(number)} ${what}${number === 1 ? "" : "s"}`;
}
