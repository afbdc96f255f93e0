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

it(
  `of ${COUNT} statements (seed ${SEED}), what is allowed deletes nothing, changes no schema and touches nothing protected; what is harmless is allowed`,
  async () => {
    const generator = new SqlGenerator(SEED);
    const policies = [dontDeleteRow, blockDdl, protectTables(PROTECTED)];
    const tally = { done: 0, stopped: 0, harmful: 0, undone: 0 };
    let state = await look();
    for (let index = 0; index < COUNT; index += 1) {
      const generated = generator.next();
      const { fails, harm } = await whatItWouldDo(generated);
      const outcome = await attempt(system, policies, generated.sql);
      const after = await look();
      const told = `${index}: ${generated.sql}\n→ ${outcome.what} ${outcome.why}`;
      if (outcome.what === "done") {
        expect(harm, told).toEqual([]);
        tally.done += 1;
      } else {
        expect(after, told).toEqual(state);
        tally.stopped += 1;
        if (outcome.what === "undone") tally.undone += 1;
      }
      if (harm.length > 0) tally.harmful += 1;
      for (const name of PROTECTED) expect(after.rows.get(name), told).toBe(state.rows.get(name));
      for (const [name, count] of state.counts) expect(after.counts.get(name) ?? 0, told).toBeGreaterThanOrEqual(count);
      expect(after.catalogue, told).toBe(state.catalogue);
      if (generated.harmless && !fails) expect(outcome.what, told).toBe("done");
      state = after;
    }
    // The test would prove nothing if it met only one kind.
    expect(tally.done).toBeGreaterThan(COUNT / 4);
    expect(tally.harmful).toBeGreaterThan(COUNT / 8);
    expect(tally.undone).toBeGreaterThan(COUNT / 50);
  },
  120_000,
);
