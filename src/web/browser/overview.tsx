import { useEffect, useRef, useState } from "preact/hooks";

import type { Charts, PolicyBar, RunState, TimeChart } from "../receipts/wire.js";
import type { Bar } from "./chart.js";
import { CHART_STATES, TimeBars } from "./chart.js";
import { count, counted, stateName, whenExactly } from "./format.js";
import { useMedia, useWidth } from "./hooks.js";
import type { State, Store } from "./store.js";
import { Text, plain } from "./text.js";

interface Props {
  readonly state: State;
  readonly store: Store;
}

/** Calls over time, and what stopped them. */
export function Overview({ state, store }: Props) {
  const isNarrow = useMedia("(max-width: 720px)");
  const { charts } = state;
  return (
    <section class="overview" aria-label="Charts">
      <Time chart={charts?.time ?? null} store={store} />
      <details class="policies" open={!isNarrow}>
        <summary>Stopped by policy</summary>
        <Policies charts={charts} store={store} chosen={state.view.policy} />
      </details>
    </section>
  );
}

function Time({ chart, store }: { readonly chart: TimeChart | null; readonly store: Store }) {
  const place = useRef<HTMLDivElement>(null);
  const bars = useRef<TimeBars | null>(null);
  const [bar, setBar] = useState<Bar | null>(null);
  const width = useWidth(place);
  const isDark = useMedia("(prefers-color-scheme: dark)");
  useEffect(() => {
    if (place.current === null || chart === null || width === 0) return undefined;
    const choose = (from: number, to: number): void => store.show({ period: { back: -1, from, to } });
    bars.current = new TimeBars(place.current, { chart, width, onHover: setBar, onSelect: choose });
    return () => bars.current?.destroy();
  }, [chart, width, isDark]);
  return (
    <figure class="time">
      <figcaption>
        <span class="figure-title">Calls over time</span>
        <span class="figure-value">{chart === null ? "" : bar === null ? `each bar ${stepName(chart.step)}` : barText(bar)}</span>
      </figcaption>
      <div ref={place} class="plot" role="img" aria-label={chart === null ? "No calls" : chartText(chart)} />
    </figure>
  );
}

function barText({ from, to, counts }: Bar): string {
  const parts = CHART_STATES.filter((state) => (counts[state] ?? 0) > 0).map((state) => `${count(counts[state] ?? 0)} ${stateName(state)}`);
  const end = whenExactly(to).split(", ").at(-1) ?? "";
  return `${whenExactly(from)} – ${end}: ${parts.join(", ") || "none"}`;
}

function chartText({ from, step, counts }: TimeChart): string {
  const sums = CHART_STATES.map((state): readonly [RunState, number] => [state, counts[state].reduce((sum, value) => sum + value, 0)]);
  const parts = sums.filter(([, sum]) => sum > 0).map(([state, sum]) => `${count(sum)} ${stateName(state)}`);
  return `Calls from ${whenExactly(from)} to ${whenExactly(from + step * counts.PASS.length)}: ${parts.join(", ")}`;
}

function stepName(step: number): string {
  const units: readonly (readonly [number, string])[] = [[86_400_000, "day"], [3_600_000, "hour"], [60_000, "minute"], [1000, "second"]];
  const [size, name] = units.find(([unit]) => step >= unit) ?? [1000, "second"];
  return counted(Math.round(step / size), name);
}

function Policies({ charts, store, chosen }: { readonly charts: Charts | null; readonly store: Store; readonly chosen: string }) {
  const bars = (charts?.policies ?? []).filter(({ stopped }) => stopped > 0);
  const most = Math.max(1, ...bars.map(({ stopped }) => stopped));
  if (bars.length === 0) return <p class="policies-none">{charts === null ? "" : "No policy stopped any of these calls."}</p>;
  return (
    <ul class="policy-bars">
      {bars.map((bar) => <PolicyLine key={bar.policy} bar={bar} most={most} isChosen={bar.policy === chosen} onChoose={() => store.show({ policy: bar.policy === chosen ? "" : bar.policy })} />)}
    </ul>
  );
}

function PolicyLine({ bar, most, isChosen, onChoose }: { readonly bar: PolicyBar; readonly most: number; readonly isChosen: boolean; readonly onChoose: () => void }) {
  const label = `${plain(bar.policy)} stopped ${count(bar.stopped)} of ${counted(bar.judged, "call")}`;
  return (
    <li>
      <button type="button" class="policy-bar" aria-pressed={isChosen} aria-label={label} title={label} onClick={onChoose}>
        <span class="policy-name"><Text value={bar.policy} /></span>
        <span class="policy-track" aria-hidden="true"><span class="policy-fill" style={{ width: `${String(Math.max(2, (bar.stopped / most) * 100))}%` }} /></span>
        <span class="policy-count">{count(bar.stopped)}</span>
      </button>
    </li>
  );
}
