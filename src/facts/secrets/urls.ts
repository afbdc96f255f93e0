import { ALNUM, DASH, DOT, LETTER, PLUS_SLASH, isIn, runStart } from "./characters.js";
import { isPlaceholder } from "./placeholder.js";
import { looksRandom } from "./random.js";
import type { SecretSpan } from "../secrets.js";

const LONGEST_AUTHORITY = 1024;
const AUTHORITY = /[^/?#\s"'<>`\\]*/y;

/** Hosts of a developer's own machine or of nobody (RFC 2606, RFC 6761), and names of containers. */
const HARMLESS_HOST = /^(?:localhost|127(?:\.\d+){3}|\[::1\]|0\.0\.0\.0|host\.docker\.internal|[a-z0-9_-]+)$|(?:^|\.)(?:example(?:\.(?:com|org|net))?|test|invalid|localhost)$/i;

/**
 * Passwords in URLs: database addresses, `https://user:password@host`, tokens in place of a user. Not a secret are the
 * stand-ins of manuals and the plain words of a local set-up (`postgres://postgres:postgres@localhost/app`).
 */
export function findUrlPasswords(text: string): readonly SecretSpan[] {
  const found: SecretSpan[] = [];
  for (let at = text.indexOf("://"); at >= 0; at = text.indexOf("://", at + 3)) {
    if (!isIn(text, runStart(text, at, ALNUM | DASH | DOT | PLUS_SLASH, 32), LETTER)) continue;
    const span = inAuthority(text, at + 3);
    if (span !== null) found.push(span);
  }
  return found;
}

function inAuthority(text: string, from: number): SecretSpan | null {
  AUTHORITY.lastIndex = 0;
  const authority = AUTHORITY.exec(text.slice(from, from + LONGEST_AUTHORITY))?.[0] ?? "";
  const ending = authority.lastIndexOf("@");
  if (ending <= 0) return null;
  const userinfo = authority.slice(0, ending);
  const host = authority.slice(ending + 1).replace(/:[\d,]*.*$/, "");
  const colon = userinfo.indexOf(":");
  if (colon < 0) return isTokenAsUser(userinfo, host) ? { kind: "url_token", start: from, end: from + ending } : null;
  const password = userinfo.slice(colon + 1);
  if (!isPassword(decoded(password), userinfo.slice(0, colon), host)) return null;
  return { kind: "url_password", start: from + colon + 1, end: from + ending };
}

function isPassword(password: string, user: string, host: string): boolean {
  if (password.length < 3 || isPlaceholder(password) || /^[{$%[]/.test(password)) return false;
  const isPlainWord = password === user || password.length < 4 || /^[a-z]+$/.test(password);
  return !(isPlainWord && HARMLESS_HOST.test(host));
}

/** A Sentry address carries a public key in this place. */
function isTokenAsUser(user: string, host: string): boolean {
  return user.length >= 20 && looksRandom(user) && !isPlaceholder(user) && !/sentry/i.test(host);
}

function decoded(password: string): string {
  try {
    return decodeURIComponent(password);
  } catch {
    return password;
  }
}
