import { keyOf, type Directory } from "./directory.js";
import { fingerprint, hashPlace, kindOf, MAX_HASHED_BYTES } from "./fingerprint.js";
import type { Handles } from "./handles.js";
import { bytesToKeep, firstUnreadable } from "./keep.js";
import { isWithin, join, relativeTo, splitPath, type ParsedPath } from "./path.js";
import type { Protections } from "./protect.js";
import { trackingOf, type Tracking } from "./tracked.js";
import { digestOf, entriesBelow, leafOf, type TreeNode } from "./tree.js";
import type { Access, FileLook, LookOptions, NotKnown, PlaceStep, PolicyPathLook, Settings } from "./types.js";
import { lastOf, pathOf, walk, type Place } from "./walk.js";
import { relationOf, type Unresolved, type WatchedPath } from "./watch.js";

/** What one look is about. */
export interface Query {
  readonly settings: Settings;
  readonly path: ParsedPath;
  readonly access: Access;
  readonly options: LookOptions;
}

/** What a look has in its hands before it is put into facts. */
export interface Found {
  readonly root: readonly Directory[];
  readonly place: Place;
  readonly watched: readonly (WatchedPath | Unresolved)[];
  /** Set when a folder would be deleted. */
  readonly tree: TreeNode | null;
  readonly query: Query;
  readonly protections: Protections;
}

export function factsOf(handles: Handles, found: Found): FileLook {
  const { root, place, tree, query } = found;
  const { stat } = place;
  const rootPath = lastOf(root).path;
  const realPath = pathOf(place);
  const target = linkTarget(handles, found);
  const isWrite = query.access === "write";
  return {
    requested: query.path.given,
    root: rootPath,
    realPath,
    path: relativeTo(rootPath, realPath),
    kind: shownKind(place),
    size: stat === undefined ? null : Number(stat.size),
    mode: stat === undefined ? null : (Number(stat.mode) & 0o7777).toString(8).padStart(4, "0"),
    hardLinks: stat === undefined ? null : Number(stat.nlink),
    links: place.links.map((link) => ({ ...link, path: isWithin(link.path, rootPath) ? relativeTo(rootPath, link.path) : link.path })),
    linkTarget: target === null ? null : { target: target.target, realPath: target.realPath },
    names: tree === null ? unique([...place.calledNames, ...(target?.names ?? [])]) : namesBelow(tree),
    policyPaths: found.watched.map((one) => policyPath(place, one)),
    ...counts(place, tree),
    previousSha256: isWrite ? previousHash(handles, place) : null,
    createsFolders: isWrite ? missingFolders(place).map((path) => relativeTo(rootPath, path)) : [],
    ownerChanges: isWrite && stat !== undefined && ownerChanges(Number(stat.uid)),
    keeping: keepingOf(handles, found),
    tree: tree === null ? null : { paths: [...entriesBelow(tree)].map(({ path }) => path), digest: digestOf(tree) },
    step: stepOf(root, place),
  };
}

/** What keeping all that a call would take away takes, and what could not be read. */
function keepingOf(handles: Handles, { root, place, tree, query }: Found): FileLook["keeping"] {
  const [name] = place.names;
  if (query.access === "read" || place.stat === undefined || name === undefined) return { bytes: 0, unreadable: null };
  const folder = lastOf(place.stack);
  const top = tree ?? leafOf(name, place.stat);
  const unreadable = firstUnreadable(handles, folder, top);
  return { bytes: bytesToKeep(top), unreadable: unreadable === undefined ? null : relativeTo(lastOf(root).path, join(folder.path, unreadable)) };
}

function shownKind(place: Place): FileLook["kind"] {
  const kind = place.stat === undefined ? "missing" : kindOf(place.stat);
  return kind === "special" ? "missing" : kind;
}

