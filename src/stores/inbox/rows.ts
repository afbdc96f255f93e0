import { isEnactError } from "../../errors.js";
import type { Answer } from "../../approvals/answer.js";
import type { RequestState, StoredRequest } from "../../approvals/inbox.js";
import type { ApprovalRequest } from "../../approvals/request.js";
import { requestProblem } from "../../approvals/request.js";
import type { Sealing } from "../../receipts/sealed.js";
import type { Database, Row } from "../sqlite/database.js";

export function sealRequest(sealing: Sealing, request: ApprovalRequest): Uint8Array {
  return sealing.seal(Buffer.from(JSON.stringify(request), "utf8"), `inbox request ${request.id}`);
}

export function sealAnswer(sealing: Sealing, answer: Answer, number: number): Uint8Array {
  return sealing.seal(Buffer.from(JSON.stringify(answer), "utf8"), answerContext(answer.request_id, number));
}

function answerContext(requestId: string, number: number): string {
  return `inbox answer ${requestId} ${String(number)}`;
}

/**
 * A row with its answers, each proved to be what was put in. What is not is named as the request's problem: it stays
 * visible, and nobody can answer or use it.
 */
export function storedRequest(db: Database, sealing: Sealing, row: Row, now: Date): StoredRequest {
  const id = text(row, "id");
  const { answers, problem: answerProblem } = answersOf(db, sealing, id);
  const { request, problem: ownProblem } = requestOf(sealing, row);
  const problem = ownProblem ?? answerProblem;
  return {
    id,
    project: text(row, "project"),
    workflow: text(row, "workflow"),
    target: text(row, "target"),
    user_email: text(row, "user_email"),
    plan_digest: text(row, "plan_digest"),
    created_at: text(row, "created_at"),
    expires_at: text(row, "expires_at"),
    state: stateOf(row, answers, now),
    answers,
    run_id: typeof row["run_id"] === "string" ? row["run_id"] : null,
    request: problem === null ? request : null,
    problem,
  };
}

function stateOf(row: Row, answers: readonly Answer[], now: Date): RequestState {
  const state = text(row, "state");
  if (state === "used" || state === "expired") return state;
  // Whoever turns the state back has the denial against him.
  if (state === "denied" || answers.some((answer) => answer.decision === "deny")) return "denied";
  return Date.parse(text(row, "expires_at")) > now.getTime() ? "open" : "expired";
}

const COPIED = ["id", "project", "created_at", "expires_at"] as const;
const COPIED_OF_PLAN = ["workflow", "target", "plan_digest"] as const;

function requestOf(sealing: Sealing, row: Row): { readonly request: ApprovalRequest | null; readonly problem: string | null } {
  const { sealed } = row;
  if (!(sealed instanceof Uint8Array)) {
    // Forgotten some time after it was over; of an open one somebody has taken it away.
    return { request: null, problem: row["state"] === "open" ? "what it asks for was taken out of the inbox" : null };
  }
  const read = opened(sealing, sealed, `inbox request ${text(row, "id")}`);
  if ("problem" in read) return { request: null, problem: read.problem };
  // Only this program seals with this key, and under this context only requests.
  const request = read.value as ApprovalRequest;
  const columnsAreRight =
    COPIED.every((name) => row[name] === request[name]) &&
    COPIED_OF_PLAN.every((name) => row[name] === request.plan[name]) &&
    row["user_email"] === request.plan.identity.user_email;
  return { request, problem: columnsAreRight ? requestProblem(request) : "the inbox says something else of it than it says itself" };
}

function answersOf(db: Database, sealing: Sealing, id: string): { readonly answers: readonly Answer[]; readonly problem: string | null } {
  const answers: Answer[] = [];
  for (const row of db.all("SELECT * FROM answers WHERE request_id = ? ORDER BY number", id)) {
    const { sealed, number } = row;
    const read = sealed instanceof Uint8Array ? opened(sealing, sealed, answerContext(id, Number(number))) : { problem: "an answer is gone" };
    if ("problem" in read) return { answers, problem: `an answer to it: ${read.problem}` };
    const answer = read.value as Answer;
    if (answer.request_id !== id || answer.approver_id !== row["approver_id"]) return { answers, problem: "an answer to it was put in another's place" };
    answers.push(answer);
  }
  return { answers, problem: null };
}

function opened(sealing: Sealing, sealed: Uint8Array, context: string): { readonly value: unknown } | { readonly problem: string } {
  try {
    return { value: JSON.parse(sealing.open(sealed, context).toString("utf8")) };
  } catch (error) {
    return { problem: isEnactError(error) && error.code !== "TAMPERED" ? error.message : "it was changed, or sealed with another key" };
  }
}

function text(row: Row, name: string): string {
  const value = row[name];
  return typeof value === "string" ? value : "";
}
