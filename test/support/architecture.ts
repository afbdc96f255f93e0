import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";

/** The source folder; paths below are relative to it, with "/" and ".ts". */
const SRC = fileURLToPath(new URL("../../src", import.meta.url));

export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

export interface Import {
  readonly specifier: string;
  /** Loaded when the importing module is loaded: not `import()`, not `import type`. */
  readonly eager: boolean;
}

/** Who may import whom: rooms, or single files. What is not listed is forbidden; one's own room and errors.ts are free. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  facts: [],
  systems: [],
  receipts: [],
  policies: ["facts"],
  tools: ["facts", "systems"],
  approvals: ["receipts"],
  stores: ["receipts", "approvals"],
  guard: ["facts", "receipts", "approvals", "policies/policy.ts", "tools/tool.ts"],
  config: ["policies", "tools"],
  mcp: ["guard", "config", "facts", "tools/tool.ts"],
  cli: ["guard", "config", "receipts", "approvals"],
  web: ["guard", "config", "receipts", "approvals"],
};

/** Files that wire the rooms together; nobody else imports them. */
const COMPOSITION = new Set(["main.ts", "index.ts", "compose.ts", "compose-desk.ts", "compose-reach.ts"]);

/** Judging and its vocabulary: no clock, no disk, no network, so no module of node either. */
const PURE_ROOMS: ReadonlySet<string> = new Set(["facts", "policies"]);

/** Loaded on first use, because each costs more time than the whole start may take. */
const HEAVY = /^(?:pg|libpg-query|nodemailer|smtp-server|emulate|jiti|hono(?:\/.*)?|@hono\/.*|@simplewebauthn\/.*|@clack\/.*|@slack\/.*|@aws-sdk\/.*|@googleapis\/.*|@hubspot\/.*|@electric-sql\/.*|@photostructure\/.*)$/u;

const MAX_LINES = 300;

export function readSources(): SourceFile[] {
  const names = readdirSync(SRC, { recursive: true, encoding: "utf8" }).map((name) => name.replaceAll("\\", "/"));
  return names.filter((name) => /\.tsx?$/u.test(name)).toSorted().map((path) => ({ path, text: readFileSync(join(SRC, path), "utf8") }));
}

/** Every breach of the rules in these files, one sentence each. */
export function breaches(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    const found = isOfBrowser(file) ? browserBreaches(file) : [...wallBreaches(file), ...effectBreaches(file)];
    return [...found, ...sizeBreaches(file)].map((breach) => `${file.path}: ${breach}`);
  });
}

/** What runs in a browser: bundled apart, without node and without the rest of the sources. */
function isOfBrowser({ path }: SourceFile): boolean {
  return /^web\/(?:[^/]+\/)*browser\//u.test(path);
}

/** Bundled into the pages. */
const BROWSER_PACKAGES: ReadonlySet<string> = new Set(["preact", "preact/hooks", "uplot", "@tanstack/virtual-core", "@simplewebauthn/browser"]);

