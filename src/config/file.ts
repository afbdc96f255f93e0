import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";

import { configError } from "./problem.js";

/** Far more than any configuration needs. */
const MAX_BYTES = 256 * 1024;

/** What lies at a path, links followed. "strange": a socket, a device, or something that may not be looked at. */
export function kindOfFile(path: string): "nothing" | "file" | "folder" | "strange" {
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found === undefined) return "nothing";
    if (found.isFile()) return "file";
    return found.isDirectory() ? "folder" : "strange";
  } catch (error) {
    // A file in the place of a folder on the way.
    return (error as NodeJS.ErrnoException).code === "ENOTDIR" ? "nothing" : "strange";
  }
}

/**
 * Reads the text of the configuration.
 *
 * @param path absolute
 * @throws EnactError CONFIG_INVALID when it is no file, too large or not UTF-8
 */
export function readConfigFile(path: string): string {
  const kind = kindOfFile(path);
  if (kind === "nothing") throw configError(`${path} does not exist. 'enact-guard init' writes one.`);
  if (kind === "folder") throw configError(`${path} is a folder. Name the file in it: ${path.replace(/\/+$/u, "")}/enact.yaml`);
  // Opening a FIFO would wait for a writer forever.
  if (kind === "strange") throw configError(`${path} is not a file that can be read.`);
  return decode(readBytes(path), path);
}

function readBytes(path: string): Buffer {
  try {
    const descriptor = openSync(path, "r");
    try {
      const bytes = Buffer.alloc(MAX_BYTES + 1);
      if (!fstatSync(descriptor).isFile()) throw configError(`${path} is not a file that can be read.`);
      let length = 0;
      for (let read = -1; read !== 0 && length < bytes.length; length += read) read = readSync(descriptor, bytes, length, bytes.length - length, null);
      return bytes.subarray(0, length);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    if (!(error instanceof Error) || !("errno" in error)) throw error;
    throw configError(`${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? "unknown"}).`, error);
  }
}

function decode(bytes: Buffer, path: string): string {
  if (bytes.length > MAX_BYTES) throw configError(`${path} is larger than ${MAX_BYTES / 1024} KiB: that is no configuration.`);
  const isUtf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
  if (isUtf16) throw configError(`${path} is UTF-16. Save it as UTF-8.`);
  const nul = bytes.indexOf(0);
  if (nul >= 0) throw configError(`${path}:${lineOf(bytes, nul)}: a NUL byte. That is no text file.`);
  try {
    // A byte order mark is dropped.
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw configError(`${path}:${lineOf(bytes, firstBroken(bytes))}: not UTF-8. Save the file as UTF-8.`, error);
  }
}

/** Offset of the first byte that is no UTF-8, for the line number. */
function firstBroken(bytes: Buffer): number {
  // Decoding replaces what is broken; up to there the text is as long as the bytes.
  const shown = bytes.toString("utf8");
  return Buffer.byteLength(shown.slice(0, Math.max(shown.indexOf("\uFFFD"), 0)));
}

function lineOf(bytes: Buffer, offset: number): number {
  return bytes.subarray(0, offset).toString("latin1").split("\n").length;
}
