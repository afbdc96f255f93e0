import { lstatSync, readdirSync } from "node:fs";

import { EnactError } from "../../errors.js";
import { keyOf, type Directory } from "./directory.js";
import { isChange, unless } from "./failures.js";
import type { Handles } from "./handles.js";
import { foldPath, isWithin, join, relativeTo, shown, splitPath } from "./path.js";
import { GIT, GIT_STORE_ENTRIES, HOOKS, LEADS_TO_PROTECTED, OWN_FILES, PROTECTED_NAMES, protectedName, type Protection } from "./protected-names.js";
import type { TreeNode } from "./tree.js";
import { lastOf, pathOf, walk, type Place } from "./walk.js";

/** Files below protected folders that are compared with a file that has several names. */
const MAX_COMPARED = 20_000;

interface Guarded {
  readonly path: string;
  readonly protection: Protection;
}

/**
 * What nobody may touch, as it is now: by name, by place, by identity (so that another spelling on a forgiving file
 * system, a link or a hard link changes nothing) and by content (git stores).
 */
export class Protections {
  readonly #handles: Handles;
  readonly #root: readonly Directory[];
  /** Folded absolute paths. */
  readonly #paths = new Map<string, Protection>();
  /** dev:ino of what exists. */
  readonly #identities = new Map<string, Protection>();
  readonly #guarded: Guarded[] = [];
  /** Folded absolute paths of links that may be walked through, but not removed. */
  readonly #links = new Map<string, Protection>();

  /**
   * @param kept.own absolute paths of files and folders
   * @param kept.hooks absolute folders of programs that git runs; one that the root lies in would take everything away
   * @param kept.links paths whose links may not be removed or replaced, because a policy names them
   */
  constructor(handles: Handles, root: readonly Directory[], kept: { own: readonly string[]; hooks: readonly string[]; links: readonly Place[] }) {
    this.#handles = handles;
    this.#root = root;
    for (const path of kept.hooks) this.#protectHooks(path);
    for (const path of kept.own) this.#protect(path, OWN_FILES);
    for (const name of PROTECTED_NAMES) this.#protectInRoot(name);
    for (const place of kept.links) this.#keepLinks(place);
  }

  /**
   * @throws EnactError REFUSED when the place, or anything on the way to it, is protected
   */
  check(place: Place, given: string): void {
    for (const path of [pathOf(place), ...place.links.map((link) => link.path)]) this.#checkPath(path, given);
    for (const folder of place.stack.slice(this.#root.length - 1)) this.#checkFolder(folder, given);
    this.#checkTarget(place, given);
  }

  /** @throws EnactError REFUSED when a folder that would be deleted holds something protected */
  checkTree(place: Place, tree: TreeNode, given: string): void {
    const top = pathOf(place);
    const hardLinks = new Map<string, string>();
    this.#checkNode(tree, top, given, hardLinks);
    if (hardLinks.size === 0) return;
    const inodes = this.#inodes(given);
    for (const [key, path] of hardLinks) {
      const protection = inodes.get(key);
      if (protection !== undefined) throw this.#refused(path, given, { ...protection, why: `is another name of a file that ${protection.why}` });
    }
  }

  /** @throws EnactError REFUSED when something that would be made there is protected: by name, or by where it lies */
  checkPaths(paths: Iterable<string>, given: string): void {
    for (const path of paths) this.#checkPath(path, given);
  }

  #checkNode(node: TreeNode, path: string, given: string, hardLinks: Map<string, string>): void {
    this.#checkPath(path, given);
    const protection = this.#identities.get(keyOf(node.stat)) ?? this.#links.get(foldPath(path));
    if (protection !== undefined) throw this.#refused(path, given, protection);
    if (node.kind === "file" && node.stat.nlink > 1n) hardLinks.set(keyOf(node.stat), path);
    const names = new Set(node.children.map((child) => child.name));
    if (GIT_STORE_ENTRIES.every((name) => names.has(name))) throw this.#refused(path, given, GIT);
    for (const child of node.children) this.#checkNode(child, join(path, child.name), given, hardLinks);
  }

  /** By names below the root, and by the place. */
  #checkPath(path: string, given: string): void {
    const root = lastOf(this.#root).path;
    if (!isWithin(path, root) || path === root) return;
    const names = relativeTo(root, path).split("/");
    const named = protectedName(names);
    if (named !== undefined) throw this.#refused(names.slice(0, named.index + 1).reduce(join, root), given, named.protection);
    let above = root;
    for (const name of names) {
      above = join(above, name);
      const protection = this.#paths.get(foldPath(above));
      if (protection !== undefined) throw this.#refused(above, given, protection);
    }
  }

  /** By identity and content; the root itself only by content. */
  #checkFolder(folder: Directory, given: string): void {
    const protection = folder === lastOf(this.#root) ? undefined : this.#identities.get(keyOf(folder.stat));
    if (protection !== undefined) throw this.#refused(folder.path, given, protection);
    if (GIT_STORE_ENTRIES.every((name) => exists(folder, name))) throw this.#refused(folder.path, given, GIT);
  }

  #checkTarget(place: Place, given: string): void {
    const path = pathOf(place);
    if (place.stat === undefined) {
      // A file where a protected folder would be made keeps it from being made.
      const inWay = [...this.#paths].find(([guarded]) => guarded.startsWith(`${foldPath(path)}/`));
      if (inWay !== undefined) throw this.#refused(path, given, { ...inWay[1], why: `lies where a folder is needed that ${inWay[1].why}` });
      return;
    }
    const protection = this.#identities.get(keyOf(place.stat)) ?? this.#links.get(foldPath(path));
    if (protection !== undefined) throw this.#refused(path, given, protection);
    if (place.stat.isFile() && place.stat.nlink > 1n) this.#checkHardLink(place, given);
  }

  #checkHardLink(place: Place, given: string): void {
    const key = place.stat === undefined ? "" : keyOf(place.stat);
    const protection = this.#inodes(given).get(key) ?? this.#inodesOnTheWay(place, given).get(key);
    if (protection === undefined) return;
    throw this.#refused(pathOf(place), given, { ...protection, why: `is another name of a file that ${protection.why}` });
  }

