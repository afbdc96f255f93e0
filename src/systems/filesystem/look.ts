import { constants } from "node:fs";

import { EnactError } from "../../errors.js";
import type { Directory } from "./directory.js";
import { explainListing, explainRoot, explainWalk, missing, outside } from "./explain.js";
import { isChange } from "./failures.js";
import { kindOf } from "./fingerprint.js";
import { anchorHere, withHandles, type Handles } from "./handles.js";
import { factsOf, type Found, type Query } from "./look-facts.js";
import { parsePath, relativeTo, shown } from "./path.js";
import { Protections } from "./protect.js";
import { listTree, type TreeNode } from "./tree.js";
import type { Access, FileLook, LookOptions, Settings } from "./types.js";
import { lastOf, openRoot, pathOf, positionOf, walk, type Place } from "./walk.js";
import { resolveWatched } from "./watch.js";

/** A folder that is swapped all the time must not keep a call for ever. */
const ATTEMPTS = 5;

/**
 * Finds out where a path leads and what is there. Only opens, lists and reads; nothing is created, locked or changed.
 *
 * @throws EnactError; the order of the refusals matters: outside before missing, so that nobody can ask what exists there
 */
export async function look(settings: Settings, given: string, access: Access, options: LookOptions): Promise<FileLook> {
  return lookAt(settings, given, access, options, factsOf);
}

/** The same look, for whoever needs more than its facts; `use` may not act, and gets it as long as it is held open. */
export async function lookAt<Seen>(
  settings: Settings,
  given: string,
  access: Access,
  options: LookOptions,
  use: (handles: Handles, found: Found) => Seen,
): Promise<Seen> {
  refusePlatform();
  const query = { settings, path: parsePath(given, settings.home), access, options };
  const hookFolders = access === "read" ? [] : await settings.hookFolders();
  const anchor = settings.anchor ?? anchorHere();
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await withHandles(anchor, async (handles) => use(handles, await lookOnce(handles, query, hookFolders)));
    } catch (error) {
      if (error instanceof EnactError) throw error;
      if (!isChange(error)) throw explainWalk(error, given, settings.root);
      if (attempt < ATTEMPTS) continue;
      const message = `'${shown(given)}' keeps changing while it is looked at`;
      throw new EnactError("SYSTEM_UNAVAILABLE", message, { hint: "Try again when nothing else is changing it.", cause: error });
    }
  }
}

/** Reserved names, streams and short names of Windows would need rules of their own. */
function refusePlatform(): void {
  if (process.platform !== "win32") return;
  const hint = "Run the server on Linux or macOS, or in WSL.";
  throw new EnactError("SYSTEM_UNAVAILABLE", "File tools work on Linux and macOS only", { hint });
}

async function lookOnce(handles: Handles, query: Query, hookFolders: readonly string[]): Promise<Found> {
  const { settings, path, access } = query;
  const root = open(handles, settings.root);
  const place = find(handles, root, query);
  const watched = resolveWatched(handles, root, settings.watchPaths, settings.home);
  const kept = watched.flatMap((one) => ("place" in one && one.place !== null ? [one.place] : []));
  const protections = new Protections(handles, root, { own: settings.protectedPaths, hooks: hookFolders, links: kept });
  protections.check(place, path.given);
  checkKind(place, root, query);
  const tree = keepsLink(access) ? await listed(handles, lastOf(root).path, place, query) : null;
  if (tree !== null) protections.checkTree(place, tree, path.given);
  if (access === "write") checkWritable(place, path.given);
  lastOf(place.stack).confirm();
  return { root, place, watched, tree, query, protections };
}

/** A link at the end of the path is itself what is deleted or put back. */
function keepsLink(access: Access): boolean {
  return access === "delete" || access === "restore";
}

function open(handles: Handles, root: string): readonly Directory[] {
  try {
    return openRoot(handles, root);
  } catch (error) {
    throw explainRoot(error, root);
  }
}

function find(handles: Handles, root: readonly Directory[], { path, access }: Query): Place {
  const rootPath = lastOf(root).path;
  let place: Place;
  try {
    place = walk(handles, root, path, keepsLink(access) ? "keep" : "follow");
  } catch (error) {
    throw explainWalk(error, path.given, rootPath);
  }
  const position = positionOf(root, place);
  if (position === "outside") throw outside(path.given, rootPath);
  if (position === "inside") return place;
  if (!keepsLink(access)) throw notAFile(path.given);
  const hint = "Delete files or folders in it, or ask the person.";
  throw new EnactError("REFUSED", `'${shown(path.given)}' is the root of the file tools itself, and that is never deleted`, { hint });
}

function checkKind(place: Place, root: readonly Directory[], { path, access }: Query): void {
  const { given } = path;
  const where = relativeTo(lastOf(root).path, pathOf(place));
  if (place.stat === undefined) {
    if (access === "restore") return;
    if (access !== "write") throw missing(where, given);
    if (path.namesFolder) throw invalid(`'${shown(given)}' names a folder`, "Give the path of the file to write; missing folders are made.");
    if (given.includes("\\")) throw invalid(`'${shown(given)}' holds a '\\', which is no separator here`, "Write paths with '/'.");
    return;
  }
  const kind = kindOf(place.stat);
  if (kind === "special") {
    const hint = "Give the path of a regular file.";
    throw new EnactError("REFUSED", `'${shown(where)}' is a FIFO, socket or device, and no file`, { hint });
  }
  if (kind === "directory" && !keepsLink(access)) throw notAFile(given);
  if (!path.namesFolder || kind === "directory") return;
  if (kind === "file") throw invalid(`'${shown(where)}' is a file, and the path ends in '/'`, "Leave the '/' out.");
  throw invalid(`'${shown(given)}' names the folder behind a link`, "Name the link without '/' to remove the link, or the folder by its own path.");
}

function notAFile(given: string): EnactError {
  return invalid(`'${shown(given)}' is a folder`, "Give the path of a file in it.");
}

function invalid(message: string, hint: string): EnactError {
  return new EnactError("INVALID_INPUT", message, { hint });
}

async function listed(handles: Handles, root: string, place: Place, { settings, path, options }: Query): Promise<TreeNode | null> {
  const [name] = place.names;
  if (place.stat?.isDirectory() !== true || name === undefined) return null;
  const limits = { maxEntries: settings.maxEntries, signal: options.signal };
  const tree = await listTree(handles, lastOf(place.stack), name, limits).catch((error: unknown) => {
    throw explainListing(error, path.given, root);
  });
  if (options.recursive === true || tree.children.length === 0) return tree;
  const count = tree.children.length;
  throw invalid(
    `'${shown(path.given)}' is a folder with ${count} ${count === 1 ? "entry" : "entries"}`,
    "Set recursive to true to delete it with all that is in it.",
  );
}

/**
 * Replacing a file needs no permission on the file, only on its folder. So the person's "read-only" is honoured here.
 */
function checkWritable(place: Place, given: string): void {
  const [name] = place.names;
  if (place.stat === undefined || name === undefined) return;
  const hint = "Ask the person to make it writable.";
  if ((place.stat.mode & 0o222n) === 0n) throw new EnactError("REFUSED", `'${shown(given)}' is read-only`, { hint });
  try {
    lastOf(place.stack).access(name, constants.W_OK);
  } catch {
    throw new EnactError("REFUSED", `'${shown(given)}' may not be written by this user`, { hint });
  }
}
