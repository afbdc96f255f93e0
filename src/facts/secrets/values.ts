/** What stands behind a name and a sign of assignment. */
export interface Value {
  /** The beginning of the value, at most 256 characters: enough to judge it. */
  readonly text: string;
  readonly start: number;
  /** The offset behind the whole value, however long. Found only when asked, so that the search stays linear. */
  readonly end: () => number;
  readonly isQuoted: boolean;
}

const JUDGED = 256;
const LONGEST = 16_384;

/** Closing quotes and brackets of the name: `"password"`, `['password']`, `\"password\"`. */
const CLOSER = String.raw`(?<closer>\\{0,3}["'\x60]\]?|\])?`;
/** `: string =` and the like. */
const TYPE = String.raw`(?:\s{0,4}:\s{0,4}[\w.<>| ]{1,40}?(?=\s{0,4}=[^=>]))?`;
const SIGN = String.raw`\s{0,4}(?<sign>:=|=>|={1,3}|!=|\?=|\|\|=|\?\?=|->|:|>|,|\s(?:is|was|are|to|set to|value=)\s?:?|\s)`;
const OPENER = String.raw`\s{0,40}(?:(?:new\s)?(?:String|Secret|str|SecretStr|bytes|text)\()?(?<prefix>[rbufRBUF$@]{0,2})(?<quote>\\{0,3}(?:"""|'''|["'\x60]))?`;
const INTRODUCTION = new RegExp(`${CLOSER}${TYPE}${SIGN}${OPENER}`, "y");

/** The value that is given to the name that ends at `after`; null when nothing is. */
export function valueAfter(text: string, nameStart: number, after: number): Value | null {
  const window = text.slice(after, after + 160);
  INTRODUCTION.lastIndex = 0;
  const introduction = INTRODUCTION.exec(window);
  const { closer, sign = "", prefix = "", quote } = introduction?.groups ?? {};
  if (introduction === null || !isAssigning(text, nameStart, { closer, sign, quote })) return null;
  if (sign === ">" && !/^[^<>\s]{1,120}<\//.test(window.slice(introduction[0].length))) return null;
  // A newline ends an unquoted value: what follows is the next line.
  if (quote === undefined && introduction[0].includes("\n")) return null;
  // Without a quote the letters taken for a string's prefix are its first letters.
  const start = after + introduction[0].length - (quote === undefined ? prefix.length : 0);
  return quote === undefined ? unquoted(text, start) : quoted(text, start, quote);
}

interface Introduction {
  readonly closer: string | undefined;
  readonly sign: string;
  readonly quote: string | undefined;
}

/** Whether the sign gives a value to the name, in this surrounding. */
function isAssigning(text: string, nameStart: number, { closer, sign, quote }: Introduction): boolean {
  // setenv("API_KEY", "…"): the first argument of a call, or a list of words would do.
  if (sign === ",") return closer !== undefined && quote !== undefined && /\(\s{0,9}["'][\w.-]{0,40}$/.test(text.slice(Math.max(0, nameStart - 52), nameStart));
  // <password>…</password>; that the element is closed is seen by the caller.
  if (sign === ">") return closer === undefined && /<[\w:.-]{0,40}$/.test(text.slice(Math.max(0, nameStart - 42), nameStart));
  if (sign.trim() !== "") return true;
  // --password …, and PASSWORD '…' as in SQL; "you may pass 'x1'" is the verb.
  const isVerb = /^pass\b/i.test(text.slice(nameStart, nameStart + 5));
  return closer === undefined && ((quote !== undefined && !isVerb) || /(?:^|\s)--?[\w-]{0,40}$/.test(text.slice(Math.max(0, nameStart - 44), nameStart)));
}

function quoted(text: string, start: number, quote: string): Value | null {
  const mark = quote.replace(/^\\+/, "");
  const line = text.slice(start, start + LONGEST);
  const closing = line.indexOf(mark);
  const newline = line.indexOf("\n");
  const end = [closing, newline].filter((at) => at >= 0).reduce((a, b) => Math.min(a, b), line.length);
  // In JSON within a text the closing quote has a backslash before it too.
  const value = line.slice(0, end).replace(/\\{1,3}$/, "");
  return value === "" ? null : { text: value.slice(0, JUDGED), start, end: () => start + value.length, isQuoted: true };
}

const UNQUOTED = /[^\s"'`<>,;)\]}&|\\]*/y;

function unquoted(text: string, start: number): Value | null {
  const value = bareRun(text.slice(start, start + JUDGED));
  if (value === "") return null;
  return { text: value, start, end: () => start + bareRun(text.slice(start)).length, isQuoted: false };
}

/** What stands up to a sign that ends a value; the stop of a sentence is no part of it. */
function bareRun(text: string): string {
  UNQUOTED.lastIndex = 0;
  return UNQUOTED.exec(text)?.[0].replace(/[.!?:]{1,9}$/, "") ?? "";
}
