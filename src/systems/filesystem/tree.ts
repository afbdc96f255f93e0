import { createHash, type Hash } from "node:crypto";
import { readFileSync, type BigIntStats } from "node:fs";
import { setImmediate as breathe } from "node:timers/promises";

import { EnactError } from "../../errors.js";
import type { Directory, EntryName } from "./directory.js";
import { fingerprint, kindOf, type Kind } from "./fingerprint.js";
import { unless, WalkFailure, walkFailure } from "./failures.js";
import type { Handles } from "./handles.js";
import { isWithin, join, shown } from "./path.js";

/** Deeper trees are refused: each level holds a descriptor open. */
const MAX_DEPTH = 256;
/** Entries after which other calls get their turn. */
const BREATH = 1000;

/** An entry that would be deleted. */
export interface TreeNode {
  /** For people and rules; bytes that are no UTF-8 are replaced. */
  readonly name: string;
  /** For the system. */
  readonly bytes: Buffer;
  readonly kind: Kind;
  readonly stat: BigIntStats;
  /** What a link says; null for everything else. */
  readonly target: string | null;
  /** The name of what a link finally leads to; null for everything else and for links that lead nowhere. */
  readonly targetName: string | null;
  readonly children: readonly TreeNode[];
}

/** A file or link as a tree of its own. What a link says is left to whoever needs it. */
export function leafOf(name: string, stat: BigIntStats): TreeNode {
  return { name, bytes: Buffer.from(name), kind: kindOf(stat), stat, target: null, targetName: null, children: [] };
}

export interface TreeLimits {
  readonly maxEntries: number;
  readonly signal: AbortSignal | undefined;
}

interface Listing extends TreeLimits {
  readonly handles: Handles;
  readonly device: bigint;
  count: number;
}

/**
 * Lists a folder and all below it, through descriptors: no link is followed, nothing outside is listed.
 *
 * @throws EnactError REFUSED for special files, other file systems and too many entries (a cut list is no list),
 * CANCELLED; WalkFailure when something moves meanwhile
 */
export async function listTree(handles: Handles, parent: Directory, name: string, limits: TreeLimits): Promise<TreeNode> {
  const path = join(parent.path, name);
  refuseMounts(path);
  const stat = entryOf(parent, name);
  const listing: Listing = { ...limits, handles, device: stat.dev, count: 0 };
  return listNode(listing, parent, Buffer.from(name), stat, 0);
}

async function listNode(listing: Listing, parent: Directory, bytes: Buffer, stat: BigIntStats, depth: number): Promise<TreeNode> {
  const name = bytes.toString();
  const path = join(parent.path, name);
  const kind = kindOf(stat);
  if (kind === "special") throw refuse(path, "is a FIFO, socket or device, and no file", "Ask the person to remove it.");
  if (stat.dev !== listing.device) throw refuse(path, "is another file system, mounted there", "Delete what lies beside it, one by one.");
  const node = { name, bytes, kind, stat, target: null, targetName: null, children: [] };
  if (kind === "symlink") return { ...node, ...whereTo(parent, bytes) };
  if (kind === "file") return node;
  if (depth >= MAX_DEPTH) throw refuse(path, `is more than ${MAX_DEPTH} folders deep`, "Delete the inner folders first.");
  return { ...node, children: await listChildren(listing, parent, bytes, depth) };
}

async function listChildren(listing: Listing, parent: Directory, bytes: Buffer, depth: number): Promise<TreeNode[]> {
  const folder = listing.handles.openChild(parent, bytes);
  try {
    const names = folder.list().toSorted((a, b) => Buffer.compare(a, b));
    const children: TreeNode[] = [];
    for (const child of names) {
      await countOne(listing, folder.path);
      const stat = entryOf(folder, child);
      children.push(await listNode(listing, folder, child, stat, depth + 1));
    }
    return children;
  } catch (error) {
    throw error instanceof EnactError ? error : walkFailure(error, folder.path);
  } finally {
    listing.handles.close(folder.fd);
  }
}

async function countOne(listing: Listing, path: string): Promise<void> {
  listing.count += 1;
  if (listing.count > listing.maxEntries) {
    const hint = "Delete its sub-folders one by one, or ask the person.";
    throw refuse(path, `is part of a folder with more than ${listing.maxEntries} entries; that many are not judged at once`, hint);
  }
  if (listing.count % BREATH !== 0) return;
  await breathe();
  if (listing.signal?.aborted === true) throw new EnactError("CANCELLED", "The call was cancelled while the folder was listed");
}

/** @throws WalkFailure changed when it is gone since it was listed */
function entryOf(folder: Directory, name: EntryName): BigIntStats {
  const stat = folder.lstat(name);
  if (stat === undefined) throw new WalkFailure("changed", join(folder.path, name.toString()));
  return stat;
}

function whereTo(parent: Directory, bytes: Buffer): Pick<TreeNode, "target" | "targetName"> {
  const target = parent.readlink(bytes).toString();
  const real = unless(["ENOENT", "ENOTDIR", "ELOOP", "EACCES", "ENAMETOOLONG"], () => parent.realpath(bytes));
  return { target, targetName: real?.slice(real.lastIndexOf("/") + 1) ?? null };
}

function refuse(path: string, why: string, hint: string): EnactError {
  return new EnactError("REFUSED", `'${shown(path)}' ${why}`, { hint });
}

/**
 * A digest of everything that is in the tree and of what each entry is: equal digests mean that nothing was added,
 * removed, exchanged or changed. The top folder's change time is left out, because moving it aside touches it.
 */
export function digestOf(tree: TreeNode): string {
  const hash = createHash("sha256");
  const { kind, dev, ino, born, modified } = fingerprint(tree.stat);
  hash.update(JSON.stringify([kind, dev, ino, born, modified]));
  for (const child of tree.children) digestNode(hash, child, "");
  return hash.digest("hex");
}

function digestNode(hash: Hash, node: TreeNode, above: string): void {
  // Bytes and not text: two names that are no UTF-8 may read the same.
  const path = `${above}/${node.bytes.toString("hex")}`;
  hash.update(JSON.stringify([path, ...Object.values(fingerprint(node.stat)), node.target]));
  for (const child of node.children) digestNode(hash, child, path);
}

/** Every entry below the top, with its path relative to the top, in the order of a listing. */
export function* entriesBelow(tree: TreeNode, above = ""): Generator<{ readonly path: string; readonly node: TreeNode }> {
  for (const node of tree.children) {
    const path = above === "" ? node.name : `${above}/${node.name}`;
    yield { path, node };
    yield* entriesBelow(node, path);
  }
}

/** Bind mounts share the device of what they show, so the kernel's table is asked too (proc_pid_mountinfo(5)). */
function refuseMounts(path: string): void {
  const mount = mountPoints().find((point) => isWithin(point, path));
  if (mount !== undefined) throw refuse(mount, "is mounted there", "Ask the person to unmount it first.");
}

function mountPoints(): readonly string[] {
  const table = unless(["ENOENT", "EACCES"], () => readFileSync("/proc/self/mountinfo", "utf8")) ?? "";
  return table.split("\n").flatMap((line) => line.split(" ")[4] ?? []).map(unescapeMount);
}

function unescapeMount(point: string): string {
  return point.replace(/\\([0-7]{3})/g, (_match, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
