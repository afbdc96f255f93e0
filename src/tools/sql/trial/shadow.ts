import type { ChangeNode, Collected, CommonTable, RelationName } from "../collect.js";
import { sqlName } from "../tables.js";
import { clausesOf, nameSpan } from "./clauses.js";
import type { Edit, Span, SqlText } from "./text.js";
import type { TrialRelation } from "./types.js";

/** What stands for a relation in a trial: a table expression; undefined for the relation itself. */
export type StandIn = (relation: TrialRelation) => string | undefined;

/** Puts stand-ins where relations are named. Undefined when one of the names means nothing. */
export function standInEdits(
  text: SqlText,
  relations: readonly RelationName[],
  known: ReadonlyMap<string, TrialRelation>,
  standIn: StandIn,
): readonly Edit[] | undefined {
  const edits: Edit[] = [];
  for (const relation of relations) {
    const name = relation.location === undefined ? undefined : nameSpan(text, relation.location);
    const found = known.get(sqlName(relation));
    if (name === undefined || found === undefined) return undefined;
    const expression = standIn(found);
    const alias = relation.hasAlias === true ? "" : ` AS ${sqlName({ schema: null, name: relation.name })}`;
    if (expression !== undefined) edits.push({ ...name.span, text: `${expression}${alias}` });
  }
  return edits;
}

/** Where a table of a WITH stands, its name and brackets included; undefined for the rare forms with a SEARCH or CYCLE. */
export function commonTableSpan(text: SqlText, { location }: CommonTable): { readonly whole: Span; readonly head: Span; readonly open: number } | undefined {
  const first = text.at(location);
  const as = first < 0 ? -1 : text.next("AS", first, text.tokens.length);
  if (as < 0) return undefined;
  let open = as + 1;
  while (text.word(open) === "NOT" || text.word(open) === "MATERIALIZED") open += 1;
  const close = text.endOfLevel(open + 1);
  if (text.token(open)?.text !== "(" || text.token(close)?.text !== ")") return undefined;
  if (["SEARCH", "CYCLE"].includes(text.word(close + 1))) return undefined;
  return { whole: text.span(first, close + 1), head: text.span(first, as + 1), open };
}

/**
 * The tables that the WITHs around a change bring in, as a trial can have them: one that changes rows by itself is
 * replaced by what it gives back, read from the stand-in of its table. Undefined when that cannot be done.
 */
export function commonTables(text: SqlText, change: ChangeNode, collected: Collected, edits: readonly Edit[]): readonly string[] | undefined {
  const parts: string[] = [];
  for (const table of change.commonTables) {
    const span = commonTableSpan(text, table);
    if (span === undefined) return undefined;
    if (!table.changes) {
      parts.push(text.cut(span.whole, edits));
      continue;
    }
    const inner = collected.changes.find((one) => text.token(text.at(one.target.location ?? -1))?.depth === text.token(span.open + 1)?.depth && isWithin(one, span.whole));
    const clauses = inner === undefined || inner.merge ? undefined : clausesOf(text, inner);
    // What gives nothing back cannot be read from.
    if (inner === undefined || clauses?.returning === undefined) continue;
    const name = nameSpan(text, inner.target.location ?? -1);
    const alias = inner.target.hasAlias === true ? ` AS ${sqlName({ schema: null, name: inner.alias })}` : "";
    const from = [`${name === undefined ? "" : text.cut(name.span, edits)}${alias}`];
    if (clauses.joined !== undefined) from.push(text.cut(clauses.joined, edits));
    parts.push(`${text.cut(span.head, edits)} (SELECT ${text.cut(clauses.returning, edits)} FROM ${from.join(", ")})`);
  }
  return parts;
}

function isWithin({ target }: ChangeNode, { start, end }: Span): boolean {
  return target.location !== undefined && target.location >= start && target.location < end;
}
