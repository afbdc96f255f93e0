import { z } from "zod";

import { EnactError } from "../../errors.js";
import type { Json, JsonObject } from "../../facts/json.js";
import type { GitReader, GitWriter, PushStep } from "../../systems/git.js";
import type { ActionTaken, Plan, UndoDefinition, UndoableRun } from "../tool.js";
import { stepRepository } from "./push-actions.js";
import { canBringBack, changingActions, commitsAreGone, movedOn, movedRef, placeFacts, readOf, short } from "./undo.js";

const facts = placeFacts.extend({ remote: z.string(), branch: z.string() });
const output = movedRef.extend({ url: z.string() });

const intendedDelete = z.object({ branch: z.string(), tip: z.string(), push_urls: z.array(z.string()) });
const intendedPush = z.object({
  branch: z.string(),
  new_sha: z.string(),
  destinations: z.array(z.object({ url: z.string(), old_sha: z.string().nullable() })),
});

interface Step {
  readonly push: PushStep;
  /** Names of kept packs that are taken into the repository first. */
  readonly packs: readonly string[];
}

/** Puts a branch of a remote back, at every push URL where the run moved, made or deleted it. */
export const undoRemoteBranch: UndoDefinition<GitReader, GitWriter> = {
  async plan(run, reader, { signal }) {
    const { repo, remote, branch } = readOf(facts, run.payload);
    const moved = movedBy(run);
    const needed = moved.flatMap(({ old_sha }) => old_sha ?? []);
    const look = await reader.remoteTips({ repo, signal }, remote, branch, needed);
    const changes: string[] = [];
    const packs: string[] = [];
    const destinations = look.destinations.map(({ url, tip }, index) => {
      const stays = { url: url.shown, url_digest: url.digest, old: tip, to: tip, moves: false };
      const left = moved.find((each) => each.url === url.shown);
      if (left === undefined || tip === left.old_sha) return stays;
      if (tip !== left.new_sha) throw movedOn(branch, url.shown, tip, left.new_sha);
      const pack = `pack-${index}`;
      if (left.old_sha !== null) {
        if (!canBringBack(left.old_sha, look.here, run.kept, pack)) throw commitsAreGone(left.old_sha);
        if (!look.here.has(left.old_sha)) packs.push(pack);
      }
      changes.push(sentence(branch, url.shown, tip, left.old_sha));
      return { ...stays, to: left.old_sha, moves: true };
    });
    refuseOtherAddresses(moved, look.destinations.map(({ url }) => url.shown));
    if (changes.length === 0) throw new EnactError("REFUSED", `'${branch}' of ${remote} already is as it was before the run`);
    const push: PushStep = { ...stepRepository(look), remote, branch, source: branch, sha: null, destinations };
    const step: Step = { push, packs };
    return planOf(run, { repo, remote, branch, changes }, step as unknown as Json, `${branch} of ${remote}`);
  },
  async execute(step, writer, _control, kept) {
    const { push, packs } = step as unknown as Step;
    for (const name of packs) await writer.bringBack(push, kept.bytes(name));
    const outcomes = await writer.push(push);
    const actions = outcomes.map(({ url, old, sha, success, error }): ActionTaken => ({
      system: "git",
      action: sha === null ? "delete_remote_branch" : "move_remote_branch_back",
      success,
      output: { url, ref: `refs/heads/${push.branch}`, old_sha: old, new_sha: sha, changed: success === true && old !== sha },
      ...(error === undefined ? {} : { error }),
      reversible: false,
    }));
    return { actions, result: { remote: push.remote, branch: push.branch } };
  },
};

/** What the run moved; of an interrupted one, what it was about to move. */
function movedBy(run: UndoableRun): readonly z.infer<typeof output>[] {
  if (run.actions.length > 0) return changingActions(run, ["push", "delete_remote_branch"]).map((action) => readOf(output, action.output));
  if (run.workflow === "git_delete_branch") {
    const { branch, tip, push_urls } = readOf(intendedDelete, run.payload);
    return push_urls.map((url) => ({ url, ref: `refs/heads/${branch}`, old_sha: tip, new_sha: null }));
  }
  const { branch, new_sha, destinations } = readOf(intendedPush, run.payload);
  return destinations.map(({ url, old_sha }) => ({ url, ref: `refs/heads/${branch}`, old_sha, new_sha }));
}

function sentence(branch: string, url: string, tip: string | null, before: string | null): string {
  if (before === null) return `'${branch}' at ${url} is deleted again (it was made by the run, ${short(tip)})`;
  if (tip === null) return `'${branch}' at ${url} is made again ${short(before)}`;
  return `'${branch}' at ${url} is moved back from ${tip.slice(0, 12)} to ${before.slice(0, 12)}`;
}

function refuseOtherAddresses(moved: readonly { readonly url: string }[], urls: readonly string[]): void {
  const gone = moved.find(({ url }) => !urls.includes(url));
  if (gone === undefined) return;
  throw new EnactError("STALE_PLAN", `${gone.url}, where the run pushed, is no longer an address of this remote`);
}

/** What every undoing of a git run shows. */
export function planOf(run: UndoableRun, shown: JsonObject & { readonly changes: readonly string[] }, step: Json, target: string): Plan<JsonObject, Json> {
  return { payload: { run_id: run.run_id, undone_workflow: run.workflow, ...shown, not_undone: shown["not_undone"] ?? [] }, step, target: `undo ${run.workflow}: ${target}` };
}
