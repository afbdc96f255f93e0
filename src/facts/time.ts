import { z } from "zod";

import { orUnknown } from "./unknown.js";

/**
 * Facts about the environment, which the guard lays under every payload as `environment`. They come from outside the
 * model's reach: the variable of the process that a person started, and a file in a folder that no tool may write.
 */
export const ambientSchema = z.strictObject({
  /** The value of ENACT_FREEZE as it is; null when it is not set. */
  freeze_env: z.string().nullable(),
  /** The freeze file `.enact/FREEZE`: its text is the reason. Null when there is none. */
  freeze_file: orUnknown(z.strictObject({ reason: z.string() }).nullable()),
});

export type Ambient = z.infer<typeof ambientSchema>;

/** What the guard lays under every payload. */
export const ambientPayload = z.strictObject({ environment: ambientSchema });

const OFF = new Set(["", "0", "false", "no", "off"]);

/** Whether this value of ENACT_FREEZE declares a freeze: anything but empty, 0, false, no and off, in any case. */
export function isFreezeOn(value: string | null): boolean {
  return value !== null && !OFF.has(value.trim().toLowerCase());
}

const INSTANT = /^(\d{4}-\d{2}-\d{2})T([01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?)?(?:Z|[+-](?:0\d|1[0-4]):?[0-5]\d)$/;

/**
 * Milliseconds since 1970 of an ISO 8601 instant such as `2026-12-20T00:00:00Z` or `2026-12-20T01:00+01:00`; null for
 * anything else: without a zone, without a time, or a day that no calendar has.
 */
export function instantOf(text: string): number | null {
  const day = INSTANT.exec(text)?.[1];
  if (day === undefined || !isDay(day)) return null;
  // The form without a colon in the zone is ISO 8601, but Date.parse need not take it.
  const instant = Date.parse(text.replace(/([+-]\d{2})(\d{2})$/, "$1:$2"));
  return Number.isNaN(instant) ? null : instant;
}

/** Date.parse takes 30 February for 2 March. */
function isDay(day: string): boolean {
  const parsed = new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(parsed.getTime()) && parsed.toISOString().startsWith(day);
}
