import { z } from "zod";

import { orUnknown } from "./unknown.js";

/** What the guard finds out before a git tool runs. Shas are full, in lower case; names of branches are without refs/heads/. */

const sha = z.string().regex(/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/);
const count = z.int().min(0);

const commit = z.object({
  sha,
  /** First line of the message, at most 200 characters. */
  subject: z.string(),
  /** Files added, changed, deleted or with a changed mode; of a merge those that differ from every parent. */
  file_count: count,
});

const lostCommit = z.object({ sha, subject: z.string() });

const suspiciousCharacter = z.object({
  character: z.string(),
  kind: z.enum(["invisible", "look_alike"]),
  looks_like: z.string(),
});

/** Where something that looks like a key was found; never the key. `file` null: in the commit's message. */
const secret = z.object({
  kind: z.string(),
  /** For a person: "line 12 of src/db.ts in 3f2a…". */
  where: z.string(),
  file: z.string().nullable(),
  /** From 1. */
  line: count,
  commit: sha.nullable(),
});

const update = z.enum(["create", "fast_forward", "forced", "up_to_date"]);

/** What a push would do to one of the remote's push URLs. */
const destination = z.object({
  /** Without credentials. */
  url: z.string(),
  /** Branch that HEAD of this remote names; null when it names none. */
  default_branch: z.string().nullable(),
  /** Null: the branch does not exist there. */
  old_sha: sha.nullable(),
  update: orUnknown(update),
  lost_commit_count: orUnknown(count),
  /** Refs that make this name impossible there: "refs/heads/agent" for "agent/x". */
  conflicting_refs: z.array(z.string()),
});

export const gitPushPayload = z.object({
  repo: z.string(),
  remote: z.string(),
  branch: z.string(),
  /** Full name of the destination ref. */
  ref: z.string(),
  /** Local branch whose tip is pushed. */
  source: z.string(),
  force: z.boolean(),
  /** Default branches of the push URLs, main, master, and `branch` itself when it reads like one of these. */
  protected_branches: orUnknown(z.array(z.string())),
  remote_default_branch: orUnknown(z.string().nullable()),
  /** Tip of the branch at the first push URL. */
  old_sha: sha.nullable(),
  new_sha: sha,
  /** The most drastic of all destinations. */
  update: orUnknown(update),
  /** Commits that a destination lacks, newest first; at most 100, the one with most files among them. */
  commits: z.array(commit),
  commit_count: orUnknown(count),
  /** Most files of any commit that a destination lacks; 0 when it lacks none. */
  file_count: orUnknown(count),
  /** Commits that leave the branch, newest first, at most 100. */
  lost_commits: orUnknown(z.array(lostCommit)),
  lost_commit_count: orUnknown(count),
  /** All real push URLs, after insteadOf and pushInsteadOf, without credentials. */
  push_urls: z.array(z.string()),
  destinations: z.array(destination),
  suspicious_characters: z.array(suspiciousCharacter),
  /** In added lines and messages of the commits that a destination lacks. */
  secrets: orUnknown(z.array(secret)),
});
export type GitPushPayload = z.infer<typeof gitPushPayload>;

export const gitCommitPayload = z.object({
  repo: z.string(),
  /** Null: HEAD is detached. */
  branch: z.string().nullable(),
  /** Null: the first commit. */
  parent: sha.nullable(),
  tree: sha,
  /** The cleaned message, with anything that looks like a key masked. */
  message: z.string(),
  author: z.string(),
  /** Sorted by path, at most 1000. */
  files: z.array(z.object({ path: z.string(), status: z.enum(["added", "changed", "deleted"]) })),
  file_count: orUnknown(count),
  secrets: orUnknown(z.array(secret)),
  /** Main, master and the default branches known locally; `branch` itself when it reads like one of these. */
  protected_branches: z.array(z.string()),
  suspicious_characters: z.array(suspiciousCharacter),
  /** Filter drivers that git will run on the files when it commits; the commit is judged again after that. */
  filters: z.array(z.string()),
});
export type GitCommitPayload = z.infer<typeof gitCommitPayload>;

export const gitDeleteBranchPayload = z.object({
  repo: z.string(),
  /** Null: a local branch. */
  remote: z.string().nullable(),
  branch: z.string(),
  ref: z.string(),
  tip: sha,
  /** Whether every commit of the branch is also on another branch, remote-tracking branch or tag. */
  merged: orUnknown(z.boolean()),
  /** Commits that nothing else holds, newest first, at most 100. */
  lost_commits: orUnknown(z.array(lostCommit)),
  lost_commit_count: orUnknown(count),
  /** The branch is main, master or the default branch, whatever its spelling. */
  protected: orUnknown(z.boolean()),
  protected_branches: orUnknown(z.array(z.string())),
  remote_default_branch: orUnknown(z.string().nullable()),
  /** Checked out, rebased or bisected in a work tree of this repository. */
  checked_out: z.boolean(),
  push_urls: z.array(z.string()),
  suspicious_characters: z.array(suspiciousCharacter),
});
export type GitDeleteBranchPayload = z.infer<typeof gitDeleteBranchPayload>;

export const gitMergePayload = z.object({
  repo: z.string(),
  /** The branch that moves. */
  base: z.string(),
  head: z.string(),
  base_sha: sha,
  head_sha: sha,
  update: z.enum(["merge", "fast_forward", "up_to_date"]),
  fast_forward: z.boolean(),
  /** Commits that base gets, newest first, at most 100. */
  commits: z.array(commit),
  commit_count: orUnknown(count),
  /** Files that change in base. */
  file_count: count,
  /** Files that the merge commit itself changes (they differ from both tips); 0 without a merge commit. */
  merge_commit_file_count: count,
  /** Always empty in a plan: a merge with conflicts is refused, with the files named. */
  conflicts: z.array(z.string()),
  protected_branches: orUnknown(z.array(z.string())),
  remote_default_branch: orUnknown(z.string().nullable()),
  /** A work tree has base checked out and will change with it. */
  checked_out: z.boolean(),
  suspicious_characters: z.array(suspiciousCharacter),
});
export type GitMergePayload = z.infer<typeof gitMergePayload>;
