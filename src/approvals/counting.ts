import type { Answer } from "./answer.js";
import type { Approver, ApproverRegistry } from "./approvers.js";
import { personOf } from "./approvers.js";
import type { Statement } from "./request.js";
import { challengeOf } from "./request.js";
import { hasSigned } from "./signatures.js";

/** What is needed to say whether an answer counts. */
export interface CountingRules {
  readonly statement: Statement;
  /** Whose call it is. */
  readonly userEmail: string;
  readonly registry: Pick<ApproverRegistry, "find">;
  /**
   * now: the approver must not be revoked. then: a revocation after the answer is fine, because what was rightly used
   * stays provable.
   */
  readonly revoked: "now" | "then";
}

/** Why a yes does not count, as the end of a sentence about it; null when it does. */
export function approvalProblem(answer: Omit<Answer, "decision" | "reason">, rules: CountingRules): string | null {
  const { statement, registry } = rules;
  if (answer.approver_id === null || answer.signature === null) return "is not signed";
  const approver = registry.find(answer.approver_id);
  if (approver === undefined) return "comes from somebody who is not among the approvers here";
  if (!METHODS[approver.kind].includes(answer.method)) return "was given in another way than its signature says";
  if (answer.who !== approver.email) return "names another person than the approver who signed it";
  if (!hasSigned(approver, challengeOf(statement), answer.signature)) return "has a signature that does not fit";
  return timeProblem(answer.answered_at, approver, rules) ?? personProblem(approver, rules);
}

const METHODS: Readonly<Record<Approver["kind"], readonly string[]>> = { key: ["key"], passkey: ["passkey"], link: ["link"] };

function timeProblem(answeredAt: string, approver: Approver, { statement, revoked }: CountingRules): string | null {
  const at = Date.parse(answeredAt);
  if (!(at >= Date.parse(statement.created_at))) return "was given before it was asked for";
  if (!(at < Date.parse(statement.expires_at))) return "was given too late";
  if (!(at >= Date.parse(approver.created_at))) return "is older than the approver";
  if (approver.revoked_at === null) return null;
  const countedThen = revoked === "then" && at < Date.parse(approver.revoked_at);
  return countedThen ? null : "comes from an approver who has been revoked";
}

function personProblem(approver: Approver, { statement, userEmail }: CountingRules): string | null {
  if (approver.kind === "link" && approver.link?.request_id !== statement.id) return "was given with the link of another request";
  const isOwn = personOf(approver.email) === personOf(userEmail);
  return statement.approver_differs && isOwn ? "is the acting user's own, which does not count here" : null;
}

/** The answers that count, the first of each person. */
export function countedApprovals(answers: readonly Answer[], rules: CountingRules): readonly Answer[] {
  const seen = new Set<string>();
  return answers.filter((answer) => {
    if (answer.decision !== "approve" || approvalProblem(answer, rules) !== null) return false;
    const person = personOf(answer.who);
    if (seen.has(person)) return false;
    seen.add(person);
    return true;
  });
}
