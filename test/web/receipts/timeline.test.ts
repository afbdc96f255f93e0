import { describe, expect, test } from "vitest";

import type { StoredLine } from "../../../src/receipts/check.js";
import { policyBars, timeChart } from "../../../src/web/receipts/charts.js";
import { targetOf } from "../../../src/web/receipts/rows.js";
import { TextSearch } from "../../../src/web/receipts/search.js";
import { Selection, filterFrom } from "../../../src/web/receipts/selection.js";
import { Timeline, lowerBound } from "../../../src/web/receipts/timeline.js";
import type { RunFilter } from "../../../src/web/receipts/wire.js";
import { chainOf, newKey, stored } from "../../support/chains.js";
import { draft, outcomeOf } from "../../support/ledger-sandbox.js";
import { draftsOf, receiptStory } from "../../support/receipt-story.js";

const key = newKey("hmac-sha256");
const lineOf = (value: unknown, sequence: number): StoredLine => ({ sequence, bytes: Buffer.from(typeof value === "string" ? value : JSON.stringify(value)) });

function timelineOf(lines: readonly StoredLine[]): Timeline {
  const timeline = new Timeline();
  for (const line of lines) timeline.add(line);
  return timeline;
}

const anything = filterFrom(() => undefined);
const filtered = (filter: Partial<RunFilter>): RunFilter => ({ ...anything, ...filter });

describe("runs", () => {
  test("a decision and its outcome are one; without an outcome it is open; a block is one by itself", () => {
    const [done, open, blocked] = [draft(), draft(), draft({ decision: "BLOCK", policy_results: [{ policy: "p", passed: false, reason: "no" }] })];
    const { texts } = chainOf([done, open, blocked, outcomeOf(done, { decision: "PARTIAL", timestamp: new Date(Date.parse(done.timestamp) + 250).toISOString() })], key);
    const timeline = timelineOf(stored(texts));
    expect(timeline.runs.map(({ state, sequence, last, took }) => ({ state, sequence, last, took }))).toEqual([
      { state: "PARTIAL", sequence: 1, last: 4, took: 250 },
      { state: "OPEN", sequence: 2, last: 2, took: null },
      { state: "BLOCK", sequence: 3, last: 3, took: null },
    ]);
    expect([timeline.receiptsOf(0), timeline.receiptsOf(1)]).toEqual([[1, 4], [2]]);
    expect([1, 4, 2, 5].map((sequence) => timeline.runAt(sequence))).toEqual([0, 0, 1, undefined]);
    expect(timeline.rowOf(2)).toMatchObject({ stopped_by: ["p"], why: "no", problem: null });
  });

  test("says from which run on something is another", () => {
    const run = draft();
    const { texts } = chainOf([run, draft(), outcomeOf(run)], key);
    const timeline = new Timeline();
    expect(stored(texts).map((line) => timeline.add(line))).toEqual([0, 1, 0]);
  });

  test("missing places are rows of their own, wherever they are", () => {
    const lines = stored(chainOf(Array.from({ length: 8 }, () => draft({ decision: "BLOCK" })), key).texts).filter(({ sequence }) => ![1, 4, 5].includes(sequence ?? 0));
    const timeline = timelineOf(lines);
    timeline.addMissing(9, 12);
    const missing = timeline.runs.filter(({ state }) => state === "MISSING");
    expect(missing.map(({ sequence, last, problem }) => [sequence, last, problem])).toEqual([[1, 1, "Receipt 1 is missing"], [4, 5, "Receipts 4 to 5 are missing"], [9, 12, "Receipts 9 to 12 are missing"]]);
    expect(timeline.receiptsOf(0)).toEqual([]);
  });

  const hostile: readonly unknown[] = [
    "", "{", "null", "[]", "42", "{}", '{"__proto__": {"decision": "PASS"}}', { run_id: 5, phase: {}, decision: ["PASS"], timestamp: 12, policy_results: "x", actions_taken: { length: 3 }, payload: [] },
    { run_id: "a", phase: "decision", decision: "toString", workflow: "constructor", payload: { branch: { $unknown: 1 } }, timestamp: "not a time", policy_results: [null, 4, { passed: "true" }] },
    { run_id: "\u{10FFFF}\uD800", phase: "outcome", decision: "PASS", workflow: "sql_query", payload: { sql: "x".repeat(1_000_000) } },
  ];
  test.each(hostile.map((value, index) => [index, value] as const))("nothing that lies there is too strange to be shown: %i", (_index, value) => {
    const timeline = timelineOf([lineOf(value, 1), lineOf(draft({ run_id: "fine" }), 2)]);
    expect(timeline.runs).toHaveLength(2);
    const row = timeline.rowOf(0);
    expect(JSON.stringify(row).length).toBeLessThan(2000);
    expect(JSON.stringify(row).isWellFormed()).toBe(true);
    expect(timeline.rowOf(1)).toMatchObject({ run_id: "fine", state: "OPEN" });
  });

  test("places that no guard uses: before the first, far behind the last", () => {
    const timeline = timelineOf([lineOf(draft(), -7), lineOf(draft(), 0), lineOf(draft(), 1), lineOf(draft(), 4_000_000_000_000)]);
    expect(timeline.runs.map(({ state, sequence }) => [state, sequence])).toEqual([["OPEN", -7], ["OPEN", 0], ["OPEN", 1], ["MISSING", 2], ["OPEN", 4_000_000_000_000]]);
  });
});

