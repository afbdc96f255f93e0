import { z } from "zod";

import { EnactError } from "../errors.js";
import { reachedNames, s3DeletePayload, type S3DeletedObject, type S3DeletePayload, type S3Effect } from "../facts/s3.js";
import { unknown, type OrUnknown } from "../facts/unknown.js";
import {
  checkedBucket,
  checkedKey,
  checkedVersion,
  isSame,
  type DeletionOutcome,
  type S3Bucket,
  type S3Object,
  type S3Reader,
  type S3Writer,
  type Versioning,
} from "../systems/s3.js";
import { s3Reversal, undoS3Delete } from "./s3/undo.js";
import { settleS3Delete } from "./settling/s3.js";
import { defineTool, type ActionTaken, type PlanCall } from "./tool.js";

const input = z.strictObject({
  bucket: z.string().max(255).describe("The bucket's plain name: no ARN, no address"),
  key: z.string().optional().describe("One object. Give exactly one of key, keys, prefix"),
  keys: z.array(z.string()).min(1).max(10_000).optional().describe("Several objects"),
  prefix: z.string().optional().describe('Every object whose key begins so. Not a folder: "logs" also means "logs-archive/x"'),
  version_id: z.string().optional().describe("With key: this version, gone for good; or this delete marker"),
});

type Input = z.infer<typeof input>;

type StepObject = {
  key: string;
  /** To be deleted; null for the current object. */
  delete_version: string | null;
  /** As it was seen; null for a delete marker, which has nothing to compare. */
  seen: S3Object | null;
  /** null: not known. */
  effect: S3Effect | null;
};

type Step = { bucket: string; versioning: Versioning | null; objects: StepObject[] };

/** What plan() has found before it is put into facts. */
interface Found {
  readonly selection: S3DeletePayload["selection"];
  readonly objects: readonly StepObject[];
}

/** Deletes exactly the objects that were listed and judged. */
export const s3DeleteTool = defineTool<Input, S3DeletePayload, Step, S3Reader, S3Writer>({
  name: "s3_delete",
  title: "Delete from S3",
  description:
    "Deletes objects from an S3 bucket: one key, several keys, everything below a prefix, or one version. First lists " +
    "exactly what would go, with versions, sizes and locks, and whether it can be undone. Locks are never bypassed.",
  system: "s3",
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: true },
  input,
  payload: s3DeletePayload,
  undo: undoS3Delete,
  reversible: "in a bucket with versioning the delete markers are removed again; elsewhere nothing can be brought back",
  access: [
    "On the bucket: `s3:ListBucket`, `s3:ListBucketVersions`, `s3:GetBucketVersioning`, `s3:GetBucketObjectLockConfiguration`.",
    "On its objects: `s3:GetObject`, `s3:GetObjectVersion`, `s3:GetObjectRetention`, `s3:GetObjectLegalHold`, `s3:DeleteObject`. Contents are never read; S3 has no smaller right for sizes and ETags.",
    "`s3:DeleteObjectVersion` only if versions may be destroyed for good, or delete markers removed again by enact_rollback.",
    "Never `s3:BypassGovernanceRetention` or `s3:PutObjectRetention`.",
  ],
  settle: settleS3Delete,

  async plan(given, reader, call) {
    const asked = checkedInput(given, reader.maxObjects);
    const bucket = await reader.bucket(asked.bucket, call.signal);
    const found = await look(asked, bucket, reader, call);
    const keys = found.objects.map(({ key }) => key);
    const wholeBucket = await isWholeBucket(asked, keys.length, reader, call.signal);
    const step: Step = { bucket: asked.bucket, versioning: bucket.versioning ?? null, objects: [...found.objects] };
    const payload = facts(asked, bucket, found, wholeBucket);
    return { payload, step, target: target(asked, keys), subjects: [`s3:${asked.bucket}`], reversal: s3Reversal(found.objects.map(({ effect }) => effect)) };
  },

  async execute(step, writer, { signal }) {
    await checkUnchanged(step, writer);
    if (signal.aborted) throw new EnactError("CANCELLED", "The call was cancelled before anything was deleted");
    const deletions = step.objects.map(({ key, delete_version, seen }) => ({
      key,
      version_id: delete_version,
      etag: delete_version === null && seen !== null && seen.etag !== "" ? seen.etag : null,
    }));
    const outcomes = await writer.delete(step.bucket, deletions);
    const actions = step.objects.map((object, index) => action(step, object, outcomes[index], writer.enforcesEtags));
    const deleted = actions.filter(({ success }) => success === true).length;
    return { actions, result: { bucket: step.bucket, deleted, of: actions.length } };
  },
});

interface Asked {
  readonly bucket: string;
  readonly keys: readonly string[] | undefined;
  readonly prefix: string | undefined;
  readonly versionId: string | undefined;
  readonly isSingle: boolean;
}

