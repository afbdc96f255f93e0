/**
 * Reads the names in git's index (git's own document "index-format", versions 2 to 4) without running git: no hook, no
 * file system monitor, no configured program, no lock, and a tenth of a millisecond instead of four.
 */

const HEADER_BYTES = 12;
/** ctime, mtime, dev, ino, mode, uid, gid, size. */
const STAT_BYTES = 40;
const EXTENDED_FLAG = 0x4000;
const GITLINK_MODE = 0o160000;
const SPARSE_FOLDER_MODE = 0o040000;

export interface IndexEntry {
  /** Relative to the top of the working tree. */
  readonly name: Buffer;
  /** A submodule's commit, not a file. */
  readonly isSubmodule: boolean;
}

/**
 * Calls `visit` for every entry.
 *
 * @param hashBytes 20 for SHA-1, 32 for SHA-256
 * @throws RangeError when the index is damaged or of a kind that does not name every file (split, sparse)
 */
export function readIndex(index: Buffer, hashBytes: number, visit: (entry: IndexEntry) => void): void {
  if (index.length < HEADER_BYTES || index.toString("latin1", 0, 4) !== "DIRC") throw new RangeError("it is no index");
  const version = index.readUInt32BE(4);
  if (version < 2 || version > 4) throw new RangeError(`its version ${version} is not known`);
  let at = HEADER_BYTES;
  let previous: Buffer = Buffer.alloc(0);
  for (let left = index.readUInt32BE(8); left > 0; left -= 1) {
    const entry = readEntry(index, at, { version, hashBytes, previous });
    if (entry.mode === SPARSE_FOLDER_MODE) throw new RangeError("it is sparse");
    visit({ name: entry.name, isSubmodule: entry.mode === GITLINK_MODE });
    previous = entry.name;
    at = entry.end;
  }
  refuseExtensions(index, at, hashBytes);
}

interface Layout {
  readonly version: number;
  readonly hashBytes: number;
  readonly previous: Buffer;
}

function readEntry(index: Buffer, at: number, { version, hashBytes, previous }: Layout): { name: Buffer; mode: number; end: number } {
  const mode = index.readUInt32BE(at + 24);
  const flagsAt = at + STAT_BYTES + hashBytes;
  const isExtended = version >= 3 && (index.readUInt16BE(flagsAt) & EXTENDED_FLAG) !== 0;
  const nameAt = flagsAt + (isExtended ? 4 : 2);
  if (version < 4) {
    const nul = endOfName(index, nameAt);
    // Padded with one to eight NULs to a multiple of eight bytes.
    return { name: index.subarray(nameAt, nul), mode, end: at + ((nul - at + 8) & ~7) };
  }
  const { value: dropped, next } = offsetNumber(index, nameAt);
  if (dropped > previous.length) throw new RangeError("a name is damaged");
  const nul = endOfName(index, next);
  return { name: Buffer.concat([previous.subarray(0, previous.length - dropped), index.subarray(next, nul)]), mode, end: nul + 1 };
}

function endOfName(index: Buffer, from: number): number {
  const nul = index.indexOf(0, from);
  if (nul < 0) throw new RangeError("it is cut off");
  return nul;
}

/** The variable-width number of git's pack format ("offset encoding"). */
function offsetNumber(index: Buffer, from: number): { value: number; next: number } {
  let at = from;
  let byte = index.readUInt8(at);
  let value = byte & 0x7f;
  while ((byte & 0x80) !== 0) {
    at += 1;
    byte = index.readUInt8(at);
    value = (value + 1) * 128 + (byte & 0x7f);
    if (value > index.length) throw new RangeError("a name is damaged");
  }
  return { value, next: at + 1 };
}

/** Extensions with a lower-case name change what the entries mean: "link" (split index), "sdir" (sparse). */
function refuseExtensions(index: Buffer, from: number, hashBytes: number): void {
  for (let at = from; at + 8 <= index.length - hashBytes; at += 8 + index.readUInt32BE(at + 4)) {
    const name = index.toString("latin1", at, at + 4);
    if (/^[a-z]/.test(name)) throw new RangeError(`it has the extension '${name}'`);
  }
}
