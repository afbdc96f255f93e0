/** Sets of ASCII characters as bits, so that a run is measured by one table look-up a character. */
export const DIGIT = 1;
export const LOWER_HEX = 2;
export const LOWER = 4;
export const UPPER_HEX = 8;
export const UPPER = 16;
export const UNDERSCORE = 32;
export const DASH = 64;
export const DOT = 128;
export const PLUS_SLASH = 256;
export const EQUALS = 512;

export const HEX = DIGIT | LOWER_HEX;
export const ANY_HEX = HEX | UPPER_HEX;
export const LETTER = LOWER | UPPER;
export const ALNUM = DIGIT | LETTER;
export const UPPER_ALNUM = DIGIT | UPPER;
export const WORD = ALNUM | UNDERSCORE;
export const URL_SAFE = WORD | DASH;
export const BASE64 = ALNUM | PLUS_SLASH | EQUALS;

const TABLE = tableOf([
  ["0123456789", DIGIT],
  ["abcdef", LOWER_HEX],
  ["abcdefghijklmnopqrstuvwxyz", LOWER],
  ["ABCDEF", UPPER_HEX],
  ["ABCDEFGHIJKLMNOPQRSTUVWXYZ", UPPER],
  ["_", UNDERSCORE],
  ["-", DASH],
  [".", DOT],
  ["+/", PLUS_SLASH],
  ["=", EQUALS],
]);

function tableOf(sets: readonly (readonly [string, number])[]): Uint16Array {
  const table = new Uint16Array(128);
  for (const [characters, bit] of sets) {
    for (const character of characters) {
      const code = character.charCodeAt(0);
      table[code] = (table[code] ?? 0) | bit;
    }
  }
  return table;
}

/** True when the character at this offset belongs to the set; false outside the text. */
export function isIn(text: string, at: number, set: number): boolean {
  return ((TABLE[text.charCodeAt(at)] ?? 0) & set) !== 0;
}

/** The offset behind the run of characters of the set that starts here, at most `limit` further on. */
export function runEnd(text: string, from: number, set: number, limit = Number.POSITIVE_INFINITY): number {
  const last = Math.min(text.length, from + limit);
  let at = from;
  while (at < last && isIn(text, at, set)) at += 1;
  return at;
}

/** The offset of the first character of the run of the set that ends before `to`, at most `limit` back. */
export function runStart(text: string, to: number, set: number, limit: number): number {
  const first = Math.max(0, to - limit);
  let at = to;
  while (at > first && isIn(text, at - 1, set)) at -= 1;
  return at;
}
