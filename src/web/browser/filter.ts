import type { RunFilter, RunState } from "../receipts/wire.js";

/** A period that ends now, or whatever was drawn on the chart. */
export interface Period {
  /** Minutes back from now; 0: all; -1: from and to. */
  readonly back: number;
  readonly from: number | null;
  readonly to: number | null;
}

/** What the person looks for; `period` moves with the time, so it is not the server's filter. */
export interface View {
  readonly states: readonly RunState[];
  readonly tool: string;
  readonly policy: string;
  readonly person: string;
  readonly text: string;
  readonly period: Period;
}

export const ALWAYS: Period = { back: 0, from: null, to: null };
export const EVERYTHING: View = { states: [], tool: "", policy: "", person: "", text: "", period: ALWAYS };

export const PERIODS: readonly (readonly [number, string])[] = [
  [0, "Any time"], [15, "Last 15 minutes"], [60, "Last hour"], [24 * 60, "Last 24 hours"], [7 * 24 * 60, "Last 7 days"], [30 * 24 * 60, "Last 30 days"],
];

export function isEverything(view: View): boolean {
  return JSON.stringify(view) === JSON.stringify(EVERYTHING);
}

/** The server's filter, as of now. A moving period begins at a whole minute, so that it is not another one each time. */
export function filterOf({ period, ...view }: View, now: number): RunFilter {
  const from = period.back > 0 ? Math.floor(now / 60_000 - period.back) * 60_000 : period.from;
  return { ...view, from, to: period.back > 0 ? null : period.to };
}

export function queryOf({ states, tool, policy, person, text, from, to }: RunFilter): URLSearchParams {
  const query = new URLSearchParams();
  const set = (name: string, value: string): void => {
    if (value !== "") query.set(name, value);
  };
  set("state", states.join(","));
  set("tool", tool);
  set("policy", policy);
  set("person", person);
  set("q", text.trim());
  set("from", from === null ? "" : String(from));
  set("to", to === null ? "" : String(to));
  return query;
}

const STATES: readonly string[] = ["PASS", "BLOCK", "PARTIAL", "ROLLED_BACK", "OPEN", "WRONG", "MISSING"] satisfies RunState[];

/** The view of an address, so that it can be kept and come back to. It stands behind #: no server sees it. */
export function viewFromHash(hash: string): { readonly view: View; readonly run: number | null } {
  const query = new URLSearchParams(hash.replace(/^#/u, ""));
  const text = (name: string): string => (query.get(name) ?? "").slice(0, 200);
  const number = (name: string): number | null => (/^-?\d{1,15}$/u.test(text(name)) ? Number(text(name)) : null);
  const back = number("back") ?? 0;
  const period = back > 0 ? { back, from: null, to: null } : query.has("from") || query.has("to") ? { back: -1, from: number("from"), to: number("to") } : ALWAYS;
  const states = text("state").split(",").filter((state) => STATES.includes(state)) as RunState[];
  return { view: { states, tool: text("tool"), policy: text("policy"), person: text("person"), text: text("q"), period }, run: number("run") };
}

export function hashOf(view: View, run: number | null): string {
  const { period } = view;
  const query = queryOf({ ...view, from: period.from, to: period.to });
  if (period.back > 0) query.set("back", String(period.back));
  if (run !== null) query.set("run", String(run));
  const text = query.toString();
  return text === "" ? "" : `#${text}`;
}
