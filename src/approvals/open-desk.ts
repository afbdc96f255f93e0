import { realPathOf } from "../receipts/key-files.js";
import type { Answer } from "./answer.js";
import type { Progress } from "./answering.js";
import { progressOf } from "./answering.js";
import type { ApproverRegistry } from "./approvers.js";
import { approvalProblem } from "./counting.js";
import type { ApprovalDesk, Demand, FiledRequest, Grant, PlanForApproval, Standing } from "./desk.js";
import { differenceOf } from "./difference.js";
import type { Inbox, StoredRequest } from "./inbox.js";
import { proofAsJson, proofOf } from "./proof.js";
import type { ApprovalRequest } from "./request.js";
import { shortId, statementOf } from "./request.js";

/** Tells people of a new request: starts the page, sends a mail, shows a notice. @returns sentences for the agent */
export type Announcer = (request: ApprovalRequest) => Promise<readonly string[]>;

export interface DeskOptions {
  readonly inbox: Inbox;
  readonly registry: ApproverRegistry;
  readonly project: string;
  readonly expiresMinutes: number;
  readonly minApprovals: number;
  readonly approverDiffers: boolean;
  /** Where the page is, without a path: "http://localhost:4663"; null when there is none. */
  readonly page: string | null;
  readonly announcers?: readonly Announcer[];
  /** What else ends with the desk. */
  readonly close?: () => Promise<void>;
}

/** The desk of one project. Looks at nothing until it is asked. */
export function openDesk(options: DeskOptions): ApprovalDesk {
  return new Desk(options);
}

class Desk implements ApprovalDesk {
  readonly #options: DeskOptions;
  readonly #project: string;

  constructor(options: DeskOptions) {
    this.#options = options;
    this.#project = realPathOf(options.project);
  }

