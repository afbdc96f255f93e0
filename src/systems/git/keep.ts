import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";

import { EnactError } from "../../errors.js";
import { isAncestor, present } from "./history.js";
import { look, placeOf, actingEnv, openRepository } from "./repository.js";
import type { Home, Repository } from "./repository.js";
import type { RemoteUrl } from "./remote-url.js";
import { fetchHistory } from "./remote.js";
import type { Remotes } from "./remote.js";
import { run } from "./run.js";
import { inScratch } from "./scratch.js";
import type { Scratch } from "./scratch.js";
import { complaint, expectDone, lines } from "./words.js";

/** Where commits that a run takes from a branch are kept, as a pack of git. */
export interface PackKeeper {
  /** Bytes that may still be kept. */
  readonly room: number;
  keep(name: string, pack: AsyncIterable<Uint8Array>): Promise<void>;
  /** Keeps the settings of a branch that goes, such as its upstream: ["remote", "origin"]. */
  keepSettings(settings: BranchSettings): Promise<void>;
}

export type BranchSettings = readonly (readonly [key: string, value: string])[];

/** What is about to lose its name. */
export interface Losing {
  /** Under which name the pack is kept. */
  readonly name: string;
  readonly old: string;
  /** What takes its place; null when the branch goes. */
  readonly next: string | null;
  /** The ref that goes with it: it does not hold the commits afterwards. */
  readonly ref: string;
}

/**
 * Sees to it that `old` can be brought back: it is part of what takes its place, or a ref of this repository holds it, or
 * it is kept as a pack (git throws away what no ref holds after some weeks, and what only the remote had never was here).
 *
 * @returns false when that is not possible: it does not fit, or the remote does not give it out
 */
export async function keepCommits(remotes: Pick<Remotes, "scratch"> & Partial<Remotes>, losing: Losing, keeper: PackKeeper, url?: RemoteUrl): Promise<boolean> {
  const { scratch } = remotes;
  const { old, next } = losing;
  if (!(await present(scratch, [old])).has(old) && !(await fetched(remotes, old, url))) return false;
  if (next !== null && (await present(scratch, [next])).has(next) && (await isAncestor(scratch, old, next))) return true;
  const held = await heldCommits(scratch.repository, losing.ref);
  const pack = await packOf(scratch, losing.name, old, [...(await present(scratch, held)), ...(next === null ? [] : [next])]);
  if (pack === "nothing to keep") return true;
  if (pack === "not whole") return false;
  const { size } = await stat(pack);
  if (size > keeper.room) return false;
  await keeper.keep(losing.name, createReadStream(pack));
  return true;
}

async function fetched({ scratch, settings, access }: Pick<Remotes, "scratch"> & Partial<Remotes>, old: string, url?: RemoteUrl): Promise<boolean> {
  if (url === undefined || settings === undefined || access === undefined) return false;
  const failed = await fetchHistory({ scratch, settings, access }, url, [old], "whole");
  return failed === null && (await present(scratch, [old])).has(old);
}

/** The commits that refs of this repository hold, all but the one that goes. */
async function heldCommits(repository: Repository, but: string): Promise<string[]> {
  const args = ["for-each-ref", "--format=%(refname) %(objectname)", "refs/heads", "refs/tags", "refs/remotes"];
  return lines(expectDone(await look(repository, args), "listing refs").stdout)
    .map((line) => line.split(" "))
    .filter(([name]) => name !== but)
    .map(([, sha = ""]) => sha);
}

/** The path of a pack with what leads to `old` and to none of `without`. In a partial clone it may not be whole. */
async function packOf(scratch: Scratch, name: string, old: string, without: readonly string[]): Promise<string> {
  const base = join(scratch.folder, name);
  const input = Buffer.from([old, ...without.map((sha) => `^${sha}`), ""].join("\n"));
  const ran = await inScratch(scratch, ["pack-objects", "--revs", "--quiet", "--non-empty", base], { input, milliseconds: 120_000 });
  if (ran.code !== 0) return "not whole";
  const [sum] = lines(ran.stdout);
  return sum === undefined ? "nothing to keep" : `${base}-${sum}.pack`;
}

/** Takes a kept pack into the repository; its commits are held by no ref yet. @throws EnactError ACTION_FAILED */
export async function bringBack(home: Home, where: { readonly repo: string; readonly git_dir: string }, pack: AsyncIterable<Uint8Array>): Promise<void> {
  const repository = await openRepository(home, where.repo);
  if (repository.gitDir !== where.git_dir) throw new EnactError("STALE_PLAN", "The repository is no longer the one that was judged");
  const chunks: Uint8Array[] = [];
  for await (const chunk of pack) chunks.push(chunk);
  const args = ["unpack-objects", "-q", "--strict"];
  const ran = await run({ args, cwd: placeOf(repository), env: actingEnv(repository), input: Buffer.concat(chunks), milliseconds: 120_000 });
  if (ran.code !== 0) throw new EnactError("ACTION_FAILED", `The kept commits cannot be brought back: ${complaint(ran.stderr)}`);
}
