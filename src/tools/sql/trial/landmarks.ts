import type { Json } from "../../../facts/json.js";
import { isNode, listOf, stringsOf } from "../parse.js";
import type { Node } from "../parse.js";
import type { Edit, Span, SqlText } from "./text.js";

/** What stands in a statement that a trial of its conditions needs to know. */
export interface Landmarks {
  /** Constants, as texts. */
  readonly constants: readonly string[];
  /**
   * By column: the constants that it is compared with, however far inside an expression both stand, and those that columns
   * are compared with that it is compared with.
   */
  readonly compared: ReadonlyMap<string, readonly string[]>;
  /** Names that may be columns, or a table whose row is used as a whole. */
  readonly names: ReadonlySet<string>;
  /** t.* as a value. */
  readonly usesStars: boolean;
  /** Columns that are asked for NULL in so many words: `x IS NOT NULL`. */
  readonly askedForNull: ReadonlySet<string>;
  /** Functions by where they are called. */
  readonly calls: readonly { readonly name: string; readonly location: number }[];
  /** Changes of the text that a trial needs wherever it cuts it. */
  readonly edits: readonly Edit[];
}

interface Found {
  constants: string[];
  compared: Map<string, string[]>;
  /** Columns that are compared with each other. */
  groups: string[][];
  names: Set<string>;
  askedForNull: Set<string>;
  calls: { name: string; location: number }[];
  edits: Edit[];
  stars: number;
}

/** A LIMIT of this many rows is none. */
const ENDLESS = 1_000_000_000;
/** A made-up table is small: a larger LIMIT is tried as this one. */
const SMALL_LIMIT = 20;

/**
 * @param spans the parts of the text that are tried; constants count wherever they stand
 * @param params values that the statement is given: they are constants as well
 */
export function landmarksOf(root: Node, text: SqlText, spans: readonly Span[], params: readonly Json[]): Landmarks {
  const found: Found = { constants: [], compared: new Map(), groups: [], names: new Set(), askedForNull: new Set(), calls: [], edits: [], stars: 0 };
  const isTried = (node: Node): boolean => {
    const location = Number(node["location"] ?? 0);
    return spans.some(({ start, end }) => location >= start && location < end);
  };
  visit(root, { text, isTried, found, params });
  found.constants.push(...params.flatMap(paramTexts));
  return { ...found, compared: shared(found), usesStars: found.stars > 0 };
}

interface Visit {
  readonly text: SqlText;
  readonly isTried: (node: Node) => boolean;
  readonly found: Found;
  readonly params: readonly Json[];
}

/** @param isInside whether it is a part of an expression that was looked at as a whole */
function visit(value: unknown, context: Visit, isInside = false): void {
  if (Array.isArray(value)) for (const item of value) visit(item, context, isInside);
  if (!isNode(value)) return;
  for (const [type, child] of Object.entries(value)) {
    const isExpression = type === "A_Expr" || type === "FuncCall";
    if (isNode(child)) meet(type, child, context);
    if (isExpression && !isInside && isNode(child)) compare(child, context.found, context.params);
    visit(child, context, type !== "SubLink" && (isInside || isExpression));
  }
}

function meet(type: string, node: Node, { text, isTried, found }: Visit): void {
  if (type === "A_Const") found.constants.push(...constantOf(node));
  if (type === "SelectStmt") limit(node, text, found);
  if (type === "JoinExpr") for (const name of stringsOf(node["usingClause"])) found.names.add(name);
  if (type === "JoinExpr" && node["isNatural"] === true) found.stars += 1;
  if (!isTried(node)) return;
  // SELECT * names no value: what is meant by it is named where it is used.
  if (type === "ResTarget" && isNode(node["val"]) && isStar(node["val"]["ColumnRef"])) found.stars -= 1;
  if (type === "ColumnRef") column(node, text, found);
  if (type === "FuncCall") call(node, found);
  if (type === "SubLink") link(node, found);
  if (type === "NullTest") askForNull(node["arg"], found);
  if (type === "BooleanTest" && String(node["booltesttype"]).endsWith("UNKNOWN")) askForNull(node["arg"], found);
  if (type === "A_Expr" && String(node["kind"]).endsWith("DISTINCT")) {
    if (isNull(node["rexpr"])) askForNull(node["lexpr"], found);
    if (isNull(node["lexpr"])) askForNull(node["rexpr"], found);
  }
}

function paramTexts(param: Json | undefined): string[] {
  if (Array.isArray(param)) return param.flatMap(paramTexts);
  if (typeof param === "string" || typeof param === "number") return [String(param)];
  return typeof param === "object" && param !== null ? [JSON.stringify(param)] : [];
}

