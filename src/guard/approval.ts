import type { ApprovalDesk, Demand, Grant, PlanForApproval, Standing } from "../approvals/desk.js";
import { approvalSubject } from "../approvals/proof.js";
import { newRequestId, shortId } from "../approvals/request.js";
import { isEnactError } from "../errors.js";
import type { Approval, History } from "../facts/context.js";
import { policyMeta } from "../policies/policy.js";
import type { EntryDraft } from "../receipts/receipt.js";
import type { GuardOptions } from "./guard.js";
import type { Judgement } from "./judge.js";
import { policiesFor } from "./judge.js";
import type { PlannedCall } from "./planned.js";
import { plainText } from "./text.js";

/** What people have said of a call so far, found before the transaction that decides. */
export interface Asked {
  readonly plan: PlanForApproval;
  readonly standing: Standing;
  /** The id of the request, should one have to be made. */
  readonly newId: string;
  readonly expiresAt: (now: Date) => Date;
}

/** Clocks of a machine are corrected by less than this while it runs. */
const CLOCK_TOLERANCE_MS = 2000;

/**
 * Asks the desk what stands, if a policy of this tool takes a person's approval at all. Reads only.
 * @returns undefined when there is nobody to ask, or nothing to ask for
 */
export async function askDesk(options: GuardOptions, call: PlannedCall): Promise<Asked | undefined> {
  const { desk } = options;
  const { workflow, identity, configDigest, planDigest } = call.run;
  const mayMatter = policiesFor(workflow, options.policies).some(({ policy }) => policyMeta(policy)?.mayBeApproved === true);
  if (desk === undefined || !mayMatter || planDigest === null) return undefined;
  const { payload, step, target } = call.plan;
  const plan = { workflow, target, payload, step, identity: identity as PlanForApproval["identity"], config_digest: configDigest, plan_digest: planDigest };
  return { plan, standing: await standingOf(desk, plan, options.clock()), newId: newRequestId(), expiresAt: (now) => desk.expiresAt(now) };
}

async function standingOf(desk: ApprovalDesk, plan: PlanForApproval, now: Date): Promise<Standing> {
  try {
    return await desk.find(plan, now);
  } catch (error) {
    // Without people's word the policies block, so this is a reason and no failure of the guard.
    return { state: "none", note: `What people have said cannot be read: ${isEnactError(error) ? error.message : "the inbox failed"}` };
  }
}

/** An approval that this very call may use up, or why there is none. */
export type Usable = { readonly grant: Grant } | { readonly note?: string; readonly usedBy?: string };

/** Runs inside the transaction that records the intent, so that of two calls at once one gets it. */
export function usableGrant({ plan, standing }: Asked, history: History, now: Date): Usable {
  if (standing.state !== "granted") return standing.note === undefined ? {} : { note: standing.note };
  const { grant } = standing;
  const short = shortId(grant.id);
  if (grant.plan_digest !== plan.plan_digest) return { note: `Approval ${short} is for another call` };
  if (now.getTime() >= Date.parse(grant.expires_at)) return { note: `Approval ${short} expired at ${grant.expires_at}` };
  const clockWasSetBack =
    now.getTime() + CLOCK_TOLERANCE_MS < Date.parse(grant.approved_at) ||
    history.count({ since: new Date(now.getTime() + CLOCK_TOLERANCE_MS) }) > 0;
  if (clockWasSetBack) return { note: `Whether approval ${short} has expired cannot be said: the clock was set back` };
  const [used] = history.runs({ subject: approvalSubject(grant.id), since: new Date(0) });
  if (used === undefined) return { grant };
  return { note: `Approval ${short} was used already (run ${used.run_id.slice(0, 8)}): one approval is for one call`, usedBy: used.run_id };
}

/** The approval as policies see it. Of several ways to answer the weakest counts: a link is less than a key or a passkey. */
export function approvalOf({ id, approvers, methods, plan_digest, approved_at }: Grant): Approval {
  const method = methods.includes("link") ? "link" : methods.includes("key") ? "key" : "passkey";
  return Object.freeze({ id, approver: approvers.join(", "), approvers: Object.freeze([...approvers]), method, plan_digest, approved_at });
}

/**
 * What people would have to do for this call to pass; null when not even they could make it: some other policy blocks.
 * `judgeWith` judges the call as it would be with their approval, which policies of one's own may heed as well.
 */
