import type { Bench } from "../../../systems/postgres/choice.js";

/** A column, as far as making values for it goes; of a domain, the type below it. */
export interface TrialColumn {
  readonly name: string;
  readonly notNull: boolean;
  /** No two rows have the same value. */
  readonly isUnique: boolean;
  /** With its modifier, as SQL writes it: `character varying(20)`. */
  readonly sql: string;
  readonly type: TrialType;
  /** pg_attribute.atttypmod; -1 without a modifier. */
  readonly modifier: number;
}

export interface TrialType {
  readonly name: string;
  /** pg_type.typcategory, and e for an enum. */
  readonly category: string;
  /** Of an array, what it is made of. */
  readonly element: { readonly name: string; readonly category: string } | undefined;
  /** Of an enum, or of an array of one. */
  readonly labels: readonly string[];
}

const COLUMNS_SQL = `
WITH RECURSIVE base(relation, number, oid, modifier, strict) AS (
  SELECT a.attrelid, a.attnum, a.atttypid, a.atttypmod, a.attnotnull FROM pg_catalog.pg_attribute a
    WHERE a.attrelid = ANY ($1::pg_catalog.oid[]) AND a.attnum > 0 AND NOT a.attisdropped
  UNION ALL
  SELECT b.relation, b.number, t.typbasetype, t.typtypmod, b.strict OR t.typnotnull
    FROM base b JOIN pg_catalog.pg_type t ON t.oid = b.oid WHERE t.typtype = 'd'
)
SELECT b.relation::text, a.attname::text, b.strict::text, pg_catalog.format_type(b.oid, b.modifier), b.modifier::text, t.typname::text,
  CASE WHEN t.typtype = 'e' THEN 'e' ELSE t.typcategory::text END, e.typname::text,
  CASE WHEN e.typtype = 'e' THEN 'e' ELSE e.typcategory::text END,
  EXISTS (SELECT FROM pg_catalog.pg_index x WHERE x.indrelid = b.relation AND x.indisunique AND x.indnkeyatts = 1 AND x.indkey[0] = b.number AND x.indpred IS NULL)::text,
  (SELECT pg_catalog.json_agg(l.enumlabel ORDER BY l.enumsortorder)::text FROM pg_catalog.pg_enum l WHERE l.enumtypid IN (t.oid, e.oid))
FROM base b
JOIN pg_catalog.pg_type t ON t.oid = b.oid AND t.typtype <> 'd'
JOIN pg_catalog.pg_attribute a ON a.attrelid = b.relation AND a.attnum = b.number
LEFT JOIN pg_catalog.pg_type e ON t.typcategory = 'A' AND e.oid = t.typelem
ORDER BY b.relation, b.number`;

/** The columns of relations, by oid. */
export async function columnsOf(oids: readonly string[], bench: Bench): Promise<ReadonlyMap<string, readonly TrialColumn[]> | undefined> {
  const rows = await bench.ask(COLUMNS_SQL, { values: [`{${oids.join()}}`], ownPath: true });
  if (rows === undefined) return undefined;
  const found = new Map<string, TrialColumn[]>(oids.map((oid) => [oid, []]));
  for (const row of rows) {
    const [relation, name, notNull, sql, modifier, type, category, element, elementCategory, isUnique, labels] = row.map((value) => value ?? "");
    found.get(String(relation))?.push({
      name: String(name),
      notNull: notNull === "true",
      isUnique: isUnique === "true",
      sql: String(sql),
      modifier: Number(modifier),
      type: {
        name: String(type),
        category: String(category),
        element: element === "" ? undefined : { name: String(element), category: String(elementCategory) },
        labels: labels === "" ? [] : (JSON.parse(String(labels)) as string[]),
      },
    });
  }
  return found;
}

/** A relation that a condition names. */
export interface TrialRelation {
  readonly name: string;
  readonly oid: string;
  /** same: the target, a part of it or what it is a part of. over: a view that shows it. system: PostgreSQL's own. */
  readonly role: "same" | "over" | "system" | "other";
  /** Of a view over the target. */
  readonly definition: string;
}

const RELATIONS_SQL = `
WITH RECURSIVE
up(oid) AS (SELECT $2::pg_catalog.oid UNION SELECT i.inhparent FROM up JOIN pg_catalog.pg_inherits i ON i.inhrelid = up.oid),
down(oid) AS (SELECT $2::pg_catalog.oid UNION SELECT i.inhrelid FROM down JOIN pg_catalog.pg_inherits i ON i.inhparent = down.oid),
family AS (SELECT oid FROM up UNION SELECT oid FROM down),
above(oid) AS (
  SELECT oid FROM family
  UNION
  SELECT r.ev_class FROM above
  JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = above.oid
    AND d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
  JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid AND r.ev_type = '1'
)
SELECT n.name, c.oid::text,
  CASE WHEN c.oid IN (SELECT oid FROM family) THEN 'same' WHEN c.oid < 16384 THEN 'system'
    WHEN c.relkind = 'v' AND c.oid IN (SELECT oid FROM above) THEN 'over' ELSE 'other' END,
  CASE WHEN c.relkind = 'v' AND c.oid >= 16384 THEN pg_catalog.pg_get_viewdef(c.oid) END
FROM pg_catalog.unnest($1::text[]) AS n(name) JOIN pg_catalog.pg_class c ON c.oid = pg_catalog.to_regclass(n.name)`;

/** What relations these names mean, seen from a change of the target. */
export async function relationsOf(names: readonly string[], target: string, bench: Bench): Promise<ReadonlyMap<string, TrialRelation> | undefined> {
  const rows = await bench.ask(RELATIONS_SQL, { values: [bench.list(names), target] });
  return rows && new Map(rows.map(([name, oid, role, definition]) => [String(name), { name, oid, role, definition: definition ?? "" } as TrialRelation]));
}

const EFFECTS_SQL = `
SELECT 1 FROM pg_catalog.pg_proc p WHERE p.proname = ANY ($1::text[]) AND p.provolatile = 'v' AND p.oid >= 16384 LIMIT 1`;

/** Whether one of these names is that of a function with side effects: it must not be called for a trial. */
export async function haveEffects(names: readonly string[], bench: Bench): Promise<boolean> {
  if (names.length === 0) return false;
  const rows = await bench.ask(EFFECTS_SQL, { values: [bench.list(names)], ownPath: true });
  return rows === undefined || rows.length > 0;
}

const LEAVES_SQL = `
WITH RECURSIVE down(oid) AS (SELECT $1::pg_catalog.oid UNION SELECT i.inhrelid FROM down JOIN pg_catalog.pg_inherits i ON i.inhparent = down.oid)
SELECT oid::text FROM down JOIN pg_catalog.pg_class c USING (oid) WHERE c.relkind <> 'p'`;

/** Tables that rows of this one may lie in. */
export async function leavesOf(target: string, bench: Bench): Promise<readonly string[]> {
  const rows = await bench.ask(LEAVES_SQL, { values: [target], ownPath: true });
  return (rows ?? []).map(([oid]) => String(oid));
}
