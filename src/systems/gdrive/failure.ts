import { EnactError, isEnactError, type ErrorCode } from "../../errors.js";
import { transportFailure } from "../shared/transport.js";

/** What went wrong with a request to Drive, in words and without anything that came from headers or the request. */
export interface GdriveFailure {
  /** Google's reason, such as "insufficientFilePermissions", or `http_503`; ours when there was no answer. */
  readonly code: string;
  readonly message: string;
  /** False only when it is certain that Drive did nothing. */
  readonly mayHaveHappened: boolean;
  readonly kind: ErrorCode;
  readonly status: number | undefined;
}

/** Source: Google Drive API, "Resolve errors". Others are shown by their reason. */
const BY_REASON: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  notFound: ["NOT_FOUND", "Drive shows the account no such file"],
  fileNotFound: ["NOT_FOUND", "Drive shows the account no such file"],
  authError: ["SYSTEM_UNAVAILABLE", "Drive does not accept the configured credentials"],
  insufficientPermissions: ["SYSTEM_UNAVAILABLE", "The configured credentials lack the scope https://www.googleapis.com/auth/drive"],
  insufficientFilePermissions: ["ACTION_FAILED", "The account may not do this with the file"],
  appNotAuthorizedToFile: ["ACTION_FAILED", "The app may not touch this file"],
  userRateLimitExceeded: ["SYSTEM_UNAVAILABLE", "Drive is limiting the rate of calls: try again later"],
  rateLimitExceeded: ["SYSTEM_UNAVAILABLE", "Drive is limiting the rate of calls: try again later"],
  dailyLimitExceeded: ["SYSTEM_UNAVAILABLE", "The daily quota of the app is used up"],
  accessNotConfigured: ["SYSTEM_UNAVAILABLE", "The Drive API is not switched on for the project of the credentials"],
};

const BY_STATUS: Readonly<Record<number, string>> = { 401: "authError", 404: "notFound", 429: "rateLimitExceeded" };

/** Reads any error of the client. */
export function gdriveFailure(error: unknown): GdriveFailure {
  if (isEnactError(error)) {
    // Before every request: without a token or the client nothing is sent.
    return { code: error.code, message: error.message, mayHaveHappened: false, kind: error.code, status: undefined };
  }
  const { response } = (error ?? {}) as { response?: { status?: unknown; data?: unknown } };
  if (typeof response?.status === "number") return answered(response.status, response.data);
  const { maySent, words } = transportFailure(error);
  const message = `Drive cannot be reached: ${words}`;
  return { code: maySent ? "no_answer" : "unreachable", message, mayHaveHappened: maySent, kind: "SYSTEM_UNAVAILABLE", status: undefined };
}

/** The failure of a look, as the error that ends planning. */
export function lookFailed(error: unknown): EnactError {
  if (isEnactError(error)) return error;
  const { kind, message, code } = gdriveFailure(error);
  const shown = code === "no_answer" || code === "unreachable" ? message : `${message} (${code})`;
  return new EnactError(kind === "ACTION_FAILED" ? "SYSTEM_UNAVAILABLE" : kind, shown);
}

function answered(status: number, data: unknown): GdriveFailure {
  const { error } = (typeof data === "object" && data !== null ? data : {}) as { error?: { errors?: unknown } };
  const errors: unknown = error?.errors;
  const [first] = Array.isArray(errors) ? (errors as readonly { reason?: unknown }[]) : [];
  const reason = first?.reason;
  const isReason = typeof reason === "string" && /^[a-zA-Z]{3,60}$/.test(reason);
  const code = isReason ? reason : (BY_STATUS[status] ?? `http_${status}`);
  const [kind, message] = Object.hasOwn(BY_REASON, code) ? (BY_REASON[code] ?? []) : [];
  const words = message ?? (status >= 400 && status < 500 ? "Drive refused" : `Drive answered with HTTP status ${status}`);
  // A 5xx, and a 2xx that cannot be read, leave open what happened; 408 comes from somebody on the way.
  const mayHaveHappened = !(status >= 400 && status < 500) || status === 408;
  return { code, message: words, mayHaveHappened, kind: kind ?? "ACTION_FAILED", status };
}
