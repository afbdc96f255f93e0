import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { describe, expect, test } from "vitest";

import { deepFreeze } from "../../src/facts/json.js";
import { unknown } from "../../src/facts/unknown.js";
import { CATEGORIES, insteadOf, policyMeta, type Example, type PolicyDefinition } from "../../src/policies/policy.js";
import { judgeCall, judges } from "../support/policy-tester.js";

const folder = fileURLToPath(new URL("../../src/policies", import.meta.url));

/** Every definition of every category, found by looking, so that one that is missing in a list is tested too. */
const definitions: PolicyDefinition[] = [];
for (const category of readdirSync(folder)) {
  if (!existsSync(`${folder}/${category}/index.ts`)) continue;
  const exported = (await import(`../../src/policies/${category}/index.ts`)) as Record<string, unknown>;
  definitions.push(...Object.values(exported).filter(isDefinition));
}

function isDefinition(value: unknown): value is PolicyDefinition {
  return typeof value === "object" && value !== null && "create" in value && "examples" in value;
}

/** Frozen before they are parsed, so that a policy that changes its options throws. */
function created(definition: PolicyDefinition, options: unknown = {}) {
  return definition.create(deepFreeze(structuredClone(options)));
}

/** The options of all examples, each once: the values under which a policy must hold. */
function optionValues(definition: PolicyDefinition): unknown[] {
  const values = new Map(definition.examples.map(({ options }) => [JSON.stringify(options ?? {}), options ?? {}]));
  return [...values.values()];
}

function examplesOf(definition: PolicyDefinition): [title: string, example: Example<unknown>][] {
  return definition.examples.map((example) => [`${example.passes ? "passes" : "blocks"}: ${example.title}`, example]);
}

test("there are policies to test", () => {
  expect(definitions.length).toBeGreaterThan(10);
});

describe.each(definitions.map((definition) => [definition.id, definition] as const))("%s", (id, definition) => {
  test("says what it is, what it blocks and what to do instead", () => {
    expect(id).toMatch(/^[a-z]+(_[a-z]+)+$/);
    expect(CATEGORIES).toContain(definition.category);
    expect(definition.description).toMatch(/^[A-Z].{20,}\.$/s);
    expect(definition.hint).toMatch(/^[A-Z].{20,}\.$/s);
    expect(definition.examples.some(({ passes }) => passes)).toBe(true);
    expect(definition.examples.some(({ passes }) => !passes)).toBe(true);
    const titles = definition.examples.map(({ title }) => title);
    expect(new Set(titles).size).toBe(titles.length);
  });

  test("takes no option that it does not know", () => {
    for (const options of optionValues(definition)) {
      expect(() => created(definition, { ...(options as object), no_such_option: 1 })).toThrow("no_such_option");
    }
  });

  test.each(examplesOf(definition))("%s", (_title, example) => {
    const policy = created(definition, example.options);
    const result = judgeCall(policy, example);
    expect(result).toMatchObject({ policy: id, passed: example.passes });
    expect(result.reason).not.toContain("Cannot be judged");
    expect(result.reason.length).toBeGreaterThan(8);
    const hasAdvice = /^[A-Z].{20,}\.$/s.test(result.hint ?? "");
    expect(hasAdvice).toBe(!example.passes);
    // The same call again: a policy remembers nothing and has changed nothing.
    expect(judgeCall(policy, example)).toEqual(result);
  });

  test("its advice passes the policy that gives it", () => {
    for (const example of definition.examples) {
      const policy = created(definition, example.options);
      const instead = insteadOf(judgeCall(policy, example));
      if (instead === undefined) continue;
      const advised = judgeCall(policy, { ...example, payload: { ...example.payload, ...instead } });
      expect({ example: example.title, advised }).toMatchObject({ example: example.title, advised: { passed: true } });
    }
  });

  test("blocks its known-bad call under every kind of options, on facts and not for want of them", () => {
    for (const options of optionValues(definition)) {
      const policy = created(definition, options);
      const bad = policyMeta(policy)?.knownBad;
      if (bad === undefined) throw new Error("no known-bad call");
      const result = judgeCall(policy, bad);
      expect({ options, passed: result.passed }).toEqual({ options, passed: false });
      expect(result.reason).not.toContain("Cannot be judged");
    }
  });

  test("blocks when a fact that it reads is missing or not known", () => {
    for (const example of definition.examples) {
      const policy = created(definition, example.options);
      if (!judges(policy, example.workflow)) continue;
      for (const fact of definition.reads) {
        const without = judgeCall(policy, { ...example, payload: { ...example.payload, [fact]: undefined } });
        expect({ example: example.title, fact, passed: without.passed }).toEqual({ example: example.title, fact, passed: false });
        const blind = judgeCall(policy, { ...example, payload: { ...example.payload, [fact]: unknown("nobody answered") } });
        expect({ example: example.title, fact, passed: blind.passed }).toEqual({ example: example.title, fact, passed: false });
        expect(blind.reason).toContain("nobody answered");
      }
    }
  });
});
