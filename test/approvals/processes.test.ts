import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";

import { ApprovalWorld } from "../support/approval-world.js";
import { compileScript, startScript } from "../support/child-script.js";

let world: ApprovalWorld;
let script: string;
beforeAll(async () => {
  script = await compileScript(fileURLToPath(new URL("../support/approval-child.ts", import.meta.url)));
});
afterAll(() => rmSync(script, { force: true }));
beforeEach(() => {
  world = new ApprovalWorld();
  world.now = new Date();
});
afterEach(() => world.remove());

/** Four processes, each with so many calls at the same moment. What ran is counted by a log, not by what they say. */
async function rush(times: number) {
  const log = join(world.root, "log");
  const at = String(Date.now() + 1_500);
  const children = Array.from({ length: 4 }, () => startScript(script, [world.project, world.enactHome, world.file, log, at, String(times)]));
  const codes = await Promise.all(children.map(({ ended }) => ended));
  expect({ codes, errors: children.map((child) => child.errors()).join("") }).toEqual({ codes: [0, 0, 0, 0], errors: "" });
  world.now = new Date();
  const statuses = children.flatMap(({ lines }) => JSON.parse(lines[0] ?? "[]") as [string, string][]).map(([status, code]) => (status === "done" ? status : code));
  const ran = existsSync(log) ? readFileSync(log, "utf8").split("\n").filter((line) => line !== "").length : 0;
  return { ran, done: statuses.filter((status) => status === "done").length, blocked: statuses.filter((status) => status === "BLOCKED").length };
}

test("twenty uses of one approval at the same moment, in four processes: one runs", async () => {
  const ann = world.person("ann@example.com");
  const guard = world.guard();
  await guard.call("note_write", { text: "hello" });
  await world.approve(ann);
  expect(await rush(5)).toEqual({ ran: 1, done: 1, blocked: 19 });
  expect(await world.verify()).toMatchObject({ ok: true });
  // Those who came too late have asked for another one, once.
  expect((await world.inbox.list({ state: "open" }, world.now)).length).toBeLessThanOrEqual(1);
});

test("twenty calls at the same moment that nobody has approved, in four processes: people are asked once", async () => {
  world.person("ann@example.com");
  expect(await rush(5)).toEqual({ ran: 0, done: 0, blocked: 20 });
  expect(await world.inbox.list({}, world.now)).toHaveLength(1);
  expect(await world.request()).toMatchObject({ state: "open", problem: null });
});
