import { z } from "zod";

import { EnactError } from "../../errors.js";

/** Longer ones cannot exist; what else is wrong with a path is told by the look. */
export const pathInput = z
  .string()
  .min(1)
  .max(4096, "must have at most 4096 characters")
  .describe("Relative to the root, or absolute inside it");

/** Stopping later would leave something half done, so a call is given up here or not at all. */
export function refuseCancelled(signal: AbortSignal): void {
  if (signal.aborted) throw new EnactError("CANCELLED", "The call was cancelled before anything was done");
}
