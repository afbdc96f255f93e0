import { z } from "zod";

import { s3DeletePayload, type S3DeletedObject, type S3DeletePayload } from "../../facts/s3.js";
import type { S3Object, S3Reader } from "../../systems/s3.js";
import type { InterruptedRun, SettleCall, Settlement } from "../tool.js";
import { cannotTell, done, factsOf, goneHere, notDone, unlessStillOnItsWay, unreadable } from "./common.js";

const deleteFacts = s3DeletePayload.pick({ bucket: true, selection: true, objects: true }).extend({ versioning: z.unknown() }).strip();

/** None of the objects can be seen any more: done. All are there, each the same version and bytes: not done. */
export async function settleS3Delete(run: InterruptedRun, reader: S3Reader, call: SettleCall): Promise<Settlement> {
  const facts = factsOf(deleteFacts, run);
  if (facts === undefined) return unreadable("the objects and their versions");
  const { bucket, objects } = facts;
  const states = facts.selection === "version" ? await versionStates(facts, reader, call) : await currentStates(facts, reader, call);
  const count = (state: State): number => states.filter((one) => one === state).length;
  const shown = { bucket, objects: objects.length, gone: count("gone"), left: count("same"), changed: count("other") };
  const which = objects.length === 1 ? `'${objects[0]?.key ?? ""}'` : `${String(objects.length)} objects`;
  if (shown.gone === objects.length) return goneHere(done(`${which} cannot be seen in ${bucket} any more`, shown), run);
  if (shown.left === objects.length) return unlessStillOnItsWay(notDone(`${which} ${objects.length === 1 ? "is" : "are"} in ${bucket}, unchanged`, shown), run, call);
  const parts = [`${String(shown.gone)} gone`, `${String(shown.left)} unchanged`, `${String(shown.changed)} others under their names`];
  return unlessStillOnItsWay(cannotTell(`Of ${which} in ${bucket}: ${parts.join(", ")}`, shown), run, call);
}

type State = "gone" | "same" | "other";
type Facts = Pick<S3DeletePayload, "bucket" | "objects"> & { readonly versioning: unknown };

async function currentStates({ bucket, objects, versioning }: Facts, reader: S3Reader, { signal }: SettleCall): Promise<readonly State[]> {
  const known = ["enabled", "suspended", "never"].find((one) => one === versioning) as "enabled" | "suspended" | "never" | undefined;
  const now = await reader.objects(bucket, objects.map(({ key }) => key), { versioning: known, signal });
  return objects.map((object, index) => stateOf(object, now[index]));
}

/** A version, or a delete marker that was to be removed. */
async function versionStates({ bucket, objects }: Facts, reader: S3Reader, { signal }: SettleCall): Promise<readonly State[]> {
  return Promise.all(
    objects.map(async (object): Promise<State> => {
      const versionId = object.version_id ?? "null";
      if (object.effect === "reveal") return (await reader.marker(bucket, object.key, versionId, signal)) === undefined ? "gone" : "same";
      const [now] = await reader.objects(bucket, [object.key], { versioning: undefined, versionId, signal });
      return stateOf(object, now);
    }),
  );
}

function stateOf({ version_id, etag, size, last_modified }: S3DeletedObject, now: S3Object | undefined): State {
  if (now === undefined) return "gone";
  const isSame = now.etag === etag && now.size === size && now.last_modified === last_modified && (version_id === null || now.version_id === version_id);
  return isSame ? "same" : "other";
}
