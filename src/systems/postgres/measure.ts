import type { Choice } from "./choice.js";
import type { Hidden } from "./hidden.js";
import type { Reply } from "./wire.js";

/**
 * What this transaction has done so far, as PostgreSQL counts it. The counters may still hold what earlier transactions of
 * the session did, so they are read twice and subtracted. A scan by row id is no scan to PostgreSQL, but it fetches a
 * block: blocks count as well. System tables only matter when they are written.
 */
export const COUNTERS_SQL = `
SELECT c.oid::text, ${counter("tuples_inserted")}::text, ${counter("tuples_updated")}::text, ${counter("tuples_deleted")}::text,
  ${counter("numscans")}::text, ${counter("blocks_fetched")}::text
FROM pg_catalog.pg_class c
WHERE c.relkind IN ('r', 'm', 'p', 'i')
  AND (c.oid >= 16384 OR c.relkind = 'r')
  AND ${counter("tuples_inserted")} + ${counter("tuples_updated")} + ${counter("tuples_deleted")}
    + CASE WHEN c.oid < 16384 THEN 0 ELSE ${counter("numscans")} + ${counter("blocks_fetched")} END > 0`;

/** Asked twice of the few relations that moved, because a subquery that asks once costs more for all the others. */
function counter(name: string): string {
  return `pg_catalog.pg_stat_get_xact_${name}(c.oid)`;
}

/** What the relations are whose counters moved. tied: tables that a foreign key ties to one that was written. */
export const DETAILS_SQL = `
SELECT c.oid::text, n.nspname::text, c.relname::text,
  CASE WHEN c.relkind = 'i' THEN (SELECT i.indrelid::text FROM pg_catalog.pg_index i WHERE i.indexrelid = c.oid) END,
  CASE WHEN c.relkind <> 'i' THEN (
    SELECT pg_catalog.json_agg(a.attname ORDER BY a.attnum)::text FROM pg_catalog.pg_attribute a
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) END,
  CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhrelid = c.oid) AND c.relkind <> 'i' THEN (
    WITH RECURSIVE up(oid) AS (SELECT i.inhparent FROM pg_catalog.pg_inherits i WHERE i.inhrelid = c.oid
      UNION SELECT i.inhparent FROM up JOIN pg_catalog.pg_inherits i ON i.inhrelid = up.oid)
    SELECT pg_catalog.json_agg(pg_catalog.json_build_array(pn.nspname, p.relname) ORDER BY p.oid)::text
    FROM up JOIN pg_catalog.pg_class p ON p.oid = up.oid JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace) END,
  CASE WHEN c.oid = ANY ($2::pg_catalog.oid[]) THEN (
    SELECT pg_catalog.json_agg(pg_catalog.json_build_array(kn.nspname, kc.relname) ORDER BY kc.oid)::text
    FROM pg_catalog.pg_constraint k
    JOIN pg_catalog.pg_class kc ON kc.oid = CASE WHEN k.conrelid = c.oid THEN k.confrelid ELSE k.conrelid END
    JOIN pg_catalog.pg_namespace kn ON kn.oid = kc.relnamespace
    WHERE k.contype = 'f' AND (k.conrelid = c.oid OR k.confrelid = c.oid)) END
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = ANY ($1::pg_catalog.oid[])
  OR c.oid IN (SELECT i.indrelid FROM pg_catalog.pg_index i WHERE i.indexrelid = ANY ($1::pg_catalog.oid[]))`;

/** Every table and view as it is now: what of it is dropped, rewritten or altered shows in the difference. */
export const SCHEMA_SQL = `
SELECT c.oid::text, n.nspname::text, c.relname::text, c.relkind::text, c.relfilenode::text, c.xmin::text || c.ctid::text
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'm', 'f', 'v')`;

export interface MeasuredTable {
  readonly oid: string;
  readonly schema: string;
  readonly name: string;
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
  readonly read: boolean;
  readonly columns: readonly string[];
  /** Tables that this one is a partition or child of, as [schema, name]. */
  readonly parents: readonly (readonly [string, string])[];
  /** Of a table that was written: tables that a foreign key ties to it, whose rows its checks look up. */
  readonly tied: readonly (readonly [string, string])[];
}

export interface SchemaChange {
  readonly schema: string;
  readonly name: string;
  /** emptied: its storage was replaced, as TRUNCATE does. */
  readonly what: "dropped" | "emptied" | "altered";
  readonly hasRows: boolean;
}

