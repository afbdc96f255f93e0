/**
 * What the catalogue knows about the names of a call, in one row of one prepared statement.
 *
 * $1 relations as quoted SQL names; $2 the same for those that are only named with ONLY; $3 names of functions;
 * $4 names of operators; $5 those of $1 and $2 whose rows are changed (foreign keys are followed from them).
 *
 * `walk` goes from each relation to what reading or writing it touches: v a view's relations, r those of its other rules, c partitions and
 * children, p their parents (a partition is a part of its parent, but not of its siblings), t the table of an index or TOAST table.
 */
export const CATALOGUE_SQL = `
WITH RECURSIVE
named AS (
  SELECT n.name, n.how, pg_catalog.to_regclass(n.name)::pg_catalog.oid AS oid
  FROM (SELECT pg_catalog.unnest($1::text[]) AS name, 'n' AS how
        UNION ALL SELECT pg_catalog.unnest($2::text[]), 'o') n
),
walk(src, oid, how) AS (
  SELECT NULL::pg_catalog.oid, named.oid, named.how FROM named WHERE named.oid IS NOT NULL
  UNION
  SELECT w.oid, e.oid, e.how FROM walk w CROSS JOIN LATERAL (
    SELECT d.refobjid AS oid, CASE WHEN r.ev_type = '1' THEN 'v' ELSE 'r' END AS how
      FROM pg_catalog.pg_rewrite r
      JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = r.oid
        AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid <> r.ev_class
      WHERE r.ev_class = w.oid AND w.how IN ('n', 'o', 'v', 'r', 'c')
    UNION ALL
    SELECT i.inhparent, 'p' FROM pg_catalog.pg_inherits i WHERE i.inhrelid = w.oid AND w.how <> 'c'
    UNION ALL
    SELECT i.inhrelid, 'c' FROM pg_catalog.pg_inherits i WHERE i.inhparent = w.oid AND w.how IN ('n', 'v', 'r', 'c')
    UNION ALL
    SELECT t.oid, 't' FROM pg_catalog.pg_class s, pg_catalog.pg_class t
      WHERE s.oid = w.oid AND s.relkind = 't' AND w.how IN ('n', 'o') AND t.reltoastrelid = s.oid
    UNION ALL
    SELECT x.indrelid, 't' FROM pg_catalog.pg_index x WHERE x.indexrelid = w.oid AND w.how IN ('n', 'o')
  ) e
),
reached AS (SELECT DISTINCT oid FROM walk),
relations AS (
  SELECT c.oid, n.nspname, c.relname, c.relkind,
    CASE WHEN c.relkind IN ('v', 'm') AND c.oid >= 16384 THEN pg_catalog.pg_get_viewdef(c.oid) END AS definition,
    CASE WHEN c.relkind IN ('r', 'v', 'm', 'f', 'p') AND EXISTS (SELECT FROM walk w WHERE w.oid = c.oid AND w.how <> 'c') THEN (
      SELECT pg_catalog.json_agg(pg_catalog.json_build_array(a.attname, a.attnotnull, b.typname,
          CASE WHEN a.attgenerated <> '' THEN (
            SELECT coalesce(pg_catalog.json_agg(s.attname ORDER BY s.attnum), '[]') FROM pg_catalog.pg_attrdef e
            JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND d.objid = e.oid
              AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = c.oid AND d.refobjsubid <> a.attnum
            JOIN pg_catalog.pg_attribute s ON s.attrelid = c.oid AND s.attnum = d.refobjsubid
            WHERE e.adrelid = c.oid AND e.adnum = a.attnum) END) ORDER BY a.attnum)
      FROM pg_catalog.pg_attribute a
      JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
      JOIN pg_catalog.pg_type b ON b.oid = CASE WHEN t.typbasetype <> 0 THEN t.typbasetype ELSE t.oid END
      WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    ) END AS columns,
    CASE WHEN c.relhastriggers THEN (
      SELECT pg_catalog.json_agg(pg_catalog.json_build_array(g.tgname, g.tgfoid, g.tgtype) ORDER BY g.oid)
      FROM pg_catalog.pg_trigger g WHERE g.tgrelid = c.oid AND NOT g.tgisinternal AND g.tgenabled <> 'D'
    ) END AS triggers,
    CASE WHEN c.relhasrules AND c.oid >= 16384 THEN (
      SELECT pg_catalog.json_agg(pg_catalog.json_build_array(r.rulename, r.ev_type, pg_catalog.pg_get_ruledef(r.oid)) ORDER BY r.oid)
      FROM pg_catalog.pg_rewrite r WHERE r.ev_class = c.oid AND r.ev_type <> '1' AND r.ev_enabled <> 'D'
    ) END AS rules,
    CASE WHEN c.relkind = 'f' THEN (
      SELECT f.ftoptions::text FROM pg_catalog.pg_foreign_table f WHERE f.ftrelid = c.oid
    ) END AS foreign_options
  FROM reached JOIN pg_catalog.pg_class c ON c.oid = reached.oid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
),
keys(child, parent, deletes, updates, columns, child_columns) AS (
  SELECT k.conrelid, k.confrelid, k.confdeltype, k.confupdtype, k.confkey, k.conkey
    FROM pg_catalog.pg_constraint k
    WHERE pg_catalog.cardinality($5::text[]) > 0 AND k.contype = 'f' AND k.conparentid = 0 AND k.confrelid IN (SELECT oid FROM reached)
  UNION
  SELECT k.conrelid, k.confrelid, k.confdeltype, k.confupdtype, k.confkey, k.conkey
    FROM keys JOIN pg_catalog.pg_constraint k ON k.contype = 'f' AND k.conparentid = 0 AND k.confrelid = keys.child
    WHERE keys.deletes = 'c'
),
near AS (SELECT oid FROM reached UNION SELECT child FROM keys),
implied AS (
  SELECT d.refobjid AS oid, o.relation, o.why
  FROM (
    SELECT 'pg_catalog.pg_rewrite'::pg_catalog.regclass::pg_catalog.oid AS class, r.oid, r.ev_class AS relation, CASE WHEN r.ev_type = '1' THEN 'view' ELSE 'rule' END AS why FROM pg_catalog.pg_rewrite r JOIN near ON near.oid = r.ev_class
    UNION ALL SELECT 'pg_catalog.pg_attrdef'::pg_catalog.regclass, d.oid, d.adrelid, 'default' FROM pg_catalog.pg_attrdef d JOIN near ON near.oid = d.adrelid
    UNION ALL SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass, k.oid, k.conrelid, 'check' FROM pg_catalog.pg_constraint k JOIN near ON near.oid = k.conrelid WHERE k.contype = 'c'
    UNION ALL SELECT 'pg_catalog.pg_policy'::pg_catalog.regclass, p.oid, p.polrelid, 'policy' FROM pg_catalog.pg_policy p JOIN near ON near.oid = p.polrelid
  ) o
  JOIN pg_catalog.pg_depend d ON d.classid = o.class AND d.objid = o.oid AND d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass
  UNION
  SELECT g.tgfoid, g.tgrelid, 'trigger' FROM pg_catalog.pg_trigger g JOIN near ON near.oid = g.tgrelid WHERE NOT g.tgisinternal AND g.tgenabled <> 'D'
),
wanted AS (
  SELECT p.oid FROM pg_catalog.pg_proc p WHERE p.proname = ANY ($3::text[])
  UNION SELECT oid FROM implied
  UNION SELECT o.oprcode FROM pg_catalog.pg_operator o WHERE o.oprname = ANY ($4::text[]) AND o.oid >= 16384 AND o.oprcode >= 16384
)
SELECT pg_catalog.pg_current_snapshot()::text,
  pg_catalog.json_build_object(
  'recovery', pg_catalog.pg_is_in_recovery(),
  'database', pg_catalog.current_database(),
  'path', pg_catalog.current_schemas(true),
  'search_path', pg_catalog.current_setting('search_path'),
  'named', (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(name, oid, how) ORDER BY name, how) FROM named),
  'walk', (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(src, oid, how) ORDER BY src, oid, how) FROM walk WHERE src IS NOT NULL),
  'relations', (SELECT pg_catalog.json_agg(pg_catalog.json_build_object('oid', oid, 'schema', nspname, 'name', relname, 'kind', relkind,
      'definition', definition, 'columns', columns, 'triggers', triggers, 'rules', rules, 'foreign_options', foreign_options) ORDER BY oid) FROM relations),
  'keys', (SELECT pg_catalog.json_agg(pg_catalog.json_build_object('child', k.child, 'parent', k.parent, 'deletes', k.deletes, 'updates', k.updates,
      'child_name', pg_catalog.json_build_array(cn.nspname, c.relname), 'parent_name', pg_catalog.json_build_array(pn.nspname, p.relname),
      'columns', (SELECT pg_catalog.json_agg(a.attname ORDER BY a.attnum) FROM pg_catalog.pg_attribute a WHERE a.attrelid = k.parent AND a.attnum = ANY (k.columns)),
      'child_columns', (SELECT pg_catalog.json_agg(a.attname ORDER BY a.attnum) FROM pg_catalog.pg_attribute a WHERE a.attrelid = k.child AND a.attnum = ANY (k.child_columns)))
      ORDER BY k.parent, k.child)
    FROM keys k JOIN pg_catalog.pg_class c ON c.oid = k.child JOIN pg_catalog.pg_namespace cn ON cn.oid = c.relnamespace
    JOIN pg_catalog.pg_class p ON p.oid = k.parent JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace),
  'implied', (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(oid, relation, why) ORDER BY oid, relation, why) FROM implied),
  'operators', (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(o.oprname, o.oprcode::pg_catalog.oid) ORDER BY o.oid)
    FROM pg_catalog.pg_operator o WHERE o.oprname = ANY ($4::text[]) AND o.oid >= 16384 AND o.oprcode >= 16384),
  'functions', (SELECT pg_catalog.json_agg(pg_catalog.json_build_object('oid', p.oid, 'schema', n.nspname, 'name', p.proname,
      'kind', p.prokind,
      'volatility', CASE WHEN p.prokind = 'a' THEN coalesce((SELECT pg_catalog.max(q.provolatile::text) FROM pg_catalog.pg_aggregate g
          JOIN pg_catalog.pg_proc q ON q.oid IN (g.aggtransfn, g.aggfinalfn, g.aggcombinefn, g.aggmtransfn, g.aggminvtransfn, g.aggmfinalfn)
          WHERE g.aggfnoid = p.oid), 'i') ELSE p.provolatile::text END,
      'language', l.lanname, 'trusted', l.lanpltrusted, 'args', p.pronargs, 'defaults', p.pronargdefaults, 'variadic', p.provariadic <> 0,
      'extension', (SELECT e.extname FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
          WHERE p.oid >= 16384 AND d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid
            AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.deptype = 'e'),
      'source', CASE WHEN p.oid >= 16384 AND l.lanname NOT IN ('c', 'internal') THEN coalesce(pg_catalog.pg_get_function_sqlbody(p.oid), p.prosrc) END,
      'settings', p.proconfig) ORDER BY p.oid)
    FROM wanted JOIN pg_catalog.pg_proc p ON p.oid = wanted.oid JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
    JOIN pg_catalog.pg_language l ON l.oid = p.prolang)
  )::text
`;

/** Must be the first column of {@link CATALOGUE_SQL}, computed the same way. */
export const SNAPSHOT_SQL = "SELECT pg_catalog.pg_current_snapshot()::text";
