import type { Anchor } from "./directory.js";
import type { Fingerprint } from "./fingerprint.js";
import type { Keep, Kept } from "./keep.js";
import type { Relation } from "./watch.js";

export interface FilesystemOptions {
  /** Absolute. Confines all file tools, whatever the policies say. May itself be a link. */
  readonly root: string;
  /** Absolute files and folders that nobody may touch: configuration, custom policies, `.enact`, the keys' folder. */
  readonly protectedPaths: readonly string[];
  /**
   * Absolute folders of programs that other tools run, such as git's hooks: what an agent may write must not be run for
   * it. Asked for each call that writes or deletes.
   */
  readonly hookFolders?: () => Promise<readonly string[]>;
  /**
   * Paths that policies name (their options `allowed_dirs` and `paths`), relative to the root, absolute, or below `~`.
   * Each call's facts say where they lead at that moment and how the call's file lies to them.
   */
  readonly watchPaths?: readonly string[];
  /** What `~` stands for in `watchPaths`. */
  readonly home?: string;
  /** Bytes that one read gives back at most; default 1 MiB. */
  readonly maxReadBytes?: number;
  /** Bytes that one write takes at most; default 10 MiB. */
  readonly maxWriteBytes?: number;
  /** Entries below a folder that is deleted; more are refused, not cut. Default 10,000. */
  readonly maxEntries?: number;
  /** How open folders are addressed; left out: the strongest way that works here. Set by tests only. */
  readonly anchor?: Anchor;
}

/** Every option settled. */
export interface Settings extends Required<Omit<FilesystemOptions, "home" | "anchor">> {
  readonly home: string | undefined;
  readonly anchor: Anchor | undefined;
}

export type Access = "read" | "write" | "delete" | "restore";

/** A fact that could not be found out. */
export interface NotKnown {
  readonly why: string;
}

/** Everything that a look finds out; sizes in bytes. */
export interface FileLook {
  readonly requested: string;
  /** Real path of the root. */
  readonly root: string;
  /** Absolute, links resolved; of the link itself when a link is deleted. */
  readonly realPath: string;
  /** `realPath` seen from the root. */
  readonly path: string;
  readonly kind: "file" | "directory" | "symlink" | "missing";
  readonly size: number | null;
  /** Permission bits, such as "0644". */
  readonly mode: string | null;
  readonly hardLinks: number | null;
  /** Links that the path led through; inside the root relative to it. */
  readonly links: readonly { readonly path: string; readonly target: string }[];
  /** Where a link that is to be deleted leads. */
  readonly linkTarget: { readonly target: string; readonly realPath: string | null } | null;
  /** Names of files that the call is about: as called, of links, of what they lead to; of every file below a folder. */
  readonly names: readonly string[];
  readonly policyPaths: readonly PolicyPathLook[];
  /** Whether git tracks it, or anything below it; null outside repositories. */
  readonly tracked: boolean | null | NotKnown;
  /** Files that git could not bring back. */
  readonly untrackedCount: number | null | NotKnown;
  readonly files: number;
  readonly folders: number;
  readonly bytes: number;
  /** For a write: hash of what is there now; null when nothing is. */
  readonly previousSha256: string | null | NotKnown;
  /** For a write: folders that will be made, from the root. */
  readonly createsFolders: readonly string[];
  /** For a write: the file belongs to somebody else, and will belong to this user. */
  readonly ownerChanges: boolean;
  /** Bytes that keeping what the call takes away takes at most, and the path of what this user could not read. */
  readonly keeping: { readonly bytes: number; readonly unreadable: string | null };
  /** For a deletion of a folder: paths below it in order, and a digest that changes when anything in it does. */
  readonly tree: { readonly paths: readonly string[]; readonly digest: string } | null;
  readonly step: PlaceStep;
}

export type PolicyPathLook =
  | { readonly given: string; readonly why: string }
  | { readonly given: string; readonly realPath: string; readonly exists: boolean; readonly relation: Relation };

/** Where something is and what it was: the precondition of every action. Plain JSON. */
export type PlaceStep = {
  /** From the root, for messages. */
  readonly path: string;
  /** Absolute path of the deepest folder that exists; no link in it. */
  readonly folder: string;
  /** dev:ino of the folders from the root down to `folder`. */
  readonly folders: readonly string[];
  /** Folders to make, then the entry's name. */
  readonly names: readonly string[];
  /** What was there; null when nothing was. */
  readonly target: Fingerprint | null;
};

export type ReadStep = { readonly place: PlaceStep };
export type WriteStep = { readonly place: PlaceStep; readonly content: string; readonly previous_sha256: string | null };
export type RemoveStep = { readonly place: PlaceStep; readonly tree_digest: string | null; readonly entries: number };

