import { describe, expect, it } from "vitest";
import { z } from "zod";

import type { JsonObject } from "../../src/facts/json.js";
import { unknown } from "../../src/facts/unknown.js";
import type { ConfiguredPolicy } from "../../src/guard/guard.js";
import type { Case } from "../../src/guard/judge.js";
import { judge } from "../../src/guard/judge.js";
import type { Policy, WorkflowContext } from "../../src/policies/policy.js";
import { definePolicy } from "../../src/policies/policy.js";

const NOW = new Date("2026-01-05T12:00:00Z");

function subject(payload: JsonObject, overrides: Partial<Case> = {}): Case {
  return {
    workflow: "git_push",
    identity: { user_email: "agent@company.example", actor_role: "engineer", user_attributes: { role: "engineer" } },
    payload,
    now: NOW,
    history: { runs: () => [], count: () => 0 },
    approval: null,
    ...overrides,
  };
}

function plain(policy: unknown, name = "custom"): ConfiguredPolicy {
  return { name, policy: policy as Policy };
}

const passes: Policy = () => ({ policy: "passes", passed: true, reason: "fine" });

function only(policy: unknown, payload: JsonObject = {}) {
  const { passed, results } = judge([plain(policy)], subject(payload));
  expect(results).toHaveLength(1);
  return { passed, ...results[0] };
}

describe("a policy that cannot be trusted to have judged blocks", () => {
  const malformed: [string, unknown, RegExp][] = [
    ["returns nothing", () => undefined, /returned nothing/],
    ["returns null", () => null, /Cannot be judged/],
    ["returns true", () => true, /a boolean/],
    ["returns a truthy 'passed'", () => ({ policy: "p", passed: 1, reason: "r" }), /no boolean 'passed'/],
    ["returns 'passed' as text", () => ({ policy: "p", passed: "true", reason: "r" }), /no boolean 'passed'/],
    ["gives no reason", () => ({ policy: "p", passed: true }), /no 'reason'/],
    ["gives an empty reason", () => ({ policy: "p", passed: true, reason: "  " }), /no 'reason'/],
    ["gives a hint that is no text", () => ({ policy: "p", passed: true, reason: "r", hint: 3 }), /'hint'/],
    ["gives a name that is no text", () => ({ policy: {}, passed: true, reason: "r" }), /'policy'/],
    ["is asynchronous and passes", async () => Promise.resolve({ policy: "p", passed: true, reason: "r" }), /promise/],
    ["is asynchronous and rejects", async () => Promise.reject(new Error("later")), /promise/],
    ["returns a thenable", () => ({ policy: "p", passed: true, reason: "r", then: () => undefined }), /promise/],
    ["throws an error", () => { throw new RangeError("boom"); }, /threw RangeError: boom/],
    ["throws a text", () => { throw "boom" as unknown as Error; }, /threw a string/],
    ["throws nothing", () => { throw undefined as unknown as Error; }, /threw a undefined/],
    ["has a result whose getter throws", () => ({ policy: "p", reason: "r", get passed() { throw new Error("no"); } }), /threw/],
  ];
  it.each(malformed)("%s", (_title, policy, reason) => {
    const result = only(policy);
    expect(result.passed).toBe(false);
    expect(result.reason).toMatch(reason);
  });

  it("reads a result that changes between two reads only once", () => {
    let reads = 0;
    const result = only(() => ({ policy: "p", reason: "r", get passed() { reads += 1; return reads > 1; } }));
    expect(reads).toBe(1);
    expect(result.passed).toBe(false);
  });

  it("does not let a rejected promise end the process", async () => {
    const seen: unknown[] = [];
    const note = (reason: unknown) => seen.push(reason);
    process.on("unhandledRejection", note);
    only(async () => Promise.reject(new Error("later")));
    await new Promise((resolve) => { setTimeout(resolve, 20); });
    process.off("unhandledRejection", note);
    expect(seen).toEqual([]);
  });
});

describe("no policy, no run", () => {
  it("blocks when the list is empty", () => {
    const { passed, results } = judge([], subject({}));
    expect(passed).toBe(false);
    expect(results[0]).toMatchObject({ policy: "guard", passed: false });
  });

  it("blocks when no policy applies to the tool", () => {
    const elsewhere = definePolicy({
      id: "elsewhere", category: "db", workflows: ["sql_query"], reads: [], options: z.strictObject({}), description: "d",
      hint: "h", examples: [{ title: "t", passes: false, workflow: "sql_query", payload: {} }],
      judge: () => ({ passed: true, reason: "fine" }),
    }).create({});
    expect(judge([plain(elsewhere)], subject({})).passed).toBe(false);
  });

  it("runs a tool that the configuration leaves unguarded by name", () => {
    expect(judge([], subject({}), true)).toEqual({ passed: true, results: [] });
  });

  it("runs all policies, also after the first failure", () => {
    const fails: Policy = () => ({ policy: "fails", passed: false, reason: "no", hint: "do else" });
    const { passed, results } = judge([plain(fails), plain(passes), plain(fails)], subject({}));
    expect(passed).toBe(false);
    expect(results.map((result) => result.policy)).toEqual(["fails", "passes", "fails"]);
  });
});

