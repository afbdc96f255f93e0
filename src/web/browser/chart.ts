import uPlot from "uplot";

import type { RunState, TimeChart } from "../receipts/wire.js";

/** From the bottom of a bar to its top. */
export const CHART_STATES: readonly RunState[] = ["PASS", "ROLLED_BACK", "OPEN", "PARTIAL", "BLOCK", "WRONG"];

export interface Bar {
  readonly from: number;
  readonly to: number;
  readonly counts: Readonly<Partial<Record<RunState, number>>>;
}

export interface TimeBarsOptions {
  readonly chart: TimeChart;
  readonly width: number;
  readonly onHover: (bar: Bar | null) => void;
  /** A stretch of time was drawn over, in milliseconds. */
  readonly onSelect: (from: number, to: number) => void;
}

const HEIGHT = 104;
const MAX_BAR = 26;

/** Stacked bars on a canvas, in the colours of the page. */
export class TimeBars {
  readonly #plot: uPlot;
  readonly #options: TimeBarsOptions;

  constructor(place: HTMLElement, options: TimeBarsOptions) {
    this.#options = options;
    this.#plot = new uPlot(this.#settings(place), stacked(options.chart), place);
  }

  destroy(): void {
    this.#plot.destroy();
  }

  #settings(place: HTMLElement): uPlot.Options {
    const style = getComputedStyle(place);
    const colour = (name: string): string => style.getPropertyValue(name).trim();
    const axis = { stroke: colour("--muted"), font: "11px system-ui, sans-serif", ticks: { show: false } };
    return {
      width: this.#options.width,
      height: HEIGHT,
      padding: [6, 4, 0, 0],
      legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { x: true, y: false, setScale: false } },
      select: { show: true, left: 0, top: 0, width: 0, height: 0 },
      scales: { x: { time: true, range: (_plot, min, max) => [min - this.#step / 2, max + this.#step] }, y: { range: (_plot, _min, max) => [0, Math.max(max * 1.08, 1)] } },
      axes: [
        { ...axis, size: 22, gap: 4, grid: { show: false }, space: 76, incrs: TIME_STEPS, values: (_plot, splits) => timeLabels(splits) },
        { ...axis, size: 40, gap: 6, grid: { stroke: colour("--line"), width: 1 }, space: 30, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000] },
      ],
      // The whole bar first; what lies lower is drawn over it.
      series: [{}, ...CHART_STATES.toReversed().map((state) => this.#series(colour(`--state-${state}`)))],
      hooks: { setCursor: [(plot) => this.#hover(plot)], setSelect: [(plot) => this.#select(plot)] },
    };
  }

  get #step(): number {
    return this.#options.chart.step / 1000;
  }

  #series(fill: string): uPlot.Series {
    const paths = uPlot.paths.bars?.({ size: [0.82, MAX_BAR], align: 1, gap: 0 });
    return { fill, width: 0, points: { show: false }, ...(paths === undefined ? {} : { paths }) };
  }

  #hover(plot: uPlot): void {
    const { left = -1, idx } = plot.cursor;
    const { chart, onHover } = this.#options;
    if (left < 0 || idx === null || idx === undefined) {
      onHover(null);
      return;
    }
    const bar = Math.floor((plot.posToVal(left, "x") * 1000 - chart.from) / chart.step);
    const from = chart.from + bar * chart.step;
    onHover(bar < 0 || bar >= chart.counts.PASS.length ? null : { from, to: from + chart.step, counts: countsAt(chart, bar) });
  }

  #select(plot: uPlot): void {
    const { left, width } = plot.select;
    if (width < 4) return;
    const [from, to] = [left, left + width].map((x) => Math.round(plot.posToVal(x, "x") * 1000));
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    if (from !== undefined && to !== undefined) this.#options.onSelect(from, to);
  }
}

function countsAt(chart: TimeChart, bar: number): Readonly<Partial<Record<RunState, number>>> {
  return Object.fromEntries(CHART_STATES.map((state) => [state, chart.counts[state][bar] ?? 0]));
}

/** Seconds between two marks of the axis. */
const TIME_STEPS = [1, 5, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 14_400, 21_600, 28_800, 43_200, 86_400, 172_800, 345_600, 604_800, 1_209_600, 2_419_200, 7_862_400, 31_449_600];
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const CLOCK_SECONDS = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });

/** The time of day, and the day where it begins. */
function timeLabels(splits: readonly number[]): string[] {
  const step = (splits[1] ?? 0) - (splits[0] ?? 0);
  return splits.map((seconds) => {
    const date = new Date(seconds * 1000);
    const isMidnight = date.getHours() + date.getMinutes() + date.getSeconds() === 0;
    if (isMidnight || step >= 86_400) return DAY.format(date);
    return (step < 60 ? CLOCK_SECONDS : CLOCK).format(date);
  });
}

function stacked(chart: TimeChart): uPlot.AlignedData {
  const times = chart.counts.PASS.map((_count, bar) => (chart.from + bar * chart.step) / 1000);
  const sums = times.map(() => 0);
  const layers = CHART_STATES.map((state) => chart.counts[state].map((value, bar) => (sums[bar] = (sums[bar] ?? 0) + value)));
  return [times, ...layers.toReversed()];
}
