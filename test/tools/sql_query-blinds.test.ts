import type { Client } from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";

import { dontReadSensitiveTables } from "../../src/policies/access/index.js";
import { dontDeleteRow, maxRowsAffected, protectTables } from "../../src/policies/db/index.js";
import type { Policy } from "../../src/policies/policy.js";
import { openPostgres } from "../../src/systems/postgres.js";
import type { PostgresSystem } from "../../src/systems/postgres.js";
import { startPostgres } from "../support/postgres.js";
import type { TestPostgres } from "../support/postgres.js";
import { attempt } from "../support/sql-attempt.js";

/** Names under which the guard prepares statements of its own. */
const NAMES = ["enact_own_path", "enact_generic", "enact_details", "enact_types", "enact_schema", "enact_snapshot"];
const AS_GUARD = [
  "EXECUTE 'DEALLOCATE ALL'",
  "EXECUTE 'PREPARE enact_counters AS SELECT 1::text WHERE false'",
  "EXECUTE 'PREPARE enact_state AS SELECT pg_current_snapshot()::text, pg_current_xact_id_if_assigned()::text, ''on'''",
  ...NAMES.map((name) => `EXECUTE 'PREPARE ${name} AS SELECT 1'`),
].join("; ");

const body = (code: string, result = "1"): string => `LANGUAGE plpgsql AS $$ BEGIN ${code}; RETURN ${result}; END $$`;

const WORLD = `
CREATE TABLE kept (id serial PRIMARY KEY, note text);
CREATE TABLE secrets (id int, value text); INSERT INTO secrets VALUES (1, 'x');
CREATE TABLE plain (id int, note text);
-- code that the text of a statement does not name
CREATE FUNCTION in_domain(text) RETURNS boolean ${body(`DELETE FROM kept; ${AS_GUARD}`, "true")};
CREATE DOMAIN guarded AS text CHECK (in_domain(VALUE));
CREATE TYPE pair AS (a int);
CREATE FUNCTION in_cast(pair) RETURNS text ${body(`DELETE FROM kept; ${AS_GUARD}`, "'x'")};
CREATE CAST (pair AS text) WITH FUNCTION in_cast(pair);
CREATE TABLE indexed (id int);
CREATE FUNCTION in_index_too() RETURNS int ${body(`DELETE FROM public.kept; ${AS_GUARD}`)};
CREATE FUNCTION in_index(int) RETURNS int IMMUTABLE ${body("PERFORM public.in_index_too()")};
CREATE INDEX ON indexed (in_index(id));
-- code that stops the counters for a while
CREATE TABLE hushed (id int);
CREATE FUNCTION hush() RETURNS trigger ${body("PERFORM set_config('track_' || 'counts', 'off', true); DELETE FROM kept; PERFORM set_config('track_' || 'counts', 'on', true)", "NEW")};
CREATE TRIGGER hush BEFORE INSERT ON hushed FOR EACH ROW EXECUTE FUNCTION hush();
CREATE FUNCTION peek() RETURNS text STABLE LANGUAGE plpgsql AS $$ DECLARE v text; BEGIN
  PERFORM set_config('track_' || 'counts', 'off', true); SELECT value INTO v FROM secrets; PERFORM set_config('track_' || 'counts', 'on', true); RETURN v; END $$;
-- code that puts its work off until COMMIT, and when asked to do it now, once more
CREATE TABLE first_put_off (id int); CREATE TABLE then_put_off (id int);
CREATE FUNCTION put_off() RETURNS trigger ${body("SET CONSTRAINTS ALL DEFERRED; INSERT INTO public.then_put_off VALUES (1)", "NULL")};
CREATE FUNCTION do_late() RETURNS trigger ${body("DELETE FROM public.kept", "NULL")};
CREATE CONSTRAINT TRIGGER a AFTER INSERT ON first_put_off DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION put_off();
CREATE CONSTRAINT TRIGGER b AFTER INSERT ON then_put_off DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION do_late();
-- code that changes how the next statement is read
CREATE FUNCTION flip() RETURNS int STABLE ${body("PERFORM set_config('standard_conforming_strings', 'off', true); PERFORM set_config('backslash_quote', 'on', true)")};
CREATE SCHEMA other; CREATE TABLE other.plain (id int, note text); INSERT INTO other.plain VALUES (1, 'other');
CREATE FUNCTION lead_astray() RETURNS int STABLE ${body("PERFORM set_config('search_path', 'other', true)")};
-- TRUNCATE beside a statement that replaces the storage by right
CREATE TABLE rewritten (id int); INSERT INTO rewritten VALUES (1);
CREATE FUNCTION empty_it() RETURNS int ${body("TRUNCATE rewritten")};
CREATE FUNCTION calm() RETURNS int STABLE ${body("PERFORM empty_it()")};
-- foreign tables, which nobody counts
CREATE EXTENSION postgres_fdw;
CREATE TABLE far (id int, note text); INSERT INTO far VALUES (1, 'far');
CREATE TABLE near_far (id int);
-- triggers that do no harm
CREATE TABLE busy (id int PRIMARY KEY, n int); INSERT INTO busy VALUES (1, 0);
CREATE TABLE log (id serial, what text);
CREATE FUNCTION tidy() RETURNS trigger ${body("DELETE FROM log WHERE id < 0; UPDATE busy SET n = n WHERE id = -1; INSERT INTO log (what) VALUES ('x'); EXECUTE format('UPDATE %I SET what = what WHERE false', 'log')", "NULL")};
CREATE TRIGGER tidy AFTER UPDATE ON busy FOR EACH ROW EXECUTE FUNCTION tidy();
`;

