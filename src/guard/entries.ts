import type { Identity } from "../facts/context.js";
import type { JsonObject } from "../facts/json.js";
import { findSecrets } from "../facts/secrets.js";
import type { PolicyResult } from "../policies/policy.js";
import { redact } from "../receipts/redact.js";
import type { Decision, EntryDraft, JsonValue } from "../receipts/receipt.js";
import type { ActionTaken } from "../tools/tool.js";

/** What all entries of one call have in common. */
export interface Run {
  readonly runId: string;
  readonly workflow: string;
  readonly identity: Identity;
  readonly configDigest: string;
  readonly planDigest: string | null;
  readonly secrets: readonly string[];
}

export interface EntryContent {
  readonly phase: "decision" | "outcome";
  readonly payload: JsonObject;
  readonly results: readonly PolicyResult[];
  readonly decision: Decision;
  readonly actions: readonly ActionTaken[];
  readonly at: Date;
}

/** The entry as it is signed: secrets are gone, and the entry says from where. */
export function draftEntry(run: Run, content: EntryContent): EntryDraft {
  const open = {
    user_email: run.identity.user_email,
    actor_role: run.identity.actor_role,
    user_attributes: run.identity.user_attributes,
    payload: content.payload,
    policy_results: content.results.map(recordedResult),
    actions_taken: content.actions,
  };
  const { value, redacted } = redact(open as unknown as JsonValue, findSecrets, run.secrets);
  return {
    ...(value as unknown as Pick<EntryDraft, keyof typeof open>),
    run_id: run.runId,
    phase: content.phase,
    workflow: run.workflow,
    plan_digest: run.planDigest,
    config_digest: run.configDigest,
    decision: content.decision,
    approval: null,
    redacted,
    timestamp: content.at.toISOString(),
  };
}

/** A text for the chat without secrets: headlines and hints quote what the caller named. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  return redact(text, findSecrets, secrets).value as string;
}

function recordedResult({ policy, passed, reason, hint }: PolicyResult) {
  return hint === undefined ? { policy, passed, reason } : { policy, passed, reason, hint };
}
