import { EnactError } from "../errors.js";
import type { Answer } from "./answer.js";
import type { ApproverRegistry } from "./approvers.js";
import { approvalProblem, countedApprovals } from "./counting.js";
import type { Inbox, StoredRequest } from "./inbox.js";
import { challengeOf, shortId, statementOf } from "./request.js";
import { hasSigned } from "./signatures.js";

/** Who says no without a signature is named as he seems to be; a reason of this length says enough. */
const MAX_REASON = 500;

export interface Answering {
  readonly inbox: Inbox;
  readonly registry: ApproverRegistry;
}

/**
 * Records an answer once it has proved to be one: the signature is over what the request itself says, the approver is
 * in the registry and not revoked. Whoever cannot sign can still say no. For the terminal and for the page.
 *
 * @throws EnactError NOT_FOUND when there is no such request, REFUSED when the answer does not count or comes too late
 */
export async function answerRequest({ inbox, registry }: Answering, answer: Answer, now: Date): Promise<StoredRequest> {
  const stored = await inbox.get(answer.request_id, now);
  if (stored === null) throw new EnactError("NOT_FOUND", `There is no request ${shortId(answer.request_id)}`, { hint: "enact-guard approvals lists them." });
  const { request, problem } = stored;
  if (request === null) {
    const why = problem ?? "it is over, and what it asked for is forgotten";
    throw new EnactError("REFUSED", `Request ${shortId(stored.id)} cannot be answered: ${why}`);
  }
  // By its own id: it may have been asked for by another one that leads to it.
  const own = { ...answer, request_id: request.id, answered_at: now.toISOString(), reason: answer.reason?.slice(0, MAX_REASON).toWellFormed() ?? null };
  const wrong = own.decision === "approve" ? approvalProblem(own, rulesFor(stored, registry)) : denialProblem(own, stored, registry);
  if (wrong !== null) throw new EnactError("REFUSED", `This answer ${wrong}`, { done: "Nothing was recorded." });
  return inbox.record(own, now);
}

function denialProblem(answer: Answer, { request }: StoredRequest, registry: ApproverRegistry): string | null {
  if (answer.signature === null) return answer.approver_id === null ? null : "names an approver and has no signature";
  const approver = answer.approver_id === null ? undefined : registry.find(answer.approver_id);
  if (approver === undefined || request === null) return "comes from somebody who is not among the approvers here";
  const isSigned = hasSigned(approver, challengeOf(statementOf(request, "deny")), answer.signature);
  return isSigned && answer.who === approver.email ? null : "has a signature that does not fit";
}

function rulesFor(stored: StoredRequest, registry: ApproverRegistry) {
  const { request } = stored;
  if (request === null) throw new TypeError("only a request that can be shown has rules");
  return { statement: statementOf(request, "approve"), userEmail: request.plan.identity.user_email, registry, revoked: "now" as const };
}

/** How far a request has come, for lists and pages. */
export interface Progress {
  /** waiting: more people must approve. approved: enough have; the agent may call. */
  readonly state: "waiting" | "approved" | "denied" | "used" | "expired" | "tampered";
  /** The approvals that count right now, one for each person. */
  readonly counted: readonly Answer[];
  readonly needed: number;
}

export function progressOf(stored: StoredRequest, registry: ApproverRegistry): Progress {
  const { request, state, problem } = stored;
  const needed = request === null ? 0 : Math.max(1, request.demand.min_approvals);
  const counted = request === null ? [] : countedApprovals(stored.answers, rulesFor(stored, registry));
  if (problem !== null) return { state: "tampered", counted: [], needed };
  if (state !== "open") return { state, counted, needed };
  return { state: counted.length >= needed ? "approved" : "waiting", counted, needed };
}
