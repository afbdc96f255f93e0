import fc from "fast-check";
import { Client } from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import type { JsonObject } from "../../src/facts/json.js";
import { openPostgres } from "../../src/systems/postgres.js";
import type { PostgresSystem } from "../../src/systems/postgres.js";
import { sqlQueryTool } from "../../src/tools/sql_query.js";
import type { Execution, UndoableRun } from "../../src/tools/tool.js";
import { startPostgres } from "../support/postgres.js";
import type { TestPostgres } from "../support/postgres.js";
import { executed, planned } from "../support/tool-calls.js";
import { MemoryUndo } from "../support/undo.js";

/** Cascades, triggers, numbers of PostgreSQL's own, keys of two columns, a table that points to itself, partitions. */
const WORLD = `
DROP SCHEMA public CASCADE; CREATE SCHEMA public;
CREATE TABLE customers (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text UNIQUE, name text, boss int REFERENCES customers,
  orders_count int NOT NULL DEFAULT 0);
CREATE TABLE orders (id bigserial PRIMARY KEY, customer_id int NOT NULL REFERENCES customers ON DELETE CASCADE, total numeric(12, 2),
  doubled numeric GENERATED ALWAYS AS (total * 2) STORED);
CREATE TABLE lines (order_id bigint REFERENCES orders ON DELETE CASCADE ON UPDATE CASCADE, no int, note text, PRIMARY KEY (order_id, no));
CREATE TABLE kinds (k text PRIMARY KEY, b bytea, j jsonb, a int[], t timestamptz, f float8, i interval, "odd ""name" text, n numeric, u uuid, bits bit varying, d date);
CREATE TABLE parted (id int, region text, v text, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE parted_eu PARTITION OF parted FOR VALUES IN ('eu'); CREATE TABLE parted_us PARTITION OF parted FOR VALUES IN ('us');
CREATE TABLE audit (id serial PRIMARY KEY, what text);
CREATE TABLE keyless (v int);
CREATE FUNCTION count_orders() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF TG_OP <> 'INSERT' THEN UPDATE customers SET orders_count = orders_count - 1 WHERE id = OLD.customer_id; END IF;
  IF TG_OP <> 'DELETE' THEN UPDATE customers SET orders_count = orders_count + 1 WHERE id = NEW.customer_id; END IF;
  RETURN NULL; END $$;
CREATE TRIGGER counting AFTER INSERT OR DELETE OR UPDATE OF customer_id ON orders FOR EACH ROW EXECUTE FUNCTION count_orders();
INSERT INTO customers (email, name, boss) SELECT 'c' || g || '@example.com', 'Name ' || g, NULL FROM generate_series(1, 6) g;
UPDATE customers SET boss = 1 WHERE id IN (2, 3); UPDATE customers SET boss = 2 WHERE id = 4;
INSERT INTO orders (customer_id, total) SELECT 1 + g % 5, g * 10 + 0.5 FROM generate_series(1, 10) g;
INSERT INTO lines SELECT o.id, n, 'line ' || n FROM orders o, generate_series(1, 2) n;
INSERT INTO kinds VALUES ('a', '\\x00ff225c', '{"x": [1, null, "q\\"uote"]}', '{1,NULL,3}', '2026-11-22 12:00:00.123456+05', 0.1, '1 year 2 days 03:04:05.6', NULL, 12345678901234567890.123, '00000000-0000-0000-0000-000000000001', B'101', '2026-02-28'),
  ('b', '', 'null', '{}', 'infinity', 'NaN', '-1 day', 'NULL', 'NaN', NULL, B'', '-infinity'), ('c "quoted", {x}', NULL, NULL, NULL, NULL, '-0', NULL, E'line\\nbreak \\\\ "', NULL, NULL, NULL, NULL);
INSERT INTO parted VALUES (1, 'eu', 'one'), (2, 'us', 'two'), (3, 'eu', 'three');
INSERT INTO keyless VALUES (1), (1), (2);
`;

/** Every row of every table, as PostgreSQL itself writes it. */
const LOOK = ["customers", "orders", "lines", "kinds", "parted", "audit", "keyless"].map((name) => `SELECT '${name}' AS name, x::text AS row FROM ${name} x`).join(" UNION ALL ");

const call = { signal: new AbortController().signal, now: new Date(0), undoBytes: 10_000_000 };
const control = { signal: call.signal, judge: () => Promise.resolve(true), undo: new MemoryUndo() };
const like = (text: string): unknown => expect.stringContaining(text);

let server: TestPostgres;
let system: PostgresSystem;
let eye: Client;

