import { EnactError, isEnactError } from "../../errors.js";
import { captureRows } from "./capture.js";
import type { Glimpse } from "./capture.js";
import { benchOn } from "./choice.js";
import type { PostgresConnection } from "./connection.js";
import { lost, statementFailure } from "./failures.js";
import { COUNTERS_SQL, DETAILS_SQL, measure, moved, writes } from "./measure.js";
import type { MeasuredTable } from "./measure.js";
import { changedTables, deletion, insertion, parentsFirst, rowsByKey, update } from "./row-commands.js";
import { isSameRow, keyOf, relationOf, shownKey, shownTable, WRITING } from "./rows.js";
import type { RowTexts, TableChange } from "./rows.js";
import { commitFate } from "./run.js";
import type { RunContext } from "./run.js";
import { isServerError } from "./wire.js";
import type { Command, Reply } from "./wire.js";

/** What a run kept. Plain JSON. */
export interface RowsToPutBack {
  readonly tables: readonly TableChange[];
  /** Under which the run's own triggers and functions found their tables. */
  readonly search_path: string;
}

/** What stands under a table's keys now; null when the table is no longer what it was. */
export interface TableNow {
  readonly rows: ReadonlyMap<string, RowTexts> | null;
}

export type PutBack =
  | { readonly state: "done"; /** What is not as it was before, one sentence each: a trigger set it anew. */ readonly left: readonly string[] }
  | { readonly state: "unknown"; readonly error: EnactError };

const READ_ONLY: Command = { text: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" };
const SETTINGS: Command = { text: `SELECT ${WRITING}` };
const END: Command = { text: "ROLLBACK" };

/** Looks, on the session that only looks. @throws EnactError SYSTEM_UNAVAILABLE */
export async function rowsNow(glimpse: Glimpse, tables: readonly TableChange[]): Promise<readonly TableNow[]> {
  const shapes = (await glimpse([READ_ONLY, SETTINGS, ...tables.map(changedTables), END]))?.slice(2, -1);
  if (shapes === undefined) throw new EnactError("SYSTEM_UNAVAILABLE", "PostgreSQL does not show the tables of this run", { hint: "Ask the person whether they still are there." });
  const isSame = tables.map((_table, index) => shapes[index]?.rows[0]?.[0] === "true");
  const asked = tables.filter((_table, index) => isSame[index]);
  const replies = (await glimpse([READ_ONLY, SETTINGS, ...asked.map((table) => rowsByKey(table)), END]))?.slice(2, -1);
  if (replies === undefined) throw new EnactError("SYSTEM_UNAVAILABLE", "PostgreSQL does not show the rows of this run");
  return tables.map((table, index): TableNow => {
    if (isSame[index] !== true) return { rows: null };
    const rows = replies[asked.indexOf(table)]?.rows ?? [];
    return { rows: new Map(rows.map((row) => [keyOf(table, row), row])) };
  });
}

/** What differs from how a run left its rows, one clause each; empty when nothing does. */
export function differencesIn(tables: readonly TableChange[], now: readonly TableNow[]): readonly string[] {
  return tables.flatMap((table, index) => {
    const rows = now[index]?.rows;
    if (rows === null || rows === undefined) return [`the table ${shownTable(table)} was altered or dropped`];
    const left = [...table.inserted, ...table.updated.map(([, after]) => after)];
    const changed = left.flatMap((row) => {
      const found = rows.get(keyOf(table, row));
      if (found !== undefined && isSameRow(found, row)) return [];
      return [`${shownTable(table)} ${shownKey(table, row)} was ${found === undefined ? "deleted" : "changed"}`];
    });
    // A key that was freed by a deletion and taken by an insertion is compared above.
    const back = table.deleted.filter((row) => rows.has(keyOf(table, row)) && !left.some((one) => keyOf(table, one) === keyOf(table, row)));
    return [...changed, ...back.map((row) => `${shownTable(table)} ${shownKey(table, row)} is there again`)];
  });
}

/** @throws EnactError STALE_PLAN naming what differs */
export function mustBeAsLeft(tables: readonly TableChange[], now: readonly TableNow[]): void {
  const found = differencesIn(tables, now);
  if (found.length === 0) return;
  const more = found.length > 3 ? ` and ${found.length - 3} more` : "";
  throw new EnactError("STALE_PLAN", `The rows are no longer as the run left them: ${found.slice(0, 3).join("; ")}${more}`, {
    done: "Nothing was changed.",
    hint: "Ask the person: somebody has changed these rows since, and undoing would lose that.",
  });
}

/**
 * Puts back what a run changed: one transaction that locks the rows, compares them once more with how the run left them,
 * changes them, and looks at what that really did before it commits. Whatever else would be changed or deleted by it
 * (a cascade to rows that others added) ends it.
 *
 * @throws EnactError; whatever is thrown, nothing was changed. An unknown fate is a report, not an error.
 */
export async function putRowsBack(context: RunContext, { tables, search_path }: RowsToPutBack, signal: AbortSignal): Promise<PutBack> {
  const lease = await context.sessions.take();
  const { connection } = lease;
  const onAbort = () => void context.cancel(connection.processId);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    const work = new PuttingBack(context, connection, { tables, search_path });
    await work.open();
    await work.apply();
    const left = await work.verify();
    if (signal.aborted) throw new EnactError("CANCELLED", "The call was cancelled", { done: "Nothing was changed." });
    return await commit(context, connection, left);
  } catch (error) {
    if (isEnactError(error)) throw error;
    throw isServerError(error) ? statementFailure(error, context.limits.statementTimeoutMs, 0, 1) : lost(error);
  } finally {
    signal.removeEventListener("abort", onAbort);
    // Triggers of the user's may have run: the session ends, and with it whatever is still open.
    lease.release("anything");
  }
}

