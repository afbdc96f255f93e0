import type { SqlToken } from "../../../systems/postgres/parser.js";

interface Token {
  readonly start: number;
  readonly end: number;
  readonly text: string;
  /** Upper case; empty for what is no keyword here: a name in quotes, a column after a dot. */
  readonly word: string;
  /** How many brackets and CASEs are open around it. Their own tokens count as outside. */
  readonly depth: number;
}

/** A part of the text, in bytes, the end excluded. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Other text in place of a span. */
export interface Edit extends Span {
  readonly text: string;
}

/** A statement's text by its tokens: parts of it are cut out and put together anew, and none is ever written by hand. */
export class SqlText {
  readonly tokens: readonly Token[];
  readonly #bytes: Buffer;

  constructor(text: string, scanned: readonly SqlToken[]) {
    this.#bytes = Buffer.from(text);
    this.tokens = nested(scanned.filter(({ tokenName }) => !tokenName.endsWith("COMMENT")));
  }

  /** The token that begins there; -1 if none does. */
  at(location: number): number {
    return this.tokens.findIndex((token) => token.start === location);
  }

  token(index: number): Token | undefined {
    return this.tokens[index];
  }

  word(index: number): string {
    return this.tokens[index]?.word ?? "";
  }

  /** The first token after `from` with this word, on the same level, before `to`; -1 if there is none. */
  next(word: string, from: number, to: number): number {
    const depth = this.tokens[from]?.depth;
    for (let index = from + 1; index < to; index += 1) {
      if (this.tokens[index]?.word === word && this.tokens[index]?.depth === depth) return index;
    }
    return -1;
  }

  /** The index after the last token of the level that this one stands on. */
  endOfLevel(from: number): number {
    const depth = this.tokens[from]?.depth ?? 0;
    let index = from;
    while (index < this.tokens.length && (this.tokens[index]?.depth ?? 0) >= depth && this.tokens[index]?.text !== ";") index += 1;
    return index;
  }

  /** From this token up to, not including, that one. */
  span(from: number, to: number): Span {
    return { start: this.tokens[from]?.start ?? 0, end: this.tokens[to - 1]?.end ?? 0 };
  }

  /** A part of the text with the edits that lie in it. */
  cut({ start, end }: Span, edits: readonly Edit[]): string {
    const inside = edits.filter((edit) => edit.start >= start && edit.end <= end).toSorted((a, b) => a.start - b.start);
    let at = start;
    let text = "";
    for (const edit of inside) {
      if (edit.start < at) continue;
      text += this.#bytes.subarray(at, edit.start).toString() + edit.text;
      at = edit.end;
    }
    return text + this.#bytes.subarray(at, end).toString();
  }
}

function nested(scanned: readonly SqlToken[]): readonly Token[] {
  const tokens: Token[] = [];
  let depth = 0;
  for (const { start, end, text, keywordName } of scanned) {
    const before = tokens.at(-1);
    const isColumn = before?.text === ".";
    const word = keywordName === "NO_KEYWORD" || isColumn ? "" : text.toUpperCase();
    // `AS end` gives a column a name.
    const isCase = before?.word !== "AS" && (word === "CASE" || word === "END");
    if (text === ")" || text === "]" || (isCase && word === "END")) depth -= 1;
    tokens.push({ start, end, text, word, depth });
    if (text === "(" || text === "[" || (isCase && word === "CASE")) depth += 1;
  }
  return tokens;
}