beforeAll(async () => {
  server = await startPostgres();
  eye = await server.client();
});
beforeEach(async () => {
  await system?.close();
  await eye.query(WORLD);
  // Whatever one writes of volatile functions, these triggers are the person's own.
  system = openPostgres({ url: server.url, statementTimeoutMs: 5000, functions: ["count_orders", "log_it", "touch"] });
});
afterAll(async () => {
  await system.close();
  await eye.end();
  await server.stop();
});

const look = async () => (await eye.query(`${LOOK} ORDER BY 1, 2`)).rows as unknown;

async function ran(sql: string, params: readonly unknown[] = [], room = 10_000_000): Promise<UndoableRun> {
  const plan = await planned(sqlQueryTool, { sql, params }, system.reader, { undoBytes: room });
  const undo = new MemoryUndo(room);
  const execution = await executed(sqlQueryTool, plan.step, system.writer, { undo });
  const payload = plan.payload as unknown as JsonObject;
  return { run_id: "0123456789", workflow: "sql_query", payload, actions: execution.actions, outcome: payload, kept: undo.kept() };
}

const planUndo = (run: UndoableRun) => sqlQueryTool.undo?.plan(run, system.reader, call);

async function undone(run: UndoableRun): Promise<Execution | undefined> {
  const plan = await planUndo(run);
  return sqlQueryTool.undo?.execute(plan?.step ?? null, system.writer, control, run.kept);
}

const STATEMENTS: readonly string[] = [
  "DELETE FROM lines WHERE no = 2",
  "DELETE FROM orders WHERE id < 4",
  "DELETE FROM customers WHERE id = 5",
  "UPDATE customers SET name = upper(name), email = 'x-' || email WHERE id > 2",
  "UPDATE customers SET boss = NULL",
  "UPDATE lines SET no = no + 10 WHERE order_id = 3",
  "UPDATE orders SET id = id + 1000 WHERE id = 2",
  "UPDATE orders SET customer_id = 1 WHERE customer_id <> 1",
  "INSERT INTO customers (email, name) VALUES ('new@example.com', 'New'), ('new2@example.com', NULL)",
  "INSERT INTO orders (customer_id, total) SELECT id, 99.99 FROM customers",
  "WITH gone AS (DELETE FROM orders WHERE id = 1 RETURNING customer_id, total) INSERT INTO orders (customer_id, total) SELECT customer_id, total + 1 FROM gone",
  "INSERT INTO customers (email, name) VALUES ('c1@example.com', 'Other') ON CONFLICT (email) DO UPDATE SET name = excluded.name",
  "DELETE FROM kinds",
  "UPDATE kinds SET b = NULL, j = '{}', a = '{9}', t = now(), f = 1.5, i = '1 hour', n = 1, \"odd \"\"name\" = 'set'",
  "UPDATE kinds SET k = k || '!'",
  "INSERT INTO kinds (k) VALUES ('new'); DELETE FROM kinds WHERE k = 'a'; UPDATE kinds SET d = '2000-01-01' WHERE k = 'new'",
  "UPDATE parted SET region = 'us' WHERE id = 1",
  "DELETE FROM parted WHERE region = 'eu'; INSERT INTO parted VALUES (9, 'us', 'nine')",
  "DELETE FROM customers WHERE id = 6; INSERT INTO customers (email, name) VALUES ('c6@example.com', 'Takes the address of the one before')",
  "MERGE INTO customers c USING (VALUES ('c1@example.com', 'Merged'), ('m@example.com', 'Made')) v(email, name) ON c.email = v.email WHEN MATCHED THEN UPDATE SET name = v.name WHEN NOT MATCHED THEN INSERT (email, name) VALUES (v.email, v.name)",
  "INSERT INTO orders (customer_id, total) VALUES (2, 1); DELETE FROM orders WHERE total = 1",
];

describe("every row is as it was before", () => {
  test.each(STATEMENTS)("after undoing %s", async (sql) => {
    const before = await look();
    const run = await ran(sql);
    const [action] = run.actions;
    expect(action).toMatchObject({ success: true });
    const after = await look();
    if (JSON.stringify(after) === JSON.stringify(before)) {
      await expect(undone(run)).rejects.toMatchObject({ code: "REFUSED" });
      return;
    }
    expect(action?.reversible).toBe(true);
    const execution = await undone(run);
    expect(execution?.actions).toMatchObject([{ action: "put_rows_back", success: true }]);
    expect(execution?.measured).toBeUndefined();
    expect(await look()).toEqual(before);
  });

  test("after one of many statements in a row, undone in the opposite order, whatever they were", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.constantFrom(...STATEMENTS.filter((sql) => !/now\(\)/.test(sql))), { minLength: 2, maxLength: 4 }), async (list) => {
        await eye.query(WORLD);
        const states: unknown[] = [];
        const runs: UndoableRun[] = [];
        for (const sql of list) {
          const before = await look();
          const run = await ran(sql).catch(() => undefined);
          if (run === undefined || JSON.stringify(before) === JSON.stringify(await look())) continue;
          states.push(before);
          runs.push(run);
        }
        for (const run of runs.toReversed()) {
          await undone(run);
          expect(await look()).toEqual(states.pop());
        }
      }),
      { numRuns: 8, seed: 20261122 },
    );
  }, 60_000);
});

