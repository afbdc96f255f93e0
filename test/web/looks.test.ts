import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";

import type { WebServer } from "../../src/web/server.js";
import { draftsOf, receiptStory, tamper, writeLedger } from "../support/receipt-story.js";
import { CHROMIUM, NEEDS_CHROMIUM, faintTexts, launchChromium, openPage, serveReceipts } from "../support/receipts-browser.js";
import { WebWorld } from "../support/web-world.js";

let browser: Browser;
let world: WebWorld;
let server: WebServer;
beforeAll(async () => {
  if (CHROMIUM !== undefined) browser = await launchChromium();
});
afterAll(() => browser?.close());
beforeEach(async () => {
  world = new WebWorld();
  await writeLedger(world, world.keys.signer(), draftsOf(receiptStory({ runs: 600 })));
  server = await serveReceipts(world);
});
afterEach(async () => {
  await server.close();
  world.cleanUp();
});

const ground = (page: Page): Promise<number> => page.evaluate<number>(`getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0) / 3`);

describe.skipIf(CHROMIUM === undefined)(`in the light and in the dark${NEEDS_CHROMIUM}`, () => {
  test.each([["light", 200, 255], ["dark", 0, 60]] as const)("%s: as the system says, and every text can be read", async (colorScheme, least, most) => {
    const { page } = await openPage(browser, server.newLink(), { colorScheme, reducedMotion: "reduce" });
    await page.locator(".row:not(.is-empty)").first().waitFor();
    await page.locator(".proof.is-whole").waitFor();
    expect(await ground(page)).toBeGreaterThanOrEqual(least);
    expect(await ground(page)).toBeLessThanOrEqual(most);
    expect(await faintTexts(page)).toEqual([]);
    for (const tool of ["sql_query", "git_push", "file_write", "file_delete"]) {
      await page.locator(".select select").first().selectOption(tool);
      await page.locator(".row:not(.is-empty)", { hasText: tool }).first().click();
      await page.locator(".evidence").first().waitFor();
      expect([tool, await faintTexts(page)]).toEqual([tool, []]);
    }
    await page.getByRole("button", { name: "Keys and help" }).click();
    expect(await faintTexts(page)).toEqual([]);
    await page.context().close();
  }, 60_000);

  test.each(["light", "dark"] as const)("%s: what is wrong can be read as well", async (colorScheme) => {
    tamper(world.project, "UPDATE entries SET entry = replace(entry, 'company.com', 'evil.example') WHERE sequence = (SELECT max(sequence) - 6 FROM entries)");
    const { page } = await openPage(browser, server.newLink(), { colorScheme, reducedMotion: "reduce" });
    await page.locator(".row.is-wrong").click();
    await page.locator(".section.wrong").waitFor();
    expect(await faintTexts(page)).toEqual([]);
    await page.context().close();
  });

  test("changing the system's scheme changes the page, the chart too, without loading it again", async () => {
    const { page, complaints } = await openPage(browser, server.newLink(), { colorScheme: "light" });
    await page.locator(".plot canvas").waitFor();
    const axis = () => page.evaluate<string>(`(() => { const c = document.querySelector(".plot canvas"); const d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data; let dark = 0, light = 0; for (let i = 0; i < d.length; i += 4) if (d[i + 3] > 200) { if (d[i] + d[i + 1] + d[i + 2] < 300) dark += 1; else light += 1; } return dark + ":" + light; })()`);
    const before = await axis();
    await page.emulateMedia({ colorScheme: "dark" });
    expect(await ground(page)).toBeLessThan(60);
    await expect.poll(axis).not.toBe(before);
    // The browser advises this test, not the page.
    expect(complaints.filter((text) => !text.includes("willReadFrequently"))).toEqual([]);
    await page.context().close();
  });

  test("who wants no movement gets none, and who zooms in loses nothing", async () => {
    const { page } = await openPage(browser, server.newLink(), { reducedMotion: "reduce", viewport: { width: 640, height: 400 } });
    await page.locator(".row:not(.is-empty)").first().waitFor();
    expect(await page.evaluate<string>(`getComputedStyle(document.querySelector(".live"), "::before").animationName`)).toBe("none");
    expect(await page.evaluate<boolean>(`document.documentElement.scrollWidth <= 640`)).toBe(true);
    await page.locator(".row").nth(1).scrollIntoViewIfNeeded();
    await page.locator(".row").nth(1).click();
    await page.locator(".evidence").first().waitFor();
    await page.context().close();
  });
});
