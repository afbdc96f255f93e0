import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { addedSecrets, messagesOf } from "./added.js";
import type { AddedSecret, SecretFinder } from "./added.js";
import { changesOf, commitsBetween, isAncestor, MOST_COMMITS, present } from "./history.js";
import type { CommitLook } from "./history.js";
import { refOf, tipOf } from "./refs.js";
import { pushUrls } from "./remote-url.js";
import type { RemoteUrl } from "./remote-url.js";
import { askRemote, commonCommits, fetchHistory, mustBeItself, remotesOf } from "./remote.js";
import type { Remotes, RemoteState } from "./remote.js";
import type { Repository } from "./repository.js";
import { withScratch } from "./scratch.js";
import type { Scratch } from "./scratch.js";
import { readSettings } from "./settings.js";

export type Update = "create" | "fast_forward" | "forced" | "up_to_date";

/** What cannot be found out, and why. */
export interface NotKnown {
  readonly why: string;
}

export interface LostCommit {
  readonly sha: string;
  readonly subject: string;
}

/** What a push would do at one push URL. */
export interface DestinationLook {
  readonly url: RemoteUrl;
  readonly defaults: readonly string[];
  readonly old: string | null;
  readonly update: Update | NotKnown;
  readonly lost: readonly LostCommit[] | NotKnown;
  readonly conflictingRefs: readonly string[];
}

export interface PushLook {
  readonly sha: string;
  readonly destinations: readonly DestinationLook[];
  /** Commits that one of the destinations lacks, newest first. */
  readonly commits: readonly CommitLook[] | NotKnown;
  readonly secrets: readonly AddedSecret[] | NotKnown;
}

export interface PushQuestion {
  readonly remote: string;
  readonly branch: string;
  readonly source: string;
}

/**
 * Finds out what pushing the tip of a local branch would do, at every push URL of the remote. Changes nothing.
 *
 * @throws EnactError REFUSED for a branch that is only another name for one
 */
export async function lookAtPush(repository: Repository, question: PushQuestion, find: SecretFinder): Promise<PushLook> {
  const sha = await tipOf(repository, question.source);
  const settings = await readSettings(repository);
  const urls = await pushUrls(repository, question.remote, settings);
  return withScratch(repository, async (scratch) => {
    const remotes = remotesOf(scratch, settings);
    const ref = refOf(question.branch);
    const destinations = await Promise.all(
      urls.map(async (url) => ({ url, state: await askRemote(remotes, url), sha, ref })),
    );
    for (const { url, state } of destinations) mustBeItself(state, ref, url);
    const looks: DestinationLook[] = [];
    const missing = new Map<string, { sha: string; subject: string }>();
    let tooMany = false;
    for (const destination of destinations) {
      const { failed, lacks } = await learn(remotes, destination);
      looks.push(await lookAtDestination(remotes, destination, failed));
      if (lacks === "too many") tooMany = true;
      else for (const commit of lacks) missing.set(commit.sha, commit);
    }
    const why = `the remote lacks more than ${MOST_COMMITS} commits, too many to look at`;
    const commits = tooMany ? { why } : await changesOf(scratch, [...missing.values()]);
    return { sha, destinations: looks, commits, secrets: await secretsOf(remotes, commits, find) };
  });
}

interface Destination {
  readonly url: RemoteUrl;
  readonly state: RemoteState;
  readonly sha: string;
  readonly ref: string;
}

type Lacking = readonly { sha: string; subject: string }[] | "too many";

/** More branches and tags than this, unknown here, are not fetched only to find out what they share with the push. */
const MOST_UNKNOWN_TIPS = 100;

/**
 * The commits that a destination lacks: those that lead to the new tip and not to any of its refs. Where it has moved on
 * since the last fetch, its tips are unknown here and would make it look as if it lacked all of the history; so they are
 * fetched into the scratch repository, or, if that fails, the remote is asked what it has.
 */
