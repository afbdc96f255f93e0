import type { JsonValue } from "./receipt.js";
import type { FindSecrets } from "./redact-text.js";
import { TextRedactor } from "./redact-text.js";
import { secretName } from "./secret-names.js";

export type { FindSecrets, SecretSpan } from "./redact-text.js";

export interface Redacted {
  /** A copy without secrets. */
  readonly value: JsonValue;
  /** Where something was redacted: JSON Pointers (RFC 6901) into the copy, sorted. */
  readonly redacted: readonly string[];
}

/**
 * Takes secrets out of plain JSON: what the detector finds in a text or a member's name, passwords in URLs, values of
 * members with names such as `password` or `api_key`, and the known secrets of the configuration wherever they appear,
 * percent-encoded or in base64 too. Each is replaced by `[redacted:<kind>]`.
 *
 * Fails closed: where the detector throws or answers nonsense, the whole text goes, as `[redacted:unchecked]`.
 *
 * @param knownSecrets such as the password of DATABASE_URL. One that is shorter than 8 characters or looks like a plain
 *   word is redacted only as a word of its own: anything else would shred every text.
 * @throws TypeError when a known secret is not a text: a list that cannot be read must not pass as one without secrets
 */
export function redact(value: JsonValue, findSecrets: FindSecrets, knownSecrets: readonly string[]): Redacted {
  const redactor = new Redactor(new TextRedactor(findSecrets, knownSecrets));
  const copy = redactor.walk(value, "");
  return { value: copy, redacted: [...redactor.pointers].toSorted() };
}

type Members = { readonly [key: string]: JsonValue };

class Redactor {
  readonly pointers = new Set<string>();
  readonly #text: TextRedactor;

  constructor(text: TextRedactor) {
    this.#text = text;
  }

  walk(value: JsonValue, pointer: string): JsonValue {
    return this.#map(value, pointer, (leaf, at) => this.#leaf(leaf, at), (key, child, at) => this.#member(key, child, at));
  }

  #member(key: string, child: JsonValue, pointer: string): JsonValue {
    const named = secretName(key);
    if (named === false || isUnknownFact(child)) return this.walk(child, pointer);
    if (named === "one") return this.#wholly(child, pointer);
    if (typeof child === "string") return this.#gone(child, pointer);
    if (!Array.isArray(child)) return this.walk(child, pointer);
    // A list of objects under such a name holds facts about secrets: their kind, where they were found.
    return (child as readonly JsonValue[]).map((item, index) => {
      const at = `${pointer}/${String(index)}`;
      return typeof item === "string" ? this.#gone(item, at) : this.walk(item, at);
    });
  }

  /** Everything below a telling name goes, whatever it looks like. Booleans and null say nothing. */
  #wholly(value: JsonValue, pointer: string): JsonValue {
    return this.#map(value, pointer, (leaf, at) => this.#gone(leaf, at), (_key, child, at) => this.#wholly(child, at));
  }

  #leaf(leaf: string | number, pointer: string): JsonValue {
    const text = String(leaf);
    const cleaned = this.#text.clean(text);
    if (cleaned === text) return leaf;
    this.pointers.add(pointer);
    return cleaned;
  }

  #gone(leaf: string | number, pointer: string): JsonValue {
    if (leaf === "") return leaf;
    this.pointers.add(pointer);
    return "[redacted:named_secret]";
  }

  #map(
    value: JsonValue,
    pointer: string,
    leaf: (leaf: string | number, pointer: string) => JsonValue,
    member: (key: string, child: JsonValue, pointer: string) => JsonValue,
  ): JsonValue {
    if (typeof value === "string" || typeof value === "number") return leaf(value, pointer);
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) {
      return (value as readonly JsonValue[]).map((item, index) => this.#map(item, `${pointer}/${String(index)}`, leaf, member));
    }
    const copy: Record<string, JsonValue> = {};
    for (const [key, child] of Object.entries(value as Members)) {
      const name = freeName(copy, this.#text.clean(key));
      const at = `${pointer}/${escapePointer(name)}`;
      if (name !== key) this.pointers.add(at);
      // defineProperty, because assigning to `__proto__` would lose the member.
      Object.defineProperty(copy, name, { value: member(key, child, at), enumerable: true, configurable: true, writable: true });
    }
    return copy;
  }
}

/** Two members may become the same once their names are redacted; neither may swallow the other. */
function freeName(copy: object, wanted: string): string {
  if (!Object.hasOwn(copy, wanted)) return wanted;
  let number = 2;
  while (Object.hasOwn(copy, `${wanted}#${String(number)}`)) number += 1;
  return `${wanted}#${String(number)}`;
}

/** A fact that is not known says why in words, and the words are not the secret. */
function isUnknownFact(value: JsonValue): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).join() === "$unknown";
}

function escapePointer(name: string): string {
  return name.replaceAll("~", "~0").replaceAll("/", "~1");
}
