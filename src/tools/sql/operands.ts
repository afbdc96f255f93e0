import { calculate } from "./truth.js";
import type { Domain, Operand } from "./truth.js";

/** What a scalar is known to be. other: something that only the data can tell. */
export type Leaf = Operand | { readonly is: "null" } | { readonly is: "boolean"; readonly value: boolean } | { readonly is: "other" };

/** Functions whose result is never below zero. */
export const NOT_NEGATIVE: ReadonlySet<string> = new Set([
  "length", "char_length", "character_length", "octet_length", "bit_length", "cardinality", "abs",
]);

const NUMBERS = /^(?:int[248]|smallint|integer|bigint|numeric|decimal|float[48]|oid)$/;
const TEXTS = /^(?:text|varchar|bpchar|name|char)$/;
const INTEGERS: Readonly<Record<string, number>> = { int2: 2 ** 15, int4: 2 ** 31, int8: 2 ** 63 };

export function columnDomain(type: string): Domain {
  const bound = INTEGERS[type];
  if (bound !== undefined) return { of: "number", low: -bound, high: bound - 1, step: 1 };
  if (NUMBERS.test(type)) return { of: "number", low: -Infinity, high: Infinity, step: 0.5 };
  // Dates, UUIDs and the like are compared as texts: their ISO forms sort as they do.
  return { of: "text" };
}

/** A constant of another type; a cast of a column is something else than the column. */
export function castValue(leaf: Leaf, type: string): Leaf {
  if (leaf.is === "null") return leaf;
  if (type === "bool" && (leaf.is === "value" || leaf.is === "boolean")) return toBoolean(String(leaf.value));
  if (leaf.is !== "value") return { is: "other" };
  if (NUMBERS.test(type) && String(leaf.value).trim() !== "") {
    const value = Number(leaf.value);
    return Number.isNaN(value) ? { is: "other" } : { is: "value", value };
  }
  return TEXTS.test(type) ? { is: "value", value: String(leaf.value) } : leaf;
}

/** https://www.postgresql.org/docs/current/datatype-boolean.html: any unique beginning, any case. */
function toBoolean(text: string): Leaf {
  const word = text.trim().toLowerCase();
  if (word === "") return { is: "other" };
  const means = (...words: string[]): boolean => words.some((one) => one.startsWith(word) && (word.length > 1 || !"o".startsWith(word)));
  if (means("true", "yes", "on") || (word !== "0" && /^-?\d+$/.test(word))) return { is: "boolean", value: true };
  return means("false", "no", "off") || word === "0" ? { is: "boolean", value: false } : { is: "other" };
}

export function arithmetic(op: string, left: Leaf, right: Leaf): Leaf {
  if (!["+", "-", "*", "/", "%"].includes(op) || !isNumeric(left) || !isNumeric(right)) return { is: "other" };
  if (left.is === "value" && right.is === "value") return { is: "value", value: calculate(op, Number(left.value), Number(right.value)) };
  return { is: "arithmetic", op, left, right };
}

function isNumeric(leaf: Leaf): leaf is Operand {
  if (leaf.is === "value") return typeof leaf.value === "number";
  return leaf.is === "arithmetic" || (leaf.is === "variable" && leaf.domain.of === "number");
}

/** Both sides as numbers or both as texts, if they can be calculated. */
export function comparable(left: Leaf, right: Leaf): readonly [Operand, Operand] | undefined {
  const [a, b] = [asNumberBeside(left, right), asNumberBeside(right, left)];
  if (!isOperand(a) || !isOperand(b) || isNumeric(a) !== isNumeric(b)) return undefined;
  return [a, b];
}

function isOperand(leaf: Leaf): leaf is Operand {
  return leaf.is === "value" || leaf.is === "variable" || leaf.is === "arithmetic";
}

/** '5' compared with a number is a number to PostgreSQL. */
function asNumberBeside(leaf: Leaf, other: Leaf): Leaf {
  if (leaf.is !== "value" || typeof leaf.value !== "string" || !isNumeric(other)) return leaf;
  const value = Number(leaf.value);
  return leaf.value.trim() === "" || Number.isNaN(value) ? leaf : { is: "value", value };
}

/** Whether every text that is not NULL matches. */
export function likeIsTrue(op: string, pattern: string): boolean {
  const isRegex = /^!?~\*?$/.test(op);
  return isRegex ? /^\^?(?:\.\*)*\$?$/.test(pattern) && !(pattern.includes("^") && pattern.includes("$") && !pattern.includes(".")) : /^%+$/.test(pattern);
}
