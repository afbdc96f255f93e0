import type { z } from "zod";

import type { JsonObject, Json } from "../facts/json.js";

/** What plan() found out and what execute() will need. Plain JSON; the guard freezes both and signs their digest. */
export interface Plan<Payload, Step> {
  /** The facts, judged by the policies and shown in the receipt. */
  readonly payload: Payload;
  /** All that execute() needs, its preconditions included. Not shown: may hold contents. */
  readonly step: Step;
  /** What the headline of a receipt names: "main → origin", "3 files below build/". */
  readonly target: string;
  /** Keys under which later calls find this run in the history, such as "email:bob@example.com". */
  readonly subjects?: readonly string[];
  /**
   * A subject under which at most one run may be done, running or of unknown fate: a second one is blocked inside the
   * transaction that records its intent. The run is filed under it as well.
   */
  readonly once?: string;
  /** Whether this very call could be undone, and how or why not; said before it runs, in enact_check and in the receipt. Null: there is nothing to undo, since this call only reads. */
  readonly reversal?: Reversal | null;
}

/** Whether a call can be undone. */
export interface Reversal {
  readonly possible: boolean;
  /** One clause: "the branch is deleted again if nothing was built on it", "a sent mail cannot be called back". */
  readonly how: string;
}

/** One thing that was done, or tried, in a system. Enact's ActionResult. */
export interface ActionTaken {
  readonly system: string;
  readonly action: string;
  /** "unknown": the request was sent and its fate is not known. */
  readonly success: boolean | "unknown";
  /** Facts about what happened: shas, counts, sizes, hashes. Never contents. */
  readonly output: JsonObject;
  readonly error?: { readonly code: string; readonly message: string };
  readonly reversible?: boolean;
}

export interface Execution {
  readonly actions: readonly ActionTaken[];
  /** What the agent gets; may hold contents. Null when the tool has nothing to give. */
  readonly result: Json;
  /** Set when `result` holds data from outside (rows, file contents) that must be marked as untrusted. */
  readonly untrusted?: boolean;
  /** Measured effects, for the receipt of the outcome. */
  readonly measured?: JsonObject;
}

/** How a planning or executing tool talks back to the guard. */
export interface PlanCall {
  readonly signal: AbortSignal;
  readonly now: Date;
  /** Bytes that the run may keep for its undoing; 0 when nothing can be kept. */
  readonly undoBytes: number;
}

/** Where a run keeps what undoing it will need: private, encrypted, bounded. */
export interface UndoKeeper {
  /** Bytes that this run may still keep; 0 when nothing can be kept. */
  readonly room: number;
  /**
   * Keeps one piece under a name of its own, durable when it resolves: call it before the act that destroys what it
   * holds. @throws EnactError UNDO_UNAVAILABLE when it does not fit or cannot be written
   */
  put(name: string, content: Json | Uint8Array | AsyncIterable<Uint8Array>): Promise<void>;
}

/** What a run kept. */
export interface KeptUndo {
  readonly names: readonly string[];
  /** @throws EnactError NOT_FOUND when it is not there (any more), TAMPERED when it is not what was kept */
  json(name: string): Promise<Json>;
  bytes(name: string): AsyncIterable<Uint8Array>;
}

/** A run that may be undone, as its signed receipts tell it. */
export interface UndoableRun {
  readonly run_id: string;
  readonly workflow: string;
  /** The facts of the decision. */
  readonly payload: JsonObject;
  /** What was done, as the outcome says. */
  readonly actions: readonly ActionTaken[];
  /** Facts of the outcome, measured effects included. */
  readonly outcome: JsonObject;
  readonly kept: KeptUndo;
}

/** How a tool's runs are undone. A rollback is itself planned, judged, put on record and bound to what was seen. */
export interface UndoDefinition<Reader, Writer> {
  /**
   * Looks and never touches: what undoing would do, and whether the world is still as the run left it. The payload says
   * in `changes` (a list of short sentences; empty when everything is already as it was before the run) what would be done,
   * in `not_undone` what a person must do by hand.
   * @throws EnactError STALE_PLAN naming what differs when the world has moved on, REFUSED when this run cannot be undone
   */
  plan(run: UndoableRun, reader: Reader, call: PlanCall): Promise<Plan<JsonObject, Json>>;
  /** Does exactly the step, if its preconditions still hold; like ToolDefinition.execute. */
  execute(step: Json, writer: Writer, control: ExecuteControl, kept: KeptUndo): Promise<Execution>;
}

export interface ExecuteControl {
  /** Aborted when the caller gives up. Honour it only where stopping leaves nothing half done. */
  readonly signal: AbortSignal;
  /**
   * Judges measured effects with the policies of this call: `payload` is the planned payload with the measured facts
   * laid over it. False: the tool must undo (ROLLBACK), give no data back and report the action
   * `{ system: "guard", action: "rolled_back" }`.
   */
  judge(payload: JsonObject): Promise<boolean>;
  readonly undo: UndoKeeper;
}

/** All four of MCP's tool annotations, always written: unset and false look the same to a client. */
export interface ToolAnnotations {
  readonly readOnlyHint: boolean;
  readonly destructiveHint: boolean;
  readonly idempotentHint: boolean;
  readonly openWorldHint: boolean;
}

