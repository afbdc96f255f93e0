import { z } from "zod";

import { definePolicy } from "../policy.js";
import { notKnown, ownBranch, protection } from "./_branches.js";

const options = z.strictObject({
  /** More branches to protect: names, or patterns such as "release/*". */
  branches: z.array(z.string().min(1)).default([]),
});

const KNOWN = { remote: "origin", remote_default_branch: "trunk", protected_branches: ["trunk", "main", "master"] };
const ANY_CASE = { ...KNOWN, branch: "Main", ref: "refs/heads/Main", protected_branches: ["trunk", "main", "master", "Main"] };

/** Everybody builds on the default branch: what goes there goes through a pull request. */
export const dontPushToMainPolicy = definePolicy<z.infer<typeof options>>({
  id: "dont_push_to_main",
  category: "git",
  workflows: ["git_push"],
  reads: ["branch", "protected_branches"],
  options,
  description:
    "Blocks a push to main or master in any spelling, to the remote's own default branch, asked live, or to a branch that `branches` lists (`release/*` covers all below).",
  hint: "Push to a branch of your own and open a pull request.",
  examples: [
    { title: "a branch of the agent's own", passes: true, workflow: "git_push", payload: { ...KNOWN, branch: "agent/fix-149", ref: "refs/heads/agent/fix-149" } },
    { title: "a branch that only sounds like main", passes: true, workflow: "git_push", payload: { ...KNOWN, branch: "agent/main-menu", ref: "refs/heads/agent/main-menu" } },
    { title: "main", passes: false, workflow: "git_push", payload: { ...KNOWN, branch: "main", ref: "refs/heads/main" } },
    { title: "main in another spelling", passes: false, workflow: "git_push", payload: ANY_CASE },
    { title: "the remote's default branch, whatever its name", passes: false, workflow: "git_push", payload: { ...KNOWN, branch: "trunk", ref: "refs/heads/trunk" } },
    {
      title: "a branch that a pattern lists",
      passes: false,
      options: { branches: ["release/*"] },
      workflow: "git_push",
      payload: { ...KNOWN, branch: "release/2.0", ref: "refs/heads/release/2.0" },
    },
    {
      title: "a branch beside the pattern",
      passes: true,
      options: { branches: ["release/*"] },
      workflow: "git_push",
      payload: { ...KNOWN, branch: "agent/release-notes", ref: "refs/heads/agent/release-notes" },
    },
  ],
  judge: ({ payload }, { branches }) => {
    const branch = payload["branch"];
    const why = protection(payload, branch, branches);
    if (why === undefined || typeof branch !== "string") return notKnown("branch");
    const branchIsNotMain = why === null;
    if (branchIsNotMain) return { passed: true, reason: `'${branch}' is not a protected branch` };
    const own = ownBranch(payload);
    return {
      passed: false,
      reason: `Direct push to '${branch}' is blocked (${why})`,
      hint: `Push to a branch such as '${own}' and open a pull request.`,
      instead: { branch: own, ref: `refs/heads/${own}` },
    };
  },
});
