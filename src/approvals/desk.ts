import type { JsonValue } from "../receipts/receipt.js";

/** A plan that a person may be asked about: everything that its digest covers, and what a person calls it. */
export interface PlanForApproval {
  readonly workflow: string;
  /** What the headline of a receipt names. */
  readonly target: string;
  readonly payload: { readonly [key: string]: JsonValue };
  /** What execute() would get; may hold contents. A person who approves must be able to see all of it. */
  readonly step: JsonValue;
  readonly identity: { readonly user_email: string; readonly actor_role: string; readonly user_attributes: JsonValue };
  readonly config_digest: string;
  /** `sha256:…` over workflow, payload, step, identity and config_digest; see planDigest. */
  readonly plan_digest: string;
}

/** What the policies that block would accept from people. */
export interface Demand {
  /** The policies that block and may be overruled, and why they do. */
  readonly policies: readonly { readonly policy: string; readonly reason: string }[];
  /** How many different people must approve. */
  readonly min_approvals: number;
  /** The acting user's own approval does not count. */
  readonly approver_differs: boolean;
}

/** A plan that enough people have approved, each signature checked against the registry of approvers just now. */
export interface Grant {
  /** The request's id. Grants nothing by itself. */
  readonly id: string;
  readonly approvers: readonly string[];
  /** How each of them answered, in the same order. */
  readonly methods: readonly ("passkey" | "key" | "link")[];
  readonly plan_digest: string;
  /** Of the last answer that was needed. RFC 3339 in UTC with milliseconds. */
  readonly approved_at: string;
  /** It may be used before this instant, not at it. */
  readonly expires_at: string;
  readonly min_approvals: number;
  /** All that `verify` needs to check it again with the approvers' public keys; goes into the receipt as `approval`. */
  readonly proof: { readonly [key: string]: JsonValue };
}

/** What people have said about exactly this plan. */
export type Standing =
  /** Nobody has been asked, or what was asked is over. `note` says what is nearest and how it differs, for the reason. */
  | { readonly state: "none"; readonly note?: string }
  /** Asked, and not (or not by enough people) decided. */
  | { readonly state: "pending"; readonly id: string; readonly expires_at: string; readonly note?: string }
  | { readonly state: "denied"; readonly id: string; readonly note: string }
  | { readonly state: "granted"; readonly grant: Grant };

/** A request that is on the desk. */
export interface FiledRequest {
  readonly id: string;
  readonly expires_at: string;
  /** What the agent is to tell the person, one sentence each: where to look, which command. Nothing that grants. */
  readonly where: readonly string[];
}

/**
 * The port to people. The guard asks what stands, files requests, and itself makes sure that a grant is used once: the
 * run that uses it is filed under `approval:<id>` in the transaction that records its intent.
 */
export interface ApprovalDesk {
  /** Reads only; changes nothing. @throws EnactError when the inbox or the registry of approvers cannot be read */
  find(plan: PlanForApproval, now: Date): Promise<Standing>;
  /** When a request that is filed now will expire. */
  expiresAt(now: Date): Date;
  /**
   * Puts a request on the desk, durable when it resolves. Filing the same id again changes nothing; of two that ask about
   * the same plan at once, both get the id of the first.
   */
  file(id: string, plan: PlanForApproval, demand: Demand, now: Date): Promise<FiledRequest>;
  /** The sentences of FiledRequest.where for a request that is there already. */
  where(id: string): readonly string[];
  /** Notes for people that a run has used it. What makes sure of it is the ledger. */
  used(id: string, runId: string, now: Date): Promise<void>;
  close(): Promise<void>;
}
