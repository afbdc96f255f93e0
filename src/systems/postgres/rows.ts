import type { Bench } from "./choice.js";
import type { Command, Reply } from "./wire.js";

/** A value as PostgreSQL writes it, with ISO dates and hexadecimal bytea; null is NULL. */
export type Text = string | null;
export type RowTexts = readonly Text[];

/** A table as far as its rows are put back. Plain JSON. */
export interface TableShape {
  readonly schema: string;
  readonly name: string;
  /** Columns that hold values of their own (generated ones do not): name, type, and whether only PostgreSQL may number it. */
  readonly columns: readonly (readonly [name: string, type: string, alwaysIdentity: boolean])[];
  /** Names of the columns of the primary key, or of a unique index over columns that are never NULL. */
  readonly key: readonly string[];
}

/** What a transaction changed in one table, rows in the order of `columns`. */
export interface TableChange extends TableShape {
  readonly inserted: readonly RowTexts[];
  readonly updated: readonly (readonly [before: RowTexts, after: RowTexts])[];
  readonly deleted: readonly RowTexts[];
}

/** How values are written: the same in every session that compares them. */
export const WRITING =
  "pg_catalog.set_config('search_path', 'pg_catalog', true), pg_catalog.set_config('datestyle', 'ISO', true), " +
  "pg_catalog.set_config('intervalstyle', 'postgres', true), pg_catalog.set_config('bytea_output', 'hex', true), " +
  "pg_catalog.set_config('extra_float_digits', '1', true), pg_catalog.set_config('timezone', 'UTC', true), " +
  "pg_catalog.set_config('xmloption', 'content', true), pg_catalog.set_config('row_security', 'on', true)";

/** Larger tables are not looked through for the rows of one transaction. */
const MAX_TABLE_BYTES = 256 * 1024 * 1024;

/** $1 oids. What keeps a table's rows from being put back is said in the last column. */
const SHAPES_SQL = `
SELECT c.oid::text, n.nspname::text, c.relname::text,
  (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attidentity = 'a') ORDER BY a.attnum)::text
   FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''),
  (SELECT pg_catalog.json_agg(a.attname ORDER BY k.place)::text
   FROM (SELECT i.indkey, i.indnkeyatts FROM pg_catalog.pg_index i
     WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL
       AND NOT EXISTS (SELECT FROM pg_catalog.unnest(i.indkey) WITH ORDINALITY u(attnum, place)
         JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = u.attnum
         WHERE u.place <= i.indnkeyatts AND (NOT a.attnotnull OR a.attgenerated <> ''))
     ORDER BY i.indisprimary DESC, i.indnkeyatts, i.indexrelid LIMIT 1) x
   CROSS JOIN LATERAL pg_catalog.unnest(x.indkey) WITH ORDINALITY k(attnum, place)
   JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum WHERE k.place <= x.indnkeyatts),
  CASE WHEN c.relpersistence = 't' THEN 'temporary'
    WHEN c.relkind <> 'r' THEN 'it is no ordinary table'
    WHEN c.relrowsecurity THEN 'it has row-level security'
    WHEN pg_catalog.pg_relation_size(c.oid) > ${MAX_TABLE_BYTES} THEN 'it is too large to be looked through' END
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = ANY ($1::pg_catalog.oid[])`;

export interface FoundShape extends TableShape {
  readonly oid: string;
  /** Why its rows cannot be put back; "temporary" for a table that goes with its session. */
  readonly why: string | null;
}

/** Looks up tables by their oids; undefined when PostgreSQL does not say. */
export async function shapesOf(bench: Bench, oids: readonly string[]): Promise<readonly FoundShape[] | undefined> {
  const rows = await bench.ask(SHAPES_SQL, { values: [bench.list(oids)], ownPath: true });
  return rows?.map(shapeOf);
}

/** The same as a command, for sessions of the guard's own. */
export function shapesCommand(oids: readonly string[]): Command {
  return { text: SHAPES_SQL, values: [`{${oids.join(",")}}`] };
}

export function shapeOf(row: Reply["rows"][number]): FoundShape {
  const [oid, schema, name, columns, key, why] = row;
  const shape = { oid: oid ?? "", schema: schema ?? "", name: name ?? "" };
  const names = typeof key === "string" ? (JSON.parse(key) as readonly string[]) : [];
  const found = typeof columns === "string" ? (JSON.parse(columns) as TableShape["columns"]) : [];
  return { ...shape, columns: found, key: names, why: why ?? (names.length === 0 ? "it has no primary key" : null) };
}

export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function relationOf({ schema, name }: TableShape): string {
  return `${quoted(schema)}.${quoted(name)}`;
}

/** `"schema"."table"` without quotes where none are needed, for people. */
export function shownTable({ schema, name }: Pick<TableShape, "schema" | "name">): string {
  return schema === "public" ? name : `${schema}.${name}`;
}

export function columnList(shape: TableShape, table = "t"): string {
  return shape.columns.map(([name]) => `${table}.${quoted(name)}`).join(", ");
}

/** Joins the rows of table `t` with a list of keys, `$from` and on: one array of texts for each column of the key. */
export function byKeys(shape: TableShape, from = 1): string {
  const lists = shape.key.map((_name, index) => `pg_catalog.unnest($${from + index}::pg_catalog.text[])`).join(", ");
  const names = shape.key.map((_name, index) => `k${index}`).join(", ");
  const equal = shape.key.map((name, index) => `t.${quoted(name)} = k.k${index}::${typeOf(shape, name)}`).join(" AND ");
  return `ROWS FROM (${lists}) AS k(${names}) ON ${equal}`;
}

export function typeOf(shape: TableShape, column: string): string {
  return shape.columns.find(([name]) => name === column)?.[1] ?? "pg_catalog.text";
}

/** The key's columns of these rows, each as the array that byKeys joins with. */
export function keyArrays(shape: TableShape, rows: readonly RowTexts[]): readonly string[] {
  const places = keyPlaces(shape);
  return places.map((place) => textArray(rows.map((row) => row[place] ?? null)));
}

function keyPlaces(shape: TableShape): readonly number[] {
  return shape.key.map((name) => shape.columns.findIndex(([column]) => column === name));
}

/** A row's key, as a text that two rows share only if their keys are written the same. */
export function keyOf(shape: TableShape, row: RowTexts): string {
  return JSON.stringify(keyPlaces(shape).map((place) => row[place] ?? null));
}

/** A row's key for people: "(id) = (7)". */
export function shownKey(shape: TableShape, row: RowTexts): string {
  const values = keyPlaces(shape).map((place) => String(row[place] ?? null).slice(0, 60));
  return `(${shape.key.join(", ")}) = (${values.join(", ")})`;
}

export function isSameRow(one: RowTexts, other: RowTexts): boolean {
  return one.length === other.length && one.every((value, index) => value === other[index]);
}

/** A one-dimensional array of texts that may be NULL, as PostgreSQL reads it. */
export function textArray(values: readonly Text[]): string {
  const items = values.map((value) => (value === null ? "NULL" : `"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`));
  return `{${items.join(",")}}`;
}
