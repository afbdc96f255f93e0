import type { IncomingHttpHeaders } from "node:http";

/** What is looked at of a request before anything else sees it. */
export interface RawRequest {
  readonly method: string;
  /** The target as it came: path and query. */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
}

export interface Refusal {
  readonly status: 400 | 403 | 405 | 411 | 413 | 421;
  /** A sentence for the person who looks at the browser's network panel. */
  readonly reason: string;
}

/** On every response, whoever writes it. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = Object.freeze({
  "Content-Security-Policy": [
    "default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "img-src 'self' data:",
    "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'",
  ].join("; "),
  "X-Content-Type-Options": "nosniff",
  // For browsers that know no frame-ancestors.
  "X-Frame-Options": "DENY",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Cache-Control": "no-store",
});

/** Bytes of a request body; answers to approvals are far smaller. */
export const MAX_BODY = 64 * 1024;

const METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "POST"]);
const LOOKS: ReadonlySet<string> = new Set(["GET", "HEAD"]);

/** The names under which a browser of this machine may have come here: `localhost:7117`, `127.0.0.1:7117`, `[::1]:7117`. */
export function ownHosts(port: number): readonly string[] {
  const names = ["localhost", "127.0.0.1", "[::1]"];
  const hosts = names.map((name) => `${name}:${String(port)}`);
  return port === 80 ? [...hosts, ...names] : hosts;
}

/**
 * Says why a request must not be answered, or undefined.
 *
 * - Another host name: a page of another site had its own name lead to 127.0.0.1 (DNS rebinding), so that its script may
 *   read what comes back.
 * - Another site, or another port of this machine, behind it: only a person who follows a link may come from there, and
 *   that changes nothing.
 * - Anything that changes something: it must be known to come from our own page. No evidence is a refusal.
 *
 * What lies below `anyHost` may be reached under any name, through a tunnel or proxy of the person's own; everything else
 * may not, not even when the proxy calls this machine localhost.
 */
export function refusalOf({ method, target, headers }: RawRequest, port: number, anyHost: readonly string[] = []): Refusal | undefined {
  const host = (headers.host ?? "").toLowerCase();
  const mayBeAnyHost = anyHost.some((base) => target.startsWith(`${base}/`) && ONE_NAME.test(target.slice(base.length + 1)));
  if (!mayBeAnyHost && !ownHosts(port).includes(host)) return { status: 421, reason: `This is not the server of ${quoted(host)}.` };
  if (!mayBeAnyHost && PROXIES.some((name) => headers[name] !== undefined)) return { status: 421, reason: "This page is for the browsers of this machine only." };
  if (!target.startsWith("/") || target.startsWith("//") || /[\\\0]/u.test(target)) return { status: 400, reason: "The address is not well-formed." };
  if (!METHODS.has(method)) return { status: 405, reason: `${quoted(method)} means nothing here.` };
  if (headers["transfer-encoding"] !== undefined) return { status: 411, reason: "A request must say how long it is." };
  if (Number(headers["content-length"] ?? 0) > MAX_BODY) return { status: 413, reason: `A request holds ${String(MAX_BODY)} bytes at most.` };
  if (LOOKS.has(method)) return lookRefusal(headers);
  return mayBeAnyHost ? secretRefusal(headers) : changeRefusal(headers, host);
}

/** One step down and no other way: `/approve/../approvals` is `/approvals` to whoever comes after this. */
const ONE_NAME = /^[\w-]+(?:\.[a-z]+)?$/u;

/** Headers that proxies and tunnels add, and browsers never. */
const PROXIES = ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"] as const;

function lookRefusal(headers: IncomingHttpHeaders): Refusal | undefined {
  const site = headers["sec-fetch-site"];
  if (site === undefined || site === "same-origin" || site === "none") return undefined;
  const isFollowedLink = headers["sec-fetch-mode"] === "navigate" && headers["sec-fetch-dest"] === "document";
  return isFollowedLink ? undefined : { status: 403, reason: "Other sites may not look in here." };
}

function changeRefusal(headers: IncomingHttpHeaders, host: string): Refusal | undefined {
  const { origin } = headers;
  const site = headers["sec-fetch-site"];
  const refusal: Refusal = { status: 403, reason: "Only a page of this server may change something here." };
  if (site !== undefined && site !== "same-origin") return refusal;
  // A form of our own page sends "null", because of Referrer-Policy: no-referrer; the browser still says where it comes from.
  if (origin === undefined || origin === "null") return site === "same-origin" ? undefined : refusal;
  return origin.toLowerCase() === `http://${host}` ? undefined : refusal;
}

/** Below anyHost the address itself is the secret, and a proxy may have changed the name; another site is told apart all the same. */
function secretRefusal(headers: IncomingHttpHeaders): Refusal | undefined {
  const site = headers["sec-fetch-site"];
  if (site === undefined || site === "same-origin") return undefined;
  return { status: 403, reason: "Only a page of this server may change something here." };
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 100));
}
