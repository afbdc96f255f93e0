import type { SqlQueryPayload, WhereState } from "../../facts/sql.js";

const NOTHING: SqlQueryPayload = {
  sql: "SELECT 1",
  sql_sha256: "",
  sql_length: 8,
  param_count: 0,
  statements: [],
  effects: "planned",
  tables: [],
  tables_read: [],
  tables_written: [],
  tables_checked: [],
  columns_written: [],
  columns_maybe_written: [],
  deletes: [],
  ddl: [],
  cascades: [],
  rows_inserted: null,
  rows_updated: null,
  rows_deleted: null,
  rows_moved: null,
  rows_affected: null,
  counts: null,
};

/** The facts of a statement that has not run: those that matter to an example, laid over a statement that does nothing. */
export function planned(facts: Partial<SqlQueryPayload>): Readonly<Record<string, unknown>> {
  return { ...NOTHING, ...facts };
}

/** The facts of a statement that ran and is not committed yet. */
export function measured(facts: Partial<SqlQueryPayload>): Readonly<Record<string, unknown>> {
  const none = { rows_inserted: 0, rows_updated: 0, rows_deleted: 0, rows_moved: 0, rows_affected: 0, counts: [] };
  return { ...NOTHING, effects: "measured", ...none, ...facts };
}

/** One change in the statement of an example. */
export function change(verb: "UPDATE" | "DELETE" | "TRUNCATE", table: string, where: WhereState | null, spares_rows: boolean | null = null) {
  const statement = { kind: verb, where, changes: [{ verb, table, where, merge: false, spares_rows }] };
  return { ...statement, tables_read: [], tables_written: [table], columns_written: [], functions: [] };
}