describe("what a call was about", () => {
  test.each([
    ["git_push", { branch: "agent/fix", remote: "origin" }, "agent/fix → origin"],
    ["sql_query", { sql: "DELETE\n  FROM users" }, "DELETE FROM users"],
    ["email_send", { recipients: ["a@x.example", "b@x.example", "c@x.example"], subject: "Hello" }, "a@x.example, b@x.example and 1 more: Hello"],
    ["slack_post", { channel: "C1", channel_name: { $unknown: "no answer" } }, "C1"],
    ["slack_post", { channel: "C1", channel_name: "releases" }, "#releases"],
    ["s3_delete", { path: "s3://bucket/logs/" }, "s3://bucket/logs/"],
    ["someone_elses_tool", { content_sha256: "00", size: 4, place: "the moon" }, "the moon"],
    ["git_push", {}, ""],
    ["git_push", { environment: { freeze_env: null } }, ""],
    ["email_send", {}, ""],
    ["enact_rollback", { run_id: "7c0be2d4-52f4", undone_workflow: "file_write" }, "file_write 7c0be2d4"],
    ["toString", {}, ""],
  ])("%s %j", (tool, payload, target) => {
    expect(targetOf(tool, payload).trim()).toBe(target);
  });
});

describe("filters", () => {
  const timeline = timelineOf(stored(chainOf([...draftsOf(receiptStory({ runs: 400, until: new Date("2026-11-22T12:00:00Z") }))], key).texts));
  const { runs } = timeline;
  const chosen = (filter: Partial<RunFilter>) => new Selection(timeline, filtered(filter), () => true).indexes().map((index) => runs[index]);

  test.each([
    [{ states: ["BLOCK"] }, (run: (typeof runs)[number]) => run.state === "BLOCK"],
    [{ states: ["PARTIAL", "OPEN"] }, (run: (typeof runs)[number]) => run.state === "PARTIAL" || run.state === "OPEN"],
    [{ tool: "sql_query", policy: "dont_delete_row" }, (run: (typeof runs)[number]) => run.tool === "sql_query" && run.failed.includes("dont_delete_row")],
    [{ person: "priya@company.com", from: Date.parse("2026-11-21T12:00:00Z"), to: Date.parse("2026-11-22T00:00:00Z") }, (run: (typeof runs)[number]) => run.person === "priya@company.com" && (run.at ?? 0) >= Date.parse("2026-11-21T12:00:00Z") && (run.at ?? 0) <= Date.parse("2026-11-22T00:00:00Z")],
    [{ tool: "git" }, () => false],
  ] as const)("%o", (filter, matches) => {
    const expected = runs.filter(matches);
    expect(chosen(filter as Partial<RunFilter>)).toEqual(expected);
    expect(expected.length > 0 || "tool" in filter).toBe(true);
  });

  test("a selection follows the timeline: new runs, and old ones that became others", () => {
    const [one, two] = [draft(), draft()];
    const growing = timelineOf(stored(chainOf([one, two], key).texts));
    const open = new Selection(growing, filtered({ states: ["OPEN"] }), () => true);
    expect(open.indexes()).toEqual([0, 1]);
    open.changed(growing.add(lineOf(outcomeOf(one), 3)));
    expect(open.indexes()).toEqual([1]);
    open.changed(growing.add(lineOf(draft(), 4)));
    expect([open.indexes(), open.firstFrom(2), open.firstFrom(99)]).toEqual([[1, 2], 1, 2]);
  });

  test.each([["state", "PASS,NONSENSE"], ["q", "x".repeat(201)], ["from", "yesterday"], ["to", "NaN"]])("refuses %s=%s", (name, value) => {
    expect(() => filterFrom((asked) => (asked === name ? value : undefined))).toThrow(expect.objectContaining({ code: "INVALID_INPUT" }) as Error);
  });
});

