import { createHash } from "node:crypto";

import type { Json } from "../../facts/json.js";
import type { SqlChange, SqlQueryPayload, SqlStatementFacts, WhereState } from "../../facts/sql.js";
import { quoteName, SAMPLE_TABLES } from "../../facts/sql.js";
import { unknown } from "../../facts/unknown.js";
import type { Catalogue, CatalogueRelation } from "../../systems/postgres/catalogue.js";
import type { Statement } from "./analyse.js";
import { cascadesOf } from "./cascades.js";
import type { ChangeNode, RelationName } from "./collect.js";
import { judgeFunctions } from "./functions.js";
import type { FunctionVerdict } from "./functions.js";
import { shownName } from "./tables.js";
import type { Sources } from "./sources.js";
import type { Tables } from "./tables.js";
import { whereOf } from "./where.js";
import { allColumns, writtenBy } from "./written.js";
import type { ParseView, Written } from "./written.js";

/** A statement with what the catalogue knows of it. */
export interface Resolved {
  readonly facts: SqlStatementFacts;
  readonly verdict: FunctionVerdict;
  readonly touched: readonly CatalogueRelation[];
  readonly written: readonly CatalogueRelation[];
  readonly maybe: readonly string[];
  readonly deletes: readonly string[];
  readonly ddl: readonly string[];
  readonly cascades: readonly string[];
  readonly cascadeTables: readonly string[];
}

export interface Resolving {
  readonly catalogue: Catalogue;
  readonly tables: Tables;
  readonly params: readonly Json[];
  readonly vouched: readonly string[];
  readonly parseView: ParseView;
}

const show = (relation: CatalogueRelation): string => shownName(relation.schema, relation.name);

/** Of these, what exists already is read. */
const ONLY_READS_TABLES = /CREATE TABLE AS|SELECT INTO|CREATE VIEW|REFRESH/;

export function resolveStatement(statement: Statement, context: Resolving): Resolved {
  const { tables, catalogue } = context;
  const targets = new Set(statement.changes.map((change) => tables.find(change.target)?.oid));
  const isSchema = statement.kind.class === "schema";
  const touched = unique(
    statement.relations.flatMap((name) => {
      const relation = tables.find(name);
      return relation === undefined ? [] : tables.touchedBy(relation, name.only, targets.has(relation.oid) || isSchema);
    }),
  );
  const writes = statement.changes.map((change) => ({ change, ...writtenBy(change, tables, catalogue, context.parseView) }));
  const changed = unique(writes.flatMap((one) => one.tables));
  const altered = isSchema && !ONLY_READS_TABLES.test(statement.kind.name) ? statement.relations.flatMap((name) => tables.find(name) ?? []) : [];
  const cascades = cascadesOf(statement.changes, changed, catalogue);
  const columns = new Set(touched.flatMap((relation) => relation.columns?.map(([name]) => name) ?? []));
  // A foreign key carries a change on to tables that have triggers of their own.
  const written = new Set([...cascades.map((one) => one.oid), ...oids(isSchema ? touched : changed)]);
  const verdict = judgeFunctions({ ...context, collected: statement.collected, columns, touched: oids(touched), written });
  const changes = writes.map((one) => changeFacts(one, context));
  return {
    verdict,
    touched,
    written: unique([...changed, ...altered]),
    // After ALTER … RENAME a column has another name: nobody can tell which one is written then.
    maybe: [...writes.flatMap((one) => one.maybe), ...cascades.flatMap((one) => one.columns), ...altered.flatMap(allColumns)],
    deletes: deletesOf(statement, changes, context),
    ddl: ddlOf(statement, writes, tables),
    cascades: cascades.map((one) => one.text),
    cascadeTables: cascades.map((one) => one.child),
    facts: {
      kind: statement.kind.name,
      where: worstWhere(changes),
      changes,
      tables_read: sorted(readBy(statement, touched, tables).flatMap(withSamples)),
      tables_written: sorted([...changed, ...altered].map(show)),
      columns_written: sorted(writes.flatMap((one) => one.columns)),
      functions: [...verdict.called],
    },
  };
}

function times(all: readonly (string | undefined)[], oid: string): number {
  return all.filter((one) => one === oid).length;
}

function oids(relations: readonly CatalogueRelation[]): ReadonlySet<string> {
  return new Set(relations.map((one) => one.oid));
}

/** The catalogue does not say what its own views are made of: these show sample values of every table. */
function withSamples(relation: CatalogueRelation): string[] {
  const isSamples = relation.schema === "pg_catalog" && /^pg_stats(?:_ext(?:_exprs)?)?$/.test(relation.name);
  return isSamples ? [show(relation), ...SAMPLE_TABLES] : [show(relation)];
}

