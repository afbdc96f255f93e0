import { closeSync, constants, fstatSync, lstatSync, openSync, readlinkSync, type BigIntStats } from "node:fs";

import { errno, WalkFailure } from "./failures.js";
import { join } from "./path.js";

/**
 * How an entry of an open folder is named to the system.
 *
 * descriptor: `/proc/self/fd/<fd>/<name>`. The kernel starts at the folder that is open, whatever has become of its
 * path: what openat(2), unlinkat(2) and renameat(2) do, which Node does not offer. Renames and swapped links above the
 * folder cannot redirect a call. Linux with /proc.
 *
 * path: `<absolute path>/<name>`, with the identity of every folder on the way compared before and after. Weaker: who
 * swaps a folder for a link and back within one system call is not noticed. Elsewhere (macOS).
 */
export type Anchor = "descriptor" | "path";

/** Linux: opens a folder without needing permission to list it, and a file without touching it (open(2), O_PATH). */
const O_PATH = process.platform === "linux" ? 0o10000000 : 0;
const FOLDER_FLAGS = O_PATH | constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** An open folder. As long as it is open its inode number cannot be given to another one. */
export class Directory {
  readonly name: string;
  /** Absolute and without links, as it was when it was opened. */
  readonly path: string;
  readonly stat: BigIntStats;
  readonly fd: number;
  readonly #parent: Directory | null;
  readonly #anchor: Anchor;

  constructor(place: { name: string; path: string; parent: Directory | null }, fd: number, anchor: Anchor) {
    this.name = place.name;
    this.path = place.path;
    this.#parent = place.parent;
    this.fd = fd;
    this.#anchor = anchor;
    this.stat = fstatSync(fd, { bigint: true });
  }

  /** The path under which the system finds an entry of this very folder. */
  at(name: string): string {
    return join(this.#self, name);
  }

  /** As `at`, for a name that may not be valid UTF-8. */
  atBytes(name: Buffer): Buffer {
    return Buffer.concat([Buffer.from(`${this.#self}/`), name]);
  }

  /** The path under which the system finds this very folder. The dot follows the descriptor's link. */
  get itself(): string {
    return `${this.#self}/.`;
  }

  /**
   * Checks that this folder still lies where it was found. With descriptors the kernel names its present path in one
   * step, so that no rename slips in between.
   * @throws WalkFailure changed
   */
  confirm(): void {
    const isInPlace = this.#anchor === "descriptor" ? this.#presentPath() === this.path : this.#pathLeadsHere();
    if (!isInPlace) throw new WalkFailure("changed", this.path);
  }

  get #self(): string {
    return this.#anchor === "descriptor" ? `/proc/self/fd/${this.fd}` : this.path;
  }

  #presentPath(): string {
    return readlinkSync(`/proc/self/fd/${this.fd}`);
  }

  #pathLeadsHere(): boolean {
    const found = lstatSync(this.path, { bigint: true, throwIfNoEntry: false });
    if (found === undefined || !found.isDirectory() || !isSame(found, this.stat)) return false;
    this.#parent?.confirm();
    return true;
  }
}

/** True for the same inode of the same device. */
export function isSame(a: Pick<BigIntStats, "dev" | "ino">, b: Pick<BigIntStats, "dev" | "ino">): boolean {
  return a.dev === b.dev && a.ino === b.ino;
}

/** The identity of an inode as a key. */
export function keyOf(stat: Pick<BigIntStats, "dev" | "ino">): string {
  return `${stat.dev}:${stat.ino}`;
}

/** The descriptors that one look or one action holds open, closed together. */
export class Handles {
  readonly #open = new Set<number>();
  readonly #anchor: Anchor;

  constructor(anchor: Anchor) {
    this.#anchor = anchor;
  }

  get anchor(): Anchor {
    return this.#anchor;
  }

  openTop(): Directory {
    return this.#keep({ name: "", path: "/", parent: null }, openSync("/", FOLDER_FLAGS));
  }

  /**
   * Opens a folder in a folder, and no link.
   * @throws the system's error; WalkFailure changed when it is a folder no more
   */
  openChild(parent: Directory, name: string | Buffer): Directory {
    const path = join(parent.path, name.toString());
    let fd: number;
    try {
      fd = openSync(typeof name === "string" ? parent.at(name) : parent.atBytes(name), FOLDER_FLAGS);
    } catch (error) {
      // It was a folder a moment ago.
      if (["ENOENT", "ENOTDIR", "ELOOP"].includes(errno(error))) throw new WalkFailure("changed", path);
      throw error;
    }
    const folder = this.#keep({ name: name.toString(), path, parent }, fd);
    if (this.#anchor === "path") folder.confirm();
    return folder;
  }

  /**
   * Opens a regular file for reading, and nothing else: no link, and no FIFO, device or socket, whose mere opening could
   * hang or do something.
   * @returns the descriptor, and the status of what it refers to
   */
  openFile(parent: Directory, name: string): { fd: number; stat: BigIntStats } {
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    if (this.#anchor === "path") return this.#checkedFile(openSync(parent.at(name), flags), parent);
    const pinned = openSync(parent.at(name), O_PATH | constants.O_NOFOLLOW);
    try {
      if (!fstatSync(pinned).isFile()) throw new WalkFailure("changed", join(parent.path, name));
      return this.#checkedFile(openSync(`/proc/self/fd/${pinned}`, constants.O_RDONLY | constants.O_NONBLOCK), parent);
    } finally {
      closeSync(pinned);
    }
  }

  /** Keeps a descriptor that was opened elsewhere. */
  own(fd: number): number {
    this.#open.add(fd);
    return fd;
  }

  close(fd: number): void {
    if (this.#open.delete(fd)) closeSync(fd);
  }

  closeAll(): void {
    for (const fd of this.#open) this.close(fd);
  }

  #checkedFile(fd: number, parent: Directory): { fd: number; stat: BigIntStats } {
    const stat = fstatSync(this.own(fd), { bigint: true });
    if (!stat.isFile()) throw new WalkFailure("changed", parent.path);
    return { fd, stat };
  }

  #keep(place: { name: string; path: string; parent: Directory | null }, fd: number): Directory {
    return new Directory(place, this.own(fd), this.#anchor);
  }
}

/** Runs with fresh descriptors and closes them whatever happens. */
export async function withHandles<Value>(anchor: Anchor, use: (handles: Handles) => Promise<Value> | Value): Promise<Value> {
  const handles = new Handles(anchor);
  try {
    return await use(handles);
  } finally {
    handles.closeAll();
  }
}

/** Descriptors where /proc offers them, else paths. */
export function anchorHere(): Anchor {
  if (process.platform !== "linux") return "path";
  const fd = openSync("/", FOLDER_FLAGS);
  try {
    const seen = lstatSync(`/proc/self/fd/${fd}/.`, { bigint: true, throwIfNoEntry: false });
    return seen !== undefined && isSame(seen, fstatSync(fd, { bigint: true })) ? "descriptor" : "path";
  } catch {
    return "path";
  } finally {
    closeSync(fd);
  }
}
