import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { EnactError } from "../../errors.js";
import type { Setting } from "./environment.js";
import { absoluteUrl } from "./remote-url.js";
import type { RemoteUrl } from "./remote-url.js";
import type { InScratch, Scratch } from "./scratch.js";
import { inScratch } from "./scratch.js";
import type { Access, Configured } from "./settings.js";
import { accessOf } from "./settings.js";
import type { Ran } from "./run.js";
import { complaint, expectDone, lines, plainWords } from "./words.js";

/** What a remote says of itself at one moment. */
export interface RemoteState {
  readonly refs: ReadonlyMap<string, string>;
  /** Branches that are, or may be, the one its HEAD names. Several only for a server too old to say which. */
  readonly defaults: readonly string[];
  /** Refs there that are only other names: "refs/heads/trunk" → "refs/heads/main". What is pushed to one moves the other. */
  readonly aliases: ReadonlyMap<string, string>;
}

/** Talks to remotes while looking: from a scratch repository, with the person's own means of access only. */
export interface Remotes {
  readonly scratch: Scratch;
  readonly settings: readonly Configured[];
  readonly access: Access;
}

export function remotesOf(scratch: Scratch, settings: readonly Configured[]): Remotes {
  return { scratch, settings, access: accessOf(settings) };
}

/**
 * The program at the other end is git's own, whatever remote.<name>.uploadpack says: on this machine it would run here.
 * Only protocol 2 tells of an unborn HEAD and of branches that are other names, so it is asked for whatever is configured.
 */
const LIST_REFS = ["-c", "protocol.version=2", "ls-remote", "--symref", "--upload-pack=git-upload-pack"];
const BRANCHES = "refs/heads/";

/**
 * Asks a remote, live, for all its refs and its default branch.
 *
 * @throws EnactError SYSTEM_UNAVAILABLE, TIMEOUT
 */
export async function askRemote(remotes: Remotes, url: RemoteUrl): Promise<RemoteState> {
  const ran = await contact(remotes, url, (address) => [...LIST_REFS, "--", address]);
  const refs = new Map<string, string>();
  const aliases = new Map<string, string>();
  for (const line of lines(ran.stdout)) {
    const [value = "", name = ""] = line.split("\t");
    if (value.startsWith("ref: ")) aliases.set(name, value.slice("ref: ".length));
    else refs.set(name, value);
  }
  const target = aliases.get("HEAD");
  if (target !== undefined) return { refs, aliases, defaults: branchesOf([target]) };
  const head = refs.get("HEAD");
  if (head === undefined) return { refs, aliases, defaults: branchesOf(await unbornHead(remotes, url)) };
  // HEAD is detached there, or the server does not say what it names: then it is one of the branches at that commit.
  return { refs, aliases, defaults: branchesOf([...refs].filter(([, sha]) => sha === head).map(([name]) => name)) };
}

/**
 * A push to a symbolic branch moves the branch that it names, and deleting it deletes that one: no fact about the name
 * that was given would be about what happens. (Servers tell in protocol 2.)
 *
 * @throws EnactError REFUSED
 */
export function mustBeItself(state: RemoteState, ref: string, url: RemoteUrl): void {
  const target = state.aliases.get(ref);
  if (target === undefined) return;
  const [name, real] = [ref, target].map((each) => plainWords(branchesOf([each])[0] ?? each));
  throw new EnactError("REFUSED", `'${name}' is only another name for '${real}' at ${url.shown}`, { hint: `Name the branch that is meant: '${real}'.` });
}

function branchesOf(refs: readonly string[]): string[] {
  return refs.filter((ref) => ref.startsWith(BRANCHES)).map((ref) => ref.slice(BRANCHES.length));
}

/**
 * The branch that HEAD of a remote names although it does not exist yet: the first push to it creates the default branch.
 * Servers tell (protocol 2, git 2.31), but ls-remote prints it nowhere except in the packets of its trace.
 */
async function unbornHead(remotes: Remotes, url: RemoteUrl): Promise<string[]> {
  const trace = join(remotes.scratch.folder, `packets-${url.digest}`);
  await contact(remotes, url, (address) => [...LIST_REFS, "--", address, "HEAD"], { variables: { GIT_TRACE_PACKET: trace } });
  const packets = await readFile(trace, "utf8").catch(() => "");
  const found = /< unborn HEAD symref-target:(\S+)/.exec(packets)?.[1];
  return found === undefined ? [] : [found];
}

