import { existsSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";

import type { Browser, Page } from "playwright-core";
import { chromium } from "playwright-core";

export const VERIFIER = fileURLToPath(new URL("../../verifier/verify.html", import.meta.url));

export const PROGRAMS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** How a person gets what these tests need. */
const INSTALL_LINE = "apt-get install -y --no-install-recommends chromium";

/** Why the tests in a browser cannot run here; undefined when they can. */
export function whyNoBrowser(): string | undefined {
  return PROGRAMS.some((path) => existsSync(path)) ? undefined : `Chromium is not installed: ${INSTALL_LINE}`;
}

export interface GivenFile {
  readonly name: string;
  readonly content: string | Uint8Array;
}

/** What the page says. */
export interface PageVerdict {
  readonly mood: "good" | "bad" | "open";
  readonly kind: string;
  readonly sequence: number | null;
  readonly entries: number | null;
  readonly headline: string;
  /** Each check by its name and mark, such as "Checkpoint:good". */
  readonly checks: readonly string[];
}

export interface CheckSettings {
  readonly secret?: string;
  readonly from?: number;
  readonly known?: { readonly sequence: number; readonly hash: string };
}

/** The verifier in a real browser, opened as a file, as an auditor opens it. */
export class VerifierPage {
  readonly page: Page;
  /** Every address that the page asked for, itself apart. */
  readonly requests: string[] = [];
  readonly errors: string[] = [];

  private constructor(page: Page) {
    this.page = page;
    page.on("request", (request) => {
      if (request.url() !== VerifierPage.address) this.requests.push(request.url());
    });
    page.on("pageerror", (error) => this.errors.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") this.errors.push(message.text());
    });
  }

  static get address(): string {
    return pathToFileURL(VERIFIER).href;
  }

  static async browser(): Promise<Browser> {
    const executablePath = PROGRAMS.find((path) => existsSync(path));
    return chromium.launch({ ...(executablePath === undefined ? {} : { executablePath }), args: ["--no-sandbox"] });
  }

  static async open(browser: Browser, options: Parameters<Browser["newPage"]>[0] = {}): Promise<VerifierPage> {
    const opened = new VerifierPage(await browser.newPage(options));
    await opened.page.goto(VerifierPage.address);
    return opened;
  }

  /** Gives these files to a page that holds no others, and waits for the verdict. Of several checks in a row with the same keys, the log alone is exchanged. */
  async check(files: readonly GivenFile[], settings: CheckSettings = {}): Promise<PageVerdict> {
    const [log, ...rest] = files;
    const surroundings = JSON.stringify([log?.name, rest.map(({ name, content }) => [name, String(content)]), settings]);
    if (log !== undefined && surroundings === this.#surroundings) return this.give([log]);
    await this.page.goto(VerifierPage.address);
    this.#surroundings = surroundings;
    const { secret, from, known } = settings;
    const fields = { secret, from, "known-sequence": known?.sequence, "known-hash": known?.hash };
    await this.page.evaluate((values) => {
      const { document } = globalThis as unknown as { document: { querySelector(selector: string): { value: string } } };
      for (const [id, value] of Object.entries(values)) if (value !== undefined) document.querySelector(`#${id}`).value = String(value);
    }, fields);
    return this.give(files);
  }

  /** Gives files in addition to what is there: by their content, or one by its path, which takes no time of the page's. */
  async give(files: readonly GivenFile[] | string): Promise<PageVerdict> {
    const before = await this.page.evaluate(() => Number((globalThis as unknown as Surroundings).document.body.dataset["run"] ?? "0"));
    const given = typeof files === "string" ? files : files.map(({ name, content }) => ({ name, mimeType: "application/octet-stream", buffer: Buffer.from(content) }));
    await this.page.locator("#files").setInputFiles(given);
    const isDone = (run: number) => {
      const { state, run: now } = (globalThis as unknown as Surroundings).document.body.dataset;
      // A check that found nothing to do has no verdict.
      const hasVerdict = (globalThis as unknown as Surroundings).document.querySelector("#verdict").dataset["verdict"] !== undefined;
      return state === "done" && Number(now) > run && hasVerdict;
    };
    await this.page.waitForFunction(isDone, before, { timeout: 60_000, polling: 5 });
    return this.verdict();
  }

  async verdict(): Promise<PageVerdict> {
    const said = await this.page.evaluate(() => {
      const { document } = globalThis as unknown as Surroundings;
      const items = Array.from(document.querySelectorAll("#checks li"), ({ dataset }) => `${dataset["check"] ?? ""}:${dataset["mark"] ?? ""}`);
      return { ...document.querySelector("#verdict").dataset, headline: document.querySelector("#headline").textContent, items };
    });
    const { verdict, kind = "", sequence = "", entries = "", headline, items } = said as typeof said & Record<string, string>;
    const number = (text: string): number | null => (text === "" ? null : Number(text));
    return { mood: verdict as PageVerdict["mood"], kind, sequence: number(sequence), entries: number(entries), headline, checks: items };
  }

  #surroundings = "";
}

/** The little of a browser's world that is used here; this project is not compiled with its types. */
interface Surroundings {
  readonly document: {
    readonly body: PageNode;
    querySelector(selector: string): PageNode;
    querySelectorAll(selector: string): Iterable<PageNode>;
  };
}

interface PageNode {
  readonly dataset: Readonly<Record<string, string>>;
  readonly textContent: string;
}
