import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";

import type { EntryDraft, JsonValue } from "../../src/receipts/receipt.js";
import type { WebServer } from "../../src/web/server.js";
import { draft, outcomeOf } from "../support/ledger-sandbox.js";
import { tamper, writeLedger } from "../support/receipt-story.js";
import type { Watched } from "../support/receipts-browser.js";
import { CHROMIUM, NEEDS_CHROMIUM, launchChromium, openPage, overflowOf, rowsOf, serveReceipts } from "../support/receipts-browser.js";
import { WebWorld } from "../support/web-world.js";

/** What someone may have had an agent write into a receipt. */
const VECTORS = [
  "</script><script>window.pwned=1</script>",
  '<img src=x onerror="window.pwned=1">',
  '"><svg/onload=window.pwned=1>',
  "javascript:window.pwned=1",
  "data:text/html,<script>window.pwned=1</script>",
  "{{constructor.constructor('window.pwned=1')()}}${window.pwned=1}",
  "<style>*{display:none}</style><base href=//evil.example/><meta http-equiv=refresh content=0;url=//evil.example>",
  "<a href=\"javascript:window.pwned=1\" autofocus onfocus=window.pwned=1>x</a>",
  "invoice\u202Efdp.exe",
  "a\u200Bd\u00ADmi\u2066n\u2069\uFEFF",
  "two\nlines\u0000\u0007\u001B[31m\u2028end",
  "__proto__",
  "constructor",
  "z\u0336\u0321\u0353a\u0316\u035Cl\u0325g\u0318o".repeat(20),
  "x".repeat(5000),
] as const;

let browser: Browser;
let world: WebWorld;
let server: WebServer;
let watched: Watched;
beforeAll(async () => {
  if (CHROMIUM !== undefined) browser = await launchChromium();
});
afterAll(() => browser?.close());
beforeEach(() => {
  world = new WebWorld();
});
afterEach(async () => {
  await watched.page.context().close();
  await server.close();
  world.cleanUp();
});

/** The vector in every place of a receipt that can hold a text of the world, keys of facts included. */
function poisoned(vector: string): readonly EntryDraft[] {
  const deep: JsonValue = { [vector]: [vector, { [vector]: vector, $unknown: vector }, [[vector]]] };
  const payloads: Readonly<Record<string, { readonly [key: string]: JsonValue }>> = {
    git_push: { branch: vector, remote: vector, old_sha: vector, new_sha: vector, update: vector, commits: [{ sha: vector, subject: vector, file_count: vector }], commit_count: 99, lost_commits: [{ sha: vector, subject: vector }], lost_commit_count: 1 },
    sql_query: { sql: vector, effects: { $unknown: vector }, counts: [{ table: vector, inserted: vector, updated: -1, deleted: 1e308, read: true }], deletes: [vector], ddl: [vector], cascades: [vector], param_count: 2 },
    file_write: { path: vector, exists: true, size: 3, content_size: vector, content_sha256: vector, previous_sha256: { $unknown: vector }, creates_folders: [vector] },
    file_delete: { path: vector, file_count: 4, folder_count: vector, bytes: 7, entries: [vector] },
    email_send: { recipients: [vector], recipient_count: vector, subject: vector, server: { host: vector } },
    s3_delete: { path: vector, objects: [{ key: vector, size: vector, effect: vector }], object_count: 1, total_bytes: 5 },
    [vector.slice(0, 60)]: { anything: vector },
  };
  return Object.entries(payloads).flatMap(([workflow, payload]) => {
    const decision = draft({
      workflow, payload: { ...payload, deep }, user_email: vector, actor_role: vector, user_attributes: { [vector]: vector },
      policy_results: [{ policy: vector, passed: true, reason: vector, hint: vector }], approval: { [vector]: vector, state: "pending", id: vector, expires_at: vector, approvers: [vector] }, redacted: [vector],
    });
    const actions_taken = [{ system: vector, action: vector, success: false as const, output: { [vector]: vector }, error: { code: vector, message: vector }, reversible: true }];
    return [decision, outcomeOf(decision, { ...decision, phase: "outcome", decision: "PARTIAL", actions_taken, policy_results: [{ policy: vector, passed: false, reason: vector, hint: vector }] })];
  });
}

async function expectUnharmed(page: Page): Promise<void> {
  const found = await page.evaluate<Record<string, unknown>>(`({
    pwned: window.pwned,
    scripts: document.querySelectorAll("script").length,
    strangers: [...document.querySelectorAll("img, iframe, object, embed, base, form, style, audio, video, svg:not(.icon), [onerror], [onload], [onfocus]")].map((element) => element.outerHTML.slice(0, 80)),
    links: [...document.querySelectorAll("a")].map((link) => link.getAttribute("href")),
    raw: /[\\u202E\\u2066\\u2069\\u200B\\u0000\\u001B\\uFEFF]/.test(document.querySelector("#app").innerText + document.title + [...document.querySelectorAll("[title], [aria-label]")].map((e) => e.title + e.getAttribute("aria-label")).join("")),
    polluted: ({}).pwned ?? ({}).anything ?? null,
  })`);
  expect(found).toEqual({ scripts: 1, strangers: [], links: ["#runs", "/approvals"], raw: false, polluted: null });
}

