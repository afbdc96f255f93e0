/** What a policy may know besides the payload: who acts, what happened before, and what a person approved. */

/** Comes from the configuration or a verified token, never from tool arguments. */
export interface Identity {
  readonly user_email: string;
  /** The agent's role. */
  readonly actor_role: string;
  /** Attributes of the person behind the agent: role, clearance_level, … */
  readonly user_attributes: Readonly<Record<string, unknown>>;
}

export interface HistoryQuery {
  /** Only runs of these tools; all tools when left out. */
  readonly workflows?: readonly string[];
  /** Only runs that plan() filed under this subject, such as "email:bob@example.com". */
  readonly subject?: string;
  /** Only runs that began at this instant or later. */
  readonly since: Date;
}

/** An allowed run that the ledger holds. Blocked calls are not runs: nothing happened. */
export interface PastRun {
  readonly run_id: string;
  readonly workflow: string;
  readonly user_email: string;
  readonly timestamp: Date;
  /**
   * done: its outcome says that every action succeeded. failed: its outcome says that nothing was done. unknown: fate
   * not known, or some done. running: no outcome yet (being done now, or interrupted).
   */
  readonly state: "done" | "failed" | "unknown" | "running";
}

/**
 * What the ledger holds, as facts, read inside the transaction that records the intent: two calls at once, in two
 * processes, cannot both pass a limit of one. Reading throws when the ledger cannot say, and the call is blocked.
 */
export interface History {
  /** Allowed runs that match, oldest first. */
  runs(query: HistoryQuery): readonly PastRun[];
  /** How many allowed runs match, whatever their state. */
  count(query: HistoryQuery): number;
}

/** A verified human approval of exactly this plan. */
export interface Approval {
  readonly id: string;
  /** All who approved, for people: "ann@example.com, bob@example.com". */
  readonly approver: string;
  /** The different people who approved. */
  readonly approvers: readonly string[];
  readonly method: "passkey" | "key" | "link";
  readonly plan_digest: string;
  readonly approved_at: string;
}
