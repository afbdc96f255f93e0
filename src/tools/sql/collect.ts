import { isNode, listOf, stringsOf } from "./parse.js";
import type { Node } from "./parse.js";

/** A relation as the text names it. */
export interface RelationName {
  readonly database: string | null;
  readonly schema: string | null;
  readonly name: string;
  readonly only: boolean;
  /** Where the name begins, as an offset into the UTF-8 form of the text; undefined for names that stand as texts. */
  readonly location?: number;
  readonly hasAlias?: boolean;
}

/** What a WITH brings in, where its name begins, and whether it changes rows by itself. */
export interface CommonTable {
  readonly name: string;
  readonly location: number;
  readonly changes: boolean;
}

/** An INSERT, UPDATE, DELETE or an arm of a MERGE, wherever it stands. */
export interface ChangeNode {
  readonly verb: "INSERT" | "UPDATE" | "DELETE" | "TRUNCATE";
  readonly target: RelationName;
  readonly alias: string;
  /** Conditions that must all hold for a row of the target; undefined when it takes no WHERE. */
  readonly conditions: readonly Node[] | undefined;
  /** The part of a MERGE that must not hold: for rows without a match. */
  readonly unless: Node | undefined;
  /** Relations that are joined to the target. */
  readonly joined: readonly unknown[];
  /** Columns as written; null for an INSERT without a list, with the number of values if it can be counted. */
  readonly columns: readonly string[] | null;
  readonly valueCount: number | undefined;
  readonly merge: boolean;
  /** Of an arm of a MERGE: which of its WHEN clauses it is, from 0. */
  readonly arm: number;
  /** What the WITHs around bring in, in their order. */
  readonly commonTables: readonly CommonTable[];
  /** False for an INSERT or TRUNCATE, which look at no row that is there. */
  readonly readsTarget: boolean;
}

export interface FunctionCall {
  readonly schema: string | null;
  readonly name: string;
  /** Undefined where the number of arguments does not tell overloads apart (VARIADIC, ordered sets). */
  readonly args: number | undefined;
  /** call: f(x). field: x.f, which calls f(x) when x has no such field. member: (x).f, likewise. */
  readonly form: "call" | "field" | "member";
}

/** All that a statement names. */
export interface Collected {
  readonly relations: RelationName[];
  readonly changes: ChangeNode[];
  readonly calls: FunctionCall[];
  readonly operators: Set<string>;
  /** Rows are locked: SELECT … FOR UPDATE. */
  locksRows: boolean;
  /** A function stands in FROM: its alias may be a single value, so that alias.f calls f. */
  hasFunctionInFrom: boolean;
}

type Scope = ReadonlyMap<string, CommonTable>;

/** Walks the whole tree of a statement, whatever its kind. */
export function collect(type: string, node: Node): Collected {
  const found: Collected = {
    relations: [],
    changes: [],
    calls: [],
    operators: new Set(),
    locksRows: false,
    hasFunctionInFrom: false,
  };
  new Walker(found).node(type, node, new Map());
  return found;
}

class Walker {
  readonly #found: Collected;

  constructor(found: Collected) {
    this.#found = found;
  }

  /** A node together with its name. */
  node(type: string, node: Node, outer: Scope): void {
    const scope = this.#withClause(node, outer);
    this.#change(type, node, [...scope.values()]);
    if (type === "FuncCall") this.#call(node);
    if (type === "ColumnRef") this.#field(node);
    if (type === "A_Indirection") for (const name of stringsOf(node["indirection"])) this.#named(name, "member");
    if (type === "RangeFunction") this.#found.hasFunctionInFrom = true;
    if (type === "A_Expr") this.#operator(node["name"]);
    if (type === "SubLink") this.#operator(node["operName"]);
    if (type === "SortBy") this.#operator(node["useOp"]);
    if (type === "LockingClause") {
      this.#found.locksRows = true;
      return;
    }
    this.#children(node, scope, isTarget(type));
  }

