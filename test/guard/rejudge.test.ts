import { z } from "zod";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import type { JsonObject } from "../../src/facts/json.js";
import { unknown } from "../../src/facts/unknown.js";
import type { ConfiguredPolicy, Guard, GuardOptions } from "../../src/guard/guard.js";
import { judge } from "../../src/guard/judge.js";
import type { RejudgeOptions, RejudgeReport } from "../../src/guard/rejudge.js";
import { contradictions, rejudgeAll, Rejudger } from "../../src/guard/rejudge.js";
import type { Policy } from "../../src/policies/policy.js";
import { definePolicy } from "../../src/policies/policy.js";
import { requireHumanOkPolicy } from "../../src/policies/access/require_human_ok.js";
import { rateLimitPolicy } from "../../src/policies/time/rate_limit.js";
import { withinMaintenanceWindowPolicy } from "../../src/policies/time/within_maintenance_window.js";
import type { Entry } from "../../src/receipts/receipt.js";
import type { GuardSandbox } from "../support/guard-sandbox.js";
import { guardSandbox, noteTool } from "../support/guard-sandbox.js";
import { draft } from "../support/ledger-sandbox.js";

const SEED = Number(process.env["ENACT_SEED"] ?? 20_261_122);
const DIGEST = `sha256:${"0".repeat(64)}`;

let sandbox: GuardSandbox;
beforeEach(() => {
  sandbox = guardSandbox();
});
afterEach(() => sandbox.remove());

const named = (...policies: readonly Policy[]): readonly ConfiguredPolicy[] => policies.map((policy, index) => ({ name: policy.name || `policy_${String(index)}`, policy }));

/** Blocks texts that hold a word. */
const without = (word: string): Policy =>
  Object.defineProperty((context: Parameters<Policy>[0]) => {
    const isWithout = !String(context.payload["text"]).includes(word);
    return { policy: `without_${word}`, passed: isWithout, reason: isWithout ? `'${word}' is not in it` : `'${word}' is in it` };
  }, "name", { value: `without_${word}` });

/** A built-in that needs a fact. */
const needs = (fact: string): Policy =>
  definePolicy({
    id: `needs_${fact}`, category: "access", workflows: "all", reads: [fact], options: z.strictObject({}), description: "-", hint: "-",
    examples: [{ title: "-", passes: false, workflow: "note_write", payload: {} }],
    judge: ({ payload }) => ({ passed: payload[fact] === "good", reason: `${fact} is ${String(payload[fact])}` }),
  }).create({});

async function entries() {
  return sandbox.ledger.entries({});
}

async function again(policies: readonly ConfiguredPolicy[], changes: Partial<RejudgeOptions> = {}): Promise<RejudgeReport> {
  return rejudgeAll(await entries(), { policies, unguarded: [], tools: ["note_write"], configDigest: `sha256:${"9".repeat(64)}`, ...changes });
}

function guardWith(policies: readonly ConfiguredPolicy[], options: Partial<GuardOptions> = {}, facts: Readonly<Record<string, unknown>> = {}): Guard {
  return sandbox.guard({ policies, tools: [noteTool(sandbox.file, { facts })], ...options });
}

test("a policy that is new, gone, or says otherwise: both directions, with what makes the difference", async () => {
  const guard = guardWith(named(without("red"), without("green")));
  for (const text of ["red", "blue", "green"]) await guard.call("note_write", { text });
  const report = await again(named(without("green"), without("blue")));
  expect(report).toMatchObject({ judged: 3, same: 1, unclear: [], unplanned: 0 });
  expect(report.changed).toMatchObject([
    { sequence: 1, workflow: "note_write", of: "plan", was: "BLOCK", now: "PASS", sameConfiguration: false, policies: [
      { policy: "without_blue", was: "absent", now: "passed", reason: "'blue' is not in it" },
      { policy: "without_red", was: "failed", now: "absent", reason: "'red' is in it" },
    ] },
    { sequence: 2, was: "PASS", now: "BLOCK", policies: [
      { policy: "without_blue", was: "absent", now: "failed", reason: "'blue' is in it" },
      { policy: "without_red", was: "passed", now: "absent" },
    ] },
  ]);
  expect(contradictions(report)).toEqual([]);
});

