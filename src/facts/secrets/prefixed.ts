import { ALNUM, DIGIT, isIn, runEnd, runStart } from "./characters.js";
import { FORMATS, type Format } from "./formats.js";
import { isStandIn } from "./placeholder.js";
import type { SecretSpan } from "../secrets.js";

/** As much of a token as decides; the span covers all of it. */
const JUDGED = 96;

/** The shortest token of all formats; no shorter text holds one. */
const SHORTEST = Math.min(...FORMATS.map(({ prefix, min, idDigits = 0 }) => idDigits + prefix.length + min));

/** Formats by their first two characters: one look at a table for each character of the text. */
const BY_START = byStart(FORMATS);

/** Tokens that tell by their first characters what they are. */
export function findPrefixed(text: string): readonly SecretSpan[] {
  const found: SecretSpan[] = [];
  if (text.length < SHORTEST) return found;
  const words = new Map<string, boolean>();
  const stands = (word: string) => {
    const known = words.get(word) ?? text.toLowerCase().includes(word);
    words.set(word, known);
    return known;
  };
  for (let at = 0; at + 1 < text.length; at += 1) {
    const candidates = BY_START[startOf(text, at)];
    if (candidates === undefined) continue;
    const span = firstMatch(text, at, candidates, stands);
    if (span === null) continue;
    found.push(span);
    at = span.end - 1;
  }
  return found;
}

function firstMatch(text: string, at: number, candidates: readonly Format[], stands: (word: string) => boolean): SecretSpan | null {
  for (const format of candidates) {
    if (!text.startsWith(format.prefix, at)) continue;
    const span = match(text, at, format);
    if (span !== null && (format.beside === undefined || stands(format.beside))) return span;
  }
  return null;
}

function match(text: string, at: number, format: Format): SecretSpan | null {
  const { kind, prefix, chars, min, max } = format;
  if (format.anywhere !== true && isIn(text, at - 1, ALNUM)) return null;
  const body = at + prefix.length;
  const judged = runEnd(text, body, chars, Math.max(JUDGED, min));
  if (judged - body < min) return null;
  // More of the same characters, or letters at once behind a token of fixed length: something else, a hash or a blob.
  if (max !== undefined && (judged - body > max || isIn(text, judged, ALNUM))) return null;
  const value = text.slice(body, judged);
  if (isStandIn(value) || (format.notAWord === true && isWord(value))) return null;
  const start = format.idDigits === undefined ? at : runStart(text, at, DIGIT, 12);
  if (at - start < (format.idDigits ?? 0)) return null;
  return { kind, start, end: runEnd(text, judged, chars) };
}

function isWord(value: string): boolean {
  return value.length < 40 && !/\d/.test(value);
}

function startOf(text: string, at: number): number {
  const first = text.charCodeAt(at);
  const second = text.charCodeAt(at + 1);
  return first < 128 && second < 128 ? first * 128 + second : -1;
}

function byStart(formats: readonly Format[]): readonly (readonly Format[] | undefined)[] {
  const table: (Format[] | undefined)[] = Array.from({ length: 128 * 128 });
  for (const format of formats) (table[startOf(format.prefix, 0)] ??= []).push(format);
  return table;
}
