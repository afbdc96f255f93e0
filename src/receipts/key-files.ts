import { randomBytes } from "node:crypto";
import {
  closeSync, constants, fstatSync, fsyncSync, linkSync, lstatSync, mkdirSync, openSync, readFileSync, realpathSync, renameSync, rmSync,
  writeSync,
} from "node:fs";
import type { Stats } from "node:fs";
import { dirname, join, resolve, sep } from "node:path";

import { EnactError } from "../errors.js";

const MAX_KEY_BYTES = 16_384;

/**
 * Reads a key file that only its owner can read, or null when there is none.
 * @throws EnactError KEY_UNUSABLE when it is open to others, owned by another, a link or no regular file
 */
export function readPrivateFile(path: string, maxBytes = MAX_KEY_BYTES): string | null {
  return readKeyFile(path, 0o077, "is open to other users", maxBytes);
}

/** Reads a key file that others may read but not change, or null when there is none. @throws like readPrivateFile */
export function readPublicFile(path: string): string | null {
  return readKeyFile(path, 0o022, "can be changed by other users");
}

function readKeyFile(path: string, forbidden: number, complaint: string, maxBytes = MAX_KEY_BYTES): string | null {
  let file: number;
  try {
    // O_NOFOLLOW: a link could point at a key that someone else knows. O_NONBLOCK: a FIFO would wait for ever.
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT") return null;
    const why = code === "ELOOP" || code === "EMLINK" ? "is a symbolic link" : "cannot be read";
    throw unusable(`The key file ${path} ${why}`, "Put a regular file that only you can read there, or remove it.");
  }
  try {
    const stats = fstatSync(file);
    if (!stats.isFile()) throw unusable(`The key file ${path} is not a regular file`);
    checkOwner(stats, `The key file ${path}`);
    if (isOpen(stats, forbidden)) throw unusable(`The key file ${path} ${complaint}`, `Run: chmod 600 ${path}`);
    if (stats.size > maxBytes) throw unusable(`The key file ${path} is too large to be a key`);
    return readFileSync(file, "utf8");
  } finally {
    closeSync(file);
  }
}

/**
 * Puts a file in place, whole and durable, unless there is one already: of two processes at once, one wins and both go
 * on with what it wrote. The content is never visible under this name half written.
 */
export function createPrivateFile(path: string, content: string): void {
  try {
    putInPlace(path, content, linkSync);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw cannotWrite(path, error);
  }
}

/** Puts a file in place of what is there, whole and durable: whoever reads sees the old content or the new one. */
export function replacePrivateFile(path: string, content: string): void {
  try {
    putInPlace(path, content, renameSync);
  } catch (error) {
    throw cannotWrite(path, error);
  }
}

function putInPlace(path: string, content: string, move: (draft: string, path: string) => void): void {
  const draft = `${path}.${randomBytes(8).toString("hex")}.new`;
  try {
    const file = openSync(draft, "wx", 0o600);
    try {
      writeSync(file, content);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    move(draft, path);
    syncFolder(dirname(path));
  } finally {
    rmSync(draft, { force: true });
  }
}

/**
 * Makes a folder that only its owner can use, and its parents. One that exists must belong to the user, be no link in
 * disguise and not be writable by others.
 */
export function makePrivateFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw cannotWrite(path, error);
  }
  checkPrivateFolder(path);
}

/** @throws EnactError KEY_UNUSABLE when an existing folder could be changed by someone else */
export function checkPrivateFolder(path: string): void {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return;
  if (!stats.isDirectory()) throw unusable(`${path} is not a folder`, "Keys are kept there: remove what is in the way.");
  checkOwner(stats, `The folder ${path}`);
  if (isOpen(stats, 0o022)) throw unusable(`The folder ${path} can be changed by other users`, `Run: chmod 700 ${path}`);
}

/** The real path of something that may not exist yet: the real path of its nearest existing ancestor, and the rest. */
export function realPathOf(path: string): string {
  const absolute = resolve(path);
  try {
    return realpathSync.native(absolute);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT" || dirname(absolute) === absolute) throw error;
    return join(realPathOf(dirname(absolute)), absolute.slice(dirname(absolute).length));
  }
}

export function isInside(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

function checkOwner(stats: Stats, what: string): void {
  const user = process.getuid?.();
  if (user !== undefined && stats.uid !== user) throw unusable(`${what} belongs to another user`);
}

function isOpen(stats: Stats, forbidden: number): boolean {
  // Windows has no such bits; its access lists protect the user's folder.
  return process.platform !== "win32" && (stats.mode & forbidden) !== 0;
}

function syncFolder(path: string): void {
  if (process.platform === "win32") return;
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

function cannotWrite(path: string, cause: unknown): EnactError {
  const code = (cause as NodeJS.ErrnoException).code ?? "unknown error";
  return new EnactError("KEY_UNUSABLE", `${path} cannot be written (${code})`, {
    hint: "Make the folder writable for you, or set ENACT_HOME to one that is.",
    cause,
  });
}

function unusable(message: string, hint?: string): EnactError {
  return new EnactError("KEY_UNUSABLE", message, hint === undefined ? {} : { hint });
}
