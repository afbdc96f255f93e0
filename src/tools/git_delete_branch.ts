import { z } from "zod";

import { EnactError } from "../errors.js";
import { gitDeleteBranchPayload } from "../facts/git.js";
import type { GitDeleteBranchPayload } from "../facts/git.js";
import { protectedBranches, suspiciousCharacters } from "../facts/git-names.js";
import { isUnknown } from "../facts/unknown.js";
import type { DeleteLook, DeleteStep, GitReader, GitWriter, PushStep } from "../systems/git.js";
import { isNotKnown, lostFacts } from "./git/facts.js";
import { branchName, remoteName, repo } from "./git/inputs.js";
import { pushExecution, stepDestinations, stepRepository } from "./git/push-actions.js";
import { packKeeper } from "./git/undo.js";
import { undoDelete } from "./git/undo-local.js";
import { undoRemoteBranch } from "./git/undo-push.js";
import { settleDeleteBranch } from "./settling/git.js";
import { defineTool } from "./tool.js";
import type { Reversal } from "./tool.js";

const input = z.strictObject({
  repo,
  branch: branchName("The branch to delete, by its own name."),
  remote: remoteName.optional().describe("Delete it at this remote; left out, the local branch is deleted."),
});
type Input = z.output<typeof input>;

type Step =
  | { readonly where: "local"; readonly local: DeleteStep; readonly checked_out: boolean }
  | { readonly where: "remote"; readonly push: PushStep };

export const gitDeleteBranchTool = defineTool<Input, GitDeleteBranchPayload, Step, GitReader, GitWriter>({
  name: "git_delete_branch",
  title: "Delete a branch",
  description:
    "Deletes one branch, locally or at a remote, if it still is where it was when it was judged. Finds out first whether other branches or tags " +
    "hold its commits, and whether it is the default branch. A branch that is checked out is not deleted.",
  system: "git",
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: true },
  input,
  payload: gitDeleteBranchPayload,
  reversible: "the branch is made again where it was; commits that nothing else holds are kept for that",
  async plan(call, reader, { signal, undoBytes }) {
    const { branch } = call;
    const remote = call.remote ?? null;
    const look = await reader.deleteBranch({ repo: call.repo, signal }, remote, branch);
    const payload = payloadOf(remote, branch, look);
    const base = stepRepository(look);
    if (remote === null) {
      const step: Step = { where: "local", local: { ...base, branch, tip: look.tip }, checked_out: look.checkedOut };
      return { payload, step, target: branch, reversal: reversalOf(look, undoBytes) };
    }
    const push: PushStep = { ...base, remote, branch, source: branch, sha: null, destinations: stepDestinations(look.destinations) };
    return { payload, step: { where: "remote", push }, target: `${branch} of ${remote}`, reversal: reversalOf(look, undoBytes) };
  },
  settle: settleDeleteBranch,
  undo: undoDelete(undoRemoteBranch),
  async execute(step, writer, { undo }) {
    if (step.where === "remote") return pushExecution(step.push, await writer.push(step.push, packKeeper(undo)));
    const { branch, tip } = step.local;
    if (step.checked_out) {
      throw new EnactError("REFUSED", `'${branch}' is checked out, or being rebased or bisected`, { hint: "Check out another branch first." });
    }
    const { recoverable } = await writer.deleteLocal(step.local, packKeeper(undo));
    const output = { ref: `refs/heads/${branch}`, old_sha: tip, git_dir: step.local.git_dir };
    return { actions: [{ system: "git", action: "delete_branch", success: true, output, reversible: recoverable }], result: { branch, deleted: tip } };
  },
});

function reversalOf({ lost }: DeleteLook, undoBytes: number): Reversal {
  const isHeld = !isNotKnown(lost) && lost.length === 0;
  if (isHeld || (undoBytes > 0 && !isNotKnown(lost))) return { possible: true, how: "the branch is made again where it was" };
  return { possible: false, how: "nothing else holds its commits, and they cannot be kept for undoing" };
}

function payloadOf(remote: string | null, branch: string, look: DeleteLook & { readonly repo: string }): GitDeleteBranchPayload {
  const lost = lostFacts(look.lost);
  const names = protectedBranches(branch, look.defaults);
  return {
    repo: look.repo,
    remote,
    branch,
    ref: `refs/heads/${branch}`,
    tip: look.tip,
    merged: isUnknown(lost.lost_commit_count) ? lost.lost_commit_count : lost.lost_commit_count === 0,
    ...lost,
    protected: names.includes(branch),
    protected_branches: names,
    remote_default_branch: look.defaults[0] ?? null,
    checked_out: look.checkedOut,
    push_urls: look.destinations.map((destination) => destination.url.shown),
    suspicious_characters: suspiciousCharacters(branch),
  };
}
