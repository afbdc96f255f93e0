import { expect, test } from "vitest";

import { doctorCommand } from "../../src/cli/doctor.js";
import { EnactError } from "../../src/errors.js";
import type { OpenRun, SettledRun } from "../../src/guard/settle.js";
import { definePolicy } from "../../src/policies/policy.js";
import { z } from "zod";
import { capturedIo } from "../support/cli-io.js";
import { smallProject } from "../support/small-project.js";

const bePolite = definePolicy({
  id: "be_polite",
  category: "slack",
  workflows: ["speak"],
  reads: [],
  options: z.strictObject({}),
  description: "Rude words",
  hint: "Be polite.",
  examples: [{ title: "rude", passes: false, workflow: "speak", payload: {} }],
  judge: () => ({ passed: false, reason: "rude" }),
}).create({});

test("all is well", async () => {
  const io = capturedIo();
  const project = smallProject({
    policies: [{ name: "be_polite", policy: bePolite }],
    probes: [{ system: "voice", look: async () => "it speaks" }],
    notices: ["mind the gap"],
  });
  expect(await doctorCommand({ json: false }, io, async () => project)).toBe(0);
  expect(io.out()).toBe(
    [
      "Project /project",
      "  ✓ configuration: /project/enact.yaml",
      "  ✓ self-test: every policy blocks its known-bad call",
      "  ✓ voice: it speaks",
      "Tools and their policies",
      "  speak: be_polite",
      "Note: mind the gap",
      "All is well.",
      "",
    ].join("\n"),
  );
  expect(project.closed).toBe(true);
});

test("a system that cannot be reached, in our words and without a client's secrets", async () => {
  const io = capturedIo();
  const probes = [
    { system: "postgres", look: async () => Promise.reject(new Error("connect postgres://app:hunter22@db")) },
    { system: "git", look: async () => Promise.reject(new EnactError("SYSTEM_UNAVAILABLE", "the remote 'origin' does not answer")) },
  ];
  const project = smallProject({ probes });
  expect(await doctorCommand({ json: true }, io, async () => project)).toBe(1);
  const { ok, findings } = JSON.parse(io.out()) as { ok: boolean; findings: unknown[] };
  expect(ok).toBe(false);
  expect(findings.slice(2)).toEqual([
    { what: "postgres", ok: false, found: "cannot be reached" },
    { what: "git", ok: false, found: "the remote 'origin' does not answer" },
  ]);
  expect(project.closed).toBe(true);
});

test("a policy that does not block what it must", async () => {
  const io = capturedIo();
  const project = smallProject();
  project.guard.selfTestFailures = ["dont_delete_row lets a call pass that it must block."];
  expect(await doctorCommand({ json: false }, io, async () => project)).toBe(1);
  expect(io.out()).toContain("✗ self-test: dont_delete_row lets a call pass");
  expect(io.out()).toContain("speak: unguarded");
});

const DECIDED_AT = "2026-11-22T12:00:00.000Z";
const settledRun = (found: SettledRun["found"], changes: Partial<SettledRun> = {}): SettledRun => ({
  run_id: `${found.replaceAll(/[^a-z]/gu, "").padEnd(8, "0")}-0000-4000-8000-0123456789ab`, workflow: "speak", decided_at: DECIDED_AT, found, reason: `because of ${found}`,
  receipt: ["done", "not_done", "cannot_tell"].includes(found) ? ({ sequence: 7 } as SettledRun["receipt"]) : null, ...changes,
});
const openRun = (run_id: string, isAtWork: boolean): OpenRun => ({ entry: { run_id, workflow: "speak" } as OpenRun["entry"], isAtWork });

test("interrupted runs are named, with the way to settle them; runs at work are nobody's business", async () => {
  const io = capturedIo();
  const project = smallProject({ interrupted: { list: async () => [openRun("aaaaaaaa-1", false), openRun("bbbbbbbb-2", true), openRun("cccccccc-3", false)] } });
  expect(await doctorCommand({ json: false }, io, async () => project)).toBe(0);
  expect(io.out()).toContain("Note: 2 runs were interrupted (speak aaaaaaaa, speak cccccccc). enact-guard doctor --settle looks at the systems");
  const broken = capturedIo();
  await doctorCommand({ json: true }, broken, async () => smallProject({ interrupted: { list: () => Promise.reject(new EnactError("TAMPERED", "cut")) } }));
  expect(JSON.parse(broken.out())).toMatchObject({ ok: true, notices: [] });
});

test("settling says of each run what was found and where it is on record", async () => {
  const io = capturedIo();
  const found = (["done", "not_done", "cannot_tell", "running"] as const).map((one) => settledRun(one));
  expect(await doctorCommand({ settle: true, json: false }, io, async () => smallProject({ interrupted: { settle: async () => found } }))).toBe(0);
  expect(io.out()).toContain(
    [
      "Runs that had no outcome",
      `  ✓ found done: speak of ${DECIDED_AT}, run done0000-0000-4000-8000-0123456789ab (receipt 7)`,
      "      because of done",
      `  ✗ found not done: speak of ${DECIDED_AT}, run notdone0-0000-4000-8000-0123456789ab (receipt 7)`,
      "      because of not_done",
      `  ? cannot tell: speak of ${DECIDED_AT}, run cannottell-0000-4000-8000-0123456789ab (receipt 7)`,
      "      because of cannot_tell",
      `  … at work: speak of ${DECIDED_AT}, run running0-0000-4000-8000-0123456789ab`,
      "      because of running",
    ].join("\n"),
  );
});

test.each(["later", "no_tool"] as const)("what could not be settled (%s) is a failure, for people and for scripts", async (found) => {
  const io = capturedIo();
  const project = smallProject({ interrupted: { settle: async () => [settledRun("done"), settledRun(found, { reason: "a line\nof its own" })] } });
  expect(await doctorCommand({ settle: true, json: true }, io, async () => project)).toBe(1);
  expect(JSON.parse(io.out())).toMatchObject({ ok: true, settled: [{ found: "done", receipt: 7 }, { found, receipt: null }] });
  const text = capturedIo();
  await doctorCommand({ settle: true, json: false }, text, async () => smallProject({ interrupted: { settle: async () => [settledRun(found, { reason: "a line\nof its own" })] } }));
  expect(text.out()).toContain("      a line\\nof its own\n");
});

test("nothing to settle", async () => {
  const io = capturedIo();
  expect(await doctorCommand({ settle: true, json: false }, io, async () => smallProject())).toBe(0);
  expect(io.out()).toContain("No run is without an outcome: nothing to settle.");
});
