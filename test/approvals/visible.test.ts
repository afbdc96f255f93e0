import fc from "fast-check";
import { expect, test } from "vitest";

import type { Odd, Piece } from "../../src/approvals/visible.js";
import { piecesOf } from "../../src/approvals/visible.js";

const odd = (text: string, shape: "line" | "block" = "line"): Odd[] => piecesOf(text, shape).filter((piece): piece is Odd => typeof piece !== "string");
const shown = (pieces: readonly Piece[]): string => pieces.map((piece) => (typeof piece === "string" ? piece : `[${piece.label}]`)).join("");

test.each([
  ["a right-to-left override", "invoice\u202Egnp.exe", "bidi", "RLO"],
  ["an isolate", "a\u2066b", "bidi", "LRI"],
  ["a zero-width space", "ad\u200Bmin", "invisible", "zero-width space"],
  ["a zero-width joiner that joins no emoji", "ad\u200Dmin", "invisible", "zero-width joiner"],
  ["a byte order mark", "\uFEFFabc", "invisible", "byte order mark"],
  ["a soft hyphen", "pay\u00ADments", "invisible", "soft hyphen"],
  ["tag characters, which models read", "hi\u{E0041}", "invisible", "U+E0041"],
  ["a variation selector on a letter", "a\uFE0Fb", "invisible", "U+FE0F"],
  ["a Hangul filler", "a\u3164b", "invisible", "Hangul filler"],
  ["a Hangul filler of half width", "a\uFFA0b", "invisible", "U+FFA0"],
  ["blank Braille", "a\u2800b", "invisible", "blank Braille"],
  ["a no-break space", "a\u00A0b", "space", "no-break space"],
  ["an ideographic space", "a\u3000b", "space", "U+3000"],
  ["an escape", "a\u001B[2Kb", "control", "ESC"],
  ["a carriage return", "a\rb", "control", "CR"],
  ["a NUL", "a\0b", "control", "NUL"],
  ["a C1 control", "a\u0085b", "control", "U+0085"],
  ["a line separator", "a\u2028b", "control", "line separator"],
  ["a private character", "a\uE000b", "unassigned", "U+E000"],
  ["a Cyrillic letter in a Latin word", "p\u0430ypal.com", "look_alike", "U+0430"],
  ["a word that is Cyrillic and reads as a Latin one", "\u0441\u043E\u0440\u0443", "look_alike", "U+0441"],
  ["a Greek letter in a Latin word", "m\u03B1in", "look_alike", "U+03B1"],
  ["a full-width letter", "ma\uFF49n", "look_alike", "U+FF49"],
  ["a mathematical letter", "\u{1D5FA}ain", "look_alike", "U+1D5FA"],
  ["a slash that is none", "a\u2215b", "look_alike", "U+2215"],
  ["a dot that is none", "evil\u2024com", "look_alike", "U+2024"],
  ["a minus that is none", "DELETE \u2212\u2212 x", "look_alike", "U+2212"],
  ["a Greek question mark", "x\u037E", "look_alike", "U+037E"],
])("names %s", (_what, text, kind, label) => {
  expect(odd(text)[0]).toMatchObject({ kind, label });
});

test.each([
  ["English", "Delete 3 objects: logs/2024/a.txt (12 kB) — “old” ones… 50 €"],
  ["French", "Événement à Orléans, cœur, garçon"],
  ["Turkish", "ışık çok güzel"],
  ["Russian", "Привет, он рос в поле и пел"],
  ["Greek", "Καλημέρα, το νερό είναι κρύο"],
  ["Hebrew, Arabic, Hindi", "שלום مرحبا नमस्ते"],
  ["Japanese, Chinese, Korean", "日本語 中文 한국어"],
  ["emoji with joiners and selectors", "❤️ 👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 ✈️"],
  ["Vietnamese, decomposed", "Tiếng Việt".normalize("NFD")],
])("leaves %s alone", (_what, text) => {
  expect(odd(text)).toEqual([]);
});

test("a look-alike is shown beside its name; in a text of its own script only where it stands in a Latin word", () => {
  const found = odd("Удалить файл p\u0430yments, а затем остановиться");
  expect(found).toHaveLength(1);
  expect(found[0]).toMatchObject({ glyph: "\u0430", meaning: "U+0430. Looks like 'a' and is another character." });
});

test("line breaks and tabs are odd in a line and not in a block", () => {
  expect(shown(piecesOf("a\nb\tc", "line"))).toBe("a[line break]b[tab]c");
  expect(shown(piecesOf("a\nb\tc", "block"))).toBe("a\nb\tc");
});

test("emptiness that would push the rest out of sight is one mark", () => {
  expect(shown(piecesOf(`SELECT 1;${"\n".repeat(200)}DROP TABLE x`, "block"))).toBe("SELECT 1;[199 empty lines]DROP TABLE x");
  expect(shown(piecesOf(`SELECT 1;${" ".repeat(500)}DROP TABLE x`, "block"))).toBe("SELECT 1;[500 spaces]DROP TABLE x");
  expect(shown(piecesOf("one\n\n\ntwo", "block"))).toBe("one\n\n\ntwo");
});

test("a heap of marks on one letter is named from the fourth on", () => {
  expect(odd(`a${"\u0301".repeat(10)}`)).toHaveLength(7);
});

test("every character is in exactly one piece, whatever the text", () => {
  const anyText = fc.string({ unit: "binary", maxLength: 40 });
  fc.assert(
    fc.property(anyText, fc.constantFrom("line" as const, "block" as const), (text, shape) => {
      const pieces = piecesOf(text, shape);
      const plain = pieces.filter((piece) => typeof piece === "string").join("");
      expect(plain).not.toMatch(/[\u{202a}-\u{202e}\u{2066}-\u{2069}\u{200b}\p{Zl}\p{Zp}\p{Co}\p{Cn}\p{Cs}]|[^\P{Cc}\n\t]/u);
      const length = pieces.reduce((sum, piece) => sum + (typeof piece === "string" ? Array.from(piece).length : 1), 0);
      // A gap stands for several characters; there is none in a text this short but of spaces and line breaks.
      const gaps = pieces.filter((piece) => typeof piece !== "string" && piece.kind === "gap").length;
      expect(gaps > 0 || length === Array.from(text.toWellFormed()).length).toBe(true);
    }),
    { seed: 4663, numRuns: 500 },
  );
});
