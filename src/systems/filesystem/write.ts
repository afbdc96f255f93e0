import { closeSync, constants, fchmodSync, fchownSync, fstatSync, fsyncSync, writeFileSync, type BigIntStats } from "node:fs";

import { EnactError } from "../../errors.js";
import { freshName, moveAside, publish, putBack } from "./aside.js";
import { isSame, type Directory } from "./directory.js";
import { errno, failed, stale, tidy, unless } from "./failures.js";
import { difference, hashOf, sha256 } from "./fingerprint.js";
import { BEFORE, keepContents, namesForUndoing, type Keep } from "./keep.js";
import { checkEntry, reopened, type Reopened } from "./reopen.js";
import { leafOf } from "./tree.js";
import type { PlaceStep, Settings, WriteStep, Written } from "./types.js";

const NEW_FILE = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_NOFOLLOW;

interface MadeFolder {
  readonly parent: Directory;
  readonly name: string;
}

/**
 * Writes a file as a whole or not at all: into a new file beside it, made durable, then put under the name. What was
 * there is only replaced if it is what was judged, its content included; see aside.ts for how. A file that has other
 * names (hard links, perhaps outside the root) is replaced under this name only: the others keep the old content.
 * Permission bits are kept; so is the owner, if the system allows it.
 *
 * @param keep gets what was there, with its content, before anything is replaced; null to keep nothing
 * @throws EnactError STALE_PLAN, ACTION_FAILED; what `keep` throws, and then nothing was done
 */
export async function writeFile(settings: Settings, step: WriteStep, keep: Keep | null): Promise<Written> {
  return reopened(settings, step.place, "written", async (found) => {
    const old = checkEntry(found, step.place, "content");
    const names = { temporary: freshName("new"), aside: freshName("aside") };
    if (keep !== null) await keepBefore(keep, found, step, old, names);
    const made: MadeFolder[] = [];
    try {
      const folder = makeFolders(found, step.place, made);
      const name = step.place.names.at(-1) ?? found.name;
      return writeIn({ ...found, folder, name }, step, old, names);
    } catch (error) {
      // Only folders that are still empty can be removed.
      for (const { parent, name } of made.toReversed()) tidy(() => parent.rmdir(name));
      throw error;
    }
  });
}

/** Makes the folders that were missing; each must still be. */
function makeFolders({ handles, folder }: Reopened, place: PlaceStep, made: MadeFolder[]): Directory {
  let parent = folder;
  for (const name of place.names.slice(0, -1)) {
    parent.confirm();
    try {
      parent.mkdir(name);
    } catch (error) {
      if (errno(error) === "EEXIST") throw stale(place.path, `the folder '${name}' was made meanwhile`);
      throw error;
    }
    made.push({ parent, name });
    parent = handles.openChild(parent, name);
  }
  return parent;
}

function writeIn(found: Reopened, step: WriteStep, old: BigIntStats | undefined, names: Names): Written {
  const { folder } = found;
  const fd = folder.open(names.temporary, NEW_FILE, old === undefined ? 0o666 : 0o600);
  try {
    const stat = fill(fd, step.content, old);
    if (old === undefined) create(found, step.place, names.temporary);
    else replace(found, step, names);
    makeSure(found, stat, step.place.path);
    const mode = Number(stat.mode & 0o7777n);
    return { size: Number(stat.size), sha256: sha256(Buffer.from(step.content)), mode, otherLinks: old === undefined ? 0 : Number(old.nlink) - 1 };
  } finally {
    closeSync(fd);
    tidy(() => folder.unlink(names.temporary));
  }
}

/** Before the first change, so that an interrupted write can be undone from wherever it has come to. */
async function keepBefore(keep: Keep, found: Reopened, step: WriteStep, old: BigIntStats | undefined, { temporary, aside }: Names): Promise<void> {
  const { path, names } = step.place;
  const nodes = old === undefined ? [] : await keepContents(keep, found, leafOf(found.name, old));
  // The names of a place are the end of its path from the root.
  const parts = path.split("/");
  const made = names.slice(0, -1).map((_name, index) => parts.slice(0, parts.length - names.length + index + 1).join("/"));
  const content = Buffer.from(step.content);
  const written = { size: content.length, sha256: sha256(content), mode: old === undefined ? null : Number(old.mode & 0o777n), temporary, made };
  await keep.put(BEFORE, { version: 1, act: "write", path, aside, nodes, written, back: namesForUndoing() });
}

