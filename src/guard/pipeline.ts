import { EnactError, isEnactError } from "../errors.js";
import type { Json, JsonObject } from "../facts/json.js";
import { deepFreeze, plainJson } from "../facts/json.js";
import { findSecrets } from "../facts/secrets.js";
import type { PolicyResult } from "../policies/policy.js";
import { planDigest } from "../receipts/canonical.js";
import type { Entry, EntryDraft } from "../receipts/receipt.js";
import { Redactor } from "../receipts/redact.js";
import type { GuardedTool, Plan } from "../tools/tool.js";
import type { Asked } from "./approval.js";
import { adviceOnCheck, askDesk, putToPeople } from "./approval.js";
import type { Run } from "./entries.js";
import { draftEntry } from "./entries.js";
import { runPlan } from "./execute.js";
import type { CallOptions, CallReport, Guard, GuardOptions } from "./guard.js";
import { lookInTime } from "./deadline.js";
import { parseInput } from "./input.js";
import { GUARD } from "./judge.js";
import { blockedReport, checkReport, invalidReport, unrecordedReport } from "./outcome.js";
import type { JudgedPlan, PlannedCall } from "./planned.js";
import { decide } from "./planned.js";
import { withRollback } from "./rollback.js";
import { Running } from "./running.js";
import { selfTest } from "./selftest.js";
import { reversalOf } from "./undoing.js";

const PLAN_TIMEOUT_MS = 50_000;

/** What is made once for all calls of a guard. */
interface Parts extends GuardOptions {
  readonly redactor: Redactor;
}

/** A call that the guard could not plan: blocked, with the reason. */
interface FailedPlan {
  readonly run: Run;
  readonly result: PolicyResult;
  readonly payload: JsonObject;
  readonly code: string;
}

/**
 * The pipeline: plan → judge → record → execute → record. The only place that knows the order.
 *
 * Whatever goes wrong before the intent is durable, nothing runs; whatever goes wrong after it, the ledger shows an
 * intent without an outcome.
 */
export function createGuardFrom(configured: GuardOptions): Guard {
  const options: Parts = { ...configured, tools: withRollback(configured), redactor: new Redactor(findSecrets, configured.secrets) };
  const running = new Running();
  return Object.freeze({
    tools: options.tools,
    identity: options.identity,
    configDigest: options.configDigest,
    call: (tool: string, input: unknown, call: CallOptions = {}) => running.track(callTool(options, tool, input, call)),
    check: (tool: string, input: unknown, call: CallOptions = {}) => running.track(checkTool(options, tool, input, call)),
    receipts: (query: Parameters<Guard["receipts"]>[0]) => options.ledger.entries(query),
    selfTest: () => selfTest(configured),
    async close(): Promise<void> {
      await running.none();
      await options.ledger.close();
      await options.undo?.close();
      await options.desk?.close();
    },
  });
}

async function callTool(options: Parts, name: string, input: unknown, call: CallOptions): Promise<CallReport> {
  const planned = await planTool(options, name, input, call);
  if ("report" in planned) return planned.report;
  if ("failed" in planned) return recordFailedPlan(options, planned.failed);

  const { tool, plan } = planned.call;
  const asked = await askDesk(options, planned.call);
  let judged: JudgedPlan | undefined;
  let decision: Entry;
  try {
    decision = await options.ledger.recordDecision((history) => {
      judged = decide(options, planned.call, history, asked);
      return judged;
    });
  } catch (error) {
    return unrecordedReport(tool.name, plan.target, error);
  }
  // Both must say so: what was judged, and what was signed.
  if (judged?.passed !== true || decision.decision !== "PASS") return blocked(options, planned.call, decision, judged, asked);
  const { approval } = judged;
  if (approval === undefined) return runPlan(options, planned.call, decision, call.signal ?? new AbortController().signal);
  const noted = options.desk?.used(approval.id, decision.run_id, new Date(decision.timestamp)).catch(() => undefined);
  const report = await runPlan(options, { ...planned.call, approval }, decision, call.signal ?? new AbortController().signal);
  await noted;
  return report;
}

/** The block is on record; if people could let it pass, they are asked now. */
async function blocked(options: GuardOptions, { tool, plan, run: { redactor } }: PlannedCall, decision: Entry, judged?: JudgedPlan, asked?: Asked): Promise<CallReport> {
  const { desk } = options;
  if (judged?.request === undefined || asked === undefined || desk === undefined) {
    return blockedReport(tool.name, plan.target, decision, judged?.hints ?? []);
  }
  const next = await putToPeople(desk, judged.request, asked, new Date(decision.timestamp));
  return blockedReport(tool.name, plan.target, decision, next.map((line) => redactor.text(line)));
}

