/** A character, or a run of them, that would not be seen for what it is, and what is shown in its place. */
export interface Odd {
  readonly kind: "bidi" | "control" | "invisible" | "space" | "look_alike" | "unassigned" | "stacked" | "gap";
  /** What it is, short: "RLO", "U+200B", "120 empty lines". */
  readonly label: string;
  /** For people who ask. */
  readonly meaning: string;
  /** Set when it can be seen: shown beside the label. */
  readonly glyph?: string;
}

export type Piece = string | Odd;

/** line: line breaks and tabs are odd as well. block: they are what they are. */
export type TextShape = "line" | "block";

/**
 * Cuts a text into what may be shown as it is, and what must be named: characters that reorder the text around them, that
 * cannot be seen, that look like others, or that push the rest out of sight. Nothing is left out and nothing is changed:
 * each character is in exactly one piece, as itself or by its name.
 */
export function piecesOf(text: string, shape: TextShape): Piece[] {
  const whole = text.toWellFormed();
  const pieces: Piece[] = [];
  const around = surroundings(whole);
  let plainFrom = 0;
  for (const { 0: found, index } of whole.matchAll(shape === "line" ? NOT_PLAIN_LINE : NOT_PLAIN_BLOCK)) {
    const odd = oddOf(found, index, whole, around);
    if (odd === undefined) continue;
    if (index > plainFrom) pieces.push(whole.slice(plainFrom, index));
    pieces.push(odd);
    plainFrom = index + found.length;
  }
  if (plainFrom < whole.length) pieces.push(whole.slice(plainFrom));
  return pieces;
}

/**
 * Letters that look like a Latin one in most fonts: from the confusables of Unicode Technical Standard 39, those that
 * names, paths, addresses and SQL are likely to be spoofed with.
 */
const LOOK_ALIKES: ReadonlyMap<string, string> = new Map([
  ...pairs("аеорсухіјѕԁһԛԝӏ", "aeopcyxijsdhqwl"),
  ...pairs("АВЕЅІЈКМНОРСТУХԌԜ", "ABESIJKMHOPCTYXGW"),
  ...pairs("αονκρτυγιϲ", "aovkptuyic"),
  ...pairs("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEZHIKMNOPTYX"),
  ...pairs("ɩɑɡᴀᴄᴇɪᴍɴᴏᴘʀꜱᴛᴜᴠᴡᴢ", "iagaceimnoprstuvwz"),
  ...pairs("ոռսօհցԱՏՕ", "nnuohgUSO"),
  ...pairs("ᎪᎬᎥᎷᎢᏚᎡᏒ", "AEiMTSRR"),
  ...pairs("⁄∕⧸․∶꞉ː‚⁏∗−⧵﹨ǃ", "///.:::,;*-\\\\!"),
]);

const LIKE_LATIN = Array.from(LOOK_ALIKES.keys()).join("");

/**
 * What is worth a closer look; a text of ten megabytes in any script is mostly letters that are not. The last ranges are
 * those with forms of plain characters (full-width, mathematical, circled, superscript), found by normalising all of Unicode.
 */
const WORTH_A_LOOK =
  "[\\p{Default_Ignorable_Code_Point}\\p{Zs}\\p{Zl}\\p{Zp}\\p{Co}\\p{Cn}\\p{Cs}\\p{Cf}\\p{Mn}\\p{Me}\\u{1160}\\u{115f}\\u{2800}\\u{ffa0}" +
  `${LIKE_LATIN}\\u{80}-\\u{9f}\\u{aa}\\u{ba}\\u{17f}\\u{2b0}-\\u{2b8}\\u{2e1}-\\u{2e3}\\u{37e}\\u{1d2c}-\\u{1d65}\\u{1d9c}-\\u{1dbb}\\u{1fef}` +
  "\\u{2070}-\\u{209c}\\u{2102}-\\u{217f}\\u{2460}-\\u{2468}\\u{24b6}-\\u{24ea}\\u{2c7c}\\u{2c7d}\\u{a7f1}-\\u{a7f4}\\u{fb29}\\u{fe10}-\\u{fe16}\\u{fe33}-\\u{fe6b}" +
  "\\u{ff01}-\\u{ff5e}\\u{107a5}\\u{1ccd6}-\\u{1ccf9}\\u{1d400}-\\u{1d6a3}\\u{1d7ce}-\\u{1d7ff}\\u{1f12b}-\\u{1f149}\\u{1fbf0}-\\u{1fbf9}]";
