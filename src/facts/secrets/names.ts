/** Words that make a name say something else: `tokenCount`, `secret_arn`, `password_hash`, `apiKeyName`. */
const ABOUT = new Set(
  (
    "id ids name names url uri urls path paths file files filename dir hash hashed length len size count counts total type types field fields label " +
    "placeholder header headers env var expiry expires expiration ttl age policy policies regex pattern hint hints version arn ref refs digest sha " +
    "checksum algorithm algo encryption min max limit limits reset strength rule rules error errors message prompt format prefix suffix provider " +
    "manager store storage endpoint index idx usage budget rate used per validator validation required optional enabled disabled visible visibility " +
    "input output form page link kind status state class title text description tooltip column columns table store key_id keyid rotation source scope scopes " +
    "issuer audience location region mode lifetime timeout arg args through by hook mgr"
  ).split(" "),
);

/** Words before the name that make it harmless: a page token is a place in a list, a public key is public. */
const HARMLESS_BEFORE = new Set(
  "csrf xsrf page next continuation pagination cursor sync resume public pub design style cancel cancellation color colour max min num".split(" "),
);

/**
 * Whether the name around a word such as `token` says that its value is a secret.
 *
 * @returns the offset behind the whole name, or null when it says something else
 */
export function isTellingName(text: string, start: number, end: number): number | null {
  const before = /[\w-]{0,20}$/.exec(text.slice(Math.max(0, start - 20), start))?.[0] ?? "";
  if (HARMLESS_BEFORE.has(wordsOf(before).findLast((word) => word !== "") ?? "")) return null;
  const rest = /^[\w-]{0,40}/.exec(text.slice(end, end + 41))?.[0] ?? "";
  if (rest.length > 40 || continuesTheWord(text.slice(start, end), rest)) return null;
  return wordsOf(rest).some((word) => ABOUT.has(word)) ? null : end + rest.length;
}

function wordsOf(name: string): string[] {
  return name.split(/[-_]|(?<=[a-z\d])(?=[A-Z])/).map((word) => word.toLowerCase());
}

/** `tokenizer`, `passwordless` and `SECRETARY` are other words; `tokens` and `passwordProd` are not. */
function continuesTheWord(word: string, rest: string): boolean {
  if (rest === "s" || rest === "S" || rest === "") return false;
  const isCapitals = word === word.toUpperCase();
  return isCapitals ? /^[A-Z]/.test(rest) && !/^S(?![A-Z])/.test(rest) : /^[a-z]/.test(rest) && !/^s(?![a-z])/.test(rest);
}
