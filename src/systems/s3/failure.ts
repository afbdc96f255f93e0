import { EnactError, isEnactError, type ErrorCode } from "../../errors.js";
import { transportFailure } from "../shared/transport.js";

/** What went wrong with a request to S3, in words and without anything that came from headers, URLs or bodies. */
export interface S3Failure {
  /** S3's own code, such as "AccessDenied", or `http_403`; ours when there was no answer. */
  readonly code: string;
  readonly message: string;
  /** False only when it is certain that S3 did nothing. */
  readonly mayHaveHappened: boolean;
  readonly kind: ErrorCode;
  readonly status: number | undefined;
}

const KEYS = "S3 does not accept the configured keys";

/** Source: Amazon S3 API Reference, "Error responses". Others are shown by their code. */
const WORDS: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  NoSuchBucket: ["NOT_FOUND", "There is no such bucket"],
  NoSuchKey: ["NOT_FOUND", "There is no such object"],
  NoSuchVersion: ["NOT_FOUND", "There is no such version"],
  AccessDenied: ["ACTION_FAILED", "S3 denies it: a permission is missing, or a lock, legal hold or bucket policy forbids it"],
  PreconditionFailed: ["STALE_PLAN", "The object was overwritten after it was judged"],
  InvalidAccessKeyId: ["SYSTEM_UNAVAILABLE", KEYS],
  SignatureDoesNotMatch: ["SYSTEM_UNAVAILABLE", KEYS],
  InvalidToken: ["SYSTEM_UNAVAILABLE", KEYS],
  ExpiredToken: ["SYSTEM_UNAVAILABLE", "The configured S3 keys have expired"],
  RequestTimeTooSkewed: ["SYSTEM_UNAVAILABLE", "The clock of this machine differs too much from the server's"],
  PermanentRedirect: ["SYSTEM_UNAVAILABLE", "The bucket lives in another region than the configured one"],
  AuthorizationHeaderMalformed: ["SYSTEM_UNAVAILABLE", "The bucket lives in another region than the configured one"],
  SlowDown: ["SYSTEM_UNAVAILABLE", "S3 is limiting the rate of requests: try again later"],
  InternalError: ["SYSTEM_UNAVAILABLE", "S3 had an internal error"],
};

const BY_STATUS: Readonly<Record<number, string>> = {
  301: "PermanentRedirect",
  404: "NoSuchKey",
  412: "PreconditionFailed",
};

/** Reads any error of the client. */
export function s3Failure(error: unknown): S3Failure {
  const { name, $metadata } = (error ?? {}) as { name?: unknown; $metadata?: { httpStatusCode?: unknown } };
  const status = $metadata?.httpStatusCode;
  if (typeof status === "number") return answered(status, typeof name === "string" ? name : "");
  if (typeof name === "string" && /^(Credentials|Token)Provider/.test(name)) {
    return notSent("no_credentials", "No S3 credentials are configured, or they could not be read");
  }
  const { maySent, words } = transportFailure(error);
  const code = maySent ? "no_answer" : "unreachable";
  const message = `S3 cannot be reached: ${words}`;
  return { code, message, mayHaveHappened: maySent, kind: "SYSTEM_UNAVAILABLE", status: undefined };
}

/** Words for the code of one object in the answer to a batch. */
export function objectFailure(code: string): S3Failure {
  // InternalError and ServiceUnavailable are no word on what happened to the object.
  return answered(/^(InternalError|ServiceUnavailable)$/.test(code) ? 500 : 400, code);
}

/** The failure of a look, as the error that ends planning. */
export function lookFailed(error: unknown): EnactError {
  if (isEnactError(error)) return error;
  const { kind, message, code, status } = s3Failure(error);
  if (status === 403 && kind === "ACTION_FAILED") {
    const hint = "Looking needs s3:ListBucket, s3:ListBucketVersions, s3:GetObject(Version) and s3:GetBucketVersioning.";
    return new EnactError("SYSTEM_UNAVAILABLE", "S3 denies the look: a permission is missing, or the keys are wrong", { hint });
  }
  const shown = code === "no_answer" || code === "unreachable" || code === "no_credentials" ? message : `${message} (${code})`;
  return new EnactError(kind === "ACTION_FAILED" || kind === "STALE_PLAN" ? "SYSTEM_UNAVAILABLE" : kind, shown);
}

function answered(status: number, name: string): S3Failure {
  const isCode = /^[A-Z][A-Za-z]{2,60}$/.test(name) && !/^(Unknown|UnknownError|NotFound|Error|SyntaxError|TypeError)$/.test(name);
  const code = isCode ? name : (BY_STATUS[status] ?? (status === 403 ? "AccessDenied" : `http_${status}`));
  const [kind, message] = Object.hasOwn(WORDS, code) ? (WORDS[code] ?? []) : [];
  // SlowDown is said before a request is taken up; any other 5xx, or a 2xx that cannot be read, leaves its fate open.
  const mayHaveHappened = code !== "SlowDown" && !(status >= 300 && status < 500);
  return { code, message: message ?? "S3 refused", mayHaveHappened, kind: kind ?? "ACTION_FAILED", status };
}

function notSent(code: string, message: string): S3Failure {
  return { code, message, mayHaveHappened: false, kind: "SYSTEM_UNAVAILABLE", status: undefined };
}
