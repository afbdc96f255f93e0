import { z } from "zod";

import { EnactError } from "../errors.js";

type Schema = z.core.JSONSchema.BaseSchema;

/**
 * `key=value …` as the arguments of a tool. A value is text where the tool takes text; elsewhere it is read as JSON where it
 * is JSON. A key given several times makes a list where the tool takes one.
 *
 * What the tool does not know is passed on: the guard says so in its own words.
 *
 * @throws EnactError USAGE for what is no pair, and for a key given twice where one value is wanted
 */
export function argumentsOf(pairs: readonly string[], input: z.ZodObject): Readonly<Record<string, unknown>> {
  const properties = z.toJSONSchema(input, { io: "input" }).properties ?? {};
  const given = new Map<string, string[]>();
  for (const pair of pairs) {
    const [key, value] = split(pair);
    given.set(key, [...(given.get(key) ?? []), value]);
  }
  return Object.fromEntries([...given].map(([key, values]) => [key, valueOf(key, values, properties[key])]));
}

function split(pair: string): [string, string] {
  const at = pair.indexOf("=");
  if (at > 0) return [pair.slice(0, at), pair.slice(at + 1)];
  throw new EnactError("USAGE", `'${pair}' is no argument: write key=value, such as branch=agent/fix-149.`);
}

function valueOf(key: string, values: readonly string[], schema: Schema | boolean | undefined): unknown {
  const kinds = kindsOf(schema);
  const read = (value: string): unknown => (kinds.has("string") ? value : jsonOrText(value));
  const [first = "", ...more] = values;
  if (more.length > 0) {
    if (kinds.has("array") || kinds.size === 0) return values.map((value) => itemOf(value, schema));
    throw new EnactError("USAGE", `'${key}' is given ${values.length} times, and takes one value.`);
  }
  const value = kinds.has("array") ? jsonOrText(first) : read(first);
  if (Array.isArray(value)) return value;
  // One address, one path: no brackets needed for a list of one.
  const listIsMeant = kinds.has("array") && !kinds.has("string");
  return listIsMeant ? [itemOf(first, schema)] : read(first);
}

function itemOf(value: string, schema: Schema | boolean | undefined): unknown {
  const lists = alternatives(schema).filter(({ type }) => type === "array");
  const itemsAreText = lists.some(({ items }) => kindsOf(Array.isArray(items) ? undefined : items).has("string"));
  return itemsAreText ? value : jsonOrText(value);
}

/** The JSON types that a schema allows at its top. */
function kindsOf(schema: Schema | boolean | undefined): ReadonlySet<string> {
  const kinds = alternatives(schema).flatMap(({ type, enum: values }): readonly string[] => {
    if (type !== undefined) return [type].flat();
    return (values ?? []).map((value) => typeof value);
  });
  return new Set(kinds);
}

function alternatives(schema: Schema | boolean | undefined): readonly Schema[] {
  if (typeof schema !== "object") return [];
  const nested: readonly (Schema | boolean)[] = [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])];
  return nested.length === 0 ? [schema] : nested.flatMap((child) => alternatives(child));
}

function jsonOrText(value: string): unknown {
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return value;
  }
}