/** What is only written to, the target of a plain INSERT or of TRUNCATE, is not read. */
function readBy(statement: Statement, touched: readonly CatalogueRelation[], tables: Tables): readonly CatalogueRelation[] {
  const writes = statement.changes.filter((change) => !change.readsTarget).map((change) => tables.find(change.target)?.oid);
  const mentions = statement.relations.map((name) => tables.find(name)?.oid);
  const onlyWritten = touched.filter(({ oid }) => times(writes, oid) > 0 && times(writes, oid) === times(mentions, oid));
  const family = new Set(onlyWritten.flatMap((relation) => [relation, ...tables.family(relation, false)]));
  return touched.filter((relation) => !family.has(relation));
}

function changeFacts({ change }: Written & { change: ChangeNode }, { tables, params }: Resolving): SqlChange {
  const target = tables.find(change.target);
  const table = target === undefined ? shownAsWritten(change.target) : show(target);
  return { verb: change.verb, table, where: whereOf(change, params, sourcesOf(tables)), merge: change.merge, spares_rows: null };
}

/** A relation that does not exist yet. */
function shownAsWritten({ schema, name }: RelationName): string {
  return schema === null ? quoteName(name) : shownName(schema, name);
}

function sourcesOf(tables: Tables): Sources {
  return {
    identity: (name) => tables.find(name)?.oid,
    columns: (name) => tables.find(name)?.columns?.map(([column, notNull, type]) => ({ name: column, notNull, type })),
  };
}

const WORST: readonly (WhereState | null)[] = ["absent", "always_true", "unproven", "present"];

export function worstWhere(changes: readonly SqlChange[]): WhereState | null {
  return WORST.find((state) => changes.some((change) => change.where === state)) ?? null;
}

function deletesOf(statement: Statement, changes: readonly SqlChange[], { tables }: Resolving): string[] {
  const byChange = changes.flatMap(({ verb, table, merge }) =>
    verb === "DELETE" || verb === "TRUNCATE" ? [`${verb} from ${table}${merge ? " in MERGE" : ""}`.replace("TRUNCATE from", "TRUNCATE of")] : [],
  );
  const drops = statement.kind.name === "DROP TABLE" || statement.kind.name === "DROP MATERIALIZED VIEW" ? statement.dropped : [];
  return [...byChange, ...drops.flatMap((name) => tables.find(name) ?? []).map((one) => `${statement.kind.name} ${show(one)}`)];
}

function ddlOf(statement: Statement, written: readonly { change: ChangeNode; tables: readonly CatalogueRelation[] }[], tables: Tables): string[] {
  const names = statement.relations.map((name) => {
    const found = tables.find(name);
    return found === undefined ? shownAsWritten(name) : show(found);
  });
  const own = statement.kind.class === "schema" || statement.kind.name === "DO" ? [`${statement.kind.name} ${names.slice(0, 3).join(", ")}`.trim()] : [];
  const system = written.flatMap(({ change, tables: changed }) =>
    changed.filter((one) => isSystemSchema(one.schema)).map((one) => `${change.verb} of the system table ${show(one)}`),
  );
  return [...own, ...system];
}

export function isSystemSchema(schema: string): boolean {
  return schema === "pg_catalog" || schema === "information_schema" || schema === "pg_toast";
}

/** The facts of the whole call, before anything has run. */
export function plannedFacts(sql: string, statements: readonly Resolved[], doubt: string | undefined, paramCount: number): SqlQueryPayload {
  const all = <Item>(pick: (one: Resolved) => readonly Item[]): Item[] => statements.flatMap((one) => pick(one));
  const read = sorted(all((one) => one.facts.tables_read));
  const written = sorted([...all((one) => one.facts.tables_written), ...all((one) => one.cascadeTables)]);
  return {
    sql: sql.length > SHOWN ? `${sql.slice(0, SHOWN).toWellFormed()}…` : sql,
    sql_sha256: createHash("sha256").update(sql).digest("hex"),
    sql_length: sql.length,
    param_count: paramCount,
    statements: statements.map((one) => one.facts),
    effects: doubt === undefined ? "planned" : unknown(doubt),
    tables: sorted([...read, ...written, ...all((one) => one.touched.map(show))]),
    tables_read: read,
    tables_written: written,
    tables_checked: [],
    columns_written: sorted(all((one) => one.facts.columns_written)),
    columns_maybe_written: sorted(all((one) => one.maybe)),
    deletes: all((one) => one.deletes),
    ddl: all((one) => one.ddl),
    cascades: sorted(all((one) => one.cascades)),
    rows_inserted: null,
    rows_updated: null,
    rows_deleted: null,
    rows_moved: null,
    rows_affected: null,
    counts: null,
  };
}

/** Characters of the SQL that a receipt shows. */
const SHOWN = 4000;

function unique<Item>(items: readonly Item[]): readonly Item[] {
  return [...new Set(items)];
}

function sorted(names: readonly string[]): string[] {
  return [...new Set(names)].toSorted();
}
