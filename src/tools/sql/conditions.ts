import type { Json } from "../../facts/json.js";
import type { ChangeNode } from "./collect.js";
import { Dependence } from "./dependence.js";
import { arithmetic, castValue, columnDomain, comparable, likeIsTrue, NOT_NEGATIVE } from "./operands.js";
import type { Leaf } from "./operands.js";
import { isNode, listOf, stringsOf } from "./parse.js";
import type { Node } from "./parse.js";
import { fromItems, isUnfiltered } from "./sources.js";
import type { Sources } from "./sources.js";
import type { Condition } from "./truth.js";

const TRUE: Condition = { is: "constant", value: true };
const not = (of: Condition): Condition => ({ is: "not", of });

/** Reads a WHERE as far as its truth can be told without the data; everything else becomes an atom. */
export class ConditionReader {
  readonly #change: ChangeNode;
  readonly #params: readonly Json[];
  readonly #sources: Sources;
  readonly #dependence: Dependence;

  constructor(change: ChangeNode, params: readonly Json[], sources: Sources, dependence?: Dependence) {
    this.#change = change;
    this.#params = params;
    this.#sources = sources;
    this.#dependence = dependence ?? new Dependence(change, sources);
  }

  condition(wrapped: Node): Condition {
    const [type, node] = (Object.entries(wrapped)[0] ?? ["", {}]) as [string, Node];
    switch (type) {
      case "BoolExpr":
        return this.#boolean(node);
      case "A_Expr":
        return this.#expression(wrapped, node);
      case "NullTest":
        return this.#nullTest(wrapped, node);
      case "BooleanTest":
        return this.#booleanTest(node);
      case "SubLink":
        return this.#subLink(wrapped, node);
      case "CoalesceExpr":
        return this.#coalesce(wrapped, node);
      case "CaseExpr":
        return this.#case(wrapped, node);
      default:
        return this.#leafCondition(wrapped);
    }
  }

