import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";

import type { Child } from "../support/child-script.js";
import { compileScript, startScript } from "../support/child-script.js";
import { LedgerSandbox, recordRun } from "../support/ledger-sandbox.js";

let script: string;
beforeAll(async () => {
  script = await compileScript(fileURLToPath(new URL("append-child.ts", import.meta.url)));
});

let sandbox: LedgerSandbox;
beforeEach(() => {
  sandbox = new LedgerSandbox();
});
afterEach(() => sandbox.cleanUp());

function guard(order: object, wrapper: readonly string[] = []): Child {
  const { project, enactHome, signing } = sandbox;
  return startScript(script, [JSON.stringify({ project, enactHome, signing, runs: 20, ...order })], wrapper);
}

const runsIn = (child: Child, word: string): string[] =>
  child.lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1));

test("four guards at once, on a ledger that none of them has made yet, write one chain without gaps", async () => {
  const at = Date.now() + 500;
  const guards = Array.from({ length: 4 }, () => guard({ runs: 40, at }));
  const ended = await Promise.all(guards.map((child) => child.ended));
  expect([...ended, ...guards.map((child) => child.errors())]).toEqual([0, 0, 0, 0, "", "", "", ""]);
  const report = await sandbox.verify();
  expect(report).toMatchObject({ ok: true, entries: 320, interrupted: [] });
  expect(report.keys).toHaveLength(1);
});

test("of four guards that want to mail the same person at the same moment, one does", async () => {
  const at = Date.now() + 500;
  const guards = Array.from({ length: 4 }, () => guard({ runs: 5, at, limitOne: true }));
  await Promise.all(guards.map((child) => child.ended));
  expect(guards.flatMap((child) => runsIn(child, "PASS"))).toHaveLength(1);
  expect(guards.flatMap((child) => runsIn(child, "BLOCK"))).toHaveLength(19);
  expect(await sandbox.verify()).toMatchObject({ ok: true, entries: 21 });
});

/** Processes that are killed; ENACT_KILLS=2000 for a long night. See test/survival for whole servers. */
const KILLS = Number(process.env["ENACT_KILLS"] ?? 100);
const SEED = Number(process.env["ENACT_SEED"] ?? 20_261_122);
/** Guards on the one ledger at the same time. */
const LINES = 4;

test(`killed at ${String(KILLS)} moments under load (seed ${String(SEED)}): what was said to be durable is there, and nothing is torn`, { timeout: 60_000 + KILLS * 2_000 }, async () => {
  const said: string[] = [];
  const outcomes: string[] = [];
  let kills = 0;
  /** One guard after the other is started and killed while the others go on: each finds what a killed one has left. */
  const line = async (index: number): Promise<void> => {
    // A fixed sequence that looks random: the moments differ, the test does not.
    let state = SEED + index;
    const random = (): number => (state = (state * 48_271) % 0x7fffffff) / 0x7fffffff;
    while ((kills += 1) <= KILLS) {
      const child = guard({ runs: 100_000, payloadBytes: index % 2 === 0 ? 10 : 5000 });
      await vi.waitFor(() => expect(child.lines.length).toBeGreaterThan(0), { timeout: 20_000, interval: 5 });
      await new Promise((resolve) => setTimeout(resolve, random() * 60));
      child.process.kill("SIGKILL");
      expect([await child.ended, child.errors()]).toEqual(["SIGKILL", ""]);
      said.push(...runsIn(child, "PASS"));
      outcomes.push(...runsIn(child, "DONE"));
    }
  };
  await Promise.all(Array.from({ length: LINES }, (_, index) => line(index)));
  const ledger = sandbox.ledger();
  await recordRun(ledger);
  const report = await sandbox.verify();
  expect(report.firstProblem).toBeUndefined();
  const interrupted = new Set(report.interrupted.map((run) => run.run_id));
  const known = new Map<string, boolean>();
  for (const entry of await ledger.entries({})) known.set(entry.run_id, entry.phase === "outcome");
  expect(said.filter((run) => !known.has(run))).toEqual([]);
  expect(outcomes.filter((run) => known.get(run) !== true)).toEqual([]);
  // Interrupted are exactly the runs without an outcome, at most one for each kill and guard.
  expect([...interrupted].toSorted()).toEqual([...known].filter(([, hasOutcome]) => !hasOutcome).map(([run]) => run).toSorted());
  expect(interrupted.size).toBeLessThanOrEqual(KILLS);
  expect(interrupted.size).toBeGreaterThan(KILLS / 10);
  expect(said.length).toBeGreaterThan(KILLS);
  const counted = await ledger.look((history) => history.count({ since: new Date(0) }));
  expect(counted).toBe(known.size);
});

