import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from "yaml";
import type { Document, ErrorCode as YamlErrorCode, Node, Pair, Scalar, YAMLMap } from "yaml";

import type { Place, Problems } from "./problem.js";
import { forgedMark, holdsReference, markReferences, resolveReferences, unmarked } from "./references.js";

/** A value of the configuration file together with where it stands. */
export type Located = LocatedScalar | LocatedList | LocatedMap;

export interface LocatedScalar {
  readonly kind: "scalar";
  readonly place: Place;
  /** References are resolved. */
  readonly value: string | number | boolean | null;
  /** As the file has it; what messages show. */
  readonly source: string;
  /** Names of the variables that `value` was made of. */
  readonly variables: readonly string[];
}

export interface LocatedList {
  readonly kind: "list";
  readonly place: Place;
  readonly items: readonly Located[];
}

export interface LocatedMap {
  readonly kind: "map";
  readonly place: Place;
  readonly entries: readonly LocatedEntry[];
}

export interface LocatedEntry {
  readonly key: string;
  readonly keyPlace: Place;
  readonly value: Located;
}

/** Deeper than any configuration needs, and far from the end of the stack. */
const MAX_DEPTH = 32;

interface Reading {
  readonly text: string;
  readonly lines: LineCounter;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly problems: Problems;
}

/**
 * Reads the text of a configuration: YAML 1.2, core schema, one document, without anchors, aliases, merge keys and tags
 * (they make one text mean several things, and a small one huge).
 *
 * Everything that is wrong goes into `problems`. Undefined when the text is no YAML, so that there is nothing to look at.
 */
export function readDocument(text: string, env: Reading["env"], problems: Problems): Located | undefined {
  const lines = new LineCounter();
  const reading = { text, lines, env, problems };
  const document = parseDocument(markReferences(text), {
    version: "1.2",
    schema: "core",
    lineCounter: lines,
    prettyErrors: false,
    // Looked for below, with a message that names the first of the two.
    uniqueKeys: false,
  });
  const forged = forgedMark(text);
  if (forged >= 0) problems.add(placeOf(reading, forged), "this character is a Unicode noncharacter, which a text may not hold.");
  reportSyntax(document, reading);
  if (!problems.none) return undefined;
  return document.contents === null ? emptyScalar({ line: 1, column: 1 }) : locate(document.contents, reading, 0);
}

/** The value without its places. */
export function plain(node: Located): unknown {
  if (node.kind === "scalar") return node.value;
  if (node.kind === "list") return node.items.map(plain);
  return Object.fromEntries(node.entries.map(({ key, value }) => [key, plain(value)]));
}

function emptyScalar(place: Place): LocatedScalar {
  return { kind: "scalar", place, value: null, source: "", variables: [] };
}

function placeOf(reading: Reading, offset: number): Place {
  const { line, col } = reading.lines.linePos(offset);
  return { line: Math.max(line, 1), column: Math.max(col, 1) };
}

function reportSyntax(document: Document.Parsed, reading: Reading): void {
  if (document.directives.yaml.explicit === true) {
    reading.problems.add({ line: 1, column: 1 }, "a '%YAML' line is not supported: this file is always read as YAML 1.2. Remove the line.");
  }
  // The parser's own words quote the file, which may hold a secret; and what follows the first error is its consequence.
  const first = [...document.errors, ...document.warnings].toSorted((a, b) => a.pos[0] - b.pos[0])[0];
  if (first !== undefined) reading.problems.add(placeOf(reading, first.pos[0]), syntaxMessage(first.code));
}

function syntaxMessage(code: YamlErrorCode): string {
  const words: Partial<Record<YamlErrorCode, string>> = {
    TAB_AS_INDENT: "indented with a tab. YAML wants blanks.",
    BAD_INDENT: "not valid YAML: wrong indentation, or a bracket that is not closed.",
    MISSING_CHAR: "not valid YAML: something is missing here, such as a closing quote, a comma or a blank after ':'.",
    MULTIPLE_DOCS: "a second document starts here ('---'). One file is one configuration.",
    BAD_DQ_ESCAPE: 'this backslash is no escape that YAML knows. Write \'\\\\\' inside double quotes, or use single quotes.',
    BAD_SCALAR_START: "a value that begins with '@', '`' or '%' needs quotes.",
    BLOCK_AS_IMPLICIT_KEY: "a second ':' on this line, or a line indented too far. Put the value in quotes, or mend the indentation.",
    MULTILINE_IMPLICIT_KEY: "a key without ':' or with wrong indentation.",
    TAG_RESOLVE_FAILED: "tags ('!…') are not supported. Write the plain value.",
    RESOURCE_EXHAUSTION: "nested too deeply.",
    DUPLICATE_KEY: "this key stands here twice.",
  };
  return words[code] ?? "not valid YAML: this is not expected here. Look at the brackets, quotes and indentation before it.";
}

