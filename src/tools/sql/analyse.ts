import { EnactError } from "../../errors.js";
import { collect } from "./collect.js";
import type { ChangeNode, Collected, RelationName } from "./collect.js";
import { kindOf } from "./kinds.js";
import type { Kind } from "./kinds.js";
import { isNode, listOf, stringsOf } from "./parse.js";
import type { Node, ParsedStatement } from "./parse.js";

/** A statement, as far as its text tells. */
export interface Statement {
  readonly text: string;
  readonly kind: Kind;
  readonly collected: Collected;
  /** False for EXPLAIN without ANALYZE: nothing of it runs. */
  readonly executes: boolean;
  readonly changes: readonly ChangeNode[];
  readonly relations: readonly RelationName[];
  /** Relations that a DROP takes away, and whether with all that depends on them. */
  readonly dropped: readonly RelationName[];
  readonly cascades: boolean;
  /** ALTER COLUMN … TYPE … USING: an UPDATE of every row by another name. */
  readonly recalculates: boolean;
  /** Names that later statements use may mean something else after this one: functions, operators, casts were made. */
  readonly changesCode: boolean;
  /** The highest $n. */
  readonly paramCount: number;
}

const CODE_CHANGES =
  /^(?:Create(?:Function|Extension|Cast|OpClass|OpFamily|Schema|Transform|PLang|Domain|Trig)|Alter(?:Function|Extension\w*|ObjectSchema|Operator|OpFamily|Type|Domain)|Define|Rename|Rule|Do|Call)Stmt$/;

/** @throws EnactError REFUSED for what this tool never runs */
export function analyse({ type, node, text }: ParsedStatement): Statement {
  const kind = type === "ExplainStmt" ? explainedKind(node) : kindOf(type, node);
  if (kind.class === "refused") throw refused(kind);
  const json = JSON.stringify(node);
  // CREATE TABLE AS EXECUTE, EXPLAIN EXECUTE. A quote inside a text would be escaped here.
  if (json.includes('"ExecuteStmt":')) throw refused({ name: "EXECUTE", class: "refused", why: "it runs a text that is not in this call" });
  const executes = type !== "ExplainStmt" || isAnalyzed(node);
  const collected = collect(type, node);
  const dropped = type === "DropStmt" ? namedObjects(node["removeType"], listOf(node["objects"])) : [];
  const described = type === "CommentStmt" || type === "SecLabelStmt" ? namedObjects(node["objtype"], [node["object"] as Node]) : [];
  const params = [...json.matchAll(/"ParamRef":\{"number":(\d+)/g)].map((found) => Number(found[1]));
  return {
    text,
    kind,
    collected,
    executes,
    changes: executes ? collected.changes : [],
    relations: [...collected.relations, ...dropped, ...described],
    dropped,
    cascades: node["behavior"] === "DROP_CASCADE",
    recalculates: executes && type === "AlterTableStmt" && listOf(node["cmds"]).some(givesValues),
    changesCode: CODE_CHANGES.test(type),
    paramCount: Math.max(0, ...params),
  };
}

function givesValues(item: Node): boolean {
  const { subtype, def } = (item["AlterTableCmd"] ?? {}) as { subtype?: string; def?: { ColumnDef?: { raw_default?: unknown } } };
  return subtype === "AT_AlterColumnType" && def?.ColumnDef?.raw_default !== undefined;
}

/** EXPLAIN ANALYZE CREATE TABLE AS does create the table. */
function explainedKind(node: Node): Kind {
  const [type, inner] = Object.entries(isNode(node["query"]) ? node["query"] : {})[0] ?? ["", {}];
  const kind = kindOf(type, isNode(inner) ? inner : {});
  if (kind.class === "refused") return kind;
  const runsMore = isAnalyzed(node) && kind.class !== "read" && kind.class !== "change";
  return runsMore ? { ...kind, name: `EXPLAIN ANALYZE ${kind.name}` } : { name: "EXPLAIN", class: "read" };
}

function refused({ name, why = "" }: Kind): EnactError {
  return new EnactError("REFUSED", `${name} is refused by this tool: ${why}`, {
    hint: "Each call is one transaction that begins and ends by itself; say what you need in SELECT, INSERT, UPDATE or DELETE.",
  });
}

/** `EXPLAIN (ANALYZE off, ANALYZE)`: any ANALYZE that is not clearly off counts. */
function isAnalyzed(node: Node): boolean {
  return listOf(node["options"]).some((item) => {
    const { defname, arg } = (item["DefElem"] ?? {}) as { defname?: string; arg?: Node };
    if (defname !== "analyze") return false;
    const text = (arg?.["String"] as { sval?: string } | undefined)?.sval?.toLowerCase();
    const number = arg?.["Integer"];
    const isOff = text === "off" || text === "false" || (isNode(number) && (number["ival"] ?? 0) === 0);
    return !isOff;
  });
}

/** DROP and COMMENT name objects as lists of texts; of a column, trigger, rule or policy the last one is its own name. */
const PARTS_OF_TABLES = /^OBJECT_(?:COLUMN|TRIGGER|RULE|POLICY|TABCONSTRAINT)$/;
const RELATIONS = /^OBJECT_(?:TABLE|VIEW|MATVIEW|FOREIGN_TABLE|SEQUENCE|INDEX)$/;

function namedObjects(objectType: unknown, objects: readonly Node[]): RelationName[] {
  const type = String(objectType);
  const isPart = PARTS_OF_TABLES.test(type);
  if (!isPart && !RELATIONS.test(type)) return [];
  return objects.flatMap((item) => {
    const names = stringsOf((item["List"] as Node | undefined)?.["items"]);
    const own = isPart ? names.slice(0, -1) : names;
    const name = own.at(-1);
    return name === undefined ? [] : [{ database: own.at(-3) ?? null, schema: own.at(-2) ?? null, name, only: false }];
  });
}
