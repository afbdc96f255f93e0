import { constants } from "node:fs";
import { setImmediate as breathe } from "node:timers/promises";

import { EnactError } from "../../errors.js";
import { freshName, moveAside, putBack } from "./aside.js";
import { isSame, type Directory } from "./directory.js";
import { errno, failed, inWords, isChange, settled, stale, WalkFailure } from "./failures.js";
import { difference, fingerprint } from "./fingerprint.js";
import type { Handles } from "./handles.js";
import { BEFORE, keepContents, namesForUndoing, type Keep } from "./keep.js";
import { checkEntry, reopened, type Reopened } from "./reopen.js";
import { digestOf, entriesBelow, leafOf, listTree, type TreeNode } from "./tree.js";
import type { PlaceStep, Removed, RemoveStep, Settings } from "./types.js";

const BREATH = 1000;

/**
 * Removes exactly what was judged: a file, a link (never what it leads to), or a folder with just the entries that were
 * listed, each still the same. All is compared before anything is removed; see aside.ts for how nothing slips in.
 *
 * @param keep gets everything that will be removed before the first of it is; null to keep nothing
 * @returns what was removed; when the system stopped it half-way, what is left is put back under its name
 * @throws EnactError STALE_PLAN, ACTION_FAILED
 */
export async function remove(settings: Settings, step: RemoveStep, keep: Keep | null): Promise<Removed> {
  return reopened(settings, step.place, "deleted", async (found) => {
    const now = checkEntry(found, step.place, step.tree_digest === null ? "content" : "identity");
    const keeping = { keep, aside: freshName("aside") };
    if (step.tree_digest !== null) return await removeTree(found, step, step.tree_digest, keeping);
    if (now !== undefined) await keepBefore(keeping, found, step.place, leafOf(found.name, now));
    checkEntry(found, step.place, "content");
    return removeOne(found, step.place, keeping.aside);
  });
}

interface Keeping {
  readonly keep: Keep | null;
  /** The name under which the entry will be put aside. */
  readonly aside: string;
}

/** All that will go, durable before the first of it goes. */
async function keepBefore({ keep, aside }: Keeping, { handles, folder, name }: Reopened, place: PlaceStep, tree: TreeNode): Promise<void> {
  if (keep === null) return;
  const nodes = await keepContents(keep, { handles, folder, name }, tree);
  await keep.put(BEFORE, { version: 1, act: "delete", path: place.path, aside, nodes, written: null, back: namesForUndoing() });
}

function removeOne({ folder, name }: Reopened, place: PlaceStep, freeName: string): Removed {
  folder.confirm();
  const aside = moveAside(folder, name, freeName);
  const moved = folder.lstat(aside.name);
  if (place.target === null || difference(place.target, moved, "entry") !== undefined) {
    throw undo(folder, aside.name, place, name, stale(place.path, "it was exchanged at the last moment"));
  }
  try {
    folder.unlink(aside.name);
  } catch (error) {
    throw undo(folder, aside.name, place, name, failed(place.path, "deleted", error));
  }
  const bytes = place.target.kind === "file" ? Number(place.target.size) : 0;
  return { files: 1, folders: 0, bytes, left: 0, error: null, leftAt: null };
}

async function removeTree(found: Reopened, step: RemoveStep, digest: string, keeping: Keeping): Promise<Removed> {
  const { folder, name } = found;
  const { place } = step;
  // Before anything is moved: a tree that has changed is left alone altogether.
  let tree = await judgedTree(found, name, step, digest);
  checkPermissions(found.handles, folder, tree, place);
  await keepBefore(keeping, found, place, tree);
  folder.confirm();
  const aside = moveOrStay(folder, name, keeping.aside);
  try {
    tree = await judgedTree(found, aside, step, digest);
  } catch (error) {
    if (aside === name) throw error;
    const reason = settled(error, place.path, "deleted");
    throw undo(folder, aside, place, name, reason);
  }
  const { removed, reason } = await removeAll(found.handles, folder, aside, tree);
  if (removed.error === null) return removed;
  const isBack = aside === name || putBack(folder, { name: aside }, name);
  if (isBack && removed.files + removed.folders === 0) throw settled(reason, place.path, "deleted");
  return isBack ? removed : { ...removed, leftAt: aside };
}

/** The tree as it is now. @throws EnactError STALE_PLAN unless it is to the last byte of a name the judged one */
async function judgedTree({ handles, folder }: Reopened, name: string, { place, entries }: RemoveStep, digest: string): Promise<TreeNode> {
  try {
    const tree = await listTree(handles, folder, name, { maxEntries: entries, signal: undefined });
    if (digestOf(tree) === digest) return tree;
  } catch (error) {
    // Too many entries, a FIFO, a mount: whatever it is, it was not there when the tree was judged.
    if (!(error instanceof EnactError) && !isChange(error)) throw error;
  }
  throw stale(place.path, "something in it was added, removed or changed");
}

/** A merged folder of overlayfs cannot be renamed (EXDEV): it is emptied where it is, by the same comparisons. */
function moveOrStay(folder: Directory, name: string, aside: string): string {
  try {
    return moveAside(folder, name, aside).name;
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
    if (node.children.length > 0) folder.access(".", constants.W_OK | constants.X_OK);
    for (const child of node.children) checkPermissions(handles, folder, child, place);
  } catch (error) {
    throw settled(error, place.path, "deleted");
  } finally {
    handles.close(folder.fd);
  }
}

interface Progress {
  files: number;
  folders: number;
  bytes: number;
}

async function removeAll(handles: Handles, folder: Directory, name: string, tree: TreeNode): Promise<{ removed: Removed; reason: unknown }> {
  const progress: Progress = { files: 0, folders: 0, bytes: 0 };
  const total = [...entriesBelow(tree)].length + 1;
  let error: string | null = null;
  let reason: unknown;
  try {
    await removeNode(handles, folder, { ...tree, bytes: Buffer.from(name) }, progress);
  } catch (caught) {
    reason = caught;
    error = isChange(caught) ? "something in it was exchanged meanwhile" : inWords(caught);
  }
  return { removed: { ...progress, left: total - progress.files - progress.folders, error, leftAt: null }, reason };
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
  parent.rmdir(node.bytes);
  progress.folders += 1;
}

function removeLeaf(parent: Directory, node: TreeNode): void {
  const now = parent.lstat(node.bytes);
  // Removing one name of a file changes the change time that its other names show.
  const strictness = node.stat.nlink > 1n ? "entry" : "content";
  if (difference(fingerprint(node.stat), now, strictness) !== undefined) throw new WalkFailure("changed", parent.path);
  parent.unlink(node.bytes);
}

/** Puts back what was moved aside; if its place is taken, says where it is. */
function undo(folder: Directory, aside: string, place: PlaceStep, name: string, reason: EnactError): EnactError {
  if (putBack(folder, { name: aside }, name)) return reason;
  const done = `It is kept beside its place as '${aside}'. Nothing was deleted.`;
  return new EnactError("ACTION_FAILED", `'${place.path}' was not deleted: another process put something in its place`, { done, cause: reason });
}
