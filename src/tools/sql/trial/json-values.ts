import type { Clues } from "./clues.js";
import { few } from "./clues.js";

/** Objects only, as most JSON columns hold; other kinds come where a constant suggests them. */
export const JSON_VALUES: readonly string[] = [
  '{"a": 1}', "{}", '{"id": 1, "name": "x"}', '{"a": null}', '{"a": {"b": "c"}}', '{"a": true}', '{"a": [1, 2]}', '{"name": "", "n": -5}',
];

/** Objects in which the constants are keys and values, and the constants that are JSON themselves. */
export function jsonNear({ texts, words }: Clues): readonly string[] {
  const own = texts.filter(isJson);
  const arrays = texts.some((text) => text.startsWith("[") || text === "array") ? ["[]", "[1]", '["x"]'] : [];
  const names = few([...texts.filter((text) => text.length <= 40 && !isJson(text)), ...words], 7);
  const singles = names.flatMap((key) => [{ [key]: "x" }, { [key]: 1 }, { [key]: true }, { [key]: null }, { [key]: ["x"] }]);
  const pairs = names.flatMap((key) => names.flatMap((value) => (key === value ? [] : [{ [key]: value }, { [key]: [value] }, { [key]: asNumber(value) }])));
  const chains = names.flatMap((outer) => names.flatMap((inner) => (outer === inner ? [] : names.map((value) => ({ [outer]: { [inner]: value } })))));
  const all = Object.fromEntries(names.map((key, index) => [key, names[index + 1] ?? "x"]));
  return few([...own, ...arrays, ...[all, ...pairs, ...singles, ...chains].map((value) => JSON.stringify(value))], 120);
}

function asNumber(text: string): number | string {
  return /^-?\d{1,15}(?:\.\d{1,6})?$/.test(text) ? Number(text) : text;
}

function isJson(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null;
  } catch {
    return false;
  }
}
