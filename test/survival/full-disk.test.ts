import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statfsSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, expect, test } from "vitest";

import type { Entry } from "../../src/receipts/receipt.js";
import type { Deed } from "../support/kill-world.js";
import { KillWorld } from "../support/kill-world.js";
import type { RawAnswer } from "../support/raw-server.js";
import { RawServer } from "../support/raw-server.js";

const SEED = Number(process.env["ENACT_SEED"] ?? 20_261_122);

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).toReversed()) await step();
});

const textOf = (answer: RawAnswer | null): string => answer?.content[0]?.text ?? "";

/** What was said of each deed, the world shows and the ledger has, whatever the disk did meanwhile. */
async function expectTruth(world: KillWorld, answers: ReadonlyMap<Deed, string>): Promise<void> {
  const { report, entries } = await world.verified();
  expect(report.firstProblem).toBeUndefined();
  const done = await world.happened();
  const of = (phase: Entry["phase"]) => new Map(entries.filter((entry) => entry.phase === phase).map((entry) => [world.deedOf(entry)?.number, entry]));
  const [decisions, outcomes] = [of("decision"), of("outcome")];
  for (const number of done) expect({ number, decision: decisions.get(number)?.decision }).toEqual({ number, decision: "PASS" });
  for (const [{ number }, text] of answers) {
    const [verdict = ""] = text.split("  ");
    const isDone = done.has(number);
    if (verdict === "DONE") expect({ number, isDone, outcome: outcomes.get(number)?.decision }).toEqual({ number, isDone: true, outcome: "PASS" });
    else if (verdict === "BLOCKED" || verdict === "NOT DONE") expect({ number, isDone, text }).toEqual({ number, isDone: false, text });
    else expect({ number, text }).toEqual({ number, text: expect.stringMatching(/^ATTENTION: .* the outcome could not be written to the ledger/u) as string });
  }
}

async function deed(world: KillWorld, server: RawServer, tool: Deed["tool"], answers: Map<Deed, string>): Promise<string> {
  const next = world.deed(tool);
  const text = textOf(await server.call(next.tool, next.args));
  answers.set(next, text);
  return text;
}

test("no file may grow any more: what cannot be put on record does not run, and all goes on when it can again", { timeout: 120_000 }, async () => {
  const world = await KillWorld.make({ sql: false });
  cleanUp.push(() => world.remove());
  // A file may have 400 KB, and the signal that would end the process is ignored: a full disk sends none.
  const limited = new RawServer(world.project, world.env, ["bash", "-c", "trap '' XFSZ; ulimit -f 400; exec \"$@\"", "bash"]);
  cleanUp.push(() => limited.close());
  await limited.ready;
  const answers = new Map<Deed, string>();
  for (let blocked = 0; blocked < 5; ) {
    const text = await deed(world, limited, "file_delete", answers);
    if (text.startsWith("BLOCKED")) blocked += 1;
    expect(world.deeds.length).toBeLessThan(500);
  }
  expect([...answers.values()].at(-1)).toMatch(/ledger: The ledger cannot .*\nNothing was done: what cannot be put on record does not run\./u);
  expect([...answers.values()].filter((text) => text.startsWith("DONE")).length).toBeGreaterThan(2);
  await expectTruth(world, answers);
  // The server lives, and what it could not record is settled all the same.
  const { settled } = JSON.parse(world.run("doctor", "--settle", "--json").out) as { settled: readonly { found: string }[] };
  expect(settled.every(({ found }) => found === "done")).toBe(true);
  expect(await world.verified()).toMatchObject({ report: { ok: true, interrupted: [] } });
  const free = new RawServer(world.project, world.env);
  cleanUp.push(() => free.close());
  await free.ready;
  expect(await deed(world, free, "file_delete", answers)).toMatch(/^DONE/u);
  await expectTruth(world, answers);
});

/** A disk of its own in memory; undefined where nobody may mount one. */
function mountDisk(megabytes: number): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), "enact-disk-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${String(megabytes)}m,mode=755`, "enact-test", folder], { stdio: "ignore" });
    return folder;
  } catch {
    rmSync(folder, { recursive: true });
    return undefined;
  }
}

function unmount(folder: string): void {
  execFileSync("umount", ["-l", folder]);
  rmSync(folder, { recursive: true });
}

function mayMount(): boolean {
  const folder = mountDisk(1);
  if (folder !== undefined) unmount(folder);
  return folder !== undefined;
}

/** Only who may mount has a disk that is really full; the limit on files above says the same everywhere else. */
const DISKS = mayMount() ? [12] : [];

test.each(DISKS)(`a disk of %i MB that is full again and again, at ever other moments (seed ${String(SEED)})`, { timeout: 180_000 }, async (megabytes) => {
  const disk = mountDisk(megabytes) ?? "";
  cleanUp.push(() => unmount(disk));
  const world = await KillWorld.make({ sql: false, root: join(disk, "world") });
  const server = new RawServer(world.project, world.env);
  cleanUp.push(() => server.close());
  await server.ready;
  const answers = new Map<Deed, string>();
  expect(await deed(world, server, "file_write", answers)).toMatch(/^DONE/u);
  const filler = join(disk, "filler");
  let state = SEED;
  const random = (): number => (state = (state * 48_271) % 0x7fffffff) / 0x7fffffff;
  for (let round = 0; round < 8; round += 1) {
    // The files that the deeds are about are made while there is room.
    const deeds = Array.from({ length: 12 }, (_, index) => world.deed(index % 3 === 0 ? "file_write" : "file_delete"));
    fill(disk, filler, Math.floor(random() * 600_000));
    for (const next of deeds) {
      answers.set(next, textOf(await server.call(next.tool, next.args)));
    }
    rmSync(filler);
    await expectTruth(world, answers);
  }
  const tally: Record<string, number> = {};
  for (const text of answers.values()) tally[text.slice(0, 9)] = (tally[text.slice(0, 9)] ?? 0) + 1;
  console.log(`on a disk that was full eight times, seed ${String(SEED)}: ${JSON.stringify(tally)}`);
  expect(tally["BLOCKED  "]).toBeGreaterThan(8);
  expect(await deed(world, server, "file_delete", answers)).toMatch(/^DONE/u);
  const { settled } = JSON.parse(world.run("doctor", "--settle", "--json").out) as { settled: readonly { found: string; reason: string }[] };
  expect(settled.filter(({ found }) => found !== "done" && found !== "not_done")).toEqual([]);
  await expectTruth(world, answers);
  expect(world.run("verify").code).toBe(0);
});

/** Fills the disk but for so many bytes. */
function fill(folder: string, filler: string, left: number): void {
  mkdirSync(join(folder), { recursive: true });
  const { bavail, bsize } = statfsSync(folder);
  try {
    writeFileSync(filler, Buffer.alloc(bavail * bsize + 1_000_000));
  } catch {
    // It took as much as there was.
  }
  truncateSync(filler, Math.max(0, bavail * bsize - left));
}
