import type { Clues } from "./clues.js";
import { few } from "./clues.js";

/** Everyday and unusual texts: each stands for what a condition on texts might tell apart. */
export const TEXTS: readonly string[] = [
  "a", "", "B", "x y", "Zoë", "mail@example.com", "https://example.com/a?b=c", "0", "42", "-7.5", "2021-03-04", "true",
  "123e4567-e89b-42d3-a456-426614174000", '{"a": 1}', "[1, 2]", " ", "ABC", "abc def ghi", "10.0.0.1", "+49 30 123456", "O'Neil", "_",
  ...[2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 16, 20, 32, 64, 200].map((length) => "q".repeat(length)),
];

/** Texts that the constants suggest: themselves, parts and beginnings of them, with something before and after, in other case. */
export function textsNear({ texts, words }: Clues): readonly string[] {
  const plain = texts.map((text) => text.replaceAll(/[%*+?^$()|\\]/g, "").replaceAll("_", "a"));
  const own = few([...texts, ...plain, ...words]);
  const changed = own.slice(0, 12).flatMap((text) => [`${text}x`, `x${text}`, text.toLowerCase(), text.toUpperCase(), text.slice(0, -1), `xx${text}`, `x@${text}`, `x ${text} x`]);
  const pairs = own.slice(0, 5).flatMap((a) => own.slice(0, 5).flatMap((b) => [`${a}${b}`, `${a}x${b}`, `${a} ${b}`]));
  return few([...own, ...changed, ...pairs], 130);
}
