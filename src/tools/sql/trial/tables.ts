import type { Bench } from "../../../systems/postgres/choice.js";
import { sqlName } from "../tables.js";
import { cluesIn } from "./clues.js";
import type { Clues } from "./clues.js";
import type { Landmarks } from "./landmarks.js";
import { makeRows } from "./rows.js";
import type { Row, RowColumn } from "./rows.js";
import type { TrialColumn } from "./types.js";
import { poolOf } from "./values.js";
import type { Pool } from "./values.js";

/** A table of made-up rows. */
export interface MadeTable {
  readonly columns: readonly { readonly name: string; readonly sql: string }[];
  readonly rows: readonly Row[];
  /** The same rows with NULL in columns that the condition asks for NULL. */
  readonly withNulls: readonly Row[];
  /** A column that matters has a type of which no value is known. */
  readonly isPartly: boolean;
}

/** A table that is joined or read in a subquery has so many of the rows that a target has. */
const SMALL = 0.2;
/** A table of so few columns is filled whole, whether they are named or not. */
const FEW_COLUMNS = 8;

/** Columns of every table that nobody has made. */
const SYSTEM: readonly (readonly [name: string, type: string])[] = [
  ["ctid", "tid"],
  ["xmin", "xid"],
  ["xmax", "xid"],
  ["cmin", "cid"],
  ["cmax", "cid"],
];

interface Making {
  readonly landmarks: Landmarks;
  readonly clues: Clues;
  readonly bench: Bench;
}

/** @param leaves oids of the tables that rows of the target may lie in */
export async function madeTarget(columns: readonly TrialColumn[], alias: string, leaves: readonly string[], making: Making): Promise<MadeTable> {
  const { landmarks } = making;
  const isWhole = landmarks.usesStars || landmarks.names.has(alias);
  const filled = await made(columns, (name) => isWhole || landmarks.names.has(name), making, 1);
  const system = SYSTEM.filter(([name]) => landmarks.names.has(name));
  const lies = landmarks.names.has("tableoid") ? [["tableoid", "oid"] as const] : [];
  const extra = (index: number): Row => [...system.map(([, type]) => systemValue(type, index)), ...lies.map(() => leaves[index % Math.max(1, leaves.length)] ?? null)];
  const withExtra = (rows: readonly Row[]): readonly Row[] => rows.map((row, index) => [...row, ...extra(index)]);
  const all = [...filled.columns, ...[...system, ...lies].map(([name, type]) => ({ name, sql: `pg_catalog.${type}` }))];
  return { ...filled, columns: all, rows: withExtra(filled.rows), withNulls: withExtra(filled.withNulls) };
}

export async function madeOther(columns: readonly TrialColumn[], making: Making): Promise<MadeTable> {
  const { landmarks } = making;
  const isFull = columns.length <= FEW_COLUMNS || landmarks.usesStars;
  return made(columns, (name) => isFull || landmarks.names.has(name), making, SMALL);
}

function systemValue(type: string, index: number): string {
  if (type === "tid") return `(${Math.floor(index / 50)},${1 + (index % 50)})`;
  return type === "xid" ? String(700 + (index % 9)) : String(index % 3);
}

async function made(columns: readonly TrialColumn[], matters: (name: string) => boolean, { landmarks, clues, bench }: Making, share: number): Promise<MadeTable> {
  const filled: RowColumn[] = [];
  for (const column of columns) {
    const pool = matters(column.name) ? (poolOf(column, clues) ?? (await guessed(column, clues, bench))) : undefined;
    const constants = landmarks.compared.get(column.name) ?? [];
    // Of a type with few values, all are worth comparing with.
    const compared = pool === undefined ? [] : constants.length === 0 ? pool.near.slice(0, pool.fresh === undefined ? 3 : 0) : (poolOf(column, cluesIn(constants))?.near ?? []);
    filled.push({ pool, compared, isUnique: column.isUnique });
  }
  const rows = makeRows(filled, share);
  const nullable = columns.flatMap((column, index) => (!column.notNull && landmarks.askedForNull.has(column.name) ? [index] : []));
  return {
    columns,
    rows,
    withNulls: nullable.length === 0 ? [] : nulled(rows.slice(0, 20), nullable),
    isPartly: columns.some((column, index) => matters(column.name) && filled[index]?.pool === undefined),
  };
}

/** NULL in each of the columns, and in all of them. */
function nulled(rows: readonly Row[], nullable: readonly number[]): readonly Row[] {
  const each = nullable.flatMap((index) => rows.map((row) => row.with(index, null)));
  return [...each, ...rows.map((row) => row.map((value, index) => (nullable.includes(index) ? null : value)))];
}

/** Texts that one type or another reads: hstore, ltree, geometry, composites, vectors. */
const GUESSES = ["", "a", "1", "0", '"a"=>"1"', "a.b.c", "POINT(0 0)", "POINT(10 50)", "(1,2)", "()", "(,)", "(,,)", "(,,,)", "[1,2,3]", "1.0.0", "{}"];

/** For a type that is not known here: those of some texts that the type takes. */
async function guessed(column: TrialColumn, clues: Clues, bench: Bench): Promise<Pool | undefined> {
  const usual: string[] = [];
  for (const guess of [...clues.texts.slice(0, 6), ...GUESSES]) {
    const rows = await bench.ask(`SELECT CAST(${literal(guess)} AS ${column.sql}) IS NOT NULL`);
    if (rows !== undefined) usual.push(guess);
  }
  return usual.length === 0 ? undefined : { near: [], usual };
}

/** The rows as a table expression. */
export function tableOf({ columns }: MadeTable, rows: readonly Row[]): string {
  const list = columns.map(({ name, sql }, index) => `CAST(r.v[${index + 1}] AS ${sql}) AS ${sqlName({ schema: null, name })}`).join(", ");
  const values = rows.length === 0 ? "(NULL::text[])" : rows.map((row) => `(ARRAY[${row.map((value) => (value === null ? "NULL" : literal(value))).join(",")}]::text[])`).join(",");
  return `SELECT ${list} FROM (VALUES ${values}) AS r(v)${rows.length === 0 ? " WHERE false" : ""}`;
}

/** Backslashes are themselves: standard_conforming_strings is on. */
function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
