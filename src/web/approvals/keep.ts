import { isOurPage } from "./presence.js";
import type { ApprovalServer, ApprovalServerOptions } from "./start.js";
import { approvalsOrigin, serveApprovals } from "./start.js";

/** How often to look whether the page, where another process serves it, is still there. */
const WATCH_MS = 5000;

/** The page for as long as this process lives: served by it, or by another one of this user until that one ends. */
export class KeptPage {
  readonly #options: ApprovalServerOptions;
  readonly #watchMs: number;
  #server: Promise<ApprovalServer> | undefined;
  #watch: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: ApprovalServerOptions, watchMs = WATCH_MS) {
    this.#options = options;
    this.#watchMs = watchMs;
  }

  /** @throws EnactError USAGE when another program holds the port, NOT_INSTALLED when the assets were not built */
  async serve(): Promise<ApprovalServer> {
    this.#server ??= serveApprovals(this.#options);
    try {
      const server = await this.#server;
      if (!server.isOurs) this.#watchOver();
      return server;
    } catch (error) {
      // The port may be free next time.
      this.#server = undefined;
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#watch);
    await this.#server?.then((server) => server.close(), () => undefined);
  }

  #watchOver(): void {
    // It alone keeps no process alive.
    this.#watch ??= setInterval(() => void this.#takeOver().catch(() => undefined), this.#watchMs).unref();
  }

  async #takeOver(): Promise<void> {
    const { port, sealing } = this.#options;
    if (this.#isClosed || (await isOurPage(approvalsOrigin(port), sealing))) return;
    const server = await serveApprovals(this.#options);
    if (!server.isOurs) return;
    clearInterval(this.#watch);
    this.#watch = undefined;
    this.#server = Promise.resolve(server);
    if (this.#isClosed) await server.close();
  }
}
