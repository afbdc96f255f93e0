import { EnactError } from "../../errors.js";
import { abortable } from "../shared/abort.js";
import type { Loaded, S3Loader } from "./client.js";
import { lookFailed, s3Failure } from "./failure.js";
import { isSafeKey } from "./names.js";
import { asObject, mapSome, toSeconds, versionOf, type S3Bucket, type S3Object, type Versioning } from "./objects.js";

/** A delete marker: what hides an object in a bucket with versions. */
export interface S3Marker {
  readonly key: string;
  readonly version_id: string;
  /** The object is hidden by this marker now; without it, it would reappear. */
  readonly isLatest: boolean;
}

const LOOKS_AT_ONCE = 16;
/** Pages of 1,000 entries in which a version is looked for. */
const MAX_VERSION_PAGES = 50;

/** Looks at buckets and objects; never reads contents. */
export class S3Reader {
  /** More objects than this in one call are refused, not cut off. */
  readonly maxObjects: number;
  readonly #loader: S3Loader;

  constructor(loader: S3Loader, maxObjects: number) {
    this.#loader = loader;
    this.maxObjects = maxObjects;
  }

  /** What deleting in this bucket means. @throws EnactError NOT_FOUND, SYSTEM_UNAVAILABLE, CANCELLED */
  async bucket(bucket: string, signal?: AbortSignal): Promise<S3Bucket> {
    return abortable(this.#bucket(bucket), signal);
  }

  /** Looks at objects, or at one version of them; undefined for what is not there. In the order of the keys. */
  async objects(
    bucket: string,
    keys: readonly string[],
    options: { versioning: Versioning | undefined; versionId?: string; signal?: AbortSignal },
  ): Promise<readonly (S3Object | undefined)[]> {
    const look = (key: string) => this.#object(bucket, key, options);
    return abortable(mapSome(keys, LOOKS_AT_ONCE, look), options.signal);
  }

  /**
   * Lists the current objects whose keys begin with the prefix, all of them.
   * @throws EnactError REFUSED when there are more than `limit`
   */
  async list(bucket: string, prefix: string, limit: number, signal?: AbortSignal): Promise<readonly S3Object[]> {
    return abortable(this.#list(bucket, prefix, limit), signal);
  }

  /** True when the bucket holds more current objects than this many. */
  async holdsMoreThan(bucket: string, count: number, signal?: AbortSignal): Promise<boolean> {
    try {
      return (await this.list(bucket, "", count, signal)).length > count;
    } catch (error) {
      if (error instanceof EnactError && error.code === "REFUSED") return true;
      throw error;
    }
  }

  /** Looks for a delete marker; undefined when the id is none of this key's. */
  async marker(bucket: string, key: string, versionId: string, signal?: AbortSignal): Promise<S3Marker | undefined> {
    return abortable(this.#marker(bucket, key, versionId), signal);
  }

  async #bucket(bucket: string): Promise<S3Bucket> {
    const [versioning, objectLock] = await Promise.all([this.#versioning(bucket), this.#objectLock(bucket)]);
    return { ...versioning, objectLock };
  }

  async #versioning(bucket: string): Promise<Pick<S3Bucket, "versioning" | "mfaDelete">> {
    try {
      const answer = await this.#send(({ sdk, looks }) => looks.send(new sdk.GetBucketVersioningCommand({ Bucket: bucket })));
      const states: Readonly<Record<string, Versioning>> = { Enabled: "enabled", Suspended: "suspended" };
      return { versioning: answer.Status === undefined ? "never" : states[answer.Status], mfaDelete: answer.MFADelete === "Enabled" };
    } catch (error) {
      if (!isDenied(error)) throw lookFailed(error);
      return { versioning: undefined, mfaDelete: false };
    }
  }

  async #objectLock(bucket: string): Promise<boolean | undefined> {
    try {
      const command = ({ sdk, looks }: Loaded) => looks.send(new sdk.GetObjectLockConfigurationCommand({ Bucket: bucket }));
      return (await this.#send(command)).ObjectLockConfiguration?.ObjectLockEnabled === "Enabled";
    } catch (error) {
      const { code, status } = s3Failure(error);
      if (code === "ObjectLockConfigurationNotFoundError") return false;
      // Denied, or a server that has no locks: the looks at the objects will tell.
      if (isDenied(error) || status === 501 || status === 400) return undefined;
      throw lookFailed(error);
    }
  }

  async #object(
    bucket: string,
    key: string,
    { versioning, versionId }: { versioning: Versioning | undefined; versionId?: string },
  ): Promise<S3Object | undefined> {
    try {
      const which = { Bucket: bucket, Key: key, ...(versionId === undefined ? {} : { VersionId: versionId }) };
      const head = await this.#send(({ sdk, looks }) => looks.send(new sdk.HeadObjectCommand(which)));
      const seen = asObject(key, head, versioning);
      return versionId === undefined ? seen : { ...seen, version_id: versionId };
    } catch (error) {
      // 404: none, or a delete marker in its place. 405: this version is a delete marker. 400: no version has this id.
      const { status } = s3Failure(error);
      if (status === 404 || (versionId !== undefined && (status === 405 || status === 400))) return undefined;
      throw lookFailed(error);
    }
  }

  async #list(bucket: string, prefix: string, limit: number): Promise<readonly S3Object[]> {
    const found: S3Object[] = [];
    let token: string | undefined;
    do {
      const page = await this.#page(bucket, prefix, limit - found.length + 1, token);
      found.push(...page.objects);
      if (found.length > limit) throw tooMany(prefix, limit);
      token = page.next;
    } while (token !== undefined);
    return found;
  }

  async #page(bucket: string, prefix: string, most: number, token: string | undefined) {
    try {
      const answer = await this.#send(({ sdk, looks }) =>
        looks.send(
          new sdk.ListObjectsV2Command({
            Bucket: bucket,
            Prefix: prefix,
            MaxKeys: Math.min(most, 1000),
            // XML cannot write every key, and parsers change line ends: an encoded key cannot turn into another one.
            EncodingType: "url",
            ...(token === undefined ? {} : { ContinuationToken: token }),
          }),
        ),
      );
      const isEncoded = answer.EncodingType === "url";
      const objects = (answer.Contents ?? []).map(({ Key, Size, ETag, LastModified }) => ({
        key: listedKey(Key ?? "", isEncoded, prefix),
        version_id: versionOf(undefined, "never"),
        size: Size ?? 0,
        etag: ETag ?? "",
        last_modified: toSeconds(LastModified),
        retention: null,
        legal_hold: false,
      }));
      if (answer.IsTruncated === true && answer.NextContinuationToken === undefined) throw incomplete();
      return { objects, next: answer.IsTruncated === true ? answer.NextContinuationToken : undefined };
    } catch (error) {
      throw lookFailed(error);
    }
  }

  async #marker(bucket: string, key: string, versionId: string): Promise<S3Marker | undefined> {
    let from: { KeyMarker?: string; VersionIdMarker?: string } = {};
    for (let page = 0; page < MAX_VERSION_PAGES; page += 1) {
      const answer = await this.#versionsPage(bucket, key, from);
      for (const marker of answer.DeleteMarkers ?? []) {
        const isIt = listedKey(marker.Key ?? "", answer.EncodingType === "url", key) === key && marker.VersionId === versionId;
        if (isIt) return { key, version_id: versionId, isLatest: marker.IsLatest === true };
      }
      if (answer.IsTruncated !== true || answer.NextKeyMarker === undefined) return undefined;
      const next = listedKey(answer.NextKeyMarker, answer.EncodingType === "url", key);
      // Keys are in order, and the key itself is the first with this beginning.
      if (next !== key) return undefined;
      from = { KeyMarker: next, ...(answer.NextVersionIdMarker === undefined ? {} : { VersionIdMarker: answer.NextVersionIdMarker }) };
    }
    throw incomplete();
  }

  async #versionsPage(bucket: string, key: string, from: { KeyMarker?: string; VersionIdMarker?: string }) {
    try {
      const which = { Bucket: bucket, Prefix: key, EncodingType: "url", ...from } as const;
      return await this.#send(({ sdk, looks }) => looks.send(new sdk.ListObjectVersionsCommand(which)));
    } catch (error) {
      throw lookFailed(error);
    }
  }

  async #send<Answer>(request: (loaded: Loaded) => Promise<Answer>): Promise<Answer> {
    return request(await this.#loader.load());
  }
}