  #children(node: Node, scope: Scope, hasTarget: boolean): void {
    if (typeof node["relname"] === "string") return this.#relation(node, scope);
    for (const [field, value] of Object.entries(node)) {
      if (field === "withClause") continue;
      // The target of a change is a table even where a WITH has the same name.
      if (field === "relation" && hasTarget && isNode(value)) this.#relation(value, new Map());
      else this.#value(value, scope);
    }
  }

  #value(value: unknown, scope: Scope): void {
    if (Array.isArray(value)) for (const item of value) this.#value(item, scope);
    if (!isNode(value)) return;
    const entries = Object.entries(value);
    const [type, inner] = entries[0] ?? [];
    // A node is wrapped in an object of one capitalised key, unless its field says what it is.
    if (entries.length === 1 && type !== undefined && /^[A-Z]/.test(type) && isNode(inner)) this.node(type, inner, scope);
    else this.node("", value, scope);
  }

  /** The names that a WITH brings in; without RECURSIVE, each is seen by its later siblings only. */
  #withClause(node: Node, outer: Scope): Scope {
    const clause = node["withClause"];
    if (!isNode(clause)) return outer;
    const tables = listOf(clause["ctes"]).map((item) => (item["CommonTableExpr"] ?? {}) as Node);
    const scope = new Map(outer);
    if (clause["recursive"] === true) for (const table of tables) bring(scope, table);
    for (const table of tables) {
      this.#value(table["ctequery"], new Map(scope));
      this.#value(table["cycle_clause"], scope);
      bring(scope, table);
    }
    return scope;
  }

  #relation(node: Node, scope: Scope): void {
    const name = relationName(node);
    if (name.schema === null && scope.has(name.name)) return;
    this.#found.relations.push(name);
  }

  #change(type: string, node: Node, commonTables: readonly CommonTable[]): void {
    const changes = type === "MergeStmt" ? mergeChanges(node) : type === "TruncateStmt" ? truncates(node) : isTarget(type) ? [simpleChange(type, node)] : [];
    this.#found.changes.push(...changes.map((change) => ({ ...change, commonTables })));
  }

  #call(node: Node): void {
    const names = stringsOf(node["funcname"]);
    const isUncountable = node["func_variadic"] === true || node["agg_within_group"] === true;
    const args = isUncountable ? undefined : listOf(node["args"]).length;
    this.#found.calls.push({ schema: names.at(-2) ?? null, name: names.at(-1) ?? "", args, form: "call" });
  }

  /** `t.f` is f(t) to PostgreSQL when t has no column f. */
  #field(node: Node): void {
    const fields = stringsOf(node["fields"]);
    const last = fields.at(-1);
    if (fields.length > 1 && last !== undefined) this.#named(last, "field");
  }

  #named(name: string, form: "field" | "member"): void {
    this.#found.calls.push({ schema: null, name, args: 1, form });
  }

  #operator(name: unknown): void {
    const last = stringsOf(name).at(-1);
    if (last !== undefined) this.#found.operators.add(last);
  }
}

function isTarget(type: string): boolean {
  return type === "InsertStmt" || type === "UpdateStmt" || type === "DeleteStmt" || type === "MergeStmt";
}

/** A later WITH hides an earlier one of the same name. */
function bring(scope: Map<string, CommonTable>, table: Node): void {
  const name = String(table["ctename"]);
  const [type] = Object.keys(isNode(table["ctequery"]) ? table["ctequery"] : {});
  scope.delete(name);
  scope.set(name, { name, location: Number(table["location"] ?? 0), changes: type !== "SelectStmt" });
}

export function relationName(node: Node): RelationName {
  const text = (field: string): string | null => (typeof node[field] === "string" ? node[field] : null);
  const names = { database: text("catalogname"), schema: text("schemaname"), name: text("relname") ?? "", only: node["inh"] !== true };
  return { ...names, location: Number(node["location"] ?? 0), hasAlias: isNode(node["alias"]) };
}

function aliasOf(relation: Node): string {
  const alias = relation["alias"];
  return isNode(alias) && typeof alias["aliasname"] === "string" ? alias["aliasname"] : String(relation["relname"]);
}

/** A change without what stands around it. */
type OwnChange = Omit<ChangeNode, "commonTables">;

