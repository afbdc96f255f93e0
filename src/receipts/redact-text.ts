/** A secret in a text: UTF-16 offsets, end exclusive. */
export interface SecretSpan {
  readonly kind: string;
  readonly start: number;
  readonly end: number;
}

export type FindSecrets = (text: string) => readonly SecretSpan[];

/** A known secret of this length or more is redacted even inside a longer word, unless it looks like a plain word. */
const LONG_SECRET = 8;
const PLAIN_WORD = /^[a-z]{1,12}$/i;
const KIND = /^[a-z0-9_-]{1,40}$/i;
const UNCHECKED = "[redacted:unchecked]";

interface KnownForm {
  readonly text: string;
  readonly onlyAsWord: boolean;
}

/** How many texts to remember as harmless, and how long they may be: at most a few hundred kilobytes. */
const REMEMBERED = 1000;
const REMEMBERED_LENGTH = 200;

/**
 * Takes secrets out of texts. What was found to be harmless is remembered: the names, hints and reasons of one receipt
 * come back in the next, and looking for secrets costs a hundred times as much as looking up that there are none.
 */
export class TextRedactor {
  readonly #findSecrets: FindSecrets;
  readonly #known: readonly KnownForm[];
  readonly #harmless = new Set<string>();

  /** @throws TypeError when a known secret is not a text */
  constructor(findSecrets: FindSecrets, knownSecrets: readonly string[]) {
    this.#findSecrets = findSecrets;
    this.#known = knownSecrets.flatMap(formsOf);
  }

  clean(text: string): string {
    if (this.#harmless.has(text)) return text;
    const cleaned = this.#cleaned(text);
    if (cleaned === text && text.length <= REMEMBERED_LENGTH) this.#remember(text);
    return cleaned;
  }

  #cleaned(text: string): string {
    let spans: readonly SecretSpan[];
    try {
      spans = checkedSpans(this.#findSecrets(text), text);
    } catch {
      // The error may quote the text, and the text may be the secret.
      return UNCHECKED;
    }
    return replaced(text, [...spans, ...knownSpans(text, this.#known), ...urlSpans(text)]);
  }

  #remember(text: string): void {
    if (this.#harmless.size >= REMEMBERED) this.#harmless.clear();
    // A copy of its own: V8 keeps the whole text alive that a short one was cut from.
    this.#harmless.add(Buffer.from(text, "utf8").toString("utf8"));
  }
}

/** A detector that answers nonsense has not said that there is no secret. */
function checkedSpans(spans: readonly SecretSpan[], text: string): readonly SecretSpan[] {
  for (const { kind, start, end } of spans) {
    const fits = Number.isInteger(start) && Number.isInteger(end) && start >= 0 && start < end && end <= text.length;
    if (!fits || typeof kind !== "string") throw new RangeError("not a span of this text");
  }
  return spans;
}

function formsOf(secret: unknown): readonly KnownForm[] {
  if (typeof secret !== "string") throw new TypeError("A known secret is not a text, so receipts cannot be redacted");
  if (secret === "") return [];
  const onlyAsWord = secret.length < LONG_SECRET || PLAIN_WORD.test(secret);
  const encoded = secret.isWellFormed() ? encodeURIComponent(secret) : secret;
  const lowerCase = encoded.replaceAll(/%[0-9A-F]{2}/g, (code) => code.toLowerCase());
  const plain = [...new Set([secret, encoded, lowerCase])].map((text) => ({ text, onlyAsWord }));
  const base64 = Buffer.from(secret, "utf8").toString("base64").replaceAll("=", "");
  const base64url = Buffer.from(secret, "utf8").toString("base64url");
  return [...plain, ...[...new Set([base64, base64url])].map((text) => ({ text, onlyAsWord: text.length < LONG_SECRET }))];
}

function knownSpans(text: string, known: readonly KnownForm[]): readonly SecretSpan[] {
  const spans: SecretSpan[] = [];
  for (const { text: secret, onlyAsWord } of known) {
    // From the next character on, not from the end: occurrences may overlap.
    for (let start = text.indexOf(secret); start !== -1; start = text.indexOf(secret, start + 1)) {
      const end = start + secret.length;
      const isInsideWord = isWordCharacter(text[start - 1]) || isWordCharacter(text[end]);
      if (!onlyAsWord || !isInsideWord) spans.push({ kind: "known_secret", start, end });
    }
  }
  return spans;
}

function isWordCharacter(character: string | undefined): boolean {
  return character !== undefined && /[\p{L}\p{N}_]/u.test(character);
}

/**
 * Passwords in the userinfo of URLs, up to the last @ of the authority, because people paste passwords that are not
 * encoded; and a user name that looks like a token (`https://<token>@host`).
 */
function urlSpans(text: string): readonly SecretSpan[] {
  if (!text.includes("://")) return [];
  return [...text.matchAll(/([a-z][a-z0-9+.-]{0,30}:\/\/)([^\s/?#"'<>]{1,2000})@/gi)].flatMap((match) => {
    const [, scheme = "", userinfo = ""] = match;
    const start = match.index + scheme.length;
    const end = start + userinfo.length;
    const colon = userinfo.indexOf(":");
    if (colon !== -1) return colon + 1 === userinfo.length ? [] : [{ kind: "url_password", start: start + colon + 1, end }];
    return looksLikeToken(userinfo) ? [{ kind: "url_password", start, end }] : [];
  });
}

function looksLikeToken(user: string): boolean {
  return user.length >= 20 && /\d/.test(user) && /[a-z]/i.test(user) && !user.includes(".") && !user.includes("@");
}

/** Joins overlapping spans, under the kind of the one that begins first, and puts a mark in the place of each. */
function replaced(text: string, spans: readonly SecretSpan[]): string {
  let result = "";
  let at = 0;
  const sorted = spans.toSorted((a, b) => a.start - b.start || b.end - a.end);
  let index = 0;
  while (index < sorted.length) {
    const first = sorted[index];
    if (first === undefined) break;
    let { end } = first;
    index += 1;
    for (let next = sorted[index]; next !== undefined && next.start < end; next = sorted[index]) {
      end = Math.max(end, next.end);
      index += 1;
    }
    const original = text.slice(first.start, end);
    result += text.slice(at, first.start) + (isMark(original) ? original : `[redacted:${KIND.test(first.kind) ? first.kind : "secret"}]`);
    at = end;
  }
  result += text.slice(at);
  // A span that cut a character in half would leave a text that cannot be signed.
  return result.isWellFormed() ? result : UNCHECKED;
}

/** What was redacted before is not redacted again, so that redacting twice changes nothing. */
function isMark(text: string): boolean {
  return /^\[redacted:[a-z0-9_-]{1,40}\]$/i.test(text);
}
