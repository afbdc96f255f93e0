/**
 * One line of text that shows what it holds: control characters, line breaks, bidirectional overrides and invisible
 * characters are written as escapes, so that a branch name or a file name cannot forge a line of a receipt.
 */
export function plainText(text: string, limit: number): string {
  const shown = text.toWellFormed().replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u115F\u1160\u3164\uFFA0]/gu, escape);
  return shown.length <= limit ? shown : `${shown.slice(0, limit).toWellFormed()} … (${shown.length - limit} more characters)`;
}

function escape(character: string): string {
  if (character === "\n") return "\\n";
  if (character === "\t") return "\\t";
  if (character === "\r") return "\\r";
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}
