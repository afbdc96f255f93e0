import { createHash } from "node:crypto";

import canonicalize from "canonicalize";

import type { JsonValue } from "./receipt.js";

/** Deeper JSON is refused before it can exhaust the stack of whoever reads it. */
const MAX_DEPTH = 500;

/**
 * The canonical text of plain JSON by RFC 8785: members sorted by UTF-16 code units, no spaces, ECMAScript's form of
 * numbers. Equal values have equal texts, so a signature over the text is one over the value.
 *
 * The value is copied first: a getter or a proxy cannot show one thing to the check and another to the signature.
 * Members whose value is undefined are left out, as in JSON.stringify.
 *
 * @throws TypeError naming the path of what is not plain JSON (a Date, a bigint, NaN, a lone surrogate, an array hole …)
 */
export function canonicalJson(value: unknown): string {
  return textOf(plainCopy(value, "value", 0));
}

/** `sha256:<hex>` over the canonical text. */
export function digest(value: unknown): string {
  return digestBytes(canonicalJson(value));
}

/** `sha256:<hex>` over bytes, or over the UTF-8 form of a text. */
export function digestBytes(bytes: Uint8Array | string): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
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

function textOf(value: JsonValue): string {
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError("value: undefined is not plain JSON");
  return text;
}

function plainCopy(value: unknown, path: string, depth: number): JsonValue {
  if (value === null || typeof value === "boolean") return value;
  if (typeof value === "string") {
    if (!value.isWellFormed()) throw new TypeError(`${path}: text with a lone surrogate is not plain JSON`);
    return value;
  }
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw new TypeError(`${path}: ${String(value)} is not plain JSON`);
    return value;
  }
  if (depth >= MAX_DEPTH) throw new TypeError(`${path.slice(0, 200)}: nested deeper than ${String(MAX_DEPTH)} levels`);
  // Array.from turns holes into undefined, which is refused in the next step.
  if (Array.isArray(value)) return Array.from(value, (child, index) => plainCopy(child, `${path}[${String(index)}]`, depth + 1));
  if (typeof value === "object" && isPlainObject(value)) return plainObject(value, path, depth);
  const kind = typeof value === "object" ? `a ${value.constructor?.name ?? "strange object"}` : typeof value;
  throw new TypeError(`${path}: ${kind} is not plain JSON`);
}

function plainObject(value: object, path: string, depth: number): JsonValue {
  // No prototype: `copy["__proto__"] = …` would otherwise change the prototype and lose the member.
  const copy: Record<string, JsonValue> = Object.create(null) as Record<string, JsonValue>;
  for (const [key, child] of Object.entries(value)) {
    if (child === undefined) continue;
    if (!key.isWellFormed()) throw new TypeError(`${path}: a key with a lone surrogate is not plain JSON`);
    copy[key] = plainCopy(child, `${path}.${key}`, depth + 1);
  }
  return copy;
}

function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
