import * as fc from "fast-check";
import { expect, test } from "vitest";

import { HistoryIndex } from "../../src/receipts/history.js";
import type { LedgerHistory, LedgerHistoryQuery } from "../../src/receipts/ledger.js";
import { draft, LedgerSandbox, outcomeOf } from "../support/ledger-sandbox.js";

const HOUR_MS = 60 * 60 * 1000;
const START = Date.parse("2026-11-22T12:00:00.000Z");

const anyRun = fc.record({
  // Usually a little forward, sometimes back, once in a while by years.
  step: fc.oneof({ weight: 6, arbitrary: fc.integer({ min: 0, max: 2 * HOUR_MS }) }, { weight: 3, arbitrary: fc.integer({ min: -20 * HOUR_MS, max: 0 }) }, { weight: 1, arbitrary: fc.constantFrom(-9_000 * HOUR_MS, 9_000 * HOUR_MS) }),
  workflow: fc.constantFrom("git_push", "email_send", "slack_post"),
  subjects: fc.subarray(["a", "b", "c"]),
  outcome: fc.constantFrom("done", "failed", "unknown", "none", "blocked"),
});
const anyQuery = fc.record({
  since: fc.integer({ min: -30 * HOUR_MS, max: 30 * HOUR_MS }).map((offset) => new Date(START + offset)),
  workflows: fc.option(fc.subarray(["git_push", "email_send", "nobody"]), { nil: undefined }),
  subject: fc.option(fc.constantFrom("a", "b", "nobody"), { nil: undefined }),
});

const success = { done: true, failed: false, unknown: "unknown" } as const;

test("the history made from the entries is the one that the guard keeps, after every entry, whatever the clock did", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyRun, { minLength: 1, maxLength: 12 }), fc.array(anyQuery, { minLength: 4, maxLength: 8 }), async (runs, queries) => {
      const sandbox = new LedgerSandbox();
      const ledger = sandbox.ledger();
      const index = new HistoryIndex();
      let clock = START;
      for (const { step, workflow, subjects, outcome } of runs) {
        clock += step;
        const timestamp = new Date(clock).toISOString();
        const decision = await ledger.recordDecision(() => ({ entry: draft({ workflow, timestamp, decision: outcome === "blocked" ? "BLOCK" : "PASS" }), subjects }));
        index.add(decision);
        if (outcome === "done" || outcome === "failed" || outcome === "unknown") {
          const actions_taken = [{ system: "git", action: "push", success: success[outcome], output: {} }];
          index.add(await ledger.recordOutcome(outcomeOf(decision, { timestamp, actions_taken, decision: outcome === "done" ? "PASS" : "PARTIAL" })));
        }
        for (const query of queries) {
          for (const except of [undefined, decision.run_id]) {
            const kept = await ledger.look((history) => answer(history, query as LedgerHistoryQuery), except);
            expect(answer(index.history(except ?? null), query as LedgerHistoryQuery)).toEqual(kept);
          }
        }
      }
      await sandbox.cleanUp();
    }),
    { seed: 11, numRuns: 25 },
  );
});

function answer(history: LedgerHistory, query: LedgerHistoryQuery) {
  return { runs: history.runs(query), count: history.count(query) };
}

test("a date that is none lets nothing through", () => {
  expect(() => new HistoryIndex().history().count({ since: new Date("no") })).toThrow("'since' is not a date");
});
