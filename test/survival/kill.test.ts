import { readdirSync } from "node:fs";

import { afterAll, beforeAll, expect, test } from "vitest";

import { processOf } from "../../src/receipts/entry.js";
import type { Entry } from "../../src/receipts/receipt.js";
import { programsOf } from "../../src/systems/git/programs.js";
import type { Deed } from "../support/kill-world.js";
import { KillWorld } from "../support/kill-world.js";
import { RawServer } from "../support/raw-server.js";

/** Moments at which a server process is killed; ENACT_SERVER_KILLS=500 for a long night. */
const KILLS = Number(process.env["ENACT_SERVER_KILLS"] ?? 30);
const SEED = Number(process.env["ENACT_SEED"] ?? 20_261_122);
/** Server processes that work on the one ledger at the same time. */
const SERVERS = 3;
/** Calls of one server at the same time. */
const AT_ONCE = 3;

let world: KillWorld;
beforeAll(async () => {
  world = await KillWorld.make();
});
afterAll(() => world.remove());

/** A fixed sequence that looks random (Lehmer): the moments differ from kill to kill, the test does not. */
function numbers(seed: number): () => number {
  let state = seed % 0x7fffffff || 1;
  return () => (state = (state * 48_271) % 0x7fffffff) / 0x7fffffff;
}

/** What the client of each call has heard. */
const heard = new Map<number, "done" | "failed" | "nothing">();

async function keepBusy(server: RawServer, random: () => number): Promise<void> {
  const kinds: readonly Deed["tool"][] = ["file_delete", "file_write", "sql_query", "file_delete", "file_write", "sql_query", "file_delete", "file_write", "git_push"];
  while (server.process.exitCode === null && server.process.signalCode === null) {
    const deed = world.deed(kinds[Math.floor(random() * kinds.length)] ?? "file_delete");
    heard.set(deed.number, "nothing");
    const answer = await server.call(deed.tool, deed.args);
    if (answer !== null) heard.set(deed.number, answer.isError === true ? "failed" : "done");
  }
}

/** One after the other, servers are started, given work and killed, while the others go on. */
async function line(random: () => number, left: () => boolean): Promise<void> {
  while (left()) {
    const server = new RawServer(world.project, world.env);
    await server.ready;
    const work = Array.from({ length: AT_ONCE }, () => keepBusy(server, random));
    // The first calls load what the server needs, and are killed less often than the others would be.
    await Promise.race([server.firstAnswer, server.ended]);
    await new Promise((resolve) => setTimeout(resolve, random() * 150));
    server.kill();
    await server.ended;
    await Promise.all(work);
    expect(server.stderr).not.toMatch(/^ +at /mu);
  }
}