async function commit(context: RunContext, connection: PostgresConnection, left: readonly string[]): Promise<PutBack> {
  const [state] = await connection.run([{ text: "SELECT pg_catalog.pg_current_xact_id_if_assigned()::text" }]);
  const xid = state?.rows[0]?.[0] ?? null;
  try {
    const [reply] = await connection.run([{ text: "COMMIT" }]);
    if (reply?.tag === "COMMIT") return { state: "done", left };
    throw new EnactError("ACTION_FAILED", "PostgreSQL did not commit", { done: "Nothing was changed." });
  } catch (error) {
    if (isEnactError(error)) throw error;
    const fate = await commitFate(context, error, xid);
    if (fate === "committed") return { state: "done", left };
    if (fate === "aborted") throw error;
    const hint = "Look at the rows before you try again.";
    return { state: "unknown", error: new EnactError("OUTCOME_UNKNOWN", "The connection was lost at COMMIT", { done: "The rows may or may not be back.", hint }) };
  }
}

class PuttingBack {
  readonly #context: RunContext;
  readonly #connection: PostgresConnection;
  readonly #tables: readonly TableChange[];
  readonly #path: Command;
  #before: Reply | undefined;

  constructor(context: RunContext, connection: PostgresConnection, { tables, search_path }: RowsToPutBack) {
    this.#context = context;
    this.#connection = connection;
    this.#tables = tables;
    this.#path = { text: "SELECT pg_catalog.set_config('search_path', $1, true)", values: [search_path] };
  }

  /** Locks the rows, and sees that they still are what the run left. */
  async open(): Promise<void> {
    const timeout = String(this.#context.limits.statementTimeoutMs);
    const limits = "SELECT pg_catalog.set_config('statement_timeout', $1, true), pg_catalog.set_config('lock_timeout', $1, true)";
    const replies = await this.#connection.run([
      { text: "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE" },
      SETTINGS,
      { text: limits, values: [timeout] },
      { text: "SET CONSTRAINTS ALL DEFERRED" },
      { text: COUNTERS_SQL },
      ...this.#tables.map(changedTables),
    ]);
    this.#before = replies[4];
    const isSame = replies.slice(5).map((reply) => reply.rows[0]?.[0] === "true");
    const gone = this.#tables.filter((_table, index) => !isSame[index]);
    if (gone.length > 0) mustBeAsLeft(gone, gone.map(() => ({ rows: null })));
    mustBeAsLeft(this.#tables, await this.#rows(true));
  }