let server: TestPostgres;
let system: PostgresSystem;
let eye: Client;
beforeAll(async () => {
  server = await startPostgres();
  eye = await server.client();
  await eye.query(WORLD);
  const port = new URL(server.url).port;
  await eye.query(`CREATE SERVER loop FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '${port}', dbname 'postgres');
    CREATE USER MAPPING FOR postgres SERVER loop OPTIONS (user 'postgres');
    CREATE FOREIGN TABLE remote (id int, note text) SERVER loop OPTIONS (table_name 'far');
    CREATE FUNCTION read_remote() RETURNS text LANGUAGE sql STABLE AS $$ SELECT max(note) FROM remote $$;
    CREATE FUNCTION write_remote() RETURNS trigger ${body("UPDATE remote SET note = 'y'", "NEW")};
    CREATE TRIGGER write_remote BEFORE INSERT ON near_far FOR EACH ROW EXECUTE FUNCTION write_remote();`);
  system = openPostgres({ url: server.url });
});
afterAll(async () => {
  await system.close();
  await eye.end();
  await server.stop();
});
beforeEach(async () => {
  await eye.query("TRUNCATE kept, rewritten; INSERT INTO kept (note) SELECT 'x' FROM generate_series(1, 5); INSERT INTO rewritten VALUES (1)");
});

describe("code of the database's own that tries to do its work unseen is stopped, in a session that already served", () => {
  it.each<[string, string, Policy]>([
    ["in a domain's CHECK, under the guard's names", "INSERT INTO plain (note) VALUES ('x'::guarded)", dontDeleteRow],
    ["in a cast, under the guard's names", "INSERT INTO plain (note) VALUES (ROW(1)::pair::text)", dontDeleteRow],
    ["in an index, under the guard's names", "INSERT INTO indexed VALUES (1)", dontDeleteRow],
    ["by stopping the counters", "INSERT INTO hushed VALUES (1)", dontDeleteRow],
    ["by reading while the counters stand still", "SELECT peek()", protectTables(["secrets"])],
    ["by reading while the counters stand still, sensitive", "SELECT peek()", dontReadSensitiveTables(["secrets"])],
    ["by putting it off twice", "INSERT INTO first_put_off VALUES (1)", dontDeleteRow],
    ["by reading a foreign table", "SELECT read_remote()", protectTables(["remote"])],
    ["by writing to a foreign table", "INSERT INTO near_far VALUES (1)", maxRowsAffected(100)],
    ["by emptying a table that is rewritten by right", "ALTER TABLE rewritten ALTER COLUMN id TYPE bigint; SELECT calm()", dontDeleteRow],
    ["by giving all rows other values in ALTER TABLE", "ALTER TABLE kept ALTER COLUMN note TYPE text USING 'y'", maxRowsAffected(2)],
  ])("%s: %s", async (_how, sql, policy) => {
    for (let call = 0; call < 3; call += 1) {
      expect((await attempt(system, [policy], "INSERT INTO plain VALUES (1, 'warm')")).what).toBe("done");
      expect((await attempt(system, [policy], sql)).what).toMatch(/^(?:undone|failed|blocked)$/);
    }
    expect((await eye.query("SELECT FROM kept WHERE note = 'x'")).rowCount).toBe(5);
    expect((await eye.query("SELECT FROM rewritten")).rowCount).toBe(1);
    expect((await eye.query("SELECT FROM far WHERE note = 'far'")).rowCount).toBe(1);
    // A session in which code did what nobody knows is ended, and that takes a moment.
    await expect.poll(async () => (await eye.query("SELECT FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'")).rowCount).toBe(0);
  });
});

describe("each statement is read as it was judged, whatever the one before it did to the settings", () => {
  it("a text stays a text", async () => {
    const sql = "SELECT flip(); SELECT 'a\\'', pg_read_file($$PG_VERSION$$), '||'' -- '";
    expect(await attempt(system, [dontDeleteRow], sql)).toMatchObject({ what: "done", result: { rows: [{ "?column?": "a\\', pg_read_file($$PG_VERSION$$), " }] } });
  });

  it("a name means the table that it meant", async () => {
    await eye.query("TRUNCATE plain");
    expect(await attempt(system, [], "SELECT lead_astray(); SELECT note FROM plain")).toMatchObject({ what: "done", result: { rows: [] } });
  });
});

describe("code that does no harm passes", () => {
  it.each([
    ["UPDATE busy SET n = n + 1 WHERE id = 1", dontDeleteRow],
    ["UPDATE busy SET n = n + 1 WHERE id = 1", protectTables(["secrets"])],
    ["ALTER TABLE rewritten ALTER COLUMN id TYPE int", dontDeleteRow],
    ["ALTER TABLE rewritten ALTER COLUMN id TYPE bigint; INSERT INTO rewritten VALUES (2)", dontDeleteRow],
    ["SELECT note FROM remote", dontDeleteRow],
  ])("%s", async (sql, policy) => {
    const { what, why } = await attempt(system, [policy], sql);
    expect(`${what} ${why}`).toBe("done ");
  });
});
