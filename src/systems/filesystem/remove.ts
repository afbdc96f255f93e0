import { accessSync, constants, lstatSync, rmdirSync, unlinkSync } from "node:fs";
import { setImmediate as breathe } from "node:timers/promises";

import { EnactError } from "../../errors.js";
import { moveAside, putBack } from "./aside.js";
import { isSame, type Directory, type Handles } from "./directory.js";
import { errno, failed, inWords, stale, WalkFailure } from "./failures.js";
import { difference, fingerprint } from "./fingerprint.js";
import { checkEntry, reopened, type Reopened } from "./reopen.js";
import { digestOf, entriesBelow, listTree, type TreeNode } from "./tree.js";
import type { PlaceStep, Removed, RemoveStep, Settings } from "./types.js";

const BREATH = 1000;

/**
 * Removes exactly what was judged: a file, a link (never what it leads to), or a folder with just the entries that were
 * listed, each still the same. All is compared before anything is removed; see aside.ts for how nothing slips in.
 *
 * @returns what was removed; when the system stopped it half-way, what is left is put back under its name
 * @throws EnactError STALE_PLAN, ACTION_FAILED
 */
export async function remove(settings: Settings, step: RemoveStep): Promise<Removed> {
  return reopened(settings, step.place, async (found) => {
    checkEntry(found, step.place, step.tree_digest === null ? "content" : "identity");
    try {
      return step.tree_digest === null ? removeOne(found, step.place) : await removeTree(found, step, step.tree_digest);
    } catch (error) {
      if (error instanceof EnactError || error instanceof WalkFailure) throw error;
      throw failed(step.place.path, "deleted", error);
    }
  });
}

function removeOne({ folder, name }: Reopened, place: PlaceStep): Removed {
  folder.confirm();
  const aside = moveAside(folder, name);
  const moved = lstatSync(folder.at(aside.name), { bigint: true, throwIfNoEntry: false });
  if (place.target === null || difference(place.target, moved, "entry") !== undefined) {
    throw undo(folder, aside.name, place, name, stale(place.path, "it was exchanged at the last moment"));
  }
  try {
    unlinkSync(folder.at(aside.name));
  } catch (error) {
    throw undo(folder, aside.name, place, name, failed(place.path, "deleted", error));
  }
  const bytes = place.target.kind === "file" ? Number(place.target.size) : 0;
  return { files: 1, folders: 0, bytes, left: 0, error: null, leftAt: null };
}

async function removeTree(found: Reopened, step: RemoveStep, digest: string): Promise<Removed> {
  const { folder, name } = found;
  const { place } = step;
  // Before anything is moved: a tree that has changed is left alone altogether.
  checkPermissions(found.handles, folder, await judgedTree(found, name, step, digest), place);
  folder.confirm();
  const aside = moveOrStay(folder, name);
  let tree: TreeNode;
  try {
    tree = await judgedTree(found, aside, step, digest);
  } catch (error) {
    if (aside === name) throw error;
    const reason = error instanceof EnactError ? error : failed(place.path, "deleted", error);
    throw undo(folder, aside, place, name, reason);
  }
  const removed = await removeAll(found.handles, folder, aside, tree);
  if (removed.error === null || aside === name) return removed;
  const isBack = putBack(folder, { name: aside }, name);
  return isBack ? removed : { ...removed, leftAt: aside };
}

/** The tree as it is now. @throws EnactError STALE_PLAN unless it is to the last byte of a name the judged one */
async function judgedTree({ handles, folder }: Reopened, name: string, { place, entries }: RemoveStep, digest: string): Promise<TreeNode> {
  try {
    const tree = await listTree(handles, folder, name, { maxEntries: entries, signal: undefined });
    if (digestOf(tree) === digest) return tree;
  } catch (error) {
    // Too many entries, a FIFO, a mount: whatever it is, it was not there when the tree was judged.
    if (!(error instanceof EnactError) && !(error instanceof WalkFailure)) throw error;
  }
  throw stale(place.path, "something in it was added, removed or changed");
}

/** A merged folder of overlayfs cannot be renamed (EXDEV): it is emptied where it is, by the same comparisons. */
function moveOrStay(folder: Directory, name: string): string {
  try {
    return moveAside(folder, name).name;
  } catch (error) {
    if (errno(error) === "EXDEV") return name;
    throw error;
  }
}

/** Finds out before anything is removed that something could not be. */
function checkPermissions(handles: Handles, parent: Directory, node: TreeNode, place: PlaceStep): void {
  if (node.kind !== "directory") return;
  const folder = handles.openChild(parent, node.bytes);
  try {
    if (node.children.length > 0) accessSync(folder.itself, constants.W_OK | constants.X_OK);
    for (const child of node.children) checkPermissions(handles, folder, child, place);
  } catch (error) {
    throw error instanceof EnactError ? error : failed(place.path, "deleted", error);
  } finally {
    handles.close(folder.fd);
  }
}

interface Progress {
  files: number;
  folders: number;
  bytes: number;
}

async function removeAll(handles: Handles, folder: Directory, name: string, tree: TreeNode): Promise<Removed> {
  const progress: Progress = { files: 0, folders: 0, bytes: 0 };
  const total = [...entriesBelow(tree)].length + 1;
  let error: string | null = null;
  try {
    await removeNode(handles, folder, { ...tree, bytes: Buffer.from(name) }, progress);
  } catch (reason) {
    error = reason instanceof WalkFailure ? "something in it was exchanged meanwhile" : inWords(reason);
  }
  return { ...progress, left: total - progress.files - progress.folders, error, leftAt: null };
}

/** Removes what was listed and nothing else: a folder in which something has appeared cannot be removed. */
async function removeNode(handles: Handles, parent: Directory, node: TreeNode, progress: Progress): Promise<void> {
  if (node.kind !== "directory") {
    removeLeaf(parent, node);
    progress.files += 1;
    if (node.kind === "file") progress.bytes += Number(node.stat.size);
    if (progress.files % BREATH === 0) await breathe();
    return;
  }
  const folder = handles.openChild(parent, node.bytes);
  try {
    if (!isSame(folder.stat, node.stat)) throw new WalkFailure("changed", folder.path);
    for (const child of node.children) await removeNode(handles, folder, child, progress);
  } finally {
    handles.close(folder.fd);
  }
  rmdirSync(parent.atBytes(node.bytes));
  progress.folders += 1;
}

function removeLeaf(parent: Directory, node: TreeNode): void {
  const path = parent.atBytes(node.bytes);
  const now = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  if (difference(fingerprint(node.stat), now, "content") !== undefined) throw new WalkFailure("changed", parent.path);
  unlinkSync(path);
}

/** Puts back what was moved aside; if its place is taken, says where it is. */
function undo(folder: Directory, aside: string, place: PlaceStep, name: string, reason: EnactError): EnactError {
  if (putBack(folder, { name: aside }, name)) return reason;
  const done = `It is kept beside its place as '${aside}'. Nothing was deleted.`;
  return new EnactError("ACTION_FAILED", `'${place.path}' was not deleted: another process put something in its place`, { done, cause: reason });
}
