/** A text as the detector reads it, and the way back to the offsets of the original. */
export interface FoldedText {
  readonly text: string;
  /** Offset in the original of the character at this offset. */
  start(index: number): number;
  /** Offset in the original just behind the character that ends before this offset. */
  end(index: number): number;
}

const ASCII_ONLY = /^[\0-\x7f]*$/;

/**
 * Undoes what hides a key from a search and not from its reader: drops invisible characters, turns full-width,
 * mathematical and enclosed letters, typographic quotes, dashes and spaces into ASCII.
 */
export function foldText(text: string): FoldedText {
  if (ASCII_ONLY.test(text)) return { text, start: (index) => index, end: (index) => index };
  const builder = new FoldBuilder(text);
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (isItself(code)) builder.add(code, at);
    else if (code === 0xd835 || code === 0xd83c) at = addPair(builder, text, at);
    else builder.addAll(foldCharacter(code), at);
  }
  return builder.done();
}

/** Tag characters (U+E0020…U+E007E) show nothing at all and carry a whole ASCII text to a model. */
const TAG_CHARACTERS = /\udb40[\udc20-\udc7e]/g;

/** The ASCII text smuggled in tag characters, or null when there is none. */
export function smuggledText(text: string): FoldedText | null {
  if (!text.includes("\udb40")) return null;
  const builder = new FoldBuilder(text);
  for (const { index } of text.matchAll(TAG_CHARACTERS)) builder.add(text.charCodeAt(index + 1) - 0xdc00, index);
  return builder.done();
}

/** Folding never makes a text longer, so that its arrays are made once. */
class FoldBuilder {
  readonly #original: string;
  readonly #codes: Uint16Array;
  readonly #starts: Uint32Array;
  #length = 0;

  constructor(original: string) {
    this.#original = original;
    this.#codes = new Uint16Array(original.length);
    this.#starts = new Uint32Array(original.length);
  }

  add(code: number, start: number): void {
    this.#codes[this.#length] = code;
    this.#starts[this.#length] = start;
    this.#length += 1;
  }

  /** Adds a folded character, or nothing. */
  addAll(character: string, start: number): void {
    if (character !== "") this.add(character.charCodeAt(0), start);
  }

  done(): FoldedText {
    const starts = this.#starts.subarray(0, this.#length);
    const original = this.#original;
    const start = (index: number) => starts[index] ?? original.length;
    return {
      text: stringOf(this.#codes.subarray(0, this.#length)),
      start,
      end: (index) => (index === 0 ? 0 : start(index - 1) + (isHighSurrogate(original, start(index - 1)) ? 2 : 1)),
    };
  }
}

function isHighSurrogate(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 0xd800 && code <= 0xdbff;
}

/** In pieces, because a call takes only so many arguments. */
function stringOf(codes: Uint16Array): string {
  let text = "";
  for (let at = 0; at < codes.length; at += 8192) text += String.fromCharCode(...codes.subarray(at, at + 8192));
  return text;
}

/** Adds a mathematical or enclosed letter above the basic plane; returns the offset of its second half. */
function addPair(builder: FoldBuilder, text: string, at: number): number {
  const folded = compatible(text.slice(at, at + 2));
  if (folded.length === 1) builder.add(folded.charCodeAt(0), at);
  else builder.addAll(text.slice(at, at + 1), at);
  return folded.length === 1 ? at + 1 : at;
}

/** ASCII, and the letters of the living scripts: nearly every character, so that it is asked first. */
function isItself(code: number): boolean {
  return code < 0x80 || (code >= 0xc0 && code < 0x300 && code !== 0x17f) || (code >= 0x370 && code < 0x61c) || (code >= 0x3040 && code < 0xd800 && code !== 0x3164);
}

/** What a character of the basic plane stands for; itself when it is just a character. */
function foldCharacter(code: number): string {
  const character = String.fromCharCode(code);
  if (code >= 0xff01 && code <= 0xff5e) return String.fromCharCode(code - 0xfee0);
  if (isInvisible(code)) return "";
  if (isQuote(code)) return "'";
  if (isDoubleQuote(code)) return '"';
  if ((code >= 0x2010 && code <= 0x2015) || code === 0x2212 || code === 0xfe58 || code === 0xfe63) return "-";
  if (code === 0x2028 || code === 0x2029 || code === 0x85) return "\n";
  if (isSpace(code)) return " ";
  return hasCompatibilityForm(code) ? compatible(character) : character;
}

/** The ASCII character that this one is a variant of; itself when there is no single one. */
function compatible(character: string): string {
  const form = character.normalize("NFKC");
  return form.length === 1 && ASCII_ONLY.test(form) ? form : character;
}

/** Shows nothing, or only a mark on the letter before. */
function isInvisible(code: number): boolean {
  if (code < 0x300) return code === 0xad;
  if (code <= 0x36f) return true;
  if (code >= 0x200b && code <= 0x206f) return code <= 0x200f || (code >= 0x202a && code <= 0x202e) || code >= 0x2060;
  if (code >= 0xfe00 && code <= 0xfe0f) return true;
  if (code >= 0x180b && code <= 0x180f) return true;
  // 0xdb40 leads the tag characters and the variation selectors above the basic plane.
  return code === 0xfeff || code === 0x61c || code === 0x3164 || code === 0xffa0 || code === 0x115f || code === 0x1160 || code === 0xdb40;
}

function isQuote(code: number): boolean {
  return (code >= 0x2018 && code <= 0x201b) || code === 0xb4 || code === 0x2bc || code === 0x2032 || code === 0x2039 || code === 0x203a;
}

function isDoubleQuote(code: number): boolean {
  return (code >= 0x201c && code <= 0x201f) || code === 0xab || code === 0xbb || code === 0x2033 || (code >= 0x300c && code <= 0x300f);
}

function isSpace(code: number): boolean {
  return code === 0xa0 || (code >= 0x2000 && code <= 0x200a) || code === 0x202f || code === 0x205f || code === 0x3000 || code === 0x1680;
}

/** Blocks whose characters are ASCII in disguise: letter-like, enclosed, super- and subscript. */
function hasCompatibilityForm(code: number): boolean {
  if (code >= 0x2070 && code <= 0x209f) return true;
  if (code >= 0x2100 && code <= 0x214f) return true;
  if (code >= 0x2460 && code <= 0x24ff) return true;
  return code === 0x17f || code === 0xb2 || code === 0xb3 || code === 0xb9;
}