/** What was found out of a change that was watched. */
export interface Chosen {
  readonly statement: number;
  readonly change: number;
  readonly choice: Choice;
  /** Whether a row of the table was left alone; null when nobody can tell. */
  readonly sparesRows: boolean | null;
}

export interface Measurement {
  /** User tables that were touched. */
  readonly tables: readonly MeasuredTable[];
  /** System tables of which rows were written. */
  readonly catalogue: readonly string[];
  /** What became of tables and views that were there before; null when nobody watched. */
  readonly schema: readonly SchemaChange[] | null;
  readonly chosen: readonly Chosen[];
  /** By statement: rows that it says it changed, if it says. */
  readonly hits: readonly (number | null)[];
  /** What code did that the counters do not show. */
  readonly hidden: Hidden;
}

const NOT_MOVED: Moved = { inserted: 0, updated: 0, deleted: 0, scans: 0, blocks: 0 };

/** How far the counters of one relation moved. */
export interface Moved {
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
  readonly scans: number;
  readonly blocks: number;
}

/** Subtracts the counters at the start from those at the end; only relations whose counters moved are in it. */
export function moved(before: Reply, after: Reply): ReadonlyMap<string, Moved> {
  const start = new Map(before.rows.map((row) => [row[0], row]));
  const found = new Map<string, Moved>();
  for (const row of after.rows) {
    const base = start.get(row[0]);
    const at = (index: number): number => Number(row[index]) - Number(base?.[index] ?? 0);
    const change = { inserted: at(1), updated: at(2), deleted: at(3), scans: at(4), blocks: at(5) };
    const isUser = Number(row[0]) >= FIRST_USER_OID;
    if (writes(change) > 0 || (isUser && (change.scans > 0 || change.blocks > 0))) found.set(String(row[0]), change);
  }
  return found;
}

export function writes({ inserted, updated, deleted }: Moved): number {
  return inserted + updated + deleted;
}

/** Puts names to the counters; the scans of an index are scans of its table. */
export function measure(changes: ReadonlyMap<string, Moved>, details: Reply, schemaBefore?: Reply, schemaAfter?: Reply): Omit<Measurement, "chosen" | "hits" | "hidden"> {
  const indexScans = new Map<string, number>();
  for (const [oid, , , table] of details.rows) {
    if (typeof table !== "string") continue;
    indexScans.set(table, (indexScans.get(table) ?? 0) + (changes.get(String(oid))?.scans ?? 0));
  }
  const tables: MeasuredTable[] = [];
  const catalogue: string[] = [];
  for (const [oid, schema, name, table, columns, parents, tied] of details.rows) {
    if (typeof table === "string") continue;
    // A look-up by index that finds nothing does not even open the table.
    const change = changes.get(String(oid)) ?? NOT_MOVED;
    if (Number(oid) < FIRST_USER_OID) {
      catalogue.push(String(name));
      continue;
    }
    const { inserted, updated, deleted } = change;
    const scans = change.scans + (indexScans.get(String(oid)) ?? 0);
    // A write fetches blocks of its own; only a scan says that a written table was also read.
    const read = scans > 0 || (change.blocks > 0 && writes(change) === 0);
    if (!read && writes(change) === 0) continue;
    const about = { oid: String(oid), schema: String(schema), name: String(name), inserted, updated, deleted, read };
    tables.push({ ...about, columns: list(columns), parents: list(parents), tied: list(tied) } as MeasuredTable);
  }
  const schema = schemaBefore === undefined || schemaAfter === undefined ? null : schemaChanges(schemaBefore, schemaAfter);
  return { tables, catalogue: catalogue.toSorted(), schema };
}

/** Objects that initdb made have smaller oids (FirstNormalObjectId of PostgreSQL's transam.h). */
const FIRST_USER_OID = 16_384;

function list(json: string | null | undefined): unknown {
  return typeof json === "string" ? JSON.parse(json) : [];
}

function schemaChanges(before: Reply, after: Reply): readonly SchemaChange[] {
  const now = new Map(after.rows.map((row) => [row[0], row]));
  return before.rows.flatMap((row): SchemaChange[] => {
    const [oid, schema, name, kind, file, version] = row as string[];
    const left = now.get(oid ?? null);
    const about = { schema: String(schema), name: String(name), hasRows: kind !== "v" };
    if (left === undefined) return [{ ...about, what: "dropped" }];
    if (left[4] !== file) return [{ ...about, what: "emptied" }];
    const isSame = left[5] === version && left[1] === schema;
    return isSame ? [] : [{ ...about, what: "altered" }];
  });
}
