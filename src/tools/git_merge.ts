import { z } from "zod";

import { gitMergePayload } from "../facts/git.js";
import type { GitMergePayload } from "../facts/git.js";
import { protectedBranches, suspiciousCharacters } from "../facts/git-names.js";
import { unknown } from "../facts/unknown.js";
import type { GitReader, GitWriter, MergeLook, MergeStep } from "../systems/git.js";
import { commitFacts, isNotKnown } from "./git/facts.js";
import { branchName, repo } from "./git/inputs.js";
import { stepRepository } from "./git/push-actions.js";
import { undoMerge } from "./git/undo-local.js";
import { settleMerge } from "./settling/git.js";
import { defineTool } from "./tool.js";
import type { Reversal } from "./tool.js";

const input = z.strictObject({
  repo,
  base: branchName("The local branch to merge into; it need not be checked out."),
  head: branchName("The local branch whose commits are merged."),
});
type Input = z.output<typeof input>;

export const gitMergeTool = defineTool<Input, GitMergePayload, MergeStep, GitReader, GitWriter>({
  name: "git_merge",
  title: "Merge a branch",
  description:
    "Merges one local branch into another: a fast-forward where that is possible, else a merge commit. The merge is tried out first, without touching " +
    "anything: conflicts are named and nothing happens. A work tree that has the base checked out follows, unless changed files are in the way.",
  system: "git",
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: true },
  input,
  payload: gitMergePayload,
  reversible: "the base is moved back to its old tip, with the files of its work tree, as long as nothing was built on the merge",
  async plan(call, reader, { signal }) {
    const look = await reader.merge({ repo: call.repo, signal }, call.base, call.head);
    const { base, head } = call;
    const { baseSha: base_sha, headSha: head_sha, update, tree } = look;
    const step: MergeStep = { ...stepRepository(look), base, head, base_sha, head_sha, update, tree };
    return { payload: payloadOf(call, look), step, target: `${head} → ${base}`, reversal: reversalOf(update) };
  },
  settle: settleMerge,
  undo: undoMerge,
  async execute(step, writer) {
    const { sha } = await writer.merge(step);
    const { base, head, base_sha, head_sha, update } = step;
    const output = { ref: `refs/heads/${base}`, old_sha: base_sha, new_sha: sha, head_sha, update, changed: sha !== base_sha, git_dir: step.git_dir };
    return { actions: [{ system: "git", action: "merge", success: true, output, reversible: sha !== base_sha }], result: { base, head, sha, update } };
  },
});

function reversalOf(update: MergeLook["update"]): Reversal {
  if (update === "up_to_date") return { possible: false, how: "the base already holds these commits: nothing will change" };
  return { possible: true, how: "the base is moved back to its old tip, as long as nothing was built on the merge" };
}

function payloadOf(call: Input, look: MergeLook & { readonly repo: string }): GitMergePayload {
  const { defaults } = look;
  const open = isNotKnown(defaults) ? unknown(defaults.why) : null;
  return {
    repo: look.repo,
    base: call.base,
    head: call.head,
    base_sha: look.baseSha,
    head_sha: look.headSha,
    update: look.update,
    fast_forward: look.update === "fast_forward",
    ...commitFacts(look.commits),
    file_count: look.files.length,
    merge_commit_file_count: look.ownFiles,
    conflicts: [],
    protected_branches: open ?? protectedBranches(call.base, isNotKnown(defaults) ? [] : defaults),
    remote_default_branch: open ?? (isNotKnown(defaults) ? null : (defaults[0] ?? null)),
    checked_out: look.checkedOut,
    suspicious_characters: suspiciousCharacters(call.base),
  };
}
