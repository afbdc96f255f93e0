import { join } from "node:path";

import { EnactError } from "../../errors.js";
import type { Setting } from "./environment.js";
import type { Gate } from "./hooks.js";
import { pushGate } from "./hooks.js";
import { keepCommits } from "./keep.js";
import type { PackKeeper } from "./keep.js";
import { refOf } from "./refs.js";
import { pushUrls } from "./remote-url.js";
import type { RemoteUrl } from "./remote-url.js";
import { askRemote, remotesOf, unchanged } from "./remote.js";
import type { Remotes } from "./remote.js";
import { actingEnv, openRepository, placeOf } from "./repository.js";
import type { Home, Repository } from "./repository.js";
import type { Ran } from "./run.js";
import { run } from "./run.js";
import { withScratch } from "./scratch.js";
import { readSettings } from "./settings.js";
import { complaint, hookWords, plainWords } from "./words.js";

/** One ref of one remote, moved from exactly here to exactly there, at every push URL. Plain JSON. */
export interface PushStep {
  readonly repo: string;
  readonly git_dir: string;
  readonly remote: string;
  readonly branch: string;
  /** The local branch, for the hook. */
  readonly source: string;
  /** Null: the branch is deleted. */
  readonly sha: string | null;
  readonly destinations: readonly {
    readonly url: string;
    readonly url_digest: string;
    /** Null: must not exist. */
    readonly old: string | null;
    /** False: nothing to do there, the remote already is at `sha`. */
    readonly moves: boolean;
    /** Where the branch goes at this one, if not to `sha`: an undoing gives each the tip that it had. Null: it is deleted. */
    readonly to?: string | null;
  }[];
}

/** What became of the push at one push URL. */
export interface PushOutcome {
  readonly url: string;
  readonly old: string | null;
  readonly sha: string | null;
  readonly success: boolean | "unknown";
  /** What the remote said when asked afterwards. Undefined: it could not be asked. */
  readonly tip?: string | null;
  readonly error?: { readonly code: "ACTION_FAILED" | "STALE_PLAN" | "OUTCOME_UNKNOWN"; readonly message: string };
  /** The old tip can be brought back: nothing was lost, or what was lost has been kept. */
  readonly recoverable: boolean;
}

const PUSH_MILLISECONDS = 600_000;

/**
 * Pushes the step to every URL in turn.
 *
 * @throws EnactError STALE_PLAN, SYSTEM_UNAVAILABLE, ACTION_FAILED: as long as nothing was sent anywhere
 */
export async function push(home: Home, step: PushStep, keeper?: PackKeeper): Promise<PushOutcome[]> {
  const repository = await openRepository(home, step.repo);
  if (repository.gitDir !== step.git_dir) throw new EnactError("STALE_PLAN", "The repository is no longer the one that was judged");
  const settings = await readSettings(repository);
  const urls = await pushUrls(repository, step.remote, settings);
  if (!sameUrls(urls, step)) {
    throw new EnactError("STALE_PLAN", `The addresses of '${step.remote}' are no longer those that were judged`);
  }
  return withScratch(repository, async (scratch) => {
    const remotes = remotesOf(scratch, settings);
    const outcomes: PushOutcome[] = [];
    for (const [index, url] of urls.entries()) {
      const target = step.destinations[index];
      if (target === undefined) continue;
      const { old, moves, to: sha = step.sha } = target;
      const losing = { name: `pack-${index}`, old: old ?? "", next: sha, ref: `refs/remotes/${step.remote}/${step.branch}` };
      const recoverable = old === null || !moves || (keeper !== undefined && (await keepCommits(remotes, losing, keeper, url)));
      const outcome = await pushTo(remotes, { step, url, sha, old, moves, recoverable, gate: join(scratch.folder, `gate-${index}`) });
      // The first one decides alone whether anything happened at all.
      if (outcomes.length === 0 && outcome.error?.code === "STALE_PLAN") throw new EnactError("STALE_PLAN", outcome.error.message);
      outcomes.push(outcome);
    }
    return outcomes;
  });
}

