import type { HeadObjectCommandOutput } from "@aws-sdk/client-s3";

/** A version of an object as a look at it found it. */
export interface S3Object {
  readonly key: string;
  /** "null" for the version of a time without versioning; null in a bucket that never had versioning. */
  readonly version_id: string | null;
  readonly size: number;
  readonly etag: string;
  /** RFC 3339, to the second: HEAD says no more. */
  readonly last_modified: string;
  readonly retention: { readonly mode: string; readonly until: string } | null;
  readonly legal_hold: boolean;
}

export type Versioning = "enabled" | "suspended" | "never";

/** What is known of a bucket; undefined is what S3 does not say or does not let us see. */
export interface S3Bucket {
  readonly versioning: Versioning | undefined;
  readonly mfaDelete: boolean;
  readonly objectLock: boolean | undefined;
}

/** Reads the answer to HeadObject. */
export function asObject(key: string, head: HeadObjectCommandOutput, versioning: Versioning | undefined): S3Object {
  const { ObjectLockMode: mode, ObjectLockRetainUntilDate: until } = head;
  return {
    key,
    version_id: versionOf(head.VersionId, versioning),
    size: head.ContentLength ?? 0,
    etag: head.ETag ?? "",
    last_modified: toSeconds(head.LastModified),
    retention: mode === undefined || until === undefined ? null : { mode, until: until.toISOString() },
    legal_hold: head.ObjectLockLegalHoldStatus === "ON",
  };
}

/** Servers differ on whether they name the version that was written without versioning. */
export function versionOf(id: string | undefined, versioning: Versioning | undefined): string | null {
  if (versioning === "never") return null;
  if (id !== undefined && id !== "") return id;
  return versioning === undefined ? null : "null";
}

export function toSeconds(date: Date | undefined): string {
  return date === undefined ? "" : `${date.toISOString().slice(0, 19)}Z`;
}

/** True when both looks found the very same version with the same contents. */
export function isSame(seen: S3Object, now: S3Object): boolean {
  return (["version_id", "size", "etag", "last_modified"] as const).every((key) => seen[key] === now[key]);
}

/** Runs a job for every item, a few at once, and gives the results in order. The first error ends it. */
export async function mapSome<Item, Result>(
  items: readonly Item[],
  atOnce: number,
  job: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const index = next;
      next += 1;
      results[index] = await job(items[index] as Item);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  return results;
}
