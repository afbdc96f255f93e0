import type { SqlCounts, SqlQueryPayload, SqlStatementFacts } from "../../facts/sql.js";
import { quoteName } from "../../facts/sql.js";
import { isUnknown, unknown } from "../../facts/unknown.js";
import type { MeasuredTable, Measurement } from "../../systems/postgres/measure.js";
import { worstWhere } from "./facts.js";
import type { SqlStep } from "./plan.js";
import { shownName } from "./tables.js";

/** The planned facts with what PostgreSQL counted laid over them. */
export function measuredFacts({ facts, codeIsSilent, moves, rewrites, recalculates }: SqlStep, measurement: Measurement): SqlQueryPayload {
  const tables = measurement.tables.map((table) => ({ ...table, shown: shownName(table.schema, table.name) }));
  const tied = new Set(tables.flatMap((table) => table.tied.map(([schema, name]) => shownName(schema, name))));
  const isChecked = (table: Measured): boolean =>
    codeIsSilent && !isWritten(table) && !facts.tables.includes(table.shown) && family(table).some((name) => tied.has(name));
  const checked = tables.filter(isChecked).map((table) => table.shown);
  const touched = tables.filter((table) => !isChecked(table));
  const written = touched.filter(isWritten);
  const schema = measurement.schema ?? [];
  const changed = schema.map((change) => shownName(change.schema, change.name));
  const behind = codeIsSilent ? [] : writtenBehind(facts, written, measurement.hits);
  const opened = measurement.hidden.opened.map(([schemaName, name]) => shownName(schemaName, name));
  const hidden = written.filter((table) => !facts.tables_written.includes(table.shown));
  return {
    ...facts,
    statements: facts.statements.map((statement, index) => withChoices(statement, measurement.chosen.filter((one) => one.statement === index))),
    effects: isUnknown(facts.effects) ? facts.effects : effectsOf(measurement),
    tables: union(facts.tables, touched.flatMap(family), changed, opened),
    tables_read: union(facts.tables_read, touched.filter((table) => table.read).flatMap(family), opened),
    tables_written: union(facts.tables_written, written.flatMap(family), changed),
    tables_checked: union(checked),
    columns_maybe_written: union(facts.columns_maybe_written, [...hidden, ...behind].flatMap(allColumns)),
    deletes: [...facts.deletes, ...lostTables(measurement, rewrites)],
    ddl: [...facts.ddl, ...catalogueChanges(measurement)],
    ...rowCounts(tables, measurement, codeIsSilent ? moves : [], lostTables(measurement, rewrites), recalculates),
  };
}

/**
 * Tables that a statement names, of which more rows were written than it says it wrote itself: a trigger or rule wrote to
 * them as well, and nobody can tell to which columns.
 */
function writtenBehind(facts: SqlQueryPayload, written: readonly Measured[], hits: Measurement["hits"]): readonly Measured[] {
  const named = new Set(facts.statements.flatMap((statement) => statement.tables_written));
  const tables = written.filter((table) => named.has(table.shown) && table.inserted + table.updated > 0);
  const counted = tables.reduce((sum, table) => sum + table.inserted + table.updated, 0);
  const own = facts.statements.map(({ changes, tables_written: targets }, index) => {
    const [only, ...others] = changes;
    // What is counted of a view whose triggers do the work is no row of a table.
    if (!tables.some((table) => targets.includes(table.shown))) return 0;
    return only === undefined || only.verb === "DELETE" ? 0 : others.length > 0 && !only.merge ? undefined : (hits[index] ?? undefined);
  });
  const isExplained = own.every((rows) => rows !== undefined) && own.reduce<number>((sum, rows) => sum + (rows ?? 0), 0) >= counted;
  return isExplained ? [] : tables;
}

function effectsOf({ hidden }: Measurement): SqlQueryPayload["effects"] {
  const names = hidden.written.map(([schema, name]) => shownName(schema, name)).slice(0, 3).join(", ");
  return names === "" ? "measured" : unknown(`code that ran has written to ${names}, and PostgreSQL did not count what`);
}