async function learn(remotes: Remotes, destination: Destination): Promise<{ failed: string | null; lacks: Lacking }> {
  const { scratch } = remotes;
  const { url, state, sha, ref } = destination;
  const tips = [...new Set(state.refs.values())];
  const known = await present(scratch, tips);
  const lacks = await commitsBetween(scratch, sha, [...known, ...(await cutOff(scratch))]);
  const old = state.refs.get(ref);
  const needed = old === undefined || old === sha || (known.has(old) && !(await mayBeCutOff(scratch, old, sha))) ? [] : [old];
  const unknown = lacks.length === 0 ? [] : unknownTips(state, known);
  const wanted = [...new Set([...needed, ...unknown])];
  if (wanted.length === 0) return { failed: null, lacks };
  const failed = await fetchHistory(remotes, url, wanted);
  const found = failed === null ? [] : await commonCommits(remotes, url, sha);
  const theirs = [...(await present(scratch, tips)), ...found, ...(await cutOff(scratch))];
  return { failed, lacks: await commitsBetween(scratch, sha, theirs) };
}

function unknownTips(state: RemoteState, known: ReadonlySet<string>): string[] {
  const unknown = [...state.refs].filter(([name, tip]) => /^refs\/(?:heads|tags)\//.test(name) && !name.endsWith("^{}") && !known.has(tip));
  const branches = unknown.filter(([name]) => name.startsWith("refs/heads/"));
  const defaults = branches.filter(([name]) => state.defaults.includes(name.slice("refs/heads/".length)));
  const most = [unknown, branches].find((tips) => tips.length <= MOST_UNKNOWN_TIPS) ?? defaults;
  return most.map(([, tip]) => tip);
}

/** Where a shallow clone was cut off: commits that came from a remote. A remote that lacks them refuses the push. */
async function cutOff(scratch: Scratch): Promise<string[]> {
  if (!scratch.repository.shallow) return [];
  const text = await readFile(join(scratch.repository.commonDir, "shallow"), "utf8").catch(() => "");
  return [...(await present(scratch, text.split("\n").filter((line) => line !== "")))];
}

/** In a shallow clone two commits may be connected beyond the point where the history was cut off. */
async function mayBeCutOff(scratch: Scratch, old: string, sha: string): Promise<boolean> {
  return scratch.repository.shallow && !(await isAncestor(scratch, old, sha));
}

async function lookAtDestination(remotes: Remotes, destination: Destination, failed: string | null): Promise<DestinationLook> {
  const { url, state, sha, ref } = destination;
  const old = state.refs.get(ref) ?? null;
  const names = [...state.refs.keys()];
  const conflictingRefs = names.filter((name) => name.startsWith(`${ref}/`) || ref.startsWith(`${name}/`)).slice(0, 10);
  const common = { url, defaults: state.defaults, old, conflictingRefs };
  if (old === null) return { ...common, update: "create", lost: [] };
  if (old === sha) return { ...common, update: "up_to_date", lost: [] };
  return { ...common, ...(await compare(remotes.scratch, old, sha, failed)) };
}

/** Whether the old tip is part of the new history, and if not, what the branch would lose. */
async function compare(scratch: Scratch, old: string, sha: string, failed: string | null): Promise<Pick<DestinationLook, "update" | "lost">> {
  if (!(await present(scratch, [old])).has(old)) {
    // All history of the new tip is here. What is not here cannot be part of it, unless this is a shallow clone.
    const why = `the remote's commits are not here and could not be fetched: ${failed ?? "it did not send them"}`;
    return { update: scratch.repository.shallow ? { why } : "forced", lost: { why } };
  }
  if (await isAncestor(scratch, old, sha)) return { update: "fast_forward", lost: [] };
  const lost = await commitsBetween(scratch, old, [sha]);
  return { update: "forced", lost: lost === "too many" ? { why: `more than ${MOST_COMMITS} commits would be lost` } : lost };
}

async function secretsOf(remotes: Remotes, commits: readonly CommitLook[] | NotKnown, find: SecretFinder): Promise<readonly AddedSecret[] | NotKnown> {
  if ("why" in commits) return commits;
  const messages = await messagesOf(remotes.scratch, commits.map((commit) => commit.sha));
  const additions = commits.map(({ sha, files }) => ({ commit: sha, message: messages.get(sha) ?? "", files }));
  const found = await addedSecrets(remotes.scratch, additions, find);
  return typeof found === "string" ? { why: found } : found;
}
