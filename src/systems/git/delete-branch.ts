import { EnactError } from "../../errors.js";
import { commitsBetween, MOST_COMMITS, present } from "./history.js";
import { keepCommits } from "./keep.js";
import type { BranchSettings, PackKeeper } from "./keep.js";
import type { LostCommit, NotKnown } from "./push-look.js";
import { refOf, rememberedDefaults, symbolicTarget, tipOf, workTrees } from "./refs.js";
import { pushUrls } from "./remote-url.js";
import type { RemoteUrl } from "./remote-url.js";
import { askRemote, fetchHistory, mustBeItself, remotesOf } from "./remote.js";
import type { Remotes, RemoteState } from "./remote.js";
import { actingEnv, look, openRepository, placeOf } from "./repository.js";
import type { Home, Repository } from "./repository.js";
import { run } from "./run.js";
import { withScratch } from "./scratch.js";
import { readSettings } from "./settings.js";
import { complaint, expectDone, lines, plainWords, records, shownBytes } from "./words.js";

/** What deleting a branch would do. */
export interface DeleteLook {
  readonly tip: string;
  /** Commits that nothing else holds: no other branch, tag, or, locally, remote-tracking branch. */
  readonly lost: readonly LostCommit[] | NotKnown;
  readonly defaults: readonly string[];
  readonly checkedOut: boolean;
  /** Empty for a local branch. */
  readonly destinations: readonly { readonly url: RemoteUrl; readonly old: string | null }[];
}

export async function lookAtLocalDelete(repository: Repository, branch: string): Promise<DeleteLook> {
  const tip = await tipOf(repository, branch);
  const others = [`--exclude=${refOf(branch)}`, "--glob=refs/heads", "--glob=refs/remotes", "--glob=refs/tags"];
  const args = ["rev-list", `--max-count=${MOST_COMMITS + 1}`, "--no-commit-header", "--format=%H %s", tip, "--not", ...others];
  const found = lines(expectDone(await look(repository, args), "reading history").stdout).map((line) => ({
    sha: line.slice(0, line.indexOf(" ")),
    subject: plainWords(line.slice(line.indexOf(" ") + 1), 200),
  }));
  // A symbolic branch holds nothing itself: what it names keeps everything.
  const lost = (await symbolicTarget(repository, branch)) === null ? found : [];
  return {
    tip,
    lost: lost.length > MOST_COMMITS ? { why: `more than ${MOST_COMMITS} commits would be lost` } : lost,
    defaults: await rememberedDefaults(repository),
    checkedOut: await isCheckedOut(repository, branch),
    destinations: [],
  };
}

async function isCheckedOut(repository: Repository, branch: string): Promise<boolean> {
  return (await workTrees(repository)).some((tree) => tree.branch === branch);
}

export async function lookAtRemoteDelete(repository: Repository, remote: string, branch: string): Promise<DeleteLook> {
  const settings = await readSettings(repository);
  const urls = await pushUrls(repository, remote, settings);
  return withScratch(repository, async (scratch) => {
    const remotes = remotesOf(scratch, settings);
    const states = await Promise.all(urls.map((url) => askRemote(remotes, url)));
    for (const [index, url] of urls.entries()) mustBeItself(states[index] as RemoteState, refOf(branch), url);
    const destinations = urls.map((url, index) => ({ url, old: states[index]?.refs.get(refOf(branch)) ?? null }));
    const index = destinations.findIndex(({ old }) => old !== null);
    const [first, state] = [destinations[index], states[index]];
    if (first === undefined || state === undefined || first.old === null) {
      throw new EnactError("NOT_FOUND", `There is no branch '${branch}' on '${remote}'`);
    }
    return {
      tip: first.old,
      lost: await lostRemotely(remotes, first.url, state, branch),
      defaults: states.flatMap((each) => each.defaults),
      checkedOut: false,
      destinations,
    };
  });
}

