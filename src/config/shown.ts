import type { Located } from "./document.js";

/**
 * Text of the configuration as a message may show it: short, on one line, and never what looks like a secret. Messages
 * end up in the logs of editors and in chats.
 */
export function shownText(text: string): string {
  if (looksSecret(text)) return `(${Array.from(text).length} characters that look like a secret)`;
  const oneLine = text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
  const short = Array.from(oneLine).slice(0, 60).join("");
  return `'${short}${short.length < oneLine.length ? "…" : ""}'`;
}

/** A path as a message may show it: in full, unless it looks like a secret in the wrong place. */
export function shownPath(path: string): string {
  return looksSecret(path) ? "that path" : path;
}

/** What was found, for "… must be X; found Y". With `secret` only its kind is said. */
export function shownValue(node: Located, secret: boolean): string {
  if (node.kind === "list") return "a list";
  if (node.kind === "map") return "keys and values";
  if (node.value === null) return "nothing";
  if (node.variables.length > 0) return `the text that ${node.variables.map((name) => `\${${name}}`).join(" and ")} stands for`;
  if (typeof node.value === "string") return secret ? "another text (not shown, it may be a secret)" : `the text ${shownText(node.value)}`;
  if (typeof node.value === "boolean") return String(node.value);
  return secret ? "a number" : `the number ${shownText(node.source).slice(1, -1)}`;
}

const KEY_SHAPES = [
  // Well-known prefixes of tokens and keys.
  /(?:xox[a-z]|xapp|gh[a-z]|glpat|pat|sk|pk|rk|npm|hf|AKIA|ASIA|AIza|eyJ|ya29)[-_.]?[\w-]{8,}/u,
  /github_pat_/u,
  /-----BEGIN/u,
  // A password inside a URL.
  /:\/\/[^/\s@]*:[^/\s]*@/u,
  /[?&](?:password|token|secret|key|sig)=/iu,
];

/** True for text in the shape of a key, so that one in the wrong place is not repeated in a message. */
export function looksSecret(text: string): boolean {
  if (KEY_SHAPES.some((shape) => shape.test(text))) return true;
  // Long runs of letters and digits; with '/' and '+' only in the length of an AWS secret key, or every path would be one.
  const runs = text.match(/[A-Za-z0-9]{20,}|(?<![\w+/=])[A-Za-z0-9+/]{40}(?![\w+/=])/gu) ?? [];
  return runs.some((run) => /\d/u.test(run) && /[A-Z]/u.test(run) && /[a-z]/u.test(run)) || /(?:^|[^\w])[0-9a-f]{32,}(?:$|[^\w])/u.test(text);
}
