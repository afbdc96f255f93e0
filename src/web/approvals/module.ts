import type { Context, Hono } from "hono";

import { answerRequest, progressOf } from "../../approvals/answering.js";
import type { ApproverRegistry } from "../../approvals/approvers.js";
import type { Inbox, StoredRequest } from "../../approvals/inbox.js";
import { challengeOf, requestProblem, shortId, statementOf } from "../../approvals/request.js";
import { EnactError, isEnactError } from "../../errors.js";
import type { Sealing } from "../../receipts/sealed.js";
import type { WebModule } from "../server.js";
import { ASSET_TYPES } from "../server.js";
import { decideBox } from "./decide.js";
import { html } from "./html.js";
import { requestList, withProgress } from "./index-page.js";
import { page, plainPage } from "./layout.js";
import { checkAssertion, passkeysOf, readAssertion } from "./passkeys.js";
import { proofOfPage } from "./presence.js";
import { addRegisterRoutes } from "./register.js";
import type { Registrations } from "./registrations.js";
import type { DrawnRequest } from "./request-page.js";
import { drawRequest, statusBox } from "./request-page.js";
import { Shower } from "./show.js";
import { isToken, newToken } from "./token.js";

export interface ApprovalPagesOptions {
  readonly inbox: Inbox;
  readonly registry: ApproverRegistry;
  readonly registrations: Registrations;
  readonly sealing: Sealing;
  /** The one under which passkeys are made and asked for: "http://localhost:4663". */
  readonly origin: string;
  readonly clock: () => Date;
}

const RECENT = 200;

/**
 * The pages on which people approve: every request of this user, whatever the project. Whoever may look may say no; to
 * say yes takes the passkey of somebody in the registry. GET changes nothing.
 */
export function approvalPages(options: ApprovalPagesOptions): WebModule {
  const pages = new Pages(options);
  return {
    base: "/approvals",
    access: "own",
    assets: [
      { path: "/approvals.js", file: "approvals.js", type: ASSET_TYPES.js },
      { path: "/approvals.css", file: "approvals.css", type: ASSET_TYPES.css },
    ],
    routes(app) {
      pages.addTo(app);
    },
  };
}

class Pages {
  readonly #options: ApprovalPagesOptions;
  #drawn: { readonly id: string; readonly drawn: DrawnRequest } | undefined;

  constructor(options: ApprovalPagesOptions) {
    this.#options = options;
  }

