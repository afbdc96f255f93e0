import { createServer, connect } from "node:net";
import type { AddressInfo, Server } from "node:net";

import type { Client } from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";

import { openPostgres } from "../../src/systems/postgres.js";
import type { PostgresSystem } from "../../src/systems/postgres.js";
import { sqlQueryTool } from "../../src/tools/sql_query.js";
import { startPostgres } from "../support/postgres.js";
import type { TestPostgres } from "../support/postgres.js";
import { attempt } from "../support/sql-attempt.js";
import { executed, planned } from "../support/tool-calls.js";

let server: TestPostgres;
let system: PostgresSystem;
let eye: Client;

beforeAll(async () => {
  server = await startPostgres();
  eye = await server.client();
  system = openPostgres({ url: server.url, statementTimeoutMs: 1000, maxRows: 100, maxBytes: 10_000, functions: ["vouched", "app.also", "finish"] });
});
afterAll(async () => {
  await system.close();
  await eye.end();
  await server.stop();
});
beforeEach(async () => {
  await eye.query("DROP SCHEMA public CASCADE; CREATE SCHEMA public; DROP SCHEMA IF EXISTS app CASCADE; CREATE SCHEMA app");
  await eye.query("CREATE TABLE t (id int PRIMARY KEY, a text); INSERT INTO t SELECT g, 'a' || g FROM generate_series(1, 5) g");
});

interface Result {
  readonly command: string;
  readonly columns: { name: string; type: string }[];
  readonly rows: unknown[];
  readonly truncated: boolean;
  readonly rows_affected?: number;
  readonly previous?: Result[];
}

async function done(sql: string, params: unknown[] = []): Promise<Result> {
  const outcome = await attempt(system, [], sql, params);
  expect(`${outcome.what} ${outcome.why}`).toBe("done ");
  return outcome.result as Result;
}
const rowsOf = async (sql: string): Promise<unknown[]> => (await eye.query<Record<string, unknown>>(sql)).rows;

