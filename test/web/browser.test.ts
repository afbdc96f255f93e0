import { fileURLToPath } from "node:url";

import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";

import type { EntryDraft } from "../../src/receipts/receipt.js";
import type { WebServer } from "../../src/web/server.js";
import { compileScript, startScript } from "../support/child-script.js";
import type { StoryRun } from "../support/receipt-story.js";
import { draftsOf, receiptStory, tamper, writeLedger } from "../support/receipt-story.js";
import type { Watched } from "../support/receipts-browser.js";
import { CHROMIUM, NEEDS_CHROMIUM, launchChromium, namelessControls, openPage, overflowOf, rowsOf, serveReceipts } from "../support/receipts-browser.js";
import { WebWorld } from "../support/web-world.js";

const inBrowser = (title: string, suite: () => void): void => {
  describe.skipIf(CHROMIUM === undefined)(`${title}${NEEDS_CHROMIUM}`, () => {
    suite();
  });
};

let browser: Browser;
let world: WebWorld;
let server: WebServer | undefined;
let opened: Watched[] = [];
beforeAll(async () => {
  if (CHROMIUM !== undefined) browser = await launchChromium();
});
afterAll(() => browser?.close());
beforeEach(() => {
  world = new WebWorld();
});
afterEach(async () => {
  const complaints = opened.flatMap((watched) => watched.complaints);
  for (const { page } of opened) await page.context().close();
  await server?.close();
  server = undefined;
  opened = [];
  world.cleanUp();
  // Whatever a test looked at: no error, no violation of the security policy, nothing fetched from elsewhere.
  if (complaints.length > 0) throw new Error(`The page complained:\n${complaints.join("\n")}`);
});

async function open(options: Parameters<typeof openPage>[2] = {}): Promise<Page> {
  server ??= await serveReceipts(world);
  const watched = await openPage(browser, server.newLink(), options);
  opened.push(watched);
  await watched.page.locator(".row:not(.is-empty), .nothing").first().waitFor();
  return watched.page;
}

/** Writes a story and returns its runs, newest first, as the timeline should have them. */
async function tell(runs: number, drafts?: readonly EntryDraft[]): Promise<readonly StoryRun[]> {
  const story = [...receiptStory({ runs, until: new Date() })];
  await writeLedger(world, world.keys.signer(), drafts ?? draftsOf(story));
  return story.toReversed();
}

const finalOf = ({ decision, outcome }: StoryRun): EntryDraft => outcome ?? decision;
const stateOf = (run: StoryRun): string => {
  if (run.outcome === null && run.decision.decision === "PASS") return "OPEN";
  return finalOf(run).decision;
};
const NAMES: Readonly<Record<string, string>> = { OPEN: "INTERRUPTED", ROLLED_BACK: "ROLLED BACK" };
const nameOf = (run: StoryRun): string => NAMES[stateOf(run)] ?? stateOf(run);
const settled = (page: Page) => page.locator(".row.is-empty").first().waitFor({ state: "detached" });
const choice = (page: Page, label: string) => page.locator(".select", { has: page.locator(".select-label", { hasText: label }) }).locator("select");
const totalOf = (page: Page) => page.locator(".result [role=status]").textContent();