async function checkTool(options: Parts, name: string, input: unknown, call: CallOptions): Promise<CallReport> {
  const planned = await planTool(options, name, input, call);
  if ("report" in planned) return planned.report;
  if ("failed" in planned) {
    const { failed } = planned;
    return { ...checkReport(name, "", failedEntry(options, failed), hintIn(failed.result)), code: failed.code };
  }
  const asked = await askDesk(options, planned.call);
  try {
    const { entry, hints, request } = await options.ledger.look((history) => decide(options, planned.call, history, asked));
    const advice = request === undefined || options.desk === undefined ? hints : adviceOnCheck(options.desk, request);
    return checkReport(name, planned.call.plan.target, entry, advice);
  } catch (error) {
    return unrecordedReport(name, planned.call.plan.target, error);
  }
}

type Planned = { readonly report: CallReport } | { readonly failed: FailedPlan } | { readonly call: PlannedCall };

async function planTool(options: Parts, name: string, raw: unknown, call: CallOptions): Promise<Planned> {
  const tool = options.tools.find((candidate) => candidate.name === name);
  if (tool === undefined) {
    const names = options.tools.map((candidate) => candidate.name).join(", ");
    return { report: invalidReport(name, `There is no tool of this name here. Enabled: ${names}.`) };
  }
  let input: unknown;
  try {
    input = parseInput(tool, raw);
  } catch (error) {
    return { report: invalidReport(name, error instanceof EnactError ? error.message : "The arguments cannot be read.") };
  }
  const run = newRun(options, name);
  try {
    const plan = frozenPlan(await look(options, tool, input, call), run.redactor);
    const reversal = reversalOf(tool, plan, options.undo);
    const said = reversal === undefined ? {} : { reversal: plainJson(reversal, "reversal") };
    const payload = deepFreeze({ ...plan.payload, ...said, environment: plainJson(options.ambient(), "environment") });
    const { workflow, identity } = run;
    const digested = { workflow, payload, step: plan.step, identity, config_digest: run.configDigest };
    const digest = planDigest(digested as unknown as Parameters<typeof planDigest>[0]);
    return { call: { tool, run: { ...run, planDigest: digest }, plan: { ...plan, payload } } };
  } catch (error) {
    return { failed: failedPlan(run, error) };
  }
}

function newRun(options: Parts, workflow: string): Run {
  const { identity, configDigest, ledger, redactor } = options;
  return { runId: ledger.newRunId(), workflow, identity, configDigest, planDigest: null, redactor };
}

function look(options: GuardOptions, tool: GuardedTool, input: unknown, call: CallOptions): Promise<Plan<JsonObject, Json>> {
  const plan = (signal: AbortSignal) => tool.plan(input, { signal, now: options.clock(), undoBytes: options.undo?.maxRunBytes ?? 0 });
  return lookInTime(plan, options.planTimeoutMs ?? PLAN_TIMEOUT_MS, call.signal);
}

/** The plan as plain frozen JSON: what is judged is what is digested is what is done. */
function frozenPlan(plan: Plan<JsonObject, Json>, redactor: Redactor): Plan<JsonObject, Json> {
  return Object.freeze({
    payload: plainJson(plan.payload, "payload") as JsonObject,
    step: plainJson(plan.step, "step"),
    target: redactor.text(plan.target),
    subjects: Object.freeze([...(plan.subjects ?? [])]),
    ...(plan.once === undefined ? {} : { once: plan.once }),
    ...(plan.reversal === undefined ? {} : { reversal: plan.reversal }),
  });
}

function failedPlan(run: Run, error: unknown): FailedPlan {
  const known = isEnactError(error) ? error : undefined;
  // Anything else is a defect of ours or of a client, and its message may hold anything: it does not leave.
  const code = known?.code ?? "INTERNAL";
  const reason = known?.message ?? "The guard could not find out what this call would do";
  const hint = known?.hint ?? (known === undefined ? "Report this to the person; do not try another way round." : undefined);
  const result = { policy: GUARD, passed: false, reason, ...(hint === undefined ? {} : { hint }) };
  return { run, result, payload: { error: { code } }, code };
}

function failedEntry(options: GuardOptions, { run, payload, result }: FailedPlan): EntryDraft {
  const at = options.clock();
  return draftEntry(run, { phase: "decision", payload, results: [result], decision: "BLOCK", actions: [], at });
}

async function recordFailedPlan(options: GuardOptions, failed: FailedPlan): Promise<CallReport> {
  const { run, result, code } = failed;
  try {
    const entry = failedEntry(options, failed);
    const receipt = await options.ledger.recordDecision(() => ({ entry, subjects: [] }));
    return { ...blockedReport(run.workflow, "", receipt, hintIn(result)), code };
  } catch (error) {
    return unrecordedReport(run.workflow, "", error, result.reason);
  }
}

function hintIn(result: PolicyResult): readonly string[] {
  return result.hint === undefined ? [] : [result.hint];
}

