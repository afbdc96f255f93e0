import { EnactError } from "../errors.js";
import { checkedEndpoint, checkedSecret } from "./shared/endpoint.js";
import { S3Loader, type S3Credentials } from "./s3/client.js";
import { reachS3 } from "./s3/reach.js";
import { S3Reader } from "./s3/reader.js";
import { S3Writer } from "./s3/writer.js";

export { checkedBucket, checkedKey, checkedVersion } from "./s3/names.js";
export { isSame } from "./s3/objects.js";
export type { S3Credentials } from "./s3/client.js";
export type { S3Bucket, S3Object, Versioning } from "./s3/objects.js";
export type { S3Marker, S3Reader } from "./s3/reader.js";
export type { DeletionOutcome, S3Deletion, S3Writer } from "./s3/writer.js";

export interface S3Options {
  readonly region: string;
  /** Another server that speaks S3. Default: Amazon's of the region. Addresses in the environment are ignored. */
  readonly endpoint?: string | undefined;
  /** `endpoint/bucket/key` instead of `bucket.endpoint/key`. Default: true with an endpoint, false without. */
  readonly forcePathStyle?: boolean | undefined;
  /**
   * Default: the AWS SDK's chain (environment, profile, role). Least privilege on the bucket: `s3:ListBucket`,
   * `s3:ListBucketVersions`, `s3:GetBucketVersioning`, `s3:GetBucketObjectLockConfiguration`, `s3:GetObject`,
   * `s3:GetObjectVersion`, `s3:GetObjectRetention`, `s3:GetObjectLegalHold`, `s3:DeleteObject`; `s3:DeleteObjectVersion`
   * only if versions may be destroyed. Never `s3:BypassGovernanceRetention`.
   */
  readonly credentials?: S3Credentials | undefined;
  /** More objects in one call are refused. Default 1000. */
  readonly maxObjects?: number | undefined;
  /** Allows plain http to another machine for `endpoint`. */
  readonly insecure?: boolean | undefined;
  /** For one request. Default 30 seconds. */
  readonly timeoutMs?: number | undefined;
}

/** S3 as a guarded tool sees it. */
export interface S3System {
  readonly reader: S3Reader;
  readonly writer: S3Writer;
  /** For enact-guard doctor: what a look that changes nothing finds, one clause. @throws EnactError SYSTEM_UNAVAILABLE */
  reach(): Promise<string>;
  close(): Promise<void>;
}

/**
 * Opens S3. Connects to nothing and loads nothing: the client is imported by the first request.
 * @throws EnactError CONFIG_INVALID
 */
export function openS3(options: S3Options): S3System {
  const { region, endpoint, credentials, maxObjects = 1000 } = options;
  if (!/^[a-z0-9-]{1,40}$/.test(region)) throw invalid("systems.s3.region is not the name of a region");
  if (!Number.isInteger(maxObjects) || maxObjects < 1) throw invalid("systems.s3.max_objects is not a whole number above 0");
  if (credentials !== undefined) {
    checkedSecret(credentials.accessKeyId, "systems.s3: the access key id");
    checkedSecret(credentials.secretAccessKey, "systems.s3: the secret access key");
  }
  const loader = new S3Loader({
    region,
    credentials,
    endpoint: endpoint === undefined ? undefined : checkedEndpoint(endpoint, { key: "systems.s3.endpoint", insecure: options.insecure }),
    forcePathStyle: options.forcePathStyle ?? endpoint !== undefined,
    timeoutMs: options.timeoutMs ?? 30_000,
  });
  const reader = new S3Reader(loader, maxObjects);
  return { reader, writer: new S3Writer(loader, reader, endpoint === undefined), reach: () => reachS3(loader), close: () => loader.close() };
}

function invalid(message: string): EnactError {
  return new EnactError("CONFIG_INVALID", message, { done: "Nothing was started." });
}
