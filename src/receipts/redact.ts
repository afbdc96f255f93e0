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

type Members = { readonly [key: string]: JsonValue };

/** What was found out about a member's name: without secrets, and whether it says that its value is one. */
interface SeenName {
  readonly clean: string;
  readonly tells: ReturnType<typeof secretName>;
}

/** How many names to remember; those of facts, policies and columns come back in every receipt. */
const REMEMBERED = 1000;
const REMEMBERED_LENGTH = 100;

/**
 * Takes secrets out of plain JSON: what the detector finds in a text or a member's name, passwords in URLs, values of
 * members with names such as `password` or `api_key`, and the known secrets of the configuration wherever they appear,
 * percent-encoded or in base64 too. Each is replaced by `[redacted:<kind>]`.
 *
 * Fails closed: where the detector throws or answers nonsense, the whole text goes, as `[redacted:unchecked]`.
 *
 * Made once for many receipts: it works out the forms of the known secrets, and remembers what is harmless.
 */
export class Redactor {
  readonly #text: TextRedactor;
  readonly #names = new Map<string, SeenName>();

  /**
   * @param findSecrets pure: the same text gives the same spans
   * @param knownSecrets such as the password of DATABASE_URL. One that is shorter than 8 characters or looks like a plain
   *   word is redacted only as a word of its own: anything else would shred every text.
   * @throws TypeError when a known secret is not a text: a list that cannot be read must not pass as one without secrets
   */
  constructor(findSecrets: FindSecrets, knownSecrets: readonly string[]) {
    this.#text = new TextRedactor(findSecrets, knownSecrets);
  }

  redact(value: JsonValue): Redacted {
    const walk = new Walk(this.#text, (name) => this.#seen(name));
    const copy = walk.through(value);
    return { value: copy, redacted: [...walk.pointers].toSorted() };
  }

  /** A text that is shown and not signed. */
  text(text: string): string {
    return this.#text.clean(text);
  }

  #seen(name: string): SeenName {
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    const seen = { clean: this.#text.clean(name), tells: secretName(name) };
    if (this.#names.size >= REMEMBERED) this.#names.clear();
    if (seen.clean === name && name.length <= REMEMBERED_LENGTH) this.#names.set(name, seen);
    return seen;
  }
}

/** One way through a value. */
class Walk {
  readonly pointers = new Set<string>();
  readonly #text: TextRedactor;
  readonly #name: (name: string) => SeenName;
  /** Names and indexes down to where the walk is. */
  readonly #path: (string | number)[] = [];

  constructor(text: TextRedactor, name: (name: string) => SeenName) {
    this.#text = text;
    this.#name = name;
  }

  /** @param wholly everything goes, whatever it looks like: it stands below a telling name */
  through(value: JsonValue, wholly = false): JsonValue {
    if (typeof value === "string" || typeof value === "number") return wholly ? this.#gone(value) : this.#leaf(value);
    // Booleans and null say nothing.
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return (value as readonly JsonValue[]).map((item, index) => this.#at(index, () => this.through(item, wholly)));
    const copy: Record<string, JsonValue> = {};
    for (const key of Object.keys(value)) this.#member(copy, key, (value as Members)[key] as JsonValue, wholly);
    return copy;
  }

  #member(copy: Record<string, JsonValue>, key: string, child: JsonValue, wholly: boolean): void {
    const { clean, tells } = this.#name(key);
    const name = freeName(copy, clean);
    const gone = this.#at(name, () => {
      if (name !== key) this.#note();
      if (wholly) return this.through(child, true);
      if (tells === false || isUnknownFact(child)) return this.through(child);
      return tells === "one" ? this.through(child, true) : this.#several(child);
    });
    setMember(copy, name, gone);
  }

  /** A list of objects under the name of several secrets holds facts about secrets: their kind, where they were found. */
  #several(value: JsonValue): JsonValue {
    if (typeof value === "string") return this.#gone(value);
    if (!Array.isArray(value)) return this.through(value);
    return (value as readonly JsonValue[]).map((item, index) => this.#at(index, () => this.through(item, typeof item === "string")));
  }

  #at(part: string | number, work: () => JsonValue): JsonValue {
    this.#path.push(part);
    const result = work();
    this.#path.pop();
    return result;
  }

  #leaf(leaf: string | number): JsonValue {
    const text = String(leaf);
    const cleaned = this.#text.clean(text);
    if (cleaned === text) return leaf;
    this.#note();
    return cleaned;
  }

  #gone(leaf: string | number): JsonValue {
    if (leaf === "") return leaf;
    this.#note();
    return "[redacted:named_secret]";
  }

  /** Something was redacted here. */
  #note(): void {
    this.pointers.add(this.#path.map((part) => `/${escapePointer(String(part))}`).join(""));
  }
}

/** Gives the copy a member of any name: assigning to `__proto__` would lose it. */
function setMember(copy: Record<string, JsonValue>, name: string, value: JsonValue): void {
  if (name === "__proto__") Object.defineProperty(copy, name, { value, enumerable: true, configurable: true, writable: true });
  else copy[name] = value;
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
