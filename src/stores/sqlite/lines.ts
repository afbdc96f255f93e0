import { digestBytes } from "../../receipts/canonical.js";
import type { StoredLine } from "../../receipts/check.js";
import type { ChainPosition } from "../../receipts/entry.js";
import type { EntryQuery } from "../../receipts/ledger.js";
import type { Database, Row } from "./database.js";

/** As bytes: reading text would repair broken UTF-8 and stop at a NUL, and show something else than what lies there. */
const COLUMNS = "sequence, CAST(entry AS BLOB) AS bytes";

function lineOf(row: Row): StoredLine {
  return { sequence: row["sequence"] as number, bytes: (row["bytes"] as Uint8Array | null) ?? new Uint8Array() };
}

/** The last entry as it lies there, unchecked; null when there is none. */
export function lastPosition(db: Database): ChainPosition | null {
  const row = db.get(`SELECT ${COLUMNS} FROM entries ORDER BY sequence DESC LIMIT 1`);
  return row === undefined ? null : positionOf(lineOf(row));
}

export function positionAt(db: Database, sequence: number): ChainPosition | null {
  const row = db.get(`SELECT ${COLUMNS} FROM entries WHERE sequence = ?`, sequence);
  return row === undefined ? null : positionOf(lineOf(row));
}

function positionOf(line: StoredLine): ChainPosition {
  return { sequence: line.sequence ?? 0, hash: digestBytes(line.bytes) };
}

/** At most `limit` lines after a sequence, in order. */
export function linesAfter(db: Database, sequence: number, limit: number): readonly StoredLine[] {
  return db.all(`SELECT ${COLUMNS} FROM entries WHERE sequence > ? ORDER BY sequence LIMIT ?`, sequence, limit).map(lineOf);
}

/** All lines one by one, from one snapshot. */
export function* allLines(db: Database): Iterable<StoredLine> {
  for (const row of db.iterate(`SELECT ${COLUMNS} FROM entries ORDER BY sequence`)) yield lineOf(row);
}

export function insertLine(db: Database, sequence: number, text: string): void {
  db.run("INSERT INTO entries (sequence, entry) VALUES (?, ?)", sequence, text);
}

/** Lines whose entries match, found through the indexes. */
export function matchingLines(db: Database, query: EntryQuery): readonly StoredLine[] {
  const where: string[] = [];
  const values: (string | number)[] = [];
  const add = (condition: string, value: string | number | undefined): void => {
    if (value === undefined) return;
    where.push(condition);
    values.push(value);
  };
  add("run_id = ?", query.run_id);
  add("run_id >= ?", query.run_id_prefix);
  // No character sorts behind this one.
  add("run_id < ?", query.run_id_prefix === undefined ? undefined : `${query.run_id_prefix}\u{10FFFF}`);
  add("decision = ?", query.decision);
  add("workflow = ?", query.workflow);
  add("phase = ?", query.phase);
  add("sequence > ?", query.after);
  add("sequence < ?", query.before);
  const conditions = where.length === 0 ? "" : ` WHERE ${where.join(" AND ")}`;
  const order = query.newest === true ? "DESC" : "ASC";
  const rows = db.all(`SELECT ${COLUMNS} FROM entries${conditions} ORDER BY sequence ${order} LIMIT ?`, ...values, query.limit ?? -1);
  return rows.map(lineOf).filter((line) => lineMatches(line, query));
}

/** The same without indexes, for a ledger whose structure cannot be trusted. */
export function matchingLinesSlowly(db: Database, query: EntryQuery): readonly StoredLine[] {
  const found = [...allLines(db)].filter((line) => {
    const sequence = line.sequence ?? 0;
    return sequence > (query.after ?? 0) && sequence < (query.before ?? Number.MAX_SAFE_INTEGER) && lineMatches(line, query);
  });
  return (query.newest === true ? found.toReversed() : found).slice(0, query.limit);
}

/** SQLite's JSON parser and ours may read a text that was tampered with differently; ours counts. */
function lineMatches(line: StoredLine, query: EntryQuery): boolean {
  let entry: unknown;
  try {
    entry = JSON.parse(Buffer.from(line.bytes).toString("utf8"));
  } catch {
    return false;
  }
  if (typeof entry !== "object" || entry === null) return false;
  const found = entry as Record<string, unknown>;
  if (query.run_id_prefix !== undefined && !String(found["run_id"]).startsWith(query.run_id_prefix)) return false;
  return (["run_id", "decision", "workflow", "phase"] as const).every((name) => query[name] === undefined || query[name] === found[name]);
}
