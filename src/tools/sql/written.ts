import type { Catalogue, CatalogueRelation } from "../../systems/postgres/catalogue.js";
import type { ChangeNode } from "./collect.js";
import { relationName } from "./collect.js";
import { quoteName } from "../../facts/sql.js";
import { isNode, listOf, stringsOf } from "./parse.js";
import type { Node } from "./parse.js";
import { isUnfiltered } from "./sources.js";
import { shownName } from "./tables.js";
import type { Tables } from "./tables.js";

/** A view's one table, and which of its columns the view's columns are. */
interface ViewBase {
  readonly base: CatalogueRelation;
  readonly columns: ReadonlyMap<string, string>;
}

/** What a change writes, as far as text and catalogue tell. */
export interface Written {
  /** The target, below a view the table itself, and their partitions and parents. */
  readonly tables: readonly CatalogueRelation[];
  readonly columns: readonly string[];
  /** Columns that triggers may write, or that cannot be told. */
  readonly maybe: readonly string[];
}

/** Parses the definition of a view. */
export type ParseView = (definition: string) => Node | undefined;

export function writtenBy(change: ChangeNode, tables: Tables, catalogue: Catalogue, parseView: ParseView): Written {
  const target = tables.find(change.target);
  if (target === undefined) return { tables: [], columns: [], maybe: [] };
  const columns = changedColumns(change, target);
  const steps: { relation: CatalogueRelation; columns: readonly string[] | undefined }[] = [{ relation: target, columns }];
  for (let step = steps[0]; step?.relation.kind === "v"; ) {
    const view = viewBase(step.relation, tables, parseView);
    if (view === undefined || steps.length > 50) break;
    const mapped = step.columns?.map((column) => view.columns.get(column));
    const isMapped = mapped?.every((column) => column !== undefined) === true;
    step = { relation: view.base, columns: isMapped ? mapped : undefined };
    steps.push(step);
  }
  const family = steps.flatMap(({ relation }) => [relation, ...tables.family(relation, change.target.only)]);
  const known = steps.flatMap(({ relation, columns: names }) => shownColumns(relation, withGenerated(relation, names ?? [])));
  const open = steps.flatMap(({ relation, columns: names }) => (names === undefined ? allColumns(relation) : []));
  const byTriggers = change.verb === "DELETE" || change.verb === "TRUNCATE" ? [] : triggerColumns(family, change, catalogue);
  return { tables: [...new Set(family)], columns: known, maybe: [...open, ...byTriggers] };
}

/** Undefined when the columns cannot be told. */
function changedColumns(change: ChangeNode, target: CatalogueRelation): readonly string[] | undefined {
  if (change.columns !== null) return change.columns;
  const insertable = target.columns?.filter(([, , , madeOf]) => madeOf === null).map(([name]) => name);
  return insertable?.slice(0, change.valueCount ?? insertable.length);
}

/** With the columns that PostgreSQL makes of these. */
function withGenerated(relation: CatalogueRelation, names: readonly string[]): readonly string[] {
  const made = relation.columns?.filter(([, , , madeOf]) => madeOf?.some((name) => names.includes(name)) === true).map(([name]) => name);
  return [...names, ...(made ?? [])];
}

function shownColumns(relation: CatalogueRelation, columns: readonly string[]): string[] {
  return columns.map((column) => `${shownName(relation.schema, relation.name)}.${quoteName(column)}`);
}

/** All columns of a relation, as the facts show them. */
export function allColumns(relation: CatalogueRelation): string[] {
  return shownColumns(relation, relation.columns?.map(([name]) => name) ?? []);
}

/** Of a view that PostgreSQL would write through: one table, no grouping. Undefined for any other. */
function viewBase(view: CatalogueRelation, tables: Tables, parseView: ParseView): ViewBase | undefined {
  const select = view.definition === null ? undefined : parseView(view.definition);
  if (select === undefined || !isUnfiltered({ ...select, whereClause: undefined })) return undefined;
  const from = listOf(select["fromClause"]);
  const table = from[0]?.["RangeVar"];
  if (from.length !== 1 || !isNode(table)) return undefined;
  const name = relationName(table);
  const base = tables.below(view).find((one) => one.name === name.name && (name.schema === null || one.schema === name.schema));
  if (base === undefined) return undefined;
  const columns = new Map<string, string>();
  for (const item of listOf(select["targetList"])) {
    const target = (item["ResTarget"] ?? {}) as Node;
    const reference = isNode(target["val"]) && isNode(target["val"]["ColumnRef"]) ? target["val"]["ColumnRef"] : undefined;
    const column = stringsOf(reference?.["fields"]).at(-1);
    if (column !== undefined) columns.set(typeof target["name"] === "string" ? target["name"] : column, column);
  }
  return { base, columns };
}

/** Bits of pg_trigger.tgtype. */
const ROW = 1;
const BEFORE = 2;
const INSERT = 4;
const UPDATE = 16;

/**
 * A trigger that runs before a row is written may change the row. Its source tells which columns it can mean: those that
 * it names as NEW.column; all of them when it uses NEW in any other way than to give it back.
 */
function triggerColumns(family: readonly CatalogueRelation[], change: ChangeNode, catalogue: Catalogue): string[] {
  const event = change.verb === "INSERT" ? INSERT | UPDATE : UPDATE;
  return family.flatMap((relation) =>
    (relation.triggers ?? []).flatMap(([, functionOid, type]) => {
      const changesRows = (type & ROW) !== 0 && (type & BEFORE) !== 0 && (type & event) !== 0;
      if (!changesRows) return [];
      const code = catalogue.functions?.find((one) => one.oid === functionOid);
      const named = code?.language === "plpgsql" ? namedInNew(code.source ?? "") : undefined;
      return named === undefined ? allColumns(relation) : shownColumns(relation, named);
    }),
  );
}

function namedInNew(source: string): readonly string[] | undefined {
  const code = source.replaceAll(/^\s*--.*$/gm, " ");
  const named: string[] = [];
  const rest = code.replaceAll(/\bnew\s*\.\s*(?:"((?:[^"]|"")+)"|([a-z_][\w$]*))/gi, (_, quoted?: string, bare?: string) => {
    named.push(quoted === undefined ? (bare ?? "").toLowerCase() : quoted.replaceAll('""', '"'));
    return " ";
  });
  const isGivenBack = rest.replaceAll(/\breturn\s+new\s*;/gi, " ");
  return /\bnew\b|\bexecute\b/i.test(isGivenBack) ? undefined : [...new Set(named)];
}