/** Ways to turn text of a receipt into elements or code. */
const MAKES_MARKUP = /\b(?:innerHTML|outerHTML|insertAdjacentHTML|dangerouslySetInnerHTML|createContextualFragment|setHTMLUnsafe|srcdoc|document\.write|eval|Function\()/u;

function browserBreaches({ path, text }: SourceFile): string[] {
  const found: string[] = [];
  for (const { groups } of text.matchAll(/^(?:import|export|\}) (?<what>.*)from "(?<name>[^"]+)";$|^import "(?<bare>[^"]+)";$/gmu)) {
    const name = groups?.["name"] ?? groups?.["bare"] ?? "";
    const breach = browserImport(path, name, groups?.["what"]?.startsWith("type ") === true);
    if (breach !== undefined) found.push(breach);
  }
  if (/^export default\b/mu.test(text)) found.push("has a default export");
  if (/\bimport\s*\(/u.test(text)) found.push("loads code later: a page is one file");
  const markup = MAKES_MARKUP.exec(text)?.[0];
  if (markup !== undefined) found.push(`uses ${markup}: text of a receipt must stay text`);
  // The page itself has to begin somewhere.
  const strange = /\/main\.tsx?$/u.test(path) ? undefined : /^(?!import|export|const|function|async function|class|interface|type|declare)[A-Za-z_$].*$/mu.exec(text)?.[0];
  return strange === undefined ? found : [...found, `does something when it is imported: ${strange}`];
}

function browserImport(path: string, name: string, isType: boolean): string | undefined {
  if (!name.startsWith(".")) return BROWSER_PACKAGES.has(name) ? undefined : `imports ${name}: not among the packages of the pages`;
  const target = posix.join(dirname(path), name).replace(/\.js$/u, ".ts");
  if (isOfBrowser({ path: target, text: "" }) || (isType && target.startsWith("web/"))) return undefined;
  return `imports ${target}: a page has only its own files, and types of web`;
}

function roomOf(path: string): string {
  return path.includes("/") ? (path.split("/")[0] ?? "") : path;
}

function wallBreaches({ path, text }: SourceFile): string[] {
  const room = roomOf(path);
  if (!COMPOSITION.has(room) && room !== "errors.ts" && MAY_IMPORT[room] === undefined) return ["lies in no room; see the table in test/support/architecture.ts"];
  return importsOf(text).flatMap((found) => {
    const breach = found.specifier.startsWith(".") ? insideBreach(path, room, found.specifier) : outsideBreach(room, found);
    return breach === undefined ? [] : [breach];
  });
}

function insideBreach(path: string, room: string, specifier: string): string | undefined {
  if (room === "main.ts" && specifier === "../package.json") return undefined;
  if (!specifier.endsWith(".js")) return `imports ${specifier}: a relative import ends in .js`;
  const target = posix.join(dirname(path), specifier).replace(/\.js$/u, ".ts");
  if (COMPOSITION.has(target) && !COMPOSITION.has(room)) return `imports ${target}, which wires everything and is imported by no room`;
  if (COMPOSITION.has(room) || target === "errors.ts" || roomOf(target) === room) return undefined;
  const allowed = MAY_IMPORT[room] ?? [];
  return allowed.includes(roomOf(target)) || allowed.includes(target) ? undefined : `imports ${target}: ${room} may import ${allowed.join(", ") || "nothing of ours"}`;
}

function outsideBreach(room: string, { specifier, eager }: Import): string | undefined {
  if (PURE_ROOMS.has(room) && specifier !== "zod") return `imports ${specifier}: a pure room imports only zod`;
  if (specifier === "node:process" || specifier === "process") return `imports ${specifier}: main.ts alone reads the process`;
  if (specifier.startsWith("@modelcontextprotocol/") && room !== "mcp") return `imports ${specifier}: only mcp does`;
  return eager && HEAVY.test(specifier) ? `imports ${specifier} when it is loaded: use await import()` : undefined;
}

function effectBreaches({ path, text }: SourceFile): string[] {
  const { code } = scan(text);
  const found: string[] = [];
  if (/\bexport\s+default\b|\bas\s+default\b/u.test(code)) found.push("has a default export");
  if (/\brequire\s*\(/u.test(code) && !/createRequire/u.test(code)) found.push("calls require()");
  if (path === "main.ts") return found;
  // A program that uses the package gives its own environment, and this process's own is what it means by default.
  const isRoot = path === "index.ts";
  if (!isRoot && /\bprocess\s*(?:\?\.|\.)\s*(?:argv|env)\b|\bprocess\s*\[|\}\s*=\s*process\b/u.test(code)) found.push("reads process.argv or process.env; main.ts alone does");
  return [...found, ...topLevelBreaches(code)];
}

const DECLARATION = /^(?:import|export|const|function|async function|class|abstract class|interface|type|declare|enum)\b/u;

/** Results of pure functions that are kept because making them is slow; what they hold decides nothing. */
const MEMOS: ReadonlySet<string> = new Set(["FORMATTERS"]);

/** The place where a sticky expression begins is set before each use, so it says nothing about the last one. */
function isChanged(name: string, code: string): boolean {
  const change = `\\b${name}\\s*(?:\\.\\s*(?:set|add|delete|clear|push|pop|shift|unshift|splice|sort|reverse|fill)\\s*\\(|(?:\\.(?!lastIndex)\\w+|\\[[^\\]]*\\])\\s*(?:[-+*/|&?]|\\?\\?|\\|\\|)?=(?![=>]))`;
  return new RegExp(change, "u").test(code);
}

/** Statements outside of every bracket: declarations are fine, calls are effects, and what can change is state. */
function topLevelBreaches(code: string): string[] {
  const found: string[] = [];
  let depth = 0;
  for (const line of code.split("\n")) {
    const isStatement = depth === 0 && /^[A-Za-z_$]/u.test(line);
    if (isStatement && /^(?:export\s+)?(?:let|var)\b/u.test(line)) found.push(`has state that can change: ${line.trim()}`);
    else if (isStatement && !DECLARATION.test(line)) found.push(`does something when it is imported: ${line.trim()}`);
    const name = depth === 0 ? /^(?:export\s+)?const\s+(?<name>\w+)/u.exec(line)?.groups?.["name"] : undefined;
    if (name !== undefined && !MEMOS.has(name) && isChanged(name, code)) found.push(`changes ${name}, which outlives the call`);
    for (const character of line) depth += "([{".includes(character) ? 1 : ")]}".includes(character) ? -1 : 0;
  }
  return found;
}

function sizeBreaches({ text }: SourceFile): string[] {
  const lines = text.trimEnd().split("\n").length;
  return lines > MAX_LINES ? [`has ${lines} lines; ${MAX_LINES} are the most`] : [];
}

const STATIC = /\b(?:import|export)\s+(?<type>type\b(?!\s+from\b|\s*,))?[^;()"]*?\bfrom\s*"(?<text>\d+)"/gu;
const BARE = /\bimport\s*"(?<text>\d+)"/gu;
const DYNAMIC = /\bimport\s*\(\s*"(?<text>\d+)"/gu;
const ANY_DYNAMIC = /\bimport\s*\(\s*(?!")/gu;

/** All imports of a TypeScript source, those of types included. */
export function importsOf(source: string): Import[] {
  const { code, texts } = scan(source);
  const found = (pattern: RegExp, eager: (type: string | undefined) => boolean): Import[] =>
    [...code.matchAll(pattern)].map(({ groups }) => ({ specifier: texts[Number(groups?.["text"])] ?? "", eager: eager(groups?.["type"]) }));
  return [
    ...found(STATIC, (type) => type === undefined),
    ...found(BARE, () => true),
    ...found(DYNAMIC, () => false),
    // What is not written out cannot be checked, so it counts as a package of that name.
    ...[...code.matchAll(ANY_DYNAMIC)].map(() => ({ specifier: "(computed)", eager: false })),
  ];
}

/** The source without comments, and with the number of each text in place of the text; lines stay where they are. */
export interface Scanned {
  readonly code: string;
  readonly texts: readonly string[];
}

/** Throws on what it cannot follow, so that it never passes a file that it did not understand. */
export function scan(source: string): Scanned {
  const texts: string[] = [];
  let code = "";
  for (let at = 0; at < source.length; ) {
    const token = tokenAt(source, at, code);
    const lines = token.text.replaceAll(/[^\n]+/gu, "");
    if (token.kind === "code") code += token.text;
    else if (token.kind === "comment") code += ` ${lines}`;
    else code += `"${texts.push(token.text.slice(1, -1)) - 1}"${lines}`;
    at += token.text.length;
  }
  return { code, texts };
}

interface Token {
  readonly kind: "code" | "comment" | "string" | "template" | "regex";
  readonly text: string;
}

const COMMENT = /\/\/[^\n]*|\/\*[^]*?\*\//uy;
const STRING = /"(?:[^"\\\n]|\\[^])*"|'(?:[^'\\\n]|\\[^])*'/uy;
const REGEX = /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/uy;

function tokenAt(text: string, at: number, before: string): Token {
  const character = text[at] ?? "";
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    return pattern.exec(text)?.[0];
  };
  const comment = character === "/" ? match(COMMENT) : undefined;
  if (comment !== undefined) return { kind: "comment", text: comment };
  if (character === '"' || character === "'") {
    const string = match(STRING);
    if (string === undefined) throw new Error(`a text that does not end, at offset ${at}`);
    return { kind: "string", text: string };
  }
  if (character === "`") return { kind: "template", text: template(text, at) };
  const regexMayBegin = /(?:^|[(,=:[!&|?{};+*%<>~^-]|\b(?:return|typeof|case|in|of|await))$/u.test(before.slice(-60).trimEnd());
  const regex = character === "/" && regexMayBegin ? match(REGEX) : undefined;
  return regex === undefined ? { kind: "code", text: character } : { kind: "regex", text: regex };
}

/** A template text with everything in it; what stands between its braces is looked at by nothing here. */
function template(text: string, start: number): string {
  for (let at = start + 1; at < text.length; at += 1) {
    if (text[at] === "\\") at += 1;
    else if (text[at] === "`") return text.slice(start, at + 1);
    else if (text.startsWith("${", at)) at = closingBrace(text, at + 2);
  }
  throw new Error(`a template text that does not end, at offset ${start}`);
}

function closingBrace(text: string, start: number): number {
  let depth = 1;
  let before = "{";
  for (let at = start; at < text.length; ) {
    const token = tokenAt(text, at, before);
    if (token.kind === "code") depth += token.text === "{" ? 1 : token.text === "}" ? -1 : 0;
    if (depth === 0) return at;
    before += token.text;
    at += token.text.length;
  }
  throw new Error(`a brace that is not closed, at offset ${start}`);
}
