import { closeSync, constants, fstatSync } from "node:fs";

import { EnactError } from "../../errors.js";
import { publish, putBack } from "./aside.js";
import type { Directory } from "./directory.js";
import { errno, failed, stale, tidy, unless, WalkFailure } from "./failures.js";
import { comparedWith, countOf } from "./kept-tree.js";
import type { Kept, KeptNode } from "./keep.js";
import { fillKept, rebuild, type Rebuilt } from "./rebuild.js";
import { remove } from "./remove.js";
import { checkEntry, reopened, type Reopened } from "./reopen.js";
import { digestOf, listTree, type TreeNode } from "./tree.js";
import type { BackStep, PlaceStep, PutBack, RemoveStep, Settings } from "./types.js";
import { makeSure, replace } from "./write.js";

const NEW_FILE = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_NOFOLLOW;

/**
 * Puts back what was there before an act, as it was judged, or does nothing. New entries are built up beside their place
 * under a name that nobody knows, made durable, and get their own name in one step, over nothing.
 *
 * @throws EnactError STALE_PLAN, ACTION_FAILED, TAMPERED: nothing was done, unless `done` says otherwise
 */
export async function actBack(settings: Settings, step: BackStep, kept: Kept, contents: () => AsyncIterable<Uint8Array>): Promise<PutBack> {
  for (const draft of step.drafts) await removeDraft(settings, draft);
  const done = await actOne(settings, step, kept, contents);
  for (const leftover of step.leftovers) await removeLeftover(settings, leftover);
  let removedFolders = 0;
  for (const folder of step.made) removedFolders += await removeFolder(settings, folder);
  return { ...done, removedFolders };
}

async function actOne(settings: Settings, step: BackStep, kept: Kept, contents: () => AsyncIterable<Uint8Array>): Promise<PutBack> {
  switch (step.way) {
    case "rebuild":
      return reopened(settings, step.place, "put back", (found) => rebuildAt(found, step, kept, contents()));
    case "fill":
      return reopened(settings, step.place, "put back", (found) => fillAt(found, step, kept, contents()));
    case "fill_aside":
      return reopened(settings, asideOf(step), "put back", (found) => fillAside(found, step, kept, contents()));
    case "rename_aside":
      return reopened(settings, asideOf(step), "put back", (found) => renameBack(found, step, kept));
    case "replace":
      return reopened(settings, step.place, "put back", (found) => replaceAt(found, step, kept, contents()));
    case "remove":
      await remove(settings, { place: step.place, tree_digest: null, entries: 0 }, null);
      return { ...made({ files: 0, folders: 0, bytes: 0 }), removedFiles: 1 };
    case "tidy":
      return made({ files: 0, folders: 0, bytes: 0 });
    default:
      step.way satisfies never;
      throw new EnactError("INTERNAL", "There is no such way to put something back");
  }
}

function asideOf({ aside }: BackStep): PlaceStep {
  if (aside === null) throw new EnactError("INTERNAL", "A step without what was put aside");
  return aside;
}

function made({ files, folders, bytes }: Pick<Rebuilt, "files" | "folders" | "bytes">): PutBack {
  return { files, folders, bytes, removedFiles: 0, removedFolders: 0 };
}

async function rebuildAt(found: Reopened, { place }: BackStep, kept: Kept, contents: AsyncIterable<Uint8Array>): Promise<PutBack> {
  const { handles, folder, name } = found;
  checkEntry(found, place, "content");
  const kind = kept.nodes[0]?.kind;
  // symlink(2) refuses a name that is taken, and its content is there at once.
  const temporary = kind === "symlink" ? name : kept.back.temporary;
  const rebuilt = await rebuild({ handles, folder, name: temporary, nodes: kept.nodes, present: new Set() }, contents);
  try {
    folder.confirm();
    if (kind === "directory") renameOverNothing(folder, temporary, name, place);
    else if (kind === "file") publish(folder, temporary, name);
  } catch (error) {
    rebuilt.discard();
    throw errno(error) === "EEXIST" ? stale(place.path, "there is something in its place again") : error;
  }
  folder.sync();
  return made(rebuilt);
}

/** rename(2) replaces an empty folder, and refuses everything else that is there. */
function renameOverNothing(folder: Directory, from: string, to: string, place: PlaceStep): void {
  if (folder.lstat(to) !== undefined) throw stale(place.path, "there is something in its place again");
  folder.rename(from, to);
}

