// Writes the hashes of the script and the style of verifier/verify.html into its Content-Security-Policy: nothing else may
// run there. Run it after every change to the page; with --check it exits 1 when they are not current.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const path = join(dirname(fileURLToPath(import.meta.url)), "..", "verifier", "verify.html");
const page = readFileSync(path, "utf8");

function hashOf(tag) {
  const [, content] = new RegExp(`<${tag}>([^]*?)</${tag}>`, "u").exec(page);
  return `'sha256-${createHash("sha256").update(content).digest("base64")}'`;
}

const current = page.replace(/(script|style)-src '[^']*'/gu, (_directive, tag) => `${tag}-src ${hashOf(tag)}`);
if (current !== page && process.argv.includes("--check")) {
  process.stderr.write("The hashes in verifier/verify.html are not current. Run: node scripts/verifier.mjs\n");
  process.exitCode = 1;
} else if (current !== page) {
  writeFileSync(path, current);
}
