import type { Context } from "hono";

import { answerRequest, progressOf } from "../../approvals/answering.js";
import type { Approver, ApproverRegistry } from "../../approvals/approvers.js";
import type { Inbox, StoredRequest } from "../../approvals/inbox.js";
import type { OpenedLink } from "../../approvals/link.js";
import { openLink } from "../../approvals/link.js";
import type { AnswerDecision, ApprovalRequest } from "../../approvals/request.js";
import { challengeOf, requestProblem, statementOf } from "../../approvals/request.js";
import { isEnactError } from "../../errors.js";
import type { Sealing } from "../../receipts/sealed.js";
import type { WebModule } from "../server.js";
import { ASSET_TYPES } from "../server.js";
import { Attempts } from "./attempts.js";
import { html } from "./html.js";
import { page, plainPage } from "./layout.js";
import { drawRequest, statusBox } from "./request-page.js";
import { isToken, newToken } from "./token.js";

export interface LinkPagesOptions {
  readonly inbox: Inbox;
  readonly registry: ApproverRegistry;
  readonly sealing: Sealing;
  readonly clock: () => Date;
}

/** More wrong links than this in a minute, and nobody is answered until the minute is over. */
const MOST_WRONG = 30;

/**
 * The pages that links of mails lead to, through whatever tunnel or proxy the person has put before this machine. The
 * address holds the only secret that there is, so they answer under any host name; there is nothing else below this path.
 *
 * GET and HEAD show and never decide: scanners open every link of a mail. Only the form of the page decides, once.
 */
export function linkPages(options: LinkPagesOptions): WebModule {
  const attempts = new Attempts(MOST_WRONG, () => options.clock().getTime());
  return {
    base: "/approve",
    access: "own",
    anyHost: true,
    assets: [{ path: "/approve/approvals.css", file: "approvals.css", type: ASSET_TYPES.css }],
    routes(app) {
      app.get("/:token", async (c) => show(c, await openedBy(c, options, attempts), options));
      app.post("/:token", async (c) => decide(c, await openedBy(c, options, attempts), options));
      app.all("*", (c) => c.html(deadLink(), 404));
    },
  };
}

/** A link that may answer right now. */
interface LiveLink {
  readonly link: OpenedLink;
  readonly approver: Approver;
  readonly stored: StoredRequest;
  readonly request: ApprovalRequest;
}

/** Wrong, expired, used, over: nobody is told which. */
async function openedBy(c: Context, options: LinkPagesOptions, attempts: Attempts): Promise<LiveLink | "dead" | "too many"> {
  if (attempts.isTooMany) return "too many";
  const live = await liveLink(c.req.param("token") ?? "", options);
  if (live === null) attempts.fail();
  return live ?? "dead";
}

async function liveLink(token: string, { inbox, registry, clock }: LinkPagesOptions): Promise<LiveLink | null> {
  const link = openLink(token);
  const approver = link === null ? undefined : registry.find(link.id);
  if (link === null || approver?.kind !== "link" || approver.public_key !== link.public_key || approver.link === undefined) return null;
  const now = clock();
  if (!(now.getTime() < Date.parse(approver.link.expires_at)) || approver.revoked_at !== null) return null;
  const stored = await inbox.get(approver.link.request_id, now);
  const request = stored?.request ?? null;
  if (stored === null || request === null || stored.problem !== null || requestProblem(request) !== null) return null;
  const isUsed = stored.answers.some((answer) => answer.approver_id === approver.id);
  return stored.state === "open" && !isUsed ? { link, approver, stored, request } : null;
}

function show(c: Context, live: LiveLink | "dead" | "too many", { registry, clock, sealing }: LinkPagesOptions): Response {
  if (typeof live === "string") return refused(c, live);
  const { stored, request, approver } = live;
  const drawn = drawRequest(request);
  const form = html`<aside class="decide" aria-label="Your decision"><form method="post" class="link-decision">
<input type="hidden" name="token" value="${newToken(sealing, `link ${approver.id}`)}">
<p>You decide as <bdi class="value">${approver.email}</bdi>. The link works once.</p>
<button type="submit" name="decision" value="approve" class="button yes">Approve</button>
<label for="reason">Why not <span class="aside">(the agent reads it)</span></label>
<textarea id="reason" name="reason" rows="2" maxlength="500"></textarea>
<button type="submit" name="decision" value="deny" class="button no">Deny</button>
</form></aside>`;
  const main = html`<div class="request">
${statusBox(stored, progressOf(stored, registry), clock())}
<article>${drawn.content}</article>
${form}
</div>`;
  return c.html(page({ title: drawn.title, assets: "", home: null, hasScript: false, main }));
}

async function decide(c: Context, live: LiveLink | "dead" | "too many", options: LinkPagesOptions): Promise<Response> {
  if (typeof live === "string") return refused(c, live);
  const { inbox, registry, sealing, clock } = options;
  const { link, approver, request } = live;
  const form = await c.req.parseBody();
  const decision = decisionOf(form["decision"]);
  // What only the page holds: a scanner that posts to an address that it has never shown decides nothing.
  if (decision === null || !isToken(sealing, `link ${approver.id}`, form["token"])) return refused(c, "dead");
  const signature = link.sign(challengeOf(statementOf(request, decision)));
  const reason = decision === "deny" && typeof form["reason"] === "string" && form["reason"].trim() !== "" ? form["reason"].trim() : null;
  const answer = { request_id: request.id, decision, method: "link", approver_id: approver.id, who: approver.email, answered_at: "", reason, signature } as const;
  try {
    await answerRequest({ inbox, registry }, answer, clock());
  } catch (error) {
    // Somebody was quicker, with this link or by another way.
    if (isEnactError(error)) return refused(c, "dead");
    throw error;
  }
  const text = decision === "approve"
    ? html`<p>You approved it. The agent may make exactly this call, once, before the request expires.</p><p class="aside">This link does nothing any more. You can close the page.</p>`
    : html`<p>You said no. The agent is told so${reason !== null && ", with your reason"}.</p><p class="aside">This link does nothing any more. You can close the page.</p>`;
  return c.html(plainPage({ title: "Recorded", assets: "", home: null, heading: decision === "approve" ? "Approved" : "Denied", text }));
}

function decisionOf(value: unknown): AnswerDecision | null {
  return value === "approve" || value === "deny" ? value : null;
}

function refused(c: Context, why: "dead" | "too many"): Response {
  if (why === "dead") return c.html(deadLink(), 404);
  c.header("Retry-After", "60");
  return c.html(plainPage({ title: "Too many attempts", assets: "", home: null, heading: "Too many attempts", text: html`<p>Try again in a minute.</p>` }), 429);
}

function deadLink(): string {
  const text = html`<p>It was used, it has expired, or it never was one. Nothing was decided by opening it.</p><p class="aside">If an agent still needs an answer, it will ask again.</p>`;
  return plainPage({ title: "This link does not work", assets: "", home: null, heading: "This link does not work", text });
}
