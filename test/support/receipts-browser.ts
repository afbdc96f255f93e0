import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { chromium } from "playwright-core";

import { receiptPages } from "../../src/web/receipts.js";
import type { WebServer } from "../../src/web/server.js";
import { startWebServer } from "../../src/web/server.js";
import type { WebWorld } from "./web-world.js";

/** Where Debian, others and macOS put it. */
const PROGRAMS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"];
export const CHROMIUM = PROGRAMS.find((path) => existsSync(path));
/** In the name of every suite that cannot run without. */
export const NEEDS_CHROMIUM = CHROMIUM === undefined ? " (needs a browser: apt-get install chromium)" : "";

export function launchChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM ?? "chromium", args: ["--no-sandbox"] });
}

/** The receipts of a world, served from the built assets. */
export function serveReceipts(world: WebWorld): Promise<WebServer> {
  const assets = fileURLToPath(new URL("../../dist/web", import.meta.url));
  return startWebServer({ port: 0, assets, modules: [receiptPages({ project: world.project, openLedger: () => world.openLedger() })] });
}

/** A page, with whatever it or its browser complained of. */
export interface Watched {
  readonly page: Page;
  readonly complaints: string[];
}

export async function openPage(browser: Browser, link: string, options: BrowserContextOptions = {}): Promise<Watched> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, timezoneId: "UTC", locale: "en-GB", ...options });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  page.on("dialog", (dialog) => {
    complaints.push(`a dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  // Nothing may be fetched from anywhere else.
  page.on("request", (request) => {
    if (!request.url().startsWith(new URL(link).origin) && !request.url().startsWith("data:")) complaints.push(`a request to ${request.url()}`);
  });
  await page.goto(link);
  return { page, complaints };
}

export interface ShownRow {
  readonly state: string;
  readonly tool: string;
  readonly what: string;
  readonly person: string;
  readonly classes: string;
}

// The scripts below run in the page; this side knows no DOM.
const ROWS = `[...document.querySelectorAll(".row:not(.is-empty)")]
  .toSorted((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top)
  .map((row) => {
    const text = (name) => row.querySelector(name)?.textContent ?? "";
    return { state: text(".badge"), tool: text(".cell-tool"), what: text(".target"), person: text(".cell-person"), classes: row.className };
  })`;

/** Rows that have come in, in their order on the screen. */
export function rowsOf(page: Page): Promise<readonly ShownRow[]> {
  return page.evaluate<readonly ShownRow[]>(ROWS);
}

/** How far the page, or something in it, reaches beyond the right edge, in pixels, with the class of what does. */
export function overflowOf(page: Page): Promise<readonly string[]> {
  return page.evaluate<readonly string[]>(`(() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth > width) return ["the page is " + document.documentElement.scrollWidth + " wide"];
    const isInScroller = (element) => { for (let up = element.parentElement; up !== null; up = up.parentElement) { const style = getComputedStyle(up); if (style.overflowX !== "visible") return true; } return false; };
    return [...document.querySelectorAll("body *")].filter((element) => element.getBoundingClientRect().right > width + 0.5 && !isInScroller(element)).map((element) => element.tagName + "." + element.className);
  })()`);
}

/** Texts whose contrast with what lies behind them is below 4.5 (3 for large ones), by WCAG 2.2. */
export function faintTexts(page: Page): Promise<readonly string[]> {
  return page.evaluate<readonly string[]>(`(() => {
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const known = new Map();
    const rgba = (colour) => { if (!known.has(colour)) known.set(colour, painted(colour)); return [...known.get(colour)]; };
    const painted = (colour) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data]; };
    const over = (top, below) => top.slice(0, 3).map((value, index) => value * (top[3] / 255) + below[index] * (1 - top[3] / 255));
    const behind = (element) => {
      const layers = [];
      for (let up = element; up !== null; up = up.parentElement) layers.push(rgba(getComputedStyle(up).backgroundColor));
      return layers.reverse().reduce((below, layer) => over(layer, below), rgba(getComputedStyle(document.body).backgroundColor).slice(0, 3));
    };
    const light = (colour) => { const [r, g, b] = colour.map((value) => { const c = value / 255; return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
    const opacity = (element) => { let all = 1; for (let up = element; up !== null; up = up.parentElement) all *= Number(getComputedStyle(up).opacity); return all; };
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
      const element = node.parentElement;
      if (node.data.trim() === "" || element.closest(".visually-hidden, noscript, option, script") !== null || element.getClientRects().length === 0) continue;
      const style = getComputedStyle(element);
      const ground = behind(element);
      const ink = rgba(style.color);
      ink[3] *= opacity(element);
      const [a, b] = [light(over(ink, ground)), light(ground)];
      const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      const isLarge = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.6 && Number(style.fontWeight) >= 700);
      if (contrast < (isLarge ? 3 : 4.5)) found.push(element.className + ": " + node.data.trim().slice(0, 40) + " " + contrast.toFixed(2));
    }
    return [...new Set(found)];
  })()`);
}

/** Fields and buttons that a screen reader could not name. */
export function namelessControls(page: Page): Promise<readonly string[]> {
  return page.evaluate<readonly string[]>(`[...document.querySelectorAll("button, input, select, textarea, a[href], [tabindex='0'], summary")]
    .filter((element) => {
      const labels = element.labels === undefined || element.labels === null ? "" : [...element.labels].map((label) => label.textContent).join("");
      return ((element.getAttribute("aria-label") ?? "") + labels + (element.textContent ?? "") + (element.title ?? "")).trim() === "";
    })
    .map((element) => element.outerHTML.slice(0, 120))`);
}