describe("search", () => {
  const found = (text: string, drafts: readonly unknown[]): readonly number[] => {
    const lines = drafts.map((value, index) => lineOf(value, index + 1));
    const timeline = timelineOf(lines);
    const search = new TextSearch(text, timeline);
    for (const line of lines) search.add(line);
    return timeline.runs.map((_run, index) => index).filter((index) => search.has(index));
  };
  const base = () => draft({ decision: "BLOCK", plan_digest: `sha256:${"ace0".repeat(16)}` });

  test.each([
    ["Wombat", { payload: { deep: [{ note: "a wOMBAT came" }] } }],
    ['say "hi"\\', { payload: { note: 'they say "hi"\\ and left' } }],
    ["two\nlines", { payload: { note: "two\nlines" } }],
    ["straße", { payload: { note: "In der STRASSE und der Straße" } }],
    ["dont_delete_row", { policy_results: [{ policy: "dont_delete_row", passed: false, reason: "no" }] }],
    ["4711", { payload: { size: 4711 } }],
    ["ace0ace0", {}],
  ])("finds %j anywhere in a receipt, whatever the case", (text, changes) => {
    expect(found(text, [base(), { ...base(), ...changes }, base()])).toContain(1);
  });

  test.each([
    ["ace", {}, "in a digest"],
    ["signature", {}, "in the name of a field"],
    ["4711", { payload: { size: 47_110 } }, "within a number"],
    ["%", {}, "as a pattern"],
    [".*", {}, "as an expression"],
  ])("does not find %s %s", (text, changes, _where) => {
    expect(found(text, [{ ...base(), run_id: "r", signature: "hmac:zzz", ...changes }])).toEqual([]);
  });

  test("what is not readable is found by its bytes", () => {
    expect(found("wombat", ["{ a wombat, torn"])).toEqual([0]);
  });

  test("a later receipt of a run brings the run in", () => {
    const run = draft();
    expect(found("wombat", [run, draft({ decision: "BLOCK" }), outcomeOf(run, { payload: { note: "wombat" } })])).toEqual([0]);
  });
});

describe("charts", () => {
  const timeline = timelineOf(stored(chainOf([...draftsOf(receiptStory({ runs: 500, hours: 48 }))], key).texts));

  test.each([1 / 60, 1, 24, 72, 24 * 90, 24 * 365 * 3])("every run is in one bar, and the bars are few, over %d hours", (hours) => {
    const { runs } = timelineOf(stored(chainOf([...draftsOf(receiptStory({ runs: 200, hours }))], key).texts));
    const chart = timeChart(runs, { from: null, to: null });
    const bars = chart?.counts.PASS.length ?? 0;
    expect(bars).toBeGreaterThan(1);
    expect(bars).toBeLessThan(80);
    const sum = Object.values(chart?.counts ?? {}).flat().reduce((total, count) => total + count, 0);
    expect(sum).toBe(runs.length);
  });

  test("nothing is nothing, and one moment is one bar of some", () => {
    expect(timeChart([], { from: null, to: null })).toBeNull();
    const [one] = timeline.runs;
    const chart = one === undefined ? null : timeChart([one], { from: null, to: null });
    expect(Object.values(chart?.counts ?? {}).flat().filter((count) => count > 0)).toEqual([1]);
    expect(chart?.counts.PASS.length).toBe(24);
  });

  test("a time that was chosen is the time that is shown", () => {
    const [from, to] = [timeline.runs[100]?.at ?? 0, timeline.runs[140]?.at ?? 0];
    const chart = timeChart(timeline.runs.slice(100, 141), { from, to });
    expect(chart?.from).toBeLessThanOrEqual(from);
    expect(from - (chart?.from ?? 0)).toBeLessThan(chart?.step ?? 0);
  });

  test("policies are counted as they judged, those that stopped most first", () => {
    const { policies, more } = policyBars(timeline.runs);
    for (const { policy, judged, stopped } of policies) {
      expect(judged).toBe(timeline.runs.filter((run) => run.judged.includes(policy)).length);
      expect(stopped).toBe(timeline.runs.filter((run) => run.failed.includes(policy)).length);
    }
    expect(policies.map(({ stopped }) => stopped)).toEqual(policies.map(({ stopped }) => stopped).toSorted((a, b) => b - a));
    expect(policies.length + more).toBe(new Set(timeline.runs.flatMap(({ judged }) => judged)).size);
  });
});

test("lowerBound is the first place that is not below", () => {
  const numbers = [1, 3, 3, 8];
  expect([0, 1, 2, 3, 4, 8, 9].map((wanted) => lowerBound(numbers, wanted))).toEqual([0, 0, 1, 1, 3, 3, 4]);
});