const FETCH_MILLISECONDS = 20_000;

/**
 * Gets commits and their history from a remote into the scratch repository; the real one learns nothing.
 *
 * @returns why that was not possible, or null
 */
export async function fetchHistory(
  remotes: Remotes,
  url: RemoteUrl,
  shas: readonly string[],
  what: "commits" | "whole" = "commits",
): Promise<string | null> {
  const { repository } = remotes.scratch;
  const options = ["--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--no-auto-maintenance", "--quiet"];
  // Only the commits count here. (A plain path cannot be asked for less than everything, and need not be.)
  if (what === "commits" && /^[^/]*:/.test(url.raw)) options.push("--filter=tree:0");
  if (repository.shallow) options.push("--unshallow");
  const wanted = shas.map((sha) => `${sha}:refs/enact/${sha}`);
  const args = (address: string): string[] => ["fetch", ...options, "--upload-pack=git-upload-pack", "--", address, ...wanted];
  return whyNot(contact(remotes, url, args, { milliseconds: FETCH_MILLISECONDS }));
}

async function whyNot(attempt: Promise<unknown>): Promise<string | null> {
  try {
    await attempt;
    return null;
  } catch (error) {
    if (!(error instanceof EnactError) || error.code === "CANCELLED") throw error;
    return error.message;
  }
}

/**
 * Asks a remote which of the ancestors of a commit it has, without getting anything.
 *
 * @returns commits that it has; none when it cannot say (protocol 2 and git 2.32 are needed)
 */
export async function commonCommits(remotes: Remotes, url: RemoteUrl, sha: string): Promise<string[]> {
  const args = (address: string): string[] => [
    "-c", "fetch.negotiationAlgorithm=consecutive", "fetch", "--negotiate-only", `--negotiation-tip=${sha}`,
    "--upload-pack=git-upload-pack", "--", address,
  ];
  let found: string[] = [];
  await whyNot(contact(remotes, url, args, { milliseconds: FETCH_MILLISECONDS }).then((ran) => (found = lines(ran.stdout))));
  return found.filter((line) => /^[0-9a-f]{40,64}$/.test(line));
}

async function contact(remotes: Remotes, url: RemoteUrl, args: (address: string) => string[], asked: InScratch = {}): Promise<Ran> {
  const { scratch, access } = remotes;
  const address = absoluteUrl(scratch.repository, url.raw);
  const settings = [...access.scratch, ...(await verbatim(remotes, address))];
  const variables = { ...access.variables, ...asked.variables };
  const ran = await inScratch(scratch, args(address), { ...asked, settings, variables });
  if (ran.code === 0 || ran.stopped !== null) return expectDone(ran, `asking ${url.shown}`);
  const unused = access.leftOut.length === 0 ? "" : ` (${access.leftOut.join(" and ")} of the repository's own configuration is not used)`;
  throw new EnactError("SYSTEM_UNAVAILABLE", `${url.shown} does not answer${unused}: ${complaint(ran.stderr)}`, {
    hint: access.leftOut.length === 0
      ? "See that the remote can be reached without a password prompt (ssh agent, credential helper)."
      : `Move ${access.leftOut.join(" and ")} to the person's own configuration (git config --global): the guard runs no program that a repository names.`,
  });
}

/** Rules that map an address to itself. */
export function unchanged(address: string): readonly Setting[] {
  return [
    [`url.${address}.insteadOf`, address],
    [`url.${address}.pushInsteadOf`, address],
  ];
}

/**
 * The address already is the result of all rewriting. The person's own insteadOf rules would be applied to it again, so
 * the longest rule of all maps it to itself.
 */
async function verbatim(remotes: Remotes, address: string): Promise<readonly Setting[]> {
  const rewrites = remotes.settings.some(({ key, own }) => !own && /^url\..*\.insteadof$/s.test(key));
  if (!rewrites) return [];
  const settings = unchanged(address);
  const ran = await inScratch(remotes.scratch, ["ls-remote", "--get-url", "--", address], { settings });
  if (ran.stdout.toString("utf8") === `${address}\n`) return settings;
  throw new EnactError("REFUSED", "The address of the remote is rewritten by several rules of the same length (url.*.insteadOf)");
}
