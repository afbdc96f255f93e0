import { expect, test } from "vitest";

import { doctorCommand } from "../../src/cli/doctor.js";
import { EnactError } from "../../src/errors.js";
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
