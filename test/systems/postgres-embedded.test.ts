import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { blockDdl, dontDeleteRow, dontDeleteWithoutWhere, protectTables } from "../../src/policies/db/index.js";
import { openPostgres } from "../../src/systems/postgres.js";
import type { PostgresSystem } from "../../src/systems/postgres.js";
import { sqlQueryTool } from "../../src/tools/sql_query.js";
import { attempt } from "../support/sql-attempt.js";
import { planned } from "../support/tool-calls.js";

describe("the embedded PostgreSQL", () => {
  let system: PostgresSystem;
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "enact-pglite-"));
    system = openPostgres({ url: "embedded", dataDir: join(folder, "data") });
  }, 60_000);
  afterAll(async () => {
    await system.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const policies = [dontDeleteRow, blockDdl, protectTables(["users"])];

  it("is not made by a look, nor by a call that is blocked", async () => {
    const sqls = ["CREATE TABLE x (id int)", "SELECT 1", "SELECT * FROM pg_class WHERE relname = 'x'"];
    const plans = await Promise.all(sqls.map((sql) => planned(sqlQueryTool, { sql }, system.reader)));
    expect(plans.map(({ payload }) => payload.effects)).toEqual(["planned", "planned", "planned"]);
    expect(await attempt(system, policies, "SELECT * FROM nothing_here")).toMatchObject({ what: "refused", code: "NOT_FOUND" });
    expect(await attempt(system, policies, "CREATE TABLE x (id int)")).toMatchObject({ what: "blocked" });
    expect(readdirSync(folder)).toEqual([]);
  });

  it("is made by the first call that runs, from what was looked at", async () => {
    const looks = Promise.all([1, 2, 3].map((n) => planned(sqlQueryTool, { sql: `SELECT ${n}` }, system.reader)));
    expect(await attempt(system, [], "CREATE TABLE made (id int); INSERT INTO made VALUES (1), (2)")).toMatchObject({ what: "done" });
    await looks;
    expect(existsSync(join(folder, "data", "PG_VERSION"))).toBe(true);
    expect(await attempt(system, [], "SELECT count(*)::int AS n FROM made")).toMatchObject({ result: { rows: [{ n: 2 }] } });
    expect(await attempt(system, [], "DROP TABLE made")).toMatchObject({ what: "done" });
  });

  it("is closed even if it was only looked at, and an empty folder is none", async () => {
    const empty = join(folder, "empty");
    mkdirSync(empty);
    const looked = openPostgres({ url: "embedded", dataDir: empty });
    await planned(sqlQueryTool, { sql: "SELECT 1" }, looked.reader);
    await looked.close();
    expect(readdirSync(empty)).toEqual([]);
  });

  it("tries conditions as a server does", async () => {
    const setUp = "CREATE TABLE c (id int PRIMARY KEY, name text NOT NULL); INSERT INTO c VALUES (1, 'a'), (2, 'b')";
    expect(await attempt(system, [], setUp)).toMatchObject({ what: "done" });
    expect(await attempt(system, [dontDeleteWithoutWhere], "DELETE FROM c WHERE starts_with(name, '')")).toMatchObject({ what: "undone" });
    expect(await attempt(system, [dontDeleteWithoutWhere], "DELETE FROM c WHERE id IN (1, 2)")).toMatchObject({ what: "done" });
    expect(await attempt(system, [], "DROP TABLE c")).toMatchObject({ what: "done" });
  });

  it("judges as a server does, through the same code", async () => {
    const setUp = `CREATE TABLE users (id int PRIMARY KEY, email text); INSERT INTO users VALUES (1, 'a');
      CREATE TABLE orders (id serial PRIMARY KEY, note text); INSERT INTO orders (note) VALUES ('x'), ('y');
      CREATE VIEW v AS SELECT email FROM users;
      CREATE FUNCTION eat() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DELETE FROM orders WHERE id = 2; RETURN NEW; END $$;
      CREATE TABLE bait (id int); CREATE TRIGGER eats BEFORE INSERT ON bait FOR EACH ROW EXECUTE FUNCTION eat()`;
    expect(await attempt(system, [], setUp)).toMatchObject({ what: "done" });
    expect(await attempt(system, policies, "SELECT * FROM orders WHERE id = $1", [1])).toMatchObject({
      what: "done",
      result: { rows: [{ id: 1, note: "x" }] },
    });
    expect(await attempt(system, policies, "UPDATE orders SET note = 'z' WHERE id = 1")).toMatchObject({ what: "done" });
    expect(await attempt(system, policies, "SELECT * FROM v")).toMatchObject({ what: "blocked" });
    expect(await attempt(system, policies, "DELETE FROM orders WHERE id = 1")).toMatchObject({ what: "blocked" });
    expect(await attempt(system, policies, "DROP TABLE orders")).toMatchObject({ what: "blocked" });
    expect(await attempt(system, policies, "INSERT INTO bait VALUES (1)")).toMatchObject({ what: "undone" });
    expect(await attempt(system, [], "SELECT 1/0")).toMatchObject({ what: "failed" });
    expect(await attempt(system, [], "SELECT count(*)::int AS n FROM orders")).toMatchObject({ result: { rows: [{ n: 2 }] } });
  });

  it("serves several calls one after the other", async () => {
    const outcomes = await Promise.all([1, 2, 3].map((n) => attempt(system, [], `SELECT ${n} AS n; SELECT ${n} + 1 AS n`)));
    expect(outcomes.map((outcome) => (outcome.result as { rows: unknown[] }).rows)).toEqual([[{ n: 2 }], [{ n: 3 }], [{ n: 4 }]]);
  });

  it("refuses COPY … TO PROGRAM, which would hang it", async () => {
    expect(await attempt(system, [], "COPY orders TO PROGRAM 'cat'")).toMatchObject({ what: "refused" });
  });

  it("keeps its data in the folder", async () => {
    await system.close();
    system = openPostgres({ url: "embedded", dataDir: join(folder, "data") });
    expect(await attempt(system, [], "SELECT note FROM orders WHERE id = 1")).toMatchObject({ result: { rows: [{ note: "z" }] } });
  });
});
