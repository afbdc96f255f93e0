import { approvalSubject } from "../approvals/proof.js";
import type { Approval, History } from "../facts/context.js";
import type { Json, JsonObject } from "../facts/json.js";
import { plainJson } from "../facts/json.js";
import type { EntryDraft } from "../receipts/receipt.js";
import type { GuardedTool, Plan } from "../tools/tool.js";
import type { Asked, Request } from "./approval.js";
import { approvalOf, demandFor, recorded, requestFor, usableGrant, withNote } from "./approval.js";
import type { Run } from "./entries.js";
import { draftEntry } from "./entries.js";
import type { GuardOptions } from "./guard.js";
import { hintsFor } from "./hints.js";
import type { Judgement } from "./judge.js";
import { GUARD, judge } from "./judge.js";
import { ROLLBACK } from "./undoing.js";

/** What one call has come to before it runs. */
export interface PlannedCall {
  readonly tool: GuardedTool;
  readonly run: Run;
  readonly plan: Plan<JsonObject, Json>;
  /** The approval on which it runs. */
  readonly approval?: Approval;
}

/** A judged plan: the entry that would record it, and the advice that goes with it. */
export interface JudgedPlan {
  readonly passed: boolean;
  readonly entry: EntryDraft;
  readonly hints: readonly string[];
  /** Under what the history is to find the run. */
  readonly subjects: readonly string[];
  /** The approval that it uses up. */
  readonly approval?: Approval;
  /** What to ask of people, when they and nobody else could let it pass. */
  readonly request?: Request;
}

/**
 * Judges a plan on this history and drafts its decision: first as it is, then, if it fails, with what people have said of it.
 * Pure but for the clock, which is read once: what was judged in time is recorded in time.
 */
export function decide(options: GuardOptions, call: PlannedCall, history: History, asked?: Asked): JudgedPlan {
  const at = options.clock();
  const judgeWith = (approval: Approval | null) => onlyOnce(call, judgePlan(options, call, call.plan.payload, history, { now: at, approval }), history);
  let judgement = judgeWith(null);
  if (judgement.passed || asked === undefined) return judged(options, call, judgement, history, at);
  const usable = usableGrant(asked, history, at);
  if ("grant" in usable) {
    const approval = approvalOf(usable.grant);
    judgement = judgeWith(approval);
    if (judgement.passed) {
      const { entry, hints, subjects } = judged(options, { ...call, approval }, judgement, history, at, usable.grant.proof);
      return { passed: true, entry, hints, subjects: [...subjects, approvalSubject(approval.id)], approval };
    }
  }
  const demand = demandFor(options, call, judgement, judgeWith);
  if (demand === null) return judged(options, call, judgement, history, at);
  const request = requestFor(asked, demand, usable);
  const noted = withNote(judgement, "note" in usable ? usable.note : undefined);
  return { ...judged(options, call, noted, history, at, recorded(request, asked, at)), request };
}

function judged(options: GuardOptions, call: PlannedCall, judgement: Judgement, history: History, at: Date, approval: EntryDraft["approval"] = null): JudgedPlan {
  const { payload } = call.plan;
  const decision = judgement.passed ? "PASS" : "BLOCK";
  const entry = draftEntry(call.run, { phase: "decision", payload, results: judgement.results, decision, actions: [], at, approval });
  return { passed: judgement.passed, entry, hints: hintsOf(options, call, judgement, history), subjects: judgement.passed ? subjectsOf(call.plan) : [] };
}

/** Under what the history finds this run. */
function subjectsOf({ subjects = [], once }: PlannedCall["plan"]): readonly string[] {
  return once === undefined ? subjects : [...subjects, once];
}

/** Holds a plan of which there may be one against those that were done, are being done, or whose fate is not known. */
function onlyOnce({ plan: { once } }: PlannedCall, judgement: Judgement, history: History): Judgement {
  if (once === undefined) return judgement;
  const earlier = history.runs({ subject: once, since: new Date(0) }).find(({ state }) => state !== "failed");
  if (earlier === undefined) return judgement;
  const fate = earlier.state === "done" ? "has done this already" : earlier.state === "running" ? "is doing this, or was interrupted" : "has done this at least in part";
  const reason = `Run ${earlier.run_id} ${fate}, and it is done once only`;
  const hint = "Read that run's receipt with enact_receipts.";
  return { passed: false, results: [...judgement.results, { policy: GUARD, passed: false, reason, hint }] };
}

/** Judges facts about a planned call: those of the plan, or those measured while it ran. */
export function judgePlan(
  options: GuardOptions,
  call: PlannedCall,
  payload: JsonObject,
  history: History,
  { now = options.clock(), approval = call.approval ?? null }: { readonly now?: Date; readonly approval?: Approval | null } = {},
): Judgement {
  const { workflow, identity } = call.run;
  const mayBeUnjudged = options.unguarded.includes(workflow) || workflow === ROLLBACK;
  const subject = { workflow, identity, payload, now, history, approval };
  return judge(options.policies, subject, mayBeUnjudged);
}

/** Hints that were judged themselves: see hintsFor. */
export function hintsOf(
  options: GuardOptions,
  call: PlannedCall,
  judgement: Judgement,
  history: History,
): readonly string[] {
  if (judgement.passed) return [];
  const hints = hintsFor(judgement.results, (instead) => {
    const payload = { ...call.plan.payload, ...(plainJson(instead, "instead") as JsonObject) };
    const { results } = judgePlan(options, call, payload, history);
    return results.filter((result) => !result.passed).map((result) => result.policy);
  });
  return hints.map((hint) => call.run.redactor.text(hint));
}

