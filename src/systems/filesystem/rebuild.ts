import { createHash, type Hash } from "node:crypto";
import { closeSync, constants, fchmodSync, fchownSync, fsyncSync, futimesSync, writeSync } from "node:fs";
import { setImmediate as breathe } from "node:timers/promises";

import { EnactError } from "../../errors.js";
import { secondsOf, type Directory } from "./directory.js";
import { tidy, unless } from "./failures.js";
import type { Handles } from "./handles.js";
import { Wanderer, type KeptNode } from "./keep.js";

/** Entries after which other calls get their turn. */
const BREATH = 100;
const NEW_FILE = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_NOFOLLOW;

/** Where a kept tree is built up again. */
export interface Site {
  readonly handles: Handles;
  readonly folder: Directory;
  /** Of the top, which may be another name than it had. */
  readonly name: string;
  readonly nodes: readonly KeptNode[];
  /** Indices of entries that are still there. */
  readonly present: ReadonlySet<number>;
}

export interface Rebuilt {
  readonly files: number;
  readonly folders: number;
  readonly bytes: number;
  /** Removes what was made, should it not get its name. */
  discard(): void;
}

/** Not permitted, or not possible on this file system: what was lost is told before. */
const NOT_GIVEN = ["EPERM", "EINVAL", "ENOTSUP"];

/**
 * Makes every entry that is missing, with its content, permissions, times and, where the system allows it, owner. Names of
 * one file become names of one file again. Whatever was made is removed when it cannot be finished.
 *
 * @param contents of all kept files, in the order of the nodes
 */
export async function rebuild(site: Site, contents: AsyncIterable<Uint8Array>): Promise<Rebuilt> {
  const made: number[] = [];
  const supply = new Supply(contents);
  try {
    const bytes = await makeEntries(site, supply, made);
    makeLinks(site, made);
    finishFolders(site);
    const folders = made.filter((index) => site.nodes[index]?.kind === "directory").length;
    return { files: made.length - folders, folders, bytes, discard: () => removeMade(site, made) };
  } catch (error) {
    removeMade(site, made);
    throw error;
  } finally {
    await supply.end();
  }
}

/** The contents of all files in one stream, handed out file by file. */
class Supply {
  readonly #source: AsyncIterator<Uint8Array>;
  #pending: Uint8Array = new Uint8Array(0);

  constructor(contents: AsyncIterable<Uint8Array>) {
    this.#source = contents[Symbol.asyncIterator]();
  }

  async *take(size: number): AsyncIterable<Uint8Array> {
    let left = size;
    while (left > 0) {
      if (this.#pending.length === 0) {
        const next = await this.#source.next();
        if (next.done === true) throw new EnactError("TAMPERED", "What was kept of the contents ends too early");
        this.#pending = next.value;
      }
      const bytes = this.#pending.subarray(0, left);
      this.#pending = this.#pending.subarray(bytes.length);
      left -= bytes.length;
      yield bytes;
    }
  }

  async end(): Promise<void> {
    await this.#source.return?.();
  }
}

async function makeEntries(site: Site, supply: Supply, made: number[]): Promise<number> {
  const { handles, nodes, present } = site;
  const way = new Wanderer(handles, site.folder);
  const left = namesLeft(site);
  let bytes = 0;
  try {
    for (const [index, node] of nodes.entries()) {
      if (index % BREATH === BREATH - 1) await breathe();
      const name = nameOf(site, index);
      const isMissing = !present.has(index);
      if (node.kind === "directory") {
        if (isMissing) {
          // Closed to others until it has what it had; then it gets the permissions that it had.
          way.folderOf(node.above).mkdir(name, 0o700);
          made.push(index);
        }
        way.enter(index, node.above, name);
        continue;
      }
      if (node.kind === "symlink" && isMissing) makeSymlink(way.folderOf(node.above), name, node, () => made.push(index));
      if (node.kind !== "file" || node.same_as !== null) continue;
      const size = Number(node.seen.size);
      const content = supply.take(size);
      if (isMissing && !left.has(index)) {
        await makeFile(way.folderOf(node.above), name, node, content, () => made.push(index));
        bytes += size;
      } else {
        await passBy(content);
      }
    }
    return bytes;
  } finally {
    way.end();
  }
}

function nameOf(site: Site, index: number): Buffer {
  const node = site.nodes[index];
  return node === undefined || node.above === null ? Buffer.from(site.name) : Buffer.from(node.name, "base64url");
}

