import { closeSync, constants, fstatSync, fsyncSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";

import { EnactError } from "../../errors.js";
import type { NoteKey } from "../../receipts/checkpoint.js";
import { noteKey } from "../../receipts/checkpoint.js";

/** Keys, notes and proofs are small; a proof holds one receipt. */
const MAX_TEXT_BYTES = 64 * 1024 * 1024;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The text of a file that a person named.
 * @throws EnactError NOT_FOUND when it is not there, INVALID_INPUT when it cannot be such a file
 */
export function readText(path: string): string {
  const file = openExisting(path);
  try {
    const stats = fstatSync(file);
    if (!stats.isFile() || stats.size > MAX_TEXT_BYTES) throw new EnactError("INVALID_INPUT", `${path} is no file of this kind`);
    return utf8.decode(readFileSync(file));
  } catch (cause) {
    if (cause instanceof EnactError) throw cause;
    throw new EnactError("INVALID_INPUT", `${path} is not text in UTF-8`, { cause });
  } finally {
    closeSync(file);
  }
}

/** @throws EnactError NOT_FOUND */
export function openExisting(path: string): number {
  try {
    // O_NONBLOCK: a FIFO in its place would wait for ever.
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    const { code = "unknown error" } = cause as NodeJS.ErrnoException;
    const message = code === "ENOENT" ? `There is no file ${path}` : `${path} cannot be read (${code})`;
    throw new EnactError("NOT_FOUND", message, { cause });
  }
}

/** @throws EnactError NOT_FOUND, KEY_UNUSABLE */
export function readPublicKey(path: string): NoteKey {
  const pem = readText(path);
  try {
    return noteKey(pem);
  } catch (cause) {
    const why = cause instanceof EnactError ? cause.message : "it cannot be read";
    throw new EnactError("INVALID_INPUT", `${path} cannot be used: ${why}`, {
      hint: "Give the public key of the log: keys/ed25519.pub (or checkpoint.pub) from the config folder of who runs the guard.",
      cause,
    });
  }
}

/**
 * A file that only its owner can read, and that was not there before: whoever asks for an export twice does not lose the
 * first.
 * @throws EnactError USAGE when there is one, or none can be made
 */
export function createFile(path: string): number {
  try {
    return openSync(path, "wx", 0o600);
  } catch (cause) {
    const { code = "unknown error" } = cause as NodeJS.ErrnoException;
    if (code === "EEXIST") throw new EnactError("USAGE", `${path} is there already, and is not overwritten`, { hint: "Give another name, or remove it." });
    throw new EnactError("USAGE", `${path} cannot be made (${code})`, { cause });
  }
}

/** Makes a file with this content; leaves none behind when that fails. @throws EnactError USAGE */
export function writeNewFile(path: string, content: string | Uint8Array): void {
  const file = createFile(path);
  try {
    writeAll(file, typeof content === "string" ? Buffer.from(content, "utf8") : content);
    fsyncSync(file);
  } catch (cause) {
    rmSync(path, { force: true });
    throw cannotWrite(path, cause);
  } finally {
    closeSync(file);
  }
}

/** One call may write less than it was given. */
export function writeAll(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
}

export function cannotWrite(path: string, cause: unknown): EnactError {
  const { code = "unknown error" } = cause as NodeJS.ErrnoException;
  const why = code === "ENOSPC" ? "the disk is full" : code;
  return new EnactError("USAGE", `${path} cannot be written: ${why}`, { hint: "Give a file on another disk, or make room.", cause });
}
