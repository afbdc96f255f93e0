import { isEnactError } from "../../../errors.js";
import type { Json } from "../../../facts/json.js";
import type { Bench, Choice, Watch } from "../../../systems/postgres/choice.js";
import type { SqlParser } from "../../../systems/postgres/parser.js";
import { collect } from "../collect.js";
import type { ChangeNode, Collected, RelationName } from "../collect.js";
import { isNode } from "../parse.js";
import type { Node } from "../parse.js";
import { clausesOf } from "./clauses.js";
import type { Clauses } from "./clauses.js";
import { cluesIn } from "./clues.js";
import { landmarksOf } from "./landmarks.js";
import type { Landmarks } from "./landmarks.js";
import { commonTables, commonTableSpan, standInEdits } from "./shadow.js";
import { madeOther, madeTarget } from "./tables.js";
import { SqlText } from "./text.js";
import type { Edit, Span } from "./text.js";
import { haveEffects, leavesOf } from "./types.js";
import { verdictOf } from "./verdict.js";
import type { Trial } from "./verdict.js";
import { PLAIN_TARGET, typedTarget, worldOf } from "./world.js";
import type { Reading, World } from "./world.js";

/**
 * Finds out whether the condition of a change chooses rows, by having PostgreSQL try it on made-up rows of the table:
 * values that the statement's constants suggest, everyday and unusual ones of each column's type, and NULL where the
 * condition asks for NULL. Tables that the condition reads are made up as well, the target itself included, so that the
 * answer depends on the condition alone. The condition's own text is tried, not what somebody has understood of it.
 */
export async function tryCondition(parser: SqlParser, statement: string, params: readonly Json[], watch: Watch, bench: Bench): Promise<Choice> {
  try {
    const parse = (text: string): Node | undefined => {
      const tree = (parser.parse(text).stmts ?? [])[0]?.stmt;
      return isNode(tree) ? tree : undefined;
    };
    const trial = await prepare(statement, params, watch, bench, { parse, scan: (text) => parser.scan(text) });
    return trial === undefined ? "unproven" : await verdictOf(trial, bench);
  } catch (error) {
    if (isEnactError(error)) throw error;
    return "unproven";
  }
}

async function prepare(statement: string, params: readonly Json[], watch: Watch, bench: Bench, reading: Reading): Promise<Trial | undefined> {
  const root = reading.parse(statement);
  const [type, node] = Object.entries(root ?? {})[0] ?? [];
  if (root === undefined || type === undefined || !isNode(node)) return undefined;
  const text = new SqlText(statement, reading.scan(statement));
  const collected = collect(type, node);
  const change = collected.changes[watch.change];
  const clauses = change && clausesOf(text, change);
  if (change === undefined || clauses === undefined) return undefined;
  const spans = spansOf(text, change, clauses);
  if (spans === undefined) return undefined;
  const landmarks = landmarksOf(root, text, spans, params);
  if (await haveEffects([...new Set(landmarks.calls.map(({ name }) => name))], bench)) return undefined;
  const named = collected.relations.filter(({ location = -1 }) => spans.some(({ start, end }) => location >= start && location < end));
  const world = await worldOf(named, watch, bench, reading);
  const given = await bench.given(statement);
  if (world === undefined || given === undefined) return undefined;
  const parts: Parts = { text, collected, change, clauses, landmarks, named, world };
  const queries = [PLAIN_TARGET, typedTarget(watch.relation, world.columns.get(watch.oid) ?? [])].flatMap((target) => queryOf(parts, target) ?? []);
  return queries.length === 0 ? undefined : { ...(await madeTables(parts, watch, bench)), given, readsItself: world.readsTarget, queries };
}

/** What a trial's query is put together from. */
interface Parts {
  readonly text: SqlText;
  readonly collected: Collected;
  readonly change: ChangeNode;
  readonly clauses: Clauses;
  readonly landmarks: Landmarks;
  readonly named: readonly RelationName[];
  readonly world: World;
}

async function madeTables({ change, landmarks, world }: Parts, watch: Watch, bench: Bench): Promise<Pick<Trial, "target" | "others">> {
  const making = { landmarks, clues: cluesIn(landmarks.constants), bench };
  const leaves = watch.only || watch.isView ? [watch.oid] : await leavesOf(watch.oid, bench);
  const target = await madeTarget(world.columns.get(watch.oid) ?? [], change.alias, leaves, making);
  const others = [];
  for (const oid of world.others) others.push(await madeOther(world.columns.get(oid) ?? [], making));
  return { target, others };
}

/** What is tried of the text: the conditions, what is joined, and the WITHs around. */
function spansOf(text: SqlText, change: ChangeNode, clauses: Clauses): readonly Span[] | undefined {
  const own = [clauses.joined, ...clauses.all, clauses.none].filter((span) => span !== undefined);
  const tables = change.commonTables.map((table) => commonTableSpan(text, table)?.whole);
  return tables.every((span) => span !== undefined) ? [...own, ...tables] : undefined;
}

/**
 * Counts the made-up rows that the condition takes, and those that it spares. The made-up tables are to be put before it,
 * as tables of a WITH: see {@link Trial}.
 */
function queryOf({ text, collected, change, clauses, landmarks, named, world }: Parts, target: string): string | undefined {
  const stood = standInEdits(text, named, world.known, world.standIn(target));
  if (stood === undefined) return undefined;
  const edits: readonly Edit[] = [...landmarks.edits, ...stood];
  const tables = commonTables(text, change, collected, edits);
  if (tables === undefined) return undefined;
  const cut = (span: Span): string => `(${text.cut(span, edits)})`;
  const all = clauses.all.map(cut).join(" AND ") || "true";
  const joined = clauses.joined === undefined ? undefined : text.cut(clauses.joined, edits);
  const none = clauses.none === undefined || joined === undefined ? undefined : `NOT EXISTS (SELECT FROM ${joined} WHERE ${cut(clauses.none)}) AND ${all}`;
  const test = none ?? (joined === undefined ? all : `EXISTS (SELECT FROM ${joined} WHERE ${all})`);
  const alias = `"${change.alias.replaceAll('"', '""')}"`;
  const rows = `SELECT coalesce((${test}), false) AS is_hit FROM ${target} AS ${alias}`;
  return `${tables.map((table) => `, ${table}`).join("")} SELECT count(*) FILTER (WHERE h.is_hit)::text, count(*)::text FROM (${rows}) h`;
}
