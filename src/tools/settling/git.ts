import { z } from "zod";

import type { JsonObject } from "../../facts/json.js";
import type { GitReader, Successors } from "../../systems/git.js";
import type { InterruptedRun, SettleCall, Settlement } from "../tool.js";
import { cannotTell, done, factsOf, goneHere, notDone, secondsLeft, unlessStillOnItsWay, unreadable } from "./common.js";

const sha = z.string();
const place = z.object({ repo: z.string(), branch: z.string() });
const pushFacts = place.extend({ remote: z.string(), new_sha: sha, destinations: z.array(z.object({ url: z.string(), old_sha: sha.nullable() })) });
const deleteFacts = place.extend({ remote: z.string().nullable(), tip: sha, push_urls: z.array(z.string()) });
const commitFacts = z.object({ repo: z.string(), branch: z.string().nullable(), parent: sha.nullable(), tree: sha });
const mergeFacts = z.object({ repo: z.string(), base: z.string(), base_sha: sha, head_sha: sha, update: z.string() });

type Settle = (run: InterruptedRun, reader: GitReader, call: SettleCall) => Promise<Settlement>;

/** The branch stands at the pushed commit, or has gone on from there: done. It stands where it stood: not done. */
export const settlePush: Settle = async (run, reader, call) => {
  const facts = factsOf(pushFacts, run);
  if (facts === undefined) return unreadable("the commits of the push");
  const { branch, remote, new_sha: wanted } = facts;
  const look = await reader.remoteTips(where(facts, call), remote, branch, []);
  const found = await Promise.all(
    facts.destinations.map(async ({ url, old_sha: old }): Promise<Found> => {
      const now = look.destinations.find((destination) => destination.url.shown === url);
      if (now === undefined) return { url, tip: null, state: "elsewhere" };
      const { tip } = now;
      if (tip === wanted) return { url, tip, state: "done" };
      if (tip === old) return { url, tip, state: "not_done" };
      return { url, tip, state: (await leadsTo(reader, where(facts, call), wanted, tip)) ? "done" : "other" };
    }),
  );
  return remoteSettlement(found, { run, reader, call, branch, what: `'${branch}' of ${remote}`, done: `stands at ${short(wanted)}, or has gone on from there`, not_done: "stands where it stood" });
};

/** The branch is gone: done. It stands where it stood: not done. */
export const settleDeleteBranch: Settle = async (run, reader, call) => {
  const facts = factsOf(deleteFacts, run);
  if (facts === undefined) return unreadable("the branch and its tip");
  const { branch, remote, tip: old } = facts;
  if (remote === null) {
    const { tip } = await reader.localTip(where(facts, call), branch, []);
    const shown = { branch, tip };
    if (tip === null) return goneHere(done(`'${branch}' is gone`, shown), run);
    if (tip !== old) return cannotTell(`'${branch}' is there, but at ${short(tip)} and not at ${short(old)}: it was moved, or deleted and made again`, shown);
    return unlessProgramsRun(notDone(`'${branch}' still stands at ${short(old)}`, shown), run, reader, call);
  }
  const look = await reader.remoteTips(where(facts, call), remote, branch, []);
  const found = facts.push_urls.map((url): Found => {
    const now = look.destinations.find((destination) => destination.url.shown === url);
    if (now === undefined) return { url, tip: null, state: "elsewhere" };
    if (now.tip === null) return { url, tip: null, state: "done" };
    return { url, tip: now.tip, state: now.tip === old ? "not_done" : "other" };
  });
  return remoteSettlement(found, { run, reader, call, branch, what: `'${branch}' of ${remote}`, done: "is gone", not_done: `still stands at ${short(old)}` });
};

/** A commit with the judged files stands on the judged parent: done. Nothing was committed on it: not done. */
export const settleCommit: Settle = async (run, reader, call) => {
  const facts = factsOf(commitFacts, run);
  if (facts === undefined) return unreadable("the branch and the files of the commit");
  const { branch, parent, tree } = facts;
  const look = await reader.successors(where(facts, call), branch, parent);
  const named = branch === null ? "HEAD" : `'${branch}'`;
  const shown = { branch, tip: look.tip };
  const made = look.made.find((commit) => commit.tree === tree);
  if (made !== undefined) return done(`${named} holds ${short(made.sha)} with the files that were judged${lockNote(look)}`, { ...shown, sha: made.sha });
  // Another branch is checked out now, so HEAD says nothing of where it stood.
  if (branch === null && look.checkedOut !== null) return cannotTell("HEAD was detached and is on a branch now: look for the commit with git reflog", shown);
  if (look.tip === parent) {
    const stands = parent === null ? "has no commit yet" : `still stands at ${short(parent)}`;
    return unlessProgramsRun(notDone(`${named} ${stands}${lockNote(look)}`, shown), run, reader, call);
  }
  const others = look.made.length === 0 ? "" : ` (${look.made.slice(0, 3).map((commit) => short(commit.sha)).join(", ")} stands there instead)`;
  return cannotTell(`${named} has moved on, and no commit on ${short(parent)} holds exactly the files that were judged${others}: a hook may have changed them, or somebody the commit`, shown);
};