const NOT_PLAIN_BLOCK = new RegExp(`(?:[ \\t]*\\n){7,}| {40,}|\\t{12,}|[\\u{0}-\\u{8}\\u{b}-\\u{1f}\\u{7f}]|(?! )${WORTH_A_LOOK}`, "gu");
const NOT_PLAIN_LINE = new RegExp(` {40,}|[\\u{0}-\\u{1f}\\u{7f}]|(?! )${WORTH_A_LOOK}`, "gu");

/** What a look-alike is judged by. */
interface Surroundings {
  /** Scripts that the text is really written in: it has letters of theirs that look like no Latin one. */
  readonly written: ReadonlySet<string>;
  /** Whether the character at this index stands in a word that holds Latin letters. */
  isInLatinWord(index: number): boolean;
}

function oddOf(found: string, index: number, text: string, around: Surroundings): Odd | undefined {
  if (found.length > 2) return gap(found);
  const code = found.codePointAt(0) ?? 0;
  if (LOOK_ALIKES.has(found)) return lookAlike(found, code, index, around);
  return named(found, code, index, text) ?? lookAlike(found, code, index, around) ?? stacked(found, index, text);
}

function gap(found: string): Odd {
  const lines = found.split("\n").length - 1;
  const what = lines > 0 ? `${String(lines - 1)} empty lines` : `${String(found.length)} ${found.startsWith("\t") ? "tabs" : "spaces"}`;
  return { kind: "gap", label: what, meaning: "Shown as one mark, so that what follows stays in sight." };
}

const CONTROLS = "NUL SOH STX ETX EOT ENQ ACK BEL BS tab LF VT FF CR SO SI DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB ESC FS GS RS US".split(" ");

const NAMES: ReadonlyMap<number, readonly [Odd["kind"], string, string]> = new Map([
  [0x061c, ["bidi", "ALM", "Arabic letter mark: changes the order in which text is shown"]],
  [0x200e, ["bidi", "LRM", "Left-to-right mark: changes the order in which text is shown"]],
  [0x200f, ["bidi", "RLM", "Right-to-left mark: changes the order in which text is shown"]],
  [0x202a, ["bidi", "LRE", "Left-to-right embedding: changes the order in which text is shown"]],
  [0x202b, ["bidi", "RLE", "Right-to-left embedding: changes the order in which text is shown"]],
  [0x202c, ["bidi", "PDF", "End of an embedding: changes the order in which text is shown"]],
  [0x202d, ["bidi", "LRO", "Left-to-right override: shows text in another order than it is read by programs"]],
  [0x202e, ["bidi", "RLO", "Right-to-left override: shows text in another order than it is read by programs"]],
  [0x2066, ["bidi", "LRI", "Left-to-right isolate: changes the order in which text is shown"]],
  [0x2067, ["bidi", "RLI", "Right-to-left isolate: changes the order in which text is shown"]],
  [0x2068, ["bidi", "FSI", "First strong isolate: changes the order in which text is shown"]],
  [0x2069, ["bidi", "PDI", "End of an isolate: changes the order in which text is shown"]],
  [0x00ad, ["invisible", "soft hyphen", "Cannot be seen unless a line breaks there"]],
  [0x200b, ["invisible", "zero-width space", "Cannot be seen"]],
  [0x200c, ["invisible", "zero-width non-joiner", "Cannot be seen"]],
  [0x200d, ["invisible", "zero-width joiner", "Cannot be seen"]],
  [0x2060, ["invisible", "word joiner", "Cannot be seen"]],
  [0xfeff, ["invisible", "byte order mark", "Cannot be seen"]],
  [0x2028, ["control", "line separator", "Breaks the line where some programs see no break"]],
  [0x2029, ["control", "paragraph separator", "Breaks the line where some programs see no break"]],
  [0x00a0, ["space", "no-break space", "Looks like a space and is none to programs"]],
  [0x3164, ["invisible", "Hangul filler", "A letter to programs, and cannot be seen"]],
  [0x2800, ["invisible", "blank Braille", "Looks like a space and is none to programs"]],
]);

const INVISIBLE = /^[\p{Cf}\p{Default_Ignorable_Code_Point}\u{1160}\u{115f}\u{ffa0}]$/u;

