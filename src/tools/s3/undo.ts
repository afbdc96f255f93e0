import { z } from "zod";

import { EnactError } from "../../errors.js";
import type { Json } from "../../facts/json.js";
import type { S3Effect } from "../../facts/s3.js";
import { checkedBucket, checkedKey, checkedVersion, type DeletionOutcome, type S3Marker, type S3Reader, type S3Writer } from "../../systems/s3.js";
import type { ActionTaken, Reversal, UndoDefinition, UndoableRun } from "../tool.js";

/** What deleting objects with these effects leaves to undo; null is an effect that is not known. */
export function s3Reversal(effects: readonly (S3Effect | null)[]): Reversal {
  const hidden = effects.filter((effect) => effect === "hide").length;
  if (hidden === effects.length) return { possible: true, how: "the delete markers are removed again, as long as nothing was put over them" };
  if (hidden > 0) return { possible: true, how: `only for ${hidden} of ${effects.length} objects; the others are gone for good` };
  if (effects.includes(null)) return { possible: false, how: "S3 does not let us see whether the bucket keeps versions" };
  if (effects.every((effect) => effect === "reveal")) return { possible: false, how: "a delete marker is removed: the object reappears, and is deleted again with s3_delete" };
  return { possible: false, how: "what is deleted here is gone for good" };
}

interface Marked {
  readonly key: string;
  readonly marker: string;
}

interface Step {
  readonly bucket: string;
  readonly markers: readonly Marked[];
}

/** S3's own words for what was deleted; the receipt holds them as they were. */
const deleted = z.object({ bucket: z.string(), key: z.string(), marker_version_id: z.string().nullable().default(null) });

const SHOWN = 10;
const LOOKS_AT_ONCE = 8;

/** Removes exactly the delete markers that a run set, while each still is what hides its object. */
export const undoS3Delete: UndoDefinition<S3Reader, S3Writer> = {
  async plan(run, reader, { signal }) {
    const { bucket, markers, gone } = markersOf(run);
    await checkLatest({ bucket, markers }, (key, marker) => reader.marker(bucket, key, marker, signal));
    const changes = [
      ...markers.slice(0, SHOWN).map(({ key, marker }) => `'${key}' in ${bucket} is there again: its delete marker ${marker} is removed`),
      ...(markers.length > SHOWN ? [`and ${markers.length - SHOWN} more objects likewise`] : []),
    ];
    const step: Step = { bucket, markers };
    const objects = markers.length === 1 ? "1 object" : `${markers.length} objects`;
    const payload = { bucket, object_count: markers.length, changes, not_undone: inWords(gone) };
    return { payload, step: step as unknown as Json, target: `${objects} in s3://${bucket}/`, subjects: [`s3:${bucket}`] };
  },
  async execute(step, writer, { signal }) {
    const { bucket, markers } = step as unknown as Step;
    await checkLatest({ bucket, markers }, (key, marker) => writer.marker(bucket, key, marker));
    if (signal.aborted) throw new EnactError("CANCELLED", "The call was cancelled before anything was undone");
    const outcomes = await writer.delete(bucket, markers.map(({ key, marker }) => ({ key, version_id: marker, etag: null })));
    const actions = markers.map((marked, index) => action(bucket, marked, outcomes[index]));
    return { actions, result: { bucket, restored: actions.filter(({ success }) => success === true).length, of: actions.length } };
  },
};

function markersOf(run: UndoableRun): Step & { readonly gone: readonly string[] } {
  const taken = run.actions.filter(({ system, action: name, success }) => system === "s3" && name === "delete_object" && success !== false);
  const read = z.array(deleted).safeParse(taken.map(({ output }) => output));
  const bucket = read.data?.[0]?.bucket;
  if (!read.success || bucket === undefined || read.data.some((each) => each.bucket !== bucket)) {
    throw new EnactError("REFUSED", "The receipt does not say enough to undo this deletion", { hint: "Ask the person to look into the bucket." });
  }
  const hidden = read.data.filter((_each, index) => taken[index]?.reversible === true);
  const markers = hidden.flatMap(({ key, marker_version_id: id }) => (id === null ? [] : [{ key: checkedKey(key, "The key"), marker: checkedVersion(id) }]));
  const gone = read.data.filter(({ key }) => !markers.some((marked) => marked.key === key)).map(({ key }) => key);
  if (markers.length > 0) return { bucket: checkedBucket(bucket), markers, gone };
  throw new EnactError("REFUSED", "What this run deleted is gone for good: no delete marker hides it", { hint: "Ask the person for a backup." });
}

/** All or nothing: a marker that is gone, or no longer the latest, means that somebody has decided something since. */
async function checkLatest({ bucket, markers }: Step, look: (key: string, marker: string) => Promise<S3Marker | undefined>): Promise<void> {
  const changed: string[] = [];
  for (let at = 0; at < markers.length; at += LOOKS_AT_ONCE) {
    const some = markers.slice(at, at + LOOKS_AT_ONCE);
    const found = await Promise.all(some.map(({ key, marker }) => look(key, marker)));
    for (const [index, { key }] of some.entries()) {
      const now = found[index];
      if (now === undefined) changed.push(`the delete marker of '${key}' is gone`);
      else if (!now.isLatest) changed.push(`'${key}' was written or deleted again`);
    }
  }
  if (changed.length === 0) return;
  const more = changed.length > 3 ? ` and ${changed.length - 3} more` : "";
  throw new EnactError("STALE_PLAN", `${bucket} is no longer as the run left it: ${changed.slice(0, 3).join(", ")}${more}`, {
    hint: "Ask the person: somebody has changed these objects since.",
  });
}

function inWords(gone: readonly string[]): readonly string[] {
  const shown = gone.slice(0, SHOWN).map((key) => `'${key}' is gone for good, or its fate is not known: only a backup brings it back`);
  return gone.length > SHOWN ? [...shown, `and ${gone.length - SHOWN} more likewise`] : shown;
}

function action(bucket: string, { key, marker }: Marked, outcome: DeletionOutcome | undefined): ActionTaken {
  const base = { system: "s3", action: "remove_delete_marker", output: { bucket, key, marker_version_id: marker }, reversible: false } as const;
  if (outcome?.state === "deleted") return { ...base, success: true };
  if (outcome?.state === "failed") {
    const { message, code } = outcome.failure;
    return { ...base, success: false, error: { code: "ACTION_FAILED", message: `'${key}' was not brought back. ${message} (${code})` } };
  }
  const why = outcome === undefined ? "The server did not say" : `${outcome.failure.message} (${outcome.failure.code})`;
  return { ...base, success: "unknown", error: { code: "OUTCOME_UNKNOWN", message: `${why}. '${key}' may have been brought back: look into the bucket` } };
}
