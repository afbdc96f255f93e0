import { EnactError } from "../../errors.js";
import { COUNTERS_SQL, SCHEMA_SQL } from "./measure.js";
import type { Command, Reply } from "./wire.js";

/** What a text means depends on these: whatever code did to them, each statement is read as it was judged. */
const SETTINGS_SQL =
  "pg_catalog.set_config('search_path', $1, true), " +
  "pg_catalog.set_config('statement_timeout', $2, true), pg_catalog.set_config('lock_timeout', $2, true), " +
  "pg_catalog.set_config('idle_in_transaction_session_timeout', $3, true), " +
  "pg_catalog.set_config('standard_conforming_strings', 'on', true), pg_catalog.set_config('transform_null_equals', 'off', true), " +
  "pg_catalog.set_config('max_parallel_workers_per_gather', '0', true), pg_catalog.set_config('row_security', 'on', true), " +
  "pg_catalog.set_config('datestyle', 'ISO', true), pg_catalog.set_config('bytea_output', 'hex', true), " +
  "pg_catalog.set_config('extra_float_digits', '1', true)";
export const OPEN_SQL = `SELECT pg_catalog.pg_current_snapshot()::text, ${SETTINGS_SQL}, pg_catalog.current_setting('track_counts')`;

// What steers the transaction has no name: code that ran could have prepared something else under it.
export const MARK: Command = { text: "SAVEPOINT enact" };
export const BACK: Command = { text: "ROLLBACK TO SAVEPOINT enact" };
export const NOW: Command = { text: "SET CONSTRAINTS ALL IMMEDIATE" };
/** Code that ran may have put operators of its own before PostgreSQL's. */
export const OWN_PATH: Command = { text: "SELECT pg_catalog.set_config('search_path', 'pg_catalog', true)", name: "enact_own_path" };
/** The same, and whether code that ran has prepared statements: PREPARE leaves a mark that ours do not bear. */
export const WITNESS: Command = {
  text: "SELECT pg_catalog.set_config('search_path', 'pg_catalog', true), EXISTS (SELECT FROM pg_catalog.pg_prepared_statement() WHERE from_sql)::text",
};
export const COUNTERS: Command = { text: COUNTERS_SQL, name: "enact_counters" };
export const SCHEMA: Command = { text: SCHEMA_SQL, name: "enact_schema" };
export const STATE: Command = {
  text: "SELECT pg_catalog.pg_current_snapshot()::text, pg_catalog.pg_current_xact_id_if_assigned()::text, pg_catalog.current_setting('track_counts')",
  name: "enact_state",
};
/** Planning the look anew each time costs more than the look; the agent's statements have run by then. */
export const GENERIC: Command = {
  text: "SELECT pg_catalog.set_config('plan_cache_mode', 'force_generic_plan', true)",
  name: "enact_generic",
};

/** The settings once more, for the next statement. */
export function again(settings: readonly string[]): Command {
  return { text: `SELECT ${SETTINGS_SQL}`, values: settings };
}

export const UNDONE = "The transaction was rolled back; nothing was changed.";

export function isBlinded(witness: Reply | undefined): boolean {
  return witness?.rows[0]?.[1] !== "false";
}

export function blinded(): EnactError {
  return new EnactError("REFUSED", "Code that ran prepared statements of its own in this session: nothing that is counted in it can be believed", { done: UNDONE });
}

export function uncounted(): EnactError {
  return new EnactError("REFUSED", "PostgreSQL does not count what statements do (track_counts is off)", {
    hint: "Ask the person to switch track_counts on: without it nobody can tell what a statement did.",
  });
}
