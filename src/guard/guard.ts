import type { ApprovalDesk } from "../approvals/desk.js";
import type { Identity } from "../facts/context.js";
import type { Json, JsonObject } from "../facts/json.js";
import type { Policy } from "../policies/policy.js";
import type { EntryQuery, Ledger } from "../receipts/ledger.js";
import type { Entry, EntryDraft } from "../receipts/receipt.js";
import type { UndoStore } from "../receipts/undo-store.js";
import type { GuardedTool, ToolInfo } from "../tools/tool.js";

/** What a caller gets for one call, whatever happened to it. */
export interface CallReport {
  readonly tool: string;
  /**
   * done: ran and every action succeeded. blocked: nothing was changed. failed: ran, and an action failed or its fate is
   * not known. invalid: the arguments are not well-formed, nothing was looked at and no receipt was written.
   */
  readonly status: "done" | "blocked" | "failed" | "invalid";
  /**
   * The last ledger entry of this call: the outcome if it ran, else the decision. Null when there is none (invalid, or
   * the ledger cannot be written); for `check` a draft that was neither signed nor stored.
   */
  readonly receipt: Entry | EntryDraft | null;
  /** What the tool gives; null unless the call ran. */
  readonly result: Json;
  /** The text for the chat. */
  readonly text: string;
  /** True unless `done` (for `check`: true when it would be blocked). */
  readonly isError: boolean;
  /** True when `result` holds data from outside that a model must not take as instructions. */
  readonly untrusted: boolean;
  /** Stable code of what went wrong, for scripts. */
  readonly code?: string;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
}

/** What each policy proved at start. */
export interface SelfTest {
  readonly ok: boolean;
  /** One line per finding that makes `ok` false, and what to do. */
  readonly failures: readonly string[];
  /** What could not be proved (a plain function has no known-bad plan). Not a failure. */
  readonly notes: readonly string[];
}

export interface Guard {
  /** The tools that the configuration lists, in its order; then enact_rollback, if one of them can be undone. */
  readonly tools: readonly ToolInfo[];
  readonly identity: Identity;
  readonly configDigest: string;
  /** Plans, judges, records, executes, records. Never throws for what a call can cause. */
  call(tool: string, input: unknown, options?: CallOptions): Promise<CallReport>;
  /** Plans and judges; executes nothing, records nothing, uses up nothing. */
  check(tool: string, input: unknown, options?: CallOptions): Promise<CallReport>;
  receipts(query: EntryQuery): Promise<readonly Entry[]>;
  /** Judges a known-bad plan with every policy of every tool. Pure: touches no system and no ledger. */
  selfTest(): SelfTest;
  close(): Promise<void>;
}

/** A policy of the configuration, and the name under which to report it should it fail to give one. */
export interface ConfiguredPolicy {
  readonly name: string;
  readonly policy: Policy;
}

export interface GuardOptions {
  readonly tools: readonly GuardedTool[];
  readonly policies: readonly ConfiguredPolicy[];
  /** Tools that may run although no policy judges them. */
  readonly unguarded: readonly string[];
  readonly identity: Identity;
  /** `sha256:…` over the whole configuration, custom policies included. */
  readonly configDigest: string;
  readonly ledger: Ledger;
  readonly clock: () => Date;
  /** Facts about the environment that policies of category time need, laid under every payload (see facts/time.ts). */
  readonly ambient: () => JsonObject;
  /** Secret values that the configuration holds: redacted wherever they turn up. */
  readonly secrets: readonly string[];
  /** How long a look may take, in milliseconds; then the call is blocked. Hosts cut calls off after 60 s. */
  readonly planTimeoutMs?: number;
  /** Where runs keep what undoing them needs. Without it nothing is kept and nothing can be undone. */
  readonly undo?: UndoStore;
  /** Where people are asked. Without it a call that needs a person's approval is blocked, and nobody is asked. */
  readonly desk?: ApprovalDesk;
}
