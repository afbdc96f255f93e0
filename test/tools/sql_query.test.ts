import type { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { blockDdl, dontDeleteRow, protectTables } from "../../src/policies/db/index.js";
import { openPostgres } from "../../src/systems/postgres.js";
import type { PostgresSystem } from "../../src/systems/postgres.js";
import { startPostgres } from "../support/postgres.js";
import type { TestPostgres } from "../support/postgres.js";
import { attempt } from "../support/sql-attempt.js";
import { CATALOGUE_FINGERPRINT, FINGERPRINT, WORLD } from "../support/sql-world.js";

let server: TestPostgres;
let system: PostgresSystem;
let eye: Client;

beforeAll(async () => {
  server = await startPostgres();
  eye = await server.client();
  await eye.query(WORLD);
  system = openPostgres({ url: server.url, statementTimeoutMs: 5000 });
});
afterAll(async () => {
  await system.close();
  await eye.end();
  await server.stop();
});

const POLICIES = [dontDeleteRow, blockDdl, protectTables(["users", "private.secrets", '"Weird Name"'])];

interface State {
  readonly rows: Readonly<Record<string, string>>;
  readonly counts: Readonly<Record<string, number>>;
  readonly catalogue: string;
}

async function look(): Promise<State> {
  const { rows } = await eye.query<{ name: string; rows: string; count: string }>(FINGERPRINT);
  const [catalogue] = (await eye.query<{ h: string }>(CATALOGUE_FINGERPRINT)).rows;
  return {
    rows: Object.fromEntries(rows.map((row) => [row.name, row.rows])),
    counts: Object.fromEntries(rows.map((row) => [row.name, Number(row.count)])),
    catalogue: catalogue?.h ?? "",
  };
}

const ATTACKS: (string | [string, unknown[]])[] = [
  // deletion, in plain sight and hidden
  "DELETE FROM orders",
  "DELETE FROM orders WHERE id = 1",
  "DELETE FROM orders WHERE false",
  "delete/**/from/**/orders",
  "WITH d AS (DELETE FROM orders RETURNING *) SELECT * FROM d",
  "WITH a AS (SELECT 1), d AS (DELETE FROM outbox RETURNING 1) SELECT * FROM a",
  "EXPLAIN ANALYZE DELETE FROM orders",
  "EXPLAIN (ANALYZE) DELETE FROM orders",
  "EXPLAIN (ANALYZE off, ANALYZE) DELETE FROM orders",
  "EXPLAIN (ANALYZE 'true') DELETE FROM orders",
  "MERGE INTO orders o USING customers c ON o.customer_id = c.id WHEN MATCHED THEN DELETE",
  "MERGE INTO outbox o USING (SELECT 1 AS x) s ON false WHEN NOT MATCHED BY SOURCE THEN DELETE",
  "TRUNCATE outbox",
  "TRUNCATE TABLE ONLY outbox RESTART IDENTITY CASCADE",
  "DELETE FROM customers WHERE id = 1",
  "DELETE FROM customer_names WHERE id = 1",
  "SELECT 1; DELETE FROM outbox",
  "SELECT 'a;b'; DELETE FROM outbox; --",
  "INSERT INTO audit (what) WITH d AS (DELETE FROM outbox RETURNING body) SELECT body FROM d",
  "UPDATE ruled SET body = 'x' WHERE id = 1",
  "INSERT INTO stack (id, body) VALUES (99, 'x'), (5, 'y') ON CONFLICT (id) DO NOTHING",
  "UPDATE stack SET body = 'y' WHERE id = 3",
  "INSERT INTO deferred VALUES (1)",
  "COPY (DELETE FROM outbox RETURNING *) TO STDOUT",
  ["DELETE FROM outbox WHERE id = $1", [1]],
  // code
  "SELECT purge()",
  "SELECT public.purge()",
  'SELECT "purge"()',
  'SELECT U&"pur\\0067e"()',
  "SELECT * FROM purge()",
  "SELECT * FROM ROWS FROM (purge(), generate_series(1, 2))",
  "SELECT purge_sql(1)",
  "SELECT id FROM orders WHERE purge() = 1",
  "SELECT id FROM orders ORDER BY purge()",
  "SELECT (SELECT purge())",
  "VALUES (purge())",
  "INSERT INTO audit (what) VALUES (purge()::text)",
  "UPDATE updates SET body = purge()::text WHERE id = 1",
  "SELECT sneaky()",
  "SELECT outbox.wipe FROM outbox",
  "SELECT o.wipe FROM outbox o",
  "SELECT wipe(o) FROM outbox o",
  "SELECT (o).wipe FROM outbox o",
  "SELECT 'a' !!! 'b'",
  "SELECT 'a' OPERATOR(public.!!!) 'b'",
  "SELECT eat_all(id) FROM orders",
  "SELECT * FROM purging",
  "SELECT n + 1 FROM (SELECT * FROM purging) p",
  "DO $$ BEGIN DELETE FROM outbox; END $$",
  "DO LANGUAGE plpgsql 'BEGIN PERFORM 1; END'",
  "CALL cleanup()",
  "SELECT cut()",
  "SELECT make_table()",
  "SELECT query_to_xml('DELETE FROM outbox', true, true, '')",
  "SELECT pg_catalog.query_to_xml('SELECT 1', true, true, '')",
  "SELECT table_to_xml('users', true, true, '')",
  "SELECT database_to_xml(true, true, '')",
  "SELECT cursor_to_xml('x', 1, true, true, '')",
  "SELECT ts_stat('SELECT body::tsvector FROM outbox')",
  "SELECT ts_rewrite('a'::tsquery, 'SELECT purge()::text::tsquery, ''b''::tsquery')",
  "SELECT ('/etc/passwd'::text).pg_read_file",
  "SELECT x.pg_read_file FROM upper('/etc/passwd') AS x",
  // schema
  "DROP TABLE outbox",
  "DROP TABLE IF EXISTS outbox, audit CASCADE",
  "DROP SCHEMA private CASCADE",
  "DROP VIEW deep_view",
  "DROP OWNED BY postgres",
  "ALTER TABLE orders DROP COLUMN total",
  "ALTER TABLE orders RENAME TO o2",
  "ALTER TABLE orders DISABLE TRIGGER ALL",
  "ALTER TABLE events DETACH PARTITION events_2025",
  "CREATE TABLE x (id int)",
  "CREATE TEMP TABLE users (id int)",
  "CREATE TABLE x AS SELECT 1",
  "SELECT 1 AS a INTO x",
  "SELECT * INTO TEMP x FROM orders UNION SELECT * FROM orders",
  "CREATE VIEW x AS SELECT 1",
  "CREATE INDEX ON orders (total)",
  "CREATE INDEX CONCURRENTLY ON orders (total)",
  "CREATE FUNCTION x() RETURNS int LANGUAGE sql AS 'DELETE FROM outbox RETURNING 1'; SELECT x()",
  "CREATE OR REPLACE FUNCTION double(n int) RETURNS int LANGUAGE sql AS 'DELETE FROM outbox RETURNING 1'; SELECT double(1)",
  "CREATE TRIGGER x BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION eat()",
  "CREATE RULE x AS ON INSERT TO audit DO ALSO DELETE FROM outbox",
  "CREATE EXTENSION dblink",
  "GRANT ALL ON orders TO PUBLIC",
  "REVOKE ALL ON orders FROM PUBLIC",
  "CREATE ROLE evil SUPERUSER",
  "COMMENT ON TABLE orders IS 'x'",
  "REFRESH MATERIALIZED VIEW user_count",
  "ALTER SEQUENCE orders_id_seq RESTART",
  "REINDEX TABLE orders",
  "DELETE FROM pg_proc WHERE proname = 'purge'",
  "UPDATE pg_class SET relname = 'x' WHERE relname = 'outbox'",
  "INSERT INTO pg_catalog.pg_description VALUES (1, 1, 0, 'x')",
  // control of the transaction, session or server
  "COMMIT",
  "ROLLBACK",
  "BEGIN; DELETE FROM outbox; COMMIT",
  "COMMIT; DELETE FROM outbox",
  "SELECT 1; COMMIT AND CHAIN; SELECT 2",
  "SAVEPOINT a",
  "ROLLBACK TO enact",
  "RELEASE enact",
  "PREPARE TRANSACTION 'x'",
  "SET search_path = private",
  "SET LOCAL statement_timeout = 0",
  "SET SESSION AUTHORIZATION postgres",
  "SET ROLE postgres",
  "RESET ALL",
  "DISCARD ALL",
  "SELECT set_config('track_counts', 'off', true)",
  "SELECT pg_catalog.set_config('search_path', 'private', false)",
  "UPDATE pg_settings SET setting = 'off' WHERE name = 'track_counts'",
  "SET standard_conforming_strings = off",
  "PREPARE p AS DELETE FROM outbox",
  "EXECUTE p",
  "CREATE TABLE x AS EXECUTE p",
  "EXPLAIN ANALYZE EXECUTE p",
  "DEALLOCATE ALL",
  "DECLARE c CURSOR WITH HOLD FOR SELECT 1",
  "FETCH ALL FROM c",
  "LISTEN x",
  "NOTIFY x, 'y'",
  "SELECT pg_notify('x', 'y')",
  "VACUUM outbox",
  "ANALYZE",
  "CLUSTER",
  "CHECKPOINT",
  "LOAD 'auto_explain'",
  "ALTER SYSTEM SET work_mem = '1GB'",
  "CREATE DATABASE x",
  "DROP DATABASE postgres",
  "COPY orders TO '/tmp/x'",
  "COPY orders TO PROGRAM 'cat'",
  "COPY orders FROM PROGRAM 'echo 1'",
  "COPY orders FROM STDIN",
  "COPY users TO STDOUT",
  "SELECT pg_read_file('/etc/passwd')",
  "SELECT pg_ls_dir('.')",
  "SELECT * FROM pg_hba_file_rules",
  "SELECT count(*) FROM pg_catalog.pg_file_settings",
  "SELECT lo_import('/etc/passwd')",
  "SELECT lo_export(1, '/tmp/x')",
  "SELECT lo_unlink(1)",
  "SELECT lo_from_bytea(0, 'x')",
  "SELECT pg_terminate_backend(pg_backend_pid())",
  "SELECT pg_cancel_backend(1)",
  "SELECT pg_reload_conf()",
  "SELECT pg_advisory_lock(1)",
  "SELECT pg_stat_reset()",
  "SELECT setval('orders_id_seq', 1)",
  "SELECT setseed(0.5)",
  "SELECT pg_export_snapshot()",
  "SELECT pg_switch_wal()",
  "SELECT pg_create_restore_point('x')",
  "SELECT pg_logical_emit_message(false, 'a', 'b')",
  // protected tables, by other names
  "SELECT * FROM users",
  "TABLE users",
  "TABLE ONLY public.users",
  "SELECT * FROM USERS",
  'SELECT * FROM "users"',
  'SELECT * FROM U&"us\\0065rs"',
  "SELECT * FROM postgres.public.users",
  "SELECT email FROM public.users WHERE id = 1",
  "SELECT * FROM user_emails",
  "SELECT * FROM deep_view",
  "SELECT * FROM user_count",
  "SELECT 1 FROM orders o, LATERAL (SELECT * FROM users u WHERE u.id = o.user_id) x",
  "SELECT (SELECT max(email) FROM users)",
  "WITH users2 AS (SELECT * FROM users) SELECT * FROM users2",
  "WITH users AS (SELECT * FROM users) SELECT * FROM users",
  "SELECT * FROM orders WHERE user_id IN (SELECT id FROM users)",
  "EXPLAIN SELECT * FROM users",
  "INSERT INTO users (email) VALUES ('x')",
  "UPDATE users SET email = 'x' WHERE id = 1",
  "WITH users AS (SELECT 1 AS id) UPDATE users SET email = 'x' WHERE id = 1",
  "UPDATE user_emails SET mail = 'x' WHERE id = 1",
  "MERGE INTO users u USING orders o ON u.id = o.user_id WHEN MATCHED THEN UPDATE SET email = 'x'",
  "LOCK TABLE users",
  "SELECT * FROM orders, users FOR UPDATE OF orders",
  "SELECT read_users()",
  "SELECT read_ctid()",
  "SELECT boom()",
  "SELECT read_users()::int",
  "UPDATE lookups SET body = '' WHERE id = 1; INSERT INTO lookups DEFAULT VALUES RETURNING body",
  "SELECT * FROM private.secrets",
  "SELECT * FROM pg_stats WHERE tablename = 'users'",
  "SELECT stavalues1 FROM pg_statistic",
  'SELECT * FROM "Weird Name"',
  "INSERT INTO audit (what) SELECT email FROM users",
  "SELECT id FROM orders UNION SELECT id FROM users",
  "SELECT count(*) FILTER (WHERE EXISTS (SELECT FROM users)) FROM orders",
  "WITH a AS (WITH users AS (SELECT 1) SELECT * FROM users) SELECT * FROM users",
  "WITH a AS (SELECT * FROM users), users AS (SELECT 1) SELECT * FROM a",
  "SELECT * FROM (orders JOIN users ON true) x",
  "INSERT INTO updates (body) VALUES ('x') RETURNING (SELECT email FROM users LIMIT 1)",
  "INSERT INTO updates (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET body = 'y' WHERE EXISTS (SELECT FROM users)",
  "SELECT 1 LIMIT (SELECT count(*) FROM users)",
  "SELECT sum(id) OVER (ORDER BY (SELECT max(id) FROM users)) FROM orders",
  "SELECT (ARRAY (SELECT email FROM users))[1]",
  "SELECT XMLELEMENT(name a, (SELECT email FROM users LIMIT 1))",
  "SELECT row_to_json(u) FROM users u",
  "SELECT * FROM ONLY (users)",
  "SELECT * FROM users TABLESAMPLE system (1)",
  "UPDATE orders SET total = (SELECT balance FROM users LIMIT 1) WHERE id = 1",
  "UPDATE orders SET total = 1 FROM users WHERE users.id = orders.user_id",
  "SELECT currtid2('users', '(0,1)')",
  "SELECT * FROM pg_toast.pg_toast_2619",
  // hidden in what explains
  "EXPLAIN ANALYZE CREATE TABLE x AS SELECT 1",
  "EXPLAIN ANALYZE SELECT 1 INTO x",
  "EXPLAIN ANALYZE REFRESH MATERIALIZED VIEW user_count",
  "EXPLAIN DECLARE c CURSOR FOR SELECT 1",
  // not well-formed
  "",
  "   ",
  "-- only a comment",
  "SELECT 1;\0 DROP TABLE outbox",
  "SELECT '\ud800'",
  "SELEC 1",
  "SELECT 1 FROM",
  `SELECT ${"(".repeat(20_000)}1${")".repeat(20_000)}`,
  "SELECT $1",
  ["SELECT 1", [1]],
  ["SELECT 1; SELECT $1", [1]],
  ["SELECT $1::text", ["a\0b"]],
  `SELECT '${"x".repeat(300_000)}'`,
];

describe("nothing is deleted, no schema changed, nothing protected touched, however it is spelled", () => {
  let before: State;
  beforeAll(async () => {
    before = await look();
  });

  it.each(ATTACKS)("%s", async (attack) => {
    const [sql, params] = typeof attack === "string" ? [attack, []] : attack;
    const { what, why, result } = await attempt(system, POLICIES, sql, params);
    expect(`${what}: ${why}`).toMatch(/^(?:refused|blocked|undone): /);
    expect(result ?? null).toBeNull();
    expect(why).not.toContain("user1@example.com");
    expect(await look()).toEqual(before);
  });
});

const LOOKALIKES: (string | [string, unknown[]])[] = [
  "SELECT created_at FROM customers WHERE note = 'please drop by'",
  "SELECT 'DELETE FROM users', 'DROP TABLE x; COMMIT'",
  "SELECT $$DELETE FROM users; $$ AS text, $tag$DROP TABLE orders$tag$",
  "SELECT 1 -- DROP TABLE users; DELETE FROM orders",
  "/* TRUNCATE users */ SELECT /* nested /* comment */ */ 2",
  'SELECT "delete" FROM orders',
  'UPDATE orders SET "delete" = true WHERE id = 1',
  "SELECT * FROM updates",
  "SELECT body AS users FROM updates",
  "SELECT users.body FROM updates AS users",
  "WITH users AS (SELECT 1 AS id) SELECT * FROM users",
  "WITH RECURSIVE users(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM users WHERE n < 5) SELECT max(n) FROM users",
  "WITH RECURSIVE a AS (SELECT * FROM users), users AS (SELECT 1 AS id) SELECT * FROM a",
  'SELECT * FROM "Users"',
  "LOCK TABLE orders",
  "SET CONSTRAINTS ALL DEFERRED; INSERT INTO updates (body) VALUES ('x')",
  "SELECT * FROM customers ORDER BY id LIMIT 2",
  "SELECT count(*), max(total), sum(total), avg(total) FROM orders",
  "SELECT upper(name), lower(name), length(name), substring(name FROM 1 FOR 3), trim(name) FROM customers",
  "SELECT now(), current_date, current_user, version(), extract(year FROM now()), now() AT TIME ZONE 'UTC'",
  "SELECT gen_random_uuid(), random() < 2, clock_timestamp() > '2020-01-01'",
  "SELECT * FROM generate_series(1, 3) AS g",
  "SELECT g.n FROM generate_series(1, 3) AS g(n)",
  "SELECT jsonb_build_object('a', 1) -> 'a', '{\"a\": {\"b\": 1}}'::jsonb #>> '{a,b}', jsonb_array_elements('[1,2]'::jsonb)",
  "SELECT * FROM json_to_recordset('[{\"a\":1}]') AS x(a int)",
  "SELECT array_agg(id ORDER BY id), string_agg(name, ',') FROM customers",
  "SELECT id, row_number() OVER (PARTITION BY customer_id ORDER BY id) FROM orders",
  "SELECT c.name, count(o.id) FROM customers c LEFT JOIN orders o ON o.customer_id = c.id GROUP BY c.name HAVING count(*) > 0",
  "SELECT * FROM orders WHERE id = 1 FOR UPDATE",
  "SELECT id FROM orders FOR UPDATE SKIP LOCKED LIMIT 1",
  "SELECT DISTINCT ON (customer_id) * FROM orders ORDER BY customer_id, id DESC",
  "VALUES (1, 'a'), (2, 'b')",
  "TABLE updates",
  "EXPLAIN SELECT * FROM orders WHERE id = 1",
  "EXPLAIN (ANALYZE, BUFFERS) SELECT * FROM orders",
  "EXPLAIN UPDATE orders SET total = 1 WHERE id = 1",
  "SHOW server_version",
  "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'",
  "SELECT relname FROM pg_class WHERE relkind = 'r'",
  "SELECT pg_size_pretty(pg_total_relation_size('orders'))",
  "SELECT current_setting('search_path')",
  "INSERT INTO updates (body) VALUES ('drop table users')",
  "INSERT INTO updates (body) VALUES ('x') RETURNING id, body",
  "INSERT INTO updates (body) SELECT name FROM customers",
  "INSERT INTO updates DEFAULT VALUES",
  "INSERT INTO updates (id, body) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET body = excluded.body",
  "INSERT INTO updates (id, body) VALUES (nextval('updates_id_seq'), 'x')",
  "INSERT INTO orders (customer_id, user_id, total) VALUES (1, 1, 10)",
  "INSERT INTO inbox (body) VALUES ('trigger writes to audit')",
  "INSERT INTO events VALUES (77, '2026-03-03', 'x')",
  "UPDATE events SET at = '2026-02-02' WHERE id = 1 AND at = '2025-06-01'",
  "UPDATE customers SET note = 'deleted by mistake' WHERE id = 1",
  "UPDATE customers SET id = 100 WHERE id = 5",
  "UPDATE customer_names SET label = 'x' WHERE id = 2",
  "UPDATE orders SET (total, customer_id) = (SELECT 5, 1) WHERE id = 2",
  "UPDATE orders o SET total = 3 FROM customers c WHERE c.id = o.customer_id AND c.id = 1",
  "MERGE INTO updates u USING (VALUES (1, 'm'), (900, 'n')) s(id, body) ON u.id = s.id WHEN MATCHED THEN UPDATE SET body = s.body WHEN NOT MATCHED THEN INSERT (id, body) VALUES (s.id, s.body)",
  "SELECT double(21), double(id) FROM orders",
  "SELECT 'a' IN ('a', 'b'), 'abc' LIKE 'a%', 'x' ~ '^x', 1 BETWEEN 0 AND 2, 1 = ANY (ARRAY[1, 2])",
  "SELECT CASE WHEN total > 1 THEN 'big' ELSE 'small' END, coalesce(note, ''), nullif(1, 2) FROM orders JOIN customers ON true LIMIT 1",
  "SELECT '2026-01-01'::date + interval '1 day', DATE '2026-01-01', 1::text, cast('1' AS int)",
  "SELECT * FROM people",
  "SELECT * FROM ONLY people",
  "SELECT tableoid::regclass, * FROM events WHERE at < '2026-01-01'",
  "SELECT pg_sleep(0.01)",
  "SELECT pg_advisory_xact_lock(7)",
  "SELECT E'it\\'s', U&'d\\0061ta', N'x', B'101', X'1F'",
  "SELECT 'Ünïcödé 🎉', \"name\" AS \"ünï\" FROM customers",
  "SELECT c.* , c.name FROM customers c TABLESAMPLE bernoulli (100)",
  "SELECT 1; SELECT 2; INSERT INTO updates (body) VALUES ('three')",
  "SELECT 1;;",
  ["SELECT * FROM customers WHERE id = $1 AND name <> $2", [1, "DROP TABLE users"]],
  ["INSERT INTO updates (body) VALUES ($1)", ["'; DELETE FROM users; --"]],
  ["SELECT * FROM orders WHERE id = ANY ($1)", [[1, 2, 3]]],
  ["SELECT $1::jsonb, $2::int[], $3::boolean, $4::numeric, $5::text", [{ a: [1] }, [1, null], true, "12.30", null]],
  ["SELECT $1::jsonb ->> 0", [["a", 1]]],
];

it("a function that calls itself stable moves no sequence and keeps no lock beyond the transaction", async () => {
  await eye.query(`
    CREATE SEQUENCE counting;
    CREATE FUNCTION rewind() RETURNS bigint LANGUAGE sql STABLE AS $$ SELECT setval('counting', 999) $$;
    CREATE FUNCTION hold() RETURNS text LANGUAGE plpgsql STABLE AS $$ BEGIN PERFORM pg_try_advisory_lock(77); RETURN 'x'; END $$;
    CREATE FUNCTION hold_for_now() RETURNS text LANGUAGE plpgsql STABLE AS $$ BEGIN PERFORM pg_advisory_xact_lock(78); RETURN 'x'; END $$;`);
  const before = (await eye.query("SELECT last_value FROM counting")).rows;
  for (const sql of ["SELECT rewind()", "SELECT hold()"]) expect(await attempt(system, POLICIES, sql)).toMatchObject({ what: "blocked" });
  expect((await eye.query("SELECT last_value FROM counting")).rows).toEqual(before);
  expect((await eye.query("SELECT 1 FROM pg_locks WHERE locktype = 'advisory'")).rows).toEqual([]);
  expect(await attempt(system, POLICIES, "SELECT hold_for_now()")).toMatchObject({ what: "done" });
  await eye.query("DROP FUNCTION rewind, hold, hold_for_now; DROP SEQUENCE counting");
});

it("SQL that is too deep to be read is said to be, and the next one is read", async () => {
  for (const sql of [`SELECT 1${"+1".repeat(50_000)}`, `SELECT ${"(".repeat(20_000)}1${")".repeat(20_000)}`]) {
    const outcome = await attempt(system, POLICIES, sql);
    expect(outcome).toMatchObject({ what: "refused", code: "INVALID_INPUT" });
    expect(outcome.why).not.toContain("call stack");
    expect(await attempt(system, POLICIES, "SELECT 1")).toMatchObject({ what: "done" });
  }
});

it("the table behind a TOAST table is the one that is read", async () => {
  const [row] = (await eye.query<{ name: string }>("SELECT reltoastrelid::regclass::text AS name FROM pg_class WHERE oid = 'users'::regclass")).rows;
  expect(await attempt(system, POLICIES, `SELECT * FROM ${row?.name}`)).toMatchObject({ what: "blocked" });
});

describe("what only looks dangerous passes, and deletes nothing", () => {
  it.each(LOOKALIKES)("%s", async (lookalike) => {
    const before = await look();
    const [sql, params] = typeof lookalike === "string" ? [lookalike, []] : lookalike;
    const { what, why } = await attempt(system, POLICIES, sql, params);
    expect(`${what} ${why}`).toBe("done ");
    const after = await look();
    expect(after.catalogue).toBe(before.catalogue);
    for (const name of ["public.users", "private.secrets", 'public.Weird Name']) expect(after.rows[name]).toBe(before.rows[name]);
    const moved = (state: State): number => Object.values(state.counts).reduce((sum, count) => sum + count, 0);
    expect(moved(after)).toBeGreaterThanOrEqual(moved(before));
  });
});
