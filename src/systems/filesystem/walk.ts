import type { BigIntStats } from "node:fs";

import { isSame, type Directory } from "./directory.js";
import { WalkFailure, walkFailure } from "./failures.js";
import type { Handles } from "./handles.js";
import { join, splitPath, type ParsedPath } from "./path.js";

/** As the kernel: more links than this on one way are a loop (path_resolution(7)). */
const MAX_LINKS = 40;
/** One open descriptor per level. */
const MAX_DEPTH = 256;

/** A link that a walk came through. */
export interface LinkOnTheWay {
  /** Where the link itself lies: absolute, the folders before it without links. */
  readonly path: string;
  /** What it says. */
  readonly target: string;
}

/** Where a path leads: an entry (or a gap) in an open folder. */
export interface Place {
  /** Open folders from "/" down to the one that holds the entry; empty only for "/" itself. */
  readonly stack: readonly Directory[];
  /** The entry's name in the last folder, then the names below it when it is missing. */
  readonly names: readonly string[];
  /** What is there now, not followed; undefined when nothing is. */
  readonly stat: BigIntStats | undefined;
  readonly links: readonly LinkOnTheWay[];
  /** The names under which the entry was reached: as called, of each link that stands for it, its own. */
  readonly calledNames: readonly string[];
}

interface Way {
  /** The folders that were open before. */
  readonly start: readonly Directory[];
  stack: Directory[];
  pending: string[];
  links: LinkOnTheWay[];
  calledNames: string[];
}

/**
 * Walks a path as the kernel would, folder by folder, each opened without following links; links are read and walked
 * here. So what is found is held by descriptors and cannot be exchanged afterwards. ".." is the real parent.
 *
 * @param start open folders from "/" down to where a relative path begins
 * @param finalLink whether a link at the very end is followed, or is itself the entry
 * @throws WalkFailure
 */
export function walk(handles: Handles, start: readonly Directory[], path: ParsedPath, finalLink: "follow" | "keep"): Place {
  const stack = path.absolute ? start.slice(0, 1) : [...start];
  const way: Way = { start, stack, pending: [...path.parts], links: [], calledNames: [] };
  for (;;) {
    const name = way.pending.shift();
    if (name === undefined) return folderItself(way);
    if (name === ".") continue;
    if (name === "..") {
      if (way.stack.length > 1) way.stack.pop();
      continue;
    }
    const place = enter(handles, way, name, finalLink);
    if (place !== undefined) return place;
  }
}

/** One step of the way; a place when it is the last one. */
function enter(handles: Handles, way: Way, name: string, finalLink: "follow" | "keep"): Place | undefined {
  const folder = lastOf(way.stack);
  const where = join(folder.path, name);
  const isLast = way.pending.length === 0;
  if (isLast) way.calledNames.push(name);
  try {
    const stat = folder.lstat(name);
    if (stat === undefined) return gap(way, name, where);
    if (stat.isSymbolicLink() && !(isLast && finalLink === "keep")) {
      follow(way, readTarget(folder, name, where), where);
      return undefined;
    }
    if (isLast) return { stack: way.stack, names: [name], stat, links: way.links, calledNames: way.calledNames };
    if (!stat.isDirectory()) throw new WalkFailure("not_a_folder", where);
    if (way.stack.length > MAX_DEPTH) throw new WalkFailure("too_deep", where);
    way.stack.push(alreadyOpen(way, folder, name, stat) ?? handles.openChild(folder, name));
    return undefined;
  } catch (error) {
    throw walkFailure(error, where);
  }
}

/** The folder of this name on the way to the start: it need not be opened again if it is still the one that lies there. */
function alreadyOpen({ start, stack }: Way, folder: Directory, name: string, stat: BigIntStats): Directory | undefined {
  const next = start[stack.length];
  const isOnTheWay = start[stack.length - 1] === folder && next?.name === name;
  return isOnTheWay && isSame(next.stat, stat) ? next : undefined;
}

function follow(way: Way, target: string, where: string): void {
  way.links.push({ path: where, target });
  if (way.links.length > MAX_LINKS) throw new WalkFailure("loop", where);
  const { absolute, parts, namesFolder } = splitPath(target);
  if (absolute) way.stack = way.stack.slice(0, 1);
  // "folder/" can only mean a folder: what comes before the dot is not the last name.
  way.pending.unshift(...parts, ...(namesFolder ? ["."] : []));
}

function readTarget(folder: Directory, name: string, where: string): string {
  const target = folder.readlink(name);
  const text = target.toString();
  if (!Buffer.from(text).equals(target)) throw new WalkFailure("unreadable_name", where);
  return text;
}

/** Nothing is there: what is left of the path must be plain names, for "." and ".." of nothing are nothing. */
function gap(way: Way, name: string, where: string): Place {
  if (way.pending.some((part) => part === ".." || part === ".")) throw new WalkFailure("missing", where);
  const last = way.pending.at(-1);
  const calledNames = last === undefined ? way.calledNames : [...way.calledNames, last];
  return { stack: way.stack, names: [name, ...way.pending], stat: undefined, links: way.links, calledNames };
}

/** The path ended at an open folder: "." or "a/..". */
function folderItself(way: Way): Place {
  const folder = lastOf(way.stack);
  const stack = way.stack.slice(0, -1);
  const names = folder.name === "" ? [] : [folder.name];
  return { stack, names, stat: folder.stat, links: way.links, calledNames: names };
}

/** The absolute path of a place, without links. */
export function pathOf(place: Pick<Place, "stack" | "names">): string {
  return place.names.reduce(join, place.stack.at(-1)?.path ?? "/");
}

export function lastOf(stack: readonly Directory[]): Directory {
  const last = stack.at(-1);
  if (last === undefined) throw new WalkFailure("other", "/", "no folder");
  return last;
}

/**
 * Opens the root and its ancestors.
 * @returns open folders from "/" down to the root
 */
export function openRoot(handles: Handles, root: string): readonly Directory[] {
  const top = handles.openTop();
  const place = walk(handles, [top], splitPath(root), "follow");
  const [name, ...more] = place.names;
  if (name === undefined) return [top];
  if (place.stat === undefined || more.length > 0) throw new WalkFailure("missing", root);
  if (!place.stat.isDirectory()) throw new WalkFailure("not_a_folder", root);
  return [...place.stack, handles.openChild(lastOf(place.stack), name)];
}

/** Where a place lies, seen from the root. */
export function positionOf(root: readonly Directory[], place: Place): "root" | "inside" | "outside" {
  const rootFolder = lastOf(root);
  if (pathOf(place) === rootFolder.path) {
    return place.stat !== undefined && isSame(place.stat, rootFolder.stat) ? "root" : "outside";
  }
  return startsAt(root, place.stack) ? "inside" : "outside";
}

/** True when the way leads through the root. */
export function startsAt(root: readonly Directory[], stack: readonly Directory[]): boolean {
  const rootFolder = lastOf(root);
  const passed = stack[root.length - 1];
  return passed !== undefined && passed.path === rootFolder.path && isSame(passed.stat, rootFolder.stat);
}