describe("values keep what they are", () => {
  it.each<[string, unknown]>([
    ["9007199254740993::bigint", "9007199254740993"],
    ["0.10::numeric", "0.10"],
    ["'NaN'::numeric", "NaN"],
    ["123::int", 123],
    ["1.5::float8", 1.5],
    ["'NaN'::float8", "NaN"],
    ["'-Infinity'::float4", "-Infinity"],
    ["'-0'::float8", "-0"],
    ["true", true],
    ["NULL::int", null],
    ["'2026-11-22 12:00:00.123456+00'::timestamptz AT TIME ZONE 'UTC'", "2026-11-22T12:00:00.123456"],
    ["'infinity'::timestamptz", "infinity"],
    ["'0044-03-15 BC'::date", "0044-03-15 BC"],
    ["'12:30'::time", "12:30:00"],
    ["'1 day'::interval", "1 day"],
    ["'\\x00ff'::bytea", "\\x00ff"],
    ["'{\"a\": [1, null]}'::jsonb", { a: [1, null] }],
    ["'null'::jsonb", { $json: "null" }],
    ["'9007199254740993'::jsonb", { $json: "9007199254740993" }],
    ["'1.10'::jsonb", 1.1],
    ["'{\"a\": 1, \"a\": 2}'::json", { $json: '{"a": 1, "a": 2}' }],
    ["'\"\\ud800\"'::json", { $json: '"\\ud800"' }],
    ["'{\"__proto__\": 1}'::jsonb", JSON.parse('{"__proto__": 1}')],
    ["'{\"$json\": 1}'::jsonb", { $json: '{"$json": 1}' }],
    ["ARRAY[1, NULL, 3]", [1, null, 3]],
    ["ARRAY['a,b', 'NULL', 'q\"\\', '']", ["a,b", "NULL", 'q"\\', ""]],
    ["ARRAY[[1, 2], [3, 4]]", [[1, 2], [3, 4]]],
    ["'{}'::text[]", []],
    ["ARRAY['{\"a\": 1}'::jsonb]", [{ a: 1 }]],
    ["'[0:1]={1,2}'::int[]", "[0:1]={1,2}"],
    ["ARRAY[9007199254740993]", ["9007199254740993"]],
    ["'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"],
    ["'[1,5)'::int4range", "[1,5)"],
    ["ROW(1, 'a')", "(1,a)"],
    ["'12.50'::money::numeric", "12.50"],
    ["pg_sleep(0)", null],
    ["'Ünï 🎉'::text", "Ünï 🎉"],
  ])("%s", async (expression, expected) => {
    const { rows } = await done(`SELECT ${expression} AS value`);
    expect(rows).toEqual([{ value: expected }]);
  });

  it("says the types of the columns, of a server's own types as well", async () => {
    await eye.query("CREATE TYPE mood AS ENUM ('sad', 'glad'); CREATE DOMAIN age AS int");
    const { columns, rows } = await done("SELECT 'sad'::mood AS m, ARRAY['glad'::mood] AS ms, 5::age AS a, now() AS n, 1::bigint AS b");
    expect(columns.map(({ type }) => type)).toEqual(["public.mood", "public.mood[]", "integer", "timestamp with time zone", "bigint"]);
    expect(rows[0]).toMatchObject({ m: "sad", ms: ["glad"], a: 5 });
  });

  it("loses no column when two share a name", async () => {
    expect((await done("SELECT 1 AS x, 2 AS x")).rows).toEqual([[1, 2]]);
    expect((await done('SELECT 1 AS "__proto__"')).rows).toEqual([JSON.parse('{"__proto__": 1}')]);
  });

  it("takes parameters as what the statement wants", async () => {
    await eye.query("CREATE TABLE p (i int, n numeric, j jsonb, a text[], b boolean, t timestamptz, d jsonb)");
    await done("INSERT INTO p VALUES ($1, $2, $3, $4, $5, $6, $7)", [5, "12345678901234567890.10", [1, { a: 2 }], ['x"y', null], false, "2026-01-01T00:00:00Z", { k: "v" }]);
    expect(await rowsOf("SELECT i, n, j, a, b, d FROM p")).toEqual([
      { i: 5, n: "12345678901234567890.10", j: [1, { a: 2 }], a: ['x"y', null], b: false, d: { k: "v" } },
    ]);
  });

  it("gives every statement's result", async () => {
    const result = await done("SELECT 1 AS a; UPDATE t SET a = 'x' WHERE id < 3; SELECT 2 AS b");
    expect(result.rows).toEqual([{ b: 2 }]);
    expect(result.previous).toMatchObject([{ rows: [{ a: 1 }] }, { command: "UPDATE", rows_affected: 2 }]);
  });
});

describe("a result has bounds", () => {
  it("of rows: ten million cost no more than a hundred", async () => {
    const { rows, truncated } = await done("SELECT generate_series(1, 10000000)");
    expect([rows.length, truncated]).toEqual([100, true]);
    const exact = await done("SELECT * FROM generate_series(1, 100)");
    expect([exact.rows.length, exact.truncated]).toEqual([100, false]);
  });

  it("of bytes", async () => {
    const { rows, truncated } = await done("SELECT repeat('x', 1000) AS x FROM generate_series(1, 50)");
    expect([rows.length, truncated]).toEqual([10, true]);
  });

  it("but a change is done whole, whatever of it is shown", async () => {
    const { rows, truncated } = await done("INSERT INTO t SELECT g, 'x' FROM generate_series(1001, 1500) g RETURNING id");
    expect([rows.length, truncated]).toEqual([100, true]);
    expect(await rowsOf("SELECT count(*)::int AS n FROM t")).toEqual([{ n: 505 }]);
  });

  it("a value too large for the memory ends the call, not the server", async () => {
    const patient = openPostgres({ url: server.url });
    const outcome = await attempt(patient, [], "SELECT repeat('x', 100000000)");
    expect(outcome).toMatchObject({ what: "failed" });
    expect(outcome.why).toMatch(/larger than 64 MB/);
    expect(await attempt(patient, [], "SELECT 1 AS x")).toMatchObject({ result: { rows: [{ x: 1 }] } });
    await patient.close();
  });
});

