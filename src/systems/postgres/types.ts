import { arrayLiteral } from "./catalogue.js";
import type { PostgresConnection } from "./connection.js";
import type { TypeInfo } from "./values.js";
import type { Reply } from "./wire.js";

const TYPES_SQL = `
SELECT t.oid::text, pg_catalog.format_type(t.oid, NULL), CASE WHEN t.typcategory = 'A' THEN t.typelem::text END
FROM pg_catalog.pg_type t WHERE t.oid = ANY ($1::pg_catalog.oid[])
   OR t.oid IN (SELECT a.typelem FROM pg_catalog.pg_type a WHERE a.typcategory = 'A' AND a.oid = ANY ($1::pg_catalog.oid[]))`;

/** Names and element types of the columns' types; those not known yet are looked up and remembered. */
export async function lookUpTypes(
  connection: PostgresConnection,
  replies: readonly Reply[],
  known: Map<number, TypeInfo>,
): Promise<ReadonlyMap<number, TypeInfo>> {
  const missing = new Set(replies.flatMap((reply) => reply.columns.map(({ type }) => type)).filter((type) => !known.has(type)));
  if (missing.size === 0) return known;
  const values = [arrayLiteral([...missing].map(String))];
  const [reply] = await connection.run([{ text: TYPES_SQL, name: "enact_types", values }]);
  for (const [oid, name, element] of reply?.rows ?? []) {
    const info = { name: name ?? "unknown" };
    known.set(Number(oid), element === null || element === undefined ? info : { ...info, element: Number(element) });
  }
  return known;
}