async function lostRemotely(remotes: Remotes, url: RemoteUrl, state: RemoteState, branch: string): Promise<DeleteLook["lost"]> {
  const { scratch } = remotes;
  const ref = refOf(branch);
  const tip = state.refs.get(ref) ?? "";
  const others = [...state.refs].filter(([name]) => name !== ref && name !== "HEAD");
  const known = await present(scratch, [tip, ...others.map(([, sha]) => sha)]);
  const wanted = others.filter(([name, sha]) => name.startsWith("refs/heads/") && !known.has(sha)).map(([, sha]) => sha);
  const missing = [...new Set([...(known.has(tip) ? [] : [tip]), ...wanted.slice(0, 100)])];
  const failed = missing.length === 0 ? null : await fetchHistory(remotes, url, missing);
  if (failed !== null && !known.has(tip)) return { why: `the remote's commits are not here and could not be fetched: ${failed}` };
  const held = await present(scratch, others.map(([, sha]) => sha));
  const lost = await commitsBetween(scratch, tip, [...held]);
  return lost === "too many" ? { why: `more than ${MOST_COMMITS} commits would be lost` } : lost;
}

/** Plain JSON. */
export interface DeleteStep {
  readonly repo: string;
  readonly git_dir: string;
  readonly branch: string;
  readonly tip: string;
}

/** What became of a local branch that was deleted. */
export interface Deleted {
  /** It can be brought back. */
  readonly recoverable: boolean;
}

/**
 * Deletes a local branch if its tip is still the one that was judged.
 *
 * @throws EnactError REFUSED when it is checked out, STALE_PLAN, ACTION_FAILED: nothing was deleted
 */
export async function deleteLocal(home: Home, step: DeleteStep, keeper?: PackKeeper): Promise<Deleted> {
  const repository = await openRepository(home, step.repo);
  if (repository.gitDir !== step.git_dir) throw new EnactError("STALE_PLAN", "The repository is no longer the one that was judged");
  if (await isCheckedOut(repository, step.branch)) {
    throw new EnactError("REFUSED", `'${step.branch}' is checked out, or being rebased or bisected`, { hint: "Check out another branch first." });
  }
  const losing = { name: "pack-0", old: step.tip, next: null, ref: refOf(step.branch) };
  const recoverable = keeper !== undefined && (await withScratch(repository, (scratch) => keepCommits({ scratch }, losing, keeper)));
  if (recoverable) await keeper.keepSettings(await branchSettings(repository, step.branch));
  const act = (args: readonly string[]) => run({ args, cwd: placeOf(repository), env: actingEnv(repository) });
  // Not what a symbolic branch names, but the branch itself.
  const ran = await act(["update-ref", "--no-deref", "-d", refOf(step.branch), step.tip]);
  if (ran.code !== 0) {
    const now = await tipOf(repository, step.branch).catch(() => null);
    if (now !== step.tip) throw new EnactError("STALE_PLAN", `'${step.branch}' has moved on, or is gone, since it was judged`);
    throw new EnactError("ACTION_FAILED", `'${step.branch}' cannot be deleted: ${complaint(ran.stderr)}`);
  }
  // What git branch -d tidies up as well: the upstream that was configured. It may not have any.
  await act(["config", "--local", "--remove-section", `branch.${step.branch}`]);
  return { recoverable };
}

/** Those of a branch's settings that say where it belongs. None of them names a program. */
const BRANCH_SETTINGS = new Set(["remote", "merge", "pushremote", "rebase", "description"]);

async function branchSettings(repository: Repository, branch: string): Promise<BranchSettings> {
  const ran = await look(repository, ["config", "--local", "--null", "--list"]);
  const prefix = `branch.${branch}.`;
  return records(ran.stdout).flatMap((record): (readonly [string, string])[] => {
    const text = shownBytes(record);
    const end = text.indexOf("\n");
    const [name, value] = [text.slice(0, end), text.slice(end + 1)];
    const key = name.startsWith(prefix) ? name.slice(prefix.length) : "";
    return end !== -1 && BRANCH_SETTINGS.has(key) ? [[key, value]] : [];
  });
}
