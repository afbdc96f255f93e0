import { fstatSync, readSync } from "node:fs";

import { stale } from "./failures.js";
import { difference, hashOf, sha256 } from "./fingerprint.js";
import { checkEntry, reopened, type Reopened } from "./reopen.js";
import type { FileContent, PlaceStep, ReadStep, Settings } from "./types.js";

/**
 * Reads the file that was judged: the same inode in the same folders, opened through descriptors and without following a
 * link. That it grew meanwhile is no reason to refuse (a log does), that it is another file is.
 *
 * @throws EnactError STALE_PLAN, ACTION_FAILED
 */
export async function readFile(settings: Settings, { place }: ReadStep, maxBytes: number): Promise<FileContent> {
  return reopened(settings, place, "read", (found) => {
    checkEntry(found, place, "identity");
    found.folder.confirm();
    return readOpen(found, place, maxBytes);
  });
}

function readOpen({ handles, folder, name }: Reopened, place: PlaceStep, maxBytes: number): FileContent {
  const { fd, stat } = handles.openFile(folder, name);
  const changed = place.target === null ? "it was not there" : difference(place.target, stat, "identity");
  if (changed !== undefined) throw stale(place.path, changed);
  // One byte more than allowed tells a full file from a cut one.
  const bytes = readUpTo(fd, maxBytes + 1);
  const size = Number(fstatSync(fd, { bigint: true }).size);
  if (bytes.length <= maxBytes) return { bytes, size: bytes.length, truncated: false, sha256: sha256(bytes) };
  return { bytes: bytes.subarray(0, maxBytes), size, truncated: true, sha256: hashOf(fd) ?? null };
}

function readUpTo(fd: number, limit: number): Buffer {
  const size = fstatSync(fd).size;
  // Files of /proc and the like say 0 and hold something; growing ones hold more than they said.
  let buffer = Buffer.allocUnsafe(Math.min(limit, size + 1));
  let length = 0;
  while (length < limit) {
    if (length === buffer.length) buffer = Buffer.concat([buffer], Math.min(limit, buffer.length * 2 + 4096));
    const count = readSync(fd, buffer, length, buffer.length - length, length);
    if (count === 0) break;
    length += count;
  }
  return buffer.subarray(0, length);
}