inBrowser("the timeline", () => {
  test("shows what the ledger holds, newest first, and that it is proved", async () => {
    const runs = await tell(600);
    const page = await open();
    await settled(page);
    expect(await totalOf(page)).toBe("600 calls");
    const rows = await rowsOf(page);
    expect(rows.length).toBeGreaterThan(12);
    expect(rows.map(({ state, tool, person }) => [state, tool, person])).toEqual(runs.slice(0, rows.length).map((run) => [nameOf(run), run.decision.workflow, run.decision.user_email]));
    for (const state of ["PASS", "BLOCK", "PARTIAL", "ROLLED_BACK", "OPEN"]) {
      const expected = runs.filter((run) => stateOf(run) === state).length;
      expect([state, await page.locator(`.chip.state-${state} .chip-count`).textContent()]).toEqual([state, String(expected)]);
      expect(expected).toBeGreaterThan(0);
    }
    const receipts = runs.reduce((sum, { outcome }) => sum + (outcome === null ? 1 : 2), 0);
    await page.locator(".proof.is-whole").waitFor();
    expect(await page.locator(".proof-text").textContent()).toBe(`${receipts.toLocaleString("en-GB")} receipts verified`);
    expect(await page.title()).toBe("Receipts · shop · Enact Guard");
  });

  test("holds few rows of many, and the right ones wherever one scrolls", async () => {
    const runs = await tell(3000);
    const page = await open();
    for (const place of [0, 1500, 2980]) {
      await page.evaluate(`document.querySelector("#runs").scrollTop = ${place * 34}`);
      await expect.poll(async () => (await rowsOf(page)).some(({ what }) => what !== "")).toBe(true);
      await settled(page);
      const shown = await page.evaluate<readonly [string, string][]>(`[...document.querySelectorAll(".row")].map((row) => [row.getAttribute("aria-rowindex"), row.querySelector(".cell-tool")?.textContent ?? ""])`);
      expect(shown.length).toBeLessThan(60);
      expect(shown.length).toBeGreaterThan(10);
      for (const [index, tool] of shown) expect([index, tool]).toEqual([index, runs[Number(index) - 1]?.decision.workflow]);
    }
  });

  test("of a project without a ledger says what to do, and shows the first call when it comes", async () => {
    const page = await open();
    expect(await page.locator(".nothing").textContent()).toContain("No calls yet");
    expect(await page.locator(".proof-text").textContent()).toBe("No ledger yet");
    const script = await compileScript(fileURLToPath(new URL("../support/ledger-writer.ts", import.meta.url)));
    const child = startScript(script, [world.project, world.enactHome, "3", "5", "0"]);
    expect([await child.ended, child.errors()]).toEqual([0, ""]);
    await expect.poll(() => totalOf(page), { timeout: 10_000 }).toBe("3 calls");
    await page.locator(".proof.is-whole").waitFor();
  });

  test("takes in what a second process writes, without moving what is being read", async () => {
    await tell(200);
    const page = await open();
    await settled(page);
    await page.evaluate(`document.querySelector("#runs").scrollTop = 34 * 100`);
    await settled(page);
    let top = "";
    let place: number | undefined;
    // Rows that scrolled in are drawn a moment later on a busy machine.
    const find = async (): Promise<string> => {
      const [before] = (await rowsOf(page)).slice(10, 11);
      top = `[...document.querySelectorAll(".row")].find((row) => row.querySelector(".target")?.textContent === ${JSON.stringify(before?.what ?? "")} && row.getBoundingClientRect().top > 300)?.getBoundingClientRect().top`;
      place = await page.evaluate<number | undefined>(top);
      return typeof place;
    };
    await expect.poll(find).toBe("number");
    const script = await compileScript(fileURLToPath(new URL("../support/ledger-writer.ts", import.meta.url)));
    const child = startScript(script, [world.project, world.enactHome, "12", "9", "20"]);
    await expect.poll(() => totalOf(page), { timeout: 15_000 }).toBe("212 calls");
    expect([await child.ended, child.errors()]).toEqual([0, ""]);
    await expect.poll(() => page.locator(".button.is-new").textContent()).toBe("12 new calls");
    expect(await page.title()).toMatch(/^\(12\) /u);
    expect(await page.evaluate<number | undefined>(top)).toBe(place);
    await page.locator(".button.is-new").click();
    await settled(page);
    const newest = [...receiptStory({ runs: 12, seed: 9, hours: 0.01 })].toReversed();
    expect((await rowsOf(page)).slice(0, 12).map(({ tool }) => tool)).toEqual(newest.map(({ decision }) => decision.workflow));
    await page.locator(".proof.is-whole").waitFor();
  });
});

