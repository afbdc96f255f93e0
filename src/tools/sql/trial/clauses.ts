import type { ChangeNode } from "../collect.js";
import type { Span, SqlText } from "./text.js";

/** Where the parts of a change stand that say which rows it takes. */
export interface Clauses {
  /** What is joined to the target. */
  readonly joined: Span | undefined;
  /** Conditions that must all hold. */
  readonly all: readonly Span[];
  /** The join that a row must not have found a partner in. */
  readonly none: Span | undefined;
  readonly returning: Span | undefined;
}

/** The table's name with what belongs to it: ONLY, brackets, the star of inheritance. */
export function nameSpan(text: SqlText, location: number): { readonly span: Span; readonly first: number; readonly after: number } | undefined {
  let first = text.at(location);
  if (first < 0) return undefined;
  let after = first + 1;
  while (text.token(after)?.text === ".") after += 2;
  if (text.token(after)?.text === "*") after += 1;
  if (text.token(first - 1)?.text === "(" && text.word(first - 2) === "ONLY") {
    first -= 2;
    after += 1;
  } else if (text.word(first - 1) === "ONLY") first -= 1;
  return { span: text.span(first, after), first, after };
}

/** Finds the clauses of a change by the words that begin them; undefined when the text does not look as expected. */
export function clausesOf(text: SqlText, change: ChangeNode): Clauses | undefined {
  const name = nameSpan(text, change.target.location ?? -1);
  if (name === undefined) return undefined;
  const end = text.endOfLevel(name.first);
  if (change.merge) return mergeClauses(text, change, name.first, end);
  const returning = text.next("RETURNING", name.first, end);
  const last = returning < 0 ? end : returning;
  const where = text.next("WHERE", name.first, last);
  const listEnd = where < 0 ? last : where;
  const from = change.joined.length === 0 ? -1 : joinStart(text, change, name.first, listEnd);
  if (change.joined.length > 0 && from < 0) return undefined;
  return {
    joined: from < 0 ? undefined : text.span(from + 1, listEnd),
    all: where < 0 ? [] : [text.span(where + 1, last)],
    none: undefined,
    returning: returning < 0 ? undefined : text.span(returning + 1, end),
  };
}

/** The FROM of an UPDATE is not that of IS DISTINCT FROM. */
function joinStart(text: SqlText, change: ChangeNode, first: number, end: number): number {
  if (change.verb === "DELETE") return text.next("USING", first, end);
  let from = text.next("FROM", first, end);
  while (from >= 0 && text.word(from - 1) === "DISTINCT") from = text.next("FROM", from, end);
  return from;
}

/** MERGE INTO name USING source ON join (WHEN [NOT] MATCHED [BY …] [AND condition] THEN …)… */
function mergeClauses(text: SqlText, change: ChangeNode, first: number, end: number): Clauses | undefined {
  const using = text.next("USING", first, end);
  const firstWhen = text.next("WHEN", first, end);
  let on = -1;
  for (let next = text.next("ON", first, firstWhen); next >= 0; next = text.next("ON", next, firstWhen)) on = next;
  let when = firstWhen;
  for (let arm = 0; arm < change.arm && when >= 0; arm += 1) when = text.next("WHEN", when, end);
  const then = when < 0 ? -1 : text.next("THEN", when, end);
  if (using < 0 || on < using || then < 0) return undefined;
  const and = text.next("AND", when, then);
  const own = and < 0 ? [] : [text.span(and + 1, then)];
  const join = text.span(on + 1, firstWhen);
  const isUnmatched = change.unless !== undefined;
  return {
    joined: text.span(using + 1, on),
    all: isUnmatched ? own : [join, ...own],
    none: isUnmatched ? join : undefined,
    returning: undefined,
  };
}
