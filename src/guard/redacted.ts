import type { Json, JsonObject } from "../facts/json.js";
import { unknown } from "../facts/unknown.js";

/** Why a fact of a receipt is unknown although somebody once knew it. */
export const WAS_REDACTED = "it was redacted in the receipt";

/**
 * The payload of a receipt with an unknown fact in the place of everything that was redacted: a text with a hole in it is
 * not the fact that was judged.
 *
 * @param pointers JSON Pointers (RFC 6901) into the entry
 */
export function withoutRedacted(payload: JsonObject, pointers: readonly string[], member = "payload"): JsonObject {
  const paths = pointers.filter((pointer) => pointer.startsWith(`/${member}/`)).map((pointer) => pointer.split("/").slice(2).map(unescaped));
  return paths.reduce<JsonObject>((value, path) => replaced(value, path) as JsonObject, payload);
}

function replaced(value: Json, path: readonly string[]): Json {
  const [key, ...rest] = path;
  if (key === undefined) return { ...unknown(WAS_REDACTED) };
  if (Array.isArray(value)) return (value as readonly Json[]).map((item, index) => (String(index) === key ? replaced(item, rest) : item));
  if (typeof value !== "object" || value === null) return value;
  // A member whose name was redacted is not where it was, so nothing of the object can be relied on.
  if (key.includes("[redacted:")) return { ...unknown(WAS_REDACTED) };
  const entries = Object.entries(value).map(([name, child]): [string, Json] => [name, name === key ? replaced(child, rest) : child]);
  return Object.fromEntries(entries);
}

function unescaped(part: string): string {
  return part.replaceAll("~1", "/").replaceAll("~0", "~");
}
