export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** A JSON text as its value; `{ $json: text }` when the value would not be the same: see values.ts. */
export function jsonValue(text: string): Json {
  const kept = { $json: text };
  try {
    const value = JSON.parse(text) as Json;
    if (value === null || (typeof value === "object" && !Array.isArray(value) && Object.hasOwn(value, "$json"))) return kept;
    return isFaithful(text, value) ? value : kept;
  } catch {
    // Not JSON to JavaScript, or nested deeper than its stack.
    return kept;
  }
}

/** Nothing was lost if the value has as many keys as the text, each number reads back the same, and text is well-formed. */
function isFaithful(text: string, value: Json): boolean {
  const tokens = [...text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?|-?\d[\d.eE+-]*/gs)];
  const keys = tokens.filter((token) => token[1] !== undefined).length;
  const numbers = tokens.filter((token) => !token[0].startsWith('"')).map((token) => token[0]);
  return keys === countKeys(value) && numbers.every(isExact) && isWellFormed(value);
}

function countKeys(value: Json): number {
  if (typeof value !== "object" || value === null) return 0;
  const own = Array.isArray(value) ? 0 : Object.keys(value).length;
  return Object.values(value).reduce<number>((sum, child) => sum + countKeys(child), own);
}

function isExact(number: string): boolean {
  const value = Number(number);
  if (!Number.isFinite(value) || Object.is(value, -0)) return false;
  return decimal(number) === decimal(String(value));
}

/** Digits without leading and trailing zeros, and the exponent of the first: the same for 1.0, 1 and 10e-1. */
function decimal(number: string): string {
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = /^(-?)(\d*)\.?(\d*)(?:[eE]([+-]?\d+))?$/.exec(number) ?? [];
  const digits = whole + fraction;
  const leading = /^0*/.exec(digits)?.[0].length ?? 0;
  const significant = digits.slice(leading).replace(/0+$/, "");
  if (significant === "") return "0";
  return `${sign}${significant}e${whole.length - leading + Number(exponent)}`;
}

function isWellFormed(value: Json): boolean {
  if (typeof value === "string") return value.isWellFormed();
  if (typeof value !== "object" || value === null) return true;
  return Object.entries(value).every(([key, child]) => key.isWellFormed() && isWellFormed(child));
}