describe("nothing is half done", () => {
  it("one failed statement undoes those before it", async () => {
    const outcome = await attempt(system, [], "UPDATE t SET a = 'x'; SELECT 1/0");
    expect(outcome).toMatchObject({ what: "failed", code: "ACTION_FAILED" });
    expect(outcome.why).toMatch(/Statement 2.*division by zero/);
    expect(await rowsOf("SELECT count(*)::int AS n FROM t WHERE a = 'x'")).toEqual([{ n: 0 }]);
  });

  it("a statement that takes too long is cancelled", async () => {
    const outcome = await attempt(system, [], "UPDATE t SET a = 'x'; SELECT pg_sleep(20)");
    expect(outcome).toMatchObject({ what: "failed", code: "TIMEOUT" });
    expect(await rowsOf("SELECT count(*)::int AS n FROM t WHERE a = 'x'")).toEqual([{ n: 0 }]);
  });

  it("the caller can give up", async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 100);
    const started = Date.now();
    const outcome = await attempt(system, [], "UPDATE t SET a = 'x'; SELECT pg_sleep(0.9)", [], controller.signal);
    expect(outcome.what).toBe("failed");
    expect(Date.now() - started).toBeLessThan(800);
    expect(await rowsOf("SELECT count(*)::int AS n FROM t WHERE a = 'x'")).toEqual([{ n: 0 }]);
  });

  it("a lock held by another is not waited for without end", async () => {
    const other = await server.client();
    await other.query("BEGIN; LOCK TABLE t");
    expect(await attempt(system, [], "SELECT * FROM t")).toMatchObject({ what: "failed", code: "TIMEOUT" });
    await other.end();
  });

  it("a constraint that waits for COMMIT is checked before it is judged", async () => {
    await eye.query("CREATE TABLE d (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)");
    const outcome = await attempt(system, [], "INSERT INTO d VALUES (1), (1)");
    expect(outcome).toMatchObject({ what: "failed", code: "ACTION_FAILED" });
    expect(await rowsOf("SELECT * FROM d")).toEqual([]);
  });

  it("PostgreSQL's DETAIL, which holds values of rows, is not passed on", async () => {
    const { why } = await attempt(system, [], "INSERT INTO t VALUES (1, 'secret-value')");
    expect(why).toMatch(/duplicate key/);
    expect(why).not.toMatch(/\(id\)=\(1\)|secret-value/);
  });
});

describe("nothing leaks from one call to the next", () => {
  it.each([
    ["a temporary table", "CREATE TEMP TABLE leak (x int)", "SELECT to_regclass('leak')::text AS left"],
    ["an advisory lock", "SELECT vouched('SELECT pg_advisory_lock(42)')", "SELECT count(*)::int AS left FROM pg_locks WHERE locktype = 'advisory'"],
    ["a setting", "SELECT vouched('SET search_path = app')", "SELECT nullif(current_setting('search_path'), '\"$user\", public') AS left"],
    ["a role", "SELECT vouched('SET ROLE pg_monitor')", "SELECT nullif(current_user::text, 'postgres') AS left"],
    ["a prepared statement", "SELECT vouched('PREPARE leak AS SELECT 1')", "SELECT count(*)::int AS left FROM pg_prepared_statements WHERE name = 'leak'"],
    ["a sequence's last value", "SELECT nextval('s')", "SELECT currval('s') AS left"],
  ])("%s", async (_what, first, then) => {
    await eye.query("CREATE SEQUENCE s; CREATE FUNCTION vouched(q text) RETURNS int LANGUAGE plpgsql AS $$ BEGIN EXECUTE q; RETURN 1; END $$");
    await done(first);
    for (let call = 0; call < 3; call += 1) {
      const outcome = await attempt(system, [], then);
      const [row] = ((outcome.result as Result | null)?.rows ?? []) as { left: unknown }[];
      expect(row?.left ?? 0).toBe(0);
      expect(outcome.why).toMatch(then.includes("currval") ? /not yet defined/ : /^$/);
    }
  });

  it("several calls at once do not mix", async () => {
    const calls = Array.from({ length: 20 }, (_, index) => done(`SELECT ${index} AS n, pg_sleep(0.01)`));
    const results = await Promise.all(calls);
    expect(results.map((result) => (result.rows[0] as { n: number }).n)).toEqual(Array.from({ length: 20 }, (_, index) => index));
  });
});

