import type { Client } from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";

import { contractorCannotWritePii } from "../../src/policies/access/index.js";
import type { SqlQueryPayload } from "../../src/facts/sql.js";
import { isUnknown } from "../../src/facts/unknown.js";
import { judge } from "../../src/guard/judge.js";
import { openPostgres } from "../../src/systems/postgres.js";
import type { PostgresSystem } from "../../src/systems/postgres.js";
import { startPostgres } from "../support/postgres.js";
import type { TestPostgres } from "../support/postgres.js";
import { attempt } from "../support/sql-attempt.js";

const SEED = Number(process.env["ENACT_SEED"] ?? 20_261_122);
const COUNT = Number(process.env["ENACT_COUNT"] ?? 250);

/** Tables with a column `ssn` that is written in every way that there is. */
const WORLD = `
CREATE TABLE staff (id int PRIMARY KEY, name text, ssn text, note text);
CREATE TABLE boss (title text) INHERITS (staff);
CREATE VIEW names AS SELECT id, name AS label, note FROM staff;
CREATE VIEW numbers AS SELECT id, ssn AS number, note AS remark FROM staff WHERE id > 0;
CREATE VIEW deep AS SELECT number AS n2, remark, id FROM numbers;
CREATE TABLE parts (id int NOT NULL, at int NOT NULL, ssn text, note text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (10) TO (20);
CREATE TABLE keys (code text PRIMARY KEY, note text);
CREATE TABLE holders (id int PRIMARY KEY, ssn text REFERENCES keys ON UPDATE CASCADE ON DELETE SET NULL, note text);
CREATE TABLE before_it (id int PRIMARY KEY, ssn text, note text);
CREATE FUNCTION before_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.ssn := coalesce(NEW.ssn, '') || '!'; RETURN NEW; END $$;
CREATE TRIGGER t BEFORE INSERT OR UPDATE ON before_it FOR EACH ROW EXECUTE FUNCTION before_it();
CREATE TABLE touched (id int PRIMARY KEY, ssn text, note text, at timestamptz);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.at := clock_timestamp(); RETURN NEW; END $$;
CREATE TRIGGER t BEFORE INSERT OR UPDATE ON touched FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TABLE after_it (id int PRIMARY KEY, ssn text, note text);
CREATE FUNCTION after_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF pg_trigger_depth() < 2 THEN UPDATE after_it SET ssn = md5(random()::text) WHERE id = NEW.id; END IF; RETURN NULL; END $$;
CREATE TRIGGER t AFTER INSERT OR UPDATE ON after_it FOR EACH ROW EXECUTE FUNCTION after_it();
CREATE TABLE cause (id int PRIMARY KEY, note text);
CREATE FUNCTION spread() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE staff SET ssn = md5(random()::text) WHERE id = NEW.id; RETURN NULL; END $$;
CREATE TRIGGER t AFTER UPDATE ON cause FOR EACH ROW EXECUTE FUNCTION spread();
CREATE TABLE ruled (id int PRIMARY KEY, ssn text, note text);
CREATE RULE r AS ON UPDATE TO ruled WHERE new.note <> old.note DO ALSO UPDATE staff SET ssn = new.note WHERE id = new.id;
CREATE TABLE made (id int PRIMARY KEY, part text, note text, ssn text GENERATED ALWAYS AS (part || '-') STORED);
CREATE TABLE jobs (id int PRIMARY KEY, note text);
CREATE VIEW both_of AS SELECT s.id, s.note, j.note AS job FROM staff s JOIN jobs j USING (id);
CREATE FUNCTION both_of() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE jobs SET note = NEW.job WHERE id = NEW.id; UPDATE staff SET ssn = NEW.note WHERE id = NEW.id; RETURN NEW; END $$;
CREATE TRIGGER t INSTEAD OF UPDATE ON both_of FOR EACH ROW EXECUTE FUNCTION both_of();
`;
/** No trigger and no foreign key has a say in this. */
const ROWS = `
SET session_replication_role = replica;
${["boss", "staff", "parts", "keys", "holders", "before_it", "touched", "after_it", "cause", "ruled", "made", "jobs"].map((name) => `DELETE FROM ${name};`).join(" ")}
INSERT INTO staff SELECT g, 'n', 's' || g, 'x' FROM generate_series(1, 5) g; INSERT INTO boss SELECT g, 'n', 's' || g, 'x', 'b' FROM generate_series(6, 7) g;
INSERT INTO parts SELECT g, g * 3, 's' || g, 'x' FROM generate_series(1, 5) g; INSERT INTO keys SELECT 'k' || g, 'x' FROM generate_series(1, 5) g;
INSERT INTO holders SELECT g, 'k' || g, 'x' FROM generate_series(1, 5) g; INSERT INTO touched SELECT g, 's' || g, 'x' FROM generate_series(1, 5) g;
INSERT INTO before_it SELECT g, 's' || g, 'x' FROM generate_series(1, 5) g; INSERT INTO after_it SELECT g, 's' || g, 'x' FROM generate_series(1, 5) g;
INSERT INTO cause SELECT g, 'x' FROM generate_series(1, 5) g; INSERT INTO ruled SELECT g, 's' || g, 'x' FROM generate_series(1, 5) g;
INSERT INTO made SELECT g, 'p' || g, 'x' FROM generate_series(1, 5) g; INSERT INTO jobs SELECT g, 'x' FROM generate_series(1, 5) g;
SET session_replication_role = origin;`;