describe("what others have done since is not lost", () => {
  const changes: readonly (readonly [string, string, string])[] = [
    ["UPDATE customers SET name = 'x' WHERE id = 1", "UPDATE customers SET name = 'y' WHERE id = 1", "customers (id) = (1) was changed"],
    ["UPDATE customers SET name = 'x' WHERE id = 6", "DELETE FROM customers WHERE id = 6", "was deleted"],
    ["DELETE FROM kinds WHERE k = 'a'", "INSERT INTO kinds (k) VALUES ('a')", "is there again"],
    ["INSERT INTO kinds (k) VALUES ('n')", "UPDATE kinds SET d = now() WHERE k = 'n'", "was changed"],
    ["DELETE FROM kinds WHERE k = 'a'", "ALTER TABLE kinds ADD COLUMN extra int", "was altered"],
    ["DELETE FROM kinds WHERE k = 'a'", "ALTER TABLE kinds RENAME TO sorts", "was altered or dropped"],
  ];
  test.each(changes)("%s, then %s", async (sql, then, says) => {
    const run = await ran(sql);
    await eye.query(then);
    const state = async () => (await eye.query("SELECT string_agg(c::text, '|' ORDER BY id) FROM customers c")).rows as unknown;
    const left = await state();
    await expect(undone(run)).rejects.toMatchObject({ code: "STALE_PLAN", message: like(says) });
    expect(await state()).toEqual(left);
  });

  test("a row that others have built on is not taken away with what they built", async () => {
    const run = await ran("INSERT INTO customers (email, name) VALUES ('new@example.com', 'New')");
    await eye.query("INSERT INTO orders (customer_id, total) SELECT id, 5 FROM customers WHERE email = 'new@example.com'");
    await eye.query("UPDATE customers SET orders_count = 0 WHERE email = 'new@example.com'");
    const left = await look();
    await expect(undone(run)).rejects.toMatchObject({ code: "STALE_PLAN", message: like("depends on rows that would go") });
    expect(await look()).toEqual(left);
  });

  test("nor when it changes between look and act", async () => {
    const run = await ran("UPDATE customers SET name = 'x' WHERE id = 1");
    const plan = await planUndo(run);
    await eye.query("UPDATE customers SET name = 'y' WHERE id = 1");
    await expect(sqlQueryTool.undo?.execute(plan?.step ?? null, system.writer, control, run.kept)).rejects.toMatchObject({ code: "STALE_PLAN" });
  });

  test("rows that others changed at the same time are not taken for the run's", async () => {
    const other = await server.client();
    await other.query("BEGIN; UPDATE customers SET name = 'theirs' WHERE id = 4; SELECT * FROM customers WHERE id = 3 FOR UPDATE");
    const run = await ran("UPDATE customers SET name = 'ours' WHERE id = 1");
    await other.query("COMMIT");
    await other.end();
    const plan = await planUndo(run);
    expect(plan?.payload["changes"]).toEqual(["customers: 1 row set back to the values before"]);
    await undone(run);
    expect((await eye.query("SELECT name FROM customers WHERE id IN (1, 4) ORDER BY id")).rows).toEqual([{ name: "Name 1" }, { name: "theirs" }]);
  });
});

describe("another database", () => {
  test("the same rows in a copy of it are not the run's, neither when looking nor when acting", async () => {
    const run = await ran("INSERT INTO audit (what) VALUES ('n')");
    const plan = await planUndo(run);
    const home = system;
    await eye.query("DROP DATABASE IF EXISTS copied");
    await eye.query("CREATE DATABASE copied");
    const url = new URL(server.url);
    url.pathname = "/copied";
    const copied = new Client({ connectionString: url.href });
    await copied.connect();
    system = openPostgres({ url: url.href });
    try {
      await copied.query("CREATE TABLE audit (id serial PRIMARY KEY, what text); INSERT INTO audit (what) VALUES ('n')");
      await expect(planUndo(run)).rejects.toMatchObject({ code: "STALE_PLAN", message: like("and the database is") });
      await expect(sqlQueryTool.undo?.execute(plan?.step ?? null, system.writer, control, run.kept)).rejects.toMatchObject({ code: "STALE_PLAN" });
      expect((await copied.query("SELECT what FROM audit")).rows).toEqual([{ what: "n" }]);
    } finally {
      await copied.end();
      await system.close();
      system = home;
    }
    await undone(run);
    expect((await eye.query("SELECT what FROM audit")).rows).toEqual([]);
  });
});