describe("the connection may be lost", () => {
  it("between calls: the next one connects anew", async () => {
    await done("SELECT 1");
    await eye.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND application_name = 'enact-guard'");
    expect((await done("SELECT 2 AS x")).rows).toEqual([{ x: 2 }]);
  });

  it("within a call: nothing was changed, and it is not tried again", async () => {
    setTimeout(() => {
      void eye.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(0.7)%' AND pid <> pg_backend_pid()");
    }, 200);
    const outcome = await attempt(system, [], "UPDATE t SET a = 'lost'; SELECT pg_sleep(0.7)");
    expect(outcome).toMatchObject({ what: "failed", code: "SYSTEM_UNAVAILABLE" });
    expect(await rowsOf("SELECT count(*)::int AS n FROM t WHERE a = 'lost'")).toEqual([{ n: 0 }]);
  });

  it("no server: an error without the password", async () => {
    const nowhere = openPostgres({ url: "postgres://ann:hunter2secret@127.0.0.1:1/db" });
    const outcome = await attempt(nowhere, [], "SELECT 1");
    expect(outcome).toMatchObject({ what: "refused", code: "SYSTEM_UNAVAILABLE" });
    expect(outcome.why).not.toContain("hunter2secret");
    await nowhere.close();
    const strange = openPostgres({ url: "postgres://ann:hunter2secret@[bad" });
    expect((await attempt(strange, [], "SELECT 1")).why).not.toContain("hunter2secret");
    await strange.close();
  });
});

