import type { Bench } from "./choice.js";
import type { MeasuredTable } from "./measure.js";
import { byKeys, columnList, isSameRow, keyArrays, keyOf, relationOf, shapesOf, shownTable, WRITING } from "./rows.js";
import type { FoundShape, RowTexts, TableChange } from "./rows.js";
import type { Command, Reply } from "./wire.js";

/** Asks on another session, which sees what is committed: the rows as they were. Undefined when there is none, or it refuses. */
export type Glimpse = (commands: readonly Command[]) => Promise<readonly Reply[] | undefined>;

/** The rows that a transaction changed, before it commits; or why they cannot all be told. */
export type Captured = { readonly tables: readonly TableChange[] } | { readonly why: string };

/** What one transaction may have changed to be told row by row. */
const MAX_ROWS = 20_000;

/**
 * Finds the rows that this transaction has changed, with their values before and after, whatever changed them: statements,
 * cascades, triggers, functions. PostgreSQL marks each version of a row with the transaction that made it (xmin) and the
 * one that ended it (xmax); the new versions are read here, the old ones on another session, to which nothing of this
 * transaction exists yet. (PostgreSQL manual, "System Columns"; 25.3.3 of its chapter on MVCC.)
 *
 * What was found must come to the very numbers that PostgreSQL has counted; else nobody relies on it.
 */
export async function captureRows(bench: Bench, glimpse: Glimpse, written: readonly MeasuredTable[], maxBytes: number): Promise<Captured> {
  const shapes = await shapesOf(bench, written.map(({ oid }) => oid));
  if (shapes === undefined || shapes.length !== written.length) return { why: "the tables could not be looked up" };
  const tables: TableChange[] = [];
  let room = { rows: MAX_ROWS, bytes: maxBytes };
  for (const measured of written) {
    const shape = shapes.find(({ oid }) => oid === measured.oid);
    if (shape === undefined || shape.why === "temporary") continue;
    if (shape.why !== null) return { why: `${shownTable(shape)}: ${shape.why}` };
    const found = await captureTable(bench, glimpse, shape, room);
    if ("why" in found) return { why: `${shownTable(shape)}: ${found.why}` };
    if (!comesTo(found.change, measured)) return { why: `${shownTable(shape)}: others changed it at the same time` };
    room = { rows: room.rows - found.rows, bytes: room.bytes - found.bytes };
    tables.push(found.change);
  }
  return { tables };
}

interface Room {
  readonly rows: number;
  readonly bytes: number;
}

interface Found extends Room {
  readonly change: TableChange;
}

async function captureTable(bench: Bench, glimpse: Glimpse, shape: FoundShape, room: Room): Promise<Found | { readonly why: string }> {
  const now = await ownVersions(bench, shape, room);
  if ("why" in now) return now;
  const before = await endedVersions(glimpse, shape, { rows: room.rows - now.found.length, bytes: room.bytes - now.bytes });
  if ("why" in before) return before;
  const left = await versionsNow(bench, shape, before.found);
  if (left === undefined) return { why: "its rows could not be read" };
  const change = differences(shape, now.found, before.found, left);
  return { change, rows: now.found.length + before.found.length, bytes: now.bytes + before.bytes };
}

/** `found` and the bytes of their texts. */
interface Versions {
  readonly found: readonly RowTexts[];
  readonly bytes: number;
}

/**
 * `age` is 0 or less for what this transaction and its subtransactions wrote, and for what others wrote since; of these only
 * its own are visible here and still in progress.
 */
const OWN = `
  CROSS JOIN LATERAL (SELECT t.xmin::text::bigint AS id, pg_catalog.pg_current_xact_id()::text::bigint AS own OFFSET 0) x
  CROSS JOIN LATERAL (SELECT ((x.own >> 32) << 32) + x.id + CASE WHEN x.id < (x.own & 4294967295) THEN 4294967296 ELSE 0 END AS full_id OFFSET 0) y
WHERE pg_catalog.age(t.xmin) <= 0 AND x.id >= 3
  AND CASE WHEN y.full_id::text::pg_catalog.xid8 < pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())
    THEN pg_catalog.pg_xact_status(y.full_id::text::pg_catalog.xid8) = 'in progress' ELSE y.full_id >= x.own END`;

