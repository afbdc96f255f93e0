import { EnactError } from "../../errors.js";

/** Where and how mail is handed over. */
export interface MailServer {
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte (smtps); otherwise STARTTLS. */
  readonly isTlsFromStart: boolean;
  /** required: encrypted and the certificate verified, or nothing is sent. if_offered: on loopback, or when configured so. */
  readonly tls: "required" | "if_offered";
  readonly login: { readonly user: string; readonly password: string } | null;
}

const KEY = "systems.email.smtp";

/**
 * Reads `smtp://user:password@host:587` or `smtps://user:password@host:465`.
 *
 * STARTTLS is required for smtp:// (a man in the middle would otherwise strip it and read mail and password), except on
 * loopback and with `allowPlaintext`. Options in the address are refused: they would turn such checks off.
 *
 * @throws EnactError CONFIG_INVALID; the message never repeats the address, which may hold a password
 */
export function mailServer(address: string, allowPlaintext: boolean): MailServer {
  if (!URL.canParse(address)) throw invalid("is not an address such as smtp://host:587");
  const url = new URL(address);
  if (url.protocol !== "smtp:" && url.protocol !== "smtps:") throw invalid("must begin with smtp:// or smtps://");
  if (url.search !== "" || url.hash !== "") throw invalid("must not hold options (?… or #…)");
  if (url.hostname === "" || (url.pathname !== "" && url.pathname !== "/")) throw invalid("must be a host and a port, without a path");
  const isTlsFromStart = url.protocol === "smtps:";
  const host = url.hostname.replace(/^\[|\]$/g, "").toLowerCase();
  if (!/^[a-z0-9.:_-]+$/.test(host)) throw invalid("has no valid host name");
  return {
    host,
    port: url.port === "" ? (isTlsFromStart ? 465 : 587) : Number(url.port),
    isTlsFromStart,
    tls: isLoopback(host) || allowPlaintext ? "if_offered" : "required",
    login: loginOf(url),
  };
}

function loginOf(url: URL): MailServer["login"] {
  if (url.username === "" && url.password === "") return null;
  if (url.username === "" || url.password === "") throw invalid("has a user without a password, or a password without a user");
  try {
    return { user: decodeURIComponent(url.username), password: decodeURIComponent(url.password) };
  } catch {
    throw invalid("has a % in its user or password that is not followed by two hex digits: write %25 for a percent sign");
  }
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(?:\.\d{1,3}){3}$/.test(host);
}

function invalid(why: string): EnactError {
  return new EnactError("CONFIG_INVALID", `${KEY} ${why}`, { done: "Nothing was started." });
}
