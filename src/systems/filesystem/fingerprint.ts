import { createHash } from "node:crypto";
import { fstatSync, readSync, type BigIntStats } from "node:fs";

import type { Handles } from "./handles.js";
import { lastOf, type Place } from "./walk.js";

export type Kind = "file" | "directory" | "symlink" | "special";

/** What an entry was when it was judged. Numbers as decimal text: they are 64 bits wide. */
export type Fingerprint = {
  readonly kind: Kind;
  readonly dev: string;
  readonly ino: string;
  /** Birth time in nanoseconds: an inode number that was freed and given again has another one. */
  readonly born: string;
  readonly size: string;
  readonly modified: string;
  /** Change time: cannot be set back by utimes(2). */
  readonly changed: string;
};

/**
 * How far two looks must agree. content: nothing about it has changed. entry: it is still the same file and bytes; its
 * name may have been changed by us, which touches the change time (and, on overlayfs, copies it: a new birth). identity:
 * it is still the same file, whatever was written to it.
 */
export type Strictness = "content" | "entry" | "identity";

export function kindOf(stat: BigIntStats): Kind {
  if (stat.isFile()) return "file";
  if (stat.isDirectory()) return "directory";
  return stat.isSymbolicLink() ? "symlink" : "special";
}

export function fingerprint(stat: BigIntStats): Fingerprint {
  return {
    kind: kindOf(stat),
    dev: String(stat.dev),
    ino: String(stat.ino),
    born: String(stat.birthtimeNs),
    size: String(stat.size),
    modified: String(stat.mtimeNs),
    changed: String(stat.ctimeNs),
  };
}

const COMPARED: Record<Strictness, readonly (keyof Fingerprint)[]> = {
  content: ["kind", "dev", "ino", "born", "size", "modified", "changed"],
  entry: ["kind", "dev", "ino", "size", "modified"],
  identity: ["kind", "dev", "ino", "born"],
};

/** What differs, as a clause; undefined when nothing that counts does. */
export function difference(judged: Fingerprint, now: BigIntStats | undefined, strictness: Strictness): string | undefined {
  if (now === undefined) return "it is gone";
  const found = fingerprint(now);
  const field = COMPARED[strictness].find((key) => judged[key] !== found[key]);
  if (field === undefined) return undefined;
  if (field === "kind") return `it was a ${judged.kind} and is a ${found.kind} now`;
  return ["dev", "ino", "born"].includes(field) ? "it is another one under the same name" : "it was changed";
}

/** Contents above this are not hashed; size, modification and change time still bind the plan to them. */
export const MAX_HASHED_BYTES = 64n * 1024n * 1024n;
const CHUNK = 1024 * 1024;

/** SHA-256 in hex of an open file from its beginning; undefined when it is larger than MAX_HASHED_BYTES. */
export function hashOf(fd: number): string | undefined {
  if (fstatSync(fd, { bigint: true }).size > MAX_HASHED_BYTES) return undefined;
  const hash = createHash("sha256");
  const chunk = Buffer.allocUnsafe(CHUNK);
  let position = 0;
  for (;;) {
    const count = readSync(fd, chunk, 0, CHUNK, position);
    if (count === 0) return hash.digest("hex");
    hash.update(chunk.subarray(0, count));
    position += count;
    // A file that grows faster than it is read would never end.
    if (BigInt(position) > MAX_HASHED_BYTES) return undefined;
  }
}

/** The hash of the regular file at a place. @throws the system's error, WalkFailure */
export function hashPlace(handles: Handles, place: Place, name: string): string | undefined {
  const { fd } = handles.openFile(lastOf(place.stack), name);
  try {
    return hashOf(fd);
  } finally {
    handles.close(fd);
  }
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