describe("an unknown fact blocks whoever reads it", () => {
  const payload: JsonObject = { branch: "x", tip: { ...unknown("the remote did not answer") }, deep: [{ sha: { ...unknown("no object") } }] };

  it("for a plain function", () => {
    const result = only((context: WorkflowContext) => ({ policy: "p", passed: context.payload["tip"] !== "bad", reason: "r" }), payload);
    expect(result.passed).toBe(false);
    expect(result.reason).toBe("Cannot be judged: tip is unknown: the remote did not answer");
  });

  it("also when the function swallows it", () => {
    const swallowing = (context: WorkflowContext) => {
      try {
        return { policy: "p", passed: context.payload["tip"] === "good", reason: "r" };
      } catch {
        return { policy: "p", passed: true, reason: "swallowed" };
      }
    };
    expect(only(swallowing, payload).passed).toBe(false);
  });

  it("deep below, through JSON.stringify, spread and Object.values", () => {
    for (const read of [JSON.stringify, (value: object) => ({ ...value }), Object.values]) {
      expect(only((context: WorkflowContext) => { read(context.payload); return { policy: "p", passed: true, reason: "r" }; }, payload).passed).toBe(false);
    }
    const deep = (context: WorkflowContext) => ({ policy: "p", passed: (context.payload["deep"] as { sha: string }[])[0]?.sha !== "x", reason: "r" });
    expect(only(deep, payload).reason).toContain("deep[0].sha is unknown: no object");
  });

  it("but not who does not read it", () => {
    expect(only((context: WorkflowContext) => ({ policy: "p", passed: context.payload["branch"] === "x", reason: "r" }), payload).passed).toBe(true);
  });

  const reading = definePolicy({
    id: "reading", category: "git", workflows: ["git_push"], reads: ["tip"], options: z.strictObject({}), description: "d", hint: "h",
    examples: [{ title: "t", passes: false, workflow: "git_push", payload: { tip: "bad" } }],
    judge: () => ({ passed: true, reason: "fine" }),
  }).create({});

  it.each([
    ["unknown", payload, "tip is unknown: the remote did not answer"],
    ["missing", { branch: "x" }, "the fact 'tip' is missing"],
    ["inherited", JSON.parse('{"__proto__": {"tip": "good"}}') as JsonObject, "the fact 'tip' is missing"],
  ] as [string, JsonObject, string][])("a declared fact that is %s blocks before the policy runs", (_title, facts, found) => {
    const { passed, results } = judge([plain(reading)], subject(facts));
    expect(passed).toBe(false);
    expect(results[0]?.reason).toBe(`Cannot be judged: ${found}`);
  });

  it("a ledger that cannot be read is an unknown fact, swallowed or not", () => {
    const history = { runs: () => { throw new Error("disk"); }, count: () => { throw new Error("disk"); } };
    const swallowing: Policy = (context) => {
      try { context.history.count({ since: NOW }); } catch { /* as a careless policy would */ }
      return { policy: "p", passed: true, reason: "r" };
    };
    expect(judge([plain(swallowing)], subject({}, { history })).passed).toBe(false);
  });
});

describe("a policy cannot change what is judged or done", () => {
  const attempts: [string, (context: WorkflowContext) => unknown][] = [
    ["the payload", (context) => { context.payload["branch"] = "main"; }],
    ["a list in the payload", (context) => (context.payload["files"] as string[]).push("x")],
    ["a nested object", (context) => { (context.payload["remote"] as { url: string }).url = "x"; }],
    ["the context", (context) => { (context as { workflow: string }).workflow = "file_read"; }],
    ["user attributes", (context) => { (context.user_attributes as { role: string }).role = "admin"; }],
    ["the prototype of the payload", (context) => Object.setPrototypeOf(context.payload, { branch: "x" })],
    ["the clock", (context) => context.now.setFullYear(1990)],
  ];
  it.each(attempts)("%s", (_title, attempt) => {
    const payload: JsonObject = { branch: "agent/x", files: ["a"], remote: { url: "u" } };
    const given = subject(payload);
    const { results } = judge([plain((context: WorkflowContext) => { attempt(context); return { policy: "p", passed: true, reason: "r" }; }), plain(passes)], given);
    expect(results[0]?.passed).toBe(false);
    expect(results[1]?.passed).toBe(true);
    expect(payload).toEqual({ branch: "agent/x", files: ["a"], remote: { url: "u" } });
    expect(given.now.toISOString()).toBe("2026-01-05T12:00:00.000Z");
    expect(given.identity.user_attributes).toEqual({ role: "engineer" });
  });

  it("keeps a key named __proto__ as data", () => {
    const payload = JSON.parse('{"names": {"__proto__": "x"}}') as JsonObject;
    expect(only((context: WorkflowContext) => ({ policy: "p", passed: Object.keys(context.payload["names"] as object).length === 1, reason: "r" }), payload).passed).toBe(true);
  });
});

it("shows control characters in a reason instead of obeying them", () => {
  const forging = () => ({ policy: "p", passed: false, reason: "bad\n  ✓ all fine \u202Eknil" });
  expect(only(forging).reason).toBe("bad\\n  ✓ all fine \\u{202e}knil");
});