test("the same configuration comes to the same verdicts; a decision that does not follow from its facts is a contradiction", async () => {
  const policies = named(without("red"));
  const guard = guardWith(policies);
  for (const text of ["red", "blue"]) await guard.call("note_write", { text });
  expect(await again(policies, { configDigest: DIGEST })).toMatchObject({ judged: 2, same: 2, changed: [], unclear: [] });
  // Whoever holds the key can sign what no policy has said.
  const lenient = sandbox.guard({ policies: named(without("yellow")), configDigest: DIGEST });
  await lenient.call("note_write", { text: "bright red" });
  const report = await again(policies, { configDigest: DIGEST });
  expect(contradictions(report)).toMatchObject([{ was: "PASS", now: "BLOCK", sameConfiguration: true }]);
});

test("what the guard itself blocked stays blocked, and what could not be planned was never judged", async () => {
  const once = { ...noteTool(sandbox.file), plan: async (input: unknown, call: Parameters<ReturnType<typeof noteTool>["plan"]>[1]) => ({ ...(await noteTool(sandbox.file).plan(input, call)), once: "note:once" }) };
  const broken = { ...noteTool(sandbox.file), name: "broken", plan: () => Promise.reject(new Error("no")) };
  const guard = sandbox.guard({ policies: named(without("red")), tools: [once, broken] });
  await guard.call("note_write", { text: "one" });
  expect((await guard.call("note_write", { text: "two" })).status).toBe("blocked");
  await guard.call("broken", { text: "three" });
  const report = await again(named(without("blue")), { tools: ["note_write", "broken"] });
  expect(report).toMatchObject({ judged: 2, same: 2, unplanned: 1, changed: [] });
});

test("a tool that nobody judges now, or that is no longer enabled, would be blocked; one that nobody judged then would not", async () => {
  const guard = guardWith([], {});
  await guard.call("note_write", { text: "one" });
  expect((await again(named(without("red")))).changed).toMatchObject([{ was: "BLOCK", now: "PASS", policies: [{ policy: "without_red", was: "absent", now: "passed" }, { policy: "guard", was: "failed", now: "absent" }] }]);
  const judging = guardWith(named(without("red")));
  await judging.call("note_write", { text: "two" });
  expect((await again([])).changed).toMatchObject([{ was: "PASS", now: "BLOCK", policies: [{ policy: "guard", now: "failed" }, { policy: "without_red", now: "absent" }] }]);
  expect((await again([], { unguarded: ["note_write"] })).changed).toMatchObject([{ was: "BLOCK", now: "PASS" }]);
  expect((await again(named(without("red")), { tools: [] })).changed).toMatchObject([{ was: "PASS", now: "BLOCK", policies: [{ policy: "guard", reason: "note_write is not enabled by this configuration" }, {}] }]);
});

describe("what the receipt does not hold is not made up", () => {
  test("a fact that nobody looked for then", async () => {
    await guardWith(named(without("red"))).call("note_write", { text: "one" });
    expect(await again(named(needs("colour")))).toMatchObject({ same: 0, changed: [], unclear: [{ now: "cannot_tell", policies: [{ policy: "needs_colour", now: "cannot_tell", reason: "Cannot be judged: the fact 'colour' is missing" }, {}] }] });
  });

  test("unless another policy blocks anyway", async () => {
    await guardWith(named(without("red"))).call("note_write", { text: "one" });
    expect(await again(named(needs("colour"), without("one")))).toMatchObject({ unclear: [], changed: [{ now: "BLOCK" }] });
  });

  test("a fact that nobody could find out then blocks now as it would have then", async () => {
    await guardWith(named(without("red")), {}, { colour: unknown("it was dark") }).call("note_write", { text: "one" });
    expect(await again(named(needs("colour")))).toMatchObject({ unclear: [], changed: [{ was: "PASS", now: "BLOCK", policies: [{ reason: "Cannot be judged: colour is unknown: it was dark" }, {}] }] });
  });

  test("a fact that was redacted", async () => {
    const secret = ["AKIA", "Q3ZJ7RT6", "WXYV2KLM"].join("");
    await guardWith(named(needs("colour")), {}, { colour: "good" }).call("note_write", { text: `the key ${secret}` });
    const report = await again(named(needs("colour"), without("key")));
    expect(report.unclear).toMatchObject([{ was: "PASS", now: "cannot_tell", policies: [{ policy: "without_key", now: "cannot_tell", reason: expect.stringContaining("it was redacted in the receipt") as string }] }]);
    // Policies that do not read it are judged as ever.
    expect(await again(named(needs("colour")))).toMatchObject({ same: 1, unclear: [], changed: [] });
  });

  test("an attribute of the person that was redacted", async () => {
    const secret = ["AKIA", "Q3ZJ7RT6", "WXYV2KLM"].join("");
    await guardWith(named(without("red")), { identity: { user_email: "a@b.example", actor_role: "x", user_attributes: { note: secret } } }).call("note_write", { text: "one" });
    expect(await again(named(without("red")))).toMatchObject({ unclear: [{ now: "cannot_tell" }] });
  });

  test("a policy that throws on it", async () => {
    await guardWith(named(without("red"))).call("note_write", { text: "one" });
    const throwing: Policy = () => {
      throw new TypeError("payload.colour.hue");
    };
    expect(await again(named(throwing))).toMatchObject({ unclear: [{ now: "cannot_tell" }] });
  });
});

