import { isEnactError } from "../errors.js";
import { plainJson } from "../facts/json.js";
import { processOf } from "../receipts/entry.js";
import type { Ledger } from "../receipts/ledger.js";
import type { Redactor } from "../receipts/redact.js";
import type { Entry, EntryDraft } from "../receipts/receipt.js";
import type { ActionTaken, GuardedTool, InterruptedRun, Settlement } from "../tools/tool.js";
import { draftEntry } from "./entries.js";
import { withoutRedacted } from "./redacted.js";
import { ROLLBACK } from "./undoing.js";

export interface SettleOptions {
  readonly tools: readonly GuardedTool[];
  readonly ledger: Ledger;
  readonly clock: () => Date;
  readonly configDigest: string;
  readonly redactor: Redactor;
  /** Who has the runs settled: the identity of today's configuration. */
  readonly settledBy: string;
}

/** What was found out about a run that has no outcome. */
export interface SettledRun {
  readonly run_id: string;
  readonly workflow: string;
  readonly decided_at: string;
  /**
   * done, not_done, cannot_tell: on record now. running: its process is alive. later: nothing final can be said yet. no_tool:
   * the tool is not enabled here, and nobody else knows how to look.
   */
  readonly found: Settlement["found"] | "running" | "later" | "no_tool";
  readonly reason: string;
  /** Null when nothing was recorded. */
  readonly receipt: Entry | null;
}

/** A run without a mark of its process may be one of a process that is just starting, or of another version. */
const UNMARKED_MS = 60_000;
/** How long one look may take. */
const LOOK_MS = 30_000;
/** A clock that was a day ahead was wrong. */
const WRONG_CLOCK_MS = 24 * 60 * 60 * 1000;

/** A run that was allowed and has no outcome. */
export interface OpenRun {
  /** Its decision. */
  readonly entry: Entry;
  /** Its process is alive, or nobody can tell yet; otherwise it was interrupted. */
  readonly isAtWork: boolean;
}

/** Runs without an outcome, oldest first. Looks at the ledger only. */
export async function openRuns({ ledger, clock }: Pick<SettleOptions, "ledger" | "clock">): Promise<readonly OpenRun[]> {
  const entries = await ledger.openRuns();
  return Promise.all(entries.map(async (entry) => ({ entry, isAtWork: (await whyAtWork(ledger, entry, clock())) !== null })));
}

/**
 * Settles what was interrupted: looks at the world whether it was done, and records what was found as the outcome that the
 * run never got. Nothing is done, repeated or taken back. A run whose process is alive is left alone.
 *
 * @throws EnactError TAMPERED, LEDGER_UNAVAILABLE, KEY_UNUSABLE
 */
export async function settleRuns(options: SettleOptions): Promise<readonly SettledRun[]> {
  const settled: SettledRun[] = [];
  for (const entry of await options.ledger.openRuns()) settled.push(await settleRun(options, entry));
  return settled;
}

async function settleRun(options: SettleOptions, entry: Entry): Promise<SettledRun> {
  const { run_id, workflow, timestamp } = entry;
  const open = (found: SettledRun["found"], reason: string): SettledRun => ({ run_id, workflow, decided_at: timestamp, found, reason, receipt: null });
  const atWork = await whyAtWork(options.ledger, entry, options.clock());
  if (atWork !== null) return open("running", atWork);
  const tool = options.tools.find(({ name }) => name === workflow);
  if (tool === undefined && workflow !== ROLLBACK) return open("no_tool", `${workflow} is not enabled by this configuration: nothing here knows how to look`);
  const settlement = await lookAt(options, tool, entry);
  if (typeof settlement === "string") return open("later", settlement);
  if (settlement.stillOpen !== undefined) return open("later", `${settlement.reason}; but ${settlement.stillOpen}`);
  try {
    const receipt = await options.ledger.recordOutcome(draftOf(options, entry, settlement));
    return { run_id, workflow, decided_at: timestamp, found: settlement.found, reason: settlement.reason, receipt };
  } catch (error) {
    // Somebody else has settled it, or its process was not as dead as it looked, and has said what became of it.
    const outcome = (await options.ledger.entries({ run_id })).find(({ phase }) => phase === "outcome");
    if (outcome === undefined) throw error;
    return open("running", "it has got its outcome meanwhile");
  }
}

