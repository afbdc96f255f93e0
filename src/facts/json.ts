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
  return copyOf(value, [path]);
}

/** Where the copy is, for errors. Kept as parts, since hardly ever one is told. */
type Path = (string | number)[];

function copyOf(value: unknown, path: Path): Json {
  if (value === null || typeof value === "boolean") return value;
  if (typeof value === "string") {
    if (!value.isWellFormed()) throw notPlain(path, "text with a lone surrogate");
    return value;
  }
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw notPlain(path, String(value));
    return value;
  }
  if (Array.isArray(value)) return plainList(value as readonly unknown[], path);
  if (typeof value === "object" && isPlainObject(value)) return plainObject(value, path);
  throw notPlain(path, typeof value === "object" ? `a ${value.constructor?.name ?? "strange object"}` : typeof value);
}

function plainList(list: readonly unknown[], path: Path): Json {
  const copy: Json[] = [];
  // Not map: a hole must be met, and refused as the undefined that it is.
  for (let index = 0; index < list.length; index += 1) {
    path.push(index);
    copy.push(copyOf(list[index], path));
    path.pop();
  }
  return Object.freeze(copy);
}

function plainObject(value: object, path: Path): JsonObject {
  const copy: Record<string, Json> = {};
  for (const key of Object.keys(value)) {
    const child = (value as Readonly<Record<string, unknown>>)[key];
    if (child === undefined) continue;
    if (!key.isWellFormed()) throw notPlain(path, "a key with a lone surrogate");
    path.push(key);
    setMember(copy, key, copyOf(child, path));
    path.pop();
  }
  return Object.freeze(copy);
}

/** Gives an object a member of any name: assigning to `__proto__` would change the prototype and lose the member. */
export function setMember<Value>(object: Record<string, Value>, key: string, value: Value): void {
  if (key === "__proto__") Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
  else object[key] = value;
}

function notPlain([root, ...parts]: Path, what: string): TypeError {
  const where = parts.reduce<string>((text, part) => (typeof part === "number" ? `${text}[${part}]` : `${text}.${part}`), String(root));
  return new TypeError(`${where}: ${what} is not plain JSON`);
}

function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
