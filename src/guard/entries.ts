import type { Identity } from "../facts/context.js";
import type { JsonObject } from "../facts/json.js";
import type { PolicyResult } from "../policies/policy.js";
import type { Redactor } from "../receipts/redact.js";
import type { Decision, EntryDraft, JsonValue } from "../receipts/receipt.js";
import type { ActionTaken } from "../tools/tool.js";

/** What all entries of one call have in common. */
export interface Run {
  readonly runId: string;
  readonly workflow: string;
  readonly identity: Identity;
  readonly configDigest: string;
  readonly planDigest: string | null;
  readonly redactor: Redactor;
}

export interface EntryContent {
  readonly phase: "decision" | "outcome";
  readonly payload: JsonObject;
  readonly results: readonly PolicyResult[];
  readonly decision: Decision;
  readonly actions: readonly ActionTaken[];
  readonly at: Date;
  /** What people have said of it; see approval.ts. Holds no secret: it is made of ids, addresses and digests. */
  readonly approval?: EntryDraft["approval"];
}

/**
 * The entry as it is signed: secrets are gone, and the entry says from where. Names (of people, policies, systems, actions)
 * come from the configuration and the code, not from the call: a database password 'postgres' must not blot them out.
 */
export function draftEntry(run: Run, content: EntryContent): EntryDraft {
  const { value, redacted } = run.redactor.redact(texts(run, content) as unknown as JsonValue);
  const clean = value as unknown as ReturnType<typeof texts>;
  return {
    run_id: run.runId,
    phase: content.phase,
    workflow: run.workflow,
    user_email: run.identity.user_email,
    actor_role: run.identity.actor_role,
    user_attributes: clean.user_attributes as EntryDraft["user_attributes"],
    payload: clean.payload,
    plan_digest: run.planDigest,
    config_digest: run.configDigest,
    policy_results: content.results.map(({ policy, passed }, index) => ({ policy, passed, reason: "", ...clean.policy_results[index] })),
    decision: content.decision,
    actions_taken: content.actions.map((action, index) => ({ ...action, ...clean.actions_taken[index] })),
    approval: content.approval ?? null,
    redacted,
    timestamp: content.at.toISOString(),
  };
}

/** What may quote the call, in the places that it has in the entry, so that the pointers to what was redacted fit. */
function texts(run: Run, content: EntryContent) {
  return {
    user_attributes: run.identity.user_attributes,
    payload: content.payload,
    policy_results: content.results.map(({ reason, hint }) => (hint === undefined ? { reason } : { reason, hint })),
    actions_taken: content.actions.map(({ output, error }) => (error === undefined ? { output } : { output, error })),
  };
}