/** Passes everything on, until COMMIT is seen: then what the server answers is lost. */
async function proxyThatLosesCommit(how: "before" | "after", target: number): Promise<{ server: Server; port: number; cut: () => boolean }> {
  let isCut = false;
  const proxy = createServer((client) => {
    const upstream = connect(target, "127.0.0.1");
    let isThis = false;
    client.on("data", (chunk: Buffer) => {
      if (!isCut && chunk.includes("COMMIT\0")) {
        isCut = true;
        isThis = true;
        if (how === "after") upstream.write(chunk);
        setTimeout(() => {
          client.destroy();
          upstream.destroy();
        }, 100);
        return;
      }
      upstream.write(chunk);
    });
    upstream.on("data", (chunk: Buffer) => {
      if (!client.destroyed && !isThis) client.write(chunk);
    });
    for (const socket of [client, upstream]) {
      socket.on("error", () => undefined);
      socket.on("close", () => (socket === client ? upstream : client).destroy());
    }
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  return { server: proxy, port: (proxy.address() as AddressInfo).port, cut: () => isCut };
}

describe("the connection is lost at COMMIT", () => {
  it.each([
    ["after", "done", 5],
    ["before", "failed", 0],
  ] as const)("%s the server got it: it is asked what became of the transaction", async (how, what, rows) => {
    const proxy = await proxyThatLosesCommit(how, Number(new URL(server.url).port));
    const through = openPostgres({ url: server.url.replace(/:\d+\//, `:${proxy.port}/`) });
    const outcome = await attempt(through, [], "UPDATE t SET a = 'committed?'");
    expect(proxy.cut()).toBe(true);
    expect(outcome).toMatchObject({ what });
    expect(await rowsOf("SELECT count(*)::int AS n FROM t WHERE a = 'committed?'")).toEqual([{ n: rows }]);
    await through.close();
    proxy.server.close();
  });

  it("and nobody can be asked: the outcome is unknown, and is not tried again", async () => {
    const proxy = await proxyThatLosesCommit("after", Number(new URL(server.url).port));
    const through = openPostgres({ url: server.url.replace(/:\d+\//, `:${proxy.port}/`) });
    const plan = await planned(sqlQueryTool, { sql: "UPDATE t SET a = 'unknown?'" }, through.reader);
    const running = executed(sqlQueryTool, plan.step, through.writer, {
      judge: async () => {
        // From now on no new connection is accepted, and the looking session is gone.
        proxy.server.close();
        await eye.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'enact-guard' AND state = 'idle'");
        return true;
      },
    });
    const { actions } = await running;
    expect(actions[0]).toMatchObject({ success: "unknown", error: { code: "OUTCOME_UNKNOWN" } });
    await through.close();
  });
});

describe("only what was judged is done", () => {
  const between = async (sql: string, change: string): Promise<unknown> => {
    const plan = await planned(sqlQueryTool, { sql }, system.reader);
    await eye.query(change);
    return executed(sqlQueryTool, plan.step, system.writer).then(
      () => "done",
      (error: { code?: string }) => error.code,
    );
  };

  it.each([
    ["a view shows another table", "SELECT * FROM v", "CREATE OR REPLACE VIEW v AS SELECT id, a FROM other"],
    ["a trigger is added", "UPDATE t SET a = 'x' WHERE id = 1", "CREATE TRIGGER trg BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f()"],
    ["the name means another table", "SELECT * FROM t", "ALTER TABLE t RENAME TO old; ALTER TABLE other RENAME TO t"],
    ["a function is replaced", "SELECT g(1)", "CREATE OR REPLACE FUNCTION g(n int) RETURNS int LANGUAGE plpgsql VOLATILE AS $$ BEGIN DELETE FROM t; RETURN 1; END $$"],
    ["a cascade is added", "DELETE FROM t WHERE id = 1", "CREATE TABLE child (t int REFERENCES t (id) ON DELETE CASCADE)"],
    ["a column appears", "INSERT INTO t VALUES (99, 'x')", "ALTER TABLE t ADD COLUMN ssn text"],
    ["another schema comes first", "SELECT * FROM t", "CREATE SCHEMA postgres; CREATE TABLE postgres.t (id int)"],
  ])("%s between plan and execution: nothing happens", async (_what, sql, change) => {
    await eye.query(
      `CREATE TABLE other (id int, a text); CREATE VIEW v AS SELECT id, a FROM t;
       CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
       CREATE FUNCTION g(n int) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT n $$`,
    );
    const before = await rowsOf("SELECT * FROM t ORDER BY id");
    expect(await between(sql, change)).toBe("STALE_PLAN");
    await eye.query("DROP SCHEMA IF EXISTS postgres CASCADE");
    const now = await rowsOf(`SELECT id, a FROM ${change.includes("RENAME") ? "old" : "t"} ORDER BY id`);
    expect(now).toEqual(before);
  });

  it("the plan of a call stays the same plan while others write: a person may approve it", async () => {
    const digestOf = async (): Promise<string> => JSON.stringify(await planned(sqlQueryTool, { sql: "DELETE FROM t WHERE id = $1", params: [1] }, system.reader));
    const before = await digestOf();
    await eye.query("INSERT INTO t VALUES (60, 'x'); CREATE TABLE unrelated (x int)");
    expect(await digestOf()).toBe(before);
    await eye.query("CREATE TABLE child (t int REFERENCES t (id) ON DELETE CASCADE)");
    expect(await digestOf()).not.toBe(before);
  });

  it("what others write meanwhile does not make a plan stale", async () => {
    expect(await between("UPDATE t SET a = 'x' WHERE id = 1", "INSERT INTO t VALUES (50, 'x'); CREATE TABLE unrelated (x int)")).toBe("done");
  });
});

describe("planning changes nothing", () => {
  it("no sequence, lock, statistics or transaction id", async () => {
    await eye.query("CREATE SEQUENCE s; CREATE FUNCTION bump() RETURNS bigint LANGUAGE sql IMMUTABLE AS $$ SELECT nextval('s') $$");
    const state = "SELECT (SELECT last_value::text || is_called FROM s) AS s, pg_current_snapshot()::text AS x, (SELECT count(*)::int FROM pg_locks WHERE relation = 't'::regclass) AS locks";
    const before = await rowsOf(state);
    for (const sql of ["SELECT nextval('s')", "SELECT bump()", "DELETE FROM t", "SELECT * FROM t WHERE id = bump()", "TRUNCATE t", "DROP TABLE t"]) {
      await planned(sqlQueryTool, { sql }, system.reader);
    }
    expect(await rowsOf(state)).toEqual(before);
  });

  it("and loads nothing before the first call", async () => {
    const lazy = openPostgres({ url: "postgres://nobody@127.0.0.1:1/x" });
    await lazy.close();
    expect(() => openPostgres({ url: "embedded", dataDir: "relative" })).toThrow(/absolute/);
  });
});

it("a search_path that lets other operators come first is refused", async () => {
  await eye.query("CREATE ROLE misled LOGIN; GRANT USAGE ON SCHEMA app TO misled; ALTER ROLE misled SET search_path = app, pg_catalog");
  const misled = openPostgres({ url: server.url.replace("postgres@", "misled@") });
  expect(await attempt(misled, [], "SELECT 1")).toMatchObject({ what: "refused", code: "REFUSED" });
  await misled.close();
  await eye.query("ALTER ROLE misled RESET search_path");
  const led = openPostgres({ url: server.url.replace("postgres@", "misled@") });
  expect(await attempt(led, [], "SELECT 1")).toMatchObject({ what: "done" });
  await led.close();
});

describe("functions that the configuration vouches for", () => {
  it("run, and what they do is measured", async () => {
    await eye.query("CREATE FUNCTION vouched() RETURNS int LANGUAGE plpgsql AS $$ BEGIN DELETE FROM t WHERE id = 1; RETURN 7; END $$");
    const outcome = await attempt(system, [], "SELECT vouched() AS x");
    expect(outcome.result).toMatchObject({ rows: [{ x: 7 }] });
    expect(outcome.payload).toMatchObject({ effects: "measured", rows_deleted: 1, tables_written: ["public.t"] });
  });

  it("procedures too; but none that takes control of the transaction", async () => {
    await eye.query("CREATE PROCEDURE vouched(n int) LANGUAGE plpgsql AS $$ BEGIN UPDATE t SET a = 'x' WHERE id = n; END $$");
    await done("CALL vouched(1)");
    await eye.query("CREATE PROCEDURE finish() LANGUAGE plpgsql AS $$ BEGIN DELETE FROM t; COMMIT; END $$");
    expect(await attempt(system, [], "CALL finish()")).toMatchObject({ what: "failed" });
    expect(await rowsOf("SELECT count(*)::int AS n FROM t")).toEqual([{ n: 5 }]);
  });

  it("by schema, if they say so; others stay unknown", async () => {
    await eye.query("CREATE FUNCTION app.also() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END $$; CREATE FUNCTION also() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 2; END $$");
    expect((await attempt(system, [], "SELECT app.also()")).payload).toMatchObject({ effects: "measured" });
    expect((await attempt(system, [], "SELECT public.also()")).payload).toMatchObject({ effects: { $unknown: expect.stringContaining("public.also") as string } });
  });
});

describe("cost", () => {
  it("10 MB of SQL are refused at once", async () => {
    const started = performance.now();
    expect(await attempt(system, [], `SELECT '${"x".repeat(10_000_000)}'`)).toMatchObject({ what: "refused", code: "INVALID_INPUT" });
    expect(performance.now() - started).toBeLessThan(500);
  });
});