function sameUrls(urls: readonly RemoteUrl[], step: PushStep): boolean {
  return urls.length === step.destinations.length && urls.every((url, index) => url.digest === step.destinations[index]?.url_digest);
}

interface Target {
  readonly step: PushStep;
  readonly url: RemoteUrl;
  /** Null: it is deleted. */
  readonly sha: string | null;
  readonly old: string | null;
  readonly recoverable: boolean;
  readonly moves: boolean;
  readonly gate: string;
}

async function pushTo(remotes: Remotes, target: Target): Promise<PushOutcome> {
  const { repository } = remotes.scratch;
  if (!target.moves) return upToDate(remotes, target);
  const zero = "0".repeat(repository.format === "sha256" ? 64 : 40);
  const ref = refOf(target.step.branch);
  const gate = await pushGate(repository, target.gate, {
    url: target.url.raw,
    update: `${target.sha ?? zero} ${ref} ${target.old ?? zero}`,
    remote: target.step.remote,
    localRef: target.sha === null ? "(delete)" : refOf(target.step.source),
  });
  const ran = await runPush(repository, remotes, target, gate);
  const flag = porcelainFlag(ran, ref);
  const tip = await tipNow(remotes, target.url, ref);
  return judged(target, { ran, flag, saw: await gate.saw(), tip });
}

/**
 * By name, as a person would, so that the remote's own settings count and the remote-tracking branch follows. A remote
 * with several push URLs is pushed to by address: each has its own old tip, and git takes only one lease for all.
 */
async function runPush(repository: Repository, remotes: Remotes, target: Target, gate: Gate): Promise<Ran> {
  const { step } = target;
  const ref = refOf(step.branch);
  const byName = step.destinations.length === 1;
  const settings: Setting[] = [
    ...remotes.access.repository,
    ...PLAIN_PUSH,
    ...(byName ? [] : unchanged(target.url.raw)),
    [`remote.${step.remote}.mirror`, "false"],
    ["core.hooksPath", gate.folder],
  ];
  const env = { ...actingEnv(repository, settings), ...remotes.access.variables };
  const args = [
    "push", "--porcelain", "--no-progress", "--no-follow-tags", "--recurse-submodules=no", "--no-signed", "--no-force-if-includes",
    // The program at the other end is git's own, whatever remote.<name>.receivepack says: on this machine it would run here.
    "--receive-pack=git-receive-pack",
    // Old tip and new tip are both fixed: what was judged a fast-forward cannot become a forced update. An empty old tip
    // means that the branch must not exist.
    `--force-with-lease=${ref}:${target.old ?? ""}`,
    "--", byName ? step.remote : target.url.raw, `${target.sha ?? ""}:${ref}`,
  ];
  return run({ args, cwd: placeOf(repository), env, milliseconds: PUSH_MILLISECONDS });
}

/** Nothing that the configuration adds to a push, and no program but the hooks. */
const PLAIN_PUSH: readonly Setting[] = [
  ["push.pushOption", ""],
  ["push.negotiate", "false"],
  ["core.fsmonitor", "false"],
  ["gc.auto", "0"],
];

interface Evidence {
  readonly ran: Ran;
  /** git's own verdict on the ref; undefined when it gave none. */
  readonly flag: { readonly flag: string; readonly summary: string } | undefined;
  readonly saw: string;
  /** Undefined: the remote could not be asked. */
  readonly tip: string | null | undefined;
}