/** Characters that cannot be seen, or not for what they are, wherever they stand. */
function named(found: string, code: number, index: number, text: string): Odd | undefined {
  if (isPartOfEmoji(found, index, text)) return undefined;
  const known = NAMES.get(code);
  if (known !== undefined) return { kind: known[0], label: known[1], meaning: `${codePoint(code)}. ${known[2]}.` };
  if (/^\p{Cc}$/u.test(found)) {
    const label = code === 0x0a ? "line break" : (CONTROLS[code] ?? (code === 0x7f ? "DEL" : codePoint(code)));
    return { kind: "control", label, meaning: `${codePoint(code)}. A control character.` };
  }
  if (INVISIBLE.test(found)) return { kind: "invisible", label: codePoint(code), meaning: `${codePoint(code)}. Cannot be seen.` };
  if (/^\p{Zs}$/u.test(found)) return { kind: "space", label: codePoint(code), meaning: `${codePoint(code)}. Looks like a space and is none to programs.` };
  if (/^[\p{Co}\p{Cn}\p{Cs}]$/u.test(found)) return { kind: "unassigned", label: codePoint(code), meaning: `${codePoint(code)}. Means no character that everybody agrees on.` };
  return undefined;
}

/** The joiners and selectors inside a well-formed emoji are part of its picture. */
function isPartOfEmoji(found: string, index: number, text: string): boolean {
  if (found !== "\u{200d}" && found !== "\u{fe0f}") return false;
  const before = Array.from(text.slice(Math.max(0, index - 4), index));
  const follows = /^[\p{Emoji}\u{fe0f}]$/u.test(before.at(-1) ?? "");
  const isDigit = /^[0-9#*]$/u.test(before.at(-1) ?? "");
  if (found === "\u{fe0f}") return follows && !isDigit;
  return follows && !isDigit && /^\p{Extended_Pictographic}/u.test(text.slice(index + 1, index + 3));
}

const PUNCTUATION = /^[^\p{L}]$/u;

function lookAlike(found: string, code: number, index: number, around: Surroundings): Odd | undefined {
  const like = LOOK_ALIKES.get(found) ?? compatible(found);
  if (like === undefined) return undefined;
  const script = scriptOf(found);
  const isWriting = script !== undefined && around.written.has(script) && !around.isInLatinWord(index);
  if (isWriting && !PUNCTUATION.test(found)) return undefined;
  return { kind: "look_alike", label: codePoint(code), meaning: `${codePoint(code)}. Looks like '${like}' and is another character.`, glyph: found };
}

/** Full-width, mathematical, circled and other forms of one plain character: some programs take them for it. */
function compatible(found: string): string | undefined {
  if (/^[\u{b2}\u{b3}\u{b9}]$/u.test(found)) return undefined;
  const plain = found.normalize("NFKC");
  return plain !== found && /^[!-~]$/u.test(plain) ? plain : undefined;
}

/** A few marks on one letter are writing; a heap of them covers the lines above and below. */
function stacked(found: string, index: number, text: string): Odd | undefined {
  if (!/^[\p{Mn}\p{Me}]$/u.test(found)) return undefined;
  const before = /[\p{Mn}\p{Me}]*$/u.exec(text.slice(Math.max(0, index - 16), index))?.[0] ?? "";
  if (Array.from(before).length < 3) return undefined;
  return { kind: "stacked", label: codePoint(found.codePointAt(0) ?? 0), meaning: "One of many marks on the same letter." };
}

function surroundings(text: string): Surroundings {
  let word = { from: 0, to: 0, isLatin: false };
  return {
    written: new Set(SCRIPTS.filter(({ own }) => own.test(text)).map(({ name }) => name)),
    isInLatinWord(index) {
      if (index < word.from || index >= word.to) word = wordAround(index, text);
      return word.isLatin;
    },
  };
}

/** The word that this character stands in; of a very long one the part around it. */
function wordAround(index: number, text: string): { readonly from: number; readonly to: number; readonly isLatin: boolean } {
  const before = /[\p{L}\p{M}\p{N}_]*$/u.exec(text.slice(Math.max(0, index - 64), index))?.[0] ?? "";
  const after = /^[\p{L}\p{M}\p{N}_]*/u.exec(text.slice(index, index + 64))?.[0] ?? "";
  return { from: index - before.length, to: index + Math.max(1, after.length), isLatin: /[a-z\u{c0}-\u{24f}]/iu.test(before + after) };
}

/** `own`: a letter of the script that looks like no Latin one. */
const SCRIPTS = ["Cyrillic", "Greek", "Armenian", "Cherokee"].map((name) => ({
  name,
  letter: new RegExp(`^\\p{Script=${name}}$`, "u"),
  own: new RegExp(`(?![${LIKE_LATIN}])\\p{Script=${name}}`, "u"),
}));

function scriptOf(letter: string): string | undefined {
  return SCRIPTS.find((script) => script.letter.test(letter))?.name;
}

function codePoint(code: number): string {
  return `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
}

function pairs(from: string, to: string): [string, string][] {
  const targets = Array.from(to);
  return Array.from(from, (character, index) => [character, targets[index] ?? character]);
}
