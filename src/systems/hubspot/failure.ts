import { EnactError, isEnactError, type ErrorCode } from "../../errors.js";
import { transportFailure } from "../shared/transport.js";

/** What went wrong with a request to HubSpot, in words and without anything that came from headers or bodies. */
export interface HubspotFailure {
  /** HubSpot's category, such as "CONFLICT", or `HTTP_503`; ours when there was no answer. */
  readonly code: string;
  readonly message: string;
  /** False only when it is certain that HubSpot did nothing. */
  readonly mayHaveHappened: boolean;
  readonly kind: ErrorCode;
  readonly status: number | undefined;
}

/** Source: HubSpot API, "Error handling" and "Usage guidelines". */
const BY_STATUS: Readonly<Record<number, readonly [ErrorCode, string]>> = {
  400: ["ACTION_FAILED", "HubSpot does not accept the values"],
  401: ["SYSTEM_UNAVAILABLE", "HubSpot does not accept the configured token"],
  403: ["SYSTEM_UNAVAILABLE", "HubSpot denies it: the token lacks a scope (crm.objects.contacts.read, crm.objects.contacts.write)"],
  404: ["NOT_FOUND", "HubSpot has no such record"],
  409: ["STALE_PLAN", "HubSpot already has a contact with this address"],
  429: ["SYSTEM_UNAVAILABLE", "HubSpot is limiting the rate of calls: try again later"],
};

/** Reads any error of the client. */
export function hubspotFailure(error: unknown): HubspotFailure {
  const { code, body } = (error ?? {}) as { code?: unknown; body?: unknown };
  if (typeof code === "number") return answered(code, body);
  if (isEnactError(error)) {
    const { code: kind, message } = error;
    return { code: kind, message, mayHaveHappened: kind !== "NOT_INSTALLED", kind, status: undefined };
  }
  const { maySent, words } = transportFailure(error);
  const message = `HubSpot cannot be reached: ${words}`;
  return { code: maySent ? "NO_ANSWER" : "UNREACHABLE", message, mayHaveHappened: maySent, kind: "SYSTEM_UNAVAILABLE", status: undefined };
}

/** The failure of a look, as the error that ends planning. */
export function lookFailed(error: unknown): EnactError {
  if (isEnactError(error)) return error;
  const { kind, message } = hubspotFailure(error);
  return new EnactError(kind === "ACTION_FAILED" || kind === "STALE_PLAN" ? "SYSTEM_UNAVAILABLE" : kind, message);
}

function answered(status: number, body: unknown): HubspotFailure {
  const { category, message: detail } = (typeof body === "object" && body !== null ? body : {}) as Readonly<Record<string, unknown>>;
  const code = typeof category === "string" && /^[A-Z_]{3,40}$/.test(category) ? category : `HTTP_${status}`;
  const [kind, words] = BY_STATUS[status] ?? (["SYSTEM_UNAVAILABLE", `HubSpot answered with HTTP status ${status}`] as const);
  // HubSpot's own words repeat values; the names of the properties that it means are enough.
  const names = status === 400 && typeof detail === "string" ? namesIn(detail) : [];
  const message = names.length === 0 ? words : `${words} (${names.join(", ")})`;
  // A 5xx, and a 2xx that cannot be read, leave open what happened; 408 and 499 come from somebody on the way.
  const mayHaveHappened = !(status >= 400 && status < 500) || status === 408 || status === 499;
  return { code, message, mayHaveHappened, kind, status };
}

function namesIn(detail: string): string[] {
  const found = Array.from(detail.matchAll(/"name\\?"\s*:\s*\\?"([a-z0-9_]{1,100})\\?"/g), ([, name]) => String(name));
  return [...new Set(found)].slice(0, 5);
}
