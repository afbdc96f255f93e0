import type { Expansion } from "./problem.js";

/**
 * `${NAME}` in the text of the configuration.
 *
 * YAML would cut `{ url: ${NAME} }` apart, because braces mean something between braces. So references are replaced,
 * before the text is parsed, by marks of the same length that YAML takes for letters, and resolved in the finished
 * strings: what a variable holds is never read as YAML. The marks are Unicode noncharacters, which no text may hold.
 */
const OPEN = "\uFDD0\uFDD1";
const CLOSE = "\uFDD2";
const LITERAL_OPEN = "\uFDD3\uFDD4\uFDD5";
const LITERAL_CLOSE = "\uFDD6";

const REFERENCE = /\$\$\{([^{}\n]*)\}|\$\{([^{}\n]*)\}/gu;
const MARKED = new RegExp(`${OPEN}([^${CLOSE}]*)${CLOSE}|${LITERAL_OPEN}([^${LITERAL_CLOSE}]*)${LITERAL_CLOSE}`, "gu");
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/u;

/** Offset of a character that would be taken for a mark, or -1. */
export function forgedMark(text: string): number {
  return text.search(/[\uFDD0-\uFDD6]/u);
}

/** The text with marks in place of references; every offset stays what it was. */
export function markReferences(text: string): string {
  return text.replaceAll(REFERENCE, (_whole: string, literal: string | undefined, name: string | undefined) =>
    literal === undefined ? OPEN + (name ?? "") + CLOSE : LITERAL_OPEN + literal + LITERAL_CLOSE,
  );
}

/** The marked text as the file has it. */
export function unmarked(text: string): string {
  return text
    .replaceAll(OPEN, "${")
    .replaceAll(CLOSE, "}")
    .replaceAll(LITERAL_OPEN, "$${")
    .replaceAll(LITERAL_CLOSE, "}");
}

export function holdsReference(text: string): boolean {
  return /[\uFDD0-\uFDD6]/u.test(text);
}

export interface Resolved {
  readonly value: string;
  readonly expansions: readonly Expansion[];
  /** What is wrong with a reference, as a sentence. */
  readonly wrong: string | undefined;
}

/** Puts the values of the environment into one string of the configuration. */
export function resolveReferences(marked: string, env: Readonly<Record<string, string | undefined>>): Resolved {
  const expansions: Expansion[] = [];
  const wrong: string[] = [];
  // Checked on the marked text: a variable's value may hold any characters.
  if (marked.includes("${")) wrong.push("'${' opens a reference that '}' does not close; write '$${' for the two characters themselves.");
  // One pass: what a variable holds is not looked at again.
  const value = marked.replaceAll(MARKED, (_mark, name: string | undefined, literal: string | undefined) => {
    if (name === undefined) return `\${${literal ?? ""}}`;
    const found = lookUp(name, env);
    if ("wrong" in found) {
      wrong.push(found.wrong);
      return "";
    }
    expansions.push({ name, value: found.value });
    return found.value;
  });
  return { value, expansions, wrong: wrong[0] };
}

function lookUp(name: string, env: Readonly<Record<string, string | undefined>>): { value: string } | { wrong: string } {
  if (!NAME.test(name)) {
    // Not shown in full: what stands behind the name may be a default, and the default a password.
    const shown = /^\w{1,40}/u.exec(name)?.[0] ?? "";
    return { wrong: `'\${${shown}…' is no reference: between the braces stands one variable name, no default and no expression.` };
  }
  const value = Object.hasOwn(env, name) ? env[name] : undefined;
  if (value === undefined) {
    return { wrong: `the environment variable ${name} is not set. Set it where the server is started, or write the value here.` };
  }
  if (value.trim() === "") {
    return { wrong: `the environment variable ${name} is set, but empty. Give it a value where the server is started.` };
  }
  return { value };
}
