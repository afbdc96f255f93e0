// Bundles src/ into dist/: one file per entry point with shared chunks, because a server that loads its dependencies
// from node_modules starts twice as slowly. Native, WASM and heavy packages stay outside and load on first use.
import { build } from "esbuild";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chmodSync, existsSync, readdirSync, rmSync } from "node:fs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const categories = readdirSync(join(root, "src/policies"), { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && existsSync(join(root, "src/policies", entry.name, "index.ts")))
  .map((entry) => entry.name);

const external = [
  "@photostructure/sqlite", "libpg-query", "pg", "@electric-sql/pglite", "jiti",
  "@slack/web-api", "nodemailer", "@aws-sdk/client-s3", "@googleapis/drive", "@hubspot/api-client",
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

const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: {
    main: "src/main.ts",
    index: "src/index.ts",
    ...Object.fromEntries(categories.map((name) => [`policies/${name}`, `src/policies/${name}/index.ts`])),
  },
  outdir: "dist",
  bundle: true,
  splitting: true,
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
  metafile: true,
});
// Old chunks go only after the new ones are in place: a server that is starting right now keeps its files.
const built = new Set(Object.keys(metafile.outputs).map((path) => join(root, path)));
for (const entry of readdirSync(join(root, "dist"), { recursive: true, withFileTypes: true })) {
  const path = join(entry.parentPath ?? entry.path, entry.name);
  if (entry.isFile() && !built.has(path) && !path.startsWith(join(root, "dist/types"))) rmSync(path);
}
chmodSync(join(root, "dist/main.js"), 0o755);
