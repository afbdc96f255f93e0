import type { Counted } from "./put-back.js";
import { byKeys, columnList, keyArrays, quoted, relationOf, shownTable, textArray, typeOf } from "./rows.js";
import type { RowTexts, TableChange, TableShape } from "./rows.js";
import type { Command } from "./wire.js";

/** Whether a table still has the columns, types and key that its rows were kept with: "true" or not. */
export function changedTables(table: TableChange): Command {
  const text = `
SELECT (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attidentity = 'a') ORDER BY a.attnum)::pg_catalog.jsonb
    = $2::pg_catalog.jsonb
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
  WHERE c.relkind = 'r' AND NOT c.relrowsecurity AND n.nspname = $1 AND c.relname = $3)::text`;
  const columns = JSON.stringify(table.columns);
  return { text, values: [table.schema, columns, table.name] };
}

/** All rows that a run changed, as they are now. */
export function rowsByKey(table: TableChange, lock = false): Command {
  const rows = [...table.inserted, ...table.updated.map(([, after]) => after), ...table.deleted];
  const text = `SELECT ${columnList(table)} FROM ONLY ${relationOf(table)} AS t JOIN ${byKeys(table)}${lock ? " FOR UPDATE OF t" : ""}`;
  return { text, values: keyArrays(table, distinct(table, rows)) };
}

/** A key stands twice where a row was deleted and another one put in its place. */
function distinct(table: TableChange, rows: readonly RowTexts[]): readonly RowTexts[] {
  const places = table.key.map((name) => table.columns.findIndex(([column]) => column === name));
  const seen = new Map(rows.map((row) => [JSON.stringify(places.map((place) => row[place])), row]));
  return [...seen.values()];
}

/** The foreign keys among these tables: from which to which. */
export function parentsFirst(tables: readonly TableChange[]): Command {
  const text = `
SELECT pg_catalog.format('%s.%s', '"' || replace(n.nspname, '"', '""') || '"', '"' || replace(c.relname, '"', '""') || '"'),
  pg_catalog.format('%s.%s', '"' || replace(fn.nspname, '"', '""') || '"', '"' || replace(fc.relname, '"', '""') || '"')
FROM pg_catalog.pg_constraint k
JOIN pg_catalog.pg_class c ON c.oid = k.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_class fc ON fc.oid = k.confrelid JOIN pg_catalog.pg_namespace fn ON fn.oid = fc.relnamespace
WHERE k.contype = 'f' AND k.conrelid <> k.confrelid AND c.oid = ANY ($1::pg_catalog.text[]::pg_catalog.regclass[]::pg_catalog.oid[])`;
  return { text, values: [textArray(tables.map(relationOf))] };
}

/** Puts deleted rows in again, all at once: rows of one table may point to each other. */
export function insertion(table: TableChange): readonly Counted[] {
  if (table.deleted.length === 0) return [];
  const names = table.columns.map(([name]) => quoted(name)).join(", ");
  const values = table.columns.map(([, type], index) => `v.v${index}::${type}`).join(", ");
  const text = `INSERT INTO ${relationOf(table)} (${names}) OVERRIDING SYSTEM VALUE SELECT ${values} FROM ${lists(table)}`;
  return [{ command: { text, values: columnArrays(table, table.deleted) }, count: table.deleted.length, table: shownTable(table) }];
}

/** Gives rows these values, found by their keys. What only PostgreSQL may number stays as it is. */
export function update(table: TableChange, rows: readonly RowTexts[]): readonly Counted[] {
  const settable = table.columns.map(([name, type, always], index) => ({ name, type, always, index })).filter(({ name, always }) => !always && !table.key.includes(name));
  if (rows.length === 0 || settable.length === 0) return [];
  const set = settable.map(({ name, type, index }) => `${quoted(name)} = v.v${index}::${type}`).join(", ");
  const text = `UPDATE ONLY ${relationOf(table)} AS t SET ${set} FROM ${lists(table)} WHERE ${sameKey(table)}`;
  return [{ command: { text, values: columnArrays(table, rows) }, count: rows.length, table: shownTable(table) }];
}

/** Takes out the rows that were put in. */
export function deletion(table: TableChange): readonly Counted[] {
  if (table.inserted.length === 0) return [];
  const text = `DELETE FROM ONLY ${relationOf(table)} AS t USING ${lists(table)} WHERE ${sameKey(table)}`;
  return [{ command: { text, values: columnArrays(table, table.inserted) }, count: table.inserted.length, table: shownTable(table) }];
}

function sameKey(table: TableShape): string {
  return table.key
    .map((name) => `t.${quoted(name)} = v.v${table.columns.findIndex(([column]) => column === name)}::${typeOf(table, name)}`)
    .join(" AND ");
}

function lists(table: TableShape): string {
  const arrays = table.columns.map((_column, index) => `pg_catalog.unnest($${index + 1}::pg_catalog.text[])`).join(", ");
  return `ROWS FROM (${arrays}) AS v(${table.columns.map((_column, index) => `v${index}`).join(", ")})`;
}

function columnArrays(table: TableShape, rows: readonly RowTexts[]): readonly string[] {
  return table.columns.map((_column, index) => textArray(rows.map((row) => row[index] ?? null)));
}
