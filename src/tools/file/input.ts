import { z } from "zod";

/** Longer ones cannot exist; what else is wrong with a path is told by the look. */
export const pathInput = z
  .string()
  .min(1)
  .max(4096, "must have at most 4096 characters")
  .describe("Relative to the root, or absolute inside it");
