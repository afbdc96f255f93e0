/** The shape of a ledger entry. Plain JSON; the field names are part of the public contract. */

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** PARTIAL: an action of an allowed run failed, or its fate is not known. */
export type Decision = "PASS" | "BLOCK" | "PARTIAL" | "ROLLED_BACK";

export interface RecordedPolicyResult {
  readonly policy: string;
  readonly passed: boolean;
  readonly reason: string;
  readonly hint?: string;
}

export interface RecordedAction {
  readonly system: string;
  readonly action: string;
  readonly success: boolean | "unknown";
  readonly output: { readonly [key: string]: JsonValue };
  readonly error?: { readonly code: string; readonly message: string };
  readonly reversible?: boolean;
}

/** What the guard writes; the ledger adds the place in the chain, the signer the rest. */
export interface EntryDraft {
  readonly run_id: string;
  /** decision: durable before anything runs. outcome: same run_id, after it ran. */
  readonly phase: "decision" | "outcome";
  readonly workflow: string;
  readonly user_email: string;
  readonly actor_role: string;
  readonly user_attributes: { readonly [key: string]: JsonValue };
  readonly payload: { readonly [key: string]: JsonValue };
  /** `sha256:…`, or null when the call could not be planned. */
  readonly plan_digest: string | null;
  readonly config_digest: string;
  readonly policy_results: readonly RecordedPolicyResult[];
  readonly decision: Decision;
  readonly actions_taken: readonly RecordedAction[];
  readonly approval: { readonly [key: string]: JsonValue } | null;
  /** JSON Pointers (RFC 6901) of what was redacted before signing. */
  readonly redacted: readonly string[];
  /** RFC 3339 in UTC with milliseconds. */
  readonly timestamp: string;
}

export interface Entry extends EntryDraft {
  /** From 1, without gaps. */
  readonly sequence: number;
  /**
   * Digests of the subjects under which later calls find this run (see subjectDigest), sorted. Signed, so that the
   * history can be rebuilt and checked from the entries alone.
   */
  readonly subjects: readonly string[];
  /** Hash of the entry before: SHA-256 over its canonical JSON, signature included; `sha256:` and 64 zeros for the first. */
  readonly previous: string;
  readonly key_id: string;
  /** `hmac-sha256:<base64url>` or `ed25519:<base64url>` over the canonical JSON of all other fields. */
  readonly signature: string;
}
