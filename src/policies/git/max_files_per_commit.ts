import { z } from "zod";

import { definePolicy } from "../policy.js";
import { notKnown } from "./_branches.js";

const options = z.strictObject({ max_files: z.int().min(1).default(50) });

/** A commit that a person can review. */
export const maxFilesPerCommitPolicy = definePolicy<z.infer<typeof options>>({
  id: "max_files_per_commit",
  category: "git",
  workflows: ["git_commit", "git_merge", "git_push"],
  reads: ["file_count"],
  options,
  description:
    "Blocks when a commit touches more than `max_files` files: the one being made, or any among those that a push brings. Files added, changed, deleted or with a changed mode count; of a merge those that differ from all its parents.",
  hint: "Split the change into several commits, each about one thing.",
  examples: [
    { title: "a small commit", passes: true, workflow: "git_commit", payload: { file_count: 3 } },
    { title: "exactly the maximum", passes: true, workflow: "git_commit", payload: { file_count: 50 } },
    { title: "one file more", passes: false, workflow: "git_commit", payload: { file_count: 51 } },
    {
      title: "a push with one sweeping commit among small ones",
      passes: false,
      options: { max_files: 10 },
      workflow: "git_push",
      payload: {
        file_count: 400,
        commits: [
          { sha: "3".repeat(40), subject: "Fix a typo", file_count: 1 },
          { sha: "4".repeat(40), subject: "Reformat everything", file_count: 400 },
        ],
      },
    },
    { title: "a merge that brings many files and changes none itself", passes: true, workflow: "git_merge", payload: { file_count: 300, merge_commit_file_count: 0 } },
    { title: "a merge commit with sweeping changes of its own", passes: false, workflow: "git_merge", payload: { file_count: 300, merge_commit_file_count: 80 } },
  ],
  knownBad: ({ max_files }) => ({ workflow: "git_commit", payload: { file_count: max_files + 1 } }),
  judge: ({ payload, workflow }, { max_files }) => {
    const fact = workflow === "git_merge" ? "merge_commit_file_count" : "file_count";
    const count = payload[fact];
    if (typeof count !== "number" || !Number.isInteger(count) || count < 0) return notKnown(fact);
    const files = count === 1 ? "1 file" : `${count} files`;
    const commitIsSmallEnough = count <= max_files;
    if (commitIsSmallEnough) return { passed: true, reason: `${files}, limit ${max_files}` };
    return {
      passed: false,
      reason: `A commit touches ${files}, limit ${max_files}${largest(payload["commits"], count)}`,
      hint: `Split the change into commits of at most ${max_files} files, each about one thing.`,
      instead: { [fact]: max_files },
    };
  },
});

/** Names the commit, so that nobody has to look for it. */
function largest(commits: unknown, count: number): string {
  if (!Array.isArray(commits)) return "";
  const found = (commits as readonly { sha?: unknown; subject?: unknown; file_count?: unknown }[]).find((commit) => commit.file_count === count);
  if (typeof found?.sha !== "string" || typeof found.subject !== "string") return "";
  return ` (${found.sha.slice(0, 12)} '${found.subject.slice(0, 80)}')`;
}
