import type { Policy, PolicyDefinition } from "../policy.js";
import { codeFreezeActivePolicy } from "./code_freeze_active.js";
import { rateLimitPolicy } from "./rate_limit.js";
import { withinMaintenanceWindowPolicy } from "./within_maintenance_window.js";

export { codeFreezeActivePolicy, rateLimitPolicy, withinMaintenanceWindowPolicy };

/** Nothing runs while ENACT_FREEZE or the freeze file declares a freeze. */
export const codeFreezeActive: Policy = codeFreezeActivePolicy.create({});

/** Nothing runs in these periods either. */
export const codeFreezeActiveWith = (options: {
  freezes?: readonly { start: string; end: string; reason?: string }[];
  allow_reads?: boolean;
}): Policy => codeFreezeActivePolicy.create(options);

/** At most so many runs in so many seconds, over all tools. */
export const rateLimit = (maxCalls: number, windowSeconds: number): Policy =>
  rateLimitPolicy.create({ max_calls: maxCalls, window_seconds: windowSeconds });

/** At most so many runs in so many seconds, over these tools. */
export const rateLimitWith = (options: { max_calls: number; window_seconds: number; workflows?: readonly string[] }): Policy =>
  rateLimitPolicy.create(options);

/** Only between these hours of UTC, the second exclusive. */
export const withinMaintenanceWindow = (startHourUtc: number, endHourUtc: number): Policy =>
  withinMaintenanceWindowPolicy.create({ start_hour_utc: startHourUtc, end_hour_utc: endHourUtc });

/** Only in this window of a time zone and of these days. */
export const withinMaintenanceWindowWith = (options: {
  start: string;
  end: string;
  time_zone?: string;
  days?: readonly string[];
  allow_reads?: boolean;
}): Policy => withinMaintenanceWindowPolicy.create(options);

/** All policies of this category, sorted by id. */
export const timePolicies: readonly PolicyDefinition[] = [codeFreezeActivePolicy, rateLimitPolicy, withinMaintenanceWindowPolicy];
