import type { Html } from "./html.js";
import { html } from "./html.js";
import { Shower } from "./show.js";

/** An instant as everybody reads it the same, "22 Nov 2026, 14:32 UTC"; the script writes it in the reader's own time. */
export function instant(time: string): Html {
  const date = new Date(time);
  // An instant and nothing else: a date followed by words is not one, whatever a program makes of it.
  if (!/^[\d:.TZ+-]+$/u.test(time) || Number.isNaN(date.getTime())) return new Shower().line(time);
  return html`<time datetime="${time}">${shownInstant(date)}</time>`;
}

const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

function shownInstant(date: Date): string {
  const [day = "", clock = ""] = date.toISOString().split("T");
  const [year, month, dayOfMonth] = day.split("-").map(Number);
  return `${String(dayOfMonth)} ${MONTHS[(month ?? 1) - 1] ?? ""} ${String(year)}, ${clock.slice(0, 5)} UTC`;
}

/** "in 58 min", "in 40 s", "2 h ago": rounded down, so that it never promises more time than there is. */
export function distance(time: string, now: Date): string {
  const seconds = Math.floor((Date.parse(time) - now.getTime()) / 1000);
  const size = amount(Math.abs(seconds));
  return seconds >= 0 ? `in ${size}` : `${size} ago`;
}

function amount(seconds: number): string {
  if (seconds < 90) return `${String(seconds)} s`;
  if (seconds < 90 * 60) return `${String(Math.floor(seconds / 60))} min`;
  return seconds < 48 * 3600 ? `${String(Math.floor(seconds / 3600))} h` : `${String(Math.floor(seconds / 86_400))} days`;
}
