import type { JsonValue } from "../../receipts/receipt.js";

export type Fields = { readonly [key: string]: JsonValue };

/** The value at the end of a path of members and indexes; undefined when there is none. Throws for nothing that JSON can be. */
export function at(value: JsonValue | undefined, ...path: readonly (string | number)[]): JsonValue | undefined {
  let found: JsonValue | undefined = value;
  for (const step of path) {
    if (typeof found !== "object" || found === null) return undefined;
    found = Object.hasOwn(found, step) ? (found as Readonly<Record<string | number, JsonValue>>)[step] : undefined;
  }
  return found;
}

export function textAt(value: JsonValue | undefined, ...path: readonly (string | number)[]): string | undefined {
  const found = at(value, ...path);
  return typeof found === "string" ? found : undefined;
}

export function numberAt(value: JsonValue | undefined, ...path: readonly (string | number)[]): number | undefined {
  const found = at(value, ...path);
  return typeof found === "number" ? found : undefined;
}

export function listAt(value: JsonValue | undefined, ...path: readonly (string | number)[]): readonly JsonValue[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? (found as readonly JsonValue[]) : [];
}

export function textsAt(value: JsonValue | undefined, ...path: readonly (string | number)[]): readonly string[] {
  return listAt(value, ...path).filter((entry) => typeof entry === "string");
}

/** Why a fact is not known; undefined when it is. */
export function unknownAt(value: JsonValue | undefined, ...path: readonly (string | number)[]): string | undefined {
  return textAt(value, ...path, "$unknown");
}

export function isFields(value: JsonValue | undefined): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
