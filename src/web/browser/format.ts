import type { RunRow, RunState } from "../receipts/wire.js";

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const SHORT_CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const DATE = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });
const NUMBER = new Intl.NumberFormat(undefined);

export const count = (number: number): string => NUMBER.format(number);

export function counted(number: number, one: string, many = `${one}s`): string {
  return `${count(number)} ${number === 1 ? one : many}`;
}

/** Today the time, this year day and time, before that the date. */
export function when(at: number | null, now: number): string {
  if (at === null) return "no time";
  const [then, today] = [new Date(at), new Date(now)];
  if (then.toDateString() === today.toDateString()) return CLOCK.format(then);
  return then.getFullYear() === today.getFullYear() ? `${DAY.format(then)} ${SHORT_CLOCK.format(then)}` : DATE.format(then);
}

export function whenExactly(at: number | null): string {
  return at === null ? "no time" : `${DATE.format(new Date(at))}, ${CLOCK.format(new Date(at))}`;
}

export function took(milliseconds: number | null): string {
  if (milliseconds === null) return "";
  if (milliseconds < 1000) return `${String(milliseconds)} ms`;
  return milliseconds < 60_000 ? `${(milliseconds / 1000).toFixed(1)} s` : `${String(Math.round(milliseconds / 60_000))} min`;
}

/** "2.1 MB", and for a change "+60 bytes". */
export function bytes(number: number): string {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let unit = 0;
  let size = Math.abs(number);
  for (; size >= 1000 && unit < units.length - 1; unit += 1) size /= 1000;
  const text = unit === 0 ? String(size) : size.toFixed(1);
  return `${number < 0 ? "−" : ""}${text} ${units[unit] ?? ""}`;
}

/** How long a run without an outcome may still be at work. */
const MAY_RUN_FOR = 120_000;

export function stateName(state: RunState, at: number | null = null, now = 0): string {
  if (state === "OPEN") return at !== null && Math.abs(now - at) < MAY_RUN_FOR ? "RUNNING" : "INTERRUPTED";
  return NAMES[state];
}

const NAMES: Readonly<Record<RunState, string>> = {
  PASS: "PASS", BLOCK: "BLOCK", PARTIAL: "PARTIAL", ROLLED_BACK: "ROLLED BACK", OPEN: "INTERRUPTED", WRONG: "TAMPERED", MISSING: "MISSING",
};

/** What a screen reader says of a run. */
export function rowLabel(row: RunRow, now: number): string {
  const parts = [stateName(row.state, row.at, now), row.tool, row.target, row.problem ?? row.why, row.person, whenExactly(row.at)];
  return parts.filter((part) => part !== "").join(", ");
}