/** The base holds the other branch's commits: done. It stands where it stood, and so does its work tree: not done. */
export const settleMerge: Settle = async (run, reader, call) => {
  const facts = factsOf(mergeFacts, run);
  if (facts === undefined) return unreadable("the branches and their tips");
  const { base, base_sha: old, head_sha: head, update } = facts;
  const at = where(facts, call);
  const { tip } = await reader.localTip(at, base, []);
  const shown = { base, tip };
  if (update === "up_to_date" && tip === old) return done(`'${base}' held the commits already`, shown);
  if (tip !== null && (tip === head || (await leadsTo(reader, at, head, tip)))) return done(`'${base}' holds ${short(head)}`, shown);
  if (tip !== old) return cannotTell(`'${base}' is ${tip === null ? "gone" : `at ${short(tip)}`}, and does not hold ${short(head)}`, shown);
  const { isAt } = await reader.indexAt(at, base, old);
  if (isAt === false) {
    return cannotTell(`'${base}' still stands at ${short(old)}, but the index of its work tree is another one: files may have been brought up to date without the branch. Look at git status`, shown);
  }
  return unlessProgramsRun(notDone(`'${base}' still stands at ${short(old)}`, shown), run, reader, call);
};

type State = "done" | "not_done" | "other" | "elsewhere";

interface Found {
  readonly url: string;
  readonly tip: string | null;
  readonly state: State;
}

interface RemoteQuestion {
  readonly run: InterruptedRun;
  readonly reader: GitReader;
  readonly call: SettleCall;
  readonly branch: string;
  readonly what: string;
  readonly done: string;
  readonly not_done: string;
}

async function remoteSettlement(found: readonly Found[], question: RemoteQuestion): Promise<Settlement> {
  const { run, reader, call, what } = question;
  const shown: JsonObject = { branch: question.branch, destinations: found.map((one) => ({ ...one })) };
  const all = (state: State): boolean => found.length > 0 && found.every((one) => one.state === state);
  if (all("done")) return found.some(({ tip }) => tip === null) ? goneHere(done(`${what} ${question.done}`, shown), run) : done(`${what} ${question.done}`, shown);
  if (found.some(({ state }) => state === "elsewhere")) return cannotTell(`${what} has other addresses now than those that were judged`, shown);
  if (all("not_done")) {
    const settlement = await unlessProgramsRun(notDone(`${what} ${question.not_done}`, shown), run, reader, call);
    // What runs on this machine would have been seen; what runs on another cannot be.
    return found.every(({ url }) => isLocal(url)) ? settlement : unlessStillOnItsWay(settlement, run, call);
  }
  const [other] = found.filter(({ state }) => state === "other");
  if (other === undefined) return cannotTell(`${what} was changed at some of its addresses and not at others`, shown);
  return cannotTell(`${what} is ${other.tip === null ? "gone" : `at ${short(other.tip)}`}: somebody else has moved it since`, shown);
}

/** Programs that the dead server started (git, hooks, what receives a push on this machine) outlive it. */
async function unlessProgramsRun(settlement: Settlement, run: InterruptedRun, reader: GitReader, { now }: SettleCall): Promise<Settlement> {
  const programs = await reader.programs(run.processName);
  if (programs === null) {
    const seconds = secondsLeft(run.decided_at, now, UNSEEN_MS);
    return seconds === 0 ? settlement : { ...settlement, stillOpen: `git may still be at work, and this system does not show it; look again in ${String(seconds)} s` };
  }
  if (programs.length === 0) return settlement;
  const numbers = programs.slice(0, 5).map(String).join(", ");
  return { ...settlement, stillOpen: `git, which that server started, is still at work (process ${numbers}): wait for it, or end it, and look again` };
}

/** Where orphaned programs cannot be seen: longer than the guard itself would let one run. */
const UNSEEN_MS = 15 * 60 * 1000;

async function leadsTo(reader: GitReader, at: ReturnType<typeof where>, old: string, tip: string | null): Promise<boolean> {
  return tip !== null && (await reader.descent(at, old, tip)).leads === true;
}

function isLocal(url: string): boolean {
  return url.startsWith("file:") || !/^[^/]*:/.test(url);
}

function lockNote({ indexIsLocked }: Successors): string {
  return indexIsLocked ? "; .git/index.lock was left behind: remove it if no other git is at work" : "";
}

function where({ repo }: { readonly repo: string }, { signal }: SettleCall) {
  return { repo, signal };
}

function short(commit: string | null): string {
  return commit === null ? "nothing" : commit.slice(0, 12);
}