describe("what a person who approves an undoing sees", () => {
  test("is every row with its values; of very many rows the keys", async () => {
    const plan = await planUndo(await ran("UPDATE customers SET name = 'x' WHERE id = 1"));
    const row = (name: string) => expect.arrayContaining(["1", "c1@example.com", name]) as unknown;
    expect(plan?.step).toMatchObject({ keys_only: false, tables: [{ name: "customers", updated: [[row("Name 1"), row("x")]] }] });

    const many = await planUndo(await ran("INSERT INTO kinds (k, \"odd \"\"name\") SELECT 'k' || g, repeat('x', 300) FROM generate_series(1, 5000) g"));
    const step = many?.step as { keys_only: boolean; tables: { columns: unknown[]; inserted: unknown[][] }[] };
    expect(step.keys_only).toBe(true);
    expect(step.tables[0]?.columns).toEqual([["k", "text", false]]);
    expect(step.tables[0]?.inserted).toHaveLength(5000);
  });
});

describe("what cannot be undone is said", () => {
  test("before it runs: reading, changes of the schema, and with nothing kept", async () => {
    const reversal = async (sql: string, undoBytes = 1000) => (await planned(sqlQueryTool, { sql }, system.reader, { undoBytes })).reversal;
    expect(await reversal("SELECT 1")).toBeNull();
    expect(await reversal("DROP TABLE keyless")).toMatchObject({ possible: false, how: like("schema") });
    expect(await reversal("TRUNCATE keyless")).toMatchObject({ possible: false });
    expect(await reversal("DELETE FROM kinds WHERE k = 'a'", 0)).toMatchObject({ possible: false });
    expect(await reversal("DELETE FROM kinds WHERE k = 'a'")).toMatchObject({ possible: true });
  });

  test.each([
    ["DELETE FROM keyless WHERE v = 2", "keyless: it has no primary key"],
    ["INSERT INTO kinds (k, b) SELECT 'big', decode(repeat('ab', 3000000), 'hex')", "more was changed than is kept"],
    ["INSERT INTO kinds (k) SELECT 'k' || g FROM generate_series(1, 25000) g", "more was changed than is kept"],
  ])("in the receipt, after it: %s", async (sql, why) => {
    const run = await ran(sql);
    expect(run.actions[0]).toMatchObject({ success: true, reversible: false, output: { not_kept: why.includes("more") ? like(why) : why } });
    await expect(undone(run)).rejects.toMatchObject({ code: "REFUSED", message: like("not kept") });
  });

  test("a table with row-level security is left alone: its policies run code", async () => {
    await eye.query("ALTER TABLE kinds ENABLE ROW LEVEL SECURITY");
    const run = await ran("DELETE FROM kinds WHERE k = 'a'");
    expect(run.actions[0]?.output["not_kept"]).toMatch(/row-level security/);
  });

  test("a trigger that sets a value anew, and one that writes elsewhere", async () => {
    await eye.query(`
      ALTER TABLE kinds ADD COLUMN touched int NOT NULL DEFAULT 0;
      CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.touched = OLD.touched + 1; RETURN NEW; END $$;
      CREATE TRIGGER touching BEFORE UPDATE ON kinds FOR EACH ROW EXECUTE FUNCTION touch();
      CREATE FUNCTION log_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO audit (what) VALUES (TG_OP); RETURN NULL; END $$;
      CREATE TRIGGER logging AFTER INSERT OR UPDATE OR DELETE ON kinds FOR EACH ROW EXECUTE FUNCTION log_it();`);
    const execution = await undone(await ran("UPDATE kinds SET d = '2000-01-01' WHERE k = 'a'"));
    expect(execution?.measured).toEqual({ not_undone: [like("kinds.touched of 1 row")] });
    expect((await eye.query("SELECT d::text FROM kinds WHERE k = 'a'")).rows).toEqual([{ d: "2026-02-28" }]);
  });

  test("a keeper that fails keeps the statement from running", async () => {
    const before = await look();
    const plan = await planned(sqlQueryTool, { sql: "DELETE FROM kinds" }, system.reader, { undoBytes: 1000 });
    const undo = { room: 1_000_000, put: () => Promise.reject(new Error("the disk is full")) };
    await expect(executed(sqlQueryTool, plan.step, system.writer, { undo })).rejects.toThrow("the disk is full");
    expect(await look()).toEqual(before);
  });

  test("planning an undo changes nothing, not even a counter of transactions", async () => {
    const run = await ran("DELETE FROM kinds WHERE k = 'a'");
    const xid = async () => (await eye.query("SELECT pg_snapshot_xmax(pg_current_snapshot())::text")).rows as unknown;
    const before = [await look(), await xid()];
    await planUndo(run);
    expect([await look(), await xid()]).toEqual(before);
  });
});
