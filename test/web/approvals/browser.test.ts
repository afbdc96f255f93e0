import { fileURLToPath } from "node:url";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { progressOf } from "../../../src/approvals/answering.js";
import type { ApprovalRequest } from "../../../src/approvals/request.js";
import { launchBrowser, PageWorld, PersonAtBrowser } from "../../support/approval-pages.js";
import { HOSTILE, planOf, requestOf, SAMPLES, type SamplePlan } from "../../support/approval-samples.js";
import { keyPerson } from "../../support/approval-world.js";
import { whyNoBrowser } from "../../support/verifier-page.js";

const reason = whyNoBrowser();
const SAMPLE = SAMPLES["s3_delete"] as SamplePlan;
const IN_PAGE = fileURLToPath(new URL("../../support/in-page.mjs", import.meta.url));

describe.skipIf(reason !== undefined)(`the approval page in Chromium${reason === undefined ? "" : ` (skipped: ${reason})`}`, () => {
  let browser: Browser;
  let world: PageWorld;

  beforeAll(async () => {
    browser = await launchBrowser();
  });
  beforeEach(async () => {
    world = await new PageWorld().start();
  });
  afterEach(async () => {
    await Promise.all(browser.contexts().map((context) => context.close()));
    await world.cleanUp();
  });
  afterAll(() => browser.close());

  const file = (options: Partial<Parameters<typeof requestOf>[0]> = {}) => world.file(requestOf({ plan: planOf(SAMPLE), now: world.now, ...options }));
  const address = ({ id }: ApprovalRequest) => `${world.origin}/approvals/${id.slice(0, 8)}`;
  const linkFor = (email: string) => `${world.origin}/approvals/register#code=${world.registrations.create(email).code}`;
  const progress = async (request: ApprovalRequest) => progressOf(await world.stored(request), world.registry).state;

  async function openPage(options: BrowserContextOptions = {}): Promise<Page> {
    const context = await browser.newContext(options);
    await context.addInitScript({ path: IN_PAGE });
    return context.newPage();
  }

  async function personNamed(email: string): Promise<PersonAtBrowser> {
    const person = await PersonAtBrowser.open(browser);
    await person.register(linkFor(email));
    return person;
  }

  test("a person registers a passkey and approves with the keyboard alone", async () => {
    const ann = await personNamed("ann@shop.example");
    expect(world.registry.all()).toMatchObject([{ email: "ann@shop.example", kind: "passkey", passkey: { origin: world.origin, rp_id: "localhost" } }]);
    expect(ann.page.url()).not.toContain("code");
    const request = await file();
    const { page } = ann;
    await page.addInitScript({ path: IN_PAGE });
    await page.goto(address(request));
    await press(page, "Tab", async () => (await focused(page)) === "Skip to the content");
    await page.keyboard.press("Enter");
    await press(page, "Tab", async () => (await focused(page)) === "Approve with a passkey");
    await page.keyboard.press("Enter");
    await page.locator(".status-approved").waitFor();
    expect(await progress(request)).toBe("approved");
    expect(ann.complaints).toEqual([]);
  });

  test("saying no works without a passkey and without scripts", async () => {
    const request = await file();
    const context = await browser.newContext({ javaScriptEnabled: false });
    const page = await context.newPage();
    await page.goto(address(request));
    await page.getByLabel("Why not").fill("Keep October");
    await page.getByRole("button", { name: "Deny" }).click();
    await page.locator(".status-denied").waitFor();
    expect(await page.locator(".status").innerText()).toContain("Keep October");
    expect((await world.stored(request)).answers).toMatchObject([{ decision: "deny", reason: "Keep October" }]);
  });

  test("an authenticator that verifies nobody registers nothing and approves nothing", async () => {
    const thief = await PersonAtBrowser.open(browser, false);
    await thief.page.goto(linkFor("ann@shop.example"));
    await thief.page.getByRole("button", { name: "Make the passkey" }).click();
    await thief.page.locator(".outcome:not(:empty)").waitFor();
    expect(world.registry.all()).toEqual([]);
    const ann = await personNamed("ann@shop.example");
    const request = await file();
    await ann.setVerified(false);
    await ann.page.goto(address(request));
    await ann.page.getByRole("button", { name: "Approve with a passkey" }).click();
    await ann.page.locator(".outcome:not(:empty)").waitFor();
    expect(await progress(request)).toBe("waiting");
    await ann.setVerified(true);
    await ann.approve(address(request));
    expect(await progress(request)).toBe("approved");
  });

  test("a second passkey counts only with the word of the first: on the page", async () => {
    const ann = await personNamed("ann@shop.example");
    const bob = await personNamed("bob@shop.example");
    expect(await bob.page.locator("#register").innerText()).toContain("One more step");
    const confirm = bob.page.getByRole("button", { name: "Confirm with a registered passkey" });
    await confirm.click();
    await bob.page.locator(".outcome:not(:empty)").waitFor();
    expect(world.registry.all()).toHaveLength(1);
    // Ann comes over and puts her key into Bob's computer.
    await bob.plugIn(ann);
    await confirm.click();
    await bob.page.locator('[data-step="done"]:not([hidden])').waitFor();
    expect(world.registry.all()).toMatchObject([{ email: "ann@shop.example" }, { email: "bob@shop.example", confirmation: { approver_id: world.registry.all()[0]?.id } }]);
    expect(world.registry.unconfirmed()).toEqual([]);
  });

  test("one link of a terminal makes one passkey", async () => {
    const link = linkFor("ann@shop.example");
    const ann = await PersonAtBrowser.open(browser);
    await ann.register(link);
    const other = await PersonAtBrowser.open(browser);
    await other.page.goto(link);
    await other.page.locator(".outcome:not(:empty)").waitFor();
    expect(await other.page.locator("#register").innerText()).toContain("used already");
    // In the same tab it is another address only behind the #.
    await ann.page.goto(linkFor("ann@home.example"));
    await ann.page.getByRole("button", { name: "Make the passkey" }).waitFor();
    expect(world.registry.all()).toHaveLength(1);
  });

  test("a second passkey counts only with the word of the first: a key in the terminal", async () => {
    const boss = keyPerson("boss@shop.example", world.now.toISOString());
    world.registry.add(boss.draft, null);
    const bob = await personNamed("bob@shop.example");
    expect(await bob.page.locator('[data-step="confirm-elsewhere"]').isVisible()).toBe(true);
    expect(world.registry.all()).toHaveLength(1);
  });

  test("two people: one approval is not enough, and the same person counts once", async () => {
    const ann = await personNamed("ann@shop.example");
    const request = await file({ min_approvals: 2 });
    await ann.approve(address(request));
    expect(await ann.page.locator(".status").innerText()).toContain("1 of 2 people have approved");
    expect(await ann.page.getByRole("button", { name: "Approve with a passkey" }).count()).toBe(0);
    expect(await progress(request)).toBe("waiting");
  });

  test("the list and the page follow what happens, by themselves", async () => {
    const page = await openPage();
    await page.goto(`${world.origin}/approvals`);
    expect(await page.locator("#requests").innerText()).toContain("Nothing waits for you");
    const request = await file();
    await page.getByRole("link", { name: /3 objects beginning with/u }).waitFor();
    await page.waitForFunction(`document.title.startsWith("(1)")`);
    await page.getByRole("link", { name: /3 objects beginning with/u }).click();
    await page.locator(".status-waiting").waitFor();
    await world.inbox.record({ request_id: request.id, decision: "deny", method: "terminal", approver_id: null, who: "ann (at a terminal)", answered_at: world.now.toISOString(), reason: "No", signature: null }, world.now);
    await page.locator(".status-denied").waitFor();
  });

  test("nothing that an agent wrote runs, loads or changes the page", async () => {
    const step = { ...(SAMPLES["email_send"]?.step as object), subject: HOSTILE.markup, text: `${HOSTILE.markup}\n${HOSTILE.hidden}`, html: HOSTILE.markup };
    const request = await file({ plan: planOf({ ...(SAMPLES["email_send"] as SamplePlan), target: HOSTILE.markup, step }, `${HOSTILE.markup}@x`), project: `/tmp/${HOSTILE.markup}`, policies: [{ policy: HOSTILE.markup, reason: HOSTILE.markup }] });
    const page = await openPage();
    const asked: string[] = [];
    const dialogs: string[] = [];
    page.on("request", (made) => asked.push(new URL(made.url()).pathname));
    page.on("dialog", (dialog) => {
      dialogs.push(dialog.message());
      void dialog.dismiss();
    });
    for (const path of ["/approvals", `/approvals/${request.id}`]) {
      await page.goto(`${world.origin}${path}`);
      expect(await page.locator("script, img, iframe, object, link:not([rel=stylesheet]):not([rel=icon])").count()).toBe(1);
      expect(await page.title()).toContain("Enact Guard");
    }
    expect(dialogs).toEqual([]);
    expect(new Set(asked)).toEqual(new Set(["/approvals", `/approvals/${request.id}`, "/approvals.css", "/approvals.js"]));
  });

  const fileAll = () => Promise.all(Object.values(SAMPLES).map((sample) => world.file(requestOf({ plan: planOf(sample), now: world.now }))));

  test("readable on a phone and at a desk, with a heading and landmarks", async () => {
    const requests = await fileAll();
    for (const width of [360, 1200]) {
      const page = await openPage({ viewport: { width, height: 800 } });
      for (const path of ["/approvals", "/approvals/register", ...requests.map(({ id }) => `/approvals/${id}`)]) {
        await page.goto(`${world.origin}${path}`);
        expect(await page.evaluate("probe.overflow()")).toBe(0);
        expect(await page.locator("h1:visible").count()).toBe(1);
        for (const landmark of ["banner", "main", "contentinfo"] as const) expect(await page.getByRole(landmark).count()).toBe(1);
      }
      await page.close();
    }
  });

  test("nothing jumps while a page loads, on a phone that is slow enough to show it half loaded", async () => {
    const paths = ["s3_delete", "email_send", "file_write"].map((name) => requestOf({ plan: planOf(SAMPLES[name] as SamplePlan), now: world.now }));
    for (const request of paths) await world.file(request);
    const page = await openPage({ viewport: { width: 360, height: 800 } });
    await (await page.context().newCDPSession(page)).send("Emulation.setCPUThrottlingRate", { rate: 10 });
    for (const path of ["/approvals", ...paths.map(({ id }) => `/approvals/${id}`)]) {
      await page.goto(`${world.origin}${path}`);
      expect(await page.evaluate("probe.layoutShift()")).toBeLessThan(0.02);
    }
  });

  test("light and dark, each text stands out from what is behind it", async () => {
    const request = await file({ plan: planOf(SAMPLES["email_send"] as SamplePlan) });
    for (const colorScheme of ["light", "dark"] as const) {
      const page = await openPage({ colorScheme });
      for (const path of ["/approvals", `/approvals/${request.id}`]) {
        await page.goto(`${world.origin}${path}`);
        expect(await page.evaluate("probe.faintTexts()")).toEqual([]);
      }
    }
  });
});

async function press(page: Page, key: string, until: () => Promise<boolean>): Promise<void> {
  for (let presses = 0; presses < 40; presses += 1) {
    await page.keyboard.press(key);
    if (await until()) return;
  }
  throw new Error(`40 times ${key} did not lead there`);
}

function focused(page: Page): Promise<string> {
  return page.evaluate<string>("probe.focused()");
}