/** Where a link that is to be deleted leads, as far as it leads anywhere; and under which names. */
function linkTarget(handles: Handles, { root, place, query }: Found) {
  const [name] = place.names;
  if (place.stat?.isSymbolicLink() !== true || name === undefined) return null;
  const target = lastOf(place.stack).readlink(name).toString();
  try {
    const followed = walk(handles, root, query.path, "follow");
    const realPath = followed.stat === undefined ? null : pathOf(followed);
    return { target, realPath, names: [baseName(target), ...followed.calledNames] };
  } catch {
    // A link into nowhere, or in a circle: removing it is as harmless as any other.
    return { target, realPath: null, names: [baseName(target)] };
  }
}

function baseName(target: string): string {
  return splitPath(target).parts.at(-1) ?? "";
}

function namesBelow(tree: TreeNode): readonly string[] {
  const names = new Set<string>();
  for (const { node } of entriesBelow(tree)) {
    if (node.kind === "directory") continue;
    names.add(node.name);
    if (node.target !== null) names.add(baseName(node.target));
    if (node.targetName !== null) names.add(node.targetName);
  }
  return [...names];
}

function unique(names: readonly string[]): readonly string[] {
  return [...new Set(names)].filter((name) => name !== "");
}

function policyPath(place: Place, watched: WatchedPath | Unresolved): PolicyPathLook {
  if ("why" in watched) return watched;
  const { given, realPath, exists } = watched;
  return { given, realPath, exists, relation: relationOf(place, watched) };
}

type Counts = Pick<FileLook, "files" | "folders" | "bytes" | "tracked" | "untrackedCount">;

function counts(place: Place, tree: TreeNode | null): Counts {
  const tracking = trackingOf(place);
  if (tree === null) {
    const exists = place.stat !== undefined;
    const bytes = place.stat?.isFile() === true ? Number(place.stat.size) : 0;
    return { files: exists ? 1 : 0, folders: 0, bytes, ...tracked(tracking, exists ? [""] : []) };
  }
  const files: string[] = [];
  let folders = 1;
  let bytes = 0n;
  for (const { path, node } of entriesBelow(tree)) {
    if (node.kind === "directory") folders += 1;
    else files.push(path);
    if (node.kind === "file") bytes += node.stat.size;
  }
  return { files: files.length, folders, bytes: Number(bytes), ...tracked(tracking, files) };
}

function tracked(tracking: Tracking, files: readonly string[]): Pick<Counts, "tracked" | "untrackedCount"> {
  if (tracking.state === "none") return { tracked: null, untrackedCount: null };
  if (tracking.state === "unknown") return { tracked: { why: tracking.why }, untrackedCount: { why: tracking.why } };
  const untrackedCount = files.filter((path) => !tracking.tracked.has(path)).length;
  return { tracked: tracking.tracked.size > 0, untrackedCount };
}

function previousHash(handles: Handles, place: Place): string | null | NotKnown {
  const [name] = place.names;
  if (place.stat === undefined || name === undefined) return null;
  try {
    return hashPlace(handles, place, name) ?? { why: `the file is larger than ${MAX_HASHED_BYTES} bytes` };
  } catch {
    return { why: "the file that would be overwritten cannot be read" };
  }
}

function missingFolders(place: Place): readonly string[] {
  if (place.stat !== undefined) return [];
  return place.names.slice(0, -1).map((_name, index) => place.names.slice(0, index + 1).reduce(join, lastOf(place.stack).path));
}

/** The superuser can give the new file to the owner of the old one. */
function ownerChanges(uid: number): boolean {
  const user = process.geteuid?.() ?? uid;
  return user !== 0 && user !== uid;
}

export function stepOf(root: readonly Directory[], place: Place): PlaceStep {
  return {
    path: relativeTo(lastOf(root).path, pathOf(place)),
    folder: lastOf(place.stack).path,
    folders: place.stack.slice(root.length - 1).map((folder) => keyOf(folder.stat)),
    names: place.names,
    target: place.stat === undefined ? null : fingerprint(place.stat),
  };
}