function checkedInput({ bucket, key, keys, prefix, version_id }: Input, maxObjects: number): Asked {
  if ([key, keys, prefix].filter((value) => value !== undefined).length !== 1) {
    throw new EnactError("INVALID_INPUT", "Give exactly one of key, keys and prefix");
  }
  if (version_id !== undefined && key === undefined) throw new EnactError("INVALID_INPUT", "version_id goes with key only");
  if (prefix === "") {
    const hint = "Name the objects by a prefix or by their keys. A person empties a whole bucket.";
    throw new EnactError("INVALID_INPUT", "An empty prefix means the whole bucket", { hint });
  }
  const named = keys ?? (key === undefined ? undefined : [key]);
  for (const name of named ?? []) checkedKey(name, `The key '${name.slice(0, 80)}'`);
  if (new Set(named).size !== (named?.length ?? 0)) throw new EnactError("INVALID_INPUT", "The same key is named twice");
  if ((named?.length ?? 0) > maxObjects) {
    throw new EnactError("REFUSED", `${named?.length} keys are named; only ${maxObjects} can be judged at once`);
  }
  return {
    bucket: checkedBucket(bucket),
    keys: named,
    prefix: prefix === undefined ? undefined : checkedKey(prefix, "The prefix"),
    versionId: version_id === undefined ? undefined : checkedVersion(version_id),
    isSingle: key !== undefined,
  };
}

async function look(asked: Asked, bucket: S3Bucket, reader: S3Reader, call: PlanCall): Promise<Found> {
  if (asked.versionId !== undefined) return lookAtVersion(asked, asked.versionId, reader, call);
  const { signal } = call;
  const selection = asked.prefix !== undefined ? "prefix" : asked.isSingle ? "key" : "keys";
  const listed = asked.prefix === undefined ? undefined : await reader.list(asked.bucket, asked.prefix, reader.maxObjects, signal);
  const keys = asked.keys ?? listed?.map(({ key }) => key) ?? [];
  // A list says all there is to say only where there are no versions and no locks.
  const isEnough = listed !== undefined && bucket.versioning === "never" && bucket.objectLock === false;
  const seen = isEnough ? listed : await reader.objects(asked.bucket, keys, { versioning: bucket.versioning, signal });
  const missing = keys.filter((_key, index) => seen[index] === undefined);
  if (missing.length > 0 || keys.length === 0) throw nothingThere(asked, missing);
  const effects = await effectsOf(asked.bucket, keys, bucket.versioning, reader, signal);
  const objects = keys.map((key, index) => {
    return { key, delete_version: null, seen: seen[index] ?? null, effect: effects[index] ?? null };
  });
  return { selection, objects };
}

async function lookAtVersion(asked: Asked, versionId: string, reader: S3Reader, { signal, now }: PlanCall): Promise<Found> {
  const [key = ""] = asked.keys ?? [];
  const [seen] = await reader.objects(asked.bucket, [key], { versioning: undefined, versionId, signal });
  if (seen !== undefined) {
    refuseLocked(seen, now);
    return { selection: "version", objects: [{ key, delete_version: versionId, seen, effect: "destroy" }] };
  }
  const marker = await reader.marker(asked.bucket, key, versionId, signal);
  if (marker === undefined) throw new EnactError("NOT_FOUND", `'${key}' has no version '${versionId}' in ${asked.bucket}`);
  return { selection: "version", objects: [{ key, delete_version: versionId, seen: null, effect: "reveal" }] };
}

/** S3 would refuse as well; here it is said with the reason, and before anybody is asked to approve it. */
function refuseLocked({ key, retention, legal_hold }: S3Object, now: Date): void {
  const hint = "A person with the right to do so must lift the lock first.";
  if (legal_hold) throw new EnactError("REFUSED", `This version of '${key}' is under a legal hold`, { hint });
  if (retention === null || Date.parse(retention.until) <= now.getTime()) return;
  throw new EnactError("REFUSED", `This version of '${key}' is locked (${retention.mode}) until ${retention.until}`, { hint });
}

async function effectsOf(
  bucket: string,
  keys: readonly string[],
  versioning: Versioning | undefined,
  reader: S3Reader,
  signal: AbortSignal,
): Promise<readonly (S3Effect | null)[]> {
  if (versioning === "never") return keys.map(() => "destroy");
  if (versioning === "enabled") return keys.map(() => "hide");
  if (versioning === undefined) return keys.map(() => null);
  // Suspended: the new marker takes the place of the version "null", current or not, whose bytes are then gone.
  const nulls = await reader.objects(bucket, keys, { versioning, versionId: "null", signal });
  return nulls.map((version) => (version === undefined ? "hide" : "destroy"));
}

function nothingThere({ bucket, prefix }: Asked, missing: readonly string[]): EnactError {
  if (prefix !== undefined) return new EnactError("NOT_FOUND", `No object in ${bucket} begins with '${prefix}'`);
  const shown = missing.slice(0, 5).map((key) => `'${key}'`).join(", ");
  const more = missing.length > 5 ? ` and ${missing.length - 5} more` : "";
  return new EnactError("NOT_FOUND", `${bucket} holds no ${shown}${more} (or it is deleted already)`);
}

