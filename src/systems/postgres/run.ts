import { EnactError, isEnactError } from "../../errors.js";
import type { CatalogueRequest } from "./catalogue.js";
import { captureRows } from "./capture.js";
import type { Captured, Glimpse } from "./capture.js";
import { benchOn } from "./choice.js";
import type { Examine } from "./choice.js";
import type { PostgresConnection } from "./connection.js";
import { lost, statementFailure } from "./failures.js";
import { hiddenFrom } from "./hidden.js";
import type { Measurement } from "./measure.js";
import type { Memory } from "./memory.js";
import { WRITING } from "./rows.js";
import type { Lease, Leaves, Sessions } from "./sessions.js";
import { Transaction } from "./transaction.js";
import type { Limits, Order, Trial } from "./transaction.js";
import { lookUpTypes } from "./types.js";
import type { TypeInfo } from "./values.js";
import type { Reply } from "./wire.js";

/** What became of an order. Rows are only given when everything passed. */
export type RunReport =
  | { readonly state: "done"; readonly replies: readonly Reply[]; readonly types: ReadonlyMap<number, TypeInfo> }
  | { readonly state: "rolled_back" }
  | { readonly state: "unknown"; readonly error: EnactError };

/** Those who decide over an order while it runs. */
export interface Jury {
  /** Looks closer at a change that left no row of its table alone. */
  readonly examine: Examine;
  /** Says whether what was measured may be committed. */
  readonly judge: (measurement: Measurement) => Promise<boolean>;
  /** Called after a yes, before COMMIT: keeps the rows that were changed. What it throws ends the transaction. */
  readonly keep?: (capture: (maxBytes: number) => Promise<Captured>) => Promise<void>;
}

/** What a runner needs of the system. */
export interface RunContext {
  readonly sessions: Sessions;
  readonly limits: Limits;
  readonly types: Map<number, TypeInfo>;
  readonly memory: Memory;
  /** The catalogue's digest as others see it under this snapshot or a later one. */
  digestNow(request: CatalogueRequest, own: PostgresConnection, snapshot: string): Promise<string>;
  /** The embedded database: there are no other sessions. */
  readonly isOnlyOne: boolean;
  cancel(processId: number): Promise<void>;
  /** Looks on another session; see captureRows. */
  readonly glimpse: Glimpse;
  /** What PostgreSQL says of a transaction's fate, on another connection: committed, aborted, or undefined. */
  fateOf(xid: string): Promise<string | undefined>;
}

/** Time beyond the statements' own limits after which a silent server is given up, in milliseconds. */
const GRACE = 15_000;

/**
 * Runs an order in one transaction, shows what was measured to the jury, and commits only on its word.
 *
 * @throws EnactError; whatever is thrown, nothing was changed. An unknown fate is a report, not an error.
 */
export async function runOrder(
  context: RunContext,
  order: Order,
  { examine, judge, keep }: Jury,
  signal: AbortSignal,
): Promise<RunReport> {
  const { lease, transaction, snapshot } = await begin(context, order, examine);
  const { connection } = lease;
  const onAbort = () => void context.cancel(connection.processId);
  signal.addEventListener("abort", onAbort, { once: true });
  const alarm = setTimeout(() => connection.destroy(), order.statements.length * context.limits.statementTimeoutMs + GRACE);
  let leaves: Leaves = "anything";
  try {
    await mustBeAsPlanned(context, order, connection, snapshot);
    throwIfAborted(signal);
    const trial = await transaction.run().catch((error: unknown) => {
      throw lost(error);
    });
    clearTimeout(alarm);
    const othersWrote = order.isStandby || trial.snapshot !== snapshot;
    if (othersWrote && !context.isOnlyOne) await mustBeAsPlanned(context, order, connection, trial.snapshot);
    const types = trial.failure === undefined ? await lookUpTypes(connection, trial.replies, context.types) : context.types;
    if (!(await judge(await withHidden(context, order, connection, trial.measurement)))) {
      await transaction.rollback().catch(() => connection.destroy());
      leaves = order.leaves;
      return { state: "rolled_back" };
    }
    throwIfAborted(signal);
    if (keep !== undefined && !order.readOnly && trial.failure === undefined) {
      await keep((maxBytes) => captured(context, connection, trial.measurement, maxBytes));
    }
    const report = await finish(context, order, transaction, trial, types);
    if (report.state === "done") leaves = order.leaves;
    return report;
  } finally {
    clearTimeout(alarm);
    signal.removeEventListener("abort", onAbort);
    lease.release(leaves);
  }
}

