import { join } from "node:path";

import type { LinkMail, LinkMails } from "./approvals/link-mail.js";
import type { Announcer } from "./approvals/open-desk.js";
import type { Reach, ReachParts } from "./compose-desk.js";
import { EnactError, isEnactError } from "./errors.js";
import { parseAddress } from "./facts/email.js";
import { checkPrivateFolder, realPathOf } from "./receipts/key-files.js";
import type { Sealing } from "./receipts/sealed.js";
import { openSealing } from "./receipts/sealed.js";
import type { KeptPage } from "./web/approvals/keep.js";

export interface ReachSurroundings {
  readonly enactHome: string;
  /** The folder of the built assets, dist/web. */
  readonly assets: string;
  /** For whoever reads the server's log. */
  readonly log: (line: string) => void;
}

/** How long mails that are on their way may take when the server ends. */
const PATIENCE_MS = 5000;

/**
 * The page and the mails by which people are asked. Nothing is loaded, opened or listened to before the first request:
 * a client may start the server just to look.
 */
export function reachPeople(around: ReachSurroundings): (parts: ReachParts) => Reach {
  return (parts) => {
    const { page, port, mail } = parts.config.approvals;
    const served = new ServedPage(parts, around);
    const announcers = [...(page || mail !== undefined ? [served.announce] : []), ...(mail === undefined ? [] : [served.announceByMail])];
    return { page: page ? `http://localhost:${String(port)}` : null, announcers, close: () => served.close() };
  };
}

/** What a page needs besides its port, for whoever serves it. */
export function sealingOf(enactHome: string): Sealing {
  const home = realPathOf(enactHome);
  return openSealing({ location: join(home, "keys"), checkPlace: () => checkPrivateFolder(home) });
}

class ServedPage {
  readonly #parts: ReachParts;
  readonly #around: ReachSurroundings;
  #page: Promise<KeptPage> | undefined;
  #mails: Promise<LinkMails> | undefined;

  constructor(parts: ReachParts, around: ReachSurroundings) {
    this.#parts = parts;
    this.#around = around;
  }

  readonly announce: Announcer = async () => {
    try {
      await (await (this.#page ??= this.#openPage())).serve();
      return [];
    } catch (error) {
      const why = isEnactError(error) ? error.message : "The approval page cannot be shown";
      this.#around.log(why);
      return [`${why}: the person uses the terminal.`];
    }
  };

  readonly announceByMail: Announcer = async (request) => {
    const mails = await (this.#mails ??= this.#openMails());
    return mails.announce(request);
  };

  async close(): Promise<void> {
    const settled = this.#mails?.then((mails) => mails.settled());
    await Promise.race([settled, new Promise((resolve) => setTimeout(resolve, PATIENCE_MS).unref())]);
    await this.#page?.then((page) => page.close());
  }

  async #openPage(): Promise<KeptPage> {
    const { KeptPage: Page } = await import("./web/approvals/keep.js");
    const { config, inbox, registry, clock } = this.#parts;
    const { enactHome, assets } = this.#around;
    return new Page({ port: config.approvals.port, enactHome, inbox, registry, sealing: sealingOf(enactHome), assets, clock });
  }

  async #openMails(): Promise<LinkMails> {
    const { LinkMails: Mails } = await import("./approvals/link-mail.js");
    const { config, registry, clock } = this.#parts;
    const { mail } = config.approvals;
    if (mail === undefined) throw new TypeError("no mail is configured");
    return new Mails({ registry, to: mail.to, baseUrl: mail.base_url, clock, send: (one) => this.#send(one), log: this.#around.log });
  }

  async #send({ to, subject, text }: LinkMail): Promise<void> {
    const { email } = this.#parts.config.systems;
    if (email === undefined) throw new TypeError("no mail server is configured");
    const { openEmail } = await import("./systems/email.js");
    const from = parseAddress(email.from);
    if ("problem" in from) throw new EnactError("CONFIG_INVALID", `systems.email.from ${from.problem}`);
    const mail = { from: { name: from.name, address: from.address }, to: [{ name: null, address: to }], cc: [], recipients: [to], subject, text, html: null, attachments: [] };
    const outcome = await openEmail(email).writer.send(mail, new AbortController().signal);
    if (outcome.state !== "sent" || outcome.refused.length > 0) throw new EnactError("ACTION_FAILED", "The mail was not sent");
  }
}
