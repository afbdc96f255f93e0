import type { S3Loader } from "./client.js";
import { lookFailed, s3Failure } from "./failure.js";

/**
 * Whether the server answers and accepts the keys; changes nothing. The tool needs no right to list buckets, so that one
 * that is denied is as good an answer: wrong keys are refused in other words.
 *
 * @returns what was found, one clause
 * @throws EnactError SYSTEM_UNAVAILABLE
 */
export async function reachS3(loader: S3Loader): Promise<string> {
  try {
    const { sdk, looks } = await loader.load();
    const { Buckets = [] } = await looks.send(new sdk.ListBucketsCommand({}));
    return `S3 answers: the account sees ${Buckets.length === 1 ? "1 bucket" : `${String(Buckets.length)} buckets`}`;
  } catch (error) {
    const { status, code } = s3Failure(error);
    if (status === 403 && code === "AccessDenied") return "S3 answers and knows the keys; the account may not list buckets, which the tool does not need";
    throw lookFailed(error);
  }
}
