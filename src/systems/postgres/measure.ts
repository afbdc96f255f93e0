import type { Reply } from "./wire.js";

/**
 * What this transaction has done so far, as PostgreSQL counts it, table by table. The counters may still hold what earlier
 * transactions of the session did, so they are read twice and subtracted. A scan by row id is no scan to PostgreSQL, but
 * it fetches a block: blocks count as well. System tables only matter when they are written.
 */
export const COUNTERS_SQL = `
SELECT c.oid::text, n.nspname::text, c.relname::text, c.relkind::text,
  s.inserted::text, s.updated::text, s.deleted::text, s.scans::text, s.blocks::text,
  CASE WHEN c.relkind = 'i' THEN (SELECT i.indrelid::text FROM pg_catalog.pg_index i WHERE i.indexrelid = c.oid) END,
  CASE WHEN c.oid >= 16384 AND s.inserted + s.updated > 0 THEN (
    SELECT pg_catalog.json_agg(a.attname ORDER BY a.attnum)::text FROM pg_catalog.pg_attribute a
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) END,
  (WITH RECURSIVE up(oid) AS (SELECT i.inhparent FROM pg_catalog.pg_inherits i WHERE i.inhrelid = c.oid AND c.relkind <> 'i' AND c.oid >= 16384
     UNION SELECT i.inhparent FROM up JOIN pg_catalog.pg_inherits i ON i.inhrelid = up.oid)
   SELECT pg_catalog.json_agg(pg_catalog.json_build_array(pn.nspname, p.relname) ORDER BY p.oid)::text
   FROM up JOIN pg_catalog.pg_class p ON p.oid = up.oid JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace),
  CASE WHEN c.oid >= 16384 AND s.inserted + s.updated + s.deleted > 0 THEN (
    SELECT pg_catalog.json_agg(pg_catalog.json_build_array(kn.nspname, kc.relname) ORDER BY kc.oid)::text
    FROM pg_catalog.pg_constraint k
    JOIN pg_catalog.pg_class kc ON kc.oid = CASE WHEN k.conrelid = c.oid THEN k.confrelid ELSE k.conrelid END
    JOIN pg_catalog.pg_namespace kn ON kn.oid = kc.relnamespace
    WHERE k.contype = 'f' AND (k.conrelid = c.oid OR k.confrelid = c.oid)) END
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (SELECT
  pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid) AS inserted,
  pg_catalog.pg_stat_get_xact_tuples_updated(c.oid) AS updated,
  pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid) AS deleted,
  pg_catalog.pg_stat_get_xact_numscans(c.oid) AS scans,
  pg_catalog.pg_stat_get_xact_blocks_fetched(c.oid) AS blocks OFFSET 0) s
WHERE c.relkind IN ('r', 'm', 'p', 'i')
  AND (c.oid >= 16384 OR c.relkind = 'r')
  AND CASE WHEN c.oid < 16384 THEN s.inserted + s.updated + s.deleted ELSE s.inserted + s.updated + s.deleted + s.scans + s.blocks END > 0`;

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
  /** Of a table that was inserted into or updated. */
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

export interface Measurement {
  /** User tables that were touched. */
  readonly tables: readonly MeasuredTable[];
  /** System tables of which rows were written. */
  readonly catalogue: readonly string[];
  /** What became of tables and views that were there before; null when nobody watched. */
  readonly schema: readonly SchemaChange[] | null;
}

interface Counter {
  oid: string;
  schema: string;
  name: string;
  inserted: number;
  updated: number;
  deleted: number;
  scans: number;
  blocks: number;
  columns: readonly string[];
  parents: readonly (readonly [string, string])[];
  tied: readonly (readonly [string, string])[];
}

/** Subtracts the counters at the start from those at the end. */
export function measure(before: Reply, after: Reply, schemaBefore?: Reply, schemaAfter?: Reply): Measurement {
  const start = counters(before);
  const tables: MeasuredTable[] = [];
  const catalogue: string[] = [];
  for (const [oid, end] of counters(after)) {
    const base = start.get(oid);
    const [inserted, updated, deleted, scans, blocks] = (["inserted", "updated", "deleted", "scans", "blocks"] as const).map(
      (key) => end[key] - (base?.[key] ?? 0),
    ) as [number, number, number, number, number];
    const written = inserted + updated + deleted;
    if (Number(oid) < FIRST_USER_OID) {
      if (written > 0) catalogue.push(end.name);
      continue;
    }
    // A write fetches blocks of its own; only a scan says that a written table was also read.
    const read = scans > 0 || (blocks > 0 && written === 0);
    if (!read && written === 0) continue;
    const { schema, name, columns, parents, tied } = end;
    tables.push({ oid, schema, name, inserted, updated, deleted, read, columns, parents, tied });
  }
  const schema = schemaBefore === undefined || schemaAfter === undefined ? null : schemaChanges(schemaBefore, schemaAfter);
  return { tables, catalogue: catalogue.toSorted(), schema };
}

/** Objects that initdb made have smaller oids (FirstNormalObjectId of PostgreSQL's transam.h). */
const FIRST_USER_OID = 16_384;

/** Counters by table; the scans of an index are scans of its table. */
function counters(reply: Reply): ReadonlyMap<string, Counter> {
  const found = new Map<string, Counter>();
  const indexScans = new Map<string, number>();
  for (const row of reply.rows) {
    const [oid, schema, name, kind, inserted, updated, deleted, scans, blocks, table, columns, parents, tied] = row;
    if (kind === "i") {
      if (typeof table === "string") indexScans.set(table, (indexScans.get(table) ?? 0) + Number(scans));
      continue;
    }
    found.set(String(oid), {
      oid: String(oid),
      schema: String(schema),
      name: String(name),
      inserted: Number(inserted),
      updated: Number(updated),
      deleted: Number(deleted),
      scans: Number(scans),
      blocks: Number(blocks),
      columns: list<string>(columns),
      parents: list<[string, string]>(parents),
      tied: list<[string, string]>(tied),
    });
  }
  for (const [table, scans] of indexScans) {
    const counter = found.get(table);
    if (counter !== undefined) counter.scans += scans;
  }
  return found;
}

function list<Item>(json: string | null | undefined): readonly Item[] {
  return typeof json === "string" ? (JSON.parse(json) as Item[]) : [];
}

function schemaChanges(before: Reply, after: Reply): readonly SchemaChange[] {
  const now = new Map(after.rows.map((row) => [row[0], row]));
  return before.rows.flatMap((row): SchemaChange[] => {
    const [oid, schema, name, kind, file, version] = row as string[];
    const left = now.get(oid as string);
    const about = { schema: String(schema), name: String(name), hasRows: kind !== "v" };
    if (left === undefined) return [{ ...about, what: "dropped" }];
    if (left[4] !== file) return [{ ...about, what: "emptied" }];
    const isSame = left[5] === version && left[1] === schema;
    return isSame ? [] : [{ ...about, what: "altered" }];
  });
}
