import { z } from "zod";

import { findAssignments } from "./secrets/assignments.js";
import { foldText, smuggledText, type FoldedText } from "./secrets/fold.js";
import { findPrivateKeys } from "./secrets/pem.js";
import { findPrefixed } from "./secrets/prefixed.js";
import { findShaped } from "./secrets/shaped.js";
import { findUrlPasswords } from "./secrets/urls.js";

/** A secret in a text: UTF-16 offsets, end exclusive, of the secret itself (for an assignment or a URL: of the value). */
export interface SecretSpan {
  /** Stable snake_case name, such as `github_token`, `private_key`, `jwt`, `url_password`, `password`. */
  readonly kind: string;
  readonly start: number;
  readonly end: number;
}

/** A secret as a fact in a payload: what it is and where it stands, never the secret. */
export interface SecretFact {
  readonly kind: string;
  /** For a person: "text", "line 12 of src/db.ts", "attachment report.csv". */
  readonly where: string;
}

export const secretFactSchema = z.strictObject({ kind: z.string(), where: z.string() });

/** The fact `secrets` of payloads that carry text out. */
export const secretFactsSchema = z.array(secretFactSchema);

/**
 * Finds secrets in a text. Pure, synchronous and linear in its length.
 *
 * Finds the documented token formats of about a hundred services, private keys (PEM, OpenSSH, PGP, PuTTY, also wrapped,
 * quoted or on one line with `\n`), JWTs, webhook addresses that are keys in themselves, passwords in URLs, bearer and
 * basic credentials, and values that look random beside a name such as `password`, `api_key`, `client_secret`. Invisible
 * characters, full-width and mathematical letters and typographic quotes do not hide them.
 *
 * Leaves alone what only looks like it: hashes, UUIDs and integrity values without a telling name, references such as
 * `${API_KEY}` and `process.env.API_KEY`, placeholders such as `your-api-key-here`, `<password>`, `xxxx` and the keys of
 * AWS's manual that end in EXAMPLE. Test-mode keys (`sk_test_…`) are secrets: they open a real account.
 *
 * Cannot see what is encoded (base64, hex, compressed, encrypted, spelled out), split over several strings or calls, or
 * written with letters of another script; a random value without a telling name; a password made of plain words. It
 * stops leaks by accident and by crude injection, not someone who may run code on the secret first.
 *
 * @returns the spans in order, without overlaps
 */
export function findSecrets(text: string): readonly SecretSpan[] {
  if (text.length < SHORTEST) return NONE;
  const found = inFolded(foldText(text));
  const smuggled = smuggledText(text);
  if (smuggled !== null) found.push(...inFolded(smuggled));
  return merged(found);
}

/** No text is shorter that holds a secret: `a://:x1y@`. */
const SHORTEST = 9;
const NONE: readonly SecretSpan[] = Object.freeze([]);

/** The secrets in named parts of a message, one fact for each kind and place. */
export function secretsIn(parts: readonly { readonly where: string; readonly text: string }[]): readonly SecretFact[] {
  const facts = new Map<string, SecretFact>();
  for (const { where, text } of parts) {
    for (const { kind } of findSecrets(text)) facts.set(JSON.stringify([kind, where]), { kind, where });
  }
  return [...facts.values()];
}

function inFolded(folded: FoldedText): SecretSpan[] {
  const { text } = folded;
  // In order of telling: where two overlap, the first names the kind.
  const spans = [...findPrivateKeys(text), ...findPrefixed(text), ...findShaped(text), ...findUrlPasswords(text), ...findAssignments(text)];
  return spans.map(({ kind, start, end }) => ({ kind, start: folded.start(start), end: folded.end(end) }));
}

/** Joins overlapping spans under the kind of the one found first. */
function merged(spans: readonly SecretSpan[]): readonly SecretSpan[] {
  if (spans.length === 0) return NONE;
  const ranked = spans.map((span, rank) => ({ ...span, rank })).toSorted((a, b) => a.start - b.start || a.rank - b.rank);
  const result: { kind: string; start: number; end: number; rank: number }[] = [];
  for (const span of ranked) {
    const last = result.at(-1);
    if (last === undefined || span.start >= last.end) {
      result.push(span);
      continue;
    }
    last.end = Math.max(last.end, span.end);
    if (span.rank < last.rank) Object.assign(last, { kind: span.kind, rank: span.rank });
  }
  return result.map(({ kind, start, end }) => ({ kind, start, end }));
}
