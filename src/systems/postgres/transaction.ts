import { EnactError } from "../../errors.js";
import { arrayLiteral } from "./catalogue.js";
import type { CatalogueRequest } from "./catalogue.js";
import { again, BACK, blinded, COUNTERS, GENERIC, isBlinded, MARK, NOW, OPEN_SQL, OWN_PATH, SCHEMA, STATE, uncounted, UNDONE, WITNESS } from "./commands.js";
import { benchOn, hitsOf, sparesRows } from "./choice.js";
import type { Examine, Watch } from "./choice.js";
import type { PostgresConnection } from "./connection.js";
import { statementFailure } from "./failures.js";
import { NOTHING_HIDDEN } from "./hidden.js";
import { DETAILS_SQL, measure, moved, writes } from "./measure.js";
import type { Chosen, Measurement, Moved } from "./measure.js";
import type { Memory } from "./memory.js";
import { encodeParam } from "./params.js";
import type { Json } from "./json-text.js";
import type { Leaves } from "./sessions.js";
import { isServerError, MORE } from "./wire.js";
import type { Command, Reply } from "./wire.js";

/** What to run, and what must still be true of the catalogue. Plain JSON. */
export interface Order {
  readonly statements: readonly string[];
  /** For a single statement. */
  readonly params: readonly Json[];
  readonly readOnly: boolean;
  /** Compare all tables and views before and after: the statements may drop, empty or alter some. */
  readonly watchSchema: boolean;
  /** Changes of which it is to be found out whether their conditions chose rows. */
  readonly watches: readonly Watch[];
  /** What the session may be left with; see Lease. */
  readonly leaves: Leaves;
  readonly search_path: string;
  readonly request: CatalogueRequest;
  /** What the catalogue said, as a digest: the same for as long as nothing that matters has changed. */
  readonly digest: string;
  /** The server follows another one: its snapshots do not say whether something has changed. */
  readonly isStandby: boolean;
}

export interface Limits {
  readonly statementTimeoutMs: number;
  readonly maxRows: number;
  readonly maxBytes: number;
}

/** What was seen before COMMIT. */
export interface Trial {
  readonly measurement: Measurement;
  readonly replies: readonly Reply[];
  /** Set when a statement failed: nothing can be committed. */
  readonly failure: EnactError | undefined;
  /** The transaction's id, if it has one: it wrote something. */
  readonly xid: string | null;
  readonly snapshot: string;
}

/** The guard's own time for judging, in milliseconds; after it the server ends the session and with it the transaction. */
const JUDGING_TIME = 60_000;

/** One transaction on one session, up to the moment before COMMIT. */
export class Transaction {
  readonly #connection: PostgresConnection;
  readonly #order: Order;
  readonly #limits: Limits;
  readonly #memory: Memory;
  readonly #examine: Examine;
  readonly #chosen: Chosen[] = [];
  #before: readonly Reply[] = [];
  #after: Reply | undefined;
  #snapshot = "";

  constructor(connection: PostgresConnection, order: Order, limits: Limits, memory: Memory, examine: Examine) {
    this.#connection = connection;
    this.#examine = examine;
    this.#memory = memory;
    this.#order = order;
    this.#limits = limits;
  }