/** Each row's ssn, under its table and key. */
const NUMBERS = ["staff", "parts", "holders", "before_it", "touched", "after_it", "ruled", "made"].map((name) => `SELECT '${name}' AS t, id::text AS id, ssn FROM ${name}`).join(" UNION ALL ");

const HARMLESS = [
  "UPDATE staff SET note = %s WHERE id = %n", "UPDATE ONLY staff SET name = %s WHERE id < %n", "UPDATE names SET label = %s WHERE id = %n", "UPDATE numbers SET remark = %s WHERE id = %n",
  "UPDATE deep SET remark = %s WHERE id = %n", "INSERT INTO staff (id, name, note) VALUES (10%n, %s, 'ssn')", "INSERT INTO names VALUES (20%n, %s, %s)", "UPDATE boss SET title = %s WHERE id = 6",
  "UPDATE parts SET note = %s WHERE id = %n", "UPDATE parts SET at = at + 9 WHERE id = 1 AND at < 9", "UPDATE keys SET note = %s WHERE code = 'k%n'", "INSERT INTO keys VALUES ('new%n', %s)",
  "UPDATE holders SET note = %s WHERE id = %n", "UPDATE touched SET note = %s WHERE id = %n", "INSERT INTO touched (id, note) VALUES (10%n, %s)", "INSERT INTO cause VALUES (10%n, %s)",
  "UPDATE made SET note = %s WHERE id = %n", "UPDATE jobs SET note = %s WHERE id = %n", "INSERT INTO jobs VALUES (%n, %s) ON CONFLICT (id) DO UPDATE SET note = excluded.note",
  "INSERT INTO staff (id, note) VALUES (%n, %s) ON CONFLICT (id) DO UPDATE SET note = excluded.note", "MERGE INTO staff s USING jobs j ON s.id = j.id AND j.id = %n WHEN MATCHED THEN UPDATE SET note = %s",
  "WITH u AS (UPDATE staff SET note = %s WHERE id = %n RETURNING ssn) SELECT * FROM u", "SELECT ssn FROM staff WHERE id = %n", "DELETE FROM jobs WHERE id = %n", "UPDATE staff SET (name, note) = (SELECT ssn, %s FROM touched WHERE id = %n) WHERE id = %n",
];
const HARMFUL = [
  "UPDATE staff SET ssn = %s WHERE id = %n", "UPDATE staff s SET (note, ssn) = (%s, %s) WHERE s.id = %n", "UPDATE numbers SET number = %s WHERE id = %n", "UPDATE deep SET n2 = %s, remark = 'x' WHERE id = %n", "UPDATE boss SET ssn = %s WHERE id = 6",
  "INSERT INTO staff VALUES (10%n, 'n', %s, 'x')", "INSERT INTO staff SELECT 30%n, 'n', %s", "INSERT INTO numbers VALUES (40%n, %s, 'x')", "UPDATE parts_1 SET ssn = %s WHERE id = 1", "UPDATE parts SET ssn = %s, at = 15 WHERE id = 1",
  "UPDATE keys SET code = %s WHERE code = 'k%n'", "DELETE FROM keys WHERE code = 'k%n'", "UPDATE before_it SET note = %s WHERE id = %n", "INSERT INTO before_it (id) VALUES (10%n)", "UPDATE after_it SET note = %s WHERE id = %n",
  "UPDATE cause SET note = %s WHERE id = %n", "UPDATE ruled SET note = %s WHERE id = %n", "UPDATE made SET part = %s WHERE id = %n", "INSERT INTO made (id, part) VALUES (10%n, %s)", "UPDATE both_of SET job = %s WHERE id = %n",
  "INSERT INTO staff (id, name) VALUES (%n, 'n') ON CONFLICT (id) DO UPDATE SET ssn = %s", "MERGE INTO staff s USING jobs j ON s.id = j.id AND j.id = %n WHEN MATCHED THEN UPDATE SET ssn = %s",
  "MERGE INTO staff s USING (VALUES (50%n)) v(i) ON s.id = v.i WHEN NOT MATCHED THEN INSERT VALUES (v.i, 'n', %s, 'x')", "WITH u AS (UPDATE holders SET ssn = 'k%n' WHERE id = %n RETURNING id) SELECT * FROM u", "UPDATE staff SET note = 'x', ssn = DEFAULT WHERE id = %n",
];

