import type { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { SqlQueryPayload } from "../../src/facts/sql.js";
import { contractorCannotWritePii, dontReadSensitiveTables } from "../../src/policies/access/index.js";
import { dontDeleteRow, dontDeleteWithoutWhere, dontUpdateWithoutWhere, maxRowsAffected, protectTables, protectTablesWith } from "../../src/policies/db/index.js";
import type { Policy } from "../../src/policies/policy.js";
import { openPostgres } from "../../src/systems/postgres.js";
import type { PostgresSystem } from "../../src/systems/postgres.js";
import { sqlQueryTool } from "../../src/tools/sql_query.js";
import { startPostgres } from "../support/postgres.js";
import type { TestPostgres } from "../support/postgres.js";
import { judge } from "../../src/guard/judge.js";
import type { JsonObject } from "../../src/facts/json.js";
import { attempt } from "../support/sql-attempt.js";
import { WORLD } from "../support/sql-world.js";
import { executed, planned } from "../support/tool-calls.js";

let server: TestPostgres;
let system: PostgresSystem;
let eye: Client;
beforeAll(async () => {
  server = await startPostgres();
  eye = await server.client();
  await eye.query(WORLD);
  await eye.query(`
    CREATE TABLE staff (id serial PRIMARY KEY, name text, ssn text, "Email" text, note text, updated_at timestamptz, doubled int GENERATED ALWAYS AS (1) STORED);
    INSERT INTO staff (name, ssn) VALUES ('a', '1'), ('b', '2');
    CREATE TRIGGER touch BEFORE UPDATE ON staff FOR EACH ROW EXECUTE FUNCTION touch_updated();
    CREATE VIEW staff_view AS SELECT id, ssn AS number, note AS remark FROM staff;
    CREATE VIEW staff_view2 AS SELECT number AS n2, remark FROM staff_view;
    CREATE TABLE messy (id serial PRIMARY KEY, ssn text, note text);
    INSERT INTO messy (ssn) VALUES ('1');
    CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.ssn := 'x'; RETURN NEW; END $$;
    CREATE TRIGGER meddles BEFORE UPDATE ON messy FOR EACH ROW EXECUTE FUNCTION meddle();
    CREATE TABLE cause (id int);
    CREATE FUNCTION spread() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE staff SET ssn = 'hidden' WHERE id = 1; RETURN NULL; END $$;
    CREATE TRIGGER spreads AFTER INSERT ON cause FOR EACH ROW EXECUTE FUNCTION spread();
    CREATE TABLE logins (name text PRIMARY KEY, note text); INSERT INTO logins VALUES ('a', 'x'), ('b', 'x');
    CREATE TABLE profiles (id int, ssn text REFERENCES logins ON UPDATE CASCADE ON DELETE SET NULL); INSERT INTO profiles VALUES (1, 'a'), (2, 'b');
    CREATE TABLE later (id int PRIMARY KEY, ssn text, note text); INSERT INTO later VALUES (1, '1', 'x');
    CREATE FUNCTION after_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF pg_trigger_depth() < 2 THEN UPDATE later SET ssn = 'y' WHERE id = NEW.id; END IF; RETURN NULL; END $$;
    CREATE TRIGGER after_it AFTER UPDATE ON later FOR EACH ROW EXECUTE FUNCTION after_it();
    CREATE TABLE by_rule (id int, ssn text); INSERT INTO by_rule VALUES (1, '1');
    CREATE RULE also AS ON INSERT TO by_rule DO ALSO UPDATE by_rule SET ssn = 'z' WHERE id = 1;
    CREATE TABLE made (id int PRIMARY KEY, part text, other text, ssn text GENERATED ALWAYS AS (part || '-') STORED); INSERT INTO made VALUES (1, 'a', 'b');`);
  system = openPostgres({ url: server.url });
});
afterAll(async () => {
  await system.close();
  await eye.end();
  await server.stop();
});

async function facts(sql: string, params: unknown[] = []): Promise<SqlQueryPayload> {
  return (await planned(sqlQueryTool, { sql, params }, system.reader)).payload;
}

/** What the guard says of a contractor's call, after it ran and before it is committed. */
async function contractor(sql: string, policy: Policy): Promise<boolean> {
  const identity = { user_email: "c@example.com", actor_role: "agent", user_attributes: { role: "contractor" } };
  const judged = (payload: unknown): boolean =>
    judge([{ name: "pii", policy }], { workflow: "sql_query", identity, payload: payload as JsonObject, now: new Date(), history: { runs: () => [], count: () => 0 }, approval: null }).passed;
  const plan = await planned(sqlQueryTool, { sql }, system.reader);
  if (!judged(plan.payload)) return false;
  let passed = false;
  await executed(sqlQueryTool, plan.step, system.writer, {
    judge: async (measured) => {
      passed = judged(measured);
      return false;
    },
  });
  return passed;
}

describe("columns that are written are found", () => {
  it.each([
    ["UPDATE staff SET ssn = 'x' WHERE id = 1", ["public.staff.ssn"]],
    ["UPDATE staff SET (note, ssn) = ('a', 'b') WHERE id = 1", ["public.staff.note", "public.staff.ssn"]],
    ['UPDATE staff SET "Email" = NULL WHERE id = 1', ['public.staff."Email"']],
    ["UPDATE staff_view SET number = 'x' WHERE id = 1", ["public.staff.ssn", "public.staff_view.number"]],
    ["UPDATE staff_view2 SET n2 = 'x'", ["public.staff.ssn", "public.staff_view.number", "public.staff_view2.n2"]],
    ["INSERT INTO staff (name) VALUES ('x')", ["public.staff.name"]],
    ["INSERT INTO staff VALUES (9, 'x', 'y')", ["public.staff.id", "public.staff.name", "public.staff.ssn"]],
    ["INSERT INTO staff DEFAULT VALUES", []],
    ["INSERT INTO staff (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET ssn = 'x'", ["public.staff.id", "public.staff.ssn"]],
    ["MERGE INTO staff s USING (SELECT 1 AS x) y ON s.id = y.x WHEN MATCHED THEN UPDATE SET ssn = 'z'", ["public.staff.ssn"]],
    ["WITH u AS (UPDATE staff SET ssn = 'q' RETURNING 1) SELECT * FROM u", ["public.staff.ssn"]],
    ["DELETE FROM staff WHERE id = 1", []],
    ["SELECT ssn FROM staff", []],
    ["EXPLAIN UPDATE staff SET ssn = 'x'", []],
  ])("%s", async (sql, columns) => {
    expect((await facts(sql)).columns_written).toEqual(columns);
  });

  it("all of them where nobody says which", async () => {
    expect((await facts("INSERT INTO messy SELECT * FROM messy")).columns_written).toEqual(["public.messy.id", "public.messy.note", "public.messy.ssn"]);
  });
});

describe("a contractor does not write personal data, however", () => {
  const policy = contractorCannotWritePii(["SSN", "staff.email"]);
  it.each([
    "UPDATE staff SET ssn = 'x' WHERE id = 1",
    "UPDATE staff SET \"Email\" = 'x' WHERE id = 1",
    "UPDATE staff_view2 SET n2 = 'x'",
    "INSERT INTO staff VALUES (9, 'x', 'y')",
    "INSERT INTO staff SELECT 10, 'x', 'y'",
    "UPDATE messy SET note = 'x' WHERE id = 1",
    "INSERT INTO cause VALUES (1)",
    "ALTER TABLE staff RENAME COLUMN ssn TO x; UPDATE staff SET x = 'y' WHERE id = 1",
    "UPDATE logins SET name = 'c' WHERE name = 'a'",
    "DELETE FROM logins WHERE name = 'b'",
    "UPDATE later SET note = 'y' WHERE id = 1",
    "INSERT INTO by_rule (id) VALUES (2)",
    "UPDATE made SET part = 'c' WHERE id = 1",
    "INSERT INTO made (id, part) VALUES (2, 'd')",
  ])("blocked: %s", async (sql) => {
    expect(await contractor(sql, policy)).toBe(false);
  });
  it.each([
    "UPDATE staff SET note = 'ssn' WHERE id = 1",
    "UPDATE staff_view SET remark = 'x' WHERE id = 1",
    "INSERT INTO staff (name, note) VALUES ('x', 'ssn')",
    "SELECT ssn FROM staff",
    "DELETE FROM staff WHERE ssn = '1'",
    "INSERT INTO inbox (body) VALUES ('ssn')",
    "UPDATE logins SET note = 'y' WHERE name = 'a'",
    "INSERT INTO logins VALUES ('z', 'ssn')",
    "UPDATE made SET other = 'c' WHERE id = 1",
    "DELETE FROM later WHERE id = 1",
    "UPDATE events SET at = '2026-08-08' WHERE id = 3 AND at = '2025-06-01'",
  ])("passes: %s", async (sql) => {
    expect(await contractor(sql, policy)).toBe(true);
  });
});

describe("reads and writes are told apart", () => {
  it.each<[string, Policy, string]>([
    ["SELECT * FROM users", protectTablesWith({ tables: ["users"], access: "write" }), "done"],
    ["UPDATE users SET balance = 1 WHERE id = 1", protectTablesWith({ tables: ["users"], access: "write" }), "blocked"],
    ["INSERT INTO users (email) VALUES ('new')", protectTablesWith({ tables: ["users"], access: "write" }), "blocked"],
    ["INSERT INTO audit (what) SELECT email FROM users", protectTablesWith({ tables: ["users"], access: "write" }), "done"],
    ["INSERT INTO inbox (body) VALUES ('x')", protectTablesWith({ tables: ["audit"], access: "write" }), "undone"],
    ["INSERT INTO private.secrets VALUES (70, 'x')", dontReadSensitiveTables(["secrets"]), "done"],
    ["INSERT INTO private.secrets VALUES (71, 'x') RETURNING id", dontReadSensitiveTables(["private.secrets"]), "done"],
    ["INSERT INTO private.secrets VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET value = secrets.value RETURNING value", dontReadSensitiveTables(["secrets"]), "blocked"],
    ["UPDATE private.secrets SET value = 'x' RETURNING value", dontReadSensitiveTables(["secrets"]), "blocked"],
    ["DELETE FROM private.secrets WHERE id = 70 RETURNING value", dontReadSensitiveTables(["secrets"]), "blocked"],
    ["SELECT read_users()", dontReadSensitiveTables(["users"]), "undone"],
    ["SELECT read_ctid()", dontReadSensitiveTables(["users"]), "undone"],
    ["SELECT boom()", dontReadSensitiveTables(["users"]), "undone"],
    ["SELECT boom()", dontReadSensitiveTables(["orders"]), "failed"],
    ["INSERT INTO lookups (body) VALUES ('x')", dontReadSensitiveTables(["users"]), "undone"],
    ["INSERT INTO orders (user_id) VALUES (1)", dontReadSensitiveTables(["users"]), "done"],
    ["INSERT INTO orders (user_id) VALUES (1)", protectTables(["users"]), "done"],
    ["SELECT * FROM events_2025", protectTables(["events"]), "blocked"],
    ["SELECT * FROM events", protectTables(["events_2026"]), "blocked"],
    ["SELECT * FROM events_2025", protectTables(["events_2026"]), "done"],
    ["SELECT * FROM ONLY people", protectTables(["employees"]), "done"],
    ["SELECT * FROM people", protectTables(["employees"]), "blocked"],
    ["SELECT salary FROM employees", protectTables(["people"]), "blocked"],
  ])("%s", async (sql, policy, what) => {
    const outcome = await attempt(system, [policy], sql);
    expect(`${outcome.what} ${what === "done" ? outcome.why : ""}`.trim()).toBe(what);
  });
});

describe("counts are PostgreSQL's own", () => {
  it.each<[string, number, string]>([
    ["UPDATE updates SET body = 'x' WHERE id IN (1, 2)", 2, "done"],
    ["UPDATE updates SET body = 'x' WHERE id IN (1, 2, 3)", 2, "undone"],
    ["INSERT INTO updates (body) SELECT 'x' FROM generate_series(1, 3)", 2, "undone"],
    ["DELETE FROM customers WHERE id = 3", 2, "undone"],
    ["DELETE FROM customers WHERE id = 3", 3, "done"],
    ["SELECT * FROM updates", 0, "done"],
    // No rows are counted for these: zero must not be believed.
    ["TRUNCATE updates", 1000, "undone"],
    ["DROP TABLE updates", 1000, "undone"],
    ["CREATE TABLE counted (id int); INSERT INTO counted VALUES (1); DROP TABLE counted", 1000, "done"],
  ])("%s: at most %i", async (sql, max, what) => {
    expect((await attempt(system, [maxRowsAffected(max)], sql)).what).toBe(what);
  });

  it("a row that moves to another partition is not deleted", async () => {
    const outcome = await attempt(system, [dontDeleteRow], "UPDATE events SET at = '2026-09-09' WHERE id = 2 AND at = '2025-06-01'");
    expect(outcome.payload).toMatchObject({ rows_moved: 1, rows_deleted: 0, rows_affected: 1 });
    expect(outcome.what).toBe("done");
  });
});

describe("WHERE", () => {
  it.each<[string, Policy, boolean]>([
    ["DELETE FROM outbox", dontDeleteWithoutWhere, false],
    ["DELETE FROM outbox WHERE id IS NOT NULL", dontDeleteWithoutWhere, false],
    ["DELETE FROM outbox WHERE body IS NOT NULL", dontDeleteWithoutWhere, true],
    ["DELETE FROM outbox WHERE id = 77", dontDeleteWithoutWhere, true],
    ["TRUNCATE outbox", dontDeleteWithoutWhere, false],
    ["UPDATE outbox SET body = 'x'", dontDeleteWithoutWhere, true],
    ["UPDATE outbox SET body = 'x'", dontUpdateWithoutWhere, false],
    ["UPDATE outbox SET body = 'x' WHERE 1=1 OR id = 4", dontUpdateWithoutWhere, false],
    ["WITH u AS (UPDATE outbox SET body = 'x' RETURNING 1) SELECT 1", dontUpdateWithoutWhere, false],
    ["EXPLAIN UPDATE outbox SET body = 'x'", dontUpdateWithoutWhere, true],
    ["INSERT INTO outbox (id) VALUES (900) ON CONFLICT (id) DO UPDATE SET body = 'x'", dontUpdateWithoutWhere, true],
    ["UPDATE outbox SET body = 'x' WHERE id = 1; UPDATE outbox SET body = 'y'", dontUpdateWithoutWhere, false],
    ["DO $$ BEGIN DELETE FROM outbox; END $$", dontDeleteWithoutWhere, false],
  ])("%s", async (sql, policy, passes) => {
    const { what } = await attempt(system, [policy], sql);
    expect(what).toBe(passes ? "done" : "blocked");
  });
});

describe("code that tries to blind the count is counted all the same", () => {
  const EVIL = `CREATE TABLE blinds (id int); CREATE SCHEMA evil;
    INSERT INTO outbox (id, body) SELECT g, 'x' FROM generate_series(5001, 5005) g;
    CREATE FUNCTION evil.nothing(bigint, bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$ SELECT 0::bigint $$;
    CREATE OPERATOR evil.+ (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = evil.nothing);
    CREATE FUNCTION blind() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      DELETE FROM outbox WHERE id > 5000;
      %s
      RETURN NEW;
    END $$;
    CREATE TRIGGER blinds BEFORE INSERT ON blinds FOR EACH ROW EXECUTE FUNCTION blind()`;
  it.each([
    ["by other prepared statements under the guard's names", "EXECUTE 'DEALLOCATE ALL'; EXECUTE 'PREPARE enact_counters AS SELECT 1::text WHERE false'; EXECUTE 'PREPARE enact_rollback AS SELECT 1'; EXECUTE 'PREPARE enact_commit AS SELECT 1';"],
    ["by operators of its own", "PERFORM set_config('search_path', 'evil, pg_catalog, public', true);"],
  ])("%s", async (_how, code) => {
    await eye.query(EVIL.replace("%s", () => code));
    const insert = "INSERT INTO blinds VALUES (1)";
    for (let call = 0; call < 3; call += 1) expect((await attempt(system, [dontDeleteRow], insert)).what).toBe("undone");
    expect((await eye.query("SELECT FROM outbox WHERE id > 5000")).rowCount).toBe(5);
    await eye.query("DELETE FROM outbox WHERE id > 5000; DROP TABLE blinds; DROP FUNCTION blind; DROP SCHEMA evil CASCADE");
  });
});

describe("where the schema may be changed, what is protected stays so", () => {
  it.each<[string, Policy, string]>([
    ["DROP SCHEMA private CASCADE", dontDeleteRow, "undone"],
    ["ALTER TABLE outbox RENAME TO z; DELETE FROM z", dontDeleteRow, "blocked"],
    ["CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'DELETE FROM outbox RETURNING 1'; SELECT f()", dontDeleteRow, "blocked"],
    ["CREATE TRIGGER x BEFORE INSERT ON people FOR EACH ROW EXECUTE FUNCTION eat(); INSERT INTO people (id) VALUES (900)", dontDeleteRow, "undone"],
    ["ALTER TABLE updates ALTER COLUMN id TYPE bigint", dontDeleteRow, "done"],
    ["CREATE TABLE fresh (id int); INSERT INTO fresh VALUES (1)", dontDeleteRow, "done"],
    ["DROP SCHEMA private CASCADE", protectTables(["secrets"]), "undone"],
    ["GRANT ALL ON ALL TABLES IN SCHEMA public TO pg_monitor", protectTables(["users"]), "undone"],
    ["ALTER SCHEMA public RENAME TO p2; SELECT * FROM p2.users", protectTables(["public.users"]), "undone"],
    ["ALTER TABLE users RENAME TO z; SELECT * FROM z", protectTables(["users"]), "blocked"],
    ["COMMENT ON COLUMN users.email IS 'x'", protectTables(["users"]), "blocked"],
    ["DROP INDEX users_email_key", protectTables(["users"]), "blocked"],
    ["ALTER INDEX users_pkey RENAME TO q", protectTables(["users"]), "blocked"],
    ["CREATE TABLE l (LIKE users)", protectTables(["users"]), "blocked"],
    ["CREATE TABLE l AS SELECT * FROM users", protectTablesWith({ tables: ["users"], access: "write" }), "done"],
  ])("%s", async (sql, policy, what) => {
    const outcome = await attempt(system, [policy], sql);
    expect(`${outcome.what} ${what === "done" ? outcome.why : ""}`.trim()).toBe(what);
  });
});
