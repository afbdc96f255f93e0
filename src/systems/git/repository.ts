import { realpath } from "node:fs/promises";
import { isAbsolute, relative, resolve, sep } from "node:path";

import { EnactError } from "../../errors.js";
import { LOOKING, QUIET, withSettings } from "./environment.js";
import type { Setting, Variables } from "./environment.js";
import { run } from "./run.js";
import type { Command, Ran } from "./run.js";
import { complaint, expectDone } from "./words.js";

/** What the guard was given at start. */
export interface Home {
  readonly project: string;
  /** The configured repository. */
  readonly root: string;
  readonly remotes: readonly string[];
  /** Cleaned. */
  readonly env: Variables;
  /** LC_ALL of the user, for hooks. */
  readonly locale: string | undefined;
  /** Absolute paths that a merge must not change in a work tree, beyond those that are always protected. */
  readonly protect: readonly string[];
  readonly processName: string | undefined;
  /** Removes what killed guards have left behind, once. */
  readonly sweep: () => Promise<void>;
}

/** A repository, found once: every later command names it explicitly and discovers nothing. */
export interface Repository {
  readonly home: Home;
  /** Relative to the configured repository: "." for itself. */
  readonly shown: string;
  /** Real path that the call named. */
  readonly folder: string;
  /** Work tree; null in a bare repository. */
  readonly top: string | null;
  readonly gitDir: string;
  readonly commonDir: string;
  readonly objects: string;
  readonly shallow: boolean;
  readonly format: "sha1" | "sha256";
  readonly signal: AbortSignal | undefined;
}

/**
 * Finds the repository that a call names: the configured one, or one below it.
 *
 * @throws EnactError INVALID_INPUT outside of it, NOT_FOUND when there is none
 */
export async function openRepository(home: Home, repo: string, signal?: AbortSignal): Promise<Repository> {
  const root = await real(home.root, "The configured repository");
  const folder = await real(resolve(root, repo), `'${repo}'`);
  if (folder !== root && !folder.startsWith(root.endsWith(sep) ? root : root + sep)) {
    throw new EnactError("INVALID_INPUT", `'${repo}' is outside the configured repository`, {
      hint: "Name the configured repository ('.') or one below it.",
    });
  }
  const found = await discover(home, folder, folder === root, signal);
  const [format, bare, insideGit, insideTree, shallow, gitDir, commonDir, objects, top] = found;
  if ((format !== "sha1" && format !== "sha256") || gitDir === undefined || commonDir === undefined || objects === undefined) {
    throw new EnactError("SYSTEM_UNAVAILABLE", "git did not say where the repository is", { hint: "The guard needs git 2.38 or newer." });
  }
  if (bare !== "true" && (insideGit === "true" || insideTree !== "true" || top === undefined)) {
    throw new EnactError("REFUSED", `'${repo}' is inside git's own folder, not in a work tree`);
  }
  return {
    home,
    shown: relative(root, folder) || ".",
    folder,
    top: bare === "true" ? null : await real(top ?? "", "The work tree"),
    gitDir,
    commonDir,
    objects,
    shallow: shallow === "true",
    format,
    signal,
  };
}

async function real(path: string, what: string): Promise<string> {
  if (/[\n\0]/.test(path)) throw new EnactError("INVALID_INPUT", "The path of a repository cannot hold a line break or NUL");
  try {
    return await realpath(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") throw new EnactError("NOT_FOUND", `${what} does not exist`);
    throw new EnactError("SYSTEM_UNAVAILABLE", `${what} cannot be looked at (${code ?? "unknown error"})`);
  }
}

const QUESTIONS = [
  "--path-format=absolute",
  "--show-object-format",
  "--is-bare-repository",
  "--is-inside-git-dir",
  "--is-inside-work-tree",
  "--is-shallow-repository",
  "--absolute-git-dir",
  "--git-common-dir",
  "--git-path",
  "objects",
  "--show-toplevel",
];

async function discover(home: Home, folder: string, configured: boolean, signal?: AbortSignal): Promise<string[]> {
  // A folder that merely looks like a bare repository can be written file by file, its configuration included, by an
  // agent that may write files. Only the person who configured the guard may name a bare repository.
  const settings: Setting[] = [...QUIET, ["safe.bareRepository", configured ? "all" : "explicit"]];
  const env = withSettings({ ...home.env, ...LOOKING }, settings);
  const ran = await run({ args: ["rev-parse", ...QUESTIONS], cwd: folder, env, signal });
  const answers = ran.stdout.toString("utf8").split("\n").slice(0, -1);
  // In a bare repository the last question fails and all others are answered.
  if (ran.code === 0 || (answers.length >= 8 && answers[1] === "true")) return answers;
  if (ran.stopped !== null) expectDone(ran, "looking for the repository");
  if (/not a git repository/.test(ran.stderr)) throw new EnactError("NOT_FOUND", "There is no git repository there");
  if (/cannot use bare repository/.test(ran.stderr)) {
    throw new EnactError("REFUSED", "A bare repository below the configured one is not used", {
      hint: "Name it as systems.git.repo in enact.yaml if it is meant.",
    });
  }
  throw new EnactError("SYSTEM_UNAVAILABLE", `git does not open the repository: ${complaint(ran.stderr)}`);
}

export type Asked = Omit<Command, "cwd" | "env" | "args">;

/** The environment for looking at the repository itself: its refs, remotes and configuration. Runs nothing of its own. */
function lookingEnv(repository: Repository): Variables {
  const { home, gitDir, top } = repository;
  const tree = top === null ? {} : { GIT_WORK_TREE: top };
  return withSettings({ ...home.env, ...LOOKING, GIT_DIR: gitDir, ...tree }, QUIET);
}

export async function look(repository: Repository, args: readonly string[], asked: Asked = {}): Promise<Ran> {
  return run({ signal: repository.signal, ...asked, args, cwd: placeOf(repository), env: lookingEnv(repository) });
}

/** Where git itself would stand. */
export function placeOf(repository: Repository): string {
  return repository.top ?? repository.gitDir;
}

/**
 * The environment for acting: the repository's own configuration and hooks count, as for the person's own git. A bare
 * repository is named explicitly; in a work tree git finds it, so that hooks are not tied to it by GIT_DIR.
 */
export function actingEnv(repository: Repository, settings: readonly Setting[] = []): Variables {
  const { home, top, gitDir } = repository;
  return withSettings(top === null ? { ...home.env, GIT_DIR: gitDir } : home.env, settings);
}

/** True for a path that is the folder itself or below it. Both absolute. */
export function isInside(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way === "" || (way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way));
}
