import { createHash } from "node:crypto";
import { constants, read as readCallback, type BigIntStats } from "node:fs";
import { promisify } from "node:util";

import { freshName } from "./aside.js";
import type { Directory } from "./directory.js";
import { difference, fingerprint, type Fingerprint } from "./fingerprint.js";
import { unless, WalkFailure } from "./failures.js";
import { keyOf } from "./directory.js";
import type { Handles } from "./handles.js";
import { join } from "./path.js";
import type { TreeNode } from "./tree.js";

const read = promisify(readCallback);
const CHUNK = 1024 * 1024;

/** Where what undoing needs is kept: durable when put() resolves, which is before the act goes on. */
export interface Keep {
  put(name: string, content: Kept | AsyncIterable<Uint8Array>): Promise<void>;
}

/** Names of the pieces. */
export const BEFORE = "before";
export const CONTENTS = "contents";

/** An entry as it was. Bytes that may be no text are in base64url. */
export type KeptNode = {
  readonly name: string;
  /** Index of the folder that it was in; null for the top. */
  readonly above: number | null;
  readonly kind: "file" | "directory" | "symlink";
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Names that the file had, everywhere. */
  readonly links: number;
  readonly seen: Fingerprint;
  /** Of a file whose content is kept. */
  readonly sha256: string | null;
  /** What a link said. */
  readonly target: string | null;
  /** Index of the first name of the same file, where this is another one. */
  readonly same_as: number | null;
};

/** What a write will leave. */
export type KeptWrite = {
  readonly size: number;
  readonly sha256: string;
  /** Null for a new file: the system decides. */
  readonly mode: number | null;
  /** The name under which the new file lies before it gets its own. */
  readonly temporary: string;
  /** Folders that will be made for it, from the top: their paths from the root. */
  readonly made: readonly string[];
};

/** What was there before an act. Plain JSON. The contents are kept beside it, one after the other, in this order. */
export type Kept = {
  readonly version: 1;
  readonly act: "write" | "delete";
  /** From the root, links resolved. */
  readonly path: string;
  /** The name under which the old entry was put aside during the act. */
  readonly aside: string;
  /** A file's, a link's or a tree's entries, each folder before what is in it; empty when nothing was there. */
  readonly nodes: readonly KeptNode[];
  readonly written: KeptWrite | null;
  /** Names for whoever undoes the act, so that an interrupted undoing can be recognised as well. */
  readonly back: { readonly temporary: string; readonly aside: string };
};

/** PATH_MAX of Linux. */
const MAX_TARGET_BYTES = 4096;
/** Names that nobody can foresee. */
export function namesForUndoing(): Kept["back"] {
  return { temporary: freshName("new"), aside: freshName("aside") };
}

/** A little more than a node takes as JSON, its name and target apart. */
const NODE_BYTES = 640;

/** Bytes that keeping a tree takes at most. */
export function bytesToKeep(tree: TreeNode): number {
  // A link on its own comes without what it says.
  const target = tree.kind === "symlink" ? (tree.target === null ? MAX_TARGET_BYTES : Buffer.byteLength(tree.target)) : 0;
  const names = tree.bytes.length + target;
  const own = tree.kind === "file" ? Number(tree.stat.size) : 0;
  return tree.children.reduce((sum, child) => sum + bytesToKeep(child), own + names * 2 + NODE_BYTES);
}

/** The path, from the folder that holds the tree, of the first file that this user may not read. */
export function firstUnreadable(handles: Handles, folder: Directory, tree: TreeNode): string | undefined {
  const user = process.geteuid?.() ?? 0;
  // Its owner may read a file if its permissions say so, whatever else; only of others' files the system is asked.
  const isDoubtful = ({ node: { kind, stat } }: Flat) => kind === "file" && user !== 0 && (Number(stat.uid) !== user || (stat.mode & 0o400n) === 0n);
  const flat = flatten(tree);
  if (!flat.some(isDoubtful)) return undefined;
  const source = { handles, folder, name: tree.bytes.toString() };
  const way = new Wanderer(handles, folder);
  try {
    for (const [index, entry] of flat.entries()) {
      const name = nameOf(entry, source);
      if (entry.node.kind === "directory") way.enter(index, entry.above, name);
      if (!isDoubtful(entry)) continue;
      const parent = way.folderOf(entry.above);
      if (unless(["EACCES", "EPERM"], () => (parent.access(name, constants.R_OK), true)) !== true) return join(parent.path, name.toString()).slice(folder.path.length + 1);
    }
    return undefined;
  } finally {
    way.end();
  }
}

export interface Source {
  readonly handles: Handles;
  readonly folder: Directory;
  /** Under which the top lies in `folder`; it may have been moved aside. */
  readonly name: string;
}

/**
 * Keeps the contents of all files of a tree.
 * @returns the tree as it was, for the manifest
 * @throws WalkFailure changed when a file is no longer what was judged
 */
