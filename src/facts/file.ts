import { z } from "zod";

import { orUnknown } from "./unknown.js";

/**
 * How a file lies to a path that a policy names. same, inside: it is that path, or lies below it. above: that path lies
 * below it (a folder that would be deleted). Found by identity, so that no link and no other spelling gets round it.
 */
export const RELATIONS = ["same", "inside", "above", "apart"] as const;
export type FileRelation = (typeof RELATIONS)[number];

/** Where a policy's path leads at the moment of the call. */
export const policyPathSchema = z.strictObject({
  /** Absolute, links resolved. */
  real_path: z.string(),
  exists: z.boolean(),
  relation: z.enum(RELATIONS),
});

const shape = {
  /** Where it really is, seen from the root, links resolved: "src/a.txt". Of the link itself when a link is deleted. */
  path: z.string(),
  /** As the call named it. */
  requested_path: z.string(),
  /** `path`, absolute. */
  real_path: z.string(),
  root: z.string(),
  kind: z.enum(["file", "directory", "symlink", "missing"]),
  /** Bytes; null when nothing is there. */
  size: z.number().int().nullable(),
  /** Permission bits in octal, "0644". */
  mode: z.string().nullable(),
  /** Names that this file has; more than one means that it can be reached under another path too. */
  hard_links: z.number().int().nullable(),
  /** Links that the path led through, with what they say. */
  links: z.array(z.strictObject({ path: z.string(), target: z.string() })),
  /**
   * What each name that the call is about has from its first dot on, as `extensionOf` reads it: of the file itself, of
   * links and of what they lead to, of every file below a folder. Sorted, without repetitions.
   */
  extensions: z.array(z.string()),
  /** Whether git tracks it, or anything below it; null outside repositories. */
  tracked_by_git: orUnknown(z.boolean().nullable()),
  /** By the path as the policy writes it. */
  policy_paths: z.record(z.string(), orUnknown(policyPathSchema)),
};

/** What is known of one file; also of each attachment of a mail (`payload.attachments[]`). */
export const fileFactsSchema = z.strictObject(shape);
export type FileFacts = z.infer<typeof fileFactsSchema>;

/** The facts of `file_read`. */
export const fileReadPayload = fileFactsSchema;
export type FileReadPayload = FileFacts;

/** The facts of `file_write`. Contents are in no receipt. */
export const fileWritePayload = z.strictObject({
  ...shape,
  exists: z.boolean(),
  /** Of what will be written, in bytes of UTF-8. */
  content_size: z.number().int(),
  content_sha256: z.string(),
  /** Of what is there now; null when nothing is. */
  previous_sha256: orUnknown(z.string().nullable()),
  creates_folders: z.array(z.string()),
  /** The file belongs to another user, and will belong to this one. */
  owner_changes: z.boolean(),
});
export type FileWritePayload = z.infer<typeof fileWritePayload>;

/** The facts of `file_delete`. */
export const fileDeletePayload = z.strictObject({
  ...shape,
  recursive: z.boolean(),
  /** Files and links that would go. */
  file_count: z.number().int(),
  folder_count: z.number().int(),
  /** Of the files that would go. */
  bytes: z.number().int(),
  /** Files that git could not bring back; null outside repositories. */
  untracked_count: orUnknown(z.number().int().nullable()),
  /** Where a link leads that would be removed; what it leads to stays. */
  link_target: z.strictObject({ target: z.string(), real_path: z.string().nullable() }).nullable(),
  /** The first paths below a folder, in order. */
  entries: z.array(z.string()),
  /** Changes when anything below the folder does; null for anything else. */
  entries_sha256: z.string().nullable(),
});
export type FileDeletePayload = z.infer<typeof fileDeletePayload>;

/**
 * A name as a person reads it: compatibility forms (full-width letters and dots) made plain, invisible characters gone,
 * lower case, no spaces or dots at the end.
 */
export function plainName(name: string): string {
  return name
    .normalize("NFKC")
    .replace(/\p{Default_Ignorable_Code_Point}/gu, "")
    .toLowerCase()
    .normalize("NFKC")
    .replace(/[. ]+$/u, "");
}

/** From the first dot of a name on: ".env.local", ".tar.gz", ".ts"; "" when it has none. */
export function extensionOf(name: string): string {
  const plain = plainName(name);
  const dot = plain.indexOf(".");
  return dot < 0 ? "" : plain.slice(dot);
}

/** The extensions of some names, sorted, without repetitions. */
export function extensionsOf(names: readonly string[]): string[] {
  return [...new Set(names.map(extensionOf))].filter((extension) => extension !== "").toSorted();
}

/** Copies of an example are no secrets. */
const TEMPLATES: ReadonlySet<string> = new Set(["example", "sample", "template"]);

/** Source code that has a secret's extension in the middle of its name is about it, and is not it: "public.key.ts". */
const SOURCE_CODE: ReadonlySet<string> = new Set(
  "c cc cpp cs css cts go h html java js jsx kt map md mdx mjs mts php py rb rs scss svelte swift ts tsx vue".split(" "),
);

/**
 * Whether a file of extension `extension` (as extensionOf gives it) has the listed one: at its end, or before what
 * copies, variants and archives add (".env.local", ".env.bak", ".env~", ".env-old", ".pem.gz").
 *
 * Templates (".env.example") have it only if they are listed themselves.
 */
export function hasExtension(extension: string, listed: string): boolean {
  const parts = extension.slice(1).split(".");
  const wanted = listed.slice(1).split(".");
  return parts.some((_part, from) => isAt(parts, wanted, from));
}

function isAt(parts: readonly string[], wanted: readonly string[], from: number): boolean {
  const found = parts.slice(from, from + wanted.length);
  if (found.length < wanted.length) return false;
  const isAtEnd = from + wanted.length === parts.length;
  if (isAtEnd && found.every((part, index) => part === wanted[index])) return true;
  if (!found.every((part, index) => part === wanted[index] || wordOf(part) === wanted[index])) return false;
  const last = parts.at(-1) ?? "";
  const lastWord = last.split(/[^\p{L}\p{N}]+/u).findLast((word) => word !== "") ?? "";
  if (TEMPLATES.has(lastWord)) return false;
  // An environment file is one, whatever is appended: ".env.js".
  return isAtEnd || !SOURCE_CODE.has(last) || wanted.join(".") === "env";
}

/** ".env-old", ".env copy", ".env~": the extension is the word before. */
function wordOf(part: string): string {
  return /^[\p{L}\p{N}]*/u.exec(part)?.[0] ?? "";
}