/** All columns of an expression with all of its constants; a subquery in it speaks for itself. */
function compare(expression: Node, found: Found, params: readonly Json[]): void {
  const names: string[] = [];
  const texts: string[] = [];
  const gather = (value: unknown): void => {
    if (Array.isArray(value)) for (const item of value) gather(item);
    if (!isNode(value) || isNode(value["SubLink"])) return;
    if (isNode(value["ColumnRef"])) names.push(...stringsOf(value["ColumnRef"]["fields"]).slice(-1));
    if (isNode(value["A_Const"])) texts.push(...constantOf(value["A_Const"]));
    if (isNode(value["ParamRef"])) texts.push(...paramTexts(params[Number(value["ParamRef"]["number"] ?? 0) - 1]));
    for (const child of Object.values(value)) gather(child);
  };
  gather(expression);
  if (names.length > 1) found.groups.push(names);
  for (const name of names) found.compared.set(name, [...(found.compared.get(name) ?? []), ...texts]);
}

/** `id IN (SELECT o.g_id …)` compares id with g_id. */
function link(node: Node, found: Found): void {
  const select = isNode(node["subselect"]) ? node["subselect"]["SelectStmt"] : undefined;
  const targets = isNode(select) ? listOf(select["targetList"]) : [];
  const values = [node["testexpr"], ...targets.map((item) => (item["ResTarget"] as Node | undefined)?.["val"])];
  const names = values.flatMap((value) => (isNode(value) && isNode(value["ColumnRef"]) ? stringsOf(value["ColumnRef"]["fields"]).slice(-1) : []));
  if (names.length > 1) found.groups.push(names);
}

/** Columns that are compared with each other share their constants. */
function shared({ compared, groups }: Found): ReadonlyMap<string, readonly string[]> {
  let merged: Set<string>[] = [];
  for (const group of groups) {
    const touching = merged.filter((one) => group.some((name) => one.has(name)));
    merged = [...merged.filter((one) => !touching.includes(one)), new Set([...group, ...touching.flatMap((one) => [...one])])];
  }
  const all = new Map<string, readonly string[]>(compared);
  for (const one of merged) {
    const texts = [...new Set([...one].flatMap((name) => compared.get(name) ?? []))];
    for (const name of one) all.set(name, [...new Set([...(compared.get(name) ?? []), ...texts])]);
  }
  return all;
}

function constantOf(node: Node): string[] {
  const [kind, value] = Object.entries(node).find(([field]) => /^[ifs]val$/.test(field)) ?? ["", {}];
  if (!isNode(value)) return [];
  const raw = value[kind] ?? (kind === "sval" ? "" : 0);
  return typeof raw === "string" || typeof raw === "number" ? [String(raw)] : [];
}

function column(node: Node, text: SqlText, found: Found): void {
  const fields = listOf(node["fields"]);
  const names = stringsOf(node["fields"]);
  // The first of several may be the column, and what follows a field of its value.
  for (const name of names) found.names.add(name);
  if (isStar(node)) found.stars += 1;
  if (fields.length < 3) return;
  // schema.table.column: a made-up table has no schema.
  const start = text.at(Number(node["location"] ?? 0));
  const first = text.token(start);
  const table = text.token(start + 2 * (fields.length - 2));
  if (first !== undefined && table !== undefined) found.edits.push({ start: first.start, end: table.start, text: "" });
}

function call(node: Node, found: Found): void {
  const name = stringsOf(node["funcname"]).at(-1) ?? "";
  found.calls.push({ name, location: Number(node["location"] ?? 0) });
  if (name === "num_nulls" || name === "num_nonnulls") for (const arg of listOf(node["args"])) askForNull(arg, found);
}

/** Only a bare column, or a row of them: `(x = 1) IS NOT NULL` is no way to ask which x are NULL. */
function askForNull(arg: unknown, found: Found): void {
  if (!isNode(arg)) return;
  if (isNode(arg["ColumnRef"])) {
    const name = stringsOf(arg["ColumnRef"]["fields"]).at(-1);
    if (name !== undefined) found.askedForNull.add(name);
  }
  if (isNode(arg["RowExpr"])) for (const item of listOf(arg["RowExpr"]["args"])) askForNull(item, found);
}

function isStar(reference: unknown): boolean {
  return isNode(reference) && listOf(reference["fields"]).some((field) => field["A_Star"] !== undefined);
}

function isNull(value: unknown): boolean {
  return isNode(value) && isNode(value["A_Const"]) && value["A_Const"]["isnull"] === true;
}

function limit(node: Node, text: SqlText, found: Found): void {
  const count = isNode(node["limitCount"]) ? node["limitCount"]["A_Const"] : undefined;
  if (!isNode(count)) return;
  const token = text.token(text.at(Number(count["location"] ?? 0)));
  const rows = Number(constantOf(count)[0]);
  if (token === undefined || !(rows > SMALL_LIMIT && rows < ENDLESS)) return;
  found.edits.push({ start: token.start, end: token.end, text: String(SMALL_LIMIT) });
}