/** Takes a session and begins. A session that died while it was idle is replaced: nothing of the call has run on it yet. */
async function begin(
  context: RunContext,
  order: Order,
  examine: Examine,
): Promise<{ lease: Lease; transaction: Transaction; snapshot: string }> {
  for (let attempt = 1; ; attempt += 1) {
    const lease = await context.sessions.take();
    const transaction = new Transaction(lease.connection, order, context.limits, context.memory, examine);
    try {
      return { lease, transaction, snapshot: await transaction.open() };
    } catch (error) {
      lease.release("anything");
      if (isEnactError(error)) throw error;
      if (attempt > 5) throw lost(error);
    }
  }
}

/** Where no code of the user's runs, there is nothing that the counters could miss. */
async function withHidden(context: RunContext, { leaves }: Order, connection: PostgresConnection, measurement: Measurement): Promise<Measurement> {
  if (leaves === "settings") return measurement;
  const hidden = await hiddenFrom(measurement, connection, context.isOnlyOne ? undefined : context.glimpse);
  return { ...measurement, hidden };
}

/** What is not counted by rows cannot be told by rows. */
async function captured(context: RunContext, connection: PostgresConnection, { tables, catalogue, schema }: Measurement, maxBytes: number): Promise<Captured> {
  if (context.isOnlyOne) return { why: "the embedded PostgreSQL has one session only, and another one has to see the rows as they were" };
  if (catalogue.length > 0 || (schema ?? []).length > 0) return { why: "the schema was changed" };
  const written = tables.filter(({ inserted, updated, deleted }) => inserted + updated + deleted > 0);
  if (written.length === 0) return { tables: [] };
  await connection.run([{ text: `SELECT ${WRITING}` }]);
  return captureRows(benchOn(connection, "pg_catalog", []), context.glimpse, written, maxBytes);
}

async function mustBeAsPlanned(context: RunContext, order: Order, own: PostgresConnection, snapshot: string): Promise<void> {
  if ((await context.digestNow(order.request, own, snapshot)) === order.digest) return;
  throw new EnactError("STALE_PLAN", "The tables, views or functions of this call were changed after it was judged", {
    done: "The transaction was rolled back; nothing was changed.",
    hint: "Look again: call with the same statement, and it is judged anew.",
  });
}

/** A transaction that only reads has nothing to commit: the reset that follows ends it. */
async function finish(
  context: RunContext,
  order: Order,
  transaction: Transaction,
  trial: Trial,
  types: ReadonlyMap<number, TypeInfo>,
): Promise<RunReport> {
  if (trial.failure !== undefined) throw trial.failure;
  const done: RunReport = { state: "done", replies: trial.replies, types };
  if (order.readOnly) return done;
  await transaction.settle().catch((error: unknown) => {
    throw notCommitted(context, error);
  });
  let tag: string;
  try {
    tag = await transaction.commit();
  } catch (error) {
    const fate = await fateAfter(context, error, trial.xid);
    if (fate === "committed") return done;
    if (fate === "aborted") throw notCommitted(context, error);
    return { state: "unknown", error: fateUnknown(error) };
  }
  if (tag !== "COMMIT") throw new EnactError("ACTION_FAILED", "PostgreSQL did not commit", { done: "Nothing was changed." });
  return done;
}

/** What became of a COMMIT that gave no answer: undefined when nobody can tell. */
export async function commitFate(context: RunContext, error: unknown, xid: string | null): Promise<string | undefined> {
  return fateAfter(context, error, xid);
}

/** An error that the server reports at COMMIT is a refusal; a connection that is lost leaves the question open. */
async function fateAfter(context: RunContext, error: unknown, xid: string | null): Promise<string | undefined> {
  try {
    statementFailure(error, 0, 0, 1);
    return "aborted";
  } catch {
    return xid === null ? "committed" : context.fateOf(xid);
  }
}

function notCommitted(context: RunContext, error: unknown): EnactError {
  try {
    return statementFailure(error, context.limits.statementTimeoutMs, 0, 1);
  } catch {
    return lost(error);
  }
}

function fateUnknown(cause: unknown): EnactError {
  return new EnactError("OUTCOME_UNKNOWN", "The connection to PostgreSQL was lost at COMMIT, and it cannot be asked what became of it", {
    done: "The statements may or may not have taken effect.",
    hint: "Look at the data before you try again.",
    cause,
  });
}

function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw new EnactError("CANCELLED", "The call was cancelled", { done: "Nothing was changed." });
}
