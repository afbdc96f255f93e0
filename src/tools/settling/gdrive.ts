import { isEnactError } from "../../errors.js";
import { gdriveDeletePayload } from "../../facts/gdrive.js";
import type { GdriveFile, GdriveReader } from "../../systems/gdrive.js";
import type { InterruptedRun, SettleCall, Settlement } from "../tool.js";
import { cannotTell, done, factsOf, goneHere, notDone, unlessStillOnItsWay, unreadable } from "./common.js";

const deleteFacts = gdriveDeletePayload.pick({ file_id: true, permanently: true, in_trash: true, name: true }).strip();

/** It is in the trash, or gone for good, as was asked: done. It is where it was: not done. */
export async function settleGdriveDelete(run: InterruptedRun, reader: GdriveReader, call: SettleCall): Promise<Settlement> {
  const facts = factsOf(deleteFacts, run);
  if (facts === undefined) return unreadable("the file's id and what was to become of it");
  const { file_id, permanently, name } = facts;
  const file = await lookFor(file_id, reader, call.signal);
  const shown = { file_id, in_trash: file?.isTrashed ?? null };
  if (file === null) {
    if (permanently) return goneHere(done(`'${name}' is gone from Drive`, shown), run);
    return cannotTell(`'${name}' was to go to the trash and is gone altogether, or the account may not see it any more`, shown);
  }
  if (!permanently && file.isTrashed) return done(`'${name}' is in the trash`, shown);
  if (file.isTrashed !== facts.in_trash) return cannotTell(`'${name}' was to be deleted for good and is in the trash: somebody else put it there`, shown);
  return unlessStillOnItsWay(notDone(`'${name}' is where it was`, shown), run, call);
}

async function lookFor(id: string, reader: GdriveReader, signal: AbortSignal): Promise<GdriveFile | null> {
  try {
    return await reader.file(id, signal);
  } catch (error) {
    if (isEnactError(error) && error.code === "NOT_FOUND") return null;
    throw error;
  }
}