  addTo(app: Hono): void {
    app.get("/", async (c) => c.html(await this.#index()));
    app.get("/list", async (c) => c.html((await this.#list()).toString()));
    app.get("/about", (c) => c.json(proofOfPage(this.#options.sealing, c.req.query("nonce") ?? "")));
    addRegisterRoutes(app, this.#options);
    app.get("/:id", async (c) => this.#show(c, c.req.param("id")));
    app.get("/:id/state", async (c) => c.json(await this.#state(c.req.param("id"))));
    app.post("/:id/approve", async (c) => this.#approve(c, c.req.param("id")));
    app.post("/:id/deny", async (c) => this.#deny(c, c.req.param("id")));
  }

  async #index(): Promise<string> {
    const main = html`<div class="index" data-live="list"><h1>Approvals</h1>${await this.#list()}</div>`;
    return page({ title: "Approvals", assets: "/", home: "/approvals", hasScript: true, main });
  }

  async #list() {
    const { inbox, registry, clock } = this.#options;
    const now = clock();
    return requestList(withProgress(await inbox.list({ limit: RECENT }, now), registry), now);
  }

  async #show(c: Context, given: string): Promise<Response> {
    const stored = await this.#find(given);
    if (stored === null) return c.html(notThere(given), 404);
    const { registry, clock, origin, sealing } = this.#options;
    const now = clock();
    const progress = progressOf(stored, registry);
    // The inbox has looked already; here it is what is about to be shown and signed.
    const problem = stored.problem ?? (stored.request === null ? null : requestProblem(stored.request));
    const request = problem === null ? stored.request : null;
    const drawn = request === null ? { title: stored.target, content: gone(stored, problem) } : this.#draw(stored.id, request);
    const token = newToken(sealing, stored.id);
    const decide = request === null ? null : decideBox({ stored, request, progress, registry, origin, token });
    const main = html`<div class="request" data-live="state" data-id="${stored.id}" data-tag="${tagOf(stored)}">
${statusBox(stored, progress, now)}
<article>${drawn.content}</article>
${decide}
</div>`;
    return c.html(page({ title: drawn.title, assets: "/", home: "/approvals", hasScript: true, main }));
  }

  /** Kept for the next look: a plan of some megabytes takes a second to draw, and the page is loaded again after an answer. */
  #draw(id: string, request: NonNullable<StoredRequest["request"]>): DrawnRequest {
    if (this.#drawn?.id !== id) this.#drawn = { id, drawn: drawRequest(request) };
    return this.#drawn.drawn;
  }

  async #state(given: string) {
    const stored = await this.#find(given);
    return stored === null ? { tag: "gone" } : { tag: tagOf(stored) };
  }

  /** By its whole id or by the eight digits that people see, when these mean one request. */
  async #find(given: string): Promise<StoredRequest | null> {
    const { inbox, clock } = this.#options;
    if (!/^[0-9a-f]{8,32}$/u.test(given)) return null;
    if (given.length === 32) return inbox.get(given, clock());
    const found = await inbox.list({ prefix: given, limit: 2 }, clock());
    return found.length === 1 ? (found[0] ?? null) : null;
  }

  async #approve(c: Context, id: string): Promise<Response> {
    const { inbox, registry, clock, origin, sealing } = this.#options;
    const body = await jsonBody(c);
    if (!isToken(sealing, id, body["token"])) throw notFromPage();
    const assertion = readAssertion(body["assertion"]);
    const stored = await inbox.get(id, clock());
    if (stored === null) throw new EnactError("NOT_FOUND", `There is no request ${shortId(id)}`);
    const passkey = passkeysOf(registry, origin).find((one) => one.passkey.credential_id === assertion.id);
    if (passkey === undefined) throw new EnactError("REFUSED", "This passkey is not registered here, or was revoked", { done: "Nothing was recorded." });
    if (stored.request !== null) {
      await checkAssertion(assertion, passkey, challengeOf(statementOf(stored.request, "approve")), origin);
    }
    const { authenticatorData, clientDataJSON, signature } = assertion.response;
    const signed = { kind: "passkey", authenticator_data: authenticatorData, client_data: clientDataJSON, signature } as const;
    const answered = { request_id: id, decision: "approve", method: "passkey", approver_id: passkey.id, who: passkey.email, answered_at: "", reason: null, signature: signed } as const;
    const recorded = await answerRequest({ inbox, registry }, answered, clock());
    return c.json({ state: progressOf(recorded, registry).state });
  }

  async #deny(c: Context, id: string): Promise<Response> {
    const { inbox, registry, clock, sealing } = this.#options;
    const form = await c.req.parseBody();
    if (!isToken(sealing, id, form["token"])) return c.html(failed(notFromPage(), id), 403);
    const reason = typeof form["reason"] === "string" ? form["reason"].trim() : "";
    const answered = { request_id: id, decision: "deny", method: "page", approver_id: null, who: "Somebody at this computer", answered_at: "", reason: reason === "" ? null : reason, signature: null } as const;
    try {
      await answerRequest({ inbox, registry }, answered, clock());
    } catch (error) {
      if (!isEnactError(error)) throw error;
      return c.html(failed(error, id), 409);
    }
    return c.redirect(`/approvals/${id}`, 303);
  }
}

/** Changes whenever what the page says of the request's progress does. */
function tagOf({ state, answers, problem }: StoredRequest): string {
  return `${state}-${String(answers.length)}${problem === null ? "" : "-problem"}`;
}

async function jsonBody(c: Context): Promise<Readonly<Record<string, unknown>>> {
  try {
    const body: unknown = await c.req.json();
    if (typeof body === "object" && body !== null) return body as Readonly<Record<string, unknown>>;
  } catch {
    // The same as any other body that is none.
  }
  throw new EnactError("INVALID_INPUT", "The answer cannot be read");
}

function notFromPage(): EnactError {
  return new EnactError("REFUSED", "This answer does not come from the page of this request", { hint: "Load the page again and answer there.", done: "Nothing was recorded." });
}

function notThere(given: string): string {
  const text = html`<p>There is no request <code class="value">${given.slice(0, 40)}</code>, or its first digits mean several.</p><p><a href="/approvals">All requests</a></p>`;
  return plainPage({ title: "No such request", assets: "/", home: "/approvals", heading: "No such request", text });
}

function failed(error: EnactError, id: string): string {
  const text = html`<p>${error.message}. ${error.done}</p><p><a href="/approvals/${id}">Back to the request</a></p>`;
  return plainPage({ title: "Not recorded", assets: "/", home: "/approvals", heading: "Not recorded", text });
}

function gone({ target, workflow, project }: StoredRequest, problem: string | null) {
  const why = problem === null ? "What it asked for is forgotten: it is over." : "Somebody has changed what lies in the inbox, so that it is not shown.";
  const show = new Shower();
  return html`<h1>${show.line(target)}</h1><section class="card"><p>${why}</p><p class="aside">${show.code(workflow)} in ${show.code(project)}</p></section>`;
}
