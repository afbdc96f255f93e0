import type { Client } from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";

import { blockDdl, dontDeleteRow, protectTables } from "../../src/policies/db/index.js";
import { openPostgres } from "../../src/systems/postgres.js";
import type { PostgresSystem } from "../../src/systems/postgres.js";
import { startPostgres } from "../support/postgres.js";
import type { TestPostgres } from "../support/postgres.js";
import { attempt } from "../support/sql-attempt.js";
import { SqlGenerator } from "../support/sql-generator.js";
import type { Generated } from "../support/sql-generator.js";
import { CATALOGUE_FINGERPRINT, FINGERPRINT, WORLD } from "../support/sql-world.js";

const SEED = Number(process.env["ENACT_SEED"] ?? 20_261_122);
const COUNT = Number(process.env["ENACT_COUNT"] ?? 500);
const PROTECTED = ["public.users", "private.secrets"];

let server: TestPostgres;
let system: PostgresSystem;
let eye: Client;
/** Does what the guard would not. */
let actor: Client;
beforeAll(async () => {
  server = await startPostgres();
  eye = await server.client();
  actor = await server.client();
  await eye.query(WORLD);
  system = openPostgres({ url: server.url, statementTimeoutMs: 5000 });
});
afterAll(async () => {
  await system.close();
  await actor.end();
  await eye.end();
  await server.stop();
});

interface State {
  readonly rows: ReadonlyMap<string, string>;
  readonly counts: ReadonlyMap<string, number>;
  readonly catalogue: string;
}

async function look(eyes: Client = eye): Promise<State> {
  const { rows } = await eyes.query<{ name: string; rows: string; count: string }>(FINGERPRINT);
  const catalogue = (await eyes.query<{ h: string }>(CATALOGUE_FINGERPRINT)).rows[0]?.h ?? "";
  const counts = new Map<string, number>();
  // Rows may move between the partitions of a table.
  for (const { name, count } of rows) {
    const root = name.replace(/events_\d+$/, "events");
    counts.set(root, (counts.get(root) ?? 0) + Number(count));
  }
  return { rows: new Map(rows.map((row) => [row.name, row.rows])), counts, catalogue };
}

/** Runs the statement unguarded on another connection, asks PostgreSQL what it did, and undoes it. */
async function whatItWouldDo({ sql, checksForeignKey }: Generated): Promise<{ fails: boolean; harm: string[] }> {
  const before = await look();
  const harm: string[] = [];
  await actor.query("BEGIN");
  try {
    const start = await touches();
    await actor.query(sql);
    await actor.query("SET CONSTRAINTS ALL IMMEDIATE");
    const end = await touches();
    for (const name of PROTECTED) {
      const [first, last] = [start.get(name), end.get(name)];
      if (last?.written !== first?.written) harm.push(`writes ${name}`);
      else if (last?.touched !== first?.touched && !checksForeignKey) harm.push(`reads ${name}`);
    }
    const after = await look(actor);
    for (const [name, count] of before.counts) if ((after.counts.get(name) ?? 0) < count) harm.push(`deletes from ${name}`);
    if (after.catalogue !== before.catalogue) harm.push("changes the catalogue");
    return { fails: false, harm };
  } catch {
    return { fails: true, harm };
  } finally {
    await actor.query("ROLLBACK");
  }
}

/** How often the protected tables were touched and written on the acting session, as its statistics views say. */
async function touches(): Promise<ReadonlyMap<string, { touched: string; written: string }>> {
  const { rows } = await actor.query<{ name: string; touched: string; written: string }>(
    `SELECT schemaname || '.' || relname AS name, seq_scan + coalesce(idx_scan, 0) + pg_stat_get_xact_blocks_fetched(relid) AS touched,
       n_tup_ins + n_tup_upd + n_tup_del AS written FROM pg_stat_xact_user_tables WHERE schemaname || '.' || relname = ANY ($1)`,
    [PROTECTED],
  );
  return new Map(rows.map((row) => [row.name, row]));
}

/** What no allowed statement may do. */
function losses(before: State, after: State): string[] {
  const fewer = [...before.counts].filter(([name, count]) => (after.counts.get(name) ?? 0) < count).map(([name]) => `fewer rows in ${name}`);
  const other = PROTECTED.filter((name) => after.rows.get(name) !== before.rows.get(name)).map((name) => `other rows in ${name}`);
  return [...fewer, ...other, ...(after.catalogue === before.catalogue ? [] : ["another catalogue"])];
}

/** What no stopped statement may do: anything. */
function changes(before: State, after: State): string[] {
  const rows = [...before.rows].filter(([name, hash]) => after.rows.get(name) !== hash).map(([name]) => `stopped, and yet ${name} changed`);
  return [...rows, ...losses(before, after)];
}

it(
  `of ${COUNT} statements (seed ${SEED}), what is allowed deletes nothing, changes no schema and touches nothing protected; what is harmless is allowed`,
  async () => {
    const generator = new SqlGenerator(SEED);
    const policies = [dontDeleteRow, blockDdl, protectTables(PROTECTED)];
    const tally = { done: 0, harmful: 0, undone: 0 };
    let state = await look();
    const wrong: string[] = [];
    for (let index = 0; index < COUNT; index += 1) {
      const generated = generator.next();
      const { fails, harm } = await whatItWouldDo(generated);
      const { what, why } = await attempt(system, policies, generated.sql);
      const after = await look();
      const found = what === "done" ? [...harm, ...losses(state, after)] : changes(state, after);
      if (generated.harmless && !fails && what !== "done") found.push("is harmless, and was stopped");
      for (const finding of found) wrong.push(`${index}: ${generated.sql} → ${what} ${why}: ${finding}`);
      if (what === "done") tally.done += 1;
      if (what === "undone") tally.undone += 1;
      if (harm.length > 0) tally.harmful += 1;
      state = after;
    }
    expect(wrong).toEqual([]);
    // The test would prove nothing if it met only one kind.
    expect(tally.done).toBeGreaterThan(COUNT / 4);
    expect(tally.harmful).toBeGreaterThan(COUNT / 8);
    expect(tally.undone).toBeGreaterThan(COUNT / 50);
  },
  120_000,
);
