import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import type { Browser, BrowserContext, CDPSession, Page } from "playwright-core";
import { chromium } from "playwright-core";

import type { ApprovalRequest } from "../../src/approvals/request.js";
import { openRegistry } from "../../src/approvals/registry.js";
import { sealingOf } from "../../src/compose-reach.js";
import { openInbox } from "../../src/stores/inbox.js";
import { Registrations } from "../../src/web/approvals/registrations.js";
import type { ApprovalServer } from "../../src/web/approvals/start.js";
import { serveApprovals } from "../../src/web/approvals/start.js";
import { PROGRAMS } from "./verifier-page.js";

const ASSETS = fileURLToPath(new URL("../../dist/web", import.meta.url));

/** A user's folder with the approval page served on a port of its own; the clock is the test's. */
export class PageWorld {
  readonly enactHome = mkdtempSync(join(tmpdir(), "enact-approvals-"));
  readonly inbox = openInbox({ enactHome: this.enactHome });
  readonly registry = openRegistry({ enactHome: this.enactHome });
  readonly sealing = sealingOf(this.enactHome);
  now = new Date();
  readonly clock = () => this.now;
  readonly registrations = new Registrations({ enactHome: this.enactHome, clock: this.clock });
  #server: ApprovalServer | undefined;
  port = 0;

  async start(): Promise<this> {
    this.port = await freePort();
    this.#server = await serveApprovals(this.options);
    return this;
  }

  get options() {
    const { port, enactHome, inbox, registry, sealing, clock } = this;
    return { port, enactHome, inbox, registry, sealing, assets: ASSETS, clock };
  }

  get origin(): string {
    return `http://localhost:${String(this.port)}`;
  }

  async file(request: ApprovalRequest): Promise<ApprovalRequest> {
    await this.inbox.file(request, this.now);
    return request;
  }

  async stored(request: Pick<ApprovalRequest, "id">) {
    const stored = await this.inbox.get(request.id, this.now);
    if (stored === null) throw new Error("the request is not there");
    return stored;
  }

  async cleanUp(): Promise<void> {
    await this.#server?.close();
    await this.inbox.close();
    rmSync(this.enactHome, { recursive: true, force: true });
  }
}

/** On both addresses, as the page wants it. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: PROGRAMS.find((path) => existsSync(path)) ?? "chromium", args: ["--no-sandbox"] });
}

/** A person at a browser, with an authenticator in it that answers at once, as if touched. */
export class PersonAtBrowser {
  readonly context: BrowserContext;
  readonly page: Page;
  readonly #session: CDPSession;
  readonly #authenticator: string;
  /** Whatever the page or the browser complained of. */
  readonly complaints: string[] = [];

  private constructor(context: BrowserContext, page: Page, session: CDPSession, authenticator: string) {
    this.context = context;
    this.page = page;
    this.#session = session;
    this.#authenticator = authenticator;
    page.on("pageerror", (error) => this.complaints.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") this.complaints.push(message.text());
    });
  }

  /** @param isVerified false: the authenticator has no PIN and no finger to verify */
  static async open(browser: Browser, isVerified = true): Promise<PersonAtBrowser> {
    const context = await browser.newContext();
    const page = await context.newPage();
    const session = await context.newCDPSession(page);
    await session.send("WebAuthn.enable");
    const { authenticatorId } = await session.send("WebAuthn.addVirtualAuthenticator", {
      options: { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: isVerified, automaticPresenceSimulation: true },
    });
    return new PersonAtBrowser(context, page, session, authenticatorId);
  }

  /** What a thief of an unlocked authenticator has, or somebody who only touches it. */
  async setVerified(isUserVerified: boolean): Promise<void> {
    await this.#session.send("WebAuthn.setUserVerified", { authenticatorId: this.#authenticator, isUserVerified });
  }

  /** Somebody else's key, in this computer. */
  async plugIn(other: PersonAtBrowser): Promise<void> {
    const { credentials } = await other.#session.send("WebAuthn.getCredentials", { authenticatorId: other.#authenticator });
    for (const credential of credentials) await this.#session.send("WebAuthn.addCredential", { authenticatorId: this.#authenticator, credential });
  }

  /** Opens the link that a terminal has printed and makes a passkey. */
  async register(link: string): Promise<void> {
    await this.page.goto(link);
    await this.page.getByRole("button", { name: "Make the passkey" }).click();
    await this.page.locator('[data-step="done"]:not([hidden]), [data-step="confirm"]:not([hidden]), [data-step="confirm-elsewhere"]:not([hidden])').waitFor();
  }

  async approve(address: string): Promise<void> {
    await this.page.goto(address);
    await this.page.getByRole("button", { name: "Approve with a passkey" }).click();
    await this.page.locator(".status-approved, .status-waiting .answers").waitFor();
  }
}
