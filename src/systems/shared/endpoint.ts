import { EnactError } from "../../errors.js";

export interface EndpointRules {
  /** The configuration key that a person would correct, such as "systems.slack.api_url". */
  readonly key: string;
  /** Allows plain http beyond loopback: whoever is on the way then reads the token. */
  readonly insecure?: boolean | undefined;
}

/**
 * Checks the address of a server that will be sent a token: https, or http on loopback.
 *
 * @returns the address without a trailing slash
 * @throws EnactError CONFIG_INVALID; the message never repeats the address, which may hold a password
 */
export function checkedEndpoint(address: string, rules: EndpointRules): string {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined || (url.protocol !== "https:" && url.protocol !== "http:")) {
    throw invalid(rules, "is not an http or https address");
  }
  if (url.username !== "" || url.password !== "") throw invalid(rules, "must not hold a user name or password");
  if (url.search !== "" || url.hash !== "") throw invalid(rules, "must not hold a query or fragment");
  if (url.protocol === "http:" && !isLoopback(url.hostname) && rules.insecure !== true) {
    throw invalid(rules, "is plain http to another machine, which would show the token to everybody on the way: use https");
  }
  return url.href.replace(/\/+$/, "");
}

/**
 * Checks a secret that goes into a header. A line break in it would be a second header, and the platform's error about
 * that would repeat the whole secret.
 *
 * @throws EnactError CONFIG_INVALID, without the secret
 */
export function checkedSecret(secret: string, key: string): string {
  if (!/^[\x21-\x7e]+$/.test(secret)) {
    throw invalid({ key }, "is empty or holds spaces, line breaks or characters that no token has");
  }
  return secret;
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host);
}

function invalid(rules: EndpointRules, why: string): EnactError {
  return new EnactError("CONFIG_INVALID", `${rules.key} ${why}`, { done: "Nothing was started." });
}