async function fillAt(found: Reopened, step: BackStep, kept: Kept, contents: AsyncIterable<Uint8Array>): Promise<PutBack> {
  const { handles, folder, name } = found;
  const { present, problem } = comparedWith(kept.nodes, await judgedRest(found, step));
  if (problem !== null) throw stale(step.place.path, problem);
  folder.confirm();
  const rebuilt = await rebuild({ handles, folder, name, nodes: kept.nodes, present }, contents);
  return made(rebuilt);
}

async function fillAside(found: Reopened, step: BackStep, kept: Kept, contents: AsyncIterable<Uint8Array>): Promise<PutBack> {
  const name = nameIn(step.place);
  if (found.folder.lstat(name) !== undefined) throw stale(step.place.path, "there is something in its place again");
  await fillAt(found, step, kept, contents);
  found.folder.confirm();
  renameOverNothing(found.folder, found.name, name, step.place);
  found.folder.sync();
  return made(countOf(kept.nodes));
}

/** What is left of the tree, as it was judged. @throws EnactError STALE_PLAN */
async function judgedRest({ handles, folder, name }: Reopened, { place, digest, entries }: BackStep): Promise<TreeNode> {
  const tree = await listTree(handles, folder, name, { maxEntries: entries, signal: undefined }).catch((error: unknown) => {
    throw error instanceof EnactError || error instanceof WalkFailure ? stale(place.path, "something in it was added or changed") : error;
  });
  if (digestOf(tree) === digest) return tree;
  throw stale(place.path, "something in it was added, removed or changed");
}

function renameBack(found: Reopened, step: BackStep, kept: Kept): PutBack {
  const { folder } = found;
  checkEntry(found, asideOf(step), "content");
  folder.confirm();
  if (!putBack(folder, { name: found.name }, nameIn(step.place))) throw stale(step.place.path, "there is something in its place again");
  folder.sync();
  return made(countOf(kept.nodes));
}

function nameIn({ names }: PlaceStep): string {
  return names[0] ?? "";
}

async function replaceAt(found: Reopened, step: BackStep, kept: Kept, contents: AsyncIterable<Uint8Array>): Promise<PutBack> {
  const { folder } = found;
  const node = oldOf(kept);
  checkEntry(found, step.place, "content");
  const names = kept.back;
  const fd = folder.open(names.temporary, NEW_FILE, 0o600);
  try {
    await fillKept(fd, node, contents);
    const stat = fstatSync(fd, { bigint: true });
    replace(found, step, names);
    makeSure(found, stat, step.place.path);
  } finally {
    closeSync(fd);
    tidy(() => folder.unlink(names.temporary));
  }
  return made(countOf(kept.nodes));
}

function oldOf({ nodes }: Kept): KeptNode {
  const [old] = nodes;
  if (old === undefined) throw new EnactError("INTERNAL", "Nothing was kept of the file");
  return old;
}

/** A folder in which something has appeared stays. @returns how many were removed */
async function removeFolder(settings: Settings, place: PlaceStep): Promise<number> {
  return reopened(settings, place, "put back", (found) => {
    checkEntry(found, place, "identity");
    found.folder.confirm();
    const isRemoved = unless(["ENOTEMPTY", "EEXIST"], () => {
      found.folder.rmdir(found.name);
      return true;
    });
    return isRemoved === true ? 1 : 0;
  }).catch((error: unknown) => {
    // The file is gone as it should be; a folder that is another one now is somebody else's.
    if (error instanceof EnactError && error.code === "STALE_PLAN") return 0;
    throw failed(place.path, "removed", error, "The file was deleted; the folder that was made for it is still there.");
  });
}

/** What was never finished: nobody has lost anything with it. */
async function removeDraft(settings: Settings, draft: RemoveStep): Promise<void> {
  if (draft.tree_digest === null) await removeLeftover(settings, draft.place);
  else await remove(settings, draft, null);
}

/** What an interrupted act has left under a name of ours. */
async function removeLeftover(settings: Settings, place: PlaceStep): Promise<void> {
  await reopened(settings, place, "put back", (found) => {
    checkEntry(found, place, "entry");
    found.folder.unlink(found.name);
  }).catch(() => undefined);
}
