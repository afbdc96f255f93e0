import { arrayLiteral } from "./catalogue.js";
import type { PostgresConnection } from "./connection.js";
import { lost } from "./failures.js";
import type { Json } from "./json-text.js";
import { encodeParam } from "./params.js";
import type { Command, Reply } from "./wire.js";
import { isServerError } from "./wire.js";

/** A DELETE or UPDATE of which it is to be found out whether its condition chose rows. Plain JSON. */
export interface Watch {
  /** Index of the statement, and of the change among the changes of its text. */
  readonly statement: number;
  readonly change: number;
  /** The target: its oid, and its name as SQL writes it, with its schema. */
  readonly oid: string;
  readonly relation: string;
  readonly only: boolean;
  /** Views have no system columns: their rows can only be counted. */
  readonly isView: boolean;
  /** What the statement's own count of rows is about; null when it is about something else. */
  readonly counted: "DELETE" | "UPDATE" | null;
}

/**
 * spares: a row of the table was left alone, or would have been had there been others. always_true: no row could have
 * been. unproven: no row was, and nobody can tell whether one could have been.
 */
export type Choice = "spares" | "always_true" | "unproven";

export interface Question {
  readonly values?: readonly (string | null)[];
  /** Oids of the parameters' types. */
  readonly types?: readonly number[];
  /** Sees pg_catalog only, instead of the search_path of the statements. */
  readonly ownPath?: boolean;
}

/** Asks within the transaction without leaving a trace in it. */
export interface Bench {
  /** The rows; undefined when PostgreSQL refuses the question, or takes too long over it. Nothing can be written. */
  ask(text: string, question?: Question): Promise<Reply["rows"] | undefined>;
  /** The statement's own parameters, with the types that they have in it; undefined when PostgreSQL cannot say. */
  given(statement: string): Promise<Question | undefined>;
  /** A list of texts as a value of type text[]. */
  list(items: readonly string[]): string;
}

/** Looks closer at a change that left no row of its table alone. */
export type Examine = (watch: Watch, bench: Bench) => Promise<Choice>;

/** For each question, in milliseconds. */
const QUESTION_TIME = 2500;

const SETTINGS =
  "SELECT pg_catalog.set_config('search_path', $1, true), pg_catalog.set_config('statement_timeout', $2, true), " +
  "pg_catalog.set_config('lock_timeout', '500', true), pg_catalog.set_config('jit', 'off', true), " +
  // Values stand in the questions as texts: a backslash must be one.
  "pg_catalog.set_config('standard_conforming_strings', 'on', true), " +
  "pg_catalog.set_config('transaction_read_only', 'on', true)";
const MARK: Command = { text: "SAVEPOINT enact_bench" };
const BACK: readonly Command[] = [{ text: "ROLLBACK TO SAVEPOINT enact_bench" }, { text: "RELEASE SAVEPOINT enact_bench" }];

function settings(path: string): Command {
  return { text: SETTINGS, values: [path, String(QUESTION_TIME)] };
}

export function benchOn(connection: PostgresConnection, searchPath: string, params: readonly Json[]): Bench {
  const withoutTrace = async <Answer>(question: () => Promise<Answer>): Promise<Answer | undefined> => {
    try {
      return await question();
    } catch (error) {
      if (!isServerError(error) || !connection.isAlive) throw lost(error);
      await connection.run(BACK);
      return undefined;
    }
  };
  const ask: Bench["ask"] = async (text, { values = [], types = [], ownPath = false } = {}) =>
    withoutTrace(async () => {
      const path = ownPath ? "pg_catalog" : searchPath;
      const replies = await connection.run([MARK, settings(path), { text, values, types }, ...BACK]);
      return replies[2]?.rows;
    });
  const given: Bench["given"] = async (statement) => {
    if (params.length === 0) return {};
    const types = await withoutTrace(async () => {
      await connection.run([MARK, settings(searchPath)]);
      const found = await connection.parameterTypes(statement);
      await connection.run(BACK);
      return found;
    });
    return types && { types, values: params.map((param, index) => encodeParam(param, types[index])) };
  };
  return { ask, given, list: arrayLiteral };
}

/**
 * Whether the table still has a row that was there when the transaction began and that it did not write. `age` is 0 or
 * less for what this transaction wrote, subtransactions of functions included; the snapshot keeps out what others
 * committed since, which the statement never saw.
 */
function untouched(relation: string, only: boolean): string {
  return `
SELECT EXISTS (
  SELECT FROM ${only ? "ONLY " : ""}${relation} AS t
  CROSS JOIN LATERAL (SELECT t.xmin::text::bigint AS id, s.horizon, (s.horizon >> 32) << 32 AS era OFFSET 0) x
  WHERE pg_catalog.age(t.xmin) > 0 AND (x.id < 3 OR pg_catalog.pg_visible_in_snapshot(
    (x.era + x.id - CASE WHEN x.era + x.id >= x.horizon THEN 4294967296 ELSE 0 END)::text::pg_catalog.xid8, $1::pg_catalog.pg_snapshot))
)::text, pg_catalog.row_security_active($2::pg_catalog.oid)::text
FROM (SELECT pg_catalog.pg_snapshot_xmax($1::pg_catalog.pg_snapshot)::text::bigint AS horizon) s`;
}

/**
 * Whether the change left a row of its table alone; undefined when that cannot be told so simply. Where row-level
 * security hides rows or keeps them from being changed, a row that is left says nothing of the condition.
 *
 * @param snapshot of the transaction's beginning
 * @param hits rows that the statement says it changed, if it says
 */
export async function sparesRows(watch: Watch, bench: Bench, snapshot: string, hits: number | undefined): Promise<boolean | undefined> {
  if (watch.isView) return sparesRowsOfView(watch, bench, hits);
  const rows = await bench.ask(untouched(watch.relation, watch.only), { values: [snapshot, watch.oid], ownPath: true });
  const [isThere, isFiltered] = rows?.[0] ?? [];
  return isThere === undefined || isFiltered !== "false" ? undefined : isThere === "true";
}

/** What is left after a DELETE was spared, and so was what an UPDATE did not count. */
async function sparesRowsOfView({ counted, relation }: Watch, bench: Bench, hits: number | undefined): Promise<boolean | undefined> {
  if (counted === null || hits === undefined) return undefined;
  const own = counted === "DELETE" ? 0 : hits;
  const rows = await bench.ask(`SELECT count(*)::text FROM (SELECT FROM ${relation} LIMIT ${own + 1}) t`, { ownPath: true });
  return rows === undefined ? undefined : Number(rows[0]?.[0]) > own;
}

/** Rows that a statement says it changed: "DELETE 3". */
export function hitsOf(tag: string): number | undefined {
  const hits = /^(?:INSERT \d+|UPDATE|DELETE|MERGE) (\d+)$/.exec(tag)?.[1];
  return hits === undefined ? undefined : Number(hits);
}
