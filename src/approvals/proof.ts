import { subjectDigest } from "../receipts/entry.js";
import type { Entry, JsonValue } from "../receipts/receipt.js";
import type { Answer, AnswerSignature } from "./answer.js";
import type { ApproverRegistry } from "./approvers.js";
import { personOf } from "./approvers.js";
import { approvalProblem } from "./counting.js";
import type { ApprovalRequest, Statement } from "./request.js";
import { shortId, statementOf } from "./request.js";

/** What a receipt holds as `approval` when the call ran on one: all that `verify` needs besides the approvers' keys. */
export interface Proof {
  readonly state: "granted";
  readonly id: string;
  readonly approvers: readonly string[];
  /** What they signed, word for word. */
  readonly statement: Statement;
  readonly answers: readonly ProvedAnswer[];
}

export interface ProvedAnswer {
  readonly approver_id: string;
  readonly who: string;
  readonly method: "passkey" | "key" | "link";
  readonly answered_at: string;
  /** As the registry had it. Verified is with the registry's own. */
  readonly public_key: string;
  readonly signature: AnswerSignature;
}

/** The subject under which a run is filed that used an approval: the history index then knows that it is used up. */
export function approvalSubject(id: string): string {
  return `approval:${id}`;
}

/** The proof of an approved request. `answers` are those that count; see countedApprovals. */
export function proofOf(request: ApprovalRequest, answers: readonly Answer[], registry: Pick<ApproverRegistry, "find">): Proof {
  const proved = answers.flatMap((answer): ProvedAnswer[] => {
    const { approver_id, who, answered_at, signature } = answer;
    const method = answer.method as ProvedAnswer["method"];
    const approver = approver_id === null ? undefined : registry.find(approver_id);
    if (approver === undefined || signature === null) return [];
    return [{ approver_id: approver.id, who, method, answered_at, public_key: approver.public_key, signature }];
  });
  return { state: "granted", id: request.id, approvers: proved.map(({ who }) => who), statement: statementOf(request, "approve"), answers: proved };
}

/**
 * Checks the approval of an entry with the approvers' public keys: the plan is the one that was approved, enough
 * different people have signed exactly this request, in time, and the run is filed as the one that used it.
 *
 * Only a decision that allows a call on an approval has a proof; any other entry is fine. Pure but for the registry.
 *
 * @returns what is wrong, as a clause; null when nothing is
 */
export function checkApproval(entry: Entry, registry: Pick<ApproverRegistry, "find">): string | null {
  if (!usesApproval(entry)) return null;
  const proof = readProof(entry.approval);
  if (proof === null) return "its approval is not written as the guard writes it";
  const { statement } = proof;
  const short = shortId(proof.id);
  if (statement.plan_digest !== entry.plan_digest || statement.workflow !== entry.workflow) return `approval ${short} was given for another plan`;
  if (statement.id !== proof.id) return `approval ${short} was signed as another one`;
  const at = Date.parse(entry.timestamp);
  if (!(at < Date.parse(statement.expires_at))) return `approval ${short} had expired when it was used`;
  if (!(at >= Date.parse(statement.created_at))) return `approval ${short} was used before it was asked for`;
  if (!entry.subjects.includes(subjectDigest(approvalSubject(proof.id)))) return `its run is not filed as the one that used approval ${short}`;
  return answersProblem(proof, entry, registry);
}

function answersProblem(proof: Proof, entry: Entry, registry: Pick<ApproverRegistry, "find">): string | null {
  const { statement } = proof;
  const short = shortId(proof.id);
  for (const answer of proof.answers) {
    const problem = approvalProblem({ ...answer, request_id: proof.id }, { statement, userEmail: entry.user_email, registry, revoked: "then" });
    if (problem !== null) return `approval ${short}: the answer of ${answer.who} ${problem}`;
    if (registry.find(answer.approver_id)?.public_key !== answer.public_key) return `approval ${short}: the key of ${answer.who} is another one than the registry's`;
    if (Date.parse(answer.answered_at) > Date.parse(entry.timestamp)) return `approval ${short}: the answer of ${answer.who} came after it was used`;
  }
  const people = new Set(proof.answers.map(({ who }) => personOf(who)));
  const enough = people.size === proof.answers.length && people.size >= Math.max(1, statement.min_approvals);
  if (!enough) return `approval ${short} needed ${String(statement.min_approvals)} different people, and ${String(people.size)} signed`;
  return null;
}

/** checkApproval for a whole ledger, from its first entry on: no approval may have been used by two runs either. */
export function approvalChecker(registry: Pick<ApproverRegistry, "find">): (entry: Entry) => string | null {
  const used = new Set<string>();
  return (entry) => {
    const problem = checkApproval(entry, registry);
    if (problem !== null || !usesApproval(entry)) return problem;
    const id = readProof(entry.approval)?.id ?? "";
    if (used.has(id)) return `approval ${shortId(id)} was used by an earlier run already`;
    used.add(id);
    return null;
  };
}

function usesApproval({ phase, decision, approval }: Entry): boolean {
  return phase === "decision" && decision === "PASS" && approval !== null;
}

type Fields = Readonly<Record<string, unknown>>;

function readProof(value: Entry["approval"]): Proof | null {
  if (!isObject(value) || !isObject(value["statement"]) || !Array.isArray(value["answers"])) return null;
  const { statement, answers } = value;
  const numbersAreRight = Number.isSafeInteger(statement["min_approvals"]) && typeof statement["approver_differs"] === "boolean";
  const isApproval = statement["purpose"] === "enact-guard approval 1" && statement["decision"] === "approve";
  const names = ["id", "project", "workflow", "plan_digest", "shown", "created_at", "expires_at"];
  if (!numbersAreRight || !isApproval || !hasTexts(statement, names) || typeof value["id"] !== "string") return null;
  const areAnswers = answers.length > 0 && (answers as unknown[]).every(isProvedAnswer);
  if (!areAnswers || value["state"] !== "granted") return null;
  const proof = value as unknown as Proof;
  const namesAreTheirs = JSON.stringify(proof.approvers) === JSON.stringify(proof.answers.map(({ who }) => who));
  return namesAreTheirs ? proof : null;
}

function isProvedAnswer(value: unknown): boolean {
  if (!isObject(value) || !hasTexts(value, ["approver_id", "who", "method", "answered_at", "public_key"])) return false;
  const { signature } = value;
  if (!isObject(signature)) return false;
  const parts = signature["kind"] === "passkey" ? ["authenticator_data", "client_data", "signature"] : ["signature"];
  return (signature["kind"] === "passkey" || signature["kind"] === "key") && hasTexts(signature, parts);
}

function hasTexts(object: Fields, names: readonly string[]): boolean {
  return names.every((name) => typeof object[name] === "string");
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The proof as plain JSON. */
export function proofAsJson(proof: Proof): { readonly [key: string]: JsonValue } {
  return JSON.parse(JSON.stringify(proof)) as { readonly [key: string]: JsonValue };
}
