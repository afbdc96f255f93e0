import { copyFile, mkdir, mkdtemp, readdir, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { LOOKING, QUIET, withSettings } from "./environment.js";
import type { Setting, Variables } from "./environment.js";
import type { Asked, Repository } from "./repository.js";
import { placeOf } from "./repository.js";
import { run } from "./run.js";
import type { Ran } from "./run.js";
import { scratchPrefix } from "./sweep.js";

/**
 * A throw-away bare repository that borrows the objects of the real one and nothing else: not its configuration, hooks,
 * attributes, grafts, replacements or promised objects. Every look at history, every contact with a remote and every
 * tree that is tried out happens here, so nothing that the repository configures can run, and nothing in it can change.
 */
export interface Scratch {
  readonly folder: string;
  readonly repository: Repository;
  /** Objects made while looking. */
  readonly made: string;
}

export async function withScratch<Value>(repository: Repository, use: (scratch: Scratch) => Promise<Value>): Promise<Value> {
  const { home } = repository;
  await home.sweep();
  const folder = await mkdtemp(scratchPrefix(home.processName));
  try {
    return await use(await prepare(folder, repository));
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function prepare(folder: string, repository: Repository): Promise<Scratch> {
  const made = join(folder, "objects");
  await mkdir(join(made, "info"), { recursive: true });
  await mkdir(join(folder, "refs", "enact"), { recursive: true });
  await mkdir(join(folder, "info"));
  const format = repository.format === "sha256" ? "1\n[extensions]\n\tobjectFormat = sha256" : "0";
  await writeFile(join(folder, "HEAD"), "ref: refs/heads/enact-guard-none\n");
  await writeFile(join(folder, "config"), `[core]\n\trepositoryFormatVersion = ${format}\n`);
  // Where the real history is cut off, this one is too; else every walk would end in a missing object.
  if (repository.shallow) await copyFile(join(repository.commonDir, "shallow"), join(folder, "shallow"));
  return { folder, repository, made };
}

export interface InScratch extends Asked {
  readonly settings?: readonly Setting[];
  readonly variables?: Variables;
  /** Leaves out the objects of the repository. What is written then cannot even touch the time stamp of an old one. */
  readonly alone?: boolean;
  readonly cwd?: string;
}

/** Runs git in the scratch repository. */
export function inScratch(scratch: Scratch, args: readonly string[], asked: InScratch = {}): Promise<Ran> {
  const { settings = [], variables = {}, alone = false, cwd, ...rest } = asked;
  const { repository } = scratch;
  const borrowed = alone ? {} : { GIT_ALTERNATE_OBJECT_DIRECTORIES: quoted(repository.objects) };
  const named = { ...repository.home.env, ...LOOKING, GIT_DIR: scratch.folder, ...borrowed, ...variables };
  const env = withSettings(named, [...QUIET, ...settings]);
  return run({ signal: repository.signal, ...rest, args, cwd: cwd ?? placeOf(repository), env });
}

/** The list of alternates is separated by colons, except inside quotes in the manner of C. */
function quoted(path: string): string {
  return /[:;"]/.test(path) ? `"${path.replaceAll(/["\\]/g, String.raw`\$&`)}"` : path;
}

/** Copies files that exist; what does not exist is no loss. */
export async function copyIfThere(from: string, to: string): Promise<boolean> {
  try {
    await copyFile(from, to);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return false;
    throw error;
  }
}

/**
 * Copies an index with its time. git takes an entry that is as young as the index for one that may have changed in the
 * same moment, and reads the file; a copy that is younger than its original would hide such a change.
 */
export async function copyIndex(from: string, to: string): Promise<boolean> {
  const time = (await stat(from).catch(() => null))?.mtimeMs;
  if (time === undefined || !(await copyIfThere(from, to))) return false;
  const seconds = Math.floor(time) / 1000;
  await utimes(to, seconds, seconds);
  return true;
}

export async function entriesOf(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}