export async function keepContents(keep: Keep, source: Source, tree: TreeNode): Promise<KeptNode[]> {
  const flat = flatten(tree);
  const hashes = new Map<number, string>();
  if (flat.some(isContent)) await keep.put(CONTENTS, contentsOf(source, flat, hashes));
  const targets = targetsOf(source, flat);
  return flat.map((entry, index) => keptNode(entry, hashes.get(index) ?? EMPTY_SHA256, targets.get(index) ?? null));
}

function isContent({ node, same_as: other }: Flat): boolean {
  return node.kind === "file" && other === null && node.stat.size > 0n;
}

const EMPTY_SHA256 = createHash("sha256").digest("hex");

interface Flat {
  readonly node: TreeNode;
  readonly above: number | null;
  readonly same_as: number | null;
}

function flatten(tree: TreeNode): readonly Flat[] {
  const flat: Flat[] = [];
  const firstNames = new Map<string, number>();
  const add = (node: TreeNode, above: number | null): void => {
    const index = flat.length;
    const key = keyOf(node.stat);
    const first = node.kind === "file" && node.stat.nlink > 1n ? firstNames.get(key) : undefined;
    if (first === undefined) firstNames.set(key, index);
    flat.push({ node, above, same_as: first ?? null });
    for (const child of node.children) add(child, index);
  };
  add(tree, null);
  return flat;
}

function keptNode({ node, above, same_as }: Flat, sha256: string, target: string | null): KeptNode {
  const { stat } = node;
  return {
    name: node.bytes.toString("base64url"),
    above,
    kind: node.kind as KeptNode["kind"],
    mode: Number(stat.mode & 0o7777n),
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    links: Number(stat.nlink),
    seen: fingerprint(stat),
    sha256: node.kind === "file" && same_as === null ? sha256 : null,
    target,
    same_as,
  };
}

/** Runs through a flat tree with each entry's folder open. */
export class Wanderer {
  readonly #handles: Handles;
  readonly #top: Directory;
  readonly #stack: { readonly index: number; readonly folder: Directory }[] = [];

  /** @param top the folder that holds the tree's top */
  constructor(handles: Handles, top: Directory) {
    this.#handles = handles;
    this.#top = top;
  }

  /** The open folder of an entry; entries must be asked for in the order of the tree. */
  folderOf(above: number | null): Directory {
    while (this.#stack.length > 0 && this.#stack.at(-1)?.index !== above) this.#leave();
    return this.#stack.at(-1)?.folder ?? this.#top;
  }

  enter(index: number, above: number | null, name: Buffer): Directory {
    const folder = this.#handles.openChild(this.folderOf(above), name);
    this.#stack.push({ index, folder });
    return folder;
  }

  end(): void {
    while (this.#stack.length > 0) this.#leave();
  }

  #leave(): void {
    const left = this.#stack.pop();
    if (left !== undefined) this.#handles.close(left.folder.fd);
  }
}

/** The name of an entry; the top's is where it lies now. */
function nameOf({ node, above }: Flat, source: Source): Buffer {
  return above === null ? Buffer.from(source.name) : node.bytes;
}

async function* contentsOf(source: Source, flat: readonly Flat[], hashes: Map<number, string>): AsyncIterable<Uint8Array> {
  const way = new Wanderer(source.handles, source.folder);
  try {
    for (const [index, entry] of flat.entries()) {
      const { node, above } = entry;
      if (node.kind === "directory") way.enter(index, above, nameOf(entry, source));
      if (node.kind !== "file" || entry.same_as !== null) continue;
      const hash = createHash("sha256");
      for await (const bytes of fileContent(source.handles, way.folderOf(above), nameOf(entry, source), node.stat)) {
        hash.update(bytes);
        yield bytes;
      }
      hashes.set(index, hash.digest("hex"));
    }
  } finally {
    way.end();
  }
}

async function* fileContent(handles: Handles, folder: Directory, name: Buffer, judged: BigIntStats): AsyncIterable<Uint8Array> {
  const { fd, stat } = handles.openFile(folder, name);
  try {
    if (difference(fingerprint(judged), stat, "entry") !== undefined) throw new WalkFailure("changed", folder.path);
    let left = Number(judged.size);
    while (left > 0) {
      const { bytesRead, buffer } = await read(fd, Buffer.allocUnsafe(Math.min(CHUNK, left)), 0, Math.min(CHUNK, left), null);
      if (bytesRead === 0) throw new WalkFailure("changed", folder.path);
      left -= bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    handles.close(fd);
  }
}

/** What links say, to the byte: a tree's listing has it as text. */
function targetsOf(source: Source, flat: readonly Flat[]): Map<number, string> {
  const targets = new Map<number, string>();
  const way = new Wanderer(source.handles, source.folder);
  try {
    for (const [index, entry] of flat.entries()) {
      const { node, above } = entry;
      if (node.kind === "directory" && node.children.length > 0) way.enter(index, above, nameOf(entry, source));
      if (node.kind === "symlink") targets.set(index, way.folderOf(above).readlink(nameOf(entry, source)).toString("base64url"));
    }
    return targets;
  } finally {
    way.end();
  }
}
