import { isStandIn } from "./placeholder.js";
import type { SecretSpan } from "../secrets.js";

/** The heading of a private key of any kind; words may be parted by line breaks. Bounded, so that it stays linear. */
const HEADING = /BEGIN\s{1,9}(?:[A-Z0-9]{1,20}\s{1,9}){0,4}?PRIVATE\s{1,9}KEY(?:\s{1,9}BLOCK)?[\s-]{0,20}|Private-Lines: \d{1,3}/g;

/** What may stand between the characters of a wrapped, quoted, escaped or commented key. */
const LAYOUT = /\\+[nrt]|[\s"'`,\\>#*|]+/g;
const HEADER_LINE = /^(?:Proc-Type|DEK-Info|Version|Comment|Hash|Charset|Encryption|Public-Lines|Private-Lines)[^\n\\]{0,200}/gim;

/** The longest key that is followed to its end. */
const LONGEST = 65_536;
/** As much as decides whether a key follows its heading. */
const WINDOW = 2048;
/** A heading needs this many characters of key behind it; fewer when the end line follows. */
const MIN_BODY = 24;
const MIN_CLOSED_BODY = 8;
/** A shorter key that ends in dots is one that somebody cut off to show the shape. */
const CUT_OFF = 64;

/**
 * Private keys: PKCS#1, PKCS#8 (encrypted too), SEC1, DSA, OpenSSH, PGP, SSH2, PuTTY. A heading alone, as in code that
 * reads such files, is not a key.
 */
export function findPrivateKeys(text: string): readonly SecretSpan[] {
  if (!text.includes("BEGIN") && !text.includes("Private-Lines")) return [];
  const headings = [...text.matchAll(HEADING)];
  const found: SecretSpan[] = [];
  headings.forEach((heading, index) => {
    const body = heading.index + heading[0].length;
    if (body <= (found.at(-1)?.end ?? 0)) return;
    // Up to the next heading only: what is looked at twice makes the search quadratic.
    const limit = Math.min(text.length, headings[index + 1]?.index ?? text.length, body + LONGEST);
    const end = keyEnd(text, body, limit);
    if (end === null) return;
    const kind = heading[0].includes("BLOCK") ? "pgp_private_key" : "private_key";
    found.push({ kind, start: dashesBefore(text, heading.index), end });
  });
  return found;
}

/** The offset behind the key, or null when no key follows the heading. */
function keyEnd(text: string, body: number, limit: number): number | null {
  const window = text.slice(body, Math.min(limit, body + WINDOW));
  const endLine = window.search(END_LINE);
  const isClosed = endLine >= 0;
  const material = keyMaterial(isClosed ? window.slice(0, endLine) : window);
  if (material.length < (isClosed ? MIN_CLOSED_BODY : MIN_BODY)) return null;
  const whole = text.slice(body, limit);
  const end = whole.search(END_LINE);
  if (end < 0) return body + (/^[A-Za-z0-9+/=\s\\"'`,>#*|:-]*/.exec(whole)?.[0].trimEnd().length ?? 0);
  return body + end + (/^-{1,5}\s*END[A-Z0-9 ]{0,60}-{0,5}/.exec(whole.slice(end))?.[0].length ?? 0);
}

const END_LINE = /-\s{0,3}END\b/;

/** The base64 at the beginning of what follows the heading, its layout taken out; empty for a stand-in. */
function keyMaterial(window: string): string {
  const bare = window.replace(HEADER_LINE, "").replace(LAYOUT, "");
  const [, material = "", dots] = /^[-:]*([A-Za-z0-9+/=]*)(\.\.|\u2026)?/.exec(bare) ?? [];
  const isStandInOnly = isStandIn(material.slice(0, CUT_OFF)) || (dots !== undefined && material.length < CUT_OFF);
  return isStandInOnly ? "" : material;
}

function dashesBefore(text: string, at: number): number {
  let start = at;
  while (start > 0 && at - start < 8 && (text[start - 1] === "-" || text[start - 1] === " ")) start -= 1;
  return start;
}