function simpleChange(type: string, node: Node): OwnChange {
  const relation = (node["relation"] ?? {}) as Node;
  const base = { target: relationName(relation), alias: aliasOf(relation), unless: undefined, merge: false, arm: 0, valueCount: undefined, readsTarget: true };
  if (type === "InsertStmt") {
    const conflict = isNode(node["onConflictClause"]) ? targetColumns(node["onConflictClause"]["targetList"]) : [];
    const listed = node["cols"] === undefined ? null : targetColumns(node["cols"]);
    // Without a list of columns: all of them, or as many as there are values; those of ON CONFLICT are among them or named.
    const columns = node["selectStmt"] === undefined ? conflict : listed === null ? null : [...listed, ...conflict];
    const valueCount = columns === null && conflict.length === 0 ? countValues(node["selectStmt"]) : undefined;
    const readsTarget = node["onConflictClause"] !== undefined;
    return { ...base, verb: "INSERT", conditions: undefined, joined: [], columns, valueCount, readsTarget };
  }
  const where = isNode(node["whereClause"]) ? [node["whereClause"]] : [];
  if (type === "DeleteStmt") return { ...base, verb: "DELETE", conditions: where, joined: listOf(node["usingClause"]), columns: [] };
  return { ...base, verb: "UPDATE", conditions: where, joined: listOf(node["fromClause"]), columns: targetColumns(node["targetList"]) };
}

function mergeChanges(node: Node): OwnChange[] {
  const relation = (node["relation"] ?? {}) as Node;
  const join = isNode(node["joinCondition"]) ? [node["joinCondition"]] : [];
  const shared = { target: relationName(relation), alias: aliasOf(relation), joined: [node["sourceRelation"]], merge: true, readsTarget: true };
  return listOf(node["mergeWhenClauses"]).flatMap((item, arm): OwnChange[] => {
    const when = (item["MergeWhenClause"] ?? {}) as Node;
    const own = isNode(when["condition"]) ? [when["condition"]] : [];
    const isUnmatched = when["matchKind"] === "MERGE_WHEN_NOT_MATCHED_BY_SOURCE";
    const conditions = isUnmatched ? own : [...join, ...own];
    const unless = isUnmatched ? join[0] : undefined;
    const columns = targetColumns(when["targetList"]);
    const valueCount = undefined;
    if (when["commandType"] === "CMD_DELETE") return [{ ...shared, arm, verb: "DELETE", conditions, unless, columns: [], valueCount }];
    if (when["commandType"] === "CMD_UPDATE") return [{ ...shared, arm, verb: "UPDATE", conditions, unless, columns, valueCount }];
    if (when["commandType"] !== "CMD_INSERT") return [];
    const all = when["targetList"] === undefined ? null : columns;
    return [{ ...shared, arm, verb: "INSERT", conditions: undefined, unless: undefined, columns: all, valueCount: listOf(when["values"]).length || undefined }];
  });
}

function truncates(node: Node): OwnChange[] {
  return listOf(node["relations"]).map((item) => {
    const relation = (item["RangeVar"] ?? {}) as Node;
    const target = relationName(relation);
    const none = { conditions: undefined, unless: undefined, joined: [], columns: [], valueCount: undefined, merge: false, arm: 0, readsTarget: false };
    return { ...none, verb: "TRUNCATE", target, alias: target.name };
  });
}

function targetColumns(list: unknown): string[] {
  return listOf(list).flatMap((item) => {
    const name = (item["ResTarget"] as Node | undefined)?.["name"];
    return typeof name === "string" ? [name] : [];
  });
}

/** How many columns VALUES or a SELECT without a star brings. */
function countValues(select: unknown): number | undefined {
  const node = isNode(select) && isNode(select["SelectStmt"]) ? select["SelectStmt"] : undefined;
  const rows = listOf(node?.["valuesLists"]);
  if (rows.length > 0) return Math.max(...rows.map((row) => listOf((row["List"] as Node | undefined)?.["items"]).length));
  const targets = listOf(node?.["targetList"]);
  const hasStar = JSON.stringify(targets).includes('"A_Star"');
  return targets.length === 0 || hasStar ? undefined : targets.length;
}
