import { hash } from "node:crypto";

import type { JsonValue } from "./receipt.js";

/** Deeper JSON is refused before it can exhaust the stack of whoever reads it. */
const MAX_DEPTH = 500;

/**
 * The canonical text of plain JSON by RFC 8785: members sorted by UTF-16 code units, no spaces, ECMAScript's form of
 * numbers. Equal values have equal texts, so a signature over the text is one over the value.
 *
 * Each part is checked and written in the same step, and read once: a getter or a proxy cannot show one thing to the check
 * and another to the signature.
 * Members whose value is undefined are left out, as in JSON.stringify.
 *
 * @throws TypeError naming the path of what is not plain JSON (a Date, a bigint, NaN, a lone surrogate, an array hole …)
 */
export function canonicalJson(value: unknown): string {
  return textOf(value, []);
}

/** `sha256:<hex>` over the canonical text. */
export function digest(value: unknown): string {
  return digestBytes(canonicalJson(value));
}

/** `sha256:<hex>` over bytes, or over the UTF-8 form of a text. */
export function digestBytes(bytes: Uint8Array | string): string {
  return `sha256:${hash("sha256", bytes, "hex")}`;
}

/** What is approved, judged and executed as one thing. */
export interface DigestedPlan {
  readonly workflow: string;
  readonly payload: JsonValue;
  readonly step: JsonValue;
  readonly identity: JsonValue;
  readonly config_digest: string;
}

/** The digest that binds a decision, an approval and an execution to the same plan. */
export function planDigest({ workflow, payload, step, identity, config_digest }: DigestedPlan): string {
  return digest({ workflow, payload, step, identity, config_digest });
}

/**
 * Says whether `text` is the canonical text of `value`, which was parsed from it.
 *
 * Two parsers can read a text that is not canonical differently (a member named twice, 1.0 for 1, -0), so one that has
 * been changed must not pass although it parses to what was signed.
 */
export function isCanonical(text: string, value: JsonValue): boolean {
  // JSON.stringify writes strings and numbers as RFC 8785 does. What it writes otherwise: lone surrogates (as \ud…) and
  // members in the order of the object, with names that look like an array index in front.
  // The walk comes first because it ends at a depth that the others survive.
  if (isSorted(value, 0) && !text.includes("\\ud") && JSON.stringify(value) === text) return true;
  try {
    return canonicalJson(value) === text;
  } catch {
    return false;
  }
}

function isSorted(value: JsonValue, depth: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  if (depth >= MAX_DEPTH) return false;
  if (Array.isArray(value)) return (value as readonly JsonValue[]).every((child) => isSorted(child, depth + 1));
  const object = value as { readonly [key: string]: JsonValue };
  let before: string | undefined;
  for (const key of Object.keys(object)) {
    // Both sides compare UTF-16 code units, as RFC 8785 wants it.
    if (before !== undefined && before >= key) return false;
    if (!isSorted(object[key] ?? null, depth + 1)) return false;
    before = key;
  }
  return true;
}

/** Where the writer is, for errors: names and indexes from the root on. Kept as parts, since hardly ever one is told. */
type Path = (string | number)[];

function textOf(value: unknown, path: Path): string {
  if (value === null) return "null";
  if (typeof value === "string") {
    if (!value.isWellFormed()) throw notPlain(path, "text with a lone surrogate");
    return JSON.stringify(value);
  }
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw notPlain(path, String(value));
    return JSON.stringify(value);
  }
  if (typeof value === "boolean") return value ? "true" : "false";
  if (typeof value === "object") return textOfObject(value, path);
  throw notPlain(path, typeof value);
}

function textOfObject(value: object, path: Path): string {
  if (path.length >= MAX_DEPTH) throw new TypeError(`${inWords(path).slice(0, 200)}: nested deeper than ${String(MAX_DEPTH)} levels`);
  if (Array.isArray(value)) return textOfList(value as readonly unknown[], path);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return textOfMembers(value as Readonly<Record<string, unknown>>, path);
  throw notPlain(path, `a ${value.constructor?.name ?? "strange object"}`);
}

function textOfList(list: readonly unknown[], path: Path): string {
  let text = "[";
  // Not map or join: a hole must be met, and refused as the undefined that it is.
  for (let index = 0; index < list.length; index += 1) {
    path.push(index);
    text += index === 0 ? textOf(list[index], path) : `,${textOf(list[index], path)}`;
    path.pop();
  }
  return `${text}]`;
}

function textOfMembers(object: Readonly<Record<string, unknown>>, path: Path): string {
  let text = "{";
  // Without a comparison of its own, toSorted goes by UTF-16 code units, as RFC 8785 wants it.
  for (const key of Object.keys(object).toSorted()) {
    const child = object[key];
    if (child === undefined) continue;
    if (!key.isWellFormed()) throw notPlain(path, "a key with a lone surrogate");
    path.push(key);
    text += `${text === "{" ? "" : ","}${JSON.stringify(key)}:${textOf(child, path)}`;
    path.pop();
  }
  return `${text}}`;
}

function notPlain(path: Path, what: string): TypeError {
  return new TypeError(`${inWords(path)}: ${what} is not plain JSON`);
}

function inWords(path: Path): string {
  return path.reduce<string>((text, part) => (typeof part === "number" ? `${text}[${String(part)}]` : `${text}.${part}`), "value");
}