/** A condition that looked like a choice, and was found to be none. */
function withChoices(statement: SqlStatementFacts, chosen: Measurement["chosen"]): SqlStatementFacts {
  if (chosen.length === 0) return statement;
  const changes = statement.changes.map((change, index) => {
    const found = chosen.find((one) => one.change === index);
    if (found === undefined) return change;
    return { ...change, spares_rows: found.sparesRows, where: found.choice === "spares" ? change.where : found.choice };
  });
  return { ...statement, where: worstWhere(changes), changes };
}

type Measured = MeasuredTable & { readonly shown: string };

function isWritten(table: MeasuredTable): boolean {
  return table.inserted + table.updated + table.deleted > 0;
}

/** A table, and those that it is a part of. */
function family(table: Measured): readonly string[] {
  return [table.shown, ...table.parents.map(([schema, name]) => shownName(schema, name))];
}

function allColumns(table: Measured): readonly string[] {
  return table.inserted + table.updated === 0 ? [] : table.columns.map((column) => `${table.shown}.${quoteName(column)}`);
}

/** Tables that were dropped, or whose storage was replaced by something else than a statement that does so by right. */
function lostTables({ schema }: Measurement, rewrites: readonly string[]): string[] {
  return (schema ?? []).flatMap((change) => {
    const shown = shownName(change.schema, change.name);
    if (!change.hasRows || change.what === "altered") return [];
    if (change.what === "dropped") return [`${shown} was dropped`];
    return rewrites.includes(shown) ? [] : [`${shown} was emptied`];
  });
}

function catalogueChanges({ catalogue }: Measurement): string[] {
  return catalogue.length === 0 ? [] : [`catalogue changed: ${catalogue.slice(0, 8).join(", ")}`];
}

type RowCounts = Pick<
  SqlQueryPayload,
  "rows_inserted" | "rows_updated" | "rows_deleted" | "rows_moved" | "rows_affected" | "counts"
>;

function rowCounts(tables: readonly Measured[], measurement: Measurement, moves: SqlStep["moves"], lost: readonly string[], recalculates: readonly string[]): RowCounts {
  const sum = (key: "inserted" | "updated" | "deleted"): number => tables.reduce((total, table) => total + table[key], 0);
  const moved = movedRows(tables, moves);
  const [inserted, updated, deleted] = [sum("inserted") - moved, sum("updated"), sum("deleted") - moved];
  // TRUNCATE and DROP count no rows: zero would be a lie that max_rows_affected believes.
  const uncounted =
    measurement.catalogue.length > 0 && measurement.schema === null
      ? unknown("the catalogue was changed behind the statement: tables may be gone")
      : lost.length > 0
        ? unknown(`PostgreSQL does not count the rows that go this way: ${lost.slice(0, 3).join(", ")}`)
        : undefined;
  const counts: SqlCounts[] = tables.map((table) => {
    const { shown, inserted: more, updated: other, deleted: gone, read } = table;
    return { table: shown, inserted: more, updated: other, deleted: gone, read };
  });
  return {
    rows_inserted: inserted,
    rows_updated: updated,
    rows_deleted: uncounted ?? deleted,
    rows_moved: moved,
    rows_affected: uncounted ?? recalculated(recalculates) ?? inserted + updated + deleted + moved,
    counts,
  };
}

function recalculated(tables: readonly string[]): SqlQueryPayload["rows_affected"] | undefined {
  return tables.length === 0 ? undefined : unknown(`ALTER TABLE … USING writes every row of ${tables.slice(0, 3).join(", ")}, and PostgreSQL does not count them`);
}

/** Rows that left one partition for another of the same table. */
function movedRows(tables: readonly Measured[], moves: SqlStep["moves"]): number {
  const roots = new Map<string, { inserted: number; deleted: number }>();
  const counted = new Set<string>();
  for (const [partition, root] of moves) {
    const table = tables.find((one) => one.shown === partition);
    if (table === undefined || counted.has(partition)) continue;
    counted.add(partition);
    const total = roots.get(root) ?? { inserted: 0, deleted: 0 };
    roots.set(root, { inserted: total.inserted + table.inserted, deleted: total.deleted + table.deleted });
  }
  return [...roots.values()].reduce((total, { inserted, deleted }) => total + Math.min(inserted, deleted), 0);
}

function union(...lists: readonly (readonly string[])[]): string[] {
  return [...new Set(lists.flat())].toSorted();
}
