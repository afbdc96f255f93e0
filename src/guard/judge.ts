import type { Approval, History, Identity } from "../facts/context.js";
import type { JsonObject } from "../facts/json.js";
import { deepFreeze } from "../facts/json.js";
import { isUnknown } from "../facts/unknown.js";
import type { PolicyResult, WorkflowContext } from "../policies/policy.js";
import { insteadOf, policyMeta, withInstead } from "../policies/policy.js";
import type { ConfiguredPolicy } from "./guard.js";
import { plainText } from "./text.js";
import { historyView, payloadView, Witness } from "./view.js";

/** What is judged. */
export interface Case {
  readonly workflow: string;
  readonly identity: Identity;
  readonly payload: JsonObject;
  readonly now: Date;
  readonly history: History;
  readonly approval: Approval | null;
}

export interface Judgement {
  readonly passed: boolean;
  /** One per policy that judges this workflow, in the configuration's order. */
  readonly results: readonly PolicyResult[];
}

/** The name under which the guard itself blocks: no policy applies, a plan failed, the ledger cannot be written. */
export const GUARD = "guard";

/** The policies that judge a workflow: a plain function judges every one. */
export function policiesFor(workflow: string, policies: readonly ConfiguredPolicy[]): readonly ConfiguredPolicy[] {
  return policies.filter(({ policy }) => {
    const workflows = policyMeta(policy)?.workflows ?? "all";
    return workflows === "all" || workflows.includes(workflow);
  });
}

/**
 * Runs every policy that judges this workflow. Never stops early, so that the person sees all reasons at once. Passes
 * only if at least one policy applies and all of them pass; `mayBeUnjudged` is the configuration's explicit consent to
 * a tool that no policy judges.
 */
export function judge(policies: readonly ConfiguredPolicy[], subject: Case, mayBeUnjudged = false): Judgement {
  const witness = new Witness();
  const seen = sharedContext(subject, witness);
  const results = policiesFor(subject.workflow, policies).map((policy) => judgeOne(policy, subject, seen, witness));
  if (results.length === 0 && !mayBeUnjudged) {
    const reason = `No policy judges ${subject.workflow}, and what nobody judges does not run`;
    const hint = `Ask the person to add a policy for ${subject.workflow} to enact.yaml.`;
    return { passed: false, results: [{ policy: GUARD, passed: false, reason, hint }] };
  }
  return { passed: results.every((result) => result.passed), results };
}

const CANNOT_JUDGE = "Ask the person to look at what is named here; the call stays blocked until it can be judged.";

function judgeOne(configured: ConfiguredPolicy, subject: Case, seen: SharedContext, witness: Witness): PolicyResult {
  const name = policyMeta(configured.policy)?.id ?? configured.name;
  const block = (reason: string): PolicyResult => ({ policy: name, passed: false, reason, hint: CANNOT_JUDGE });

  const missing = missingFact(configured, subject.payload);
  if (missing !== undefined) return block(`Cannot be judged: ${missing}`);

  witness.forget();
  const now = new Date(subject.now);
  let result: PolicyResult | string;
  try {
    result = wellFormed(configured.policy(contextAt(now, seen)), name);
  } catch (error) {
    if (witness.unknownRead !== undefined) return block(`Cannot be judged: ${witness.unknownRead}`);
    return block(`Cannot be judged: the policy threw ${describe(error)}`);
  }
  if (witness.unknownRead !== undefined) return block(`Cannot be judged: ${witness.unknownRead}`);
  if (typeof result === "string") return block(`Cannot be judged: the policy returned ${result}`);
  // Freezing a Date does not stop setTime: the only part of the context that a policy could still change.
  if (now.getTime() !== subject.now.getTime()) return block("Cannot be judged: the policy tried to change the context");
  return result;
}

/** A fact that a built-in says it reads, and that is not there or not known. */
function missingFact({ policy }: ConfiguredPolicy, payload: JsonObject): string | undefined {
  for (const fact of policyMeta(policy)?.reads ?? []) {
    const value = Object.hasOwn(payload, fact) ? payload[fact] : undefined;
    if (value === undefined) return `the fact '${fact}' is missing`;
    if (isUnknown(value)) return `${fact} is unknown: ${value.$unknown}`;
  }
  return undefined;
}

type SharedContext = Omit<WorkflowContext, "now">;

/** What all policies of a judgement see: frozen all the way down, so that none can change it for the next. */
function sharedContext(subject: Case, witness: Witness): SharedContext {
  return {
    workflow: subject.workflow,
    user_email: subject.identity.user_email,
    actor_role: subject.identity.actor_role,
    user_attributes: deepFreeze(structuredClone(subject.identity.user_attributes)),
    payload: payloadView(subject.payload, witness),
    history: historyView(subject.history, witness),
    approval: subject.approval,
  };
}

/** Member by member: of a spread V8 makes a hidden class a time, which stays until its next full collection. */
function contextAt(now: Date, seen: SharedContext): WorkflowContext {
  const { workflow, user_email, actor_role, user_attributes, payload, history, approval } = seen;
  return Object.freeze({ workflow, user_email, actor_role, user_attributes, payload, now, history, approval });
}

/** The result, each field read once; or what it is instead, in words. */
function wellFormed(value: unknown, name: string): PolicyResult | string {
  if (typeof value !== "object" || value === null) return value === undefined ? "nothing" : `a ${typeof value}`;
  if (typeof (value as { then?: unknown }).then === "function") {
    // Nobody waits for it, so its rejection would end the process.
    Promise.resolve(value).catch(() => undefined);
    return "a promise; a policy must be synchronous";
  }
  const { policy, passed, reason, hint } = value as Partial<Record<keyof PolicyResult, unknown>>;
  if (typeof passed !== "boolean") return "no boolean 'passed'";
  if (typeof reason !== "string" || reason.trim() === "") return "no 'reason'";
  if (hint !== undefined && typeof hint !== "string") return "a 'hint' that is no text";
  if (policy !== undefined && typeof policy !== "string") return "a 'policy' that is no text";
  const result = { policy: plainText(policy || name, 100), passed, reason: plainText(reason, 2000) };
  if (passed || hint === undefined) return result;
  const failing = { ...result, hint: plainText(hint, 2000) };
  const instead = insteadOf(value as PolicyResult);
  return instead === undefined ? failing : withInstead(failing, instead);
}

function describe(error: unknown): string {
  if (error instanceof Error) return `${error.name}: ${plainText(error.message, 200)}`;
  return `a ${typeof error}`;
}