  async find(plan: PlanForApproval, now: Date): Promise<Standing> {
    const { inbox, registry } = this.#options;
    const about = { project: this.#project, workflow: plan.workflow };
    const same = await inbox.list({ ...about, plan_digest: plan.plan_digest, limit: 20 }, now);
    const states = same.map((stored) => ({ stored, progress: progressOf(stored, registry) }));
    const granted = states.find(({ progress }) => progress.state === "approved");
    if (granted !== undefined) return standingOfGrant(granted.stored, granted.progress, plan, registry, now);
    const live = states.find(({ stored, progress }) => progress.state === "waiting" || isStillDenied(stored, progress, now));
    if (live !== undefined) return standingOf(live.stored, live.progress, registry);
    const [last] = states;
    const note = last === undefined ? await this.#nearest(plan, now) : noteOfOver(last.stored, last.progress);
    return note === null ? { state: "none" } : { state: "none", note };
  }

  expiresAt(now: Date): Date {
    return new Date(now.getTime() + this.#options.expiresMinutes * 60_000);
  }

  async file(id: string, plan: PlanForApproval, demand: Demand, now: Date): Promise<FiledRequest> {
    const times = { created_at: now.toISOString(), expires_at: this.expiresAt(now).toISOString() };
    const request: ApprovalRequest = { id, project: this.#project, plan, demand: this.#strictest(demand), ...times };
    const isThere = (await this.#options.inbox.get(id, now)) !== null;
    const stored = await this.#options.inbox.file(request, now);
    const isNew = stored.id === id && !isThere;
    const told = isNew ? await Promise.all((this.#options.announcers ?? []).map((announce) => said(announce, request))) : [];
    return { id: stored.id, expires_at: stored.expires_at, where: [...this.where(stored.id), ...told.flat()] };
  }

  where(id: string): readonly string[] {
    const { page, registry } = this.#options;
    const short = shortId(id);
    const orPage = page === null ? "" : `, or open ${page}/approvals/${short}`;
    const where = [`A person must decide: they run 'enact-guard approve ${short}' in a terminal${orPage}.`];
    if (hasNobody(registry)) where.push("Nobody can approve yet: the person first runs 'enact-guard approvers add' with their address.");
    return [...where, "Then make the same call again, with the same arguments."];
  }

  async used(id: string, runId: string, now: Date): Promise<void> {
    await this.#options.inbox.used(id, runId, now);
  }

  async close(): Promise<void> {
    await this.#options.close?.();
    await this.#options.inbox.close();
  }

  /** What the policies want is the least: the configuration may want more. */
  #strictest(demand: Demand): Demand {
    const { minApprovals, approverDiffers } = this.#options;
    return { ...demand, min_approvals: Math.max(demand.min_approvals, minApprovals), approver_differs: demand.approver_differs || approverDiffers };
  }

  /** Another call of the same tool that people were asked about, and what is different now. */
  async #nearest(plan: PlanForApproval, now: Date): Promise<string | null> {
    const { inbox, registry } = this.#options;
    const open = await inbox.list({ project: this.#project, workflow: plan.workflow, state: "open", limit: 20 }, now);
    const others = open.map((stored) => ({ stored, progress: progressOf(stored, registry) }));
    const nearest = others.find(({ progress }) => progress.state === "approved") ?? others.find(({ progress }) => progress.counted.length > 0) ?? others[0];
    if (nearest === undefined) return null;
    const { stored, progress } = nearest;
    const short = shortId(stored.id);
    if (stored.request === null) return `Request ${short} in the inbox is not genuine (${stored.problem ?? ""})`;
    const difference = differenceOf(stored.request.plan, plan);
    const what = progress.state === "approved" ? `Approval ${short} of ${names(progress.counted)} is for another call` : `Request ${short} is about another call`;
    return difference === null ? null : `${what}: ${difference}`;
  }
}

function standingOfGrant(stored: StoredRequest, { counted }: Progress, plan: PlanForApproval, registry: ApproverRegistry, now: Date): Standing {
  const { request } = stored;
  const ahead = counted.find((answer) => Date.parse(answer.answered_at) > now.getTime());
  const { id, expires_at } = stored;
  // Never so by itself: whoever sets the clock back could also bring an approval back to life.
  if (ahead !== undefined) return { state: "pending", id, expires_at, note: `The clock says that ${ahead.who} has not approved yet: it was set back` };
  if (request === null || request.plan.plan_digest !== plan.plan_digest) return { state: "none" };
  return { state: "granted", grant: grantOf(request, counted, registry) };
}

function grantOf(request: ApprovalRequest, counted: readonly Answer[], registry: ApproverRegistry): Grant {
  return {
    id: request.id,
    approvers: counted.map(({ who }) => who),
    methods: counted.map(({ method }) => method as Grant["methods"][number]),
    plan_digest: request.plan.plan_digest,
    approved_at: counted.map(({ answered_at }) => answered_at).toSorted().at(-1) ?? request.created_at,
    expires_at: request.expires_at,
    min_approvals: request.demand.min_approvals,
    proof: proofAsJson(proofOf(request, counted, registry)),
  };
}

/** A denial is an answer until the request would have expired; then one may ask again. */
function isStillDenied(stored: StoredRequest, progress: Progress, now: Date): boolean {
  return progress.state === "denied" && Date.parse(stored.expires_at) > now.getTime();
}

function standingOf(stored: StoredRequest, progress: Progress, registry: ApproverRegistry): Standing {
  const { id, expires_at, answers, request } = stored;
  if (progress.state === "denied") return { state: "denied", id, note: denialNote(answers) };
  const notes: string[] = [];
  if (progress.counted.length > 0) notes.push(`${names(progress.counted)} approved, and ${String(progress.needed)} different people must`);
  for (const answer of answers) {
    const problem = request === null || answer.decision !== "approve" ? null : approvalProblem(answer, countingRules(request, registry));
    if (problem !== null) notes.push(`The answer of ${answer.who} ${problem}`);
  }
  return { state: "pending", id, expires_at, ...(notes.length === 0 ? {} : { note: notes.join("; ") }) };
}

function countingRules(request: ApprovalRequest, registry: ApproverRegistry) {
  return { statement: statementOf(request, "approve"), userEmail: request.plan.identity.user_email, registry, revoked: "now" as const };
}

function denialNote(answers: readonly Answer[]): string {
  const denial = answers.find(({ decision }) => decision === "deny");
  const who = denial?.who ?? "Somebody";
  const reason = denial?.reason?.trim() ?? "";
  return reason === "" ? `${who} said no` : `${who} said no: ${reason}`;
}

function noteOfOver(stored: StoredRequest, progress: Progress): string | null {
  const short = shortId(stored.id);
  if (progress.state === "used") return `Approval ${short} was used already${stored.run_id === null ? "" : ` (run ${stored.run_id.slice(0, 8)})`}: one approval is for one call`;
  if (progress.state === "tampered") return `Request ${short} in the inbox is not genuine (${stored.problem ?? ""})`;
  if (progress.state === "expired") return `${progress.counted.length >= Math.max(1, progress.needed) ? "Approval" : "Request"} ${short} expired at ${stored.expires_at}`;
  return progress.state === "denied" ? `Request ${short} was denied before: ${denialNote(stored.answers)}` : null;
}

/** How long the agent's answer waits for the page or a notice; the request is on the desk already. */
const PATIENCE_MS = 3000;

async function said(announce: Announcer, request: ApprovalRequest): Promise<readonly string[]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<readonly string[]>((resolve) => {
    timer = setTimeout(() => resolve([]), PATIENCE_MS);
  });
  try {
    return await Promise.race([announce(request), late]);
  } catch {
    // That people were not told is worth a word and nothing more.
    return ["Nobody could be told of it by another way."];
  } finally {
    clearTimeout(timer);
  }
}

function hasNobody(registry: ApproverRegistry): boolean {
  try {
    return registry.all().every(({ revoked_at }) => revoked_at !== null);
  } catch {
    return false;
  }
}

function names(answers: readonly Answer[]): string {
  return answers.map(({ who }) => who).join(" and ");
}
