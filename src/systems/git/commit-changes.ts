import { EnactError } from "../../errors.js";
import { covers, kindOf } from "./commit-paths.js";
import { RAW_DIFF, rawLine } from "./history.js";
import { expectDone, plainWords, records, shownBytes } from "./words.js";
import type { Workshop } from "./workshop.js";

/** The files below the given paths that are not as in the last commit: byte strings. */
export interface ChangedPaths {
  /** Lie in the work tree. */
  readonly there: readonly string[];
  readonly gone: readonly string[];
}

interface Asked {
  /** Byte strings, relative to the work tree. */
  readonly specs: readonly string[];
  /** The last commit, or the empty tree. */
  readonly before: string;
}

/** More changed files than this are no commit for an agent. */
const MOST_FILES = 20_000;

/**
 * Finds the files to commit: known ones that changed or are gone, new ones that are not ignored, and what is staged, all
 * of them at or below the paths. Paths are literal; what is outside of a sparse checkout or marked as unchanged stays.
 */
export async function changedPaths(workshop: Workshop, asked: Asked): Promise<ChangedPaths> {
  const pathspecs = asked.specs.map((spec) => (spec === "" ? "." : Buffer.from(spec, "latin1").toString("utf8")));
  const list = async (what: string, ...args: string[]): Promise<string[]> =>
    records(expectDone(await workshop.git([...args, "--", ...pathspecs]), what).stdout);
  await refuseUnmerged(workshop);
  const known = await knownFiles(workshop, pathspecs);
  const changed = await list("comparing files", "ls-files", "-z", "-m");
  const fresh = await list("looking for new files", "ls-files", "-z", "-o", "--exclude-standard");
  const staged = await stagedFiles(workshop, asked.before, pathspecs);
  refuseRepositories(fresh);
  refuseUnmatched(asked, [...known.all, ...fresh, ...staged]);

  const candidates = new Set([...changed, ...fresh, ...staged].filter((path) => !known.fixed.has(path)));
  if (candidates.size > MOST_FILES) throw new EnactError("INVALID_INPUT", `More than ${MOST_FILES} files changed there`, { hint: "Commit fewer paths at a time." });
  const unstaged = new Set(staged.filter((path) => !known.all.has(path) && !fresh.includes(path)));
  return sortOut(workshop, [...candidates], unstaged, known.links);
}

/** Which of the candidates lie in the work tree. A file that git no longer knows, and that is ignored now, is gone. */
async function sortOut(workshop: Workshop, candidates: readonly string[], unstaged: ReadonlySet<string>, links: ReadonlySet<string>): Promise<ChangedPaths> {
  const [there, gone]: [string[], string[]] = [[], []];
  const seen = new Map<string, boolean>();
  for (const path of candidates) {
    const kind = await kindOf(workshop.top, path, seen);
    if (kind === "other") throw new EnactError("REFUSED", `'${plainWords(shownBytes(path), 200)}' is no file: a pipe, socket or device`);
    const isThere = kind === "file" || kind === "link" || (kind === "folder" && links.has(path));
    if (isThere && !unstaged.has(path)) there.push(path);
    else gone.push(path);
  }
  return { there, gone };
}

interface Known {
  readonly all: ReadonlySet<string>;
  /** Skipped by a sparse checkout, or marked as unchanged: git leaves them alone, and so does the guard. */
  readonly fixed: ReadonlySet<string>;
  /** Submodules. */
  readonly links: ReadonlySet<string>;
}

async function knownFiles(workshop: Workshop, pathspecs: readonly string[]): Promise<Known> {
  const ran = await workshop.git(["ls-files", "-z", "-v", "-s", "--", ...pathspecs]);
  const all = new Set<string>();
  const fixed = new Set<string>();
  const links = new Set<string>();
  for (const line of records(expectDone(ran, "listing known files").stdout)) {
    // "<tag> <mode> <sha> <stage> TAB <path>"; S: skip-worktree, a small letter: assume-unchanged
    const path = line.slice(line.indexOf("\t") + 1);
    all.add(path);
    if (/^[Sa-z] /.test(line)) fixed.add(path);
    if (/^. 160000 /.test(line)) links.add(path);
  }
  return { all, fixed, links };
}

async function stagedFiles(workshop: Workshop, before: string, pathspecs: readonly string[]): Promise<string[]> {
  const options = RAW_DIFF.filter((option) => option !== "--root" && option !== "-r");
  const ran = await workshop.git(["diff-index", "--cached", ...options, before, "--", ...pathspecs]);
  const parts = records(expectDone(ran, "comparing the index").stdout);
  const staged: string[] = [];
  for (let index = 0; index + 1 < parts.length; index += 2) staged.push(rawLine(parts[index] ?? "", parts[index + 1] ?? "").path);
  return staged;
}

async function refuseUnmerged(workshop: Workshop): Promise<void> {
  const ran = expectDone(await workshop.git(["ls-files", "-z", "-u"]), "looking for conflicts");
  const [first] = records(ran.stdout);
  if (first === undefined) return;
  const path = plainWords(shownBytes(first.slice(first.indexOf("\t") + 1)), 200);
  throw new EnactError("REFUSED", `'${path}' has a conflict that is not resolved`, { hint: "Resolve it and stage the result first." });
}

/** git lists a repository inside the work tree as one entry that ends with a slash. */
function refuseRepositories(fresh: readonly string[]): void {
  const nested = fresh.find((path) => path.endsWith("/"));
  if (nested === undefined) return;
  throw new EnactError("REFUSED", `'${plainWords(shownBytes(nested), 200)}' is another repository`, {
    hint: "Commit in that repository, or leave it out by naming the other paths.",
  });
}

function refuseUnmatched(asked: Asked, files: readonly string[]): void {
  for (const spec of asked.specs) {
    if (spec === "" || files.some((file) => covers([spec], file))) continue;
    const shown = plainWords(shownBytes(spec), 200);
    throw new EnactError("NOT_FOUND", `There is nothing to commit at '${shown}': it does not exist, is empty, or is ignored (.gitignore)`, {
      hint: "Paths are literal: no wildcards. Name files or folders as they are.",
    });
  }
}
