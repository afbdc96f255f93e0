import { z } from "zod";

import { definePolicy } from "../policy.js";
import { clockText, dayBefore, DAYS, isTimeZone, MINUTES_OF_A_DAY, wallClock, type Day, type WallClock } from "./_clock.js";
import { allowReads, onlyLooks } from "./_reads.js";

const time = z.string().regex(/^(?:(?:[01]?\d|2[0-3]):[0-5]\d|24:00)$/, "must be a time such as 22:00");
const MIXED = "give either start_hour_utc and end_hour_utc, or start and end (with time_zone and days)";

const options = z
  .strictObject({
    start_hour_utc: z.int().min(0).max(23).optional(),
    /** Exclusive; 24 is midnight. */
    end_hour_utc: z.int().min(0).max(24).optional(),
    start: time.optional(),
    /** Exclusive. Before `start`: on the next day. */
    end: time.optional(),
    /** A name of the IANA data base, such as Europe/Berlin; UTC when left out. */
    time_zone: z.string().refine(isTimeZone, { message: "is no time zone; give a name such as Europe/Berlin or UTC" }).optional(),
    /** The days on which the window begins; every day when left out. */
    days: z.array(z.enum(DAYS)).min(1).optional(),
    /** Lets calls pass that only look: file_read, and SQL that writes nothing. */
    allow_reads: allowReads,
  })
  .superRefine((given, issues) => {
    const wants = (message: string) => issues.addIssue({ code: "custom", message });
    const hasHours = given.start_hour_utc !== undefined || given.end_hour_utc !== undefined;
    const hasTimes = [given.start, given.end, given.time_zone, given.days].some((option) => option !== undefined);
    if (hasHours === hasTimes) wants(MIXED);
    else if (hasHours && (given.start_hour_utc === undefined || given.end_hour_utc === undefined)) wants("start_hour_utc and end_hour_utc go together");
    else if (hasTimes && (given.start === undefined || given.end === undefined)) wants("start and end go together");
    else if (given.time_zone !== undefined && !isTimeZone(given.time_zone)) return;
    else if (aClosedMoment(windowOf(given)) === null) wants("this window is always open, so that it protects nothing");
  });

type Options = z.infer<typeof options>;

interface Window {
  /** Minutes since midnight. */
  readonly start: number;
  readonly end: number;
  readonly zone: string;
  readonly days: readonly Day[];
}

const NIGHT = { start: "22:00", end: "02:00", time_zone: "Europe/Berlin", days: ["fri"], allow_reads: false } satisfies Options;

/**
 * Times are those of the clock on the wall: a window in an hour that daylight saving skips does not open that day, one
 * in the hour that comes twice opens twice. A window that crosses midnight belongs to the day on which it began.
 */
export const withinMaintenanceWindowPolicy = definePolicy<Options>({
  id: "within_maintenance_window",
  category: "time",
  workflows: "all",
  reads: [],
  options,
  description: "Blocks outside the window. It may cross midnight, its end is exclusive, and one that starts when it ends never opens.",
  hint: "Wait for the window, or ask the person to do it now themselves.",
  examples: [
    {
      title: "the first minute of the window",
      passes: true,
      options: { start_hour_utc: 2, end_hour_utc: 6, allow_reads: false },
      workflow: "sql_query",
      payload: {},
      now: "2026-11-22T02:00:00Z",
    },
    {
      title: "Saturday at 00:30 in Berlin, in the window that began on Friday",
      passes: true,
      options: NIGHT,
      workflow: "git_push",
      payload: {},
      now: "2026-11-20T23:30:00Z",
    },
    {
      title: "the end of the window",
      passes: false,
      options: { start_hour_utc: 2, end_hour_utc: 6, allow_reads: false },
      workflow: "sql_query",
      payload: {},
      now: "2026-11-22T06:00:00Z",
    },
    {
      title: "Friday at 00:30 in Berlin, before the window of Friday night",
      passes: false,
      options: NIGHT,
      workflow: "git_push",
      payload: {},
      now: "2026-11-19T23:30:00Z",
    },
    {
      title: "a window that starts when it ends",
      passes: false,
      options: { start_hour_utc: 3, end_hour_utc: 3, allow_reads: false },
      workflow: "git_push",
      payload: {},
      now: "2026-11-22T03:00:00Z",
    },
  ],
  knownBad: (given) => ({ workflow: "git_push", payload: {}, now: aClosedMoment(windowOf(given))?.toISOString() ?? "" }),
  judge: (context, given) => {
    const window = windowOf(given);
    const clock = wallClock(context.now, window.zone);
    const reason = `It is ${clock.day} ${clockText(clock.minute)} ${window.zone}, and the window is ${inWords(window)}`;
    if (isOpen(window, clock)) return { passed: true, reason };
    if (given.allow_reads && onlyLooks(context)) return { passed: true, reason: `${reason}; this call only looks` };
    return { passed: false, reason };
  },
});

function windowOf({ start_hour_utc, end_hour_utc, start = "", end = "", time_zone, days }: Options): Window {
  if (start_hour_utc !== undefined && end_hour_utc !== undefined) {
    return { start: start_hour_utc * 60, end: end_hour_utc * 60, zone: "UTC", days: DAYS };
  }
  return { start: minuteOf(start), end: minuteOf(end), zone: time_zone ?? "UTC", days: days ?? DAYS };
}

function minuteOf(text: string): number {
  const [hours = "", minutes = ""] = text.split(":");
  return Number(hours) * 60 + Number(minutes);
}

function isOpen({ start, end, days }: Window, { day, minute }: WallClock): boolean {
  if (start <= end) return days.includes(day) && start <= minute && minute < end;
  return (days.includes(day) && minute >= start) || (days.includes(dayBefore(day)) && minute < end);
}

/** A moment at which the window is closed; null when it never is. Looks at every minute of an ordinary week. */
function aClosedMoment(window: Window): Date | null {
  const monday = Date.parse("2026-11-16T00:00:00Z");
  for (let minute = 0; minute < 7 * MINUTES_OF_A_DAY; minute += 1) {
    const moment = new Date(monday + minute * 60_000);
    if (!isOpen(window, wallClock(moment, window.zone))) return moment;
  }
  return null;
}

function inWords({ start, end, zone, days }: Window): string {
  if (start === end) return "never open (it starts when it ends)";
  const when = days.length === DAYS.length ? "daily" : DAYS.filter((day) => days.includes(day)).join(", ");
  return `${when} ${clockText(start)}–${clockText(end)} ${zone}`;
}