/**
 * How to put back what was there. rebuild: all of it, nothing is there. fill: what is missing of a folder; fill_aside: of
 * one that was put aside, and then give it its name. rename_aside: give what was put aside its name. remove: the new file,
 * and the folders that were made for it. replace: the content. tidy: what an interrupted act has left, and no more.
 */
export type BackStep = {
  readonly way: "rebuild" | "fill" | "fill_aside" | "rename_aside" | "remove" | "replace" | "tidy";
  readonly place: PlaceStep;
  readonly aside: PlaceStep | null;
  /** Of what is left of a folder, and how many entries that is. */
  readonly digest: string | null;
  readonly entries: number;
  /** Of the content that is replaced. */
  readonly previous_sha256: string | null;
  /** Folders to remove, the innermost first. */
  readonly made: readonly PlaceStep[];
  /** What an interrupted undoing has begun to build, under a name of ours that is needed: removed first. */
  readonly drafts: readonly RemoveStep[];
  /** Files that an interrupted act or undoing has put aside or begun, under names of ours: removed last. */
  readonly leftovers: readonly PlaceStep[];
};

/** What putting back would do. */
export interface BackLook {
  readonly path: string;
  readonly root: string;
  /** Of what was kept. */
  readonly files: number;
  readonly folders: number;
  readonly bytes: number;
  /** For people, one clause each; none when everything is as it was before the act. */
  readonly changes: readonly string[];
  readonly notUndone: readonly string[];
  readonly step: BackStep;
}

export interface PutBack {
  readonly files: number;
  readonly folders: number;
  readonly bytes: number;
  readonly removedFiles: number;
  readonly removedFolders: number;
}

export interface FileContent {
  /** The whole file, or its beginning. */
  readonly bytes: Buffer;
  /** Of the whole file. */
  readonly size: number;
  readonly truncated: boolean;
  /** Of the whole file; null when it is too large to hash. */
  readonly sha256: string | null;
}

export interface Written {
  readonly size: number;
  readonly sha256: string;
  /** Permission bits. */
  readonly mode: number;
  /** Hard links elsewhere that keep the old content. */
  readonly otherLinks: number;
}

/** What became of a deletion. With `error` set, what is left is still in its place unless `leftAt` says otherwise. */
export interface Removed {
  readonly files: number;
  readonly folders: number;
  readonly bytes: number;
  readonly left: number;
  readonly error: string | null;
  readonly leftAt: string | null;
}

/** Looks and never touches. */
export interface FileReader {
  readonly maxReadBytes: number;
  readonly maxWriteBytes: number;
  /** @throws EnactError INVALID_INPUT, NOT_FOUND, REFUSED (outside, protected, special files), SYSTEM_UNAVAILABLE */
  look(path: string, access: Access, options?: LookOptions): Promise<FileLook>;
  /** @throws EnactError STALE_PLAN when it is another file now; ACTION_FAILED */
  read(step: ReadStep, maxBytes?: number): Promise<FileContent>;
  /**
   * How to put back what an act has changed.
   * @param isWhole whether it is known to have ended as it should; else what it left half-way is looked for too
   * @throws EnactError STALE_PLAN naming what differs
   */
  lookBack(kept: Kept, isWhole: boolean, options?: LookOptions): Promise<BackLook>;
  /** What interrupted acts have left beside a path (from the root) since then, from the root. */
  leftovers(path: string, since: Date): Promise<readonly string[]>;
}

export interface LookOptions {
  readonly recursive?: boolean;
  readonly signal?: AbortSignal;
}

/** Acts on exactly what was judged, or not at all. What it is given to keep with gets all that would be lost, before it is. */
export interface FileWriter {
  read(step: ReadStep, maxBytes?: number): Promise<FileContent>;
  /** @throws EnactError STALE_PLAN, ACTION_FAILED: nothing was done, unless `done` says otherwise */
  write(step: WriteStep, keep: Keep | null): Promise<Written>;
  /** @throws EnactError STALE_PLAN, ACTION_FAILED: nothing was done, unless `done` says otherwise */
  remove(step: RemoveStep, keep: Keep | null): Promise<Removed>;
  /** @throws EnactError STALE_PLAN, ACTION_FAILED, TAMPERED: nothing was done, unless `done` says otherwise */
  putBack(step: BackStep, kept: Kept, contents: () => AsyncIterable<Uint8Array>): Promise<PutBack>;
}

export interface Filesystem {
  readonly reader: FileReader;
  readonly writer: FileWriter;
}
