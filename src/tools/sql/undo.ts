import { createHash } from "node:crypto";

import { z } from "zod";

import { EnactError } from "../../errors.js";
import type { Json } from "../../facts/json.js";
import type { Captured } from "../../systems/postgres/capture.js";
import { mustBeAsLeft } from "../../systems/postgres/put-back.js";
import type { RowsToPutBack } from "../../systems/postgres/put-back.js";
import { shownTable } from "../../systems/postgres/rows.js";
import type { TableChange } from "../../systems/postgres/rows.js";
import type { PostgresReader, PostgresWriter } from "../../systems/postgres.js";
import type { ActionTaken, Reversal, UndoDefinition, UndoKeeper, UndoableRun } from "../tool.js";
import type { SqlStep } from "./plan.js";

/** The name under which a run keeps the rows that it changed. */
const ROWS = "rows";

const row = z.array(z.string().nullable());
const tableSchema = z.object({
  schema: z.string(),
  name: z.string(),
  columns: z.array(z.tuple([z.string(), z.string(), z.boolean()])).min(1),
  key: z.array(z.string()).min(1),
  inserted: z.array(row),
  updated: z.array(z.tuple([row, row])),
  deleted: z.array(row),
});
/** `place`: the database; the same rows may lie in a copy of it. */
const keptSchema = z.object({ tables: z.array(tableSchema), search_path: z.string(), place: z.string() });

/** Whether a statement could be undone, as far as that can be said before it runs. */
export function sqlReversal({ order, facts }: SqlStep, isEmbedded: boolean, undoBytes: number): Reversal | null {
  if (order.readOnly) return null;
  if (facts.ddl.length > 0) return { possible: false, how: "changes of the schema are not undone" };
  if (undoBytes === 0) return { possible: false, how: "nothing is kept for undoing" };
  if (isEmbedded) return { possible: false, how: "the embedded PostgreSQL has one session only: nobody sees the rows as they were" };
  return { possible: true, how: "the rows that change are kept and can be put back, if their tables have a primary key" };
}

/** What became of keeping the rows: the receipt says why a run cannot be undone. */
export type Kept = { readonly why: string } | { readonly rows: number };

/** Keeps the rows that a transaction has changed, before it commits. @throws EnactError UNDO_UNAVAILABLE */
export async function keepRows(capture: (maxBytes: number) => Promise<Captured>, { search_path, place }: { readonly search_path: string; readonly place: string }, undo: UndoKeeper): Promise<Kept> {
  if (undo.room === 0) return { why: "nothing is kept for undoing" };
  // As JSON, and with its quotes escaped, a text takes more room than it has.
  const captured = await capture(Math.floor(undo.room / 2));
  if ("why" in captured) return captured;
  const piece = Buffer.from(JSON.stringify({ tables: captured.tables, search_path, place }), "utf8");
  if (piece.length > undo.room) return { why: "more was changed than is kept for undoing" };
  await undo.put(ROWS, piece);
  return { rows: captured.tables.reduce((sum, table) => sum + countOf(table), 0) };
}

function countOf({ inserted, updated, deleted }: TableChange): number {
  return inserted.length + updated.length + deleted.length;
}

interface Step {
  /** Of the rows that were kept: what was judged is what is put back. */
  readonly digest: string;
  /** The rows themselves, for a person who approves: a plan is asked about whole, and only its digest is in the receipt. */
  readonly tables: readonly TableChange[];
  /** Where they are too many to be read: their keys only. */
  readonly keys_only: boolean;
}

/** More than this nobody reads, and the requests of a project would not hold it. */
const MOST_SHOWN = 1_000_000;

function shownIn(tables: readonly TableChange[]): Pick<Step, "tables" | "keys_only"> {
  if (JSON.stringify(tables).length <= MOST_SHOWN) return { tables, keys_only: false };
  const shown = tables.map((table) => {
    const places = table.key.map((name) => table.columns.findIndex(([column]) => column === name));
    const keyOnly = (values: TableChange["inserted"][number]) => places.map((place) => values[place] ?? null);
    const updated = table.updated.map(([before, after]) => [keyOnly(before), keyOnly(after)] as const);
    const columns = table.columns.filter(([name]) => table.key.includes(name));
    return { ...table, columns, inserted: table.inserted.map(keyOnly), updated, deleted: table.deleted.map(keyOnly) };
  });
  return { tables: shown, keys_only: true };
}

