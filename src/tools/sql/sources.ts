import type { ChangeNode, RelationName } from "./collect.js";
import { relationName } from "./collect.js";
import { isNode, listOf, stringsOf } from "./parse.js";
import type { Node } from "./parse.js";

/** A column of a table: its type decides what values it can have. */
export interface ColumnInfo {
  readonly name: string;
  readonly notNull: boolean;
  readonly type: string;
}

/** What the catalogue knows of the tables that a statement names. */
export interface Sources {
  /** Identity of a relation: two names with the same identity are the same table. Undefined when it does not exist. */
  identity(relation: RelationName): string | undefined;
  /** Undefined when not known. */
  columns(relation: RelationName): readonly ColumnInfo[] | undefined;
}

/** Columns that every table has without anybody having made them. */
export const SYSTEM_COLUMNS: readonly ColumnInfo[] = ["ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"].map((name) => ({
  name,
  notNull: true,
  type: "tid",
}));

/** An item of a FROM, taken apart. */
export interface FromItem {
  readonly alias: string;
  /** Undefined when not known. */
  readonly columns: ReadonlySet<string> | undefined;
  /** Holds every row of the target: the target itself once more, or all of it out of a subquery. */
  readonly isMirror: boolean;
}

/** The items that a FROM or USING brings in. */
export function fromItems(from: readonly unknown[], change: ChangeNode, sources: Sources): readonly FromItem[] {
  return from.flatMap((item) => (isNode(item) ? fromItem(item, change, sources) : []));
}

function fromItem(item: Node, change: ChangeNode, sources: Sources): readonly FromItem[] {
  const join = item["JoinExpr"];
  if (isNode(join)) return fromItems([join["larg"], join["rarg"]], change, sources);
  const table = item["RangeVar"];
  if (isNode(table)) return [tableItem(table, change, sources)];
  const subselect = item["RangeSubselect"];
  if (isNode(subselect)) return [subselectItem(subselect, change, sources)];
  const [, other] = Object.entries(item)[0] ?? [];
  const { alias, names } = isNode(other) ? aliasNames(other) : { alias: "", names: [] };
  return [{ alias, columns: names.length > 0 ? new Set([...names, alias]) : undefined, isMirror: false }];
}

function tableItem(table: Node, change: ChangeNode, sources: Sources): FromItem {
  const name = relationName(table);
  const { alias, names } = aliasNames(table);
  const own = sources.columns(name);
  const known = own === undefined ? undefined : [...own, ...SYSTEM_COLUMNS].map((column) => column.name);
  const columns = names.length > 0 ? [...names, ...(known ?? [])] : known;
  const identity = sources.identity(name);
  const isMirror = names.length === 0 && identity !== undefined && identity === sources.identity(change.target);
  return { alias: alias || name.name, columns: columns === undefined ? undefined : new Set(columns), isMirror };
}

function subselectItem(item: Node, change: ChangeNode, sources: Sources): FromItem {
  const { alias, names } = aliasNames(item);
  const select = isNode(item["subquery"]) ? item["subquery"]["SelectStmt"] : undefined;
  if (!isNode(select)) return { alias, columns: undefined, isMirror: false };
  const outputs = outputNames(select);
  const columns = names.length > 0 ? new Set(names) : outputs === undefined ? undefined : new Set(outputs);
  return { alias, columns, isMirror: names.length === 0 && isUnfiltered(select) && isMirrorOf(select, change, sources) };
}

function isMirrorOf(select: Node, change: ChangeNode, sources: Sources): boolean {
  const items = fromItems(listOf(select["fromClause"]), change, sources);
  return items.length === 1 && items[0]?.isMirror === true;
}

/** Gives all rows of its FROM. */
export function isUnfiltered(select: Node): boolean {
  const filters = ["whereClause", "havingClause", "limitCount", "limitOffset", "groupClause", "larg", "valuesLists", "withClause"];
  return filters.every((field) => select[field] === undefined);
}

/** The names of a SELECT's columns; undefined with a star. */
function outputNames(select: Node): readonly string[] | undefined {
  const names: string[] = [];
  for (const item of listOf(select["targetList"])) {
    const target = (item["ResTarget"] ?? {}) as Node;
    const reference = isNode(target["val"]) ? (target["val"]["ColumnRef"] as Node | undefined) : undefined;
    if (reference !== undefined && JSON.stringify(reference).includes("A_Star")) return undefined;
    names.push(typeof target["name"] === "string" ? target["name"] : (stringsOf(reference?.["fields"]).at(-1) ?? ""));
  }
  return names.length === 0 ? undefined : names;
}

function aliasNames(item: Node): { alias: string; names: readonly string[] } {
  const alias = item["alias"];
  if (!isNode(alias)) return { alias: "", names: [] };
  return { alias: typeof alias["aliasname"] === "string" ? alias["aliasname"] : "", names: stringsOf(alias["colnames"]) };
}
