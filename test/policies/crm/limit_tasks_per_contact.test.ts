import * as fc from "fast-check";
import { expect, test } from "vitest";

import type { History, PastRun } from "../../../src/facts/context.js";
import { limitTasksPerContactPolicy, limitTasksPerContactWith } from "../../../src/policies/crm/index.js";
import { testPolicy } from "../../support/policy-examples.js";
import { blockedBy } from "../../support/tool-calls.js";

testPolicy(limitTasksPerContactPolicy);

const NOW = new Date("2026-11-22T12:00:00.000Z");
const DAY = 24 * 3600;

/** Judges with tasks and runs that were made so many seconds ago. */
function passes(max: number, tasks: readonly number[], runs: readonly (readonly [PastRun["state"], number])[] = [], complete = true): boolean {
  const at = (ago: number) => new Date(NOW.getTime() - ago * 1000);
  const past = runs.map(([state, ago], index): PastRun =>
    ({ run_id: `r${index}`, workflow: "crm_create_task", user_email: "a@x", timestamp: at(ago), state }));
  const find: History["runs"] = ({ subject, since }) => (subject === "crm:task:7" ? past.filter(({ timestamp }) => timestamp >= since) : []);
  const payload = {
    contact: "7",
    tasks: tasks.map((ago, index) => ({ id: String(index), created_at: at(ago).toISOString() })),
    tasks_complete: complete,
  };
  const policy = limitTasksPerContactWith({ max_tasks: max, window_days: 7 });
  return blockedBy("crm_create_task", payload, [policy], { now: NOW, history: { runs: find, count: (query) => find(query).length } }) === null;
}

test.each<[string, boolean, number, number[], [PastRun["state"], number][], boolean?]>([
  ["two of three", true, 3, [1, 2], []],
  ["three of three: the next is one too many", false, 3, [1, 2, 3], []],
  ["one at the very edge of the window counts", false, 1, [7 * DAY], []],
  ["one a second beyond it does not", true, 1, [7 * DAY + 1], []],
  ["none allowed", false, 0, [], []],
  ["a task of the CRM and its run count once", true, 2, [59], [["done", 60]]],
  ["a clock of the CRM that is a minute behind", true, 2, [120], [["done", 60]]],
  ["a run whose task the CRM does not show yet counts", false, 2, [2 * DAY], [["done", 60]]],
  ["two runs, one task of theirs", false, 2, [59], [["done", 60], ["running", 58]]],
  ["one that another process is making now", false, 1, [], [["running", 0]]],
  ["one whose fate is not known", false, 1, [], [["unknown", 3600]]],
  ["one that failed for certain", true, 1, [], [["failed", 60]]],
  ["somebody else's task of another time does not hide a run", false, 2, [3 * DAY], [["unknown", 2 * DAY]]],
  ["a list cut off before the window's end", false, 3, [1], [], false],
  ["a list cut off beyond the window", true, 3, [1, 8 * DAY], [], false],
])("%s: %s", (_name, expected, max, tasks, runs, complete) => {
  expect(passes(max, tasks, runs, complete)).toBe(expected);
});

test("when every run's task is listed, the ledger changes nothing; when none is, all count", () => {
  const gaps = fc.array(fc.integer({ min: 1, max: 6 * DAY }), { maxLength: 8 });
  fc.assert(
    fc.property(gaps, fc.integer({ min: 0, max: 10 }), fc.integer({ min: 0, max: 90 }), (times, max, delay) => {
      const runs = times.map((ago) => ["done", ago] as const);
      expect(passes(max, times.map((ago) => ago - Math.min(ago, delay)), runs)).toBe(times.length < max);
      expect(passes(max, [], runs)).toBe(times.length < max);
    }),
    { seed: 149, numRuns: 300 },
  );
});
