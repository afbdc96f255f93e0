/** Plain JSON, the only thing that facts, steps and receipts are made of. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

/** Freezes a plain JSON value all the way down and returns it. Cycles cannot occur in plain JSON. */
export function deepFreeze<Value>(value: Value): Value {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  for (const child of Object.values(value)) deepFreeze(child);
  return Object.freeze(value);
}

/**
 * Copies a value into frozen plain JSON, or says where it is not plain JSON.
 *
 * Refused, because canonical JSON would silently change them: undefined in arrays, functions, symbols, bigint, NaN and
 * infinities, Map, Set, Date and every other class instance, lone surrogates, array holes. Keys whose value is
 * undefined are left out, as JSON.stringify does.
 *
 * @throws TypeError naming the path, such as `payload.rows[3]: a Date is not plain JSON`
 */
export function plainJson(value: unknown, path: string): Json {
  if (value === null || typeof value === "boolean") return value;
  if (typeof value === "string") {
    if (!value.isWellFormed()) throw new TypeError(`${path}: text with a lone surrogate is not plain JSON`);
    return value;
  }
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw new TypeError(`${path}: ${String(value)} is not plain JSON`);
    return value;
  }
  if (Array.isArray(value)) {
    return Object.freeze(Array.from(value as unknown[], (child, index) => plainJson(child, `${path}[${index}]`)));
  }
  if (typeof value === "object" && isPlainObject(value)) return plainObject(value, path);
  const kind = typeof value === "object" ? `a ${value.constructor?.name ?? "strange object"}` : typeof value;
  throw new TypeError(`${path}: ${kind} is not plain JSON`);
}

function plainObject(value: object, path: string): JsonObject {
  const copy: Record<string, Json> = {};
  for (const [key, child] of Object.entries(value)) {
    if (child === undefined) continue;
    if (!key.isWellFormed()) throw new TypeError(`${path}: a key with a lone surrogate is not plain JSON`);
    // defineProperty, because `copy["__proto__"] = …` would change the prototype and lose the key.
    Object.defineProperty(copy, key, { value: plainJson(child, `${path}.${key}`), enumerable: true });
  }
  return Object.freeze(copy);
}

function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
