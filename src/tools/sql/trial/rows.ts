import type { Pool } from "./values.js";

/** Values in the order of the columns; null where nothing is known or needed. */
export type Row = readonly (string | null)[];

export interface RowColumn {
  /** Undefined where nothing is known, or nothing needed. */
  readonly pool: Pool | undefined;
  /** Values that the condition compares this very column with, the likeliest first. */
  readonly compared: readonly string[];
  readonly isUnique: boolean;
}

/** Rows in which the compared values of all columns meet. */
const MEETINGS = 140;
/** Rows of values thrown together: what is compared with most often, so that rows of several tables meet by chance. */
const MIXTURES = 170;
/** Rows that run through all values of all columns. */
const SWEEPS = 140;
/** Columns whose compared values all meet each other. */
const MOST_MET = 7;

/** Made-up rows, the same for the same columns. @param share of the usual number of rows */
export function makeRows(columns: readonly RowColumn[], share = 1): readonly Row[] {
  const some = (most: number): number => Math.ceil(most * share);
  const all = [...meetings(columns, some(MEETINGS)), ...mixtures(columns, some(MIXTURES)), ...sweeps(columns, some(SWEEPS))];
  const rows = new Map(withUniqueValues(all, columns).map((row) => [JSON.stringify(row), row]));
  return [...rows.values()];
}

/** `a = 1 AND b = 'x'` holds, and `a <> 1 OR b <> 'x'` fails, in a single one of all combinations. */
function meetings(columns: readonly RowColumn[], most: number): Row[] {
  const met = columns.filter(({ compared }) => compared.length > 0).slice(0, MOST_MET);
  const width = Math.max(2, Math.floor(most ** (1 / Math.max(1, met.length))));
  let rows: string[][] = [[]];
  for (const { compared, pool } of met) {
    const values = [...compared.slice(0, width - 1), pool?.usual[0] ?? compared.at(-1) ?? ""];
    rows = rows.flatMap((row) => values.map((value) => [...row, value]));
  }
  return rows.slice(0, most).map((row, index) => columns.map((column) => row[met.indexOf(column)] ?? column.compared[0] ?? column.pool?.usual[index % Math.max(1, column.pool.usual.length)] ?? column.pool?.near[0] ?? null));
}

function mixtures(columns: readonly RowColumn[], most: number): Row[] {
  const random = numbersFrom(20_261_122);
  const among = (values: readonly string[]): string | undefined => values[random() % Math.max(1, values.length)];
  const value = ({ pool, compared }: RowColumn): string | null => {
    if (pool === undefined) return null;
    const { near, usual, fresh } = pool;
    const chance = random() % 10;
    const found = chance < 5 ? among(compared.slice(0, 8)) : chance < 7 ? among(usual.slice(0, 6)) : chance < 8 ? among(near) : fresh?.(random() % 30);
    return found ?? (random() % 2 === 0 ? fresh?.(random() % 30) : undefined) ?? among(usual) ?? among(near) ?? null;
  };
  return Array.from({ length: most }, () => columns.map(value));
}

function sweeps(columns: readonly RowColumn[], most: number): Row[] {
  const choices = columns.map(({ pool }) => {
    if (pool === undefined) return [null];
    const values = [...pool.usual, ...pool.near].slice(0, most);
    const { fresh } = pool;
    return fresh === undefined ? values : [...values, ...Array.from({ length: Math.max(0, most - values.length) }, (_, index) => fresh(index))];
  });
  return Array.from({ length: most }, (_, index) => choices.map((values, column) => values[place(index, column, Math.max(1, values.length))] ?? null));
}

/** Each column runs at a pace of its own, so that the same values do not always meet. */
function place(index: number, column: number, length: number): number {
  return (index * (PACES[column % PACES.length] ?? 1) + Math.floor(index / length) * column) % length;
}

/** Numbers without common divisors with most lengths. */
const PACES = [1, 11, 13, 17, 19, 23, 29, 31];

/** A key occurs once: `id IN (SELECT id FROM t WHERE active)` would else find each id in some active row. */
function withUniqueValues(rows: readonly Row[], columns: readonly RowColumn[]): readonly Row[] {
  const seen = columns.map(() => new Set<string | null>());
  return rows.map((row, index) =>
    row.map((value, column) => {
      const { isUnique = false, pool } = columns[column] ?? {};
      const own = seen[column];
      if (!isUnique || pool?.fresh === undefined || own === undefined) return value;
      const other = own.has(value) ? pool.fresh(1000 + index) : value;
      own.add(other);
      return other;
    }),
  );
}

/** Numbers that look random and are always the same: a plan that is judged again must meet the same rows. */
function numbersFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}
