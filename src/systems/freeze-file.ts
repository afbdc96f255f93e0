import { closeSync, constants, fstatSync, lstatSync, openSync, readSync } from "node:fs";
import { dirname } from "node:path";

/** What the freeze file says: nothing when it is not there, else its reason; or why that cannot be said. */
export type FreezeFile = null | { readonly reason: string } | { readonly why: string };

/** A reason is a line or two; the rest of a larger file is not read. */
const MAX_BYTES = 2000;

/**
 * Reads the freeze file, `.enact/FREEZE` of the project, at this very moment: a person makes it to stop everything at once.
 * Follows no link and waits for nothing. Only a file that is certainly not there means that nothing is frozen.
 */
export function readFreezeFile(path: string): FreezeFile {
  try {
    return read(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    return code === "ENOENT" ? null : { why: `${path} cannot be read (${code ?? "unknown error"})` };
  }
}

function read(path: string): FreezeFile {
  // A folder that was exchanged for a link to an empty one would lift the freeze.
  const folder = lstatSync(dirname(path), { throwIfNoEntry: false });
  if (folder === undefined) return null;
  if (!folder.isDirectory()) return { why: `${dirname(path)} is not a folder` };
  // Asked first, because an error with its stack costs as much as the rest of the judging.
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return null;
  const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    if (!fstatSync(file).isFile()) return { why: `${path} is not a regular file` };
    const bytes = Buffer.alloc(MAX_BYTES);
    const length = readSync(file, bytes, 0, MAX_BYTES, 0);
    // The last character may be cut in two.
    const reason = new TextDecoder().decode(bytes.subarray(0, length)).replace(/\uFFFD$/u, "").trim();
    return { reason };
  } finally {
    closeSync(file);
  }
}