function locate(node: Node | null, reading: Reading, depth: number): Located {
  const place = placeOf(reading, node?.range?.[0] ?? 0);
  if (depth > MAX_DEPTH) {
    reading.problems.add(place, "nested too deeply.");
    return emptyScalar(place);
  }
  if (node === null) return emptyScalar(place);
  const oddity = oddityOf(node);
  if (oddity !== undefined) reading.problems.add(place, oddity);
  if (isMap(node)) return { kind: "map", place, entries: locateEntries(node, reading, depth) };
  if (isSeq(node)) {
    return { kind: "list", place, items: node.items.map((item) => locate(item as Node | null, reading, depth + 1)) };
  }
  return isScalar(node) ? locateScalar(node, place, reading) : emptyScalar(place);
}

function oddityOf(node: Node): string | undefined {
  if (isAlias(node)) return "aliases ('*name') are not supported. Write the value out; a text that begins with '*' needs quotes.";
  if ("anchor" in node && node.anchor !== undefined) return "anchors ('&name') are not supported. Write the value out where it is needed.";
  if ("tag" in node && node.tag !== undefined) return "tags ('!…') are not supported. Write the plain value.";
  return undefined;
}

function locateScalar(node: Scalar, place: Place, reading: Reading): LocatedScalar {
  const [start = 0, end = 0] = node.range ?? [];
  const source = reading.text.slice(start, end);
  const { value } = node;
  if (typeof value === "number" && !Number.isFinite(value)) {
    reading.problems.add(place, `${source} is not a number that can be used here. Put it in quotes if it is meant as text.`);
  }
  if (typeof value === "number" || typeof value === "boolean" || value === null) {
    return { kind: "scalar", place, value, source, variables: [] };
  }
  if (typeof value !== "string") {
    // Without tags the core schema makes nothing else.
    reading.problems.add(place, "this value is of a kind that is not supported. Put it in quotes.");
    return emptyScalar(place);
  }
  const resolved = resolveReferences(value, reading.env);
  resolved.expansions.forEach((expansion) => reading.problems.expanded(expansion));
  if (resolved.wrong !== undefined) reading.problems.add(place, resolved.wrong);
  if (!resolved.value.isWellFormed()) reading.problems.add(place, "half of a character (a lone surrogate) is no text.");
  return { kind: "scalar", place, value: resolved.value, source, variables: resolved.expansions.map(({ name }) => name) };
}

function locateEntries(map: YAMLMap, reading: Reading, depth: number): LocatedEntry[] {
  const entries: LocatedEntry[] = [];
  for (const pair of map.items as Pair<Node | null, Node | null>[]) {
    const keyPlace = placeOf(reading, pair.key?.range?.[0] ?? map.range?.[0] ?? 0);
    const key = readKey(pair.key, keyPlace, reading);
    const twin = entries.find((entry) => entry.key === key);
    if (twin !== undefined) reading.problems.add(keyPlace, `'${key}' stands here twice; the first is in line ${twin.keyPlace.line}.`);
    const value = pair.value === null ? emptyScalar(keyPlace) : locate(pair.value, reading, depth + 1);
    if (key !== undefined && twin === undefined) entries.push({ key, keyPlace, value });
  }
  return entries;
}

function readKey(key: Node | null, place: Place, reading: Reading): string | undefined {
  const oddity = key === null ? undefined : oddityOf(key);
  if (oddity !== undefined) {
    reading.problems.add(place, oddity);
    return undefined;
  }
  if (!isScalar(key) || typeof key.value !== "string") {
    reading.problems.add(place, "a key must be text. Put it in quotes.");
    return undefined;
  }
  if (holdsReference(key.value) || key.value.includes("${")) {
    reading.problems.add(place, `'${unmarked(key.value)}': references are not resolved in keys. Write the key out.`);
    return undefined;
  }
  if (key.value === "<<") {
    reading.problems.add(place, "merge keys ('<<') are not supported. Write the keys out.");
    return undefined;
  }
  if (key.value === "__proto__") {
    reading.problems.add(place, "'__proto__' cannot be a key.");
    return undefined;
  }
  return key.value;
}