async function whyAtWork(ledger: Ledger, { run_id, timestamp }: Entry, now: Date): Promise<string | null> {
  const executor = await ledger.executorOf(run_id);
  if (executor === "alive") return "the server that executes it is alive: wait for it; if it said that the outcome could not be recorded, end it (close its client) and settle again";
  if (executor === "gone") return null;
  const age = now.getTime() - Date.parse(timestamp);
  if (age >= UNMARKED_MS || age < -WRONG_CLOCK_MS) return null;
  return `it began less than ${String(UNMARKED_MS / 1000)} s ago and may still be at work: settle again in a minute`;
}

/** @returns why nothing can be said now */
async function lookAt({ clock, configDigest }: SettleOptions, tool: GuardedTool | undefined, entry: Entry): Promise<Settlement | string> {
  if (tool === undefined) return { found: "cannot_tell", reason: `What ${undoneBy(entry)} had changed may have been put back in part: look at it` };
  if (tool.annotations.readOnlyHint) return { found: "not_done", reason: "It only reads: nothing was changed, and the answer never arrived" };
  if (tool.settle === undefined) return { found: "cannot_tell", reason: `Nothing can be asked what became of a call of ${tool.name}: look at the system` };
  const run: InterruptedRun = {
    run_id: entry.run_id,
    workflow: entry.workflow,
    payload: withoutRedacted(entry.payload, entry.redacted),
    decided_at: new Date(entry.timestamp),
    processName: processOf(entry.run_id),
    sameConfiguration: entry.config_digest === configDigest,
  };
  try {
    return await tool.settle(run, { signal: AbortSignal.timeout(LOOK_MS), now: clock() });
  } catch (error) {
    if (!isEnactError(error)) return "the look failed in an unexpected way: nothing can be said of it";
    if (LATER.has(error.code)) return `the system cannot be looked at now: ${error.message}`;
    return { found: "cannot_tell", reason: `What it was about cannot be looked at: ${error.message}` };
  }
}

/** The run that a rollback was about. */
function undoneBy({ payload }: Entry): string {
  const { run_id: undone } = payload;
  return typeof undone === "string" ? `run ${undone}` : "the run that was to be undone";
}

/** What may be mended, and then the look succeeds. */
const LATER: ReadonlySet<string> = new Set(["SYSTEM_UNAVAILABLE", "TIMEOUT", "CANCELLED", "NOT_INSTALLED", "CONFIG_INVALID", "KEY_UNUSABLE", "INTERNAL"]);

const SUCCESS: Readonly<Record<Settlement["found"], ActionTaken["success"]>> = { done: true, not_done: false, cannot_tell: "unknown" };
const CODES = { not_done: "NOT_DONE", cannot_tell: "OUTCOME_UNKNOWN" } as const;

/** The outcome that the run never got: of the same plan and person, with what was found instead of what was reported. */
function draftOf({ clock, redactor, settledBy }: SettleOptions, entry: Entry, { found, reason, facts = {} }: Settlement): EntryDraft {
  const output = { found, reason, facts: plainJson(facts, "facts"), settled_by: settledBy, decided_at: entry.timestamp };
  const error = found === "done" ? {} : { error: { code: CODES[found], message: reason } };
  const action: ActionTaken = { system: "guard", action: "settled", success: SUCCESS[found], output, ...error };
  const { user_email, actor_role, user_attributes } = entry;
  const run = {
    runId: entry.run_id,
    workflow: entry.workflow,
    identity: { user_email, actor_role, user_attributes },
    configDigest: entry.config_digest,
    planDigest: entry.plan_digest,
    redactor,
  };
  const { payload } = entry;
  const draft = draftEntry(run, { phase: "outcome", payload, results: entry.policy_results, decision: found === "done" ? "PASS" : "PARTIAL", actions: [action], at: clock() });
  // What is redacted in the decision stays so, and is no less redacted for having been copied.
  const redacted = [...new Set([...draft.redacted, ...entry.redacted.filter((pointer) => !pointer.startsWith("/actions_taken/"))])].toSorted();
  return { ...draft, redacted };
}
