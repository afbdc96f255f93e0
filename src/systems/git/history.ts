import { EnactError } from "../../errors.js";
import { inScratch } from "./scratch.js";
import type { InScratch, Scratch } from "./scratch.js";
import { expectDone, lines, plainWords, records } from "./words.js";

/** A file that a commit changes, as git's raw diff has it. */
export interface ChangedFile {
  /** A byte string. */
  readonly path: string;
  /** One letter per parent: A, M, D, T. */
  readonly status: string;
  /** Mode and blob after the change; all zeros when deleted. */
  readonly mode: string;
  readonly blob: string;
  /** The blob in each parent. */
  readonly before: readonly string[];
}

export interface CommitLook {
  readonly sha: string;
  readonly subject: string;
  readonly files: readonly ChangedFile[];
}

/** More commits than this are not looked at one by one: whatever depends on them is then unknown. */
export const MOST_COMMITS = 5_000;
/** Nor more changed files than this, over all commits. */
const MOST_BYTES = 256 * 1024 * 1024;
const HISTORY_MILLISECONDS = 45_000;

export const RAW_DIFF = ["-r", "--root", "--raw", "-z", "--no-abbrev", "--no-renames", "--no-ext-diff", "--no-textconv", "--ignore-submodules=none"];

/** Those of the given objects that the repository has itself. */
export async function present(scratch: Scratch, shas: readonly string[]): Promise<Set<string>> {
  if (shas.length === 0) return new Set();
  const input = Buffer.from(`${shas.join("\n")}\n`);
  const ran = expectDone(await inScratch(scratch, ["cat-file", "--batch-check=%(objectname)", "--buffer"], { input }), "looking for commits");
  return new Set(lines(ran.stdout).filter((line) => !line.endsWith(" missing")));
}

/** Shas and subjects of the commits that lead to `from` and not to any of `without`, newest first. */
export async function commitsBetween(
  scratch: Scratch,
  from: string,
  without: readonly string[],
  most = MOST_COMMITS,
): Promise<{ sha: string; subject: string }[] | "too many"> {
  const input = Buffer.from([from, ...without.map((sha) => `^${sha}`), ""].join("\n"));
  const args = ["rev-list", `--max-count=${most + 1}`, "--no-commit-header", "--format=%H %s", "--encoding=UTF-8", "--stdin"];
  const ran = expectDone(await inScratch(scratch, args, { input, milliseconds: HISTORY_MILLISECONDS }), "reading history");
  const found = lines(ran.stdout).map((line) => {
    const end = line.indexOf(" ");
    return { sha: line.slice(0, end), subject: plainWords(line.slice(end + 1), 200) };
  });
  return found.length > most ? "too many" : found;
}

export async function isAncestor(scratch: Scratch, old: string, of: string): Promise<boolean> {
  const ran = await inScratch(scratch, ["merge-base", "--is-ancestor", old, of], { milliseconds: HISTORY_MILLISECONDS });
  return expectDone(ran, "comparing histories", [0, 1]).code === 0;
}

/** What each commit changes: against nothing for a first commit, against all parents at once for a merge. */
export async function changesOf(scratch: Scratch, commits: readonly { sha: string; subject: string }[]): Promise<CommitLook[]> {
  if (commits.length === 0) return [];
  const input = Buffer.from(`${commits.map((commit) => commit.sha).join("\n")}\n`);
  const args = ["diff-tree", "--stdin", "-c", ...RAW_DIFF];
  const ran = await inScratch(scratch, args, { input, milliseconds: HISTORY_MILLISECONDS, bytes: MOST_BYTES });
  const changes = new Map<string, ChangedFile[]>();
  let current: ChangedFile[] | undefined;
  const parts = records(expectDone(ran, "reading what the commits change").stdout);
  for (let index = 0; index < parts.length; index += 1) {
    const part = parts[index] ?? "";
    if (part.startsWith(":")) current?.push(rawLine(part, parts[(index += 1)] ?? ""));
    else changes.set(part.trim(), (current = []));
  }
  return commits.map((commit) => ({ ...commit, files: changes.get(commit.sha) ?? [] }));
}

/** Reads ":<mode> <mode> <sha> <sha> <status>", or the same with several colons for the parents of a merge. */
export function rawLine(line: string, path: string): ChangedFile {
  const parents = /^:+/.exec(line)?.[0].length ?? 0;
  const fields = line.slice(parents).split(" ");
  const mode = fields[parents];
  const blob = fields[2 * parents + 1];
  const status = fields[2 * parents + 2];
  if (mode === undefined || blob === undefined || status === undefined || path === "") {
    throw new EnactError("INTERNAL", "git described a change in a form that the guard does not know");
  }
  return { path, status, mode, blob, before: fields.slice(parents + 1, 2 * parents + 1) };
}

/** The files in which two trees differ. */
export async function changesBetween(scratch: Scratch, before: string, after: string, asked: InScratch = {}): Promise<ChangedFile[]> {
  const ran = await inScratch(scratch, ["diff-tree", ...RAW_DIFF, before, after], { ...asked, bytes: MOST_BYTES });
  const parts = records(expectDone(ran, "comparing trees").stdout);
  const files: ChangedFile[] = [];
  for (let index = 0; index + 1 < parts.length; index += 2) files.push(rawLine(parts[index] ?? "", parts[index + 1] ?? ""));
  return files;
}
