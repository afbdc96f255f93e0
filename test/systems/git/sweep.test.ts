import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { sweepScratch } from "../../../src/systems/git/sweep.js";

const DEAD = "0123456789ab";
const ALIVE = "ba9876543210";
const isGone = async (name: string) => name === DEAD;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "enact-sweep-"));
  vi.stubEnv("TMPDIR", folder);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function make(name: string, ageHours = 0): string {
  const path = join(folder, name);
  mkdirSync(path);
  writeFileSync(join(path, "HEAD"), "x");
  const then = new Date(Date.now() - ageHours * 60 * 60 * 1000);
  utimesSync(path, then, then);
  return path;
}

test("what a dead guard left is removed; what belongs to others, or might, stays", async () => {
  const gone = [make(`enact-git-${DEAD}-aB3xYz`), make("enact-git-aB3xYz", 25), make(`enact-git-${ALIVE}-aB3xYz`, 25)];
  const outside = make("precious");
  symlinkSync(outside, join(folder, `enact-git-${DEAD}-linked`));
  writeFileSync(join(folder, `enact-git-${DEAD}-afile0`), "x");
  const stay = [
    make(`enact-git-${ALIVE}-qqqqqq`), make("enact-git-qqqqqq"), make(`enact-git-${DEAD}-toolong`), make(`enact-git-${DEAD.toUpperCase()}-aB3xYz`, 1),
    make(`my-enact-git-${DEAD}-aB3xYz`), outside, join(folder, `enact-git-${DEAD}-linked`), join(folder, `enact-git-${DEAD}-afile0`),
  ];
  await sweepScratch({ isGone });
  expect(gone.filter((path) => existsSync(path))).toEqual([]);
  expect(stay.filter((path) => !existsSync(path))).toEqual([]);
  expect(existsSync(join(outside, "HEAD"))).toBe(true);
});

test("while a program that the dead guard started still runs, its folder stays: a push asks the gate in it", async () => {
  const path = make(`enact-git-${DEAD}-aB3xYz`);
  const program = spawn("sleep", ["30"], { env: { PATH: process.env["PATH"] ?? "", ENACT_GUARD_PROCESS: DEAD } });
  await new Promise((resolve) => program.once("spawn", resolve));
  await sweepScratch({ isGone });
  expect(existsSync(path)).toBe(true);
  program.kill();
  await new Promise((resolve) => program.once("exit", resolve));
  await sweepScratch({ isGone });
  expect(existsSync(path)).toBe(false);
});

test("a ledger that cannot be asked proves nothing", async () => {
  const path = make(`enact-git-${DEAD}-aB3xYz`);
  await sweepScratch({ isGone: () => Promise.reject(new Error("no")) });
  expect(existsSync(path)).toBe(true);
});
