import { basename } from "node:path";

import type { Answer } from "../../approvals/answer.js";
import type { Progress } from "../../approvals/answering.js";
import type { StoredRequest } from "../../approvals/inbox.js";
import type { ApprovalRequest } from "../../approvals/request.js";
import type { Child, Html } from "./html.js";
import { html } from "./html.js";
import { at, textAt } from "./json.js";
import { dangerFirst } from "./sheets/sheet.js";
import { sheetOf } from "./sheets/index.js";
import type { Notice, Section } from "./show.js";
import { counted, facts, list, Shower } from "./show.js";
import { distance, instant } from "./times.js";

/** What a request asks for, drawn once: it never changes. */
export interface DrawnRequest {
  readonly title: string;
  readonly content: Html;
}

/** Everything that an approval would cover, whole. */
export function drawRequest(request: ApprovalRequest): DrawnRequest {
  const { plan } = request;
  const show = new Shower();
  const sheet = sheetOf(plan, show);
  const heading = show.line(sheet.title);
  const why = whySection(request, show);
  const wordForWord = [
    details("The facts that were judged", show.tree(plan.payload), !sheet.isComplete),
    details("The plan, word for word, as the program gets it", show.tree(plan.step), !sheet.isComplete),
    details("What the approval is bound to", boundTo(request, show), false),
  ];
  const notices = dangerFirst([...reversalNotice(plan, show), ...sheet.notices, ...oddNotice(show)]);
  const content = html`<p class="kicker">${show.line(plan.identity.user_email)} asks, in the project ${show.line(basename(request.project))}, to</p>
<h1>${heading}</h1>
${notices.length > 0 && html`<ul class="notices">${notices.map(notice)}</ul>`}
${[...sheet.sections, why].map(section)}
<div class="word-for-word">${wordForWord}</div>`;
  return { title: sheet.title, content };
}

function whySection({ plan, project, demand, created_at }: ApprovalRequest, show: Shower): Section {
  const { user_email, actor_role, user_attributes } = plan.identity;
  const attributes = typeof user_attributes === "object" && user_attributes !== null && Object.keys(user_attributes).length > 0;
  const policies = demand.policies.map(({ policy, reason }) => html`${show.code(policy)} <span class="reason">${show.line(reason)}</span>`);
  const body = facts(
    ["Asked by", html`${show.line(user_email)} <span class="aside">as ${show.line(actor_role)}</span>`],
    ["For", attributes && show.tree(user_attributes)],
    ["In the project", show.code(project)],
    ["With the tool", html`${show.code(plan.workflow)} <span class="aside">${show.line(plan.target)}</span>`],
    ["Stopped by", list(policies)],
    ["Asked at", instant(created_at)],
  );
  return { title: "Who asks, and why it was stopped", body };
}

function boundTo({ id, plan, demand, expires_at }: ApprovalRequest, show: Shower): Child {
  return facts(
    ["Request", show.code(id)],
    ["Digest of the plan", show.code(plan.plan_digest)],
    ["Digest of the configuration", show.code(plan.config_digest)],
    ["May be used before", instant(expires_at)],
    ["People who must approve", String(demand.min_approvals)],
    ["May be the one who asks", demand.approver_differs ? "no, somebody else" : "yes"],
  );
}

/** What the tool itself says of its undoing, which takes into account what the guard can keep. */
function reversalNotice({ payload }: ApprovalRequest["plan"], show: Shower): readonly Notice[] {
  const how = textAt(payload, "reversal", "how");
  if (how === undefined) return [];
  const isPossible = at(payload, "reversal", "possible") === true;
  return [{ weight: isPossible ? "calm" : "danger", text: html`It ${isPossible ? "can" : "cannot"} be undone: ${show.line(how)}.` }];
}

function oddNotice(show: Shower): readonly Notice[] {
  const found = [...show.found.values()].reduce((sum, count) => sum + count, 0);
  if (found === 0) return [];
  const bidi = show.found.get("bidi") ?? 0;
  const verb = found === 1 ? "is not what it seems" : "are not what they seem";
  const text = html`${counted(found, "character")} here ${verb}, and ${found === 1 ? "is" : "are"} marked <mark class="odd"><span>like this</span></mark>: invisible, reordering, or made to look like another one.${bidi > 0 && " Texts with reordering marks are a known trick."}`;
  return [{ weight: bidi > 0 ? "danger" : "caution", text }];
}

const LABELS: Readonly<Record<Notice["weight"], string>> = { danger: "Danger", caution: "Note", calm: "Undo" };

function notice({ weight, text }: Notice): Html {
  return html`<li class="notice ${weight}"><span class="weight">${LABELS[weight]}</span> <span>${text}</span></li>`;
}

function section({ title, body }: Section): Html {
  return html`<section class="card"><h2>${title}</h2>${body}</section>`;
}

function details(title: string, body: Child, isOpen: boolean): Html {
  return html`<details class="card"${isOpen && html` open`}><summary><h2>${title}</h2></summary>${body}</details>`;
}

const STATES: Readonly<Record<Progress["state"], readonly [title: string, text: string]>> = {
  waiting: ["Waiting for a person", ""],
  approved: ["Approved", "The agent may make this very call, once, before it expires."],
  denied: ["Denied", "The agent is told so, with the reason."],
  used: ["Done", "The approval was used up by a run; the receipts say what became of it."],
  expired: ["Expired", "Nobody may approve it any more. The agent has to ask again."],
  tampered: ["Not genuine", "Somebody has changed this request in the inbox. It cannot be approved."],
};

/** How far it has come: the box beside the request. */
export function statusBox(stored: StoredRequest, progress: Progress, now: Date): Html {
  const [title, text] = STATES[progress.state];
  const isOpen = progress.state === "waiting" || progress.state === "approved";
  return html`<section class="status status-${progress.state}" aria-label="How it stands">
<p class="state" role="status">${title}</p>
${text !== "" && html`<p>${text}</p>`}
${stored.problem !== null && html`<p class="problem">${stored.problem}</p>`}
${isOpen && html`<p class="clock">Expires <span data-until="${stored.expires_at}">${distance(stored.expires_at, now)}</span> <span class="aside">${instant(stored.expires_at)}</span></p>`}
${progress.needed > 1 && html`<p class="count">${progress.counted.length} of ${progress.needed} people have approved</p>`}
${answerList(stored.answers)}
${stored.run_id !== null && html`<p>Run <code class="value">${stored.run_id}</code></p>`}
</section>`;
}

const METHODS: Readonly<Record<Answer["method"], string>> = {
  passkey: "with a passkey",
  key: "with a key, in a terminal",
  link: "with a link from a mail",
  terminal: "in a terminal",
  page: "on this page",
};

function answerList(answers: readonly Answer[]): Html | null {
  if (answers.length === 0) return null;
  const show = new Shower();
  const items = answers.map((answer) => {
    const verb = answer.decision === "approve" ? "approved" : "said no";
    const reason = answer.reason !== null && answer.reason !== "" && html`<span class="reason">${show.line(answer.reason)}</span>`;
    return html`<li class="answer ${answer.decision}">${show.line(answer.who)} ${verb} ${METHODS[answer.method]} <span class="aside">${instant(answer.answered_at)}</span>${reason}</li>`;
  });
  return html`<ul class="answers">${items}</ul>`;
}
