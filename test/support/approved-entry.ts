import type { Approver } from "../../src/approvals/approvers.js";
import type { Proof, ProvedAnswer } from "../../src/approvals/proof.js";
import type { Statement } from "../../src/approvals/request.js";
import { challengeOf } from "../../src/approvals/request.js";
import type { EntryDraft } from "../../src/receipts/receipt.js";
import type { Person } from "./approval-world.js";
import { draft } from "./ledger-sandbox.js";

export const PLAN = `sha256:${"9".repeat(64)}`;

/** A minute of the hour in which everything here happens. */
export function at(minute: number): string {
  return new Date(Date.UTC(2026, 10, 22, 12, minute)).toISOString();
}

export function approverOf(person: Person, changes: Partial<Approver> = {}): Approver {
  return { ...person.draft, confirmation: null, revoked_at: null, ...changes };
}

/** What is unusual about an approval. */
export interface ApprovalCase {
  readonly statement?: Partial<Statement>;
  /** What is signed, when it is not what is shown. */
  readonly signed?: Partial<Statement>;
  readonly answer?: Partial<ProvedAnswer>;
  readonly entry?: Partial<EntryDraft>;
  readonly proof?: Readonly<Record<string, unknown>>;
}

/** A decision that was allowed on an approval by these people; file it under approvalSubject(id). */
export function approvedEntry(id: string, by: readonly Person[], { statement = {}, signed = {}, answer = {}, entry = {}, proof = {} }: ApprovalCase = {}): EntryDraft {
  const whole: Statement = {
    purpose: "enact-guard approval 1", decision: "approve", id, project: "/home/ann/shop", workflow: "git_push", plan_digest: PLAN, shown: PLAN,
    min_approvals: 1, approver_differs: false, created_at: at(1), expires_at: at(60), ...statement,
  };
  const answers = by.map((person): ProvedAnswer => {
    const { id: approver_id, email: who, kind: method, public_key } = person.draft;
    return { approver_id, who, method, answered_at: at(2), public_key, signature: person.sign(challengeOf({ ...whole, ...signed })), ...answer };
  });
  const recorded: Proof = { state: "granted", id, approvers: answers.map(({ who }) => who), statement: whole, answers };
  return draft({ plan_digest: PLAN, timestamp: at(3), approval: { ...recorded, ...proof } as unknown as EntryDraft["approval"], ...entry });
}