describe("measured effects", () => {
  /** A tool that finds out only while it runs how loud the note is. */
  const measuring = (loudness: number) =>
    noteTool(sandbox.file, {
      execute: async (act, control) => {
        const measured = { text: "measured", loudness };
        if (!(await control.judge(measured))) return { actions: [{ system: "guard", action: "rolled_back", success: true, output: {} }], result: null, measured };
        return { ...act(), measured };
      },
    });
  const quiet = (most: number): Policy =>
    Object.defineProperty(({ payload }: Parameters<Policy>[0]) => {
      const { loudness = 0 } = payload as { loudness?: number };
      return { policy: "quiet", passed: loudness <= most, reason: `loudness ${String(loudness)}` };
    }, "name", { value: "quiet" });

  test("are judged again as well, where they were judged", async () => {
    await sandbox.guard({ policies: named(quiet(5)), tools: [measuring(3)] }).call("note_write", { text: "soft" });
    await sandbox.guard({ policies: named(quiet(5)), tools: [measuring(9)] }).call("note_write", { text: "loud" });
    expect(await again(named(quiet(5)))).toMatchObject({ judged: 4, same: 4 });
    expect((await again(named(quiet(1)))).changed).toMatchObject([{ of: "measured", was: "PASS", now: "BLOCK" }]);
    expect((await again(named(quiet(10)))).changed).toMatchObject([{ of: "measured", was: "BLOCK", now: "PASS" }]);
  });
});

test("a call that ran on an approval is judged with it, and that is said; without one it would be blocked", () => {
  const answers = [{ approver_id: "0", who: "bob@example.com", method: "key", answered_at: "2026-11-22T11:00:00.000Z" }];
  const proof = { state: "granted", id: "0123456789", approvers: ["bob@example.com"], statement: { plan_digest: `sha256:${"a".repeat(64)}` }, answers };
  const entry = (approval: Entry["approval"], run_id: string, sequence: number): Entry => ({
    ...draft({ workflow: "note_write", run_id, approval, policy_results: [{ policy: "require_human_ok", passed: true, reason: "approved" }] }),
    sequence, subjects: [], previous: "-", key_id: "-", signature: "-",
  });
  const options = { policies: named(requireHumanOkPolicy.create({ workflows: ["note_write"] })), unguarded: [], tools: ["note_write"], configDigest: "-" };
  const report = rejudgeAll([entry(proof, "a", 1), entry(null, "b", 2)], options);
  expect(report).toMatchObject({ judged: 2, same: 1, changed: [{ sequence: 2, was: "PASS", now: "BLOCK" }] });
  const [judged] = [new Rejudger(options).next(entry(proof, "a", 1))];
  expect(judged).toMatchObject({ now: "PASS", assumes: [expect.stringContaining("the approval of bob@example.com that was used then (0123456789)") as string] });
  // Where nobody asks for approval any more, none is taken for granted.
  expect(new Rejudger({ ...options, policies: named(without("red")) }).next(entry(proof, "a", 1))).toMatchObject({ now: "PASS", assumes: [] });
});

test("of two policies with the same name each is compared with its own", async () => {
  const twins = named(rateLimitPolicy.create({ max_calls: 1, window_seconds: 60 }), rateLimitPolicy.create({ max_calls: 2, window_seconds: 3600 }));
  const guard = guardWith(twins);
  for (let call = 0; call < 2; call += 1) await guard.call("note_write", { text: String(call) });
  const report = await again(named(rateLimitPolicy.create({ max_calls: 5, window_seconds: 60 }), rateLimitPolicy.create({ max_calls: 2, window_seconds: 3600 })));
  expect(report.changed).toMatchObject([{ was: "BLOCK", now: "PASS", policies: [{ policy: "rate_limit", was: "failed", now: "passed" }] }]);
});