test(`killed at ${String(KILLS)} moments under load, ${String(SERVERS)} servers at once (seed ${String(SEED)})`, { timeout: 60_000 + KILLS * 4_000 }, async () => {
  let kills = 0;
  const left = (): boolean => (kills += 1) <= KILLS;
  await Promise.all(Array.from({ length: SERVERS }, (_, index) => line(numbers(SEED + index), left)));

  // The next guard goes on where the killed ones have stopped.
  const next = new RawServer(world.project, world.env);
  await next.ready;
  const last = world.deed("file_delete");
  expect((await next.call(last.tool, last.args))?.isError).toBe(false);
  await next.close();

  const { report, entries } = await world.verified();
  expect(report.firstProblem).toBeUndefined();
  expect(entries.map(({ sequence }) => sequence)).toEqual(entries.map((_entry, index) => index + 1));
  const decisions = new Map(entries.filter(({ phase }) => phase === "decision").map((entry) => [world.deedOf(entry)?.number ?? 0, entry]));
  const outcomes = new Map(entries.filter(({ phase }) => phase === "outcome").map((entry) => [world.deedOf(entry)?.number ?? 0, entry]));
  const open = [...decisions].filter(([number, { decision }]) => decision === "PASS" && !outcomes.has(number));
  const done = await settledWorld(open.map(([, entry]) => entry));

  // No executed action without a durable decision that allowed it.
  const unaccounted = [...done].filter((number) => decisions.get(number)?.decision !== "PASS");
  expect(unaccounted).toEqual([]);
  // What a client was told, the ledger says and the world shows.
  for (const [number, said] of heard) {
    if (said !== "done") continue;
    expect({ number, outcome: outcomes.get(number)?.decision, done: done.has(number) }).toEqual({ number, outcome: "PASS", done: true });
  }
  // A recorded outcome is the truth.
  for (const [number, { decision, actions_taken: [action] }] of outcomes) {
    if (action?.success === "unknown") continue;
    expect({ number, decision, done: done.has(number) }).toEqual({ number, decision, done: action?.success === true });
  }
  // Interrupted are exactly the runs without an outcome, and there were some of each kind, or the kills came at the wrong moments.
  expect(report.interrupted.map(({ run_id }) => run_id).toSorted()).toEqual(open.map(([, { run_id }]) => run_id).toSorted());
  expect(open.length).toBeGreaterThan(KILLS / 8);
  expect(world.run("verify")).toMatchObject({ code: 0, out: expect.stringContaining(`${String(open.length)} runs have no outcome`) as string });

  expectSettled(open.map(([, entry]) => entry), done);
});

/** Programs that the killed servers had started go on for a moment; then the world stands still. */
async function settledWorld(open: readonly Entry[]): Promise<ReadonlySet<number>> {
  for (const name of new Set(open.map(({ run_id }) => processOf(run_id)))) {
    while (((await programsOf(name)) ?? []).length > 0) await new Promise((resolve) => setTimeout(resolve, 100));
  }
  let before = await world.happened();
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 700));
    const now = await world.happened();
    if (now.size === before.size) return now;
    before = now;
  }
}

/** doctor --settle says of every interrupted run what the world says, and nothing that it cannot know. */
function expectSettled(open: readonly Entry[], done: ReadonlySet<number>): void {
  const first = world.run("doctor", "--settle", "--json");
  const { settled } = JSON.parse(first.out) as { settled: readonly { run_id: string; found: string; reason: string; receipt: number | null }[] };
  expect(settled.map(({ run_id }) => run_id).toSorted()).toEqual(open.map(({ run_id }) => run_id).toSorted());
  const found = new Map(settled.map((one) => [one.run_id, one]));
  const tally: Record<string, number> = {};
  for (const entry of open) {
    const deed = world.deedOf(entry);
    const said = found.get(entry.run_id);
    const isDone = done.has(deed?.number ?? 0);
    tally[`${entry.workflow} ${said?.found ?? ""}`] = (tally[`${entry.workflow} ${said?.found ?? ""}`] ?? 0) + 1;
    // A file that was being replaced at that very moment is neither as it was nor as it was to be.
    const allowed = entry.workflow === "sql_query" ? ["cannot_tell"] : [isDone ? "done" : "not_done", "cannot_tell"];
    expect({ ...said, isDone }).toMatchObject({ found: expect.stringMatching(allowed.join("|")) as string, receipt: expect.any(Number) as number });
  }
  console.log(`settled after ${String(KILLS)} kills, seed ${String(SEED)}: ${JSON.stringify(tally)}`);
  const certain = settled.filter(({ found: one }) => one === "done" || one === "not_done").length;
  expect(certain).toBeGreaterThan(0);
  expect(first.code).toBe(0);
  expect(world.run("verify")).toMatchObject({ code: 0, out: expect.not.stringContaining("no outcome") as string });
  expect(JSON.parse(world.run("doctor", "--settle", "--json").out)).toMatchObject({ settled: [] });
  // What the killed ones left in the folder for temporary files is gone as soon as another guard looks at git.
  expect(readdirSync(world.temporary).filter((name) => name.startsWith("enact-git-"))).toEqual([]);
}
