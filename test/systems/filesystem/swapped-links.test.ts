import { spawn } from "node:child_process";
import { once } from "node:events";
import { lstatSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { expect, onTestFinished, test } from "vitest";

import { ANCHORS, CANARY, call, fileWorld, type FileWorld } from "../../support/file-world.js";
import { fileDeleteTool } from "../../../src/tools/file_delete.js";
import { fileWriteTool } from "../../../src/tools/file_write.js";
import { executed, planned } from "../../support/tool-calls.js";

const SWAPPER = fileURLToPath(new URL("../../support/file-swapper.mjs", import.meta.url));
const SEED = Number(process.env["FILE_SEED"] ?? 20261122);
const MILLISECONDS = Number(process.env["FILE_RACE_MS"] ?? 3000);

/** mulberry32, as in the swapper. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

async function startSwapper(world: FileWorld, mode: "links" | "names"): Promise<() => Promise<void>> {
  const swapper = spawn(process.execPath, [SWAPPER, mode, world.root, world.outside, String(SEED)], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(swapper, "exit");
  const stop = async (): Promise<void> => {
    swapper.kill("SIGKILL");
    await exited;
  };
  onTestFinished(stop);
  await once(swapper.stdout, "data");
  return stop;
}

test.each(ANCHORS)("links swapped by another process never lead a tool outside (%s)", async (anchor) => {
  // The world itself checks, at its end, that what lies outside is as it was.
  const world = fileWorld();
  for (const path of ["a/x.txt", "a/c/y.txt", "a/c/e/z.txt", "b/x.txt", "b/d/y.txt"]) world.put(path, "inside");
  const files = world.open({ anchor });
  const stop = await startSwapper(world, "links");
  const random = randomFrom(SEED);
  const pick = <Item>(list: readonly [Item, ...Item[]]): Item => list[Math.floor(random() * list.length)] ?? list[0];
  const outcomes = new Map<string, number>();
  const leaks: string[] = [];
  const end = Date.now() + MILLISECONDS;
  for (let round = 0; Date.now() < end; round += 1) {
    const folder = pick(["a", "b", "a/c", "b/d", "a/c/e", "a/in", "b/in/d", "a/l1", ".", "secret.txt", "photos"]);
    const path = `${folder}/${pick(["x.txt", "y.txt", "z.txt", "secret.txt", "holiday.txt", "photos/holiday.txt", "m1", "l0"])}`;
    const tool = pick<"read" | "write" | "delete" | "tree">(["read", "write", "delete", "tree"]);
    const acts = {
      read: async () => call.read(files, path),
      write: async () => call.write(files, path, `written ${round}`),
      delete: async () => call.delete(files, path),
      tree: async () => call.delete(files, folder, true),
    };
    const outcome = await acts[tool]().then(
      (execution) => {
        if (JSON.stringify(execution.result).includes("canary")) leaks.push(path);
        return execution.actions.every(({ success }) => success === true) ? "done" : "partial";
      },
      (error: unknown) => (error instanceof Error && "code" in error ? String(error.code) : String(error)),
    );
    outcomes.set(`${tool} ${outcome}`, (outcomes.get(`${tool} ${outcome}`) ?? 0) + 1);
  }
  await stop();
  expect(leaks).toEqual([]);
  expect(CANARY).toContain("canary");
  // Otherwise nothing was raced.
  const total = (outcome: string) => [...outcomes].filter(([key]) => key.endsWith(outcome)).reduce((sum, [, count]) => sum + count, 0);
  // Every failure is an error of ours, with a code that a script can match.
  expect([...outcomes.keys()].filter((key) => !/ (done|partial|NOT_FOUND|REFUSED|STALE_PLAN|INVALID_INPUT|SYSTEM_UNAVAILABLE|ACTION_FAILED|OUTCOME_UNKNOWN)$/.test(key))).toEqual([]);
  expect({ outcomes, raced: Math.min(total("done"), total("REFUSED"), total("STALE_PLAN")) > 5 }).toMatchObject({ raced: true });
});

test.each(ANCHORS)("no file is deleted or overwritten that was not judged, while another process renames them (%s)", async (anchor) => {
  const world = fileWorld();
  const files = world.open({ anchor });
  const random = randomFrom(SEED);
  // Each file is known by its size, whatever its name is and whichever inode number it is given.
  const made = new Set<number>();
  const judgedAndGone = new Set<number>();
  const make = (name: string): void => {
    const size = made.size + 1;
    writeFileSync(join(world.root, name), "x".repeat(size), { flag: "wx" });
    made.add(size);
  };
  for (const name of ["p", "q", "r", "s"]) make(name);
  const stop = await startSwapper(world, "names");
  const outcomes = { deleted: 0, written: 0, stale: 0, other: 0 };
  const raced = () => Math.min(outcomes.deleted, outcomes.written, outcomes.stale) > 3;
  // On a machine that is busy with other things it takes longer until each has happened.
  const end = Date.now() + MILLISECONDS / 2;
  for (let round = 0; (Date.now() < end || (!raced() && Date.now() < end + 20_000)) && made.size < 4000; round += 1) {
    const path = "pqrstuvw"[Math.floor(random() * 8)] ?? "p";
    const size = made.size + 1;
    let judged: number | undefined;
    try {
      if (random() < 0.5) {
        const { step } = await planned(fileDeleteTool, { path }, files.reader);
        judged = Number(step.place.target?.size);
        await executed(fileDeleteTool, step, files.writer);
        outcomes.deleted += 1;
        make(`new-${round}`);
      } else {
        const { step } = await planned(fileWriteTool, { path, content: "x".repeat(size) }, files.reader);
        if (step.place.target === null) continue;
        judged = Number(step.place.target.size);
        await executed(fileWriteTool, step, files.writer);
        outcomes.written += 1;
        made.add(size);
      }
      judgedAndGone.add(judged);
    } catch (error) {
      const { code } = error as { code?: string };
      // Written for certain, and moved by the other process before that could be seen.
      if (code === "OUTCOME_UNKNOWN" && judged !== undefined) judgedAndGone.add(judged);
      outcomes[code === "STALE_PLAN" ? "stale" : "other"] += 1;
    }
  }
  await stop();
  const left = new Set(readdirSync(world.root).map((name) => lstatSync(join(world.root, name)).size));
  expect([...made].filter((size) => !left.has(size) && !judgedAndGone.has(size))).toEqual([]);
  expect({ outcomes, raced: raced() }).toMatchObject({ raced: true });
});