  #boolean(node: Node): Condition {
    const parts = listOf(node["args"]).map((part) => this.condition(part));
    if (node["boolop"] === "NOT_EXPR") return not(parts[0] ?? TRUE);
    return { is: node["boolop"] === "AND_EXPR" ? "and" : "or", of: parts };
  }

  #leafCondition(wrapped: Node): Condition {
    const leaf = this.#leaf(wrapped);
    if (leaf.is === "null") return { is: "constant", value: null };
    if (leaf.is === "boolean") return { is: "constant", value: leaf.value };
    return this.#atom(wrapped);
  }

  #atom(wrapped: Node): Condition {
    return { is: "atom", key: this.#dependence.key(wrapped), row: this.#dependence.onRow(wrapped) };
  }

  #expression(wrapped: Node, node: Node): Condition {
    const op = stringsOf(node["name"]).at(-1) ?? "";
    const { lexpr, rexpr } = node as { lexpr?: Node; rexpr?: Node };
    if (lexpr === undefined || rexpr === undefined) return this.#atom(wrapped);
    const list = listOf((rexpr["List"] as Node | undefined)?.["items"]);
    switch (node["kind"]) {
      case "AEXPR_OP":
        return this.#compare(op, lexpr, rexpr);
      case "AEXPR_NOT_DISTINCT":
        return this.#compare("=", lexpr, rexpr);
      case "AEXPR_DISTINCT":
        return not(this.#compare("=", lexpr, rexpr));
      case "AEXPR_IN": {
        const any: Condition = { is: "or", of: list.map((item) => this.#compare("=", lexpr, item)) };
        return op === "<>" ? not(any) : any;
      }
      case "AEXPR_BETWEEN":
      case "AEXPR_NOT_BETWEEN": {
        const [low, high] = list as [Node, Node];
        const inside: Condition = { is: "and", of: [this.#compare(">=", lexpr, low), this.#compare("<=", lexpr, high)] };
        return node["kind"] === "AEXPR_BETWEEN" ? inside : not(inside);
      }
      case "AEXPR_OP_ANY":
      case "AEXPR_OP_ALL":
        return this.#anyOrAll(wrapped, op, lexpr, rexpr, node["kind"] === "AEXPR_OP_ANY");
      case "AEXPR_LIKE":
      case "AEXPR_ILIKE":
        return this.#like(wrapped, op, rexpr);
      default:
        return this.#atom(wrapped);
    }
  }

  #anyOrAll(wrapped: Node, op: string, left: Node, right: Node, isAny: boolean): Condition {
    const array = (right["A_ArrayExpr"] ?? (right["TypeCast"] as { arg?: Node } | undefined)?.arg?.["A_ArrayExpr"]) as Node | undefined;
    if (array === undefined) return this.#atom(wrapped);
    const parts = listOf(array["elements"]).map((item) => this.#compare(op, left, item));
    return { is: isAny ? "or" : "and", of: parts };
  }

  /** Every text is LIKE '%' and matches an empty pattern. */
  #like(wrapped: Node, op: string, pattern: Node): Condition {
    const leaf = this.#leaf(pattern);
    const isNegated = op.startsWith("!");
    if (leaf.is === "value" && likeIsTrue(op, String(leaf.value))) return isNegated ? not(TRUE) : TRUE;
    return this.#atom(wrapped);
  }

  #compare(op: string, left: Node, right: Node): Condition {
    if (op === "<>" || op === "!=") return not(this.#compare("=", left, right));
    if (op === ">") return this.#compare("<", right, left);
    if (op === "<=") return not(this.#compare("<", right, left));
    if (op === ">=") return not(this.#compare("<", left, right));
    const wrapped: Node = { A_Expr: { kind: "AEXPR_OP", name: [{ String: { sval: op } }], lexpr: left, rexpr: right } };
    if (op.includes("~")) return this.#like(wrapped, op, right);
    if (op !== "=" && op !== "<") return this.#atom(wrapped);
    const [a, b] = [this.#leaf(left), this.#leaf(right)];
    if (a.is === "null" || b.is === "null") return { is: "constant", value: null };
    // Taken as true for NULLs too: nobody writes id = id to find the rows that have an id.
    if (this.#dependence.key(left) === this.#dependence.key(right)) return { is: "constant", value: op === "=" };
    if (a.is === "boolean" && b.is === "boolean") return { is: "constant", value: op === "=" ? a.value === b.value : !a.value && b.value };
    if (op === "=" && a.is === "boolean") return a.value ? this.condition(right) : not(this.condition(right));
    if (op === "=" && b.is === "boolean") return b.value ? this.condition(left) : not(this.condition(left));
    const pair = comparable(a, b);
    return pair === undefined ? this.#atom(wrapped) : { is: "compare", op, left: pair[0], right: pair[1] };
  }

  #nullTest(wrapped: Node, node: Node): Condition {
    const isNull = node["nulltesttype"] !== "IS_NOT_NULL";
    const arg = node["arg"] as Node;
    const leaf = this.#leaf(arg);
    if (leaf.is === "null") return isNull ? TRUE : not(TRUE);
    if (leaf.is === "value" || leaf.is === "boolean") return isNull ? not(TRUE) : TRUE;
    const column = this.#dependence.targetColumn(arg);
    if (column?.notNull === true) return isNull ? not(TRUE) : TRUE;
    const atom: Condition = { is: "atom", key: `${this.#dependence.key(arg)} is null`, row: this.#dependence.onRow(wrapped) };
    return isNull ? atom : not(atom);
  }

  #booleanTest(node: Node): Condition {
    const inner = this.condition(node["arg"] as Node);
    switch (node["booltesttype"]) {
      case "IS_NOT_TRUE":
      case "IS_FALSE":
        return not(inner);
      case "IS_UNKNOWN":
        return inner.is === "constant" && inner.value === null ? TRUE : not(TRUE);
      case "IS_NOT_UNKNOWN":
        return TRUE;
      default:
        return inner;
    }
  }

  #coalesce(wrapped: Node, node: Node): Condition {
    const args = listOf(node["args"]).map((arg) => this.condition(arg));
    return args.find((arg) => !(arg.is === "constant" && arg.value === null)) ?? this.#atom(wrapped);
  }

  /** CASE WHEN a THEN x WHEN b THEN y ELSE z END: (a and x) or (not a and b and y) or (not a and not b and z). */
  #case(wrapped: Node, node: Node): Condition {
    if (node["arg"] !== undefined) return this.#atom(wrapped);
    const branches: Condition[] = [];
    const before: Condition[] = [];
    for (const item of listOf(node["args"])) {
      const when = (item["CaseWhen"] ?? {}) as { expr: Node; result: Node };
      const test = this.condition(when.expr);
      branches.push({ is: "and", of: [...before, test, this.condition(when.result)] });
      before.push(not(test));
    }
    if (isNode(node["defresult"])) branches.push({ is: "and", of: [...before, this.condition(node["defresult"])] });
    return { is: "or", of: branches };
  }

  #subLink(wrapped: Node, node: Node): Condition {
    const select = isNode(node["subselect"]) ? node["subselect"]["SelectStmt"] : undefined;
    if (!isNode(select)) return this.#atom(wrapped);
    const kind = node["subLinkType"];
    const target = (listOf(select["targetList"])[0]?.["ResTarget"] as Node | undefined)?.["val"];
    const hasNoFrom = select["fromClause"] === undefined && isUnfiltered(select);
    if (kind === "EXISTS_SUBLINK") return hasNoFrom ? TRUE : this.#exists(wrapped, select);
    if (kind === "EXPR_SUBLINK" && hasNoFrom && isNode(target)) return this.condition(target);
    if (kind !== "ANY_SUBLINK" || !isNode(target) || !isNode(node["testexpr"])) return this.#atom(wrapped);
    const op = stringsOf(node["operName"]).at(-1) ?? "=";
    if (hasNoFrom) return this.#compare(op, node["testexpr"], target);
    const holdsAll = op === "=" && isUnfiltered(select) && this.#inside(select)?.same(node["testexpr"], target) === true;
    return holdsAll ? TRUE : this.#atom(wrapped);
  }

  /** `EXISTS (SELECT 1 FROM t t2 WHERE t2.id = t.id)` holds for every row of t: it finds itself. */
  #exists(wrapped: Node, select: Node): Condition {
    const inside = this.#inside(select);
    if (inside === undefined || !isUnfiltered({ ...select, whereClause: undefined })) return this.#atom(wrapped);
    const where = select["whereClause"];
    if (!isNode(where)) return this.#atom(wrapped);
    const found = new ConditionReader(this.#change, this.#params, this.#sources, inside).condition(where);
    return found.is === "constant" && found.value === true ? TRUE : this.#atom(wrapped);
  }

  /** Reading inside a subquery over all of the target; undefined when it is over something else. */
  #inside(select: Node): Dependence | undefined {
    const items = fromItems(listOf(select["fromClause"]), this.#change, this.#sources);
    const [item] = items;
    return items.length === 1 && item?.isMirror === true ? this.#dependence.withMirror(item.alias) : undefined;
  }

  #leaf(wrapped: Node): Leaf {
    const [type, node] = (Object.entries(wrapped)[0] ?? ["", {}]) as [string, Node];
    if (type === "A_Const") return constant(node);
    if (type === "ParamRef") return parameter(this.#params[Number(node["number"] ?? 0) - 1]);
    if (type === "TypeCast") return castValue(this.#leaf(node["arg"] as Node), stringsOf((node["typeName"] as Node)["names"]).at(-1) ?? "");
    if (type === "SubLink" && node["subLinkType"] === "EXPR_SUBLINK") return this.#scalarSelect(node);
    if (type === "A_Expr" && node["kind"] === "AEXPR_OP") {
      const left = isNode(node["lexpr"]) ? this.#leaf(node["lexpr"]) : ({ is: "value", value: 0 } as const);
      return arithmetic(stringsOf(node["name"]).at(-1) ?? "", left, this.#leaf(node["rexpr"] as Node));
    }
    const key = this.#dependence.key(wrapped);
    if (type === "FuncCall" && NOT_NEGATIVE.has(stringsOf(node["funcname"]).at(-1) ?? "") && this.#dependence.onRow(wrapped)) {
      return { is: "variable", key, domain: { of: "number", low: 0, high: Infinity, step: 1 } };
    }
    const column = this.#dependence.targetColumn(wrapped);
    return column === undefined ? { is: "other" } : { is: "variable", key, domain: columnDomain(column.type) };
  }

  #scalarSelect(node: Node): Leaf {
    const select = isNode(node["subselect"]) ? node["subselect"]["SelectStmt"] : undefined;
    if (!isNode(select) || select["fromClause"] !== undefined || !isUnfiltered(select)) return { is: "other" };
    const target = (listOf(select["targetList"])[0]?.["ResTarget"] as Node | undefined)?.["val"];
    return isNode(target) ? this.#leaf(target) : { is: "other" };
  }
}

function constant(node: Node): Leaf {
  if (node["isnull"] === true) return { is: "null" };
  const [kind, value] = (Object.entries(node).find(([field]) => field !== "location") ?? ["", {}]) as [string, Node];
  if (kind === "ival") return { is: "value", value: Number(value["ival"] ?? 0) };
  if (kind === "fval") return { is: "value", value: Number(value["fval"] ?? 0) };
  if (kind === "boolval") return { is: "boolean", value: value["boolval"] === true };
  if (kind === "sval") return { is: "value", value: typeof value["sval"] === "string" ? value["sval"] : "" };
  return { is: "other" };
}

function parameter(value: Json | undefined): Leaf {
  if (value === null) return { is: "null" };
  if (typeof value === "boolean") return { is: "boolean", value };
  if (typeof value === "number" || typeof value === "string") return { is: "value", value };
  return { is: "other" };
}
