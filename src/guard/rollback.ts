import { z } from "zod";

import { EnactError, isEnactError } from "../errors.js";
import type { Json, JsonObject } from "../facts/json.js";
import type { Ledger } from "../receipts/ledger.js";
import type { Entry } from "../receipts/receipt.js";
import type { UndoStore } from "../receipts/undo-store.js";
import type {
  ActionTaken, BoundUndo, ExecuteControl, Execution, GuardedTool, InterruptedRun, Plan, PlanCall, SettleCall, Settlement, ToolInfo, UndoableRun,
} from "../tools/tool.js";
import { GUARD } from "./judge.js";
import { withoutRedacted } from "./redacted.js";
import { keptBy, ROLLBACK } from "./undoing.js";

export interface RollbackParts {
  readonly ledger: Ledger;
  readonly tools: readonly GuardedTool[];
  readonly undo: UndoStore;
}

/** How long a run without an outcome may still be at work where its process has left no mark. Hosts cut calls off after 60 s. */
const MAY_BE_AT_WORK_MS = 60_000;

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/u;

const input = z.strictObject({
  run_id: z
    .string()
    .regex(/^[0-9a-fA-F][0-9a-fA-F-]{7,35}$/u, "must be a run's id, or its first eight characters or more")
    .describe("The run to undo, as its receipt names it; its first eight characters are enough."),
});

/** The facts of a rollback: what would be undone, and what the tool that did it says of undoing it. */
const payloadSchema = z.looseObject({
  run_id: z.string(),
  undone_workflow: z.string(),
  undone_at: z.string(),
  undone_by: z.string(),
  interrupted: z.boolean(),
  changes: z.array(z.string()),
  not_undone: z.array(z.string()),
});

/** All that undoing needs; the step of the tool that undoes is inside. */
interface Step {
  readonly run_id: string;
  readonly workflow: string;
  /** Facts of this rollback that hold whatever the undoing tool measures. */
  readonly facts: JsonObject;
  readonly step: Json;
}

/** What is known of the tool without a ledger. */
export const rollbackInfo: ToolInfo = Object.freeze({
  name: ROLLBACK,
  title: "Undo an earlier call",
  description:
    "Undoes an earlier call of this project, named by the run id of its receipt: puts back what it changed, as far as it " +
    "was kept, and only if it is still as that call left it; else it stops and says what differs. Says what it cannot " +
    "undo. A run is undone once. enact_check shows what it would do.",
  system: "enact",
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: true },
  input,
  payload: payloadSchema,
  reversible: false,
});

/** The tools, and after them the one that undoes their calls, if there is anything to undo and something is kept. */
export function withRollback({ tools, ledger, undo }: Omit<RollbackParts, "undo"> & { readonly undo?: UndoStore }): readonly GuardedTool[] {
  const rollback = undo === undefined ? undefined : rollbackTool({ ledger, tools, undo });
  return rollback === undefined ? tools : [...tools, rollback];
}

/**
 * Undoing as a guarded tool: planned on what the ledger, the undo store and the real system say, judged, put on record, and
 * bound to the state that was seen. It needs no policy of its own: it puts back only what an allowed run of this project
 * did, and only if nobody has changed it since. Policies that judge every tool, or name this one, judge it.
 *
 * @returns undefined when no enabled tool can undo anything
 */
function rollbackTool(parts: RollbackParts): GuardedTool | undefined {
  if (!parts.tools.some(({ undo }) => undo !== undefined)) return undefined;
  return {
    ...rollbackInfo,
    plan: (given, call) => planRollback(parts, (given as z.infer<typeof input>).run_id.toLowerCase(), call),
    execute: (step, control) => undoRun(parts, step as unknown as Step, control),
    settle: (run, call) => settleRollback(parts, run, call),
  };
}