  /** Inodes below what is protected everywhere. */
  #inodes(given: string): Map<string, Protection> {
    const found = new Map<string, Protection>();
    for (const guarded of this.#guarded) collectInodes(guarded, found, given);
    return found;
  }

  /** Inodes below protected names in the folders on the way: a nested repository. */
  #inodesOnTheWay(place: Place, given: string): Map<string, Protection> {
    const found = new Map<string, Protection>();
    for (const folder of place.stack.slice(this.#root.length)) {
      for (const name of PROTECTED_NAMES) {
        const named = protectedName([name]);
        if (named !== undefined) collectInodes({ path: join(folder.path, name), protection: named.protection }, found, given);
      }
    }
    return found;
  }

  #protectHooks(path: string): void {
    const place = tryWalk(this.#handles, this.#root, path);
    const real = place === undefined ? path : pathOf(place);
    const holdsRoot = foldPath(`${lastOf(this.#root).path}/`).startsWith(foldPath(`${real}/`));
    if (!holdsRoot) this.#protect(path, HOOKS);
  }

  #protectInRoot(name: string): void {
    const named = protectedName([name]);
    if (named === undefined || !exists(lastOf(this.#root), name)) return;
    this.#protect(join(lastOf(this.#root).path, name), named.protection);
  }

  #protect(path: string, protection: Protection): void {
    this.#paths.set(foldPath(path), protection);
    const place = tryWalk(this.#handles, this.#root, path);
    if (place === undefined) return;
    this.#paths.set(foldPath(pathOf(place)), protection);
    this.#keepLinks(place);
    if (place.stat === undefined) return;
    this.#identities.set(keyOf(place.stat), protection);
    this.#guarded.push({ path: pathOf(place), protection });
  }

  #keepLinks(place: Place): void {
    for (const link of place.links) this.#links.set(foldPath(link.path), LEADS_TO_PROTECTED);
  }

  #refused(path: string, given: string, { why, hint }: Protection): EnactError {
    const root = lastOf(this.#root).path;
    const where = isWithin(path, root) ? relativeTo(root, path) : path;
    const isNamed = isWithin(given, where) || isWithin(given, path);
    const way = isNamed ? "" : ` ('${shown(given)}' leads there)`;
    return new EnactError("REFUSED", `'${shown(where)}' ${why}${way}. File tools keep away from it`, { hint });
  }
}

function tryWalk(handles: Handles, root: readonly Directory[], path: string): Place | undefined {
  try {
    return walk(handles, root, splitPath(path), "follow");
  } catch (error) {
    if (isChange(error)) throw error;
    // Not reachable for us, so not for the tools either; its path stays protected as it is written.
    return undefined;
  }
}

function exists(folder: Directory, name: string): boolean {
  return folder.lstat(name) !== undefined;
}

/** Adds the inodes of a file, or of all files below a folder. Git's objects are content, and many: left out. */
function collectInodes({ path, protection }: Guarded, found: Map<string, Protection>, given: string): void {
  const stat = unless(GONE, () => lstatSync(path, { bigint: true }));
  if (stat === undefined) return;
  if (stat.isFile()) found.set(keyOf(stat), protection);
  if (found.size > MAX_COMPARED) throw tooManyToCompare(given);
  if (!stat.isDirectory() || /\/\.git\/(?:.*\/)?objects$/.test(path)) return;
  const names = unless(GONE, () => readdirSync(path)) ?? [];
  for (const name of names) collectInodes({ path: join(path, name), protection }, found, given);
}

/** Gone meanwhile, or not readable for us and so not for the tools. */
const GONE = ["ENOENT", "ENOTDIR", "EACCES"];

function tooManyToCompare(given: string): EnactError {
  const message = `'${shown(given)}' has several names (hard links), and there are too many protected files to compare it with`;
  return new EnactError("REFUSED", message, { hint: "Ask the person to look at it, or to make it a file of its own." });
}
