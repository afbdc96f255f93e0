import type { RunRecord } from "./timeline.js";
import type { PolicyBar, RunState, TimeChart } from "./wire.js";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const STEPS = [
  SECOND, 5 * SECOND, 15 * SECOND, 30 * SECOND, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE,
  HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY, 28 * DAY, 91 * DAY, 364 * DAY, 3640 * DAY,
] as const;
const MAX_BARS = 72;
/** A few calls in a few seconds are not spread over the whole width. */
const MIN_BARS = 24;
const SHOWN_POLICIES = 6;

export interface Bounds {
  readonly from: number | null;
  readonly to: number | null;
}

/** Calls over time by what became of them. Null when no run says when it was. */
export function timeChart(runs: Iterable<RunRecord>, bounds: Bounds): TimeChart | null {
  const dated: RunRecord[] = [];
  let first = Number.POSITIVE_INFINITY;
  let last = Number.NEGATIVE_INFINITY;
  for (const run of runs) {
    if (run.at === null) continue;
    dated.push(run);
    first = Math.min(first, run.at);
    last = Math.max(last, run.at);
  }
  if (dated.length === 0) return null;
  const [from, to] = [bounds.from ?? first, bounds.to ?? last];
  const step = STEPS.find((size) => (to - from) / size <= MAX_BARS) ?? Math.ceil((to - from) / MAX_BARS);
  const chosen = bounds.from !== null;
  const begin = Math.min(Math.floor(from / step) * step, chosen ? Number.POSITIVE_INFINITY : (Math.floor(to / step) - MIN_BARS + 1) * step);
  const bars = Math.floor((to - begin) / step) + 1;
  const none = (): number[] => Array.from({ length: bars }, () => 0);
  const counts: Record<RunState, number[]> = { PASS: none(), BLOCK: none(), PARTIAL: none(), ROLLED_BACK: none(), OPEN: none(), WRONG: none(), MISSING: none() };
  for (const { at, state } of dated) {
    const bar = Math.floor(((at ?? 0) - begin) / step);
    const list = counts[state];
    const count = list[bar];
    if (count !== undefined) list[bar] = count + 1;
  }
  return { from: begin, step, counts };
}

/** How often each policy judged and stopped, those that stopped most first. What is not genuine counts for nothing. */
export function policyBars(runs: Iterable<RunRecord>): { readonly policies: readonly PolicyBar[]; readonly more: number } {
  const bars = new Map<string, { judged: number; stopped: number }>();
  for (const { judged, failed, state } of runs) {
    if (state === "WRONG") continue;
    for (const policy of judged) {
      const bar = bars.get(policy) ?? { judged: 0, stopped: 0 };
      bar.judged += 1;
      if (failed.includes(policy)) bar.stopped += 1;
      bars.set(policy, bar);
    }
  }
  const all = [...bars].map(([policy, bar]) => ({ policy, ...bar }));
  all.sort((a, b) => b.stopped - a.stopped || b.judged - a.judged || (a.policy < b.policy ? -1 : 1));
  return { policies: all.slice(0, SHOWN_POLICIES), more: Math.max(0, all.length - SHOWN_POLICIES) };
}
