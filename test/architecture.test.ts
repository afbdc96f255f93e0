import { describe, expect, test } from "vitest";

import { breaches, scan, importsOf, readSources } from "./support/architecture.js";

describe("the walls between the rooms", () => {
  const files = readSources();

  test("stand: nobody imports what the table does not allow, nothing happens at import, no file is too long", () => {
    expect(files.length).toBeGreaterThan(50);
    expect(breaches(files)).toEqual([]);
  });

  test("every import of the sources is seen by the checker", () => {
    // A second, cruder count: every line that ends an import statement.
    for (const { path, text } of files) {
      const crude = text.split("\n").filter((line) => /^(?:import|export|\}) .*from "[^"]+";$|^import "[^"]+";$/u.test(line)).length;
      const seen = importsOf(text).length;
      expect({ path, seen: seen >= crude }).toEqual({ path, seen: true });
    }
  });
});

/** Made-up sources, each with what the checker has to say of it. */
const BREACHES: readonly { readonly what: string; readonly path: string; readonly text: string; readonly says: string }[] = [
  { what: "a fact imports a system", path: "facts/git.ts", text: 'import { x } from "../systems/git.js";', says: "imports systems/git.ts: facts may import nothing of ours" },
  { what: "a type counts", path: "facts/git.ts", text: 'import type { X } from "../tools/tool.js";', says: "imports tools/tool.ts: facts may import nothing of ours" },
  { what: "a re-export counts", path: "policies/git/index.ts", text: 'export { x } from "../../guard/guard.js";', says: "imports guard/guard.ts: policies may import facts" },
  { what: "export * counts", path: "policies/git/index.ts", text: 'export * from "../../guard/guard.js";', says: "imports guard/guard.ts: policies may import facts" },
  { what: "a lazy import counts", path: "receipts/a.ts", text: 'export const f = () => import("../stores/sqlite.js");', says: "imports stores/sqlite.ts: receipts may import nothing of ours" },
  { what: "an inline type import counts", path: "receipts/a.ts", text: 'export type X = import("../stores/sqlite.js").Y;', says: "imports stores/sqlite.ts: receipts may import nothing of ours" },
  { what: "an import over several lines", path: "guard/a.ts", text: 'import {\n  a,\n  b,\n} from "../policies/git/index.js";', says: "imports policies/git/index.ts: guard may import facts, receipts, approvals, policies/policy.ts, tools/tool.ts" },
  { what: "an import for its effects", path: "facts/a.ts", text: 'import "../guard/guard.js";', says: "imports guard/guard.ts: facts may import nothing of ours" },
  { what: "an import behind a comment", path: "facts/a.ts", text: '/* from "zod" */ import { a } /* x */ from /* y */ "../guard/guard.js";', says: "imports guard/guard.ts: facts may import nothing of ours" },
  { what: "single quotes", path: "facts/a.ts", text: "import { a } from '../guard/guard.js';", says: "imports guard/guard.ts: facts may import nothing of ours" },
  { what: "somebody imports the composition root", path: "cli/serve.ts", text: 'import { main } from "../main.js";', says: "imports main.ts, which wires everything and is imported by no room" },
  { what: "no ending", path: "cli/a.ts", text: 'import { a } from "./b";', says: "imports ./b: a relative import ends in .js" },
  { what: "a file in no room", path: "helpers/a.ts", text: "export const a = 1;", says: "lies in no room; see the table in test/support/architecture.ts" },
  { what: "a policy reads the disk", path: "policies/git/a.ts", text: 'import { readFileSync } from "node:fs";', says: "imports node:fs: a pure room imports only zod" },
  { what: "a fact uses a package", path: "facts/a.ts", text: 'import yaml from "yaml";', says: "imports yaml: a pure room imports only zod" },
  { what: "a computed import in a pure room", path: "facts/a.ts", text: "export const f = (name: string) => import(name);", says: "imports (computed): a pure room imports only zod" },
  { what: "the MCP SDK outside of the door", path: "guard/a.ts", text: 'import { McpServer } from "@modelcontextprotocol/server";', says: "imports @modelcontextprotocol/server: only mcp does" },
  { what: "a heavy package at start", path: "systems/postgres.ts", text: 'import { Client } from "pg";', says: "imports pg when it is loaded: use await import()" },
  { what: "a default export", path: "cli/a.ts", text: "export default 5;", says: "has a default export" },
  { what: "a default export by another name", path: "cli/a.ts", text: "const a = 5;\nexport { a as default };", says: "has a default export" },
  { what: "the environment", path: "config/a.ts", text: "export const f = () => process.env.HOME;", says: "reads process.argv or process.env; main.ts alone does" },
  { what: "the environment in another spelling", path: "config/a.ts", text: 'export const f = () => process["env"];', says: "reads process.argv or process.env; main.ts alone does" },
  { what: "the environment taken apart", path: "config/a.ts", text: "export const f = () => { const { env } = process; return env; };", says: "reads process.argv or process.env; main.ts alone does" },
  { what: "the process as a module", path: "config/a.ts", text: 'import { env } from "node:process";', says: "imports node:process: main.ts alone reads the process" },
  { what: "a call at import", path: "cli/a.ts", text: "start();", says: 'does something when it is imported: start();' },
  { what: "a wait at import", path: "cli/a.ts", text: "await start();", says: "does something when it is imported: await start();" },
  { what: "state", path: "cli/a.ts", text: "let count = 0;", says: "has state that can change: let count = 0;" },
  { what: "a cache", path: "cli/a.ts", text: "const cache = new Map<string, number>();\nexport const f = () => cache.set(\"a\", 1);", says: "changes cache, which outlives the call" },
  { what: "an empty list to be filled", path: "cli/a.ts", text: "export const all: string[] = [];\nexport const f = () => all.push(\"a\");", says: "changes all, which outlives the call" },
  { what: "an object that is written to", path: "cli/a.ts", text: "const state = { on: false };\nexport const f = () => { state.on = true; };", says: "changes state, which outlives the call" },
  { what: "a page that takes code from the server", path: "web/browser/a.ts", text: 'import { x } from "../receipts/detail.js";', says: "imports web/receipts/detail.ts: a page has only its own files, and types of web" },
  { what: "a page with types of another room", path: "web/browser/a.tsx", text: 'import type { X } from "../../receipts/receipt.js";', says: "imports receipts/receipt.ts: a page has only its own files, and types of web" },
  { what: "a page that uses node", path: "web/approvals/browser/a.ts", text: 'import { join } from "node:path";', says: "imports node:path: not among the packages of the pages" },
  { what: "markup made of text", path: "web/browser/a.tsx", text: "export const A = (html: string) => <b dangerouslySetInnerHTML={{ __html: html }} />;", says: "uses dangerouslySetInnerHTML: text of a receipt must stay text" },
  { what: "a page that begins in the wrong file", path: "web/browser/a.ts", text: "start();", says: "does something when it is imported: start();" },
  { what: "a long file", path: "cli/a.ts", text: "export const a = 1;\n".repeat(301), says: "has 301 lines; 300 are the most" },
];

