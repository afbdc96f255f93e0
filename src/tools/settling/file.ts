import { z } from "zod";

import { isEnactError } from "../../errors.js";
import type { FileLook, FileReader } from "../../systems/filesystem.js";
import type { InterruptedRun, SettleCall, Settlement } from "../tool.js";
import { cannotTell, done, factsOf, goneHere, notDone, unreadable } from "./common.js";

const place = z.object({ path: z.string(), real_path: z.string(), kind: z.string() });
const writeFacts = place.extend({ content_sha256: z.string(), previous_sha256: z.string().nullable(), exists: z.boolean() });
const deleteFacts = place.extend({ size: z.number().nullable(), entries_sha256: z.string().nullable() });

type Settle = (run: InterruptedRun, reader: FileReader, call: SettleCall) => Promise<Settlement>;

/** The file holds the new content: done. It is as it was: not done. */
export const settleWrite: Settle = async (run, reader, { signal }) => {
  const facts = factsOf(writeFacts, run);
  if (facts === undefined) return unreadable("the path, and the hashes of the old and the new content");
  const { path, content_sha256: wanted, previous_sha256: before, exists } = facts;
  const look = await reader.look(path, "write", { signal });
  if (look.realPath !== facts.real_path) return movedPath(path, look);
  const now = look.previousSha256;
  const shown = { path, sha256: typeof now === "string" ? now : null };
  if (typeof now === "object" && now !== null) return cannotTell(`What '${path}' holds cannot be read: ${now.why}`, shown);
  if (now === wanted) return done(now === before ? `'${path}' holds that content, as it did before` : `'${path}' holds the new content`, shown);
  const left = await reader.leftovers(path, run.decided_at);
  const note = left.length === 0 ? "" : `; ${names(left)} was left beside it`;
  if (now === before && exists === (now !== null)) return notDone(now === null ? `'${path}' was not made${note}` : `'${path}' holds what it held${note}`, shown);
  if (now === null) return cannotTell(`'${path}' is gone${left.length === 0 ? "" : `; what it held may be in ${names(left)}`}`, shown);
  return cannotTell(`'${path}' holds neither the old content nor the new one: somebody has changed it since`, shown);
};

/** It is gone: done. It is there and the same: not done. */
export const settleDelete: Settle = async (run, reader, { signal }) => {
  const facts = factsOf(deleteFacts, run);
  if (facts === undefined) return unreadable("the path and what lay there");
  const { path } = facts;
  const look = await lookFor(path, reader, signal);
  if (look === null) {
    const left = await reader.leftovers(path, run.decided_at);
    // It was moved aside to be deleted, and only part of it may be gone.
    if (left.length > 0) return cannotTell(`'${path}' is gone from its place, but ${names(left)} lies beside it and may be what is left of it`, { path, left: [...left] });
    return goneHere(done(`'${path}' is gone`, { path }), run);
  }
  if (look.realPath !== facts.real_path) return movedPath(path, look);
  if (look.kind !== facts.kind) return cannotTell(`In the place of '${path}' is a ${look.kind} now`, { path });
  if (facts.entries_sha256 !== null) {
    if (look.tree?.digest === facts.entries_sha256) return notDone(`The folder '${path}' is there with all that was in it`, { path, entries: look.tree.paths.length });
    return cannotTell(`The folder '${path}' is there, but what is in it has changed`, { path });
  }
  return isAsOldAs(look, run.decided_at, facts.size) ? notDone(`'${path}' is there, as it was`, { path }) : cannotTell(`There is a '${path}', but it was changed, or made anew, since`, { path });
};

async function lookFor(path: string, reader: FileReader, signal: AbortSignal): Promise<FileLook | null> {
  try {
    return await reader.look(path, "delete", { recursive: true, signal });
  } catch (error) {
    if (isEnactError(error) && error.code === "NOT_FOUND") return null;
    throw error;
  }
}

/** The change time cannot be set back: what it shows as older than the decision has not been touched since, or made anew. */
function isAsOldAs(look: FileLook, decidedAt: Date, size: number | null): boolean {
  const { target } = look.step;
  if (target === null || look.size !== size) return false;
  return nanoseconds(target.changed) < BigInt(decidedAt.getTime()) * 1_000_000n;
}

function nanoseconds(text: string): bigint {
  return /^\d+$/.test(text) ? BigInt(text) : BigInt(Number.MAX_SAFE_INTEGER) * 1_000_000n;
}

function movedPath(path: string, look: FileLook): Settlement {
  return cannotTell(`'${path}' leads to another place now than when it was judged`, { path: look.path });
}

function names(left: readonly string[]): string {
  return left.slice(0, 3).map((name) => `'${name}'`).join(", ");
}
