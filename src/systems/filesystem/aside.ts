import { randomBytes } from "node:crypto";

import type { Directory } from "./directory.js";
import { errno, tidy } from "./failures.js";

/**
 * Why things are moved aside before they are removed or replaced.
 *
 * unlink(2) and rename(2) act on a name, and no system call says "only if it is still this inode": between a check and
 * the call another process can put something else under the name, which would then be lost unseen. So the entry is first
 * renamed, in one step, to a name that nobody knows; then it is compared with what was judged; then it is removed, or put
 * back. Whatever slipped in is thereby moved, never lost. And nobody can add to a folder by its path any more while it is
 * being compared and emptied.
 *
 * The price: for some microseconds the name is free. A process that is killed just then leaves the entry under the name
 * `.enact-aside-…` beside it, complete.
 */
export interface Aside {
  readonly name: string;
}

/** A name that nobody can foresee, in the same folder: a rename there never crosses file systems. */
export function freshName(purpose: "aside" | "new"): string {
  return `.enact-${purpose}-${randomBytes(12).toString("hex")}`;
}

/** @throws the system's error; nothing was changed then */
export function moveAside(folder: Directory, name: string, aside = freshName("aside")): Aside {
  folder.rename(name, aside);
  return { name: aside };
}

/**
 * Puts an entry back where it was, and over nothing that is there now.
 * @returns false when its place is taken: it stays aside
 */
export function putBack(folder: Directory, aside: Aside, name: string): boolean {
  try {
    const stat = folder.lstat(aside.name);
    if (stat === undefined) return false;
    if (stat.isDirectory()) return renameFolderBack(folder, aside, name);
    if (!stat.isSymbolicLink()) {
      publish(folder, aside.name, name);
      return true;
    }
    // link(2) would follow it on some systems.
    folder.symlink(folder.readlink(aside.name), name);
    tidy(() => folder.unlink(aside.name));
    return true;
  } catch {
    return false;
  }
}

/** rename(2) replaces an empty folder, and refuses everything else that is there. */
function renameFolderBack(folder: Directory, aside: Aside, name: string): boolean {
  if (folder.lstat(name) !== undefined) return false;
  folder.rename(aside.name, name);
  return true;
}

const NO_HARD_LINKS = ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"];

/**
 * Gives a file its final name, over nothing: link(2) fails when the name is taken, which rename(2) does not.
 *
 * Where there are no hard links (FAT, some network file systems) it is renamed after a look: there, and only there,
 * something that appears within those microseconds would be replaced.
 * @throws the system's error, EEXIST when the name is taken; the file keeps its present name then
 */
export function publish(folder: Directory, from: string, to: string): void {
  try {
    folder.link(from, to);
  } catch (error) {
    if (!NO_HARD_LINKS.includes(errno(error))) throw error;
    if (folder.lstat(to) !== undefined) {
      throw Object.assign(new Error("the name is taken"), { code: "EEXIST" });
    }
    folder.rename(from, to);
    return;
  }
  tidy(() => folder.unlink(from));
}
