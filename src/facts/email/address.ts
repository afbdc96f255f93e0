import { tokenize, type Token } from "./tokens.js";

/** One recipient or sender, as it will be delivered and as it is counted. */
export interface MailAddress {
  /** For delivery, as it was given: plus-tag and capitals kept; the domain in ASCII (punycode). */
  readonly address: string;
  /** For comparing: the same person is the same text. Lower case, no plus-tag; for Gmail no dots. */
  readonly normalised: string;
  /** The display name; null when there is none. It proves nothing. */
  readonly name: string | null;
}

/** What is wrong with an address, as a clause: "holds more than one address". */
export interface AddressProblem {
  readonly problem: string;
}

const LONGEST = 512;
/** Bytes; RFC 5321, sections 4.5.3.1.1 to 4.5.3.1.3. */
const LONGEST_LOCAL_PART = 64;
const LONGEST_ADDRESS = 254;

const MANY = "holds more than one address: give each its own entry";
const GROUP = "is a group or begins with a prefix: give plain addresses, one in each entry";

/**
 * Reads exactly one address by RFC 5322, with or without a display name: `bob@example.com`, `Bob <bob@example.com>`.
 *
 * Refused is what mail servers read in different ways, so that a mail could go elsewhere than was judged: line breaks,
 * lists, groups, routes, address literals, `%` and `!` in the local part (relays resend such mail to the address inside),
 * and quoted local parts with signs in them.
 */
export function parseAddress(text: string): MailAddress | AddressProblem {
  if (text.length > LONGEST) return { problem: `is longer than ${LONGEST} characters` };
  if (!text.isWellFormed() || /[\p{Cc}\u2028\u2029]/u.test(text.replaceAll("\t", " "))) {
    return { problem: "holds a line break or another control character" };
  }
  const tokens = tokenize(text);
  if (typeof tokens === "string") return { problem: tokens };
  const parts = splitName(tokens);
  if ("problem" in parts) return parts;
  const spec = addressOf(parts.spec);
  if ("problem" in spec) return spec;
  const problem = nameProblem(parts.name, spec.address);
  return problem === null ? { ...spec, name: parts.name } : { problem };
}

const is = (sign: string) => (token: Token) => token.kind === "sign" && token.text === sign;

/** Tells the display name from the address. */
function splitName(tokens: readonly Token[]): { name: string | null; spec: readonly Token[] } | AddressProblem {
  if (tokens.some(is(","))) return { problem: MANY };
  if (tokens.some(is(":")) || tokens.some(is(";"))) return { problem: GROUP };
  const opening = tokens.findIndex(is("<"));
  if (opening < 0) return tokens.some(is(">")) ? { problem: "has a > without a <" } : { name: null, spec: tokens };
  if (tokens.findIndex(is(">")) !== tokens.length - 1) return { problem: MANY };
  const name = tokens.slice(0, opening);
  if (tokens.filter(is("<")).length > 1 || name.some(is("@"))) return { problem: MANY };
  if (name.some((token) => token.kind === "sign" && token.text !== ".")) return { problem: "has a name with signs in it: quote the name" };
  const words = name.map(({ text, isApart }, index) => (isApart && index > 0 ? ` ${text}` : text)).join("");
  return { name: words.trim() === "" ? null : words.trim(), spec: tokens.slice(opening + 1, -1) };
}

function addressOf(tokens: readonly Token[]): Omit<MailAddress, "name"> | AddressProblem {
  const at = tokens.findIndex(({ kind, text }) => kind === "sign" && text === "@");
  if (at < 0) return { problem: tokens.length === 0 ? "is empty" : "has no @" };
  const rest = tokens.slice(at + 1);
  if (rest.some(({ kind, text }) => kind === "sign" && text === "@")) return { problem: "has more than one @" };
  const local = localPart(tokens.slice(0, at));
  if (typeof local !== "string") return local;
  const domain = domainPart(rest);
  if (typeof domain !== "string") return domain;
  const address = `${quotedIfNeeded(local)}@${domain}`;
  if (bytes(local) > LONGEST_LOCAL_PART || bytes(address) > LONGEST_ADDRESS) return { problem: "is longer than addresses may be" };
  return { address, normalised: normalised(local, domain) };
}

