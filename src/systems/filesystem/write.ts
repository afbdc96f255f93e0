import { closeSync, constants, fchmodSync, fchownSync, fstatSync, fsyncSync, writeFileSync, type BigIntStats } from "node:fs";

import { EnactError } from "../../errors.js";
import { freshName, moveAside, publish, putBack } from "./aside.js";
import { isSame, type Directory } from "./directory.js";
import { errno, failed, stale, tidy, unless } from "./failures.js";
import { difference, hashOf, sha256 } from "./fingerprint.js";
import { checkEntry, reopened, type Reopened } from "./reopen.js";
import type { PlaceStep, Settings, WriteStep, Written } from "./types.js";

const NEW_FILE = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_NOFOLLOW;

/**
 * Writes a file as a whole or not at all: into a new file beside it, made durable, then put under the name. What was
 * there is only replaced if it is what was judged, its content included; see aside.ts for how. A file that has other
 * names (hard links, perhaps outside the root) is replaced under this name only: the others keep the old content.
 * Permission bits are kept; so is the owner, if the system allows it.
 *
 * @throws EnactError STALE_PLAN, ACTION_FAILED
 */
export async function writeFile(settings: Settings, step: WriteStep): Promise<Written> {
  return reopened(settings, step.place, "written", (found) => {
    const old = checkEntry(found, step.place, "content");
    const made: { parent: Directory; name: string }[] = [];
    try {
      const folder = makeFolders(found, step.place, made);
      const name = step.place.names.at(-1) ?? found.name;
      return writeIn({ ...found, folder, name }, step, old);
    } catch (error) {
      // Only folders that are still empty can be removed.
      for (const { parent, name } of made.toReversed()) tidy(() => parent.rmdir(name));
      throw error;
    }
  });
}

/** Makes the folders that were missing; each must still be. */
function makeFolders({ handles, folder }: Reopened, place: PlaceStep, made: { parent: Directory; name: string }[]): Directory {
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

function writeIn(found: Reopened, step: WriteStep, old: BigIntStats | undefined): Written {
  const { folder } = found;
  const temporary = freshName("new");
  const fd = folder.open(temporary, NEW_FILE, old === undefined ? 0o666 : 0o600);
  try {
    const stat = fill(fd, step.content, old);
    if (old === undefined) create(found, step.place, temporary);
    else replace(found, step, temporary);
    makeSure(found, stat, step.place.path);
    return { size: Number(stat.size), sha256: sha256(Buffer.from(step.content)), otherLinks: old === undefined ? 0 : Number(old.nlink) - 1 };
  } finally {
    closeSync(fd);
    tidy(() => folder.unlink(temporary));
  }
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

function replace(found: Reopened, step: WriteStep, temporary: string): void {
  const { folder, name } = found;
  const { place } = step;
  const old = checkEntry(found, place, "content");
  checkContent(found, step);
  folder.confirm();
  const aside = moveAside(folder, name);
  const moved = folder.lstat(aside.name);
  const isJudged = place.target !== null && difference(place.target, moved, "entry") === undefined && old !== undefined;
  if (!isJudged) throw undo(folder, aside.name, place, name, stale(place.path, "it was exchanged at the last moment"));
  try {
    publish(folder, temporary, name);
  } catch (error) {
    const reason = errno(error) === "EEXIST" ? stale(place.path, "another file was put in its place") : failed(place.path, "written", error);
    throw undo(folder, aside.name, place, name, reason);
  }
  tidy(() => folder.unlink(aside.name));
}

/** Time stamps can lie, a hash cannot. */
function checkContent({ handles, folder, name }: Reopened, { place, previous_sha256: judged }: WriteStep): void {
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
function makeSure({ folder, name }: Reopened, written: BigIntStats, path: string): void {
  let now: BigIntStats | undefined;
  try {
    syncFolder(folder);
    now = folder.lstat(name);
  } catch (error) {
    const done = `The content was written, and then the system said ${errno(error)}.`;
    throw new EnactError("OUTCOME_UNKNOWN", `Whether '${path}' is safely written is not known`, { done, cause: error });
  }
  if (now !== undefined && isSame(now, written)) return;
  const done = "The content was written, and another process has moved or replaced it since.";
  throw new EnactError("OUTCOME_UNKNOWN", `'${path}' is no longer what was written`, { done });
}

/** Makes the new name durable. Some file systems cannot, and do it in their own time. */
function syncFolder(folder: Directory): void {
  const fd = unless(["EACCES", "EPERM"], () => folder.open(".", constants.O_RDONLY | constants.O_DIRECTORY));
  if (fd === undefined) return;
  try {
    unless(["EINVAL", "ENOTSUP", "EBADF"], () => fsyncSync(fd));
  } finally {
    closeSync(fd);
  }
}