function isDenied(error: unknown): boolean {
  const { status, kind } = s3Failure(error);
  return status === 403 && kind === "ACTION_FAILED";
}

/** @throws EnactError SYSTEM_UNAVAILABLE for a key that cannot be, or was not asked for */
function listedKey(listed: string, isEncoded: boolean, prefix: string): string {
  let key = listed;
  try {
    if (isEncoded) key = decodeURIComponent(listed.replaceAll("+", "%20"));
  } catch {
    throw new EnactError("SYSTEM_UNAVAILABLE", "The list of objects holds a key that cannot be read");
  }
  if (!isSafeKey(key)) {
    throw new EnactError("SYSTEM_UNAVAILABLE", "The list of objects holds a key that no key can be");
  }
  if (!key.startsWith(prefix)) throw new EnactError("SYSTEM_UNAVAILABLE", "The server listed objects that were not asked for");
  return key;
}

function tooMany(prefix: string, limit: number): EnactError {
  const hint = "Name a narrower prefix or single keys. A person may raise systems.s3.max_objects.";
  return new EnactError("REFUSED", `More than ${limit} objects begin with '${prefix}'; only as many can be judged at once`, { hint });
}

function incomplete(): EnactError {
  return new EnactError("SYSTEM_UNAVAILABLE", "The list of objects is not complete");
}
