import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";

import type { Directory } from "./directory.js";
import { errno, unless } from "./failures.js";
import { readIndex } from "./git-index.js";
import { join, relativeTo } from "./path.js";
import { pathOf, type Place } from "./walk.js";

/** Larger indexes than this are not read for a fact that no built-in policy needs. */
const MAX_INDEX_BYTES = 64 * 1024 * 1024;
const MAX_SMALL_BYTES = 64 * 1024;

/** What git's index says about a place. */
export type Tracking =
  | { readonly state: "none" }
  | { readonly state: "unknown"; readonly why: string }
  /** Paths of tracked files at or below the place, relative to it: "" for the place itself. */
  | { readonly state: "known"; readonly tracked: ReadonlySet<string> };

/**
 * Asks the index of the nearest repository which files at or below a place git tracks. Only a fact for people and custom
 * policies: whatever goes wrong makes it unknown, never an error.
 */
export function trackingOf(place: Place): Tracking {
  try {
    const top = place.stack.findLast((folder) => folder.lstat(".git") !== undefined);
    return top === undefined ? { state: "none" } : readTracking(top, place);
  } catch (error) {
    const why = error instanceof RangeError ? error.message : `reading it failed (${errno(error)})`;
    return { state: "unknown", why: `git's index cannot say: ${why}` };
  }
}

function readTracking(top: Directory, place: Place): Tracking {
  const store = storeOf(top);
  const index = readSmall(join(store, "index"), MAX_INDEX_BYTES);
  // A repository without an index has nothing in it yet.
  if (index === undefined) return { state: "known", tracked: new Set() };
  const wanted = Buffer.from(relativeTo(top.path, pathOf(place)));
  const tracked = new Set<string>();
  readIndex(index, hashBytes(store), ({ name, isSubmodule }) => {
    if (isSubmodule || !name.subarray(0, wanted.length).equals(wanted)) return;
    if (name.length === wanted.length) tracked.add("");
    else if (name[wanted.length] === 0x2f) tracked.add(name.toString("utf8", wanted.length + 1));
  });
  return { state: "known", tracked };
}

/** The repository's store: `.git`, or where a `.git` file of a worktree or submodule points. */
function storeOf(top: Directory): string {
  const dotGit = join(top.path, ".git");
  if (top.lstat(".git")?.isDirectory() === true) return dotGit;
  const pointer = readSmall(dotGit, MAX_SMALL_BYTES)?.toString() ?? "";
  const target = /^gitdir: (.+)$/m.exec(pointer)?.[1];
  return target === undefined ? dotGit : resolve(top.path, target);
}

/** A linked worktree has its own index and shares the configuration (gitrepository-layout, "commondir"). */
function hashBytes(store: string): number {
  const common = readSmall(join(store, "commondir"), MAX_SMALL_BYTES)?.toString().trim();
  const config = readSmall(join(common === undefined ? store : resolve(store, common), "config"), MAX_SMALL_BYTES);
  return /^\s*objectformat\s*=\s*"?sha256"?\s*$/im.test(config?.toString() ?? "") ? 32 : 20;
}

/** A whole regular file; undefined when there is none. Never waits: a FIFO in its place is no file. */
function readSmall(path: string, limit: number): Buffer | undefined {
  const fd = unless(["ENOENT", "ENOTDIR"], () => openSync(path, constants.O_RDONLY | constants.O_NONBLOCK));
  if (fd === undefined) return undefined;
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw new RangeError(`${dirname(path)} holds no regular file of that name`);
    if (stat.size > limit) throw new RangeError("it is too large");
    return readFileSync(fd);
  } finally {
    closeSync(fd);
  }
}
