/** Sunday first, as Intl and Date count. */
export const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] as const;
export type Day = (typeof DAYS)[number];

/** What a clock on the wall shows. */
export interface WallClock {
  readonly day: Day;
  /** Since midnight, 0 to 1439. */
  readonly minute: number;
}

export const MINUTES_OF_A_DAY = 1440;

export function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat("en-US", { timeZone: name }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}

/**
 * Making a formatter takes fifty times as long as using it. A cache only: a formatter is decided by its zone's name, and
 * there are a few hundred of those.
 */
const FORMATTERS = new Map<string, Intl.DateTimeFormat>();

/** What the clock shows in this time zone at this instant; daylight saving is Intl's business. */
export function wallClock(instant: Date, timeZone: string): WallClock {
  const parts = Object.fromEntries(formatter(timeZone).formatToParts(instant).map(({ type, value }) => [type, value]));
  const day = DAYS.find((name) => name === parts["weekday"]?.toLowerCase());
  const minute = Number(parts["hour"]) * 60 + Number(parts["minute"]);
  if (day === undefined || !Number.isInteger(minute)) throw new TypeError(`the time in ${timeZone} cannot be told`);
  return { day, minute };
}

function formatter(timeZone: string): Intl.DateTimeFormat {
  const known = FORMATTERS.get(timeZone);
  if (known !== undefined) return known;
  const made = new Intl.DateTimeFormat("en-US", { timeZone, weekday: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  FORMATTERS.set(timeZone, made);
  return made;
}

export function dayBefore(day: Day): Day {
  return DAYS[(DAYS.indexOf(day) + 6) % 7] ?? "sun";
}

/** `22:00`; 1440 is `24:00`. */
export function clockText(minute: number): string {
  return `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;
}
