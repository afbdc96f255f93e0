import { expect, test } from "vitest";

import type { History } from "../../src/facts/context.js";
import { judge } from "../../src/guard/judge.js";
import type { JsonObject } from "../../src/facts/json.js";
import { policyMeta, type Example, type PolicyDefinition } from "../../src/policies/policy.js";

const NOW = "2026-11-22T12:00:00.000Z";

/** Runs the examples of a policy as the guard would judge them, and what every policy must do whatever its rule. */
export function testPolicy(definition: PolicyDefinition): void {
  test.each(definition.examples.map((example) => [example.passes ? "passes" : "blocks", example.title, example] as const))(
    "%s: %s",
    (_verdict, _title, example) => {
      expect(judgeExample(definition, example)).toMatchObject({ passed: example.passes });
    },
  );

  test.each(definition.reads)("blocks when the fact '%s' is missing or unknown", (fact) => {
    const passing = definition.examples.find((example) => example.passes) ?? definition.examples[0];
    if (passing === undefined) throw new Error("a policy has examples");
    const { [fact]: _gone, ...rest } = passing.payload;
    expect(judgeExample(definition, { ...passing, payload: rest }).passed).toBe(false);
    const unknown = { ...rest, [fact]: { $unknown: "nobody knows" } };
    expect(judgeExample(definition, { ...passing, payload: unknown })).toMatchObject({
      passed: false,
      reason: expect.stringContaining("nobody knows") as string,
    });
  });

  test("its options are strict, and it says what to do instead", () => {
    expect(() => definition.create({ nonsense: true })).toThrow(/nonsense/);
    expect(definition.hint).not.toBe("");
    for (const example of definition.examples) {
      const { knownBad } = policyMeta(definition.create(example.options)) ?? {};
      expect(judgeExample(definition, { ...knownBad, ...optionsOf(example) } as Example<unknown>).passed).toBe(false);
    }
  });
}

function optionsOf(example: Example<unknown>) {
  return example.options === undefined ? {} : { options: example.options };
}

/** The result of one example. */
export function judgeExample(definition: PolicyDefinition, example: Example<unknown>) {
  const policy = definition.create(example.options);
  const now = new Date(example.now ?? NOW);
  const digest = "sha256:0";
  const { results, passed } = judge([{ name: definition.id, policy }], {
    workflow: example.workflow,
    identity: {
      user_email: "ann@example.com",
      actor_role: example.actor_role ?? "engineer",
      user_attributes: example.user_attributes ?? {},
    },
    payload: example.payload as JsonObject,
    now,
    history: historyOf(example, now),
    approval: example.approved === true
      ? { id: "a", approver: "bob@example.com", approvers: ["bob@example.com"], method: "passkey", plan_digest: digest, approved_at: now.toISOString() }
      : null,
  });
  return results[0] ?? { policy: definition.id, passed, reason: "not judged" };
}

function historyOf(example: Example<unknown>, now: Date): History {
  const all = (example.history ?? []).map((run, index) => ({
    run_id: `run-${index}`,
    workflow: run.workflow,
    user_email: "ann@example.com",
    timestamp: new Date(now.getTime() - run.seconds_ago * 1000),
    state: "done" as const,
    subject: run.subject,
  }));
  const runs: History["runs"] = ({ workflows, subject, since }) =>
    all.filter((run) =>
      (workflows === undefined || workflows.includes(run.workflow)) &&
      (subject === undefined || run.subject === subject) && run.timestamp >= since);
  return { runs, count: (query) => runs(query).length };
}