/** Puts back the rows that a run changed, cascades and triggers included, if they still are as the run left them. */
export const undoSql: UndoDefinition<PostgresReader, PostgresWriter> = {
  async plan(run, reader) {
    const { tables, digest, place } = await rowsOf(run);
    refuseElsewhere(place, await reader.place());
    mustBeAsLeft(tables, await reader.rowsNow(tables));
    const changes = tables.map(sentence);
    const step: Step = { digest, ...shownIn(tables) };
    const payload = { tables: tables.map(shownTable), rows: tables.reduce((sum, table) => sum + countOf(table), 0), changes, not_undone: [] };
    return { payload, step: step as unknown as Json, target: tables.map(shownTable).join(", ") };
  },
  async execute(step, writer, { signal }, kept) {
    const { digest } = step as unknown as Step;
    const rows = await read(await kept.json(ROWS));
    if (rows.digest !== digest) throw new EnactError("STALE_PLAN", "What was kept of this run is no longer what was judged");
    refuseElsewhere(rows.place, await writer.place());
    const report = await writer.putBack(rows, signal);
    const output = { tables: rows.tables.map(shownTable), rows: rows.tables.reduce((sum, table) => sum + countOf(table), 0) };
    const base = { system: "postgres", action: "put_rows_back", output, reversible: false } as const;
    if (report.state === "unknown") {
      const { code, message, done, hint } = report.error;
      return { actions: [{ ...base, success: "unknown", error: { code, message: `${message}. ${done} ${hint ?? ""}`.trim() } }], result: null };
    }
    const actions: ActionTaken[] = [{ ...base, success: true }];
    return { actions, result: { ...output, left: [...report.left] }, ...(report.left.length === 0 ? {} : { measured: { not_undone: [...report.left] } }) };
  },
};

/** A staging copy may hold the very rows that a run put into production, under the same keys. */
function refuseElsewhere(before: string, now: string): void {
  if (before === now) return;
  throw new EnactError("STALE_PLAN", `The run changed rows of ${before}, and the database is ${now} now`, {
    done: "Nothing was changed.",
    hint: "Ask the person: systems.postgres.url must name the database of the run, spelled as it was then.",
  });
}

interface Rows extends RowsToPutBack {
  readonly digest: string;
  readonly place: string;
}

async function rowsOf(run: UndoableRun): Promise<Rows> {
  if (!run.kept.names.includes(ROWS)) {
    const why = run.actions.find(({ output }) => typeof output["not_kept"] === "string")?.output["not_kept"];
    throw new EnactError("REFUSED", `The rows that this run changed were not kept${typeof why === "string" ? `: ${why}` : ""}`, {
      hint: "Ask the person for a backup, or to correct the rows by hand.",
    });
  }
  const kept = await read(await run.kept.json(ROWS));
  if (kept.tables.length === 0) throw new EnactError("REFUSED", "This run changed no row, so there is nothing to undo");
  return kept;
}

async function read(kept: Json): Promise<Rows> {
  const parsed = keptSchema.safeParse(kept);
  if (!parsed.success) throw new EnactError("REFUSED", "What was kept of this run was written by another version of enact-guard");
  const digest = createHash("sha256").update(JSON.stringify(parsed.data)).digest("hex");
  return { tables: parsed.data.tables.filter((table) => countOf(table) > 0), search_path: parsed.data.search_path, place: parsed.data.place, digest };
}

function sentence(table: TableChange): string {
  const parts = [
    table.deleted.length === 0 ? "" : `${inRows(table.deleted.length)} put in again`,
    table.updated.length === 0 ? "" : `${inRows(table.updated.length)} set back to the values before`,
    table.inserted.length === 0 ? "" : `${inRows(table.inserted.length)} taken out again`,
  ];
  return `${shownTable(table)}: ${parts.filter((part) => part !== "").join(", ")}`;
}

function inRows(count: number): string {
  return count === 1 ? "1 row" : `${count} rows`;
}