test("killed while it makes the key, the folder and the ledger: the next guard goes on", async () => {
  for (let delay = 40; delay < 140; delay += 8) {
    const fresh = new LedgerSandbox(delay % 16 === 0 ? "hmac" : "ed25519");
    const { project, enactHome, signing } = fresh;
    const child = startScript(script, [JSON.stringify({ project, enactHome, signing, runs: 100_000 })]);
    await new Promise((resolve) => setTimeout(resolve, delay));
    child.process.kill("SIGKILL");
    await child.ended;
    await recordRun(fresh.ledger());
    const report = await fresh.verify();
    expect(report.firstProblem).toBeUndefined();
    expect(report.entries).toBeGreaterThanOrEqual(2 + child.lines.length);
    await fresh.cleanUp();
  }
});

describe("what the disk refuses, the guard refuses", () => {
  const nobody = process.getuid?.() === 0 ? { user: 65_534 } : {};

  test("a project folder that cannot be written", async () => {
    // Reachable for another user, but not writable.
    chmodSync(sandbox.root, 0o755);
    mkdirSync(sandbox.enactHome);
    const home = join(sandbox.root, "their-home");
    mkdirSync(home, { mode: 0o777 });
    chmodSync(home, 0o777);
    chmodSync(sandbox.project, 0o555);
    const child = guard({ ...nobody, enactHome: join(home, "enact") });
    expect(await child.ended).toBe(1);
    expect(child.lines).toEqual([expect.stringMatching(/^ERROR LEDGER_UNAVAILABLE The ledger cannot be written/) as string]);
    expect(existsSync(join(sandbox.project, ".enact"))).toBe(false);
  });

  test("a config folder that cannot be written", async () => {
    chmodSync(sandbox.root, 0o755);
    chmodSync(sandbox.project, 0o777);
    mkdirSync(join(sandbox.root, "closed"), { mode: 0o555 });
    const child = guard({ ...nobody, enactHome: join(sandbox.root, "closed", "enact") });
    expect(await child.ended).toBe(1);
    expect(child.lines).toEqual([expect.stringMatching(/^ERROR KEY_UNUSABLE .*cannot be written/) as string]);
  });

  test("nothing of reading: an auditor's copy on a disk that cannot be written is read, and stays as it is", async () => {
    const ledger = sandbox.ledger();
    await recordRun(ledger);
    await ledger.close();
    const copy = join(sandbox.root, "copy");
    mkdirSync(join(copy, ".enact"), { recursive: true });
    cpSync(sandbox.file, join(copy, ".enact", "ledger.sqlite"));
    for (const path of [sandbox.root, copy]) chmodSync(path, 0o755);
    chmodSync(join(copy, ".enact", "ledger.sqlite"), 0o444);
    chmodSync(join(copy, ".enact"), 0o555);
    const reader = await compileScript(fileURLToPath(new URL("read-child.ts", import.meta.url)));
    const child = startScript(reader, [JSON.stringify({ project: copy, enactHome: join(sandbox.root, "none"), ...nobody })]);
    expect([await child.ended, child.errors()]).toEqual([0, ""]);
    expect(child.lines).toEqual(["true 2 1 null"]);
    expect(readdirSync(join(copy, ".enact"))).toEqual(["ledger.sqlite"]);
  });

  test("a full disk: every entry that was said to be durable is whole", async () => {
    await recordRun(sandbox.ledger());
    // No file may grow beyond 600 KB, and the signal that would kill the process is ignored, as a full disk sends none.
    const limit = ["bash", "-c", "trap '' XFSZ; ulimit -f 600; exec \"$@\"", "bash"];
    const child = guard({ runs: 100_000, payloadBytes: 3000 }, limit);
    expect(await child.ended).toBe(1);
    expect(child.lines.at(-1)).toMatch(/^ERROR LEDGER_UNAVAILABLE The ledger .*(disk|written)/);
    const said = runsIn(child, "PASS");
    expect(said.length).toBeGreaterThan(5);
    const ledger = sandbox.ledger();
    await recordRun(ledger);
    const report = await sandbox.verify();
    expect(report.firstProblem).toBeUndefined();
    const known = new Set((await ledger.entries({})).map((entry) => entry.run_id));
    expect(said.filter((run) => !known.has(run))).toEqual([]);
  });
});
