// Prints the documentation from the policies, tools, schemas and commands themselves: docs/policies.md, docs/tools.md,
// docs/cli.md, enact.schema.json, and the marked regions of README.md and docs/configuration.md.
// With --check nothing is written; it exits 1 and names the command when something is not current.
import { build } from "esbuild";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

import { cliPage } from "./docs/cli.mjs";
import { environmentTable, fillRegions, systemTables } from "./docs/configuration.mjs";
import { policiesPage, policyTable } from "./docs/policies.mjs";
import { toolsPage, toolTable } from "./docs/tools.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const FIX = "npm run docs";

/** The sources, bundled on the fly: the built package exports only what users need. */
async function load() {
  const entry = [
    'export { policies } from "./src/policies/index.ts";',
    'export { policyMeta } from "./src/policies/policy.ts";',
    'export { tools } from "./src/tools/index.ts";',
    'export { configSchemaJson } from "./src/config/json-schema.ts";',
    'export { CONVENTIONS } from "./src/config/systems.ts";',
    'export { runProgram } from "./src/cli/program.ts";',
    'export { toJSONSchema } from "zod";',
  ].join("\n");
  const built = await build({
    stdin: { contents: entry, resolveDir: root, loader: "ts" },
    bundle: true,
    write: false,
    format: "esm",
    platform: "node",
    target: "node20.19",
    external: ["jiti", "pg", "libpg-query", "nodemailer", "@electric-sql/*", "@slack/*", "@aws-sdk/*", "@googleapis/*", "@hubspot/*", "@photostructure/*", "@modelcontextprotocol/*"],
    banner: { js: `import { createRequire as __createRequire } from "node:module"; const require = __createRequire(${JSON.stringify(import.meta.url)});` },
    logLevel: "warning",
  });
  const folder = mkdtempSync(join(tmpdir(), "enact-docs-"));
  try {
    const file = join(folder, "sources.mjs");
    writeFileSync(file, built.outputFiles[0].text);
    return await import(pathToFileURL(file).href);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Doc comments of keys in a text, for schemas that describe their keys there. */
function commentsIn(...texts) {
  const comments = new Map();
  for (const text of texts) {
    for (const [, comment, key] of text.matchAll(/\/\*\*((?:(?!\*\/)[^])*)\*\/\s*(\w+):/gu)) {
      if (!comments.has(key)) comments.set(key, comment.replaceAll(/^\s*\*\s?/gmu, "").replaceAll(/\s+/gu, " ").trim());
    }
  }
  return comments;
}

function source(path) {
  return existsSync(join(root, path)) ? readFileSync(join(root, path), "utf8") : "";
}

/** The text of a constant and of what is spread into it, so that a key of the same name elsewhere explains nothing. */
function constant(name, text, seen = new Set()) {
  if (seen.has(name)) return "";
  seen.add(name);
  const body = new RegExp(`^(?:export )?const ${name}\\b[^]*?\\n(?=\\S)[^\\n]*`, "mu").exec(text)?.[0] ?? "";
  const others = [...body.matchAll(/\.\.\.(\w+)|=\s*(\w+)(?:\.\w+(?=\()|;)|\((\w+)\)/gu)].map(([, spread, base, argument]) => spread ?? base ?? argument);
  return [body, ...others.map((other) => constant(other, text, seen))].join("\n");
}

/** Files below src/ that a source imports, for the comments in them. */
function importedBy(path) {
  return [...source(path).matchAll(/from "(\.[^"]+)\.js"/gu)].map(([, specifier]) => relative(root, join(root, dirname(path), `${specifier}.ts`)));
}

async function pages() {
  const sources = await load();
  const schema = sources.configSchemaJson(sources);
  const policyComments = ({ id, category }) => {
    const path = `src/policies/${category}/${id}.ts`;
    return commentsIn(source(path), ...importedBy(path).filter((name) => name.startsWith("src/policies/")).map(source));
  };
  const toolComments = ({ name }) => {
    const path = `src/tools/${name}.ts`;
    const payload = /^ {2}payload: (\w+)/mu.exec(source(path))?.[1] ?? "";
    const facts = importedBy(path).filter((imported) => imported.startsWith("src/facts/")).map(source).join("\n");
    const inputs = importedBy(path).filter((imported) => imported.startsWith("src/tools/")).map(source);
    return { input: commentsIn(source(path), ...inputs), facts: commentsIn(constant(payload, facts)) };
  };
  const generated = new Map([
    ["docs/policies.md", policiesPage(sources, policyComments)],
    ["docs/tools.md", toolsPage(sources, toolComments)],
    ["docs/cli.md", await cliPage(sources)],
    ["enact.schema.json", `${JSON.stringify(schema, null, 2)}\n`],
  ]);
  const regions = { policies: policyTable(sources), tools: toolTable(sources), ...systemTables(schema, sources), environment: environmentTable(sources) };
  const written = ["README.md", ...readdirSync(join(root, "docs")).filter((name) => name.endsWith(".md")).map((name) => `docs/${name}`)];
  for (const path of written.filter((name) => !generated.has(name) && existsSync(join(root, name)))) {
    generated.set(path, fillRegions(readFileSync(join(root, path), "utf8"), regions, path));
  }
  return generated;
}

const checking = process.argv.includes("--check");
const stale = [];
for (const [path, text] of await pages()) {
  const current = existsSync(join(root, path)) ? readFileSync(join(root, path), "utf8") : "";
  if (current === text) continue;
  stale.push(path);
  if (!checking) writeFileSync(join(root, path), text);
}
if (checking && stale.length > 0) {
  process.stderr.write(`Not current: ${stale.join(", ")}. Run: ${FIX}\n`);
  process.exitCode = 1;
} else {
  process.stdout.write(stale.length === 0 ? "The documentation is current.\n" : `Written: ${stale.join(", ")}\n`);
}