async function isWholeBucket(asked: Asked, count: number, reader: S3Reader, signal: AbortSignal): Promise<OrUnknown<boolean>> {
  if (asked.versionId !== undefined) return false;
  try {
    return !(await reader.holdsMoreThan(asked.bucket, count, signal));
  } catch (error) {
    if (error instanceof EnactError && error.code === "CANCELLED") throw error;
    return unknown("the bucket could not be listed");
  }
}

const UNSEEN = unknown("S3 does not let us see whether the bucket keeps versions");

function facts(asked: Asked, bucket: S3Bucket, { selection, objects }: Found, wholeBucket: OrUnknown<boolean>): S3DeletePayload {
  const listed = objects.map(({ key, delete_version, seen, effect }): S3DeletedObject => ({
    key,
    version_id: delete_version ?? seen?.version_id ?? null,
    size: seen?.size ?? null,
    etag: seen?.etag ?? null,
    last_modified: seen?.last_modified ?? null,
    effect: effect ?? UNSEEN,
    retention: seen?.retention ?? null,
    legal_hold: seen?.legal_hold ?? false,
  }));
  const isKnown = objects.every(({ effect }) => effect !== null);
  const reached = asked.prefix === undefined ? [] : reachedNames(asked.prefix, objects.map(({ key }) => key));
  return {
    action: "delete",
    path: path(asked),
    bucket: asked.bucket,
    selection,
    prefix: asked.prefix ?? null,
    reaches: reached.slice(0, 100),
    reaches_count: reached.length,
    whole_bucket: wholeBucket,
    versioning: bucket.versioning ?? UNSEEN,
    mfa_delete: bucket.mfaDelete,
    object_lock: bucket.objectLock ?? unknown("S3 does not let us see whether the bucket has locks"),
    objects: listed,
    object_count: listed.length,
    total_bytes: listed.reduce((sum, { size }) => sum + (size ?? 0), 0),
    reversible: isKnown ? objects.every(({ effect }) => effect !== "destroy") : UNSEEN,
  };
}

function path({ bucket, prefix, keys, isSingle }: Asked): string {
  return `s3://${bucket}/${prefix ?? (isSingle ? (keys?.[0] ?? "") : "")}`;
}

function target(asked: Asked, keys: readonly string[]): string {
  if (asked.versionId !== undefined) return `version ${asked.versionId} of ${path(asked)}`;
  if (asked.isSingle) return path(asked);
  const count = keys.length === 1 ? "1 object" : `${keys.length} objects`;
  return asked.prefix === undefined ? `${count} in ${path(asked)}` : `${count} beginning with ${path(asked)}`;
}

/** All or nothing: if one object is no longer what was judged, none is deleted. */
async function checkUnchanged({ bucket, versioning, objects }: Step, writer: S3Writer): Promise<void> {
  const [first] = objects;
  const which = { versioning: versioning ?? undefined };
  const version = first?.delete_version ?? null;
  const options = version === null ? which : { ...which, versionId: version };
  const compared = objects.filter(({ seen }) => seen !== null);
  const now = await writer.look(bucket, compared.map(({ key }) => key), options);
  const changed = compared.filter(({ seen }, index) => {
    const found = now[index];
    return seen === null || found === undefined || !isSame(seen, found);
  });
  if (changed.length === 0) return;
  const shown = changed.slice(0, 3).map(({ key }) => `'${key}'`).join(", ");
  const what = changed.length > 3 ? `${shown} and ${changed.length - 3} more` : shown;
  throw new EnactError("STALE_PLAN", `No longer as judged in ${bucket}: ${what} (overwritten or deleted since)`, {
    hint: "Look again: call the tool once more.",
  });
}

/** What would have kept the object safe, had it been overwritten in the last moment. */
function preconditionOf(version: string | null, enforcesEtags: boolean): string {
  if (version === null) return enforcesEtags ? "if_match" : "fresh_look";
  return version === "null" ? "fresh_look" : "version_id";
}

function action(step: Step, object: StepObject, outcome: DeletionOutcome | undefined, enforcesEtags: boolean): ActionTaken {
  const { key, delete_version, seen, effect } = object;
  const precondition = preconditionOf(delete_version, enforcesEtags);
  const base = { system: "s3", action: "delete_object", reversible: false } as const;
  const output = { bucket: step.bucket, key, version_id: delete_version ?? seen?.version_id ?? null, precondition };
  if (outcome === undefined) return { ...base, success: "unknown", output };
  if (outcome.state === "deleted") {
    const marker = outcome.isMarker && delete_version === null ? (outcome.markerVersionId ?? "null") : null;
    const reversible = effect === "hide" && marker !== null;
    return { ...base, success: true, reversible, output: { ...output, marker_version_id: marker } };
  }
  const { code, message, kind } = outcome.failure;
  if (outcome.state === "failed") {
    const error = { code: kind === "STALE_PLAN" ? "STALE_PLAN" : "ACTION_FAILED", message: `Not deleted. ${message} (${code})` };
    return { ...base, success: false, output, error };
  }
  const words = `${message} (${code}). It may have been deleted: look before deleting again`;
  return { ...base, success: "unknown", output, error: { code: "OUTCOME_UNKNOWN", message: words } };
}
