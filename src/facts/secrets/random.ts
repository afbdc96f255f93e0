/**
 * True for what nobody types as a name: keys, hashes, identifiers made by a machine. Names have letters only, or words
 * parted by signs, or a few digits at the end (`my-service-token-v2`, `oauth2`, `user_password1`).
 */
export function looksRandom(value: string): boolean {
  if (!/[A-Za-z]/.test(value)) return false;
  const segments = value.split(/[-_.:/+=~@!#%^&,]+/);
  if (segments.some((segment) => segment.length >= 12 && isMixed(segment))) return true;
  return value.length >= 16 && changes(value) > value.length / 4 && entropy(value) >= 3;
}

/** Letters and digits, and not just a word with a number behind it. */
function isMixed(segment: string): boolean {
  if (!/\d/.test(segment) || /^[A-Za-z]+\d{0,4}$/.test(segment)) return segment.length >= 20 && isLettersAtRandom(segment);
  return entropy(segment) >= 2.5;
}

/** Letters only, and far more changes of case than words written together have. */
function isLettersAtRandom(segment: string): boolean {
  return changes(segment) > segment.length / 4 && entropy(segment) >= 3.5;
}

/** How often the kind of character changes; a capital followed by a small letter begins a word and does not count. */
function changes(value: string): number {
  let count = 0;
  for (let at = 1; at < value.length; at += 1) {
    const before = kindOf(value.charCodeAt(at - 1));
    const after = kindOf(value.charCodeAt(at));
    const isWordStart = before === UPPER && after === LOWER;
    if (before !== after && before !== OTHER && after !== OTHER && !isWordStart) count += 1;
  }
  return count;
}

const DIGIT = 0;
const LOWER = 1;
const UPPER = 2;
const OTHER = 3;

function kindOf(code: number): number {
  if (code >= 48 && code <= 57) return DIGIT;
  if (code >= 97 && code <= 122) return LOWER;
  return code >= 65 && code <= 90 ? UPPER : OTHER;
}

/** Shannon's entropy in bits for each character. */
function entropy(value: string): number {
  const counts = new Map<string, number>();
  for (const character of value) counts.set(character, (counts.get(character) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / value.length) * Math.log2(count / value.length);
  return bits;
}
