import { isAbsolute } from "node:path";

import { EnactError } from "../errors.js";
import { actBack } from "./filesystem/back.js";
import { lookBack } from "./filesystem/back-look.js";
import { leftovers } from "./filesystem/leftovers.js";
import { look } from "./filesystem/look.js";
import { readFile } from "./filesystem/read.js";
import { remove } from "./filesystem/remove.js";
import type { Filesystem, FilesystemOptions, Settings } from "./filesystem/types.js";
import { writeFile } from "./filesystem/write.js";

export type * from "./filesystem/types.js";
export { BEFORE, CONTENTS, type Keep, type Kept } from "./filesystem/keep.js";
export type { Fingerprint } from "./filesystem/fingerprint.js";
export type { Relation } from "./filesystem/watch.js";

const MIB = 1024 * 1024;

/**
 * The files below a root. Nothing is opened or looked at until the first call.
 *
 * Paths are walked folder by folder through descriptors, links are read and walked here and never followed by the
 * system; what was judged is what is acted on (see directory.ts, aside.ts). It keeps away from the guard's own files, git
 * stores and the settings of agent clients, whatever the policies say (see protected-names.ts).
 *
 * Not covered: who may use bind mounts or move folders out of the root at the same moment is trusted; extended attributes and access control lists of a file
 * that is overwritten are lost.
 */
export function openFilesystem(options: FilesystemOptions): Filesystem {
  if (!isAbsolute(options.root)) throw new EnactError("INTERNAL", "The root of the file tools must be an absolute path");
  const settings: Settings = {
    root: options.root,
    protectedPaths: options.protectedPaths,
    hookFolders: options.hookFolders ?? (() => Promise.resolve([])),
    watchPaths: options.watchPaths ?? [],
    home: options.home,
    maxReadBytes: options.maxReadBytes ?? MIB,
    maxWriteBytes: options.maxWriteBytes ?? 10 * MIB,
    maxEntries: options.maxEntries ?? 10_000,
    anchor: options.anchor,
  };
  const { maxReadBytes, maxWriteBytes } = settings;
  const read: Filesystem["reader"]["read"] = (step, maxBytes = maxReadBytes) => readFile(settings, step, maxBytes);
  return {
    reader: {
      maxReadBytes,
      maxWriteBytes,
      look: (path, access, how = {}) => look(settings, path, access, how),
      read,
      lookBack: (kept, isWhole, how = {}) => lookBack(settings, kept, isWhole, how),
      leftovers: (path, since) => leftovers(settings, path, since),
    },
    writer: {
      read,
      write: (step, keep) => writeFile(settings, step, keep),
      remove: (step, keep) => remove(settings, step, keep),
      putBack: (step, kept, contents) => actBack(settings, step, kept, contents),
    },
  };
}
