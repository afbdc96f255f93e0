import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { blockDdl, dontDeleteRow, protectTables } from "../../src/policies/db/index.js";
import { openPostgres } from "../../src/systems/postgres.js";
import type { PostgresSystem } from "../../src/systems/postgres.js";
import { attempt } from "../support/sql-attempt.js";

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
