import type { DeleteLook, DestinationLook, Named, PushOutcome, PushStep } from "../../systems/git.js";
import type { ActionTaken, Execution } from "../tool.js";

type Planned = DeleteLook["destinations"][number] | Pick<DestinationLook, "url" | "old" | "update">;

/** Where a push goes, as the step remembers it: without the credentials that an address may hold. */
export function stepDestinations(destinations: readonly Planned[]): PushStep["destinations"] {
  return destinations.map((destination) => ({
    url: destination.url.shown,
    url_digest: destination.url.digest,
    old: destination.old,
    moves: "update" in destination ? destination.update !== "up_to_date" : destination.old !== null,
  }));
}

export function stepRepository(look: Named): Pick<PushStep, "repo" | "git_dir"> {
  return { repo: look.repo, git_dir: look.gitDir };
}

export function pushExecution(step: PushStep, outcomes: readonly PushOutcome[]): Execution {
  const actions = outcomes.map((outcome) => actionOf(step, outcome));
  const done = outcomes.every((outcome) => outcome.success === true);
  const result = { remote: step.remote, branch: step.branch, sha: step.sha, push_urls: outcomes.map((outcome) => outcome.url) };
  return { actions, result: done ? result : null };
}

function actionOf(step: PushStep, outcome: PushOutcome): ActionTaken {
  const { url, old, sha, tip, success, error, recoverable } = outcome;
  return {
    system: "git",
    action: step.sha === null ? "delete_remote_branch" : "push",
    success,
    output: {
      url,
      ref: `refs/heads/${step.branch}`,
      old_sha: old,
      new_sha: sha,
      changed: success === true && old !== sha,
      tip_afterwards: tip === undefined ? { $unknown: "the remote could not be asked afterwards" } : tip,
    },
    ...(error === undefined ? {} : { error }),
    reversible: success === true && recoverable,
  };
}
