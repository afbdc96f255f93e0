import type { ApproverRegistry } from "./approvers.js";
import { personOf } from "./approvers.js";
import { makeLink } from "./link.js";
import type { Announcer } from "./open-desk.js";
import type { ApprovalRequest } from "./request.js";
import { shortId } from "./request.js";
import { piecesOf } from "./visible.js";

/** A mail as the guard itself sends it: one recipient, plain text. */
export interface LinkMail {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

export interface LinkMailOptions {
  readonly registry: ApproverRegistry;
  /** The people who are asked, from the configuration. */
  readonly to: readonly string[];
  /** Where people elsewhere reach the page of this machine; an https address, or one of loopback. */
  readonly baseUrl: string;
  readonly clock: () => Date;
  /** Hands one mail to the configured server. @throws when it was not taken, or may not have been */
  readonly send: (mail: LinkMail) => Promise<void>;
  /** For whoever reads the server's log: who was not reached, and never a link. */
  readonly log: (line: string) => void;
}

/** Sends links in the background: the agent's answer does not wait for a mail server. */
export class LinkMails {
  readonly #options: LinkMailOptions;
  readonly #sending = new Set<Promise<void>>();

  constructor(options: LinkMailOptions) {
    this.#options = options;
  }

  /** What the agent is told holds no link and no token. */
  readonly announce: Announcer = (request) => {
    const people = this.#options.to.filter((email) => mayCount(email, request));
    for (const email of people) this.#start(request, email);
    return Promise.resolve(people.length === 0 ? [] : [`A link to decide is on its way by mail to ${people.join(", ")}.`]);
  };

  /** Resolves when no mail is on its way any more. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#sending);
  }

  #start(request: ApprovalRequest, email: string): void {
    const sending = this.#send(request, email).catch(() => {
      // What went wrong may quote the mail, and the mail holds the link.
      this.#options.log(`The mail about request ${shortId(request.id)} to ${email} could not be sent, or may not have been.`);
    });
    this.#sending.add(sending);
    void sending.finally(() => this.#sending.delete(sending));
  }

  async #send(request: ApprovalRequest, email: string): Promise<void> {
    const { registry, baseUrl, clock, send } = this.#options;
    const { token, draft } = makeLink(request, email, clock());
    registry.addLink(draft);
    await send(mailOf(request, email, `${baseUrl.replace(/\/+$/u, "")}/approve/${token}`));
  }
}

/** An answer of the acting user would not count where somebody else must approve. */
function mayCount(email: string, { demand, plan }: ApprovalRequest): boolean {
  return !demand.approver_differs || personOf(email) !== personOf(plan.identity.user_email);
}

function mailOf({ id, plan, project, demand, expires_at }: ApprovalRequest, to: string, link: string): LinkMail {
  const reasons = demand.policies.map(({ policy, reason }) => `  ${oneLine(policy)}: ${oneLine(reason)}`);
  const text = [
    `An agent that acts for ${oneLine(plan.identity.user_email)} asks for your approval.`,
    "",
    `  ${oneLine(plan.workflow)}: ${oneLine(plan.target)}`,
    `  in the project ${oneLine(project)}`,
    "",
    "It was stopped by:",
    ...reasons,
    "",
    "Look at all of it, and decide:",
    "",
    link,
    "",
    `The link is yours alone and works once, until ${expires_at}. Whoever has it answers in your name: do not forward`,
    "this mail. Opening the page decides nothing. If you expected no such mail, do not approve.",
    "",
  ];
  return { to, subject: `Approval wanted: ${oneLine(plan.workflow)} (${shortId(id)})`, text: text.join("\n") };
}

const MOST = 500;

/** What an agent wrote cannot add a line to the mail, hide one, or be clicked on in the place of our link. */
function oneLine(text: string): string {
  const seen = piecesOf(text, "line").map((piece) => (typeof piece === "string" ? piece : `${piece.glyph ?? ""}[${piece.label}]`)).join("");
  const shown = seen.replaceAll(/:\/\/|\bwww\./giu, (mark) => ` ${mark} `);
  return shown.length <= MOST ? shown : `${shown.slice(0, MOST).toWellFormed()} … (${String(shown.length - MOST)} more characters)`;
}
