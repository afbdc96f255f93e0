import { EnactError } from "../../errors.js";

/** S3's limit, in bytes of UTF-8. */
const MAX_KEY_BYTES = 1024;

/**
 * Checks that a text is the plain name of a bucket. ARNs, addresses and aliases of access points lead through another
 * door to some bucket, under other rules, and what they point to can be changed: they are refused.
 *
 * Old names (capitals, underscores, from before 2018) are let through. Source: S3 User Guide, "Bucket naming rules".
 * @throws EnactError INVALID_INPUT
 */
export function checkedBucket(bucket: string): string {
  if (/^arn:/i.test(bucket)) throw invalid("An ARN is not the name of a bucket", "Give the plain name, such as my-bucket.");
  if (/[:/\\?#@]/.test(bucket)) throw invalid("An address is not the name of a bucket", "Give the plain name, such as my-bucket.");
  const isName = /^[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]$/.test(bucket) && !bucket.includes("..");
  if (!isName || /^\d+(\.\d+){3}$/.test(bucket)) throw invalid("This is not the name of a bucket");
  if (/(-s3alias|--[a-z]+-s3|\.mrap)$/i.test(bucket)) {
    throw invalid("This is the alias of an access point or the name of a special bucket", "Give the name of a general purpose bucket.");
  }
  return bucket;
}

/**
 * Checks that a text can be an object's key, or the beginning of one. Keys are taken literally: no `..`, no leading slash
 * and no wildcard means anything in S3.
 * @throws EnactError INVALID_INPUT
 */
export function checkedKey(key: string, what: string): string {
  if (key === "") throw invalid(`${what} is empty`);
  if (!isSafeKey(key)) throw invalid(`${what} holds a NUL or half a character, which no key can have`);
  if (Buffer.byteLength(key, "utf8") > MAX_KEY_BYTES) throw invalid(`${what} is longer than ${MAX_KEY_BYTES} bytes`);
  return key;
}

/** False for keys that no request can carry unchanged. */
export function isSafeKey(key: string): boolean {
  return key.isWellFormed() && !key.includes("\0");
}

/**
 * False for keys that do not survive in XML: control characters cannot be written in it, and parsers trim and change
 * white space. In a batch such a key would be lost, or name another object.
 * Source: XML 1.0, sections 2.2 and 2.11; S3 User Guide, "XML related object key constraints".
 */
export function survivesXml(key: string): boolean {
  return key === key.trim() && !/[\p{Cc}\p{Zl}\p{Zp}\ufffe\uffff]/u.test(key);
}

/** Checks an id that S3 gave to a version. @throws EnactError INVALID_INPUT */
export function checkedVersion(id: string): string {
  if (!/^[A-Za-z0-9._~-]{1,1024}$/.test(id)) throw invalid("This is not the id of a version");
  return id;
}

function invalid(message: string, hint?: string): EnactError {
  return new EnactError("INVALID_INPUT", message, hint === undefined ? {} : { hint });
}
