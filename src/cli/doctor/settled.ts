import type { OpenRun, SettledRun } from "../../guard/settle.js";
import { plainText } from "../../guard/text.js";

/** A run that had no outcome, for scripts. */
export interface SettledJson extends Omit<SettledRun, "receipt"> {
  /** The sequence of the receipt that says what was found; null when nothing was recorded. */
  readonly receipt: number | null;
}

export function settledJson(settled: readonly SettledRun[]): readonly SettledJson[] {
  return settled.map(({ receipt, ...rest }) => ({ ...rest, receipt: receipt?.sequence ?? null }));
}

/** Whether everything is on record that can be: what is still at work has all the time in the world. */
export function isSettled({ found }: SettledRun): boolean {
  return found !== "later" && found !== "no_tool";
}

const WORDS: Readonly<Record<SettledRun["found"], string>> = {
  done: "✓ found done",
  not_done: "✗ found not done",
  cannot_tell: "? cannot tell",
  running: "… at work",
  later: "! not settled yet",
  no_tool: "! not settled",
};

export function settledLines(settled: readonly SettledRun[]): readonly string[] {
  if (settled.length === 0) return ["No run is without an outcome: nothing to settle."];
  return [
    "Runs that had no outcome",
    ...settled.flatMap(({ found, workflow, run_id, decided_at, reason, receipt }) => [
      `  ${WORDS[found]}: ${plainText(workflow, 40)} of ${plainText(decided_at, 40)}, run ${plainText(run_id, 100)}${receipt === null ? "" : ` (receipt ${String(receipt.sequence)})`}`,
      `      ${plainText(reason, 600)}`,
    ]),
  ];
}

/** What a person should know of runs without an outcome when nobody settles them now. */
export function openNotices(open: readonly OpenRun[]): readonly string[] {
  const interrupted = open.filter(({ isAtWork }) => !isAtWork);
  if (interrupted.length === 0) return [];
  const named = interrupted.slice(0, 3).map(({ entry }) => `${plainText(entry.workflow, 40)} ${plainText(entry.run_id.slice(0, 8), 8)}`);
  const more = interrupted.length > named.length ? ` and ${String(interrupted.length - named.length)} more` : "";
  const were = interrupted.length === 1 ? "1 run was" : `${String(interrupted.length)} runs were`;
  return [`${were} interrupted (${named.join(", ")}${more}). enact-guard doctor --settle looks at the systems whether they were done, and puts that on record.`];
}
