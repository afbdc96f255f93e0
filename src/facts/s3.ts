import { z } from "zod";

import { orUnknown } from "./unknown.js";

/**
 * destroy: the bytes are gone. hide: a delete marker is set, the versions stay. reveal: a delete marker is removed, and
 * what it hid can be seen again.
 */
const S3_EFFECTS = ["destroy", "hide", "reveal"] as const;
export type S3Effect = (typeof S3_EFFECTS)[number];

/** One object, version or delete marker that the call would delete. */
const s3DeletedObject = z.strictObject({
  key: z.string(),
  /** The version that is current, or the one that was named; null in a bucket without versions. */
  version_id: z.string().nullable(),
  /** Bytes; null for a delete marker. */
  size: z.number().int().nullable(),
  etag: z.string().nullable(),
  last_modified: z.string().nullable(),
  effect: orUnknown(z.enum(S3_EFFECTS)),
  retention: z.strictObject({ mode: z.string(), until: z.string() }).nullable(),
  legal_hold: z.boolean(),
});
export type S3DeletedObject = z.infer<typeof s3DeletedObject>;

/** The facts of `s3_delete`. */
export const s3DeletePayload = z.strictObject({
  action: z.literal("delete"),
  /** `s3://bucket/…` of the key or the prefix; of the bucket when several keys are named. */
  path: z.string(),
  bucket: z.string(),
  selection: z.enum(["key", "keys", "prefix", "version"]),
  prefix: z.string().nullable(),
  /**
   * The names right below the prefix that it reaches, up to the next slash, the first hundred. A prefix is no folder:
   * "logs" also reaches "logs-archive/". Empty without a prefix.
   */
  reaches: z.array(z.string()),
  reaches_count: z.number().int(),
  /** Everything in the bucket that can be seen would be deleted. */
  whole_bucket: orUnknown(z.boolean()),
  versioning: orUnknown(z.enum(["enabled", "suspended", "never"])),
  mfa_delete: z.boolean(),
  object_lock: orUnknown(z.boolean()),
  /** All of them: a longer list than the configured limit is refused. */
  objects: z.array(s3DeletedObject),
  object_count: z.number().int(),
  total_bytes: z.number().int(),
  /** Everything that would be deleted can be brought back from S3 itself. */
  reversible: orUnknown(z.boolean()),
});
export type S3DeletePayload = z.infer<typeof s3DeletePayload>;

/** The names that a prefix reaches: each key up to the first slash after the prefix. Sorted, without repetitions. */
export function reachedNames(prefix: string, keys: readonly string[]): string[] {
  const names = keys.map((key) => {
    const slash = key.indexOf("/", prefix.length);
    return slash === -1 ? key : key.slice(0, slash + 1);
  });
  return [...new Set(names)].toSorted();
}