async function planRollback(parts: RollbackParts, given: string, call: PlanCall): Promise<Plan<JsonObject, Json>> {
  const found = await findRun(parts.ledger, given);
  const { decision, outcome } = found;
  const { run_id, workflow } = decision;
  const undoing = undoOf(parts, decision, outcome);
  const subject = `rollback:${run_id}`;
  await refuseSecond(parts.ledger, subject, run_id);
  if (outcome === null) await refuseAtWork(parts.ledger, decision, call.now);
  const run = await undoableRun(parts.undo, found);
  const nothingWasDone = outcome?.actions_taken.every(({ success }) => success === false) === true && run.kept.names.length === 0;
  if (nothingWasDone) throw nothingToUndo(run_id, "nothing was changed");
  const plan = await undoing.plan(run, call);
  const changes = sentences(plan.payload["changes"]);
  if (changes.length === 0) throw nothingToUndo(run_id, "everything is as it was before it");
  const facts = {
    run_id,
    undone_workflow: workflow,
    undone_at: decision.timestamp,
    undone_by: decision.user_email,
    interrupted: wasInterrupted(outcome),
    changes,
    not_undone: sentences(plan.payload["not_undone"]),
  };
  const step = { run_id, workflow, facts, step: plan.step };
  const reversal = { possible: false, how: `call ${workflow} again with what you want instead` };
  const payload = { ...plan.payload, ...facts };
  return { payload, step, target: `${workflow} ${run_id.slice(0, 8)}: ${plan.target}`, subjects: plan.subjects ?? [], once: subject, reversal };
}

/** What a tool that undoes may know: what was redacted in the receipts is unknown, and must not be acted on as text. */
async function undoableRun(store: UndoStore, { decision, outcome }: FoundRun): Promise<UndoableRun> {
  const { run_id, workflow } = decision;
  const payload = withoutRedacted(decision.payload, decision.redacted);
  // Whoever settled an interrupted run has looked, and has done nothing.
  const taken = outcome === null || wasInterrupted(outcome) ? [] : withoutRedacted(outcome.actions_taken as unknown as JsonObject, outcome.redacted, "actions_taken");
  const facts = outcome === null ? {} : withoutRedacted(outcome.payload, outcome.redacted);
  return { run_id, workflow, payload, actions: taken as unknown as readonly ActionTaken[], outcome: facts, kept: await keptBy(store, run_id) };
}

function wasInterrupted(outcome: Entry | null): boolean {
  return outcome === null || outcome.actions_taken.some(({ system, action }) => system === GUARD && action === "settled");
}

/** As long as something can be put back, an interrupted rollback is not done: it may then be tried again. */
async function settleRollback(parts: RollbackParts, { payload: { run_id: undone }, decided_at: begun }: InterruptedRun, call: SettleCall): Promise<Settlement> {
  if (typeof undone !== "string") return { found: "cannot_tell", reason: "Which run was to be undone is not known" };
  const found = await findRun(parts.ledger, undone);
  const undoing = undoOf(parts, found.decision, found.outcome);
  try {
    const { payload } = await undoing.plan(await undoableRun(parts.undo, found), { ...call, undoBytes: 0 });
    const changes = sentences(payload["changes"]);
    if (changes.length === 0) return { found: "done", reason: `Everything is as it was before run ${undone}`, facts: { run_id: undone } };
    const reason = `What run ${undone} changed was not put back, or not completely; it can be undone still`;
    const mayArrive = call.now.getTime() - begun.getTime() < MAY_BE_AT_WORK_MS;
    const open = mayArrive ? { stillOpen: "it began less than a minute ago, and what it sent may still arrive" } : {};
    return { found: "not_done", reason, facts: { run_id: undone, changes: [...changes] }, ...open };
  } catch (error) {
    if (!isEnactError(error) || (error.code !== "STALE_PLAN" && error.code !== "REFUSED" && error.code !== "UNDO_UNAVAILABLE")) throw error;
    return { found: "cannot_tell", reason: `What run ${undone} had changed may have been put back, at least in part: ${error.message}`, facts: { run_id: undone } };
  }
}

function sentences(value: Json | undefined): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

interface FoundRun {
  readonly decision: Entry;
  /** Null when it was interrupted, or is still at work. */
  readonly outcome: Entry | null;
}

/** Reads the run from the ledger, each receipt's signature checked. */
async function findRun(ledger: Ledger, given: string): Promise<FoundRun> {
  const runId = UUID.test(given) ? given : await wholeId(ledger, given);
  const entries = await ledger.entries({ run_id: runId });
  const decision = entries.find(({ phase }) => phase === "decision");
  if (decision === undefined) throw noSuchRun(given);
  return { decision, outcome: entries.findLast(({ phase }) => phase === "outcome") ?? null };
}

