import type { ComponentChildren } from "preact";

/**
 * Characters that nobody sees, or that change what others look like: controls, direction marks and overrides, joiners,
 * fillers, tags, unusual spaces.
 */
const HIDDEN = /([\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]|(?! )\p{Zs})/gu;
const HAS_HIDDEN = new RegExp(HIDDEN.source, "u");

const NAMES: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

function nameOf(character: string): string {
  return NAMES[character] ?? `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
}

interface TextProps {
  readonly value: string;
  /** Line breaks and tabs stay what they are. */
  readonly lines?: boolean;
}

/**
 * Text of a receipt: shown as text, with whatever is hidden in it made visible, and kept from changing the direction of what
 * stands around it.
 */
export function Text({ value, lines = false }: TextProps) {
  const text = value.toWellFormed();
  return <bdi>{HAS_HIDDEN.test(text) ? marked(text, lines) : text}</bdi>;
}

function marked(text: string, lines: boolean): ComponentChildren {
  return text.split(HIDDEN).map((part, index) => {
    if (index % 2 === 0 || (lines && (part === "\n" || part === "\t"))) return part;
    return <span key={index} class="hidden-character" title="a character that is not visible">{nameOf(part)}</span>;
  });
}

/** The same for places that take no elements: titles, labels. */
export function plain(value: string): string {
  return value.toWellFormed().replace(HIDDEN, nameOf);
}
