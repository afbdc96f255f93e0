import { describe, expect, test } from "vitest";
import { ZodError } from "zod";

import { rateLimit, rateLimitPolicy, rateLimitWith } from "../../../src/policies/time/index.js";
import { judge } from "../../../src/guard/judge.js";
import { caseOf, judgeCall, pastRuns, type Past } from "../../support/policy-tester.js";

const runs = (count: number, seconds_ago: number, workflow = "slack_post"): Past[] => Array.from({ length: count }, () => ({ workflow, seconds_ago }));
const call = (history: readonly Past[]) => ({ workflow: "slack_post", payload: {}, history });

describe("rate_limit", () => {
  test("exactly the maximum passes, one more does not", () => {
    expect(judgeCall(rateLimit(3, 60), call(runs(2, 1))).passed).toBe(true);
    expect(judgeCall(rateLimit(3, 60), call(runs(3, 1))).passed).toBe(false);
  });

  test("a run leaves the window after exactly its length", () => {
    expect(judgeCall(rateLimit(1, 60), call(runs(1, 59.999))).passed).toBe(false);
    expect(judgeCall(rateLimit(1, 60), call(runs(1, 60))).passed).toBe(true);
  });

  test("runs of all tools and of all who share the ledger count, whatever became of them", () => {
    const past: Past[] = [
      { workflow: "git_push", seconds_ago: 5, state: "failed" },
      { workflow: "sql_query", seconds_ago: 4, state: "running" },
      { workflow: "email_send", seconds_ago: 3, state: "unknown" },
      { workflow: "email_send", seconds_ago: 3, user_email: "somebody@else.example" },
    ];
    expect(judgeCall(rateLimit(5, 60), call(past)).passed).toBe(true);
    expect(judgeCall(rateLimit(4, 60), call(past)).passed).toBe(false);
  });

  test("with tools listed, only they are judged and counted", () => {
    const policy = rateLimitWith({ max_calls: 1, window_seconds: 60, workflows: ["email_send", "slack_post"] });
    expect(judgeCall(policy, call(runs(5, 1, "sql_query"))).passed).toBe(true);
    expect(judgeCall(policy, call(runs(1, 1, "email_send"))).passed).toBe(false);
    const other = caseOf({ workflow: "sql_query", payload: {}, history: runs(9, 1) });
    expect(judge([{ name: "rate_limit", policy }], other, true).results).toEqual([]);
  });

  test("a clock that was set back does not open the limit", () => {
    expect(judgeCall(rateLimit(1, 60), call(runs(1, -3_600))).passed).toBe(false);
  });

  test("zero allows nothing", () => {
    expect(judgeCall(rateLimit(0, 60), call([])).passed).toBe(false);
  });

  test("the hint says when the next call can pass, and then it does", () => {
    const history = [{ workflow: "a", seconds_ago: 50 }, { workflow: "b", seconds_ago: 20 }, { workflow: "c", seconds_ago: 10 }];
    const result = judgeCall(rateLimit(2, 60), call(history));
    expect(result.hint).toContain("40 seconds");
    const later = (seconds: number) => call(history.map((run) => ({ ...run, seconds_ago: run.seconds_ago + seconds })));
    expect(judgeCall(rateLimit(2, 60), later(39)).passed).toBe(false);
    expect(judgeCall(rateLimit(2, 60), later(40)).passed).toBe(true);
  });

  test("a ledger that cannot be read blocks", () => {
    const broken = { runs: () => { throw new Error("disk gone"); }, count: () => { throw new Error("disk gone"); } };
    const { passed, results } = judge([{ name: "rate_limit", policy: rateLimit(9, 60) }], { ...caseOf(call([])), history: broken });
    expect(passed).toBe(false);
    expect(results[0]?.reason).toContain("ledger cannot be read");
  });

  test("asks the ledger for this window only", () => {
    const now = new Date("2026-11-22T12:00:00Z");
    const asked: unknown[] = [];
    const history = pastRuns([], now);
    const spying = { ...history, count: (query: Parameters<typeof history.count>[0]) => { asked.push(query); return history.count(query); } };
    judge([{ name: "rate_limit", policy: rateLimit(9, 60) }], { ...caseOf(call([])), now, history: spying });
    expect(asked).toEqual([{ since: new Date(now.getTime() - 59_999) }]);
  });

  test.each([{}, { max_calls: 1 }, { max_calls: -1, window_seconds: 60 }, { max_calls: 1.5, window_seconds: 60 }, { max_calls: 1, window_seconds: 0 }, { max_calls: 1, window_seconds: 60, workflows: [] }])(
    "%j is refused",
    (options) => {
      expect(() => rateLimitPolicy.create(options)).toThrow(ZodError);
    },
  );
});
