import type { Bench, Watch } from "../../../systems/postgres/choice.js";
import type { SqlToken } from "../../../systems/postgres/parser.js";
import { collect } from "../collect.js";
import type { RelationName } from "../collect.js";
import { isNode } from "../parse.js";
import type { Node } from "../parse.js";
import { sqlName } from "../tables.js";
import { standInEdits } from "./shadow.js";
import type { StandIn } from "./shadow.js";
import { SqlText } from "./text.js";
import { columnsOf, relationsOf } from "./types.js";
import type { TrialColumn, TrialRelation } from "./types.js";

/** PostgreSQL's own parser and scanner. */
export interface Reading {
  readonly parse: (text: string) => Node | undefined;
  readonly scan: (text: string) => readonly SqlToken[];
}

/** The relations of a condition. */
export interface World {
  /** By name, as SQL writes it in quotes. */
  readonly known: ReadonlyMap<string, TrialRelation>;
  /** Columns of the target and the others, by oid. */
  readonly columns: ReadonlyMap<string, readonly TrialColumn[]>;
  /** Oids of the tables that are made up besides the target, in order. */
  readonly others: readonly string[];
  /** The condition reads the target once more, by whatever name. */
  readonly readsTarget: boolean;
  /** What stands for a relation, given what stands for the target; views over the target are made of what stands for theirs. */
  standIn(target: string): StandIn;
}

/** The made-up rows of the target. */
export const PLAIN_TARGET = "(SELECT * FROM enact_made_target)";

/** The same with rows of the table's own type, which functions of the table take; without system columns. */
export function typedTarget(relation: string, columns: readonly TrialColumn[]): string {
  const values = columns.map(({ name }) => `m.${sqlName({ schema: null, name })}`).join(", ");
  return `unnest(ARRAY(SELECT CAST(ROW(${values}) AS ${relation}) FROM ${TARGET} m))`;
}

/** Names of the made-up tables: no name of anybody's. */
export const TARGET = "enact_made_target";
export const other = (index: number): string => `enact_made_${index}`;

interface View {
  readonly text: SqlText;
  readonly relations: readonly RelationName[];
}

/** Levels of views over views. */
const MAX_DEPTH = 8;

/** Looks up what a condition reads; undefined when that cannot be found out. */
export async function worldOf(named: readonly RelationName[], watch: Watch, bench: Bench, reading: Reading): Promise<World | undefined> {
  const known = new Map<string, TrialRelation>();
  const views = new Map<string, View>();
  let names = [...new Set(named.map(sqlName))];
  for (let depth = 0; names.length > 0; depth += 1) {
    const found = await relationsOf(names, watch.oid, bench);
    if (found === undefined || depth > MAX_DEPTH) return undefined;
    for (const [name, relation] of found) known.set(name, relation);
    const fresh = [...found.values()].filter(({ role, oid }) => role === "over" && !views.has(oid));
    for (const { oid, definition } of fresh) views.set(oid, viewOf(definition, reading));
    const inside = fresh.flatMap(({ oid }) => views.get(oid)?.relations ?? []).map(sqlName);
    names = [...new Set(inside)].filter((name) => !known.has(name));
  }
  const relations = [...known.values()];
  const others = [...new Set(relations.filter(({ role }) => role === "other").map(({ oid }) => oid))];
  const columns = await columnsOf([watch.oid, ...others], bench);
  if (columns === undefined) return undefined;
  const standInFor = (target: string): StandIn => {
    const standIn: StandIn = ({ oid, role }) => {
      if (role === "system") return undefined;
      if (role === "same") return target;
      const view = views.get(oid);
      return view === undefined ? `(SELECT * FROM ${other(others.indexOf(oid))})` : definitionOf(view, known, standIn);
    };
    return standIn;
  };
  return {
    known,
    columns,
    others,
    readsTarget: relations.some(({ role }) => role === "same" || role === "over"),
    standIn: standInFor,
  };
}

function viewOf(definition: string, reading: Reading): View {
  const text = definition.trim().replace(/;$/, "");
  const [type, node] = Object.entries(reading.parse(text) ?? {})[0] ?? [];
  if (type === undefined || !isNode(node)) throw new TypeError("a view without a definition");
  return { text: new SqlText(text, reading.scan(text)), relations: collect(type, node).relations };
}

function definitionOf({ text, relations }: View, known: ReadonlyMap<string, TrialRelation>, standIn: StandIn): string {
  const edits = standInEdits(text, relations, known, standIn);
  if (edits === undefined) throw new TypeError("a view of tables that are not there");
  return `(${text.cut(text.span(0, text.tokens.length), edits)})`;
}