/** Weighs git's words, the gate's and the remote's. */
function judged(target: Target, evidence: Evidence): PushOutcome {
  const { step, url, old, sha, recoverable } = target;
  const { ran, flag, saw, tip } = evidence;
  const outcome = { url: url.shown, old, sha, recoverable, ...(tip === undefined ? {} : { tip }) };
  const failed = (code: NonNullable<PushOutcome["error"]>["code"], message: string): PushOutcome => ({
    ...outcome,
    success: code === "OUTCOME_UNKNOWN" ? "unknown" : false,
    error: { code, message },
  });
  if (flag !== undefined && flag.flag !== "!" && flag.flag !== "=") {
    // A server may take a push for something else (a review, say) and still say yes.
    const unmoved = tip !== undefined && tip === old;
    return unmoved ? failed("OUTCOME_UNKNOWN", `${url.shown} confirmed the push, but '${step.branch}' has not changed there`) : { ...outcome, success: true };
  }
  const moved = `${url.shown} has moved on since it was judged: '${step.branch}' is now ${tip === null ? "gone" : at(tip)}, not ${old === null ? "absent" : at(old)}`;
  if (flag?.flag === "=") return failed("STALE_PLAN", moved);
  if (saw === "url" || saw === "refs") return failed("STALE_PLAN", `git was about to push something else than was judged (${saw === "url" ? "another address" : "other refs"}), and was stopped`);
  if (saw === "hook") return failed("ACTION_FAILED", `The repository's pre-push hook refused: ${hookWords(ran.stderr)}`);
  if (flag === undefined || flag.summary.includes("[remote failure]")) return fateOpen(failed, evidence, target);
  if ((tip !== undefined && tip !== old) || flag.summary.includes("(stale info)")) return failed("STALE_PLAN", moved);
  return failed("ACTION_FAILED", `${url.shown} refused: ${plainWords(flag.summary)}${remoteWords(ran.stderr)}`);
}

/** git ended without a word on the ref: before it sent anything, or in the middle of it. */
function fateOpen(failed: (code: "ACTION_FAILED" | "OUTCOME_UNKNOWN", message: string) => PushOutcome, evidence: Evidence, target: Target): PushOutcome {
  const { ran, saw, tip } = evidence;
  const { url, old, sha, recoverable } = target;
  if (saw !== "sent") return failed("ACTION_FAILED", `Nothing was sent to ${url.shown}: ${complaint(ran.stderr)}`);
  if (tip !== undefined && tip === sha) return { url: url.shown, old, sha, success: true, tip, recoverable };
  // The old tip proves nothing: the server may still be working on what it got.
  return failed("OUTCOME_UNKNOWN", `The connection to ${url.shown} ended before it confirmed the push: ${complaint(ran.stderr)}`);
}

function at(sha: string | null | undefined): string {
  return sha === undefined ? "elsewhere" : sha === null ? "absent" : `at ${sha.slice(0, 12)}`;
}

function remoteWords(stderr: string): string {
  const said = stderr.split("\n").filter((line) => line.startsWith("remote: ")).map((line) => line.slice("remote: ".length).trim());
  return said.length === 0 ? "" : ` (the remote says: ${plainWords(said.join(" "))})`;
}

/** `<flag> TAB <from>:<to> TAB <summary>` of git push --porcelain, for this very ref. */
function porcelainFlag(ran: Ran, ref: string): Evidence["flag"] {
  for (const line of ran.stdout.toString("utf8").split("\n")) {
    const [flag = "", refs = "", summary = ""] = line.split("\t");
    if (flag.length === 1 && refs.slice(refs.lastIndexOf(":") + 1) === ref) return { flag, summary };
  }
  return undefined;
}

async function tipNow(remotes: Remotes, url: RemoteUrl, ref: string): Promise<string | null | undefined> {
  try {
    return (await askRemote(remotes, url)).refs.get(ref) ?? null;
  } catch {
    return undefined;
  }
}

async function upToDate(remotes: Remotes, target: Target): Promise<PushOutcome> {
  const { step, url, old, sha, recoverable } = target;
  const tip = (await askRemote(remotes, url)).refs.get(refOf(step.branch)) ?? null;
  const outcome = { url: url.shown, old, sha, tip, recoverable };
  if (tip === sha) return { ...outcome, success: true };
  return { ...outcome, success: false, error: { code: "STALE_PLAN", message: `${url.shown} has moved on since it was judged` } };
}
