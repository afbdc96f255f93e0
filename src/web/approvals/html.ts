/** Text that is HTML already: everything in it was escaped or written by us. */
export class Html {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }
}

export type Child = Html | string | number | null | undefined | false | readonly Child[];

/**
 * A piece of a page. Whatever is put into it is escaped, unless it is a piece itself: no text of a request can become an
 * element, an attribute or a script. Attributes are always written in double quotes.
 */
export function html(strings: TemplateStringsArray, ...values: readonly Child[]): Html {
  return new Html(strings.reduce((text, string, index) => `${text}${rendered(values[index - 1])}${string}`));
}

/** One after the other, with nothing between them. */
export function joined(pieces: readonly Html[]): Html {
  return new Html(pieces.join(""));
}

function rendered(value: Child): string {
  if (value === null || value === undefined || value === false) return "";
  if (value instanceof Html) return value.toString();
  if (typeof value === "object") return value.map(rendered).join("");
  return escaped(String(value));
}

const ESCAPES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;", "`": "&#96;" };

/**
 * NUL, carriage returns and half characters as well: a parser of HTML drops or changes them, and what is shown would not
 * be what is signed. visible.ts has shown them by then; here they can only come from attributes.
 */
function escaped(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/[&<>"'`]/gu, (character) => ESCAPES[character] ?? "")
    .replaceAll("\0", "\uFFFD")
    .replaceAll("\r", "&#13;");
}
