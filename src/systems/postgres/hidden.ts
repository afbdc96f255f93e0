import type { PostgresConnection } from "./connection.js";
import type { Measurement } from "./measure.js";
import type { Command, Reply } from "./wire.js";

/** What code did that the counters do not show. */
export interface Hidden {
  /** Relations that it opened, as [schema, name]. */
  readonly opened: readonly (readonly [string, string])[];
  /** Relations of which it changed rows. */
  readonly written: readonly (readonly [string, string])[];
}

export const NOTHING_HIDDEN: Hidden = { opened: [], written: [] };

/**
 * Relations that this transaction has locked: whatever reads or writes a table locks it first and until the end, and no
 * code can hide that. Of a role that may not switch the counters off, only what they never count is asked for: foreign
 * tables. The locks of DDL are left out: what it does is seen in the catalogue. `ids` are the transaction's own and those of its subtransactions.
 */
const LOCKS_SQL = `
SELECT c.oid::text, n.nspname::text, c.relname::text, c.relkind::text,
  pg_catalog.bool_or(l.mode = 'RowExclusiveLock')::text,
  (SELECT pg_catalog.array_agg(t.transactionid::text) FROM pg_catalog.pg_locks t
    WHERE t.locktype = 'transactionid' AND t.pid = pg_catalog.pg_backend_pid() AND t.mode = 'ExclusiveLock')::text
FROM pg_catalog.pg_locks l
JOIN pg_catalog.pg_class c ON c.oid = l.relation AND c.oid >= 16384
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE l.locktype = 'relation' AND l.pid = pg_catalog.pg_backend_pid() AND l.mode IN ('AccessShareLock', 'RowExclusiveLock')
  AND (c.relkind = 'f' OR (c.relkind IN ('r', 'm') AND pg_catalog.current_setting('is_superuser') = 'on'))
GROUP BY c.oid, n.nspname, c.relname, c.relkind`;

/** Looks on another session, which does not see what this one has done; undefined where there is none. */
type Glimpse = ((commands: readonly Command[]) => Promise<readonly Reply[] | undefined>) | undefined;

/**
 * Finds what code of the user's has done behind the counters: on foreign tables, which are not counted, and by switching
 * track_counts off for a while, as a superuser may.
 */
export async function hiddenFrom(measurement: Measurement, connection: PostgresConnection, glimpse: Glimpse): Promise<Hidden> {
  const [locks] = await connection.run([{ text: LOCKS_SQL }]);
  const counted = new Map(measurement.tables.map((table) => [table.oid, table]));
  const opened: [string, string][] = [];
  const written: [string, string][] = [];
  for (const [oid, schema, name, kind, isForWriting, ids] of locks?.rows ?? []) {
    const table = counted.get(oid ?? "");
    if (table !== undefined && (isForWriting !== "true" || table.inserted + table.updated + table.deleted > 0)) continue;
    const names: [string, string] = [String(schema), String(name)];
    if (table === undefined) opened.push(names);
    if (isForWriting !== "true") continue;
    // Nobody can look into another server.
    if (kind === "f" || (await hasChangedRows(names, ids ?? "{}", connection, glimpse))) written.push(names);
  }
  return { opened, written };
}

/** New versions of rows bear the transaction's mark for itself, and old ones for all others. */
async function hasChangedRows(names: readonly [string, string], ids: string, connection: PostgresConnection, glimpse: Glimpse): Promise<boolean> {
  const table = names.map((name) => `"${name.replaceAll('"', '""')}"`).join(".");
  const own = await connection.run([{ text: `SELECT EXISTS (SELECT FROM ONLY ${table} WHERE pg_catalog.age(xmin) <= 0)::text` }]);
  if (own[0]?.rows[0]?.[0] !== "false") return true;
  if (glimpse === undefined) return false;
  const text = `SELECT EXISTS (SELECT FROM ONLY ${table} WHERE xmax::text = ANY ($1::text[]))::text`;
  const others = await glimpse([{ text, values: [ids] }]);
  return others?.[0]?.rows[0]?.[0] !== "false";
}