/** The new content, durable, with the old file's owner and permissions; never readable by others meanwhile. */
function fill(fd: number, content: string, old: BigIntStats | undefined): BigIntStats {
  writeFileSync(fd, content);
  if (old !== undefined) {
    // Only the superuser may give files away; the facts say when the owner changes.
    unless(["EPERM"], () => fchownSync(fd, Number(old.uid), Number(old.gid)));
    fchmodSync(fd, Number(old.mode & 0o777n));
  }
  fsyncSync(fd);
  return fstatSync(fd, { bigint: true });
}

function create({ folder, name }: Reopened, place: PlaceStep, temporary: string): void {
  folder.confirm();
  try {
    publish(folder, temporary, name);
  } catch (error) {
    if (errno(error) === "EEXIST") throw stale(place.path, "there was nothing, and now there is something");
    throw error;
  }
}

/** Under which names the new file waits, and the old one is put aside. */
interface Names {
  readonly temporary: string;
  readonly aside: string;
}

/** Puts a file that lies ready in the place of the judged one. @throws EnactError STALE_PLAN, ACTION_FAILED */
export function replace(found: Reopened, step: Pick<WriteStep, "place" | "previous_sha256">, names: Names): void {
  const { folder, name } = found;
  const { place } = step;
  const old = checkEntry(found, place, "content");
  checkContent(found, step);
  folder.confirm();
  const aside = moveAside(folder, name, names.aside);
  const moved = folder.lstat(aside.name);
  const isJudged = place.target !== null && difference(place.target, moved, "entry") === undefined && old !== undefined;
  if (!isJudged) throw undo(folder, aside.name, place, name, stale(place.path, "it was exchanged at the last moment"));
  try {
    publish(folder, names.temporary, name);
  } catch (error) {
    const reason = errno(error) === "EEXIST" ? stale(place.path, "another file was put in its place") : failed(place.path, "written", error);
    throw undo(folder, aside.name, place, name, reason);
  }
  tidy(() => folder.unlink(aside.name));
}

/** Time stamps can lie, a hash cannot. */
function checkContent({ handles, folder, name }: Reopened, { place, previous_sha256: judged }: Pick<WriteStep, "place" | "previous_sha256">): void {
  if (judged === null) return;
  const { fd } = handles.openFile(folder, name);
  const now = hashOf(fd);
  handles.close(fd);
  if (now !== judged) throw stale(place.path, "its content was changed");
}

/** Puts the old file back; if its place is taken, says where it is. */
function undo(folder: Directory, aside: string, place: PlaceStep, name: string, reason: EnactError): EnactError {
  if (putBack(folder, { name: aside }, name)) return reason;
  const done = `The file that was there is kept beside it as '${aside}'. Nothing else was done.`;
  return new EnactError("ACTION_FAILED", `'${place.path}' was not written: another process put a file in its place`, { done, cause: reason });
}

/** The name is given: from here on nothing can be called "not done" any more. */
export function makeSure({ folder, name }: Reopened, written: BigIntStats, path: string): void {
  let now: BigIntStats | undefined;
  try {
    folder.sync();
    now = folder.lstat(name);
  } catch (error) {
    const done = `The content was written, and then the system said ${errno(error)}.`;
    throw new EnactError("OUTCOME_UNKNOWN", `Whether '${path}' is safely written is not known`, { done, cause: error });
  }
  if (now !== undefined && isSame(now, written)) return;
  const done = "The content was written, and another process has moved or replaced it since.";
  throw new EnactError("OUTCOME_UNKNOWN", `'${path}' is no longer what was written`, { done });
}
