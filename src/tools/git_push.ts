import { z } from "zod";

import { EnactError } from "../errors.js";
import { gitPushPayload } from "../facts/git.js";
import type { GitPushPayload } from "../facts/git.js";
import { protectedBranches, suspiciousCharacters } from "../facts/git-names.js";
import { findSecrets } from "../facts/secrets.js";
import type { OrUnknown } from "../facts/unknown.js";
import { isUnknown, unknown } from "../facts/unknown.js";
import type { DestinationLook, GitReader, GitWriter, PushLook, PushStep, Update } from "../systems/git.js";
import { commitFacts, isNotKnown, lostFacts, orUnknownFact, secretFacts } from "./git/facts.js";
import { branchName, remoteName, repo } from "./git/inputs.js";
import { pushExecution, stepDestinations, stepRepository } from "./git/push-actions.js";
import { packKeeper } from "./git/undo.js";
import { undoRemoteBranch } from "./git/undo-push.js";
import { settlePush } from "./settling/git.js";
import { defineTool } from "./tool.js";
import type { Reversal } from "./tool.js";

const input = z.strictObject({
  repo,
  remote: remoteName.default("origin"),
  branch: branchName("The branch at the remote, by its own name: 'agent/fix-149'."),
  source: branchName("The local branch whose tip is pushed; the same name when left out.").optional(),
  force: z.boolean().default(false).describe("Allow commits to leave the branch. A push that loses nothing needs no force."),
});
type Input = z.output<typeof input>;

interface Step {
  readonly push: PushStep;
  /** Set when a push without `force` would have to be a forced one: git would turn it away, and so does the guard. */
  readonly needs_force: string | null;
}

export const gitPushTool = defineTool<Input, GitPushPayload, Step, GitReader, GitWriter>({
  name: "git_push",
  title: "Push a branch",
  description:
    "Pushes the tip of one local branch to one branch of a remote. Finds out first, at the remote itself, what that would change: " +
    "its default branch, the tip it has now, the commits it lacks and those it would lose. Exactly that is pushed, and only if the " +
    "branch there has not moved. Names only: no refspecs, tags, addresses or options.",
  system: "git",
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: true },
  input,
  payload: gitPushPayload,
  reversible: "the branch is moved back to its old tip, or deleted if it was created, as long as nobody has pushed since",
  async plan(call, reader, { signal, undoBytes }) {
    const source = call.source ?? call.branch;
    const look = await reader.push({ repo: call.repo, signal }, { remote: call.remote, branch: call.branch, source }, findSecrets);
    const payload = payloadOf(call, source, look);
    const { remote, branch } = call;
    const push: PushStep = { ...stepRepository(look), remote, branch, source, sha: look.sha, destinations: stepDestinations(look.destinations) };
    return { payload, step: { push, needs_force: needsForce(payload) }, target: `${branch} → ${remote}`, reversal: reversalOf(payload, undoBytes) };
  },
  settle: settlePush,
  undo: undoRemoteBranch,
  async execute(step, writer, { undo }) {
    if (step.needs_force !== null) {
      throw new EnactError("ACTION_FAILED", step.needs_force, {
        hint: "Fetch, merge or rebase onto the remote's branch, and push again.",
      });
    }
    return pushExecution(step.push, await writer.push(step.push, packKeeper(undo)));
  },
});

function payloadOf(call: Input, source: string, look: PushLook & { readonly repo: string }): GitPushPayload {
  const [first] = look.destinations;
  const defaults = look.destinations.flatMap((destination) => destination.defaults);
  return {
    repo: look.repo,
    remote: call.remote,
    branch: call.branch,
    ref: `refs/heads/${call.branch}`,
    source,
    force: call.force,
    protected_branches: protectedBranches(call.branch, defaults),
    remote_default_branch: first?.defaults[0] ?? null,
    old_sha: first?.old ?? null,
    new_sha: look.sha,
    update: worstUpdate(look.destinations.map((destination) => orUnknownFact(destination.update))),
    ...commitFacts(look.commits),
    ...lostFacts(allLost(look.destinations)),
    push_urls: look.destinations.map((destination) => destination.url.shown),
    destinations: look.destinations.map(destinationFacts),
    suspicious_characters: suspiciousCharacters(call.branch),
    secrets: secretFacts(look.secrets),
  };
}

function reversalOf({ update, lost_commit_count: lost }: GitPushPayload, undoBytes: number): Reversal {
  if (update === "up_to_date") return { possible: false, how: "the branch already is there: nothing will change" };
  if (update === "create") return { possible: true, how: "the branch is deleted again, as long as nobody has pushed to it since" };
  if (update === "forced" && (undoBytes === 0 || isUnknown(lost))) {
    return { possible: false, how: undoBytes === 0 ? "commits leave the branch, and nothing is kept for undoing" : "the commits that leave the branch cannot be read" };
  }
  return { possible: true, how: "the branch is moved back to its old tip, as long as nobody has pushed to it since" };
}

function destinationFacts(destination: DestinationLook): GitPushPayload["destinations"][number] {
  const { lost_commit_count } = lostFacts(destination.lost);
  return {
    url: destination.url.shown,
    default_branch: destination.defaults[0] ?? null,
    old_sha: destination.old,
    update: orUnknownFact(destination.update),
    lost_commit_count,
    conflicting_refs: [...destination.conflictingRefs],
  };
}

const BY_WEIGHT: readonly Update[] = ["up_to_date", "fast_forward", "create", "forced"];

function worstUpdate(updates: readonly OrUnknown<Update>[]): OrUnknown<Update> {
  const open = updates.find(isUnknown);
  if (open !== undefined) return open;
  const weights = updates.map((update) => BY_WEIGHT.indexOf(update as Update));
  return BY_WEIGHT[Math.max(0, ...weights)] ?? unknown("the remote has no address");
}

/** What any of the destinations would lose, each commit once. */
function allLost(destinations: readonly DestinationLook[]): DestinationLook["lost"] {
  const open = destinations.map((destination) => destination.lost).find(isNotKnown);
  if (open !== undefined) return open;
  const commits = destinations.flatMap(({ lost }) => (isNotKnown(lost) ? [] : lost));
  return [...new Map(commits.map((commit) => [commit.sha, commit])).values()];
}

function needsForce(payload: GitPushPayload): string | null {
  const { force, update, branch, remote, lost_commit_count: lost } = payload;
  if (force || (!isUnknown(update) && update !== "forced")) return null;
  const commits = isUnknown(lost) ? "commits" : lost === 1 ? "a commit" : `${lost} commits`;
  return `'${branch}' of ${remote} has ${commits} that the pushed branch does not have, and 'force' is not set`;
}
