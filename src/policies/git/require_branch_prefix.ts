import { z } from "zod";

import { branchNameProblem } from "../../facts/git-names.js";
import { definePolicy } from "../policy.js";
import { notKnown, ownBranch } from "./_branches.js";

const options = z.strictObject({
  prefix: z
    .string()
    .min(1)
    .refine((prefix) => branchNameProblem(`${prefix}x`) === null, "no branch can begin with this")
    .default("agent/"),
});

/** Branches of agents are told apart by their names, and remotes can be given rules for them. */
export const requireBranchPrefixPolicy = definePolicy<z.infer<typeof options>>({
  id: "require_branch_prefix",
  category: "git",
  workflows: ["git_push"],
  reads: ["branch"],
  options,
  description: "Blocks a push to a branch whose name does not begin with `prefix`, letter for letter.",
  hint: "Push to a branch whose name begins with the required prefix.",
  examples: [
    { title: "a branch with the prefix", passes: true, workflow: "git_push", payload: { branch: "agent/fix-149" } },
    { title: "a branch without it", passes: false, workflow: "git_push", payload: { branch: "fix-149" } },
    { title: "the prefix in other letters", passes: false, workflow: "git_push", payload: { branch: "Agent/fix-149" } },
    { title: "the prefix further on", passes: false, workflow: "git_push", payload: { branch: "feature/agent/fix-149" } },
    { title: "a prefix of one's own", passes: true, options: { prefix: "bot/" }, workflow: "git_push", payload: { branch: "bot/fix-149" } },
  ],
  knownBad: ({ prefix }) => ({ workflow: "git_push", payload: { branch: `not-${prefix}x` } }),
  judge: ({ payload }, { prefix }) => {
    const branch = payload["branch"];
    if (typeof branch !== "string") return notKnown("branch");
    const branchHasPrefix = branch.startsWith(prefix);
    if (branchHasPrefix) return { passed: true, reason: `'${branch}' begins with '${prefix}'` };
    const names = payload["protected_branches"];
    const isProtected = Array.isArray(names) && names.includes(branch);
    const own = isProtected || branchNameProblem(prefix + branch) !== null ? ownBranch(payload, prefix) : prefix + branch;
    return {
      passed: false,
      reason: `The branch '${branch}' does not begin with '${prefix}'`,
      hint: `Push to a branch such as '${own}'.`,
      instead: { branch: own, ref: `refs/heads/${own}` },
    };
  },
});
