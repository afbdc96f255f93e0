/**
 * PostgreSQL's messages quote what they stumble over: names, and parts of the text that was sent to it. A line of a
 * private key that is pasted into a statement is such a part, and without the lines around it nothing else would know it
 * for one. So a quote stays only if it reads like a name or a keyword.
 */
export function withoutValues(message: string): string {
  const near = / at or near "([^]*)"$/.exec(message);
  if (near !== null) return isHarmless(near[1] ?? "") ? message : message.slice(0, near.index);
  return message.replaceAll(QUOTE, (quote: string) => (isHarmless(quote.slice(1, -1)) ? quote : `${quote.slice(0, 1)}…${quote.slice(-1)}`));
}

/** With the quotes of other languages: a server may speak any. Escaped, for which see test/mcp/start-up.test.ts. */
const QUOTE = /"(?:[^"]|"")*"|\u00ab[^\u00bb]*\u00bb|\u00bb[^\u00ab]*\u00ab|\u201e[^\u201c\u201d]*[\u201c\u201d]|\u201c[^\u201d]*\u201d/g;

const LONGEST = 60;
/** A name may hold a day; a number of a card, an account or a person is longer. */
const MOST_DIGITS = 8;
/** Letters in one case or in camel case, and a number after them; nothing that is mixed as keys are. */
const WORD = /^(?:[A-Z]?[a-z]{1,24}(?:[A-Z][a-z]{1,24}){0,3}|[A-Z]{1,24})\d{0,4}$/;
const SIGNS = /^[^\p{L}\p{N}]{1,4}$/u;
const NUMBER = /^-?\d{1,6}(?:\.\d{1,4})?$/;
const DAY = /^\d{4}-\d{1,2}-\d{1,2}(?:[ T]\d\d:\d\d(?::\d\d)?)?$/;

function isHarmless(quoted: string): boolean {
  if (quoted.length > LONGEST) return false;
  if (SIGNS.test(quoted) || NUMBER.test(quoted) || DAY.test(quoted)) return true;
  if (quoted.replaceAll(/\D/g, "").length > MOST_DIGITS) return false;
  return quoted.split(/[_.,() -]+/).every((word) => word === "" || WORD.test(word) || /^\d{1,4}$/.test(word));
}
