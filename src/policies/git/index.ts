import type { Policy, PolicyDefinition } from "../policy.js";
import { dontCommitApiKeysPolicy } from "./dont_commit_api_keys.js";
import { dontDeleteBranchPolicy } from "./dont_delete_branch.js";
import { dontForcePushPolicy } from "./dont_force_push.js";
import { dontMergeToMainPolicy } from "./dont_merge_to_main.js";
import { dontPushToMainPolicy } from "./dont_push_to_main.js";
import { maxFilesPerCommitPolicy } from "./max_files_per_commit.js";
import { requireBranchPrefixPolicy } from "./require_branch_prefix.js";
import { requireMeaningfulCommitMessagePolicy } from "./require_meaningful_commit_message.js";

export {
  dontCommitApiKeysPolicy,
  dontDeleteBranchPolicy,
  dontForcePushPolicy,
  dontMergeToMainPolicy,
  dontPushToMainPolicy,
  maxFilesPerCommitPolicy,
  requireBranchPrefixPolicy,
  requireMeaningfulCommitMessagePolicy,
};

/** No key, token or password in what is committed or pushed. */
export const dontCommitApiKeys: Policy = dontCommitApiKeysPolicy.create({});

/** No branch is deleted. */
export const dontDeleteBranch: Policy = dontDeleteBranchPolicy.create({});

/** No commit leaves a branch at a remote. */
export const dontForcePush: Policy = dontForcePushPolicy.create({});

/** No merge into main, master or the default branch. */
export const dontMergeToMain: Policy = dontMergeToMainPolicy.create({});

/** No merge into these branches either: names, or patterns such as "release/*". */
export const dontMergeToMainWith = (options: { branches: readonly string[] }): Policy => dontMergeToMainPolicy.create(options);

/** No push to main, master or the remote's default branch. */
export const dontPushToMain: Policy = dontPushToMainPolicy.create({});

/** No push to these branches either: names, or patterns such as "release/*". */
export const dontPushToMainWith = (options: { branches: readonly string[] }): Policy => dontPushToMainPolicy.create(options);

/** At most so many files in each commit. */
export const maxFilesPerCommit = (maxFiles = 50): Policy => maxFilesPerCommitPolicy.create({ max_files: maxFiles });

/** Branches that are pushed to begin with this. */
export const requireBranchPrefix = (prefix = "agent/"): Policy => requireBranchPrefixPolicy.create({ prefix });

/** A commit message that says something. */
export const requireMeaningfulCommitMessage: Policy = requireMeaningfulCommitMessagePolicy.create({});

/** A commit message whose first line holds at least so many letters. */
export const requireMeaningfulCommitMessageWith = (options: { min_letters: number }): Policy =>
  requireMeaningfulCommitMessagePolicy.create(options);

/** All policies of this category, sorted by id. */
export const gitPolicies: readonly PolicyDefinition[] = [
  dontCommitApiKeysPolicy,
  dontDeleteBranchPolicy,
  dontForcePushPolicy,
  dontMergeToMainPolicy,
  dontPushToMainPolicy,
  maxFilesPerCommitPolicy,
  requireBranchPrefixPolicy,
  requireMeaningfulCommitMessagePolicy,
];
