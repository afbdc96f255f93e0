import type { BigIntStats } from "node:fs";

import { EnactError } from "../../errors.js";
import { keyOf, type Directory } from "./directory.js";
import { errno, settled, stale, WalkFailure } from "./failures.js";
import { difference, type Strictness } from "./fingerprint.js";
import { anchorHere, withHandles, type Handles } from "./handles.js";
import type { PlaceStep, Settings } from "./types.js";
import { lastOf } from "./walk.js";

/** The judged folder, open again, and its entry. */
export interface Reopened {
  readonly handles: Handles;
  readonly folder: Directory;
  /** The entry's name in it; with folders to make, the first of them. */
  readonly name: string;
}

/**
 * Opens the judged folder again, name by name and following no link, compares every folder from the root down with what
 * was judged, and runs `act` while all of it is held open.
 *
 * @throws EnactError STALE_PLAN when anything on the way is another one
 */
export async function reopened<Value>(
  settings: Settings,
  step: PlaceStep,
  doing: "read" | "written" | "deleted" | "put back",
  act: (place: Reopened) => Promise<Value> | Value,
): Promise<Value> {
  const anchor = settings.anchor ?? anchorHere();
  return withHandles(anchor, async (handles) => {
    const name = step.names[0];
    if (name === undefined) throw new EnactError("INTERNAL", "A step without a name");
    try {
      return await act({ handles, folder: openFolder(handles, step), name });
    } catch (error) {
      // Whoever is past the first change turns this into what was done himself.
      throw settled(error, step.path, doing);
    }
  });
}

function openFolder(handles: Handles, step: PlaceStep): Directory {
  const stack = [handles.openTop()];
  for (const name of step.folder.split("/").filter((part) => part !== "")) {
    try {
      stack.push(handles.openChild(lastOf(stack), name));
    } catch (error) {
      throw stale(step.path, `the folder '${name}' on the way to it cannot be opened any more (${error instanceof WalkFailure ? "changed" : errno(error)})`);
    }
  }
  const found = stack.slice(-step.folders.length).map((folder) => keyOf(folder.stat));
  const isAsJudged = found.length === step.folders.length && found.every((key, index) => key === step.folders[index]);
  if (!isAsJudged) throw stale(step.path, "a folder on the way to it was exchanged");
  return lastOf(stack);
}

/** @throws EnactError STALE_PLAN unless the entry is what was judged (nothing, where nothing was) */
export function checkEntry({ folder, name }: Reopened, step: PlaceStep, strictness: Strictness): BigIntStats | undefined {
  const now = folder.lstat(name);
  if (step.target === null) {
    if (now !== undefined) throw stale(step.path, "there was nothing, and now there is something");
    return undefined;
  }
  const changed = difference(step.target, now, strictness);
  if (changed !== undefined) throw stale(step.path, changed);
  return now;
}