/**
 * The oracle: at the moment of each real decision the other configuration judges too, on the real facts, the real clock and the
 * history that the ledger itself hands out. What re-judging says later must be that, or that it cannot tell.
 */
test(`what re-judging says is what the other configuration said at the time (seed ${String(SEED)})`, async () => {
  const anyCall = fc.record({
    text: fc.constantFrom("one", "two", "red", "red two", `key ${["AKIA", "Q3ZJ7RT6", "WXYV2KLM"].join("")}`),
    colour: fc.constantFrom<unknown>("good", "bad", unknown("dark"), undefined),
    step: fc.integer({ min: -7_200_000, max: 3_000_000 }),
    fails: fc.boolean(),
  });
  const options = fc.record({ limit: fc.integer({ min: 1, max: 4 }), window: fc.constantFrom(60, 3600, 86_400), start: fc.integer({ min: 0, max: 23 }), length: fc.integer({ min: 1, max: 20 }), word: fc.constantFrom("red", "two", "key") });
  const make = ({ limit, window, start, length, word }: { limit: number; window: number; start: number; length: number; word: string }): readonly ConfiguredPolicy[] => [
    ...named(rateLimitPolicy.create({ max_calls: limit, window_seconds: window })),
    ...named(withinMaintenanceWindowPolicy.create({ start_hour_utc: start, end_hour_utc: (start + length) % 24 })),
    ...named(without(word), needs("colour")),
  ];
  let [told, untold] = [0, 0];
  await fc.assert(
    fc.asyncProperty(fc.array(anyCall, { minLength: 6, maxLength: 16 }), options, options, async (calls, mine, others) => {
      const own = guardSandbox();
      let now = Date.parse("2026-11-22T06:00:00.000Z");
      const other = make(others);
      const live: boolean[] = [];
      const spy: Policy = (context) => {
        const { workflow, user_email, actor_role, user_attributes, payload, history } = context;
        const identity = { user_email, actor_role, user_attributes };
        // The view that policies get throws for unknown facts, and cannot be copied: the plain facts are those of this call.
        const plain = { ...factsOf(calls[live.length]), text: payload["text"], environment: payload["environment"] } as JsonObject;
        live.push(judge(other, { workflow, identity, payload: plain, now: context.now, history, approval: null }).passed);
        return { policy: "spy", passed: true, reason: "-" };
      };
      const policies = [...make(mine), { name: "spy", policy: spy }];
      for (const call of calls) {
        now += call.step;
        const tool = noteTool(own.file, { facts: factsOf(call), ...(call.fails ? { execute: async () => ({ actions: [{ system: "note", action: "write", success: false as const, output: {} }], result: null }) } : {}) });
        await own.guard({ policies, tools: [tool], clock: () => new Date(now) }).call("note_write", { text: call.text });
      }
      const all = await own.ledger.entries({});
      const decisions = all.filter(({ phase }) => phase === "decision");
      expect(live).toHaveLength(decisions.length);
      const report = rejudgeAll(all, { policies: other, unguarded: [], tools: ["note_write"], configDigest: "-" });
      const verdicts = new Map([...report.changed, ...report.unclear].map((one) => [one.sequence, one.now]));
      for (const [index, { sequence, decision, redacted }] of decisions.entries()) {
        const said = verdicts.get(sequence) ?? decision;
        if (said === "cannot_tell") {
          untold += 1;
          const call = calls[index];
          expect(redacted.length > 0 || call?.colour === undefined).toBe(true);
        } else {
          told += 1;
          expect({ sequence, said }).toEqual({ sequence, said: live[index] === true ? "PASS" : "BLOCK" });
        }
      }
      await own.remove();
    }),
    { seed: SEED, numRuns: 25 },
  );
  expect(told).toBeGreaterThan(untold);
  expect(untold).toBeGreaterThan(0);
});

function factsOf(call: { readonly colour: unknown } | undefined): Readonly<Record<string, unknown>> {
  return call?.colour === undefined ? {} : { colour: call.colour };
}