inBrowser("filters", () => {
  const cases: readonly (readonly [string, (page: Page) => Promise<unknown>, (run: StoryRun) => boolean])[] = [
    ["decision", (page) => page.getByRole("button", { name: /^BLOCK/u }).first().click(), (run) => stateOf(run) === "BLOCK"],
    ["two decisions", async (page) => {
      await page.locator(".chip.state-PARTIAL").click();
      await page.locator(".chip.state-OPEN").click();
    }, (run) => ["PARTIAL", "OPEN"].includes(stateOf(run))],
    ["tool", (page) => choice(page, "Tool").selectOption("email_send"), (run) => run.decision.workflow === "email_send"],
    ["policy", (page) => choice(page, "Stopped by").selectOption("dont_force_push"), (run) => finalOf(run).policy_results.some(({ policy, passed }) => policy === "dont_force_push" && !passed)],
    ["a policy's bar", (page) => page.locator(".policy-bar", { hasText: "dont_delete_row" }).click(), (run) => finalOf(run).policy_results.some(({ policy, passed }) => policy === "dont_delete_row" && !passed)],
    ["person", (page) => choice(page, "Person").selectOption("priya@company.com"), (run) => run.decision.user_email === "priya@company.com"],
    ["text", (page) => page.getByRole("searchbox").fill("merge_CUSTOMER"), (run) => JSON.stringify(run).includes("merge_customer")],
    ["time", (page) => choice(page, "Time").selectOption("1440"), (run) => Date.parse(run.decision.timestamp) >= Math.floor(Date.now() / 60_000 - 1440) * 60_000],
    ["everything together", async (page) => {
      await page.locator(".chip.state-PASS").click();
      await choice(page, "Tool").selectOption("git_push");
      await choice(page, "Person").selectOption("mia@company.com");
      await page.getByRole("searchbox").fill("agent/main-menu");
    }, (run) => stateOf(run) === "PASS" && run.decision.workflow === "git_push" && run.decision.user_email === "mia@company.com" && JSON.stringify(run).includes("agent/main-menu")],
  ];

  test("each leaves what it should, and clearing brings all back", async () => {
    const runs = await tell(600);
    const page = await open();
    for (const [name, choose, matches] of cases) {
      await choose(page);
      const expected = runs.filter(matches);
      expect([name, expected.length > 0]).toEqual([name, true]);
      await expect.poll(() => totalOf(page), { message: name, timeout: 5000 }).toBe(expected.length === 1 ? "1 call" : `${expected.length} calls`);
      await settled(page);
      const rows = await rowsOf(page);
      expect(rows.map(({ tool, person }) => [name, tool, person])).toEqual(expected.slice(0, rows.length).map((run) => [name, run.decision.workflow, run.decision.user_email]));
      await page.getByRole("button", { name: "Clear filters" }).click();
      await expect.poll(() => totalOf(page), { message: name }).toBe("600 calls");
    }
  });

  test("a time drawn over the chart is chosen", async () => {
    await tell(400);
    const page = await open();
    const box = await page.locator(".plot").boundingBox();
    if (box === null) throw new Error("there is no chart");
    await page.mouse.move(box.x + box.width * 0.4, box.y + 40);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.6, box.y + 44, { steps: 8 });
    await page.mouse.up();
    await expect.poll(() => totalOf(page)).not.toBe("400 calls");
    expect(Number((await totalOf(page))?.split(" ")[0])).toBeGreaterThan(40);
    expect(await choice(page, "Time").inputValue()).toBe("-1");
    expect(await page.locator("input[type=datetime-local]").first().inputValue()).toMatch(/^20\d\d-/u);
  });

  test("stay when the page is loaded again, and in the address no server sees them", async () => {
    await tell(100);
    const page = await open();
    const asked: string[] = [];
    page.on("request", (request) => void (request.isNavigationRequest() && asked.push(request.url())));
    await page.getByRole("searchbox").fill("wombat");
    await page.locator(".chip.state-BLOCK").click();
    await expect.poll(() => page.url()).toContain("#state=BLOCK&q=wombat");
    await page.reload();
    await expect.poll(() => page.getByRole("searchbox").inputValue()).toBe("wombat");
    expect(await page.locator(".chip.state-BLOCK").getAttribute("aria-pressed")).toBe("true");
    expect(await page.locator(".nothing").textContent()).toContain("No call matches");
    expect(asked.map((url) => new URL(url).search)).toEqual([""]);
  });
});

