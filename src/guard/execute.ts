import { isEnactError } from "../errors.js";
import type { History } from "../facts/context.js";
import type { Json, JsonObject } from "../facts/json.js";
import { plainJson } from "../facts/json.js";
import { unknown } from "../facts/unknown.js";
import type { Decision, Entry } from "../receipts/receipt.js";
import type { ActionTaken, Execution } from "../tools/tool.js";
import { draftEntry } from "./entries.js";
import type { CallReport, GuardOptions } from "./guard.js";
import type { Judgement } from "./judge.js";
import { ranReport, unprovenReport } from "./outcome.js";
import type { PlannedCall } from "./planned.js";
import { hintsOf, judgePlan } from "./planned.js";
import { keeperFor, ROLLBACK, withReversible } from "./undoing.js";

/** What became of an allowed plan. */
interface Ran {
  readonly execution: Execution;
  /** The last judgement of measured effects, if the tool measured any. */
  readonly judgement: Judgement | undefined;
  readonly payload: JsonObject;
  readonly hints: readonly string[];
}

/** Executes an allowed plan whose intent is durable, and records what came of it. Never throws. */
export async function runPlan(
  options: GuardOptions,
  call: PlannedCall,
  decision: Entry,
  signal: AbortSignal,
): Promise<CallReport> {
  const ran = await executeStep(options, call, signal);
  const outcome = outcomeOf(call, ran);
  const tool = call.tool.name;
  const { target } = call.plan;
  const result = outcome === "BLOCK" ? null : ran.execution.result;
  const untrusted = ran.execution.untrusted ?? false;
  try {
    const entry = draftEntry(call.run, {
      phase: "outcome",
      payload: ran.payload,
      results: ran.judgement?.results ?? decision.policy_results,
      decision: outcome,
      actions: withReversible(ran.execution.actions, ran.payload),
      at: options.clock(),
      approval: usedApproval(call),
    });
    const receipt = await options.ledger.recordOutcome(entry);
    return ranReport({ tool, target, receipt, result, untrusted, hints: ran.hints });
  } catch {
    return unprovenReport({ tool, target, decision, result, untrusted, what: inWords(outcome, ran.execution.actions) });
  }
}

/** The outcome names the approval; its proof is in the decision, which used it up. */
function usedApproval({ approval }: PlannedCall): Entry["approval"] {
  return approval === undefined ? null : { state: "used", id: approval.id, approvers: approval.approvers, method: approval.method };
}

async function executeStep(options: GuardOptions, call: PlannedCall, signal: AbortSignal): Promise<Ran> {
  let judgement: Judgement | undefined;
  let payload = call.plan.payload;
  let hints: readonly string[] = [];
  const judgeMeasured = async (measured: JsonObject): Promise<boolean> => {
    payload = { ...(plainJson(measured, "measured") as JsonObject), ...ownFacts(call.plan.payload) };
    judgement = undefined;
    const judgeOn = (history: History) => {
      const verdict = judgePlan(options, call, payload, history);
      return { verdict, advice: hintsOf(options, call, verdict, history) };
    };
    const { verdict: judged, advice } = await withHistory(options, call, judgeOn);
    hints = advice;
    judgement = judged;
    return judged.passed;
  };
  let execution: Execution;
  try {
    execution = plainExecution(await call.tool.execute(call.plan.step, { signal, judge: judgeMeasured, undo: keeperFor(options.undo, call.run.runId) }));
  } catch (error) {
    execution = { actions: [failedAction(call, error)], result: null };
  }
  return { execution, judgement, payload: { ...payload, ...execution.measured }, hints };
}

/**
 * Judges without opening the ledger, and again with it if a policy asks for the history: most don't, and a look costs as
 * much as the statement that was measured. Policies are pure, so judging twice is judging once.
 */
async function withHistory<Judged>(options: GuardOptions, call: PlannedCall, judgeOn: (history: History) => Judged): Promise<Judged> {
  let historyIsAskedFor = false;
  const ask = (): never => {
    historyIsAskedFor = true;
    throw new TypeError("the history is not open yet");
  };
  const judged = judgeOn({ runs: ask, count: ask });
  return historyIsAskedFor ? options.ledger.look(judgeOn, call.run.runId) : judged;
}

/** A result that is not plain JSON must not lose the record of what was done. */
function plainExecution(execution: Execution): Execution {
  const actions = plainJson(execution.actions, "actions") as unknown as readonly ActionTaken[];
  let result: Json;
  try {
    result = plainJson(execution.result, "result");
  } catch {
    result = { ...unknown("the result could not be written as JSON; the action itself is as the receipt says") };
  }
  const measured = execution.measured === undefined ? {} : { measured: plainJson(execution.measured, "measured") as JsonObject };
  return { actions, result, untrusted: execution.untrusted ?? false, ...measured };
}

/** What the guard itself has laid under the payload of the plan, and no tool can change. */
function ownFacts({ environment = null, reversal }: JsonObject): JsonObject {
  return { environment, ...(reversal === undefined ? {} : { reversal }) };
}

function outcomeOf({ run }: PlannedCall, ran: Ran): Decision {
  const { actions } = ran.execution;
  const rolledBack = actions.some((action) => action.system === "guard" && action.action === "rolled_back" && action.success === true);
  if (ran.judgement?.passed === false) return rolledBack ? "BLOCK" : "PARTIAL";
  const allWasDone = actions.length > 0 && actions.every((action) => action.success === true);
  if (run.workflow !== ROLLBACK) return allWasDone ? "PASS" : "PARTIAL";
  const { not_undone: left } = ran.payload;
  return allWasDone && Array.isArray(left) && left.length === 0 ? "ROLLED_BACK" : "PARTIAL";
}

/** Only our own errors say what is known; after any other, nobody can tell whether the action happened. */
function failedAction(call: PlannedCall, error: unknown): ActionTaken {
  const { name, system } = call.tool;
  const action = name.startsWith(`${system}_`) ? name.slice(system.length + 1) : name;
  if (!isEnactError(error)) {
    const message = "The tool failed in an unexpected way; look at the system before you try again";
    return { system, action, success: "unknown", output: {}, error: { code: "INTERNAL", message } };
  }
  const fateIsKnown = error.code !== "OUTCOME_UNKNOWN";
  const message = `${error.message}${/[.!?]$/.test(error.message) ? "" : "."} ${error.done}`;
  return { system, action, success: fateIsKnown ? false : "unknown", output: {}, error: { code: error.code, message } };
}

function inWords(outcome: Decision, actions: readonly ActionTaken[]): string {
  if (outcome === "PASS" || outcome === "ROLLED_BACK") return "the action was done";
  if (outcome === "BLOCK") return "the action was rolled back";
  return actions.some((action) => action.success === true) ? "the action was partly done" : "the action failed";
}
