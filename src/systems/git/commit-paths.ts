import { lstat } from "node:fs/promises";
import { isAbsolute, join, relative, resolve, sep } from "node:path";

import { EnactError } from "../../errors.js";
import { isInside } from "./repository.js";
import type { Repository } from "./repository.js";
import { plainWords } from "./words.js";

/**
 * The paths of a call as git has them: byte strings relative to the work tree, "" for the work tree itself.
 *
 * @throws EnactError INVALID_INPUT outside of the repository, REFUSED for git's own folder, behind a link and in another
 *   repository
 */
export async function treePaths(repository: Repository, top: string, paths: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const path of paths) {
    const full = absolute(repository, path);
    if (!isInside(full, repository.folder)) {
      throw new EnactError("INVALID_INPUT", `'${plainWords(path, 200)}' is outside the repository`, { hint: "Give paths relative to the repository." });
    }
    const way = relative(top, full).split(sep).filter((part) => part !== "");
    if (way.some(isGitFolder)) throw new EnactError("REFUSED", `'${plainWords(path, 200)}' is in git's own folder`);
    await checkWay(top, way, path);
    found.push(Buffer.from(way.join("/")).toString("latin1"));
  }
  return [...new Set(found)];
}

function absolute(repository: Repository, path: string): string {
  if (!isAbsolute(path)) return resolve(repository.folder, path);
  // The configured folder may itself be reached through a link; paths below it are meant all the same.
  const { root } = repository.home;
  const full = resolve(path);
  return isInside(full, root) && repository.shown === "." ? join(repository.folder, relative(root, full)) : full;
}

/** Also as HFS+ and NTFS would take it: invisible characters, short names, dots and spaces at the end. */
function isGitFolder(part: string): boolean {
  const plain = part.replaceAll(/[\p{Cf}\p{Default_Ignorable_Code_Point}]/gu, "").normalize("NFKC").toLowerCase().replace(/[. ]+$/, "");
  return plain === ".git" || /^git~\d+$/.test(plain) || plain.startsWith(".git:");
}

/** A folder on the way that is a link leads elsewhere; one with a .git of its own is another repository. */
async function checkWay(top: string, way: readonly string[], path: string): Promise<void> {
  let folder = top;
  for (const part of way.slice(0, -1)) {
    folder = join(folder, part);
    const info = await lstat(folder).catch(() => null);
    if (info === null) return;
    if (info.isSymbolicLink()) throw new EnactError("REFUSED", `'${plainWords(path, 200)}' leads through a symbolic link`);
    if (await isRepository(folder)) {
      throw new EnactError("REFUSED", `'${plainWords(path, 200)}' belongs to another repository`, { hint: `Commit there: repo '${relative(top, folder)}'.` });
    }
  }
}

async function isRepository(folder: string): Promise<boolean> {
  return (await lstat(join(folder, ".git")).catch(() => null)) !== null;
}

/** True when a file is one of the given paths or below one. */
export function covers(specs: readonly string[], file: string): boolean {
  return specs.some((spec) => spec === "" || file === spec || file.startsWith(`${spec}/`));
}

/** What lies at a path of the work tree: a file, a link, a folder; "gone" also when a folder on its way became a link. */
export async function kindOf(top: string, path: string, links: Map<string, boolean>): Promise<"file" | "link" | "folder" | "gone" | "other"> {
  const parts = path.split("/");
  for (let depth = 1; depth < parts.length; depth += 1) {
    const folder = parts.slice(0, depth).join("/");
    let isLink = links.get(folder);
    if (isLink === undefined) {
      isLink = (await lstat(bytesPath(top, folder)).catch(() => null))?.isSymbolicLink() ?? false;
      links.set(folder, isLink);
    }
    if (isLink) return "gone";
  }
  const info = await lstat(bytesPath(top, path)).catch(() => null);
  if (info === null) return "gone";
  if (info.isFile()) return "file";
  if (info.isSymbolicLink()) return "link";
  return info.isDirectory() ? "folder" : "other";
}

function bytesPath(top: string, path: string): Buffer {
  return Buffer.concat([Buffer.from(`${top}/`), Buffer.from(path, "latin1")]);
}
