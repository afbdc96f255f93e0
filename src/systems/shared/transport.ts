/** What an error of the network says about a request: whether the server can have seen it, and words for a person. */
export interface TransportFailure {
  /** False only when it is certain that the server saw nothing of the request. */
  readonly maySent: boolean;
  /** A clause without addresses or secrets: "the connection was refused". */
  readonly words: string;
}

/** Errors that come before the first byte of a request: name look-up, connecting, the TLS handshake. */
const BEFORE_SENDING: Readonly<Record<string, string>> = {
  ECONNREFUSED: "the connection was refused",
  ENOTFOUND: "its name could not be found",
  EAI_AGAIN: "its name could not be looked up",
  EHOSTUNREACH: "it cannot be reached from here",
  ENETUNREACH: "the network cannot be reached",
  EADDRNOTAVAIL: "it cannot be reached from here",
  UND_ERR_CONNECT_TIMEOUT: "it did not accept a connection in time",
  CERT_HAS_EXPIRED: "its certificate has expired",
  CERT_NOT_YET_VALID: "its certificate is not valid yet",
  DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is signed by itself",
  SELF_SIGNED_CERT_IN_CHAIN: "its certificate is signed by an unknown authority",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its certificate cannot be verified",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "its certificate is signed by an unknown authority",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another name",
};

const AFTER_SENDING: Readonly<Record<string, string>> = {
  ECONNRESET: "the connection was reset",
  EPIPE: "the connection broke",
  ETIMEDOUT: "it did not answer in time",
  UND_ERR_SOCKET: "the connection was closed",
  UND_ERR_HEADERS_TIMEOUT: "it did not answer in time",
  UND_ERR_BODY_TIMEOUT: "it did not answer in time",
};

const TIMEOUT_NAMES = new Set(["TimeoutError", "AbortError", "RequestTimeout"]);

/**
 * Reads an error of fetch, node:http or a client built on them, through its causes. Whatever is not known to have
 * failed before sending may have been sent.
 */
export function transportFailure(error: unknown): TransportFailure {
  let words: string | undefined;
  for (const link of chain(error)) {
    const code = typeof link.code === "string" ? link.code : "";
    const before = Object.hasOwn(BEFORE_SENDING, code) ? BEFORE_SENDING[code] : undefined;
    if (before !== undefined) return { maySent: false, words: before };
    if (link.syscall === "connect") return { maySent: false, words: "it did not accept a connection" };
    words ??= Object.hasOwn(AFTER_SENDING, code) ? AFTER_SENDING[code] : undefined;
    if (TIMEOUT_NAMES.has(link.name ?? "")) words ??= "it did not answer in time";
  }
  return { maySent: true, words: words ?? "the connection failed" };
}

interface Link {
  readonly code?: unknown;
  readonly name?: string;
  readonly syscall?: unknown;
}

/** An error and its causes. Of an AggregateError (several addresses were tried, none accepted) the first. */
function* chain(error: unknown): Generator<Link> {
  let link = error as { cause?: unknown; errors?: unknown; original?: unknown } | null | undefined;
  for (let depth = 0; depth < 8 && typeof link === "object" && link !== null; depth += 1) {
    yield link as Link;
    const first: unknown = Array.isArray(link.errors) ? link.errors[0] : undefined;
    link = (link.cause ?? link.original ?? first) as typeof link;
  }
}
