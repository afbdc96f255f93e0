import { z } from "zod";

import { definePolicy } from "../policy.js";

const options = z.strictObject({});

/** An agent that makes branches has no need to delete any: in November 2025 one deleted its user's source branch. */
export const dontDeleteBranchPolicy = definePolicy<z.infer<typeof options>>({
  id: "dont_delete_branch",
  category: "git",
  workflows: (): readonly string[] => ["git_delete_branch"],
  reads: [],
  options,
  description: "Blocks when a branch would be deleted, locally or at a remote, whatever its name and whether merged or not.",
  hint: "Leave the branch as it is, or ask the person to delete it.",
  examples: [
    { title: "another tool", passes: true, workflow: "git_push", payload: { branch: "agent/fix-149" } },
    { title: "a branch that is merged already", passes: false, workflow: "git_delete_branch", payload: { branch: "agent/fix-149", remote: null, merged: true, lost_commit_count: 0 } },
    { title: "a branch at the remote", passes: false, workflow: "git_delete_branch", payload: { branch: "agent/fix-149", remote: "origin", lost_commit_count: 2 } },
  ],
  judge: ({ payload, workflow }) => {
    const nothingIsDeleted = workflow !== "git_delete_branch";
    if (nothingIsDeleted) return { passed: true, reason: "No branch is deleted" };
    const { branch, remote, lost_commit_count: lost } = payload;
    const name = typeof branch === "string" ? `the branch '${branch}'` : "a branch";
    const place = typeof remote === "string" ? ` at ${remote}` : "";
    const loss = typeof lost === "number" && lost > 0 ? `; ${lost === 1 ? "a commit is" : `${lost} commits are`} on no other branch` : "";
    return { passed: false, reason: `Deleting ${name}${place} is blocked${loss}` };
  },
});
