import { isSame, type Directory } from "./directory.js";
import { WalkFailure } from "./failures.js";
import type { Handles } from "./handles.js";
import { isWithin, join, splitPath } from "./path.js";
import { lastOf, pathOf, walk, type Place } from "./walk.js";

/** A path of a policy as it leads now. */
export interface WatchedPath {
  readonly given: string;
  /** Absolute and without links; what is missing is appended as written. */
  readonly realPath: string;
  readonly exists: boolean;
  /** Null when it cannot be reached: then `realPath` is the path as written. */
  readonly place: Place | null;
}

export interface Unresolved {
  readonly given: string;
  readonly why: string;
}

/** same, inside: what the call names is the policy's path, or lies below it. above: the policy's path lies below it. */
export type Relation = "same" | "inside" | "above" | "apart";

/**
 * Resolves the paths of policies at the moment of the call: a policy has only text, and links can change.
 */
export function resolveWatched(
  handles: Handles,
  root: readonly Directory[],
  paths: readonly string[],
  home: string | undefined,
): readonly (WatchedPath | Unresolved)[] {
  return paths.map((given) => resolveOne(handles, root, given, home));
}

function resolveOne(handles: Handles, root: readonly Directory[], given: string, home: string | undefined): WatchedPath | Unresolved {
  const written = withHome(given, home);
  if (written === undefined) return { given, why: `the home folder that '${given}' means is not known` };
  try {
    const place = walk(handles, root, splitPath(written), "follow");
    return { given, realPath: pathOf(place), exists: place.stat !== undefined, place };
  } catch (error) {
    if (!(error instanceof WalkFailure)) throw error;
    if (error.problem === "changed") throw error;
    // What we may not reach, the tools cannot reach either; it still has its place in the tree of folders.
    if (error.problem === "denied") return { given, realPath: asWritten(root, written), exists: true, place: null };
    if (error.problem === "not_a_folder" || error.problem === "missing") {
      return { given, realPath: asWritten(root, written), exists: false, place: null };
    }
    return { given, why: `the policy's path '${given}' cannot be resolved (${error.problem})` };
  }
}

function withHome(given: string, home: string | undefined): string | undefined {
  if (given !== "~" && !given.startsWith("~/")) return given;
  return home === undefined ? undefined : join(home, given.slice(2));
}

function asWritten(root: readonly Directory[], given: string): string {
  const { absolute, parts } = splitPath(given);
  const names = absolute ? [] : lastOf(root).path.split("/").filter((name) => name !== "");
  for (const part of parts) {
    if (part === "..") names.pop();
    else names.push(part);
  }
  return `/${names.join("/")}`;
}

/** How a place lies to a policy's path: by identity where both exist, so that no other spelling gets round it. */
export function relationOf(place: Place, watched: WatchedPath): Relation {
  const path = pathOf(place);
  if (path === watched.realPath || isSameEntry(place, watched)) return "same";
  if (isWithin(path, watched.realPath) || passes(place, watched)) return "inside";
  if (isWithin(watched.realPath, path) || leadsBelow(place, watched)) return "above";
  return "apart";
}

function isSameEntry(place: Place, { place: watched }: WatchedPath): boolean {
  return place.stat !== undefined && watched?.stat !== undefined && isSame(place.stat, watched.stat);
}

function passes(place: Place, { place: watched }: WatchedPath): boolean {
  const folder = watched?.stat;
  return folder !== undefined && place.stack.some((passed) => isSame(passed.stat, folder));
}

function leadsBelow({ stat }: Place, { place: watched }: WatchedPath): boolean {
  return stat !== undefined && watched !== null && watched.stack.some((passed) => isSame(passed.stat, stat));
}