async function passBy(content: AsyncIterable<Uint8Array>): Promise<void> {
  const pieces = content[Symbol.asyncIterator]();
  while ((await pieces.next()).done !== true);
}

function makeSymlink(folder: Directory, name: Buffer, node: KeptNode, onMade: () => void): void {
  folder.symlink(Buffer.from(node.target ?? "", "base64url"), name);
  onMade();
  unless(NOT_GIVEN, () => folder.own(name, node.uid, node.gid));
  unless(NOT_GIVEN, () => folder.date(name, BigInt(node.seen.modified)));
}

/** Nobody else can read it before it has the permissions that it had. */
async function makeFile(folder: Directory, name: Buffer, node: KeptNode, content: AsyncIterable<Uint8Array>, onMade: () => void): Promise<void> {
  const fd = folder.open(name, NEW_FILE, 0o600);
  onMade();
  try {
    await fillKept(fd, node, content);
  } finally {
    closeSync(fd);
  }
}

/** Content, owner, permissions and time of a kept file; durable. @throws EnactError TAMPERED */
export async function fillKept(fd: number, node: KeptNode, content: AsyncIterable<Uint8Array>): Promise<void> {
  const hash = createHash("sha256");
  for await (const bytes of content) writeAll(fd, bytes, hash);
  if (hash.digest("hex") !== node.sha256) throw new EnactError("TAMPERED", "What was kept of a file's content is not what the file held");
  // The permissions last: giving a file away takes special ones from it.
  unless(NOT_GIVEN, () => fchownSync(fd, node.uid, node.gid));
  fchmodSync(fd, node.mode);
  const modified = secondsOf(BigInt(node.seen.modified));
  futimesSync(fd, modified, modified);
  fsyncSync(fd);
}

function writeAll(fd: number, bytes: Uint8Array, hash: Hash): void {
  hash.update(bytes);
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
}

/** For each file with several names one of them that is still there, by the index of its first one. */
function namesLeft({ nodes, present }: Site): ReadonlyMap<number, number> {
  return new Map([...present].filter((index) => nodes[index]?.kind === "file").map((index) => [nodes[index]?.same_as ?? index, index]));
}

/** The missing names of files that have several, each in its own folder. */
function makeLinks(site: Site, made: number[]): void {
  const done = new Set([...site.present, ...made]);
  const left = namesLeft(site);
  for (const [index, node] of site.nodes.entries()) {
    if (node.kind !== "file" || done.has(index)) continue;
    const first = node.same_as ?? index;
    const other = left.get(first) ?? first;
    withFolder(site, site.nodes[other]?.above ?? null, (from) =>
      withFolder(site, node.above, (to) => {
        to.confirm();
        from.linkInto(nameOf(site, other), to, nameOf(site, index));
      }),
    );
    made.push(index);
  }
}

/** From the inside out, because a folder's time changes when something is made in it. */
function finishFolders(site: Site): void {
  for (const [index, node] of [...site.nodes.entries()].toReversed()) {
    if (node.kind !== "directory") continue;
    withFolder(site, index, (folder) => {
      folder.sync();
      unless(NOT_GIVEN, () => folder.own(".", node.uid, node.gid));
      unless(NOT_GIVEN, () => folder.date(".", BigInt(node.seen.modified)));
      unless(NOT_GIVEN, () => folder.permit(node.mode));
    });
  }
}

/** Opens a folder of the tree, name by name. */
function withFolder(site: Site, index: number | null, use: (folder: Directory) => void): void {
  const chain: number[] = [];
  for (let at = index; at !== null; at = site.nodes[at]?.above ?? null) chain.unshift(at);
  const opened: Directory[] = [];
  let folder = site.folder;
  try {
    for (const step of chain) {
      folder = site.handles.openChild(folder, nameOf(site, step));
      opened.push(folder);
    }
    use(folder);
  } finally {
    for (const { fd } of opened) site.handles.close(fd);
  }
}

function removeMade(site: Site, made: readonly number[]): void {
  for (const index of made) if (site.nodes[index]?.kind === "directory") tidy(() => withFolder(site, index, (folder) => folder.permit(0o700)));
  for (const index of made.toReversed()) {
    const node = site.nodes[index];
    tidy(() =>
      withFolder(site, node?.above ?? null, (folder) => {
        if (node?.kind === "directory") folder.rmdir(nameOf(site, index));
        else folder.unlink(nameOf(site, index));
      }),
    );
  }
}
