import { createHash, randomBytes } from "node:crypto";

import { canonicalJson, digest, planDigest } from "../receipts/canonical.js";
import type { Demand, PlanForApproval } from "./desk.js";

/**
 * A request to people, with everything that they must be able to see: whoever shows or signs it computes the plan's digest
 * from what is shown, so that a request that was changed on its way is never signed for another plan.
 */
export interface ApprovalRequest {
  /** 32 hexadecimal digits, random. Names the request and grants nothing; 8 of them are shown. */
  readonly id: string;
  /** Real path of the project whose guard asks. */
  readonly project: string;
  readonly plan: PlanForApproval;
  readonly demand: Demand;
  /** RFC 3339 in UTC with milliseconds, as all times here. */
  readonly created_at: string;
  /** May be answered and used before this instant, not at it. */
  readonly expires_at: string;
}

export type AnswerDecision = "approve" | "deny";

/** What a person puts a signature to. It goes into the receipt, so it holds digests of what was shown, not the contents. */
export interface Statement {
  readonly purpose: "enact-guard approval 1";
  readonly decision: AnswerDecision;
  readonly id: string;
  readonly project: string;
  readonly workflow: string;
  readonly plan_digest: string;
  /** Digest of what is shown and is no part of the plan: the headline, and why the guard asks. */
  readonly shown: string;
  readonly min_approvals: number;
  readonly approver_differs: boolean;
  readonly created_at: string;
  readonly expires_at: string;
}

export function statementOf(request: ApprovalRequest, decision: AnswerDecision): Statement {
  const { id, project, plan, demand, created_at, expires_at } = request;
  return {
    purpose: "enact-guard approval 1",
    decision,
    id,
    project,
    workflow: plan.workflow,
    plan_digest: plan.plan_digest,
    shown: digest({ target: plan.target, policies: demand.policies }),
    min_approvals: demand.min_approvals,
    approver_differs: demand.approver_differs,
    created_at,
    expires_at,
  };
}

/** SHA-256 over the canonical JSON of the statement: 32 bytes, and the challenge of a passkey. */
export function challengeOf(statement: Statement): Uint8Array {
  return createHash("sha256").update(canonicalJson(statement)).digest();
}

/** What keys sign. The words in front keep a signature from meaning anything else; a passkey has its own such frame. */
export function signedBytes(challenge: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from("enact-guard approval 1\0", "utf8"), challenge]);
}

/** Says why a request must not be shown as one, signed or granted; null when it is what it says. */
export function requestProblem(request: ApprovalRequest): string | null {
  const { plan } = request;
  if (planDigest(plan) !== plan.plan_digest) return "what it shows is not what its digest was made of";
  if (!/^[0-9a-f]{32}$/u.test(request.id)) return "its id is none that the guard makes";
  const times = [request.created_at, request.expires_at].map((time) => Date.parse(time));
  return times.every((time) => Number.isFinite(time)) ? null : "its times cannot be read";
}

export function newRequestId(): string {
  return randomBytes(16).toString("hex");
}

/** As people see and type it. */
export function shortId(id: string): string {
  return id.slice(0, 8);
}