async function wholeId(ledger: Ledger, prefix: string): Promise<string> {
  const entries = await ledger.entries({ run_id_prefix: prefix, limit: 20 });
  const [runId, ...others] = new Set(entries.map(({ run_id }) => run_id));
  if (runId === undefined) throw noSuchRun(prefix);
  if (others.length === 0) return runId;
  throw new EnactError("INVALID_INPUT", `Several runs begin with '${prefix}'`, { hint: "Give the whole run id; enact_receipts lists them." });
}

function noSuchRun(given: string): EnactError {
  const hint = "enact_receipts lists the runs of this project with their ids.";
  return new EnactError("NOT_FOUND", `There is no run '${given}' in the ledger of this project`, { hint });
}

/** The hands for undoing this run. @throws EnactError REFUSED when there is nothing to undo, or nobody who could */
function undoOf({ tools }: Pick<RollbackParts, "tools">, { run_id, workflow, decision }: Entry, outcome: Entry | null): BoundUndo {
  if (decision !== "PASS" && decision !== "PARTIAL") throw nothingToUndo(run_id, "it was blocked and nothing was changed");
  if (outcome?.decision === "BLOCK") throw nothingToUndo(run_id, "its effects were rolled back at once");
  if (workflow === ROLLBACK) {
    const hint = "Call the tool again whose run was undone, with what you want.";
    throw new EnactError("REFUSED", `Run ${run_id} is itself a rollback, and those are not undone`, { hint });
  }
  const tool = tools.find(({ name }) => name === workflow);
  if (tool === undefined) {
    const hint = `Ask the person to list ${workflow} under 'tools' in enact.yaml, or to undo it by hand.`;
    throw new EnactError("REFUSED", `Run ${run_id} is one of ${workflow}, and that tool is not enabled here`, { hint });
  }
  if (tool.undo !== undefined) return tool.undo;
  const hint = "Show the person the receipt; what can be done about it is for them to decide.";
  throw new EnactError("REFUSED", `Run ${run_id} is one of ${workflow}, which cannot be undone`, { hint });
}

function nothingToUndo(runId: string, why: string): EnactError {
  return new EnactError("REFUSED", `There is nothing to undo of run ${runId}: ${why}`, { hint: "Read its receipt with enact_receipts." });
}

/** Before looking at the world, which is of course no longer as the run left it once it was undone. */
async function refuseSecond(ledger: Ledger, subject: string, runId: string): Promise<void> {
  const rollbacks = await ledger.look((history) => history.runs({ subject, since: new Date(0) }));
  const earlier = rollbacks.find(({ state }) => state !== "failed");
  if (earlier === undefined) return;
  const fate = earlier.state === "done" ? "was undone already" : "has been undone in part, or its undoing was interrupted";
  throw new EnactError("REFUSED", `Run ${runId} ${fate}, by run ${earlier.run_id}`, { hint: "Read that run's receipt with enact_receipts." });
}

async function refuseAtWork(ledger: Ledger, { run_id, timestamp }: Entry, now: Date): Promise<void> {
  const executor = await ledger.executorOf(run_id);
  const age = now.getTime() - Date.parse(timestamp);
  if (executor === "gone" || (executor === "unmarked" && age > MAY_BE_AT_WORK_MS)) return;
  const found = executor === "alive" ? "has no outcome yet, and the process that executes it is alive" : "has no outcome yet and may still be at work";
  throw new EnactError("REFUSED", `Run ${run_id} ${found}`, { hint: "Wait until it has ended, and try again." });
}

async function undoRun(parts: RollbackParts, step: Step, control: ExecuteControl): Promise<Execution> {
  const undoing = parts.tools.find(({ name }) => name === step.workflow)?.undo;
  if (undoing === undefined) throw new EnactError("INTERNAL", `There is no undoing of ${step.workflow}`);
  const kept = await keptBy(parts.undo, step.run_id);
  const judge = (measured: JsonObject) => control.judge({ ...measured, ...step.facts });
  const execution = await undoing.execute(step.step, { ...control, judge }, kept);
  if (execution.actions.every(({ success }) => success === true) && sentences(step.facts["not_undone"]).length === 0) {
    // It is needed no more, and what is not kept cannot leak. Its age will see to it should this fail.
    await parts.undo.forget(step.run_id).catch(() => undefined);
  }
  return { ...execution, result: { run_id: step.run_id, undone_workflow: step.workflow, result: execution.result } };
}
