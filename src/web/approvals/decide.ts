import type { Progress } from "../../approvals/answering.js";
import type { ApproverRegistry } from "../../approvals/approvers.js";
import type { StoredRequest } from "../../approvals/inbox.js";
import type { ApprovalRequest } from "../../approvals/request.js";
import { challengeOf, shortId, statementOf } from "../../approvals/request.js";
import type { Child, Html } from "./html.js";
import { html } from "./html.js";
import type { Passkey } from "./passkeys.js";
import { passkeysFor, passkeysOf, RP_ID } from "./passkeys.js";

/** How long the browser waits for the person's finger, in milliseconds. */
export const TOUCH_MS = 120_000;

export interface DecideOptions {
  readonly stored: StoredRequest;
  readonly request: ApprovalRequest;
  readonly progress: Progress;
  readonly registry: ApproverRegistry;
  readonly origin: string;
  /** Proves to the server that an answer comes from this page. */
  readonly token: string;
}

/** The buttons. Approving takes a passkey; saying no takes nothing. */
export function decideBox(options: DecideOptions): Html | null {
  const { request, progress, token } = options;
  const isOpen = progress.state === "waiting" || progress.state === "approved";
  if (!isOpen) return null;
  const path = `/approvals/${request.id}`;
  return html`<aside class="decide" aria-label="Your decision">
${progress.state === "waiting" && approvePart(options, path)}
<form method="post" action="${path}/deny" class="deny">
<input type="hidden" name="token" value="${token}">
<label for="reason">Why not <span class="aside">(the agent reads it)</span></label>
<textarea id="reason" name="reason" rows="2" maxlength="500"></textarea>
<button type="submit" class="button no">${progress.state === "approved" ? "Take it back: deny" : "Deny"}</button>
</form>
</aside>`;
}

function approvePart(options: DecideOptions, path: string): Html {
  const { stored, request, registry, origin, token } = options;
  const passkeys = passkeysFor(request, stored.answers, registry, origin);
  const terminal = html`<p class="aside">Or in a terminal: <code class="value">enact-guard approve ${shortId(request.id)}</code></p>`;
  if (passkeys.length === 0) return html`<div class="no-passkey">${whyNone(registry, origin, request)}${terminal}</div>`;
  return html`<div id="approve" data-options="${JSON.stringify(askFor(request, passkeys))}" data-post="${path}/approve" data-token="${token}">
<button type="button" class="button yes">Approve with a passkey</button>
<noscript><p class="problem">A passkey needs JavaScript, which this browser has switched off.</p></noscript>
${terminal}
<p class="outcome" role="alert"></p>
</div>`;
}

/** What the browser gives to the authenticator. The server makes it anew when the answer comes; this copy decides nothing. */
function askFor(request: ApprovalRequest, passkeys: readonly Passkey[]) {
  return {
    challenge: Buffer.from(challengeOf(statementOf(request, "approve"))).toString("base64url"),
    rpId: RP_ID,
    allowCredentials: passkeys.map(({ passkey }) => ({ id: passkey.credential_id, type: "public-key", transports: passkey.transports ?? [] })),
    userVerification: "required",
    timeout: TOUCH_MS,
  };
}

function whyNone(registry: ApproverRegistry, origin: string, request: ApprovalRequest): Child {
  const add = html`<code class="value">enact-guard approvers add ann@example.com --passkey</code>`;
  if (passkeysOf(registry, origin).length === 0) return html`<p><strong>No passkey is registered for this page yet.</strong> To register one, run this in a terminal, with your own address:</p><p>${add}</p>`;
  const other = request.demand.approver_differs ? " Whoever acts here may not approve it as well." : "";
  return html`<p><strong>None of the registered passkeys can approve this.</strong>${other} Another person can register one in a terminal:</p><p>${add}</p>`;
}