/** What the configuration, the docs and the door know of a tool. */
export interface ToolInfo {
  /** `system_verb` */
  readonly name: string;
  readonly title: string;
  /** For the agent: what it does, what it finds out first, what it refuses. */
  readonly description: string;
  /** The key below `systems` in the configuration. */
  readonly system: string;
  readonly annotations: ToolAnnotations;
  /** A strict object: an unknown key is an error. */
  readonly input: z.ZodObject;
  /** The facts that policies of this tool may read. */
  readonly payload: z.ZodType;
  /** What undoing can do, one clause for the docs and enact_check; false when it cannot be undone. */
  readonly reversible: string | false;
  /**
   * The rights that the configured account needs and no more, one sentence each, for the docs. Left out where the tool
   * uses no account of its own.
   */
  readonly access?: readonly string[];
}

/**
 * A run whose decision is on record and whose outcome is not: its process ended in the middle. The step is not in the
 * receipt, so what there is to go by are the facts.
 */
export interface InterruptedRun {
  readonly run_id: string;
  readonly workflow: string;
  /** As the receipt has them; what was redacted is an unknown fact. */
  readonly payload: JsonObject;
  readonly decided_at: Date;
  /** The name of the process that executed it: programs that it started carry it in their environment. */
  readonly processName: string;
  /** False when the configuration is another one now: what is looked at may then be another system. */
  readonly sameConfiguration: boolean;
}

/** What the world says about an interrupted run. */
export interface Settlement {
  /** done: what was allowed is there. not_done: it is not there, and it is not on its way any more either. */
  readonly found: "done" | "not_done" | "cannot_tell";
  /** A sentence for a person: what was seen, and where nobody can tell, what to look at. */
  readonly reason: string;
  /** What shows it: shas, hashes, counts. Never contents. */
  readonly facts?: JsonObject;
  /** Nothing final yet: why it may still be happening. It is looked at again later, and nothing is recorded. */
  readonly stillOpen?: string;
}

export interface SettleCall {
  readonly signal: AbortSignal;
  readonly now: Date;
}

/** A tool before it has hands: plan() gets only a reader, execute() never sees the input again. */
export interface ToolDefinition<Input, Payload, Step, Reader, Writer> extends ToolInfo {
  /** Looks and never touches. @throws EnactError when the call cannot be planned */
  plan(input: Input, reader: Reader, call: PlanCall): Promise<Plan<Payload, Step>>;
  /**
   * Does exactly the step, if its preconditions still hold.
   * @throws EnactError STALE_PLAN when they don't (nothing was done), OUTCOME_UNKNOWN when the fate is not known
   */
  execute(step: Step, writer: Writer, control: ExecuteControl): Promise<Execution>;
  /** Left out when nothing that the tool does can be undone. */
  readonly undo?: UndoDefinition<Reader, Writer>;
  /**
   * Looks whether an interrupted run was done. "done" and "not_done" only on proof; a guess would become a signed receipt.
   * Left out: nobody can tell.
   */
  readonly settle?: (run: InterruptedRun, reader: Reader, call: SettleCall) => Promise<Settlement>;
}

/** A tool bound to its system, with the types erased: what the guard works with. */
export interface GuardedTool extends ToolInfo {
  plan(input: unknown, call: PlanCall): Promise<Plan<JsonObject, Json>>;
  execute(step: Json, control: ExecuteControl): Promise<Execution>;
  readonly undo?: BoundUndo;
  readonly settle?: (run: InterruptedRun, call: SettleCall) => Promise<Settlement>;
}

/** UndoDefinition with its hands. */
export interface BoundUndo {
  plan(run: UndoableRun, call: PlanCall): Promise<Plan<JsonObject, Json>>;
  execute(step: Json, control: ExecuteControl, kept: KeptUndo): Promise<Execution>;
}

/** Keeps the types of a definition; exists for inference. */
export function defineTool<Input, Payload, Step, Reader, Writer>(
  definition: ToolDefinition<Input, Payload, Step, Reader, Writer>,
): ToolDefinition<Input, Payload, Step, Reader, Writer> {
  return Object.freeze(definition);
}

/** Gives a tool its hands. The casts are sound because the guard parses the input and hands back the very step. */
export function bindTool<Input, Payload, Step, Reader, Writer>(
  definition: ToolDefinition<Input, Payload, Step, Reader, Writer>,
  system: { readonly reader: Reader; readonly writer: Writer },
): GuardedTool {
  const { undo, settle, ...rest } = definition;
  const tool: GuardedTool = {
    ...rest,
    ...(settle === undefined ? {} : { settle: (run: InterruptedRun, call: SettleCall) => settle(run, system.reader, call) }),
    plan: (input, call) => definition.plan(input as Input, system.reader, call) as Promise<Plan<JsonObject, Json>>,
    execute: (step, control) => definition.execute(step as Step, system.writer, control),
  };
  if (undo === undefined) return tool;
  const bound: BoundUndo = {
    plan: (run, call) => undo.plan(run, system.reader, call),
    execute: (step, control, kept) => undo.execute(step, system.writer, control, kept),
  };
  return { ...tool, undo: bound };
}