let server: TestPostgres;
let system: PostgresSystem;
let eye: Client;
beforeAll(async () => {
  server = await startPostgres();
  eye = await server.client();
  await eye.query(WORLD);
  system = openPostgres({ url: server.url });
});
afterAll(async () => {
  await system.close();
  await eye.end();
  await server.stop();
});

/** Mulberry32. */
function numbersFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

interface Truth {
  readonly fails: boolean;
  /** A row has another number than before, or a new row has one. */
  readonly writesNumber: boolean;
  readonly rows: number;
}

/** Runs it unguarded, asks PostgreSQL what became of the rows, and undoes it. */
async function whatItDoes(sql: string): Promise<Truth> {
  const numbers = async () => new Map((await eye.query<{ t: string; id: string; ssn: string | null }>(NUMBERS)).rows.map((row) => [`${row.t} ${row.id}`, row.ssn]));
  const before = await numbers();
  await eye.query("BEGIN");
  try {
    const result = (await eye.query(sql)) as unknown as { rowCount: number | null } | { rowCount: number | null }[];
    const after = await numbers();
    const rows = [result].flat().reduce((sum, { rowCount }) => sum + (rowCount ?? 0), 0);
    return { fails: false, writesNumber: [...after].some(([row, ssn]) => (before.get(row) ?? null) !== ssn), rows };
  } catch {
    return { fails: true, writesNumber: false, rows: 0 };
  } finally {
    await eye.query("ROLLBACK");
  }
}

const POLICY = contractorCannotWritePii(["ssn"]);

it(
  `of ${COUNT} statements (seed ${SEED}), no contractor's changes a number, by whatever way; what leaves the numbers alone passes`,
  async () => {
    const random = numbersFrom(SEED);
    const fill = (template: string): string => template.replaceAll("%n", () => String(1 + random(5))).replaceAll("%s", () => ["'a'", "upper('b')", "'ssn'", "NULL", "md5('c')"][random(5)] ?? "");
    const identity = { user_email: "c@example.com", actor_role: "contractor", user_attributes: {} };
    const passes = (payload: SqlQueryPayload): boolean =>
      judge([{ name: "pii", policy: POLICY }], { workflow: "sql_query", identity, payload, now: new Date(), history: { runs: () => [], count: () => 0 }, approval: null }).passed;
    const wrong: string[] = [];
    const tally = { harmful: 0, harmless: 0 };
    for (let index = 0; index < COUNT; index += 1) {
      const isHarmless = random(2) === 0;
      const one = fill((isHarmless ? HARMLESS : HARMFUL)[random((isHarmless ? HARMLESS : HARMFUL).length)] ?? "");
      const sql = random(4) === 0 ? `${fill(HARMLESS[random(HARMLESS.length)] ?? "")}; ${one}` : one;
      await eye.query(ROWS);
      const truth = await whatItDoes(sql);
      if (truth.fails) continue;
      const { what, payload } = await attempt(system, [], sql);
      const facts = payload as unknown as SqlQueryPayload;
      if (what !== "done") wrong.push(`${sql}: ${what}`);
      else if (passes(facts) && truth.writesNumber) wrong.push(`${sql}: writes a number, and passes`);
      else if (!passes(facts) && isHarmless) wrong.push(`${sql}: is harmless, and is blocked (${facts.columns_written.join()}; ${facts.columns_maybe_written.join()})`);
      else if (isUnknown(facts.rows_affected) || (facts.rows_affected ?? 0) < truth.rows - (sql.includes("SELECT") ? truth.rows : 0)) wrong.push(`${sql}: ${truth.rows} rows changed, and ${JSON.stringify(facts.rows_affected)} are told`);
      tally[truth.writesNumber ? "harmful" : "harmless"] += 1;
    }
    expect(wrong).toEqual([]);
    // The test would prove nothing if it met only one kind.
    expect(Math.min(tally.harmful, tally.harmless)).toBeGreaterThan(COUNT / 6);
  },
  120_000,
);