/** Words and dots without space between them, as one text; a space would be a second address. */
function dotted(tokens: readonly Token[]): string | null {
  const isRow = tokens.every(({ kind, text, isApart }, index) => {
    const isInPlace = index % 2 === 0 ? kind === "atom" : kind === "sign" && text === ".";
    return isInPlace && (index === 0 || !isApart);
  });
  return isRow && tokens.length % 2 === 1 ? tokens.map(({ text }) => text).join("") : null;
}

/** RFC 5322 `atext`, with the letters of RFC 6531. */
const LOCAL_PART = /^[\p{L}\p{M}\p{N}!#$%&'*+\-/=?^_`{|}~.]+$/u;

/** The local part with its quotes taken off. */
function localPart(tokens: readonly Token[]): string | AddressProblem {
  const [first] = tokens;
  if (first === undefined) return { problem: "has nothing before the @" };
  if (tokens.length === 1 && first.kind === "quoted") {
    // Servers disagree on what a quoted "@", "," or space means, so that the mail could go elsewhere.
    if (!/^[\p{L}\p{M}\p{N}#$&'*+\-/=?^_`{|}~.]+$/u.test(first.text)) return { problem: "has a quoted local part with signs in it, which servers read in different ways" };
    return first.text.normalize("NFC");
  }
  const local = dotted(tokens);
  if (local === null) return { problem: tokens.length > 1 ? `is not one address; if it is several: ${MANY}` : "is not an address" };
  if (!LOCAL_PART.test(local)) return { problem: "holds a character that addresses cannot have" };
  if (/[%!]/.test(local)) return { problem: "has % or ! in its local part, which makes relays send it on to another address" };
  return local.normalize("NFC");
}

function quotedIfNeeded(local: string): string {
  return /^[^\s.]+(?:\.[^\s.]+)*$/.test(local) ? local : `"${local}"`;
}

function domainPart(tokens: readonly Token[]): string | AddressProblem {
  const domain = dotted(tokens);
  if (tokens.length === 0) return { problem: "has nothing behind the @" };
  if (domain === null) return { problem: "has no domain name behind the @ (numeric addresses are refused)" };
  return asciiDomain(domain) ?? { problem: "has no valid domain name behind the @" };
}

const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * A domain name in lower-case ASCII, by the rules that mail and web share (UTS 46): `Bücher.example` is
 * `xn--bcher-kva.example`, so that a look-alike shows. Null for what is no domain name, IP addresses included.
 */
export function asciiDomain(domain: string): string | null {
  // The URL parser would take more than a host, and decode it.
  if (domain.length > 253 || !/^[\p{L}\p{M}\p{N}.-]+$/u.test(domain)) return null;
  const url = `http://${domain}`;
  const host = URL.canParse(url) ? new URL(url).hostname : "";
  const labels = host.split(".");
  const isName = host.length <= 253 && labels.every((label) => LABEL.test(label)) && !/^\d+$/.test(labels.at(-1) ?? "");
  return isName ? host : null;
}

/** Services that deliver to the same person whatever dots are in the name (Google, "Dots don't matter in Gmail addresses"). */
const DOTLESS = new Set(["gmail.com", "googlemail.com"]);

function normalised(local: string, domain: string): string {
  const folded = local.normalize("NFKC").toLowerCase();
  const plus = folded.indexOf("+");
  const untagged = plus > 0 ? folded.slice(0, plus) : folded;
  const person = DOTLESS.has(domain) ? untagged.replaceAll(".", "") || untagged : untagged;
  return `${quotedIfNeeded(person)}@${DOTLESS.has(domain) ? "gmail.com" : domain}`;
}

/** A name that looks like another address, or that shows something else than it says, deceives whoever reads the chat. */
function nameProblem(name: string | null, address: string): string | null {
  if (name === null) return null;
  if (/[\p{Cf}\p{Co}\p{Cn}]/u.test(name.replaceAll(/[\u200c\u200d]/g, ""))) return "has a name with invisible characters";
  // RFC 2047: not to be read inside quotes, and many mail programs do; it could spell any address.
  if (/=\?[^?\s]*\?[bq]\?/iu.test(name)) return "has a name in MIME's encoding: write it plainly";
  const claimed = name.normalize("NFKC").match(/[^\s<>"'()]+@[^\s<>"'()]+/g) ?? [];
  const isHonest = claimed.every((text) => text.toLowerCase() === address.toLowerCase());
  return isHonest ? null : "has a name that looks like another address";
}

function bytes(text: string): number {
  return new TextEncoder().encode(text).length;
}
