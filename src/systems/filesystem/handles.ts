import { closeSync, constants, fstatSync, lstatSync, openSync, type BigIntStats } from "node:fs";

import { Directory, FOLDER_FLAGS, isSame, O_PATH, type Anchor, type EntryName } from "./directory.js";
import { errno, WalkFailure } from "./failures.js";
import { join } from "./path.js";

/** The descriptors that one look or one action holds open, closed together. */
export class Handles {
  readonly #open = new Set<number>();
  readonly #anchor: Anchor;

  constructor(anchor: Anchor) {
    this.#anchor = anchor;
  }

  openTop(): Directory {
    return this.#keep({ name: "", path: "/", parent: null }, openSync("/", FOLDER_FLAGS));
  }

  /**
   * Opens a folder in a folder, and no link.
   * @throws the system's error; WalkFailure changed when it is a folder no more
   */
  openChild(parent: Directory, name: EntryName): Directory {
    const path = join(parent.path, name.toString());
    let fd: number;
    try {
      fd = parent.open(name, FOLDER_FLAGS);
    } catch (error) {
      // It was a folder a moment ago.
      if (["ENOENT", "ENOTDIR", "ELOOP"].includes(errno(error))) throw new WalkFailure("changed", path);
      throw error;
    }
    return this.#keep({ name: name.toString(), path, parent }, fd);
  }

  /**
   * Opens a regular file for reading, and nothing else: no link, and no FIFO, device or socket, whose mere opening could
   * hang or do something.
   * @returns the descriptor, and the status of what it refers to
   */
  openFile(parent: Directory, name: EntryName): { fd: number; stat: BigIntStats } {
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    if (this.#anchor === "cwd") {
      if (parent.lstat(name)?.isFile() !== true) throw new WalkFailure("changed", join(parent.path, name.toString()));
      return this.#checkedFile(parent.open(name, flags), parent);
    }
    // The inode is held first, without touching it; what is opened then can only be that.
    const held = parent.open(name, O_PATH | constants.O_NOFOLLOW);
    try {
      if (!fstatSync(held).isFile()) throw new WalkFailure("changed", join(parent.path, name.toString()));
      return this.#checkedFile(openSync(`/proc/self/fd/${held}`, constants.O_RDONLY | constants.O_NONBLOCK), parent);
    } finally {
      closeSync(held);
    }
  }

  close(fd: number): void {
    if (this.#open.delete(fd)) closeSync(fd);
  }

  closeAll(): void {
    for (const fd of this.#open) this.close(fd);
  }

  #checkedFile(fd: number, parent: Directory): { fd: number; stat: BigIntStats } {
    this.#open.add(fd);
    const stat = fstatSync(fd, { bigint: true });
    if (!stat.isFile()) throw new WalkFailure("changed", parent.path);
    return { fd, stat };
  }

  #keep(place: { name: string; path: string; parent: Directory | null }, fd: number): Directory {
    this.#open.add(fd);
    return new Directory(place, fd, this.#anchor);
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

/** Descriptors where /proc offers them, else the working directory. */
export function anchorHere(): Anchor {
  if (process.platform !== "linux") return "cwd";
  const fd = openSync("/", FOLDER_FLAGS);
  try {
    const seen = lstatSync(`/proc/self/fd/${fd}/.`, { bigint: true, throwIfNoEntry: false });
    return seen !== undefined && isSame(seen, fstatSync(fd, { bigint: true })) ? "descriptor" : "cwd";
  } catch {
    return "cwd";
  } finally {
    closeSync(fd);
  }
}
