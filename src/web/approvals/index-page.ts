import { basename } from "node:path";

import type { Progress } from "../../approvals/answering.js";
import { progressOf } from "../../approvals/answering.js";
import type { ApproverRegistry } from "../../approvals/approvers.js";
import type { StoredRequest } from "../../approvals/inbox.js";
import { shortId } from "../../approvals/request.js";
import type { Html } from "./html.js";
import { html } from "./html.js";
import { counted, Shower } from "./show.js";
import { distance, instant } from "./times.js";

/** Over for longer than the newest of these: the terminal lists them. */
const SHOWN_OVER = 20;

export interface ListedRequest {
  readonly stored: StoredRequest;
  readonly progress: Progress;
}

export function withProgress(all: readonly StoredRequest[], registry: ApproverRegistry): readonly ListedRequest[] {
  return all.map((stored) => ({ stored, progress: progressOf(stored, registry) }));
}

/** What waits, then what is over. The script puts a new one in its place when something changes. */
export function requestList(all: readonly ListedRequest[], now: Date): Html {
  const open = all.filter(({ progress }) => progress.state === "waiting");
  const other = all.filter(({ progress }) => progress.state !== "waiting").slice(0, SHOWN_OVER);
  return html`<div id="requests" data-waiting="${open.length}">
<p class="lead" role="status">${open.length === 0 ? "Nothing waits for you." : `${counted(open.length, "request")} ${open.length === 1 ? "waits" : "wait"} for a person.`}</p>
${open.length > 0 && html`<ul class="requests">${open.map((item) => row(item, now))}</ul>`}
${open.length === 0 && html`<p class="aside">When an agent wants to do what your policies leave to a person, it appears here by itself.</p>`}
${other.length > 0 && html`<h2>Decided and over</h2><ul class="requests over">${other.map((item) => row(item, now))}</ul>`}
</div>`;
}

const WORDS: Readonly<Record<Progress["state"], string>> = {
  waiting: "Waiting",
  approved: "Approved",
  denied: "Denied",
  used: "Done",
  expired: "Expired",
  tampered: "Not genuine",
};

function row({ stored, progress }: ListedRequest, now: Date): Html {
  const show = new Shower();
  const isOpen = progress.state === "waiting" || progress.state === "approved";
  const people = progress.needed > 1 && isOpen ? `${String(progress.counted.length)} of ${String(progress.needed)} people` : "";
  return html`<li><a href="/approvals/${shortId(stored.id)}" class="row state-${progress.state}">
<span class="pill">${WORDS[progress.state]}</span>
<span class="what">${show.line(stored.target)}</span>
<span class="meta">${show.code(stored.workflow)} · ${show.line(basename(stored.project))} · ${show.line(stored.user_email)}${people !== "" && html` · ${people}`}</span>
<span class="when">${isOpen ? html`expires <span data-until="${stored.expires_at}">${distance(stored.expires_at, now)}</span>` : instant(stored.created_at)}</span>
</a></li>`;
}