  /**
   * Foreign keys want rows back before what points to them, and gone after it; unique values want the new ones gone before
   * the old ones come back. Where these contradict each other, one order after the other is tried.
   */
  async apply(): Promise<void> {
    const [fks] = await this.#connection.run([parentsFirst(this.#tables)]);
    const ordered = sorted(this.#tables, fks?.rows ?? []);
    const back = ordered.flatMap((table) => insertion(table));
    const changed = ordered.flatMap((table) => update(table, table.updated.map(([before]) => before)));
    const gone = ordered.toReversed().flatMap((table) => deletion(table));
    const orders = [[...back, ...changed, ...gone], [...changed, ...gone, ...back], [...gone, ...changed, ...back]];
    for (const [index, commands] of orders.entries()) {
      const isLast = index === orders.length - 1;
      if (await this.#try(commands, isLast)) return;
    }
  }

  async #try(commands: readonly Counted[], isLast: boolean): Promise<boolean> {
    await this.#connection.run([{ text: "SAVEPOINT enact" }]);
    try {
      const replies = await this.#run(commands);
      const wrong = commands.find(({ count }, index) => Number(/ (\d+)$/u.exec(replies[index]?.tag ?? "")?.[1]) !== count);
      if (wrong === undefined) return true;
      throw new EnactError("ACTION_FAILED", `Not all rows of ${wrong.table} could be put back: a rule or a trigger holds some of them`, { done: "The transaction was rolled back; nothing was changed." });
    } catch (error) {
      if (isLast || !isServerError(error) || !error.code.startsWith("23")) throw error;
      await this.#connection.run([{ text: "ROLLBACK TO SAVEPOINT enact" }, { text: "SET CONSTRAINTS ALL DEFERRED" }]);
      return false;
    }
  }

  /** Triggers find what they name where the run's did; the guard's own looks see pg_catalog only. */
  async #run(commands: readonly Counted[]): Promise<readonly Reply[]> {
    const replies = await this.#connection.run([this.#path, ...commands.map(({ command }) => command), { text: "SET CONSTRAINTS ALL IMMEDIATE" }, SETTINGS]);
    return replies.slice(1, -2);
  }

