// Bundles src/ into dist/: the program as one file, the library as one file per entry point with shared chunks, because
// a server that loads its dependencies from node_modules starts twice as slowly. Native, WASM and heavy packages stay
// outside and load on first use.
import { build } from "esbuild";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const categories = readdirSync(join(root, "src/policies"), { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && existsSync(join(root, "src/policies", entry.name, "index.ts")))
  .map((entry) => entry.name);

const external = [
  "@photostructure/sqlite", "libpg-query", "pg", "@electric-sql/pglite", "jiti",
  "@slack/web-api", "nodemailer", "@aws-sdk/client-s3", "@googleapis/drive", "@hubspot/api-client",
  "hono", "@hono/node-server", "@simplewebauthn/server",
  // Of the demo, and not among the dependencies: without them it leaves scenes out.
  "smtp-server", "emulate",
];

/**
 * Leaves out what the server never uses and would still load at every start: the JSON Schema validator for answers to
 * elicitations (it asks for nothing), and zod's messages in fifty languages.
 */
const lean = {
  name: "lean",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^@modelcontextprotocol\/server\/_shims$/ }, () => ({ path: "shims", namespace: "lean" }));
    onLoad({ filter: /^shims$/, namespace: "lean" }, () => ({
      contents: 'export { default as process } from "node:process"; export class DefaultJsonSchemaValidator {}',
    }));
    onLoad({ filter: /[\\/]zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, () => ({ contents: 'export { default as en } from "./en.js";' }));
  },
};

const common = {
  absWorkingDir: root,
  outdir: "dist",
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20.19",
  external,
  plugins: [lean],
  // Less to read at every start; names stay, so that the lines of a stack say where.
  minifyWhitespace: true,
  minifySyntax: true,
  // Bundled CommonJS packages call require() for node's own modules.
  banner: { js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);' },
  logLevel: "warning",
  write: false,
};
/**
 * What the browser gets: of each page's browser folder main.ts(x) as dist/web/<name>.js, styles.css as <name>.css, and the HTML files. Bundled
 * whole: pages load nothing from elsewhere.
 */
const pages = Object.entries({ receipts: "src/web/browser", approvals: "src/web/approvals/browser" }).flatMap(([name, folder]) => {
  const main = ["main.tsx", "main.ts"].map((file) => join(folder, file)).find((file) => existsSync(join(root, file)));
  return main === undefined ? [] : [{ name, folder, main }];
});
const web = {
  absWorkingDir: root,
  outdir: "dist/web",
  bundle: true,
  format: "esm",
  platform: "browser",
  target: ["chrome111", "firefox114", "safari16.4"],
  jsx: "automatic",
  jsxImportSource: "preact",
  define: { "process.env.NODE_ENV": '"production"' },
  minify: true,
  logLevel: "warning",
  write: false,
};
const entriesOf = ({ name, folder, main }) => {
  const styles = join(folder, "styles.css");
  return [{ in: main, out: name }, ...(existsSync(join(root, styles)) ? [{ in: styles, out: name }] : [])];
};
const htmlOf = ({ folder }) => readdirSync(join(root, folder)).filter((file) => file.endsWith(".html"))
  .map((file) => ({ path: join(root, "dist/web", file), contents: readFileSync(join(root, folder, file)) }));

const entries = Object.fromEntries(categories.map((name) => [`policies/${name}`, `src/policies/${name}/index.ts`]));
const built = await Promise.all([
  // One file, so that a server that runs while a new version is built misses nothing that it loads later.
  build({ ...common, entryPoints: { main: "src/main.ts" } }),
  build({ ...common, entryPoints: { index: "src/index.ts", ...entries }, splitting: true }),
  build({ ...web, entryPoints: pages.flatMap(entriesOf) }),
]);
const outputs = [...built.flatMap(({ outputFiles }) => outputFiles), ...pages.flatMap(htmlOf)];
// Put in place whole: whoever starts right now reads the old file or the new one, never half of it.
for (const { path, contents } of outputs) {
  mkdirSync(dirname(path), { recursive: true });
  const draft = `${path}.${process.pid}.new`;
  writeFileSync(draft, contents, { mode: path === join(root, "dist/main.js") ? 0o755 : 0o644 });
  renameSync(draft, path);
}
const current = new Set(outputs.map(({ path }) => path));
for (const entry of readdirSync(join(root, "dist"), { recursive: true, withFileTypes: true })) {
  const path = join(entry.parentPath ?? entry.path, entry.name);
  const isOurs = entry.isFile() && (path.endsWith(".js") || path.startsWith(join(root, "dist/web"))) && !path.startsWith(join(root, "dist/types"));
  if (isOurs && !current.has(path)) rmSync(path, { force: true });
}
