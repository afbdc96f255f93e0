import type { DeleteObjectsCommandOutput, ObjectIdentifier } from "@aws-sdk/client-s3";

import type { Loaded, S3Loader } from "./client.js";
import { objectFailure, s3Failure, type S3Failure } from "./failure.js";
import { survivesXml } from "./names.js";
import type { S3Object, Versioning } from "./objects.js";
import type { S3Marker, S3Reader } from "./reader.js";

/** One thing to delete. */
export interface S3Deletion {
  readonly key: string;
  /** Deletes exactly this version; null sets a delete marker, or deletes where there are no versions. */
  readonly version_id: string | null;
  /** Only if the current object still has this ETag; null for a version, which never changes. */
  readonly etag: string | null;
}

export type DeletionOutcome =
  | { readonly state: "deleted"; readonly markerVersionId: string | undefined; readonly isMarker: boolean }
  | { readonly state: "failed" | "unknown"; readonly failure: S3Failure };

/** S3's limit for one request. */
const BATCH = 1000;

const NOT_TRIED: DeletionOutcome = {
  state: "failed",
  failure: {
    code: "not_tried",
    message: "Not tried, because an earlier request failed",
    mayHaveHappened: false,
    kind: "ACTION_FAILED",
    status: undefined,
  },
};

const NOT_MENTIONED: DeletionOutcome = {
  state: "unknown",
  failure: {
    code: "not_mentioned",
    message: "The server's answer does not mention this object",
    mayHaveHappened: true,
    kind: "ACTION_FAILED",
    status: undefined,
  },
};

/** Deletes. */
export class S3Writer {
  /**
   * True when the server is known to refuse a deletion whose ETag does not fit (Amazon S3, since September 2025). Other
   * servers get the ETag too, and some ignore it.
   */
  readonly enforcesEtags: boolean;
  readonly #loader: S3Loader;
  readonly #reader: S3Reader;

  constructor(loader: S3Loader, reader: S3Reader, enforcesEtags: boolean) {
    this.#loader = loader;
    this.#reader = reader;
    this.enforcesEtags = enforcesEtags;
  }

  /** A fresh look, for comparing it with what was judged. @throws EnactError SYSTEM_UNAVAILABLE */
  async look(
    bucket: string,
    keys: readonly string[],
    options: { versioning: Versioning | undefined; versionId?: string },
  ): Promise<readonly (S3Object | undefined)[]> {
    return this.#reader.objects(bucket, keys, options);
  }

  /** A fresh look at a delete marker; see S3Reader.marker. */
  marker(bucket: string, key: string, versionId: string): Promise<S3Marker | undefined> {
    return this.#reader.marker(bucket, key, versionId);
  }

  /**
   * Deletes exactly these, each tried once, and says for each what became of it, in their order. In batches, except for
   * keys that a batch cannot carry. A lock is never bypassed. After a request that failed as a whole nothing more is tried.
   */
  async delete(bucket: string, deletions: readonly S3Deletion[]): Promise<readonly DeletionOutcome[]> {
    const outcomes = new Map<S3Deletion, DeletionOutcome>();
    for (const request of requestsFor(deletions)) {
      const done = await this.#request(bucket, request);
      for (const [index, deletion] of request.entries()) outcomes.set(deletion, done.outcomes[index] ?? NOT_MENTIONED);
      if (done.isBroken) break;
    }
    return deletions.map((deletion) => outcomes.get(deletion) ?? NOT_TRIED);
  }

  async #request(bucket: string, request: readonly S3Deletion[]): Promise<Done> {
    const [first] = request;
    try {
      const { sdk, acts } = await this.#loader.load();
      if (first !== undefined && !survivesXml(first.key)) {
        return { outcomes: [await deleteOne(sdk, acts, bucket, first)], isBroken: false };
      }
      // Never BypassGovernanceRetention: a lock is another person's decision.
      const Delete = { Objects: request.map(identifier), Quiet: false };
      const answer = await acts.send(new sdk.DeleteObjectsCommand({ Bucket: bucket, Delete }));
      return { outcomes: readAnswer(request, answer), isBroken: false };
    } catch (error) {
      const failure = s3Failure(error);
      const outcome = notDeleted(failure);
      // What is wrong with one object says nothing of the next.
      const isBroken = request.length > 1 || failure.mayHaveHappened || failure.kind === "SYSTEM_UNAVAILABLE";
      return { outcomes: request.map(() => outcome), isBroken };
    }
  }
}

interface Done {
  readonly outcomes: readonly DeletionOutcome[];
  readonly isBroken: boolean;
}

function requestsFor(deletions: readonly S3Deletion[]): readonly (readonly S3Deletion[])[] {
  const batched = deletions.filter(({ key }) => survivesXml(key));
  const single = deletions.filter(({ key }) => !survivesXml(key));
  const batches = Array.from({ length: Math.ceil(batched.length / BATCH) }, (_value, index) =>
    batched.slice(index * BATCH, (index + 1) * BATCH));
  return [...batches, ...single.map((deletion) => [deletion])];
}

async function deleteOne(sdk: Loaded["sdk"], acts: Loaded["acts"], bucket: string, deletion: S3Deletion): Promise<DeletionOutcome> {
  const { Key, VersionId, ETag } = identifier(deletion);
  const which = { Bucket: bucket, Key, ...(VersionId === undefined ? {} : { VersionId }), ...(ETag === undefined ? {} : { IfMatch: ETag }) };
  const { DeleteMarker, VersionId: marker } = await acts.send(new sdk.DeleteObjectCommand(which));
  return { state: "deleted", isMarker: DeleteMarker === true, markerVersionId: marker };
}

function identifier({ key, version_id, etag }: S3Deletion): ObjectIdentifier {
  const found: ObjectIdentifier = { Key: key };
  if (version_id !== null) found.VersionId = version_id;
  if (etag !== null) found.ETag = etag;
  return found;
}

function notDeleted(failure: S3Failure): DeletionOutcome {
  return { state: failure.mayHaveHappened ? "unknown" : "failed", failure };
}

function readAnswer(batch: readonly S3Deletion[], answer: DeleteObjectsCommandOutput): DeletionOutcome[] {
  const { Deleted = [], Errors = [] } = answer;
  return batch.map(({ key, version_id }) => {
    const isIt = (entry: { Key?: string | undefined; VersionId?: string | undefined }): boolean =>
      entry.Key === key && (version_id === null || entry.VersionId === version_id);
    const failed = Errors.find(isIt);
    if (failed !== undefined) return notDeleted(objectFailure(failed.Code ?? ""));
    const deleted = Deleted.find(isIt);
    if (deleted === undefined) return NOT_MENTIONED;
    return { state: "deleted", isMarker: deleted.DeleteMarker === true, markerVersionId: deleted.DeleteMarkerVersionId };
  });
}
