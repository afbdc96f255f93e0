import { setTimeout as sleep } from "node:timers/promises";

import type { Progress } from "../approvals/answering.js";
import { progressOf } from "../approvals/answering.js";
import type { ApproverRegistry } from "../approvals/approvers.js";
import type { StoredRequest } from "../approvals/inbox.js";
import { shortId } from "../approvals/request.js";
import { plainText } from "../guard/text.js";
import type { InboxDeps } from "./approvals/find.js";
import { findRequest } from "./approvals/find.js";
import { requestText, stateText } from "./approvals/show.js";
import type { ExitCode, Io } from "./io.js";
import { EXIT } from "./io.js";

export interface ApprovalsArgs {
  /** A request in full; without it, those that wait. */
  readonly id?: string;
  /** Also those that are over. */
  readonly all: boolean;
  /** Goes on until the person ends it, and says what changes. */
  readonly watch: boolean;
  /** Absolute path of a project; without it, those of all projects of this user. */
  readonly project?: string;
  readonly json: boolean;
}

export interface ApprovalsDeps extends InboxDeps {
  readonly registry: ApproverRegistry;
  /** Ends the watching. */
  readonly signal?: AbortSignal;
  readonly pollMs?: number;
}

const POLL_MS = 1000;

/** A request and how far it has come. */
interface Seen {
  readonly stored: StoredRequest;
  readonly progress: Progress;
}

/**
 * Lists the requests that wait for a person, or shows one in full.
 * @returns 0; 1 when a request in the inbox is not genuine
 */
export async function approvalsCommand(args: ApprovalsArgs, io: Pick<Io, "stdout">, deps: ApprovalsDeps): Promise<ExitCode> {
  if (args.id !== undefined) return showOne(args.id, args.json, io, deps);
  const seen = await look(args, deps);
  if (args.json) io.stdout.write(args.watch ? seen.map(jsonLine).join("") : `${JSON.stringify({ requests: seen.map(asJson) }, null, 2)}\n`);
  else io.stdout.write(seen.length === 0 ? `${args.all ? "Nobody was asked yet." : "Nothing waits for a person."}\n` : seen.map((one) => `${line(one, deps.clock())}\n`).join(""));
  if (args.watch) await watch(args, io, deps, seen);
  return seen.some(({ progress }) => progress.state === "tampered") ? EXIT.blocked : EXIT.done;
}

async function showOne(id: string, json: boolean, io: Pick<Io, "stdout">, deps: ApprovalsDeps): Promise<ExitCode> {
  const stored = await findRequest(deps, id);
  const progress = progressOf(stored, deps.registry);
  io.stdout.write(json ? `${JSON.stringify({ ...asJson({ stored, progress }), request: stored.request }, null, 2)}\n` : requestText(stored, progress, deps.clock(), io.stdout.isTTY === true));
  return progress.state === "tampered" ? EXIT.blocked : EXIT.done;
}

async function look({ all, project }: ApprovalsArgs, { inbox, registry, clock }: ApprovalsDeps): Promise<readonly Seen[]> {
  const found = await inbox.list(project === undefined ? {} : { project }, clock());
  const seen = found.map((stored) => ({ stored, progress: progressOf(stored, registry) }));
  return seen.filter(({ progress }) => all || ["waiting", "approved", "tampered"].includes(progress.state)).toReversed();
}

async function watch(args: ApprovalsArgs, io: Pick<Io, "stdout">, deps: ApprovalsDeps, first: readonly Seen[]): Promise<void> {
  const known = new Map(first.map((seen) => [seen.stored.id, tagOf(seen)]));
  const isOver = () => deps.signal?.aborted === true;
  while (!isOver()) {
    // Ends early when the person does.
    await sleep(deps.pollMs ?? POLL_MS, undefined, deps.signal === undefined ? {} : { signal: deps.signal }).catch(() => undefined);
    if (isOver()) return;
    for (const seen of await look({ ...args, all: true }, deps)) {
      const { id } = seen.stored;
      const isNews = known.has(id) ? known.get(id) !== tagOf(seen) : args.all || isOpen(seen);
      known.set(id, tagOf(seen));
      if (isNews) io.stdout.write(args.json ? jsonLine(seen) : `${line(seen, deps.clock())}\n`);
    }
  }
}

function isOpen({ progress }: Seen): boolean {
  return progress.state === "waiting" || progress.state === "approved";
}

function tagOf({ stored, progress }: Seen): string {
  return `${progress.state} ${String(stored.answers.length)} ${String(progress.counted.length)}`;
}

function line({ stored, progress }: Seen, now: Date): string {
  const { workflow, target, project, user_email } = stored;
  const what = `${plainText(workflow, 40)}  ${plainText(target, 200)}`;
  return `${shortId(stored.id)}  ${what}  ${plainText(user_email, 100)} in ${plainText(project, 200)}  ${stateText(stored, progress, now)}`;
}

function jsonLine(seen: Seen): string {
  return `${JSON.stringify(asJson(seen))}\n`;
}

function asJson({ stored, progress }: Seen) {
  const { id, workflow, target, project, user_email, plan_digest, created_at, expires_at, run_id, problem } = stored;
  const answers = stored.answers.map(({ decision, method, who, answered_at, reason }) => ({ decision, method, who, answered_at, reason }));
  const { state, needed, counted } = progress;
  return { id, state, workflow, target, project, user_email, plan_digest, created_at, expires_at, run_id, needed, approved: counted.length, answers, problem };
}