  /** Begins; gives the snapshot that its first statement would see. */
  async open(): Promise<string> {
    const { readOnly, watchSchema } = this.#order;
    const begin = `BEGIN ISOLATION LEVEL READ COMMITTED ${readOnly ? "READ ONLY" : "READ WRITE"}`;
    const replies = await this.#connection.run([
      { text: begin },
      OWN_PATH,
      COUNTERS,
      ...(watchSchema ? [SCHEMA] : []),
      { text: OPEN_SQL, name: "enact_open", values: this.#settings() },
    ]);
    this.#before = replies.slice(2, -1);
    const row = replies.at(-1)?.rows[0] ?? [];
    if (row.at(-1) !== "on") throw uncounted();
    this.#snapshot = row[0] ?? "";
    return this.#snapshot;
  }

  /** Runs the statements and whatever is deferred to COMMIT, and counts what they did. */
  async run(): Promise<Trial> {
    const replies: Reply[] = [];
    if (this.#order.leaves !== "settings") this.#connection.distrustNames();
    let counted: readonly Reply[] | undefined;
    let failure: EnactError | undefined;
    try {
      for (const text of this.#order.statements) {
        const isLast = replies.length === this.#order.statements.length - 1;
        const { reply, rest } = await this.#statement(text, this.#left(replies), isLast ? this.#ending() : [again(this.#settings())]);
        const isTried = await this.#choices(replies.length, reply.tag);
        replies.push(reply);
        // Trying a condition calls the functions in it once more.
        counted = isLast && isTried ? await this.#connection.run(this.#counting()) : rest;
      }
    } catch (error) {
      failure = this.#failure(error, replies.length);
      // What was read before the error is still counted: an error text may hold what it read, so it is judged as well.
      counted = await this.#connection.run([BACK, ...this.#counting()]);
    }
    return this.#trial(replies, counted ?? [], failure);
  }

  async rollback(): Promise<void> {
    await this.#connection.run([{ text: "ROLLBACK" }]);
  }

  /**
   * Makes sure that nothing is left to be done at COMMIT, where nobody could judge it: code that is run by a deferred
   * constraint can put off more.
   *
   * @throws EnactError REFUSED
   */
  async settle(): Promise<void> {
    if (this.#order.leaves === "settings") return;
    const replies = await this.#connection.run([again(this.#settings()), NOW, OWN_PATH, COUNTERS]);
    const more = moved(this.#after ?? NO_ROWS, replies.at(-1) ?? NO_ROWS);
    if ([...more.values()].every((change) => writes(change) === 0)) return;
    throw new EnactError("REFUSED", "Code that ran put off more work until COMMIT, where nobody could judge it", { done: UNDONE });
  }

  /** @returns the command tag: "COMMIT", or "ROLLBACK" when the server would not */
  async commit(): Promise<string> {
    const [reply] = await this.#connection.run([{ text: "COMMIT" }]);
    return reply?.tag ?? "";
  }

  /** Finds out what the conditions of a statement that just ran have spared. @returns whether one had to be tried */
  async #choices(statement: number, tag: string): Promise<boolean> {
    const watches = this.#order.watches.filter((watch) => watch.statement === statement);
    if (watches.length === 0) return false;
    let isTried = false;
    const bench = benchOn(this.#connection, this.#order.search_path, this.#order.params);
    const hits = hitsOf(tag);
    for (const watch of watches) {
      const spares = await sparesRows(watch, bench, this.#snapshot, hits);
      isTried ||= spares !== true;
      const found = spares === true ? "spares" : await this.#examine(watch, bench);
      // A single row is no measure: a table of one row is reached whole by the best of conditions.
      const choice = found === "unproven" && hits !== undefined && hits < 2 ? "spares" : found;
      this.#chosen.push({ statement, change: watch.change, choice, sparesRows: spares ?? null });
    }
    return isTried;
  }

  #settings(): readonly string[] {
    const { statementTimeoutMs } = this.#limits;
    return [this.#order.search_path, String(statementTimeoutMs), String(JUDGING_TIME + statementTimeoutMs)];
  }

  #counting(): readonly Command[] {
    return [WITNESS, COUNTERS, STATE, ...(this.#order.watchSchema ? [SCHEMA] : [])];
  }

  /** What follows the last statement: what is deferred to COMMIT comes before the count. */
  #ending(): readonly Command[] {
    return this.#order.readOnly ? this.#counting() : [MARK, NOW, ...this.#counting()];
  }

  #failure(error: unknown, index: number): EnactError {
    const { length } = this.#order.statements;
    const isEnding = isServerError(error) && (error.command ?? 0) > 1;
    return statementFailure(error, this.#limits.statementTimeoutMs, isEnding ? length : index, length);
  }

  async #trial(replies: readonly Reply[], counted: readonly Reply[], failure: EnactError | undefined): Promise<Trial> {
    const watched = this.#order.watchSchema;
    const [witness, after, state, schema] = counted.slice(watched ? -4 : -3);
    // Where code was known to run, nothing has a name by which it could be replaced.
    if (this.#order.leaves === "settings" && isBlinded(witness)) throw blinded();
    const [snapshot, xid, counting] = state?.rows[0] ?? [];
    if (after === undefined || this.#before[0] === undefined || counting !== "on") throw uncounted();
    this.#after = after;
    const changes = moved(this.#before[0], after);
    const details = await this.#details(changes, xid === null ? (snapshot ?? "") : "");
    const measured = measure(changes, details, this.#before[1], watched ? schema : undefined);
    const measurement: Measurement = { ...measured, chosen: this.#chosen, hits: replies.map(({ tag }) => hitsOf(tag) ?? null), hidden: NOTHING_HIDDEN };
    return { measurement, replies, failure, xid: xid ?? null, snapshot: snapshot ?? "" };
  }

  /** Runs one statement and, in the same round trip, the rest; the rest once more when the rows took several. */
  async #statement(text: string, left: Limits, rest: readonly Command[]): Promise<{ reply: Reply; rest: readonly Reply[] }> {
    const { params, readOnly } = this.#order;
    const needsTypes = params.some((param) => Array.isArray(param));
    const types = needsTypes ? await this.#parameterTypes(text) : [];
    const values = params.map((param, index) => encodeParam(param, types[index]));
    const [, reply, ...others] = await this.#connection.run([MARK, { text, values, paged: true }, ...rest], left);
    if (reply === undefined) throw new Error("PostgreSQL gave no reply");
    if (!reply.hasMore || (reply.truncated && readOnly)) return { reply, rest: others };
    await this.#readOn(reply, left);
    return { reply, rest: rest.length === 0 ? [] : await this.#connection.run(rest) };
  }

  /**
   * Reads the pages that are left. A statement that may change something runs to its end, whatever of it is shown: its
   * effects must not depend on a limit.
   */
  async #readOn(reply: Reply, left: Limits): Promise<void> {
    for (;;) {
      const [page] = await this.#connection.run([MORE], leftAfter(reply, left));
      if (page === undefined) throw new Error("PostgreSQL gave no page");
      if (!reply.truncated) reply.rows.push(...page.rows);
      reply.truncated ||= page.truncated;
      reply.tag = page.tag;
      if (!page.hasMore || (reply.truncated && this.#order.readOnly)) return;
    }
  }

  /** @param snapshot under which nothing was written: what was known of the relations then still holds; "" if there is none */
  async #details(changes: ReadonlyMap<string, Moved>, snapshot: string): Promise<Reply> {
    if (changes.size === 0) return NO_ROWS;
    const oids = [...changes.keys()];
    const isSure = snapshot !== "" && !this.#order.isStandby;
    const known = isSure ? this.#memory.recall(snapshot, oids) : undefined;
    if (known !== undefined) return known;
    const written = [...changes].filter(([, change]) => writes(change) > 0).map(([oid]) => oid);
    const values = [arrayLiteral(oids), arrayLiteral(written)];
    const [, details] = await this.#connection.run([GENERIC, { text: DETAILS_SQL, name: "enact_details", values }]);
    if (isSure && details !== undefined) this.#memory.keep(snapshot, oids, details);
    return details ?? NO_ROWS;
  }

  async #parameterTypes(text: string): Promise<readonly number[]> {
    await this.#connection.run([MARK]);
    return this.#connection.parameterTypes(text);
  }

  /** The row limit holds for each statement, the byte limit for the call. */
  #left(replies: readonly Reply[]): Limits {
    const bytes = replies.flatMap((reply) => reply.rows).reduce((sum, row) => sum + Buffer.byteLength(row.join("")), 0);
    return { ...this.#limits, maxBytes: Math.max(0, this.#limits.maxBytes - bytes) };
  }
}

function leftAfter(reply: Reply, left: Limits): Limits {
  const bytes = reply.rows.reduce((sum, row) => sum + Buffer.byteLength(row.join("")), 0);
  const maxRows = reply.truncated ? 0 : Math.max(0, left.maxRows - reply.rows.length);
  return { ...left, maxRows, maxBytes: Math.max(0, left.maxBytes - bytes) };
}

const NO_ROWS: Reply = Object.freeze({ tag: "", columns: [], rows: [], truncated: false, hasMore: false });
