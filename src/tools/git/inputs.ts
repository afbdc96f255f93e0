import { z } from "zod";

import { branchNameProblem } from "../../facts/git-names.js";

/** The inputs that git tools share. Names are data: nothing in them is ever an option, a refspec, an address or an expression. */

/** A branch, by its own name. */
export function branchName(description: string) {
  return z
    .string()
    .superRefine((name, context) => {
      const problem = branchNameProblem(name);
      if (problem !== null) context.addIssue({ code: "custom", message: problem });
    })
    .describe(description);
}

export const repo = z
  .string()
  .min(1)
  .max(4096)
  .refine((path) => path.isWellFormed() && !/[\0\n]/.test(path), "a path cannot hold NUL, a line break or half a character")
  .default(".")
  .describe("The configured repository ('.') or one below it, relative to it.");

export const remoteName = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[\p{L}\p{N}_][\p{L}\p{N}_./-]*$/u, "give the name of a configured remote, such as 'origin'; an address is not a name")
  .describe("Name of a remote that the guard's configuration lists; never an address.");
