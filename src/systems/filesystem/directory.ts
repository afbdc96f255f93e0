import {
  accessSync, chmodSync, closeSync, constants, fstatSync, fsyncSync, lchownSync, linkSync, lstatSync, lutimesSync, mkdirSync, openSync, readdirSync, readlinkSync,
  realpathSync, renameSync, rmdirSync, symlinkSync, unlinkSync, type BigIntStats,
} from "node:fs";

import { unless, WalkFailure } from "./failures.js";
import { join } from "./path.js";

/**
 * How an open folder's entries are named to the system, so that a call acts in this very folder whatever has become of
 * its path: what openat(2), unlinkat(2) and renameat(2) do, which Node does not offer.
 *
 * descriptor: as `/proc/self/fd/<fd>/<name>`; the kernel starts at the folder that is open. Linux with /proc.
 *
 * cwd: the folder is made the working directory, its identity is compared, and the entry is named relative to it. The
 * system holds on to a working directory as to an open folder. All of it happens within one synchronous step, at whose
 * end the working directory is as before. Elsewhere (macOS), and not in worker threads, which cannot change it.
 */
export type Anchor = "descriptor" | "cwd";

/** The name of an entry; bytes where they may be no UTF-8. */
export type EntryName = string | Buffer;

/** Linux: opens a folder without needing permission to list it, and a file without touching it (open(2), O_PATH). */
export const O_PATH = process.platform === "linux" ? 0o10000000 : 0;
export const FOLDER_FLAGS = O_PATH | constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/**
 * An open folder, and what can be done in it. As long as it is open its inode number cannot be given to another one.
 * No call follows a link in the place of an entry, or takes a path of several names.
 */
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

  /** What is there, not followed; undefined when nothing is. */
  lstat(name: EntryName): BigIntStats | undefined {
    return this.#here((at) => lstatSync(at(name), { bigint: true, throwIfNoEntry: false }));
  }

  readlink(name: EntryName): Buffer {
    return this.#here((at) => readlinkSync(at(name), { encoding: "buffer" }));
  }

  /** Where an entry finally leads, links followed. A fact for people: nothing may be done with this path. */
  realpath(name: EntryName): string {
    return this.#here((at) => realpathSync.native(at(name)));
  }

  list(): Buffer[] {
    return this.#here((at) => readdirSync(at("."), { encoding: "buffer" }));
  }

  /** @throws the system's error unless the entry (or ".", the folder itself) may be used so */
  access(name: EntryName, mode: number): void {
    this.#here((at) => accessSync(at(name), mode));
  }

  open(name: EntryName, flags: number, mode?: number): number {
    return this.#here((at) => openSync(at(name), flags, mode));
  }

  mkdir(name: EntryName, mode = 0o777): void {
    this.#here((at) => mkdirSync(at(name), mode));
  }

  rmdir(name: EntryName): void {
    this.#here((at) => rmdirSync(at(name)));
  }

  unlink(name: EntryName): void {
    this.#here((at) => unlinkSync(at(name)));
  }

  symlink(target: Buffer, name: EntryName): void {
    this.#here((at) => symlinkSync(target, at(name)));
  }

  rename(from: string, to: string): void {
    this.#here((at) => renameSync(at(from), at(to)));
  }

  link(from: string, to: string): void {
    this.#here((at) => linkSync(at(from), at(to)));
  }

  /** Gives a file of this folder another name in another one. The other folder must be in its place: see confirm(). */
  linkInto(from: EntryName, folder: Directory, to: EntryName): void {
    const path = this.#anchor === "descriptor" ? `/proc/self/fd/${folder.fd}` : folder.path;
    this.#here((at) => linkSync(at(from), below(path, to)));
  }

  /** Sets an entry's owner and times, links not followed; "." is the folder itself. */
  own(name: EntryName, uid: number, gid: number): void {
    this.#here((at) => lchownSync(at(name), uid, gid));
  }

  /** @param modified in nanoseconds; kept to the microsecond */
  date(name: EntryName, modified: bigint): void {
    const seconds = secondsOf(modified);
    this.#here((at) => lutimesSync(at(name), seconds, seconds));
  }

  /** Sets the permissions of the folder itself. */
  permit(mode: number): void {
    this.#here((at) => chmodSync(at("."), mode));
  }

  /** Makes new names in it durable. Some file systems cannot, and do it in their own time. */
  sync(): void {
    const fd = unless(["EACCES", "EPERM"], () => this.open(".", constants.O_RDONLY | constants.O_DIRECTORY));
    if (fd === undefined) return;
    try {
      unless(["EINVAL", "ENOTSUP", "EBADF"], () => fsyncSync(fd));
    } finally {
      closeSync(fd);
    }
  }

  /**
   * Checks that this folder still lies where it was found. With descriptors the kernel names its present path in one
   * step, so that no rename slips in between; else folder by folder.
   * @throws WalkFailure changed
   */
  confirm(): void {
    const isInPlace = this.#anchor === "descriptor" ? readlinkSync(`/proc/self/fd/${this.fd}`) === this.path : this.#pathLeadsHere();
    if (!isInPlace) throw new WalkFailure("changed", this.path);
  }

  #here<Value>(call: (at: (name: EntryName) => EntryName) => Value): Value {
    if (this.#anchor === "descriptor") return call((name) => below(`/proc/self/fd/${this.fd}`, name));
    const before = workingDirectory();
    try {
      process.chdir(this.path);
      if (!isSame(lstatSync(".", { bigint: true }), this.stat)) throw new WalkFailure("changed", this.path);
      return call((name) => below(".", name));
    } finally {
      returnTo(before);
    }
  }

  #pathLeadsHere(): boolean {
    const found = lstatSync(this.path, { bigint: true, throwIfNoEntry: false });
    if (found === undefined || !found.isDirectory() || !isSame(found, this.stat)) return false;
    this.#parent?.confirm();
    return true;
  }
}

/** As Node wants it; half a microsecond more, because the system cuts what is below one. */
export function secondsOf(nanoseconds: bigint): number {
  return Number(nanoseconds / 1000n) / 1e6 + 5e-7;
}

/** The working directory may have been removed by somebody. */
function workingDirectory(): string {
  try {
    return process.cwd();
  } catch {
    return "/";
  }
}

function returnTo(folder: string): void {
  try {
    process.chdir(folder);
  } catch {
    process.chdir("/");
  }
}

function below(folder: string, name: EntryName): EntryName {
  return typeof name === "string" ? join(folder, name) : Buffer.concat([Buffer.from(`${folder}/`), name]);
}

/** True for the same inode of the same device. */
export function isSame(a: Pick<BigIntStats, "dev" | "ino">, b: Pick<BigIntStats, "dev" | "ino">): boolean {
  return a.dev === b.dev && a.ino === b.ino;
}

/** The identity of an inode as a key. */
export function keyOf(stat: Pick<BigIntStats, "dev" | "ino">): string {
  return `${stat.dev}:${stat.ino}`;
}