  /** Looks at what the transaction has really done. @returns what is not as it was before */
  async verify(): Promise<readonly string[]> {
    await this.#mustHaveTouchedNothingElse();
    const first = differencesIn(this.#wanted(), await this.#rows(false));
    if (first.length === 0) return [];
    // Triggers may have changed rows after they were put back (a counter, a date): once more, now that all others are back.
    const again = this.#tables.flatMap((table) => update(table, [...table.updated.map(([before]) => before), ...table.deleted]));
    await this.#run(again);
    await this.#mustHaveTouchedNothingElse();
    const left = this.#wanted().flatMap((table) => this.#leftOf(table));
    const now = await this.#rows(false);
    return left.flatMap((say) => say(now));
  }

  /** The tables as they should be now, in the form of a run that left them so. */
  #wanted(): readonly TableChange[] {
    return this.#tables.map((table) => ({
      ...table,
      inserted: [...table.deleted, ...table.updated.map(([before]) => before)],
      updated: [],
      deleted: table.inserted.filter((row) => !table.deleted.some((old) => keyOf(table, old) === keyOf(table, row))),
    }));
  }

  #leftOf(table: TableChange): readonly ((now: readonly TableNow[]) => readonly string[])[] {
    const index = this.#tables.findIndex((one) => relationOf(one) === relationOf(table));
    return table.columns.map(([column], place) => (now) => {
      const other = table.inserted.filter((row) => now[index]?.rows?.get(keyOf(table, row))?.[place] !== row[place]);
      return other.length === 0 ? [] : [`${shownTable(table)}.${column} of ${other.length === 1 ? "1 row" : `${other.length} rows`}: a trigger sets it anew whenever the row is changed`];
    });
  }

  async #rows(lock: boolean): Promise<readonly TableNow[]> {
    const replies = await this.#connection.run(this.#tables.map((table) => rowsByKey(table, lock)));
    return this.#tables.map((table, index) => ({ rows: new Map((replies[index]?.rows ?? []).map((row) => [keyOf(table, row), row])) }));
  }

  /** Rows that the run never touched must not be changed or deleted by undoing it. */
  async #mustHaveTouchedNothingElse(): Promise<void> {
    const [after] = await this.#connection.run([{ text: COUNTERS_SQL }]);
    if (after === undefined || this.#before === undefined) throw new Error("PostgreSQL gave no counters");
    const changes = moved(this.#before, after);
    const oids = [...changes].filter(([, change]) => writes(change) > 0).map(([oid]) => oid);
    const [details] = await this.#connection.run([{ text: DETAILS_SQL, values: [`{${oids.join(",")}}`, "{}"] }]);
    if (details === undefined) throw new Error("PostgreSQL gave no details");
    const { tables, catalogue } = measure(changes, details);
    if (catalogue.length > 0) throw elsewhere("the catalogue");
    for (const measured of tables) await this.#mustBeOurs(measured);
  }

  async #mustBeOurs(measured: MeasuredTable): Promise<void> {
    if (measured.updated + measured.deleted === 0) return;
    const kept = this.#tables.find(({ schema, name }) => schema === measured.schema && name === measured.name);
    if (kept !== undefined && measured.deleted === kept.inserted.length && measured.updated <= kept.updated.length) return;
    // A trigger may have changed rows to and fro: what counts is what is left of it, row by row.
    const bench = benchOn(this.#connection, "pg_catalog", []);
    const found = await captureRows(bench, this.#context.glimpse, [measured], MAX_BYTES);
    if ("why" in found) throw elsewhere(shownTable(measured));
    const ours = kept === undefined ? [] : [...kept.inserted, ...kept.deleted, ...kept.updated.map(([before]) => before)];
    for (const change of found.tables) {
      const known = new Set(ours.map((row) => keyOf(change, row)));
      const other = [...change.deleted, ...change.updated.map(([before]) => before)].find((row) => !known.has(keyOf(change, row)));
      if (other !== undefined) throw elsewhere(`${shownTable(change)} ${shownKey(change, other)}`);
    }
  }
}

const MAX_BYTES = 32 * 1024 * 1024;

function elsewhere(what: string): EnactError {
  return new EnactError("STALE_PLAN", `Undoing would also change or delete ${what}, which the run had not touched: it depends on rows that would go`, {
    done: "The transaction was rolled back; nothing was changed.",
    hint: "Ask the person: others have built on what the run put in.",
  });
}

/** A command, and how many rows it must say that it changed. */
export interface Counted {
  readonly command: Command;
  readonly count: number;
  readonly table: string;
}

/** Tables in an order in which each comes after those that its foreign keys point to, as far as there is one. */
function sorted(tables: readonly TableChange[], edges: readonly RowTexts[]): readonly TableChange[] {
  const names = new Map(tables.map((table) => [relationOf(table), table]));
  const done = new Set<TableChange>();
  const order: TableChange[] = [];
  const visit = (table: TableChange): void => {
    if (done.has(table)) return;
    done.add(table);
    for (const [from, to] of edges) {
      const parent = from === relationOf(table) ? names.get(to ?? "") : undefined;
      if (parent !== undefined) visit(parent);
    }
    order.push(table);
  };
  tables.forEach(visit);
  return order;
}