export function demandFor(options: GuardOptions, call: PlannedCall, judgement: Judgement, judgeWith: (approval: Approval) => Judgement): Demand | null {
  const applying = policiesFor(call.run.workflow, options.policies);
  const failing = judgement.results.flatMap((result, index) => (result.passed ? [] : [{ result, meta: policyMeta(applying[index]?.policy) }]));
  const wanted = failing.map(({ meta }) => Number(meta?.options["min_approvals"] ?? 1));
  const min_approvals = Math.max(1, ...wanted.filter(Number.isSafeInteger));
  const people = Array.from({ length: min_approvals }, (_, index) => `person-${String(index + 1)}@example.invalid`);
  const supposed = { id: "", approver: people.join(", "), approvers: people, method: "passkey", plan_digest: call.run.planDigest ?? "", approved_at: "" } as const;
  if (!judgeWith(Object.freeze(supposed)).passed) return null;
  const policies = failing.map(({ result }) => ({ policy: result.policy, reason: call.run.redactor.text(result.reason) }));
  return { policies, min_approvals, approver_differs: false };
}

/** The same judgement with what people have said put behind the reasons of the policies that wait for them. */
export function withNote(judgement: Judgement, note: string | undefined): Judgement {
  if (note === undefined) return judgement;
  const said = plainText(note, 700);
  const results = judgement.results.map((result) => {
    if (result.passed) return result;
    return { ...result, reason: `${result.reason}${/[.!?]$/u.test(result.reason) ? "" : "."} ${said}` };
  });
  return { ...judgement, results };
}

/** What is left to do with a call that only people can let through. */
export type Request =
  | { readonly kind: "file"; readonly id: string; readonly demand: Demand; readonly usedUp?: { readonly id: string; readonly runId: string } }
  | { readonly kind: "wait"; readonly id: string }
  | { readonly kind: "denied" };

/** As the receipt of the blocked call names it. */
export function recorded(request: Request, { standing, expiresAt }: Asked, now: Date): EntryDraft["approval"] {
  if (request.kind === "denied") return { state: "denied", id: standing.state === "denied" ? standing.id : "" };
  if (request.kind === "file") return { state: "requested", id: request.id, expires_at: expiresAt(now).toISOString() };
  const expires_at = standing.state === "pending" ? standing.expires_at : standing.state === "granted" ? standing.grant.expires_at : "";
  return { state: "pending", id: request.id, expires_at };
}

export function requestFor({ standing, newId }: Asked, demand: Demand, usable: Usable): Request {
  if (standing.state === "denied") return { kind: "denied" };
  if (standing.state === "pending") return { kind: "wait", id: standing.id };
  if (standing.state === "none" || "grant" in usable) return { kind: "file", id: newId, demand };
  const usedUp = usable.usedBy === undefined ? {} : { usedUp: { id: standing.grant.id, runId: usable.usedBy } };
  return { kind: "file", id: newId, demand, ...usedUp };
}

const SAID_NO = "A person has said no to exactly this call. Do not make it again as it is: read the reason, change the call, or ask them.";

/** Puts the request before people, once the receipt of the block is durable. @returns what to do instead */
export async function putToPeople(desk: ApprovalDesk, request: Request, { plan }: Asked, now: Date): Promise<readonly string[]> {
  if (request.kind === "denied") return [SAID_NO];
  if (request.kind === "wait") return [desk.where(request.id).join(" ")];
  try {
    // The ledger knows better than the inbox, which may have missed it.
    if (request.usedUp !== undefined) await desk.used(request.usedUp.id, request.usedUp.runId, now);
    const filed = await desk.file(request.id, plan, request.demand, now);
    return [filed.where.join(" ")];
  } catch (error) {
    const why = isEnactError(error) ? `${error.message}. ${error.hint ?? ""}`.trim() : "the inbox failed.";
    return [`A person would have to decide, and could not be asked: ${why} Tell the person.`];
  }
}

/** The same for a call that was only checked: nothing is asked of anybody. */
export function adviceOnCheck(desk: ApprovalDesk, request: Request): readonly string[] {
  if (request.kind === "denied") return [SAID_NO];
  if (request.kind === "wait") return [`A person has been asked and has not decided. ${desk.where(request.id).join(" ")}`];
  return ["A person must decide on this call. Make it, and they are asked; nobody was asked by this check."];
}