async function ownVersions(bench: Bench, shape: FoundShape, room: Room): Promise<Versions | { readonly why: string }> {
  const from = `FROM ONLY ${relationOf(shape)} AS t ${OWN}`;
  const size = await bench.ask(`SELECT ${sizes(shape)} ${from}`, { ownPath: true });
  const fits = fitsInto(size?.[0], room);
  if (typeof fits === "string") return { why: fits };
  const rows = await bench.ask(`SELECT ${columnList(shape)} ${from}`, { ownPath: true });
  return rows === undefined ? { why: "its rows could not be read" } : { found: rows, bytes: fits };
}

const MAY_WAIT = "SELECT pg_catalog.set_config('lock_timeout', '300', true), pg_catalog.set_config('statement_timeout', '3000', true), ";

/** Old versions that some transaction has ended or locked: which of them are ours shows in what is left of them here. */
async function endedVersions(glimpse: Glimpse, shape: FoundShape, room: Room): Promise<Versions | { readonly why: string }> {
  const from = `FROM ONLY ${relationOf(shape)} AS t WHERE t.xmax::text <> '0'`;
  const look = async (what: string) => (await glimpse([BEGIN, { text: MAY_WAIT + WRITING }, { text: `SELECT ${what} ${from}` }, END]))?.[2]?.rows;
  const fits = fitsInto((await look(sizes(shape)))?.[0], room);
  if (typeof fits === "string") return { why: fits };
  const rows = await look(columnList(shape));
  return rows === undefined ? { why: "its rows could not be read" } : { found: rows, bytes: fits };
}

const BEGIN: Command = { text: "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY" };
const END: Command = { text: "ROLLBACK" };

function sizes(shape: FoundShape): string {
  return `count(*)::text, coalesce(sum(octet_length(ROW(${columnList(shape)})::text)), 0)::text`;
}

/** The bytes, or why it is too much. */
function fitsInto(row: RowTexts | undefined, room: Room): number | string {
  const [rows, bytes] = [Number(row?.[0]), Number(row?.[1])];
  if (row === undefined || Number.isNaN(rows) || Number.isNaN(bytes)) return "its rows could not be read";
  return rows > room.rows || bytes > room.bytes ? "more was changed than is kept for undoing" : bytes;
}

/** What stands here under the keys of these rows, by key. */
async function versionsNow(bench: Bench, shape: FoundShape, rows: readonly RowTexts[]): Promise<ReadonlyMap<string, RowTexts> | undefined> {
  if (rows.length === 0) return new Map();
  const text = `SELECT ${columnList(shape)} FROM ONLY ${relationOf(shape)} AS t JOIN ${byKeys(shape)}`;
  const found = await bench.ask(text, { values: keyArrays(shape, rows), ownPath: true });
  return found && new Map(found.map((row) => [keyOf(shape, row), row]));
}

function differences(shape: FoundShape, own: readonly RowTexts[], ended: readonly RowTexts[], left: ReadonlyMap<string, RowTexts>): TableChange {
  const before = new Map(ended.map((row) => [keyOf(shape, row), row]));
  const inserted = own.filter((row) => !before.has(keyOf(shape, row)));
  const updated = own.flatMap((after): TableChange["updated"] => {
    const old = before.get(keyOf(shape, after));
    return old === undefined || isSameRow(old, after) ? [] : [[old, after]];
  });
  // A row that was only locked, or that another transaction is about to end, still stands.
  const deleted = ended.filter((row) => !left.has(keyOf(shape, row)));
  const { schema, name, columns, key } = shape;
  return { schema, name, columns, key, inserted, updated, deleted };
}

function comesTo({ inserted, updated, deleted }: TableChange, measured: MeasuredTable): boolean {
  const isNet = inserted.length - deleted.length === measured.inserted - measured.deleted;
  return isNet && inserted.length <= measured.inserted + measured.updated && updated.length <= measured.updated + measured.inserted;
}
