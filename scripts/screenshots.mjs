// Takes the pictures of the receipts browser for README.md and docs/ui.md anew: the real pages in a real browser, over a
// made-up ledger that is the same every time. Needs Chromium (apt-get install chromium) and a build (npm run build).
//   node scripts/screenshots.mjs
import { build } from "esbuild";
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

import { chromium } from "playwright-core";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const images = join(root, "docs/images");
/** The moment of the pictures. */
const NOW = new Date("2026-11-22T16:40:00Z");
const MAX_BYTES = 150_000;
/** Of the made-up stories one whose newest calls are of many kinds. */
const SEED = 2933;

const browserPath = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) => existsSync(path));
if (browserPath === undefined) throw new Error("Chromium is not installed: apt-get install chromium");

/** The sources that make the ledger and serve it, bundled on the fly. */
async function load() {
  const lines = [
    'export { WebWorld } from "./test/support/web-world.ts";',
    'export { receiptStory, draftsOf, writeLedger, tamper } from "./test/support/receipt-story.ts";',
    'export { serveReceipts } from "./test/support/receipts-browser.ts";',
  ];
  // Beside the packages that stay outside of the bundle, as deep as the file that looks for dist/web.
  const folder = mkdtempSync(join(root, "node_modules", ".screenshots-"));
  const outfile = join(folder, "sources.mjs");
  await build({
    stdin: { contents: lines.join("\n"), resolveDir: root, loader: "ts" },
    bundle: true, outfile, format: "esm", platform: "node", target: "node20.19", logLevel: "warning",
    external: ["@photostructure/sqlite", "hono", "@hono/node-server", "playwright-core"],
  });
  return { sources: await import(pathToFileURL(outfile).href), folder };
}

const { sources, folder } = await load();
const { WebWorld, receiptStory, draftsOf, writeLedger, tamper, serveReceipts } = sources;
const browser = await chromium.launch({ executablePath: browserPath, args: ["--no-sandbox", "--font-render-hinting=none"] });

/** @param shoot what to do before the picture is taken */
async function picture(name, { colorScheme, size, change, shoot }) {
  const world = new WebWorld();
  await writeLedger(world, world.keys.signer(), draftsOf(receiptStory({ runs: 640, seed: SEED, until: NOW })));
  if (change !== undefined) tamper(world.project, change);
  const server = await serveReceipts(world);
  const context = await browser.newContext({ viewport: size, deviceScaleFactor: 1.5, colorScheme, timezoneId: "UTC", locale: "en-GB", reducedMotion: "reduce" });
  const page = await context.newPage();
  await page.clock.setFixedTime(NOW);
  await page.goto(server.newLink());
  await page.locator(change === undefined ? ".proof.is-whole" : ".proof.is-wrong").waitFor();
  await page.locator(".plot canvas").waitFor();
  await shoot(page);
  await page.waitForTimeout(700);
  const session = await context.newCDPSession(page);
  const { data } = await session.send("Page.captureScreenshot", { format: "webp", quality: 84 });
  const file = join(images, `${name}.webp`);
  mkdirSync(images, { recursive: true });
  writeFileSync(file, Buffer.from(data, "base64"));
  const { size: bytes } = statSync(file);
  if (bytes > MAX_BYTES) throw new Error(`${file} has ${String(bytes)} bytes; ${String(MAX_BYTES)} are the most`);
  process.stdout.write(`${file} ${String(bytes)}\n`);
  await context.close();
  await server.close();
  world.cleanUp();
}

const open = async (page, text) => {
  await page.locator(".row", { hasText: text }).first().click();
  await page.locator(".evidence").first().waitFor();
};

try {
  const wide = { width: 1360, height: 830 };
  await picture("receipts-light", { colorScheme: "light", size: wide, shoot: (page) => open(page, "merged_into") });
  await picture("receipts-dark", { colorScheme: "dark", size: wide, shoot: (page) => open(page, "dont_push_to_main") });
  await picture("receipts-tampered", {
    colorScheme: "light", size: wide, shoot: (page) => open(page, "was edited"),
    change: "UPDATE entries SET entry = replace(entry, 'company.com', 'evil.example') WHERE sequence = (SELECT max(sequence) - 9 FROM entries)",
  });
} finally {
  await browser.close();
  rmSync(folder, { recursive: true, force: true });
}
