import { z } from "zod";

import { definePolicy } from "../policy.js";
import { notKnown, ownBranch, protection } from "./_branches.js";

const options = z.strictObject({
  /** More branches to protect: names, or patterns such as "release/*". */
  branches: z.array(z.string().min(1)).default([]),
});

const KNOWN = { head: "agent/fix-149", remote_default_branch: "trunk", protected_branches: ["trunk", "main", "master"] };

/** A merge into the default branch is for people, after a review. */
export const dontMergeToMainPolicy = definePolicy<z.infer<typeof options>>({
  id: "dont_merge_to_main",
  category: "git",
  workflows: ["git_merge"],
  reads: ["base", "protected_branches"],
  options,
  description: "Blocks a merge into main or master in any spelling, into the default branch, asked live, or into a branch that `branches` lists.",
  hint: "Push the branch and open a pull request; a person merges it.",
  examples: [
    { title: "bringing a branch of the agent's own up to date", passes: true, workflow: "git_merge", payload: { ...KNOWN, base: "agent/fix-149", head: "main" } },
    { title: "a branch that only sounds like main", passes: true, workflow: "git_merge", payload: { ...KNOWN, base: "agent/main-menu" } },
    { title: "main", passes: false, workflow: "git_merge", payload: { ...KNOWN, base: "main" } },
    { title: "the default branch, whatever its name", passes: false, workflow: "git_merge", payload: { ...KNOWN, base: "trunk" } },
    { title: "a branch that a pattern lists", passes: false, options: { branches: ["release/*"] }, workflow: "git_merge", payload: { ...KNOWN, base: "release/2.0" } },
  ],
  judge: ({ payload }, { branches }) => {
    const base = payload["base"];
    const why = protection(payload, base, branches);
    if (why === undefined || typeof base !== "string") return notKnown("base");
    const baseIsNotMain = why === null;
    if (baseIsNotMain) return { passed: true, reason: `'${base}' is not a protected branch` };
    const head = payload["head"];
    const headIsOwn = typeof head === "string" && protection(payload, head, branches) === null;
    const own = headIsOwn ? head : ownBranch(payload);
    return {
      passed: false,
      reason: `Merging into '${base}' is blocked (${why})`,
      hint: `Push '${own}' and open a pull request; a person merges it.`,
    };
  },
});
