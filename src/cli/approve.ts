import type { Answer } from "../approvals/answer.js";
import { answerRequest, progressOf } from "../approvals/answering.js";
import type { Approver, ApproverRegistry } from "../approvals/approvers.js";
import { personOf } from "../approvals/approvers.js";
import type { StoredRequest } from "../approvals/inbox.js";
import { hasPersonKey } from "../approvals/person-key.js";
import { challengeOf, requestProblem, shortId, statementOf } from "../approvals/request.js";
import { EnactError } from "../errors.js";
import { plainText } from "../guard/text.js";
import type { InboxDeps } from "./approvals/find.js";
import { findRequest } from "./approvals/find.js";
import { unlockKey } from "./approvals/keys.js";
import { requestText, stateText } from "./approvals/show.js";
import type { ExitCode, Io } from "./io.js";
import { EXIT } from "./io.js";
import type { Terminal } from "./terminal.js";

export interface ApproveArgs {
  readonly id: string;
  /** Says no without asking further. */
  readonly deny: boolean;
  /** Why not: the agent reads it. */
  readonly reason?: string;
  /** Which of several approvers on this machine. */
  readonly as?: string;
}

export interface ApproveDeps extends InboxDeps {
  readonly registry: ApproverRegistry;
  readonly enactHome: string;
  readonly terminal: Terminal;
  /** Whose terminal it is, for unsigned denials. */
  readonly userName: string;
}

/**
 * Shows a request in full and takes a person's decision. Saying yes takes the passphrase of an approver's key, typed into
 * a terminal; saying no takes nothing.
 *
 * @returns 0 when something was decided, 1 when not
 * @throws EnactError REFUSED for a yes without a terminal or without a key, NOT_FOUND, USAGE
 */
export async function approveCommand(args: ApproveArgs, io: Pick<Io, "stdout">, deps: ApproveDeps): Promise<ExitCode> {
  const stored = await findRequest(deps, args.id);
  if (args.deny) return deny(stored, args.reason ?? null, io, deps);
  if (args.reason !== undefined) throw new EnactError("USAGE", "A reason is given for a no: add --deny");
  const { terminal, registry, clock } = deps;
  if (!terminal.isInteractive) throw notATerminal(stored.id);
  const progress = progressOf(stored, registry);
  terminal.write(`${requestText(stored, progress, clock(), true)}\n`);
  if (progress.state !== "waiting" && progress.state !== "approved") return EXIT.blocked;
  const approver = progress.state === "approved" ? null : chooseApprover(stored, args.as, deps);
  if (typeof approver === "string") terminal.write(`${approver}\n`);
  const canApprove = approver !== null && typeof approver !== "string";
  const question = canApprove ? `As ${plainText(approver.email, 200)}: type 'approve' or 'deny', or nothing to leave it: ` : "Type 'deny' to say no, or nothing to leave it: ";
  const decision = (await terminal.ask(question)).trim().toLowerCase();
  if (decision === "deny") return deny(stored, await terminal.ask("Why not (the agent reads it)? "), io, deps);
  if (decision === "approve" && canApprove) return approve(stored, approver, io, deps);
  terminal.write("Nothing was decided.\n");
  return EXIT.blocked;
}

async function approve(stored: StoredRequest, approver: Approver, io: Pick<Io, "stdout">, deps: ApproveDeps): Promise<ExitCode> {
  const { request } = stored;
  const problem = request === null ? "it is not what was asked for" : requestProblem(request);
  if (request === null || problem !== null) throw new EnactError("TAMPERED", `Request ${shortId(stored.id)} is not signed: ${problem ?? ""}`);
  const key = await unlockKey(approver, deps);
  const signature = key.sign(challengeOf(statementOf(request, "approve")));
  const answer = { decision: "approve", method: "key", approver_id: approver.id, who: approver.email, reason: null, signature } as const;
  return record(stored, answer, io, deps);
}

function deny(stored: StoredRequest, reason: string | null, io: Pick<Io, "stdout">, deps: ApproveDeps): Promise<ExitCode> {
  const who = `${deps.userName} (at a terminal)`;
  return record(stored, { decision: "deny", method: "terminal", approver_id: null, who, reason, signature: null }, io, deps);
}

async function record(stored: StoredRequest, answer: Omit<Answer, "request_id" | "answered_at">, io: Pick<Io, "stdout">, deps: ApproveDeps): Promise<ExitCode> {
  const now = deps.clock();
  const recorded = await answerRequest(deps, { ...answer, request_id: stored.id, answered_at: now.toISOString() }, now);
  const progress = progressOf(recorded, deps.registry);
  const next = progress.state === "approved" ? " Tell the agent to make the same call again." : "";
  io.stdout.write(`Request ${shortId(stored.id)}: ${stateText(recorded, progress, now)}.${next}\n`);
  return EXIT.done;
}

/** The approver of this machine who can say yes; or, in words, why there is none. */
function chooseApprover(stored: StoredRequest, as: string | undefined, deps: ApproveDeps): Approver | string {
  const { registry, enactHome } = deps;
  const here = registry.all().filter(({ id, kind, revoked_at }) => kind === "key" && revoked_at === null && hasPersonKey(enactHome, id));
  const acting = personOf(stored.user_email);
  const differs = stored.request?.demand.approver_differs === true;
  const answered = new Set(stored.answers.filter(({ decision }) => decision === "approve").map(({ who }) => personOf(who)));
  const wanted = as === undefined ? here : here.filter(({ email }) => personOf(email) === personOf(as));
  const able = wanted.filter(({ email }) => !answered.has(personOf(email)) && !(differs && personOf(email) === acting));
  const [approver] = able;
  if (approver !== undefined && new Set(able.map(({ email }) => personOf(email))).size === 1) return approver;
  if (approver !== undefined) throw new EnactError("USAGE", `Several people can approve here: ${able.map(({ email }) => plainText(email, 100)).join(", ")}`, { hint: "Say who you are: --as ann@example.com" });
  if (wanted.length > 0) return "You cannot approve this: you have already, or you are the one who asks, and somebody else must.";
  if (as !== undefined) return `No key of ${plainText(as, 100)} is on this machine.`;
  return "No approver has a key on this machine. To become one: enact-guard approvers add your@address";
}

function notATerminal(id: string): EnactError {
  return new EnactError("REFUSED", "A yes is only taken from a person at a terminal", {
    hint: `Run it in a terminal of your own. enact-guard approvals ${shortId(id)} shows the request anywhere.`,
    done: "Nothing was decided.",
  });
}