describe.skipIf(CHROMIUM === undefined)(`receipts that hold${NEEDS_CHROMIUM}`, () => {
  test("markup, scripts, links and control characters everywhere show them as text, in each view", async () => {
    const drafts = VECTORS.flatMap(poisoned);
    await writeLedger(world, world.keys.signer(), drafts);
    server = await serveReceipts(world);
    watched = await openPage(browser, server.newLink());
    const { page, complaints } = watched;
    await page.locator(".row:not(.is-empty)").first().waitFor();
    await page.locator(".proof.is-whole").waitFor();
    await expectUnharmed(page);
    await page.locator(".row").first().click();
    const newestFirst = drafts.filter(({ phase }) => phase === "outcome").toReversed();
    for (const [index, { user_email: vector }] of newestFirst.entries()) {
      await expect.poll(() => page.locator(".detail-place").textContent()).toContain(`, ${2 * (newestFirst.length - index)}`);
      await expectUnharmed(page);
      const shown = vector.slice(0, 12);
      if (/^[\x20-\x7E]+$/u.test(shown)) expect(await page.locator(".detail .meta").textContent()).toContain(shown);
      await page.keyboard.press("ArrowDown");
    }
    const search = () => new URLSearchParams(new URL(page.url()).hash.slice(1)).get("q");
    let before: string | null = null;
    for (const vector of VECTORS) {
      await page.getByRole("searchbox").fill(vector.slice(0, 60));
      await expect.poll(search).not.toBe(before);
      before = search();
      await expect.poll(() => page.locator(".result [role=status]").textContent()).toMatch(/^\d+ calls?$/u);
      await expectUnharmed(page);
    }
    await page.getByRole("button", { name: "Clear filters" }).click();
    await page.locator(".policy-bar").first().click();
    await expectUnharmed(page);
    expect(complaints).toEqual([]);
    await page.setViewportSize({ width: 360, height: 700 });
    expect(await overflowOf(page)).toEqual([]);
  }, 90_000);

  test("a direction override and invisible characters are shown as what they are", async () => {
    await writeLedger(world, world.keys.signer(), [draft({ decision: "BLOCK", payload: { branch: "a\u202Etxt.exe\u200B", remote: "origin" } })]);
    server = await serveReceipts(world);
    watched = await openPage(browser, server.newLink());
    await watched.page.locator(".row:not(.is-empty)").first().waitFor();
    expect((await rowsOf(watched.page))[0]?.what).toBe("aU+202Etxt.exeU+200B → origin");
    expect(await watched.page.locator(".target .hidden-character").allTextContents()).toEqual(["U+202E", "U+200B"]);
    await watched.page.locator(".row").first().click();
    expect(await watched.page.locator(".detail-head h2").textContent()).toBe("aU+202Etxt.exeU+200B → origin");
  });

  test("bytes that no guard wrote are quoted as text, readable or not", async () => {
    await writeLedger(world, world.keys.signer(), [draft({ decision: "BLOCK" }), draft({ decision: "BLOCK" }), draft({ decision: "BLOCK" })]);
    const html = '<img src=x onerror="window.pwned=1">';
    tamper(world.project, `UPDATE entries SET entry = replace(entry, '"agent@company.com"', '"${html.replaceAll('"', String.raw`\"`)}"') WHERE sequence = 2`);
    tamper(world.project, `UPDATE entries SET entry = '{workflow: ''${html}'', run_id: 1, phase: 2}' WHERE sequence = 3`);
    server = await serveReceipts(world);
    watched = await openPage(browser, server.newLink());
    const { page } = watched;
    await page.locator(".proof.is-wrong").waitFor();
    for (const row of [0, 1]) {
      await page.locator(".row").nth(row).click();
      await page.locator(".section.wrong summary").first().click();
      expect(await page.locator(".section.wrong .raw").first().textContent()).toContain("<img src=x onerror=");
      await expectUnharmed(page);
    }
    expect(watched.complaints).toEqual([]);
  });

  test("an address that someone else made up does nothing", async () => {
    await writeLedger(world, world.keys.signer(), [draft({ decision: "BLOCK" })]);
    server = await serveReceipts(world);
    watched = await openPage(browser, server.newLink());
    const { page } = watched;
    await page.locator(".row:not(.is-empty)").first().waitFor();
    const evil = encodeURIComponent("<img src=x onerror=window.pwned=1>");
    for (const hash of [`q=${evil}`, `tool=${evil}&policy=${evil}&person=${evil}`, `run=${evil}`, "run=99999999", "run=-5", `state=${evil},WRONG`, "from=1e999&to=NaN", "back=99999999999", "key=", "__proto__[x]=1"]) {
      await page.goto(`${server.origin}/#${hash}`);
      await page.waitForTimeout(150);
      await expectUnharmed(page);
    }
    await page.goto(`${server.origin}/#`);
    await page.reload();
    await page.locator(".row:not(.is-empty)").first().waitFor();
  });
});
