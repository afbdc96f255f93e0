import { EnactError } from "../../errors.js";

/** PATH_MAX of Linux; other systems allow less, and say so themselves. */
const MAX_PATH_BYTES = 4096;
/** NAME_MAX everywhere that we run. */
const MAX_NAME_BYTES = 255;

/** A path as data: no shell, no home, no patterns. */
export interface ParsedPath {
  readonly given: string;
  readonly absolute: boolean;
  /** Names and ".."; "." and empty parts are dropped. */
  readonly parts: readonly string[];
  /** It ends in "/", "/." or is "." itself, and so can only name a folder. */
  readonly namesFolder: boolean;
}

/**
 * Reads the path of a call.
 *
 * @throws EnactError INVALID_INPUT, with what to write instead, for everything that a file system or a person would
 * understand differently: NUL, broken UTF-16, over-long paths, `~`, URLs, drive letters
 */
export function parsePath(given: string, home?: string): ParsedPath {
  checkText(given);
  if (given === "~" || given.startsWith("~/")) throw tilde(given, home);
  if (/^[A-Za-z]:[\\/]/.test(given) || given.startsWith("\\\\")) {
    throw invalid(`'${shown(given)}' is a Windows path`, "Give the path with '/', relative to the root.");
  }
  if (/^[A-Za-z][A-Za-z0-9+.-]*:\/\//.test(given)) {
    throw invalid(`'${shown(given)}' is a URL, not a path`, "Give the path of a file, relative to the root.");
  }
  return splitPath(given);
}

/** Splits a path that is not from a call: the root, a configured path, the target of a link. */
export function splitPath(given: string): ParsedPath {
  const raw = given.split("/");
  const last = raw.at(-1) ?? "";
  const parts = raw.filter((part) => part !== "" && part !== ".");
  return { given, absolute: given.startsWith("/"), parts, namesFolder: last === "" || last === "." };
}

function checkText(given: string): void {
  if (given === "") throw invalid("The path is empty", "Give the path of a file, relative to the root.");
  if (given.includes("\0")) throw invalid("The path holds a NUL character", "Give the path without it.");
  if (!given.isWellFormed()) throw invalid("The path holds half a character (a lone surrogate)", "Give the path as text.");
  const bytes = Buffer.byteLength(given);
  if (bytes > MAX_PATH_BYTES) {
    throw invalid(`The path is ${bytes} bytes long, at most ${MAX_PATH_BYTES} are possible`, "Give a shorter path.");
  }
  const long = given.split("/").find((part) => Buffer.byteLength(part) > MAX_NAME_BYTES);
  if (long === undefined) return;
  throw invalid(`'${shown(long)}' is ${Buffer.byteLength(long)} bytes long, a name has at most ${MAX_NAME_BYTES}`, "Give a shorter name.");
}

/** The incident of October 2025: `rm -rf build dist ~/`. Taken literally it would name an entry called "~". */
function tilde(given: string, home: string | undefined): EnactError {
  const where = home === undefined ? "the home folder" : `the home folder ${home}`;
  const message = `'${shown(given)}' means ${where}, and file tools work only below the root`;
  return invalid(message, "Give a path relative to the root; './~' if you mean an entry with that very name.");
}

function invalid(message: string, hint: string): EnactError {
  return new EnactError("INVALID_INPUT", message, { hint });
}

/** A path short enough for a message. */
export function shown(path: string): string {
  return path.length <= 200 ? path : `${path.slice(0, 100)}…${path.slice(-60)}`;
}

/** Joins a folder's absolute path and a name. */
export function join(folder: string, name: string): string {
  return folder === "/" ? `/${name}` : `${folder}/${name}`;
}

/** True when `path` is `folder` or lies below it; both absolute and without links. */
export function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder === "/" ? "/" : `${folder}/`);
}

/** The path below a folder that contains it: "src/a.txt", "." for the folder itself. */
export function relativeTo(folder: string, path: string): string {
  if (path === folder) return ".";
  return path.slice(folder === "/" ? 1 : folder.length + 1);
}

/**
 * A name as the most forgiving file system would compare it: case folded (APFS, NTFS, ext4 with casefold), compatibility
 * forms and invisible characters gone (HFS+ ignores them: CVE-2014-9390), trailing dots and spaces gone (NTFS).
 */
export function foldName(name: string): string {
  return name
    .normalize("NFKC")
    .replace(/\p{Default_Ignorable_Code_Point}/gu, "")
    .toLowerCase()
    .normalize("NFKC")
    .replace(/[. ]+$/u, "");
}

/** A whole path, folded name by name. */
export function foldPath(path: string): string {
  return path.split("/").map(foldName).join("/");
}