describe("the checker of the walls", () => {
  for (const { what, path, text, says } of BREACHES) {
    test(`finds: ${what}`, () => {
      expect(breaches([{ path, text }])).toEqual([`${path}: ${says}`]);
    });
  }

  const FINE: readonly { readonly what: string; readonly path: string; readonly text: string }[] = [
    { what: "what the table allows", path: "tools/a.ts", text: 'import { a } from "../systems/git.js";\nimport type { B } from "../facts/git.js";\nimport { EnactError } from "../errors.js";\nimport { c } from "./tool.js";' },
    { what: "single files of a room", path: "guard/a.ts", text: 'import { policyMeta } from "../policies/policy.js";\nimport type { ToolInfo } from "../tools/tool.js";' },
    { what: "an import in a comment or in a text", path: "facts/a.ts", text: '// import { a } from "../guard/guard.js";\n/* export * from "../guard/guard.js"; */\nexport const example = `import { a } from "../guard/guard.js";`;\nexport const b = "import \'../guard/guard.js\'";' },
    { what: "heavy packages that are loaded on first use, and their types", path: "systems/a.ts", text: 'import type { Client } from "pg";\nexport const open = async (): Promise<Client> => new (await import("pg")).Client();' },
    { what: "quotes inside a regular expression", path: "cli/a.ts", text: 'export const quote = /["\'`]/u;\nexport const ratio = (a: number, b: number) => a / b / 2;' },
    { what: "braces inside a template text", path: "cli/a.ts", text: "export const a = (x: string) => `{ ${x === \"}\" ? `${x}{` : \"`\"} ((`;\nexport const b = 1;" },
    { what: "constant collections", path: "cli/a.ts", text: "const NAMES = new Set([\"a\"]);\nexport const f = (x: { y: number }) => NAMES.has(\"a\") && NAMES.size === 1 && x.y >= 2;" },
    { what: "everything in the composition root", path: "main.ts", text: 'import manifest from "../package.json" with { type: "json" };\nimport { a } from "./cli/serve.js";\nimport { compose } from "./compose.js";\nlet code = process.argv.length;\nprocess.exitCode = code + Number(process.env.X);\nawait a();' },
    { what: "the beginning of a page, its styles, its packages, and types of the server", path: "web/approvals/browser/main.tsx", text: 'import { render } from "preact";\nimport "./a.css";\nimport type { X } from "../wire.js";\nimport { App } from "./app.js";\n\nrender(<App>don\'t</App>, document.body);' },
    { what: "a process that is not the process", path: "cli/a.ts", text: "export const f = (child: { process: { pid: number } }) => child.process.pid;" },
  ];
  for (const { what, path, text } of FINE) {
    test(`accepts: ${what}`, () => {
      expect(breaches([{ path, text }])).toEqual([]);
    });
  }

  test("does not pass what it cannot follow", () => {
    expect(() => scan('const a = "open;\n')).toThrow("a text that does not end");
    expect(() => scan("const a = `open ${x}")).toThrow("a template text that does not end");
    expect(() => scan("const a = `open ${x")).toThrow("a brace that is not closed");
  });

  test("sees every import of a file, with its kind", () => {
    const text = 'import a, { b } from "a";\nimport type { c } from "c";\nimport { type d } from "d";\nexport type { e } from "e";\nexport * as f from "f";\nimport "g";\nconst h = await import("h");\nimport type from "i";\nexport const from = 1;\n';
    expect(importsOf(text)).toEqual([
      { specifier: "a", eager: true },
      { specifier: "c", eager: false },
      { specifier: "d", eager: true },
      { specifier: "e", eager: false },
      { specifier: "f", eager: true },
      { specifier: "i", eager: true },
      { specifier: "g", eager: true },
      { specifier: "h", eager: false },
    ]);
  });
});