inBrowser("a call in full", () => {
  async function openFirst(page: Page, tool: string, state: string): Promise<string> {
    await choice(page, "Tool").selectOption(tool);
    await page.locator(`.chip.state-${state}`).click();
    await expect.poll(async () => (await rowsOf(page)).every((row) => row.tool === tool)).toBe(true);
    await settled(page);
    await page.locator(`.row:not(.is-empty) .badge.state-${state}`).first().click();
    await page.locator(`.detail .verdict.state-${state}`).waitFor();
    return (await page.locator(".detail").textContent()) ?? "";
  }

  const KINDS: readonly (readonly [string, string, readonly string[]])[] = [
    ["git_push", "BLOCK", ["dont_", "Do instead", "What it would have done", "→", "old_sha", "Valid"]],
    ["git_push", "PASS", ["git push", "done", "can be undone", "What it did", "decision", "outcome"]],
    ["file_write", "PASS", ["before", "after", "SHA-256", "content_sha256"]],
    ["file_delete", "PARTIAL", ["failed", "ACTION_FAILED", "1200 of 1213 files were removed", "1,213 files", "48.2 MB", "build/app.js"]],
    ["sql_query", "PASS", ["Counted by PostgreSQL before the commit", "public."]],
    ["s3_delete", "PASS", ["Approved by ann@company.com", "with a passkey", "exports/2025/01.csv.gz", "12 objects", "2.2 MB", "Can be undone: the delete markers are removed"]],
    ["s3_delete", "BLOCK", ["A person must decide until", "Look at request"]],
    ["email_send", "PASS", ["Cannot be undone: a mail that was sent"]],
    ["enact_rollback", "ROLLED_BACK", ["ROLLED BACK", "file_write 7c0be2d4", "put back 'src/time/zone.ts' as it was", "undo_write"]],
    ["email_send", "OPEN", ["INTERRUPTED", "no outcome is recorded"]],
  ];

  test("facts, reasons, effects, actions, proof of every kind", async () => {
    await tell(600);
    const page = await open();
    for (const [tool, state, words] of KINDS) {
      const text = await openFirst(page, tool, state);
      for (const word of words) expect([tool, state, text.includes(word) ? word : text]).toEqual([tool, state, word]);
      expect(text).toContain("Proved from the first receipt to this one");
      expect(text).not.toMatch(/undefined|\[object|NaN/u);
      await page.getByRole("button", { name: "Close" }).click();
      await page.getByRole("button", { name: "Clear filters" }).click();
    }
  });

  test("what was measured and rolled back is a table with its signs", async () => {
    await tell(600);
    const page = await open();
    const text = await openFirst(page, "sql_query", "BLOCK");
    expect(text).toContain("BLOCK");
    await page.getByRole("searchbox").fill("merge_customer");
    await page.locator(".row:not(.is-empty)").first().click();
    await expect.poll(() => page.locator(".counts").textContent()).toContain("public.order_lines");
    expect(await page.locator(".counts tbody tr").allTextContents()).toEqual(["public.customers0~10yes", "public.orders00−214yes", "public.order_lines00−863"]);
    expect(await page.locator(".detail").textContent()).toContain("Run, counted by PostgreSQL, and rolled back: nothing of it is left.");
  });

  test("its neighbours in the chain are a step away, and Back closes it", async () => {
    await tell(60);
    const page = await open();
    await page.locator(".row:not(.is-empty)").nth(4).click();
    await page.locator(".receipt h4").first().waitFor();
    const place = async () => Number((await page.locator(".receipt h4").first().textContent())?.replaceAll(",", "").match(/Receipt (\d+)/u)?.[1]);
    const first = await place();
    await page.locator(".neighbour").first().click();
    await expect.poll(async () => (await place()) < first).toBe(true);
    expect(new URLSearchParams(new URL(page.url()).hash.slice(1)).get("run")).toBe(String(first - 1));
    await page.reload();
    await page.locator(".detail-head").waitFor();
    await page.getByRole("button", { name: "Close" }).click();
    expect(await page.locator(".detail").count()).toBe(0);
  });

  test("an outcome that comes while it is open is shown", async () => {
    const [last] = await tell(20);
    const page = await open();
    await page.locator(".row:not(.is-empty)").first().click();
    await page.locator(".detail-head").waitFor();
    expect(last === undefined).toBe(false);
    const script = await compileScript(fileURLToPath(new URL("../support/ledger-writer.ts", import.meta.url)));
    const newest = page.locator(".receipt").last();
    expect(await newest.textContent()).toContain("newest receipt");
    await startScript(script, [world.project, world.enactHome, "1", "3", "0"]).ended;
    await expect.poll(() => newest.textContent(), { timeout: 8000 }).not.toContain("newest receipt");
  });
});

inBrowser("tampering", () => {
  test("stands out: the place, everything behind it, and the ledger as a whole", async () => {
    await tell(30);
    const last = 40;
    tamper(world.project, `UPDATE entries SET entry = replace(entry, 'company.com', 'evil.example') WHERE sequence = ${last}`);
    const page = await open();
    await page.locator(".proof.is-wrong").waitFor();
    expect(await page.getByRole("alert").textContent()).toContain("Receipt 40 was edited: its content does not fit its signature");
    expect(await page.title()).toMatch(/^✗ /u);
    const rows = await rowsOf(page);
    const wrong = rows.findIndex(({ classes }) => classes.includes("is-wrong"));
    expect(rows[wrong]).toMatchObject({ state: "TAMPERED", what: "Receipt 40 was edited: its content does not fit its signature" });
    expect(rows[wrong]?.person).toBe("");
    expect(new Set(rows.slice(0, wrong).map(({ classes }) => classes.includes("is-after")))).toEqual(new Set([true]));
    expect(rows.slice(wrong + 1).filter(({ classes }) => /is-(?:after|wrong)/u.test(classes))).toEqual([]);
    await page.locator(".row.is-wrong").click();
    await page.locator(".section.wrong").waitFor();
    const text = (await page.locator(".detail").textContent()) ?? "";
    expect(text).toContain("do not rely on what it says");
    expect(await page.locator(".detail-head").count()).toBe(0);
    expect(text).toContain("its content does not fit its signature");
    await page.locator(".chip.state-WRONG").click();
    await expect.poll(() => totalOf(page)).toBe("1 call");
  });

  test("is noticed while someone looks on", async () => {
    await tell(30);
    const page = await open();
    await page.locator(".proof.is-whole").waitFor();
    tamper(world.project, "DELETE FROM entries WHERE sequence = 20");
    await page.locator(".proof.is-wrong").waitFor({ timeout: 20_000 });
    expect(await page.locator(".proof-text").textContent()).toContain("Receipt 20 was removed");
    await expect.poll(async () => (await rowsOf(page)).filter(({ state }) => state === "MISSING").map(({ what }) => what)).toEqual(["Receipt 20 is missing"]);
  }, 40_000);

  test("a cut end is a row at the top", async () => {
    await tell(10);
    const script = await compileScript(fileURLToPath(new URL("../support/ledger-writer.ts", import.meta.url)));
    await startScript(script, [world.project, world.enactHome, "4", "2", "0"]).ended;
    tamper(world.project, "DELETE FROM entries WHERE sequence > (SELECT max(sequence) - 2 FROM entries)");
    const page = await open();
    await page.locator(".proof.is-wrong").waitFor();
    const [first] = await rowsOf(page);
    expect([first?.state, first?.what]).toEqual(["MISSING", expect.stringMatching(/^Receipts \d+ to \d+ are missing$/u)]);
  });
});

inBrowser("without a mouse", () => {
  test("all of it can be walked, and the focus is always seen", async () => {
    await tell(120);
    const page = await open();
    const focus = () => page.evaluate<string>(`document.activeElement.id || document.activeElement.className || document.activeElement.tagName`);
    const active = () => page.evaluate<number>(`Number(document.querySelector("#" + document.querySelector("#runs").getAttribute("aria-activedescendant"))?.getAttribute("aria-rowindex"))`);
    await page.keyboard.press("Tab");
    expect(await focus()).toBe("skip");
    expect(await page.evaluate<string>(`getComputedStyle(document.activeElement).transform`)).toBe("none");
    await page.keyboard.press("Enter");
    expect(await focus()).toBe("runs");
    for (const [key, row] of [["ArrowDown", 1], ["ArrowDown", 2], ["j", 3], ["ArrowUp", 2], ["End", 120], ["Home", 1], ["PageDown", -1]] as const) {
      await page.keyboard.press(key);
      if (row > 0) await expect.poll(active, { message: key }).toBe(row);
      else await expect.poll(active).toBeGreaterThan(8);
    }
    await page.keyboard.press("Home");
    await page.keyboard.press("Enter");
    await page.locator(".detail-head").waitFor();
    expect(await focus()).toBe("runs");
    const shown = await page.locator(".detail-place").textContent();
    await page.keyboard.press("ArrowDown");
    await expect.poll(() => page.locator(".detail-place").textContent()).not.toBe(shown);
    await page.keyboard.press("Enter");
    expect(await focus()).toBe("detail");
    await page.keyboard.press("Escape");
    expect([await page.locator(".detail").count(), await focus()]).toEqual([0, "runs"]);
    await page.keyboard.press("/");
    await page.keyboard.type("git_push");
    await expect.poll(() => totalOf(page)).not.toBe("120 calls");
    await page.keyboard.press("Escape");
    await expect.poll(() => totalOf(page)).toBe("120 calls");
    await page.keyboard.press("Escape");
    expect(await focus()).toBe("runs");
    await page.keyboard.press("?");
    await page.getByRole("heading", { name: "Keys" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("heading", { name: "Keys" }).waitFor({ state: "detached" });
  });

  test("every control has a name, the page its landmarks, and Tab ends nowhere", async () => {
    await tell(50);
    const page = await open();
    await page.locator(".row:not(.is-empty)").first().click();
    await page.locator(".detail-head").waitFor();
    expect(await namelessControls(page)).toEqual([]);
    for (const role of ["banner", "main", "search", "grid", "article"] as const) expect([role, await page.getByRole(role).count()]).toEqual([role, 1]);
    expect(await page.getByRole("heading", { level: 1 }).count()).toBe(1);
    expect(await page.evaluate<string>("document.documentElement.lang")).toBe("en");
    const seen = new Set<string>();
    for (let press = 0; press < 60; press += 1) {
      await page.keyboard.press("Tab");
      seen.add(await page.evaluate<string>(`(document.activeElement.getAttribute("aria-label") ?? "") + document.activeElement.textContent.slice(0, 30)`));
      expect(await page.evaluate<boolean>(`document.activeElement === document.body || getComputedStyle(document.activeElement).outlineStyle !== "none" || document.activeElement.matches("#runs, input")`)).toBe(true);
    }
    expect(seen.size).toBeGreaterThan(15);
  });
});

inBrowser("who has no key", () => {
  test("sees how to get one, and nothing else", async () => {
    await tell(5);
    server = await serveReceipts(world);
    const watched = await openPage(browser, `${server.origin}/`);
    await watched.page.getByRole("heading", { name: "This browser was not let in" }).waitFor();
    expect(await watched.page.content()).not.toContain("company.com");
    // The browser itself notes each refused request.
    expect(watched.complaints.every((text) => text.includes("401"))).toBe(true);
    await watched.page.context().close();
    const link = server.newLink();
    const first = await openPage(browser, link);
    await first.page.locator(".row:not(.is-empty)").first().waitFor();
    expect([first.page.url(), first.complaints]).toEqual([`${server.origin}/`, []]);
    const second = await openPage(browser, link);
    await second.page.getByRole("heading", { name: "This browser was not let in" }).waitFor();
    await first.page.context().close();
    await second.page.context().close();
  });

  test("is told when the server has ended, and keeps what was read", async () => {
    await tell(5);
    const page = await open();
    await server?.close();
    server = undefined;
    await page.locator(".banner").waitFor();
    expect(await page.locator(".banner").textContent()).toContain("enact-guard ui has ended");
    expect((await rowsOf(page)).length).toBe(5);
    opened = opened.map((watched) => ({ ...watched, complaints: watched.complaints.filter((text) => !text.includes("ERR_CONNECTION_REFUSED") && !text.includes("ERR_EMPTY_RESPONSE") && !text.includes("ERR_SOCKET_NOT_CONNECTED") && !text.includes("ERR_CONNECTION_RESET")) }));
  });
});

inBrowser("360 pixels", () => {
  test("are enough, without scrolling sideways: list, filters, call in full, help, tampered", async () => {
    await tell(200);
    tamper(world.project, "UPDATE entries SET entry = replace(entry, 'company.com', 'evil.example') WHERE sequence = 300");
    const page = await open({ viewport: { width: 360, height: 740 } });
    await page.locator(".proof.is-wrong").waitFor();
    expect(await overflowOf(page)).toEqual([]);
    await page.getByText("Stopped by policy").click();
    expect(await overflowOf(page)).toEqual([]);
    await choice(page, "Time").selectOption("-1");
    expect(await overflowOf(page)).toEqual([]);
    await choice(page, "Time").selectOption("0");
    await settled(page);
    for (const row of [0, 1, 2, 3, 4]) {
      await page.locator(".row:not(.is-empty)").nth(row).click();
      await page.locator(".detail-head").waitFor();
      expect(await overflowOf(page)).toEqual([]);
      // What lies under it is out of reach.
      expect(await page.evaluate<boolean>(`document.activeElement.closest(".detail") !== null`)).toBe(true);
      await page.getByRole("button", { name: "Close" }).click();
    }
    await page.getByRole("button", { name: "Keys and help" }).click();
    expect(await overflowOf(page)).toEqual([]);
  });
});
