import type { z } from "zod";

import type { JsonObject } from "../../facts/json.js";
import type { InterruptedRun, SettleCall, Settlement } from "../tool.js";

/**
 * How long another machine may go on with a request after the client that sent it is gone. Every client here gives up
 * after 30 seconds or less; a server may take longer, but not for ever.
 */
const REMOTE_MS = 120_000;
/** A clock that was a day ahead when the run was decided was wrong, and says nothing of how long ago that is. */
const WRONG_CLOCK_MS = 24 * 60 * 60 * 1000;

export function done(reason: string, facts: JsonObject = {}): Settlement {
  return { found: "done", reason, facts };
}

export function notDone(reason: string, facts: JsonObject = {}): Settlement {
  return { found: "not_done", reason, facts };
}

export function cannotTell(reason: string, facts: JsonObject = {}): Settlement {
  return { found: "cannot_tell", reason, facts };
}

/** The facts of the decision that a look needs; undefined when they were redacted or are those of another version. */
export function factsOf<Facts>(schema: z.ZodType<Facts>, run: InterruptedRun): Facts | undefined {
  return schema.safeParse(run.payload).data;
}

export function unreadable(what: string): Settlement {
  return cannotTell(`The receipt does not say enough: what it would take to look (${what}) was redacted, or written by another version`);
}

/** A request that was sent to another machine may still be at work there, although nobody waits for it any more. */
export function unlessStillOnItsWay(settlement: Settlement, { decided_at }: InterruptedRun, { now }: SettleCall): Settlement {
  const seconds = secondsLeft(decided_at, now, REMOTE_MS);
  if (settlement.found === "done" || seconds === 0) return settlement;
  return { ...settlement, stillOpen: `the server may still be at work on the request; look again in ${String(seconds)} s` };
}

/** Seconds until this long has passed since the run was decided; 0 when it has. */
export function secondsLeft(decidedAt: Date, now: Date, milliseconds: number): number {
  const age = now.getTime() - decidedAt.getTime();
  if (age >= milliseconds || age < -WRONG_CLOCK_MS) return 0;
  return Math.ceil(Math.min(milliseconds, milliseconds - age) / 1000);
}

/**
 * That something is gone proves that it was deleted only where it is certain that it was there. Under another configuration
 * the look may be at another system, where it never was.
 */
export function goneHere(settlement: Settlement, { sameConfiguration }: InterruptedRun): Settlement {
  if (sameConfiguration) return settlement;
  return cannotTell(`${settlement.reason}; but the configuration is another one now, so that this may not be where it was`, settlement.facts);
}
