/** A piece of an address: a word, a quoted text (its content), or one of the signs that have a meaning. */
export interface Token {
  readonly kind: "atom" | "quoted" | "sign";
  readonly text: string;
  /** White space or a comment stands before it. */
  readonly isApart: boolean;
}

const SIGNS = new Set("()<>[]:;@\\,.\"");

/**
 * Splits a header value into the tokens of RFC 5322, section 3.2, comments and white space taken out. Characters beyond
 * ASCII belong to words (RFC 6532).
 *
 * @returns the tokens, or what is wrong as a clause
 */
export function tokenize(text: string): readonly Token[] | string {
  const tokens: Token[] = [];
  let at = 0;
  let isApart = false;
  while (at < text.length) {
    const character = text.charAt(at);
    if (character === " " || character === "\t") {
      isApart = true;
      at += 1;
      continue;
    }
    if (character === "(") {
      const end = commentEnd(text, at);
      if (end === null) return "holds a comment that is not closed";
      isApart = true;
      at = end;
      continue;
    }
    const next = character === '"' ? quoted(text, at, isApart) : plain(text, at, isApart);
    if (next === null) return "holds a quote that is not closed";
    tokens.push(next.token);
    at = next.end;
    isApart = false;
  }
  return tokens;
}

interface Read {
  readonly token: Token;
  readonly end: number;
}

function plain(text: string, from: number, isApart: boolean): Read {
  let end = from;
  while (end < text.length && !SIGNS.has(text.charAt(end)) && text.charAt(end) !== " " && text.charAt(end) !== "\t") end += 1;
  if (end === from) return { token: { kind: "sign", text: text.charAt(from), isApart }, end: from + 1 };
  return { token: { kind: "atom", text: text.slice(from, end), isApart }, end };
}

function quoted(text: string, from: number, isApart: boolean): Read | null {
  let content = "";
  for (let at = from + 1; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (character === '"') return { token: { kind: "quoted", text: content, isApart }, end: at + 1 };
    if (character === "\\") at += 1;
    content += text.charAt(at);
  }
  return null;
}

/** The offset behind the comment that begins here; comments nest. */
function commentEnd(text: string, from: number): number | null {
  let depth = 0;
  for (let at = from; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (character === "\\") at += 1;
    else if (character === "(") depth += 1;
    else if (character === ")") depth -= 1;
    if (depth === 0) return at + 1;
  }
  return null;
}
