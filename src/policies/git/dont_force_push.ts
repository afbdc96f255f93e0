import { z } from "zod";

import { definePolicy } from "../policy.js";
import { notKnown } from "./_branches.js";

const options = z.strictObject({});

const LOST = [{ sha: "5".repeat(40), subject: "Work of a colleague" }];

/** History that others may have built on stays: in July 2025 an agent force-pushed over a remote's history. */
export const dontForcePushPolicy = definePolicy<z.infer<typeof options>>({
  id: "dont_force_push",
  category: "git",
  workflows: ["git_push"],
  reads: ["update", "lost_commit_count"],
  options,
  description: "Blocks a push after which commits are no longer on the branch. It judges what would be lost, not whether `force` was asked for.",
  hint: "Fetch, then merge or rebase onto the branch as it is at the remote, and push again.",
  examples: [
    { title: "a new branch", passes: true, workflow: "git_push", payload: { update: "create", lost_commits: [], lost_commit_count: 0 } },
    { title: "a fast-forward that was asked for with force", passes: true, workflow: "git_push", payload: { update: "fast_forward", force: true, lost_commits: [], lost_commit_count: 0 } },
    { title: "a rewritten branch", passes: false, workflow: "git_push", payload: { branch: "agent/x", update: "forced", force: true, lost_commits: LOST, lost_commit_count: 1 } },
    { title: "the same without the flag", passes: false, workflow: "git_push", payload: { branch: "agent/x", update: "forced", force: false, lost_commits: LOST, lost_commit_count: 1 } },
  ],
  judge: ({ payload }) => {
    const { update, lost_commits: commits, lost_commit_count: lost } = payload;
    if (typeof lost !== "number" || typeof update !== "string") return notKnown("lost_commit_count");
    const nothingIsLost = lost === 0 && update !== "forced";
    if (nothingIsLost) return { passed: true, reason: "No commit leaves the branch" };
    const [first] = Array.isArray(commits) ? (commits as readonly { subject?: unknown }[]) : [];
    const example = typeof first?.subject === "string" ? `, such as '${first.subject.slice(0, 80)}'` : "";
    return {
      passed: false,
      reason: `The push would take ${lost === 1 ? "a commit" : `${lost} commits`} off the branch${example}`,
      instead: { update: "fast_forward", lost_commits: [], lost_commit_count: 0 },
    };
  },
});
