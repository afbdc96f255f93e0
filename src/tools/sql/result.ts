import type { Json } from "../../facts/json.js";
import { decodeValue } from "../../systems/postgres/values.js";
import type { TypeInfo } from "../../systems/postgres/values.js";
import type { Reply } from "../../systems/postgres/wire.js";

/**
 * What the agent gets: that of the last statement, with those before it under `previous`. Rows are objects; arrays when
 * two columns share a name. Values: see systems/postgres/values.ts.
 */
export function resultOf(replies: readonly Reply[], types: ReadonlyMap<number, TypeInfo>): Json {
  const results = replies.map((reply) => statementResult(reply, types));
  const last = results.at(-1) ?? {};
  return results.length > 1 ? { ...last, previous: results.slice(0, -1) } : last;
}

function statementResult(reply: Reply, types: ReadonlyMap<number, TypeInfo>): { readonly [key: string]: Json } {
  const columns = reply.columns.map(({ name, type }) => ({ name, type: types.get(type)?.name ?? "unknown" }));
  const isUnique = new Set(columns.map((column) => column.name)).size === columns.length;
  const rows = reply.rows.map((row): Json => {
    const values = row.map((text, index) => decodeValue(text, reply.columns[index]?.type ?? 0, types));
    return isUnique ? Object.fromEntries(columns.map(({ name }, index) => [name, values[index] ?? null])) : values;
  });
  const affected = /^(?:INSERT \d+|UPDATE|DELETE|MERGE) (\d+)$/.exec(reply.tag)?.[1];
  return {
    command: reply.tag.split(/ \d/)[0] || "SELECT",
    ...(columns.length > 0 ? { columns, rows, row_count: rows.length, truncated: reply.truncated } : {}),
    ...(affected === undefined ? {} : { rows_affected: Number(affected) }),
  };
}
