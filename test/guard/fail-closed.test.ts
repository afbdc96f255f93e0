import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { EnactError } from "../../src/errors.js";
import { unknown } from "../../src/facts/unknown.js";
import type { CallReport } from "../../src/guard/guard.js";
import type { Policy } from "../../src/policies/policy.js";
import type { Ledger } from "../../src/receipts/ledger.js";
import type { Entry } from "../../src/receipts/receipt.js";
import type { GuardSandbox } from "../support/guard-sandbox.js";
import type { Execution } from "../../src/tools/tool.js";
import { guardSandbox, noteTool, passing } from "../support/guard-sandbox.js";

let sandbox: GuardSandbox;

beforeEach(() => {
  sandbox = guardSandbox();
});

afterEach(() => sandbox.remove());

const entries = (): Promise<readonly Entry[]> => sandbox.ledger.entries({});

function expectBlocked(report: CallReport): void {
  expect(report.status).toBe("blocked");
  expect(report.isError).toBe(true);
  expect(report.result).toBeNull();
  expect(sandbox.content()).toBeNull();
}

/** The real ledger, with one method that fails as a full disk would. */
function failing(method: "recordDecision" | "recordOutcome" | "look"): Ledger {
  const { ledger } = sandbox;
  const fail = () => Promise.reject(new EnactError("LEDGER_UNAVAILABLE", "The ledger cannot be written: no space left on the device"));
  return {
    recordDecision: (decide) => ledger.recordDecision(decide),
    recordOutcome: (entry) => ledger.recordOutcome(entry),
    look: (look, except) => ledger.look(look, except),
    entries: (query) => ledger.entries(query),
    openRuns: () => ledger.openRuns(),
    newRunId: () => ledger.newRunId(),
    executorOf: (runId) => ledger.executorOf(runId),
    close: () => ledger.close(),
    [method]: fail,
  };
}

it("runs what every policy passes, and leaves a decision and an outcome", async () => {
  const report = await sandbox.guard().call("note_write", { text: "hello" });
  expect(report).toMatchObject({ status: "done", isError: false, result: { written: "hello" } });
  expect(sandbox.content()).toBe("hello");
  const [decision, outcome] = await entries();
  expect(decision).toMatchObject({ sequence: 1, phase: "decision", decision: "PASS", actions_taken: [] });
  expect(outcome).toMatchObject({ sequence: 2, phase: "outcome", decision: "PASS", run_id: decision?.run_id });
  expect(outcome?.actions_taken).toHaveLength(1);
  expect(report.receipt).toEqual(outcome);
  expect(report.text).toContain("DONE  note_write  note hello");
});

describe("nothing runs", () => {
  it.each([
    ["a failing policy", () => ({ policy: "no", passed: false, reason: "not today", hint: "tomorrow" })],
    ["a throwing policy", () => { throw new Error("boom"); }],
    ["a malformed result", () => ({ policy: "no", passed: "yes", reason: "r" })],
    ["an async policy that passes", async () => Promise.resolve({ policy: "no", passed: true, reason: "r" })],
    ["an async policy that rejects", async () => Promise.reject(new Error("boom"))],
    ["a policy that tries to change the context", (context: { payload: { text: string } }) => { context.payload.text = "other"; return { policy: "no", passed: true, reason: "r" }; }],
  ] as [string, unknown][])("on %s", async (_title, policy) => {
    expectBlocked(await sandbox.guard({ policy: policy as Policy }).call("note_write", { text: "x" }));
    expect((await entries()).map((entry) => entry.decision)).toEqual(["BLOCK"]);
  });

  it("on an unknown fact", async () => {
    const tools = [noteTool(sandbox.file, { facts: { tip: unknown("the remote did not answer") } })];
    const policy: Policy = ({ payload }) => ({ policy: "p", passed: payload["tip"] !== "bad", reason: "r" });
    const report = await sandbox.guard({ tools, policy }).call("note_write", { text: "x" });
    expectBlocked(report);
    expect(report.text).toContain("tip is unknown: the remote did not answer");
  });

  it("without a policy", async () => {
    expectBlocked(await sandbox.guard({ policies: [] }).call("note_write", { text: "x" }));
  });

  it("when the ledger is not writable, and says so", async () => {
    const report = await sandbox.guard({ ledger: failing("recordDecision") }).call("note_write", { text: "x" });
    expectBlocked(report);
    expect(report).toMatchObject({ receipt: null, code: "LEDGER_UNAVAILABLE" });
    expect(report.text).toContain("no space left");
    expect(report.text).toContain("Nothing was done");
  });

  it("when looking fails, with the reason on record", async () => {
    const planned = () => { throw new EnactError("SYSTEM_UNAVAILABLE", "The note's disk does not answer", { hint: "Plug it in." }); };
    const report = await sandbox.guard({ tools: [noteTool(sandbox.file, { planned })] }).call("note_write", { text: "x" });
    expectBlocked(report);
    expect(report.code).toBe("SYSTEM_UNAVAILABLE");
    expect(report.text).toContain("✗ guard: The note's disk does not answer");
    expect(report.text).toContain("Do instead: Plug it in.");
    expect(await entries()).toMatchObject([{ decision: "BLOCK", plan_digest: null }]);
  });

  it("when looking throws anything else, which does not reach the model", async () => {
    const planned = () => { throw new Error("connect postgres://admin:hunter2@db failed"); };
    const report = await sandbox.guard({ tools: [noteTool(sandbox.file, { planned })] }).call("note_write", { text: "x" });
    expectBlocked(report);
    expect(JSON.stringify([report, await entries()])).not.toContain("hunter2");
  });

  it("when looking never ends", async () => {
    const planned = () => new Promise<void>(() => undefined);
    const guard = sandbox.guard({ tools: [noteTool(sandbox.file, { planned })], planTimeoutMs: 50 });
    const report = await guard.call("note_write", { text: "x" });
    expectBlocked(report);
    expect(report.code).toBe("TIMEOUT");
  });

  it("when the caller has given up before", async () => {
    const report = await sandbox.guard().call("note_write", { text: "x" }, { signal: AbortSignal.abort() });
    expectBlocked(report);
    expect(report.code).toBe("CANCELLED");
  });

  it.each([
    ["a Date", { at: new Date() }],
    ["a bigint", { n: 1n }],
    ["NaN", { n: Number.NaN }],
    ["a Map", { m: new Map() }],
    ["a lone surrogate", { s: "\uD800" }],
  ])("when facts hold %s", async (_title, facts) => {
    expectBlocked(await sandbox.guard({ tools: [noteTool(sandbox.file, { facts })] }).call("note_write", { text: "x" }));
  });
});

describe("arguments that are not well-formed", () => {
  it.each([
    ["nothing", undefined, /'text'/],
    ["a wrong type", { text: 3 }, /'text'/],
    ["an extra key", { text: "x", force: true }, /unknown argument 'force'/],
    ["a list", ["x"], /arguments/],
    ["a lone surrogate", { text: "\uDC00" }, /lone surrogate/],
    ["a number that JSON cannot say", { text: "x", n: Number.POSITIVE_INFINITY }, /Infinity is not plain JSON/],
    ["a key that poisons prototypes", JSON.parse('{"text":"x","__proto__":{"force":true}}'), /unknown argument '__proto__'/],
  ])("%s: a clear error, nothing looked at, nothing recorded", async (_title, input, message) => {
    const report = await sandbox.guard().call("note_write", input);
    expectInvalid(report);
    expect(report.text).toMatch(message);
    expect(await entries()).toEqual([]);
  });

  it("an unknown tool names those that there are", async () => {
    const report = await sandbox.guard().call("rm_rf", {});
    expectInvalid(report);
    expect(report.text).toContain("note_write");
  });

  function expectInvalid(report: CallReport): void {
    expect(report).toMatchObject({ status: "invalid", isError: true, receipt: null, result: null, code: "INVALID_INPUT" });
    expect(sandbox.content()).toBeNull();
  }
});

describe("after the intent is durable", () => {
  it("a stale plan does nothing and is no success", async () => {
    const planned = () => undefined;
    const execute = async (act: () => Execution) => {
      const { writeFileSync } = await import("node:fs");
      writeFileSync(sandbox.file, "somebody else was faster");
      return act();
    };
    const tools = [noteTool(sandbox.file, { planned, execute })];
    const report = await sandbox.guard({ tools }).call("note_write", { text: "x" });
    expect(report).toMatchObject({ status: "failed", isError: true, code: "STALE_PLAN", result: null });
    expect(report.text).toContain("NOT DONE");
    expect(report.text).toContain("look again");
    expect(sandbox.content()).toBe("somebody else was faster");
    expect((await entries())[1]).toMatchObject({ phase: "outcome", decision: "PARTIAL", actions_taken: [{ success: false, error: { code: "STALE_PLAN" } }] });
  });

  it("an outcome that cannot be written is said loudly, and the intent stays open", async () => {
    const report = await sandbox.guard({ ledger: failing("recordOutcome") }).call("note_write", { text: "x" });
    expect(sandbox.content()).toBe("x");
    expect(report).toMatchObject({ status: "failed", isError: true, code: "OUTCOME_NOT_RECORDED" });
    expect(report.text).toMatch(/^ATTENTION: the action was done, and the outcome could not be written/);
    expect(await entries()).toMatchObject([{ phase: "decision", decision: "PASS" }]);
  });

  it("a strange error leaves the fate unknown and does not reach the model", async () => {
    const execute = () => { throw new Error("token=hunter2"); };
    const report = await sandbox.guard({ tools: [noteTool(sandbox.file, { execute })] }).call("note_write", { text: "x" });
    expect(report.text).toContain("NOT KNOWN WHETHER DONE");
    expect((await entries())[1]).toMatchObject({ decision: "PARTIAL", actions_taken: [{ success: "unknown" }] });
    expect(JSON.stringify([report, await entries()])).not.toContain("hunter2");
  });

  it("a result that is not plain JSON does not lose the record of what was done", async () => {
    const execute = (act: () => Execution) => ({ ...act(), result: { at: new Date() } as never });
    const report = await sandbox.guard({ tools: [noteTool(sandbox.file, { execute })] }).call("note_write", { text: "x" });
    expect(report.status).toBe("done");
    expect((await entries())[1]).toMatchObject({ decision: "PASS", actions_taken: [{ success: true }] });
  });

  it("an execution without any action is no success", async () => {
    const report = await sandbox.guard({ tools: [noteTool(sandbox.file, { execute: () => ({ actions: [], result: null }) })] }).call("note_write", { text: "x" });
    expect(report.status).toBe("failed");
  });

  it("the step that runs is the step that was digested, frozen", async () => {
    const execute = (act: () => Execution) => act();
    const tools = [noteTool(sandbox.file, { execute })];
    const policy: Policy = ({ payload }) => ({ policy: "p", passed: Object.isFrozen(payload), reason: "r" });
    const report = await sandbox.guard({ tools, policy }).call("note_write", { text: "x" });
    expect(report.status).toBe("done");
    expect((await entries())[0]?.plan_digest).toMatch(/^sha256:[0-9a-f]{64}$/);
  });
});

describe("measured effects", () => {
  const noDeletes: Policy = ({ payload }) => ({ policy: "no_deletes", passed: (payload["deleted"] ?? 0) === 0, reason: "counted", hint: "don't" });

  it("that a policy does not pass: BLOCK, rolled back, no data", async () => {
    const tools = [noteTool(sandbox.file, {
      execute: async (_act, control) => {
        const passed = await control.judge({ text: "x", deleted: 3 });
        expect(passed).toBe(false);
        return { actions: [{ system: "guard", action: "rolled_back", success: true, output: {} }], result: { rows: ["secret"] } };
      },
    })];
    const report = await sandbox.guard({ tools, policy: noDeletes }).call("note_write", { text: "x" });
    expectBlocked(report);
    const [, outcome] = await entries();
    expect(outcome).toMatchObject({ phase: "outcome", decision: "BLOCK", payload: { deleted: 3 }, policy_results: [{ policy: "no_deletes", passed: false }], actions_taken: [{ system: "guard", action: "rolled_back" }] });
  });

  it("that fail without a roll-back are an alarm, not a block", async () => {
    const tools = [noteTool(sandbox.file, {
      execute: async (act, control) => {
        await control.judge({ text: "x", deleted: 3 });
        return act();
      },
    })];
    const report = await sandbox.guard({ tools, policy: noDeletes }).call("note_write", { text: "x" });
    expect(report).toMatchObject({ status: "failed", isError: true });
    expect((await entries())[1]?.decision).toBe("PARTIAL");
  });

  it("that cannot be judged because the ledger cannot be read", async () => {
    const once: Policy = ({ history, now }) => ({ policy: "once", passed: history.count({ since: now }) === 0, reason: "counted" });
    const tools = [noteTool(sandbox.file, { execute: async (act, control) => ((await control.judge({ text: "x", deleted: 0 })) ? act() : act()) })];
    const report = await sandbox.guard({ tools, ledger: failing("look"), policy: once }).call("note_write", { text: "x" });
    expect(report.status).toBe("failed");
    expect(sandbox.content()).toBeNull();
  });

  it("do not count the run that is being judged against itself", async () => {
    const once: Policy = ({ history, now }) => {
      const isFirst = history.count({ since: new Date(now.getTime() - 60_000) }) === 0;
      return { policy: "once", passed: isFirst, reason: isFirst ? "first" : "again", hint: "wait" };
    };
    const tools = [noteTool(sandbox.file, { execute: async (act, control) => { expect(await control.judge({ text: "x" })).toBe(true); return act(); } })];
    const guard = sandbox.guard({ tools, policy: once });
    expect((await guard.call("note_write", { text: "x" })).status).toBe("done");
    expect((await guard.call("note_write", { text: "y" })).status).toBe("blocked");
    expect(sandbox.content()).toBe("x");
  });
});

describe("check", () => {
  it("judges as the call would, and changes nothing at all", async () => {
    const guard = sandbox.guard();
    const report = await guard.check("note_write", { text: "x" });
    expect(report).toMatchObject({ status: "done", isError: false, result: null });
    expect(report.text).toMatch(/^WOULD RUN {2}note_write/);
    expect(report.receipt).not.toHaveProperty("signature");
    expect(sandbox.content()).toBeNull();
    expect(await entries()).toEqual([]);
  });

  it("says what would block", async () => {
    const policy: Policy = () => ({ policy: "no", passed: false, reason: "not today", hint: "tomorrow" });
    const report = await sandbox.guard({ policy }).check("note_write", { text: "x" });
    expect(report).toMatchObject({ status: "blocked", isError: true });
    expect(report.text).toMatch(/^WOULD BE BLOCKED/);
    expect(report.text).toContain("Do instead: tomorrow");
  });
});

it("lets exactly one of many calls at once pass a limit of one", async () => {
  const once: Policy = ({ history, now }) => {
    const isFirst = history.count({ since: new Date(now.getTime() - 60_000), subject: "note:same" }) === 0;
    return { policy: "once", passed: isFirst, reason: isFirst ? "first" : "again", hint: "wait" };
  };
  const guard = sandbox.guard({ policy: once });
  const reports = await Promise.all(Array.from({ length: 12 }, () => guard.call("note_write", { text: "same" })));
  expect(reports.filter((report) => report.status === "done")).toHaveLength(1);
  expect(reports.filter((report) => report.status === "blocked")).toHaveLength(11);
});

it("keeps known secrets out of the receipt, the headline and the hints", async () => {
  const secret = ["correct", "horse", "battery"].join("-");
  const policy: Policy = ({ payload }) => ({ policy: "p", passed: false, reason: `found ${String(payload["text"])}`, hint: `not ${String(payload["text"])}` });
  const report = await sandbox.guard({ policy, secrets: [secret] }).call("note_write", { text: `a ${secret} b` });
  expect(JSON.stringify([report, await entries()])).not.toContain(secret);
  expect((await entries())[0]?.redacted).toContain("/payload/text");
});

it("does not blot out names that happen to be a password too", async () => {
  const report = await sandbox.guard({ secrets: ["note", "write", "passing"] }).call("note_write", { text: "note" });
  expect(report.receipt).toMatchObject({ workflow: "note_write", policy_results: [{ policy: "passing", reason: "fine" }], actions_taken: [{ system: "note", action: "write" }] });
  expect(report.receipt).toMatchObject({ payload: { text: "[redacted:known_secret]" }, redacted: ["/payload/text"] });
});

it("waits at close for what is running", async () => {
  const execute = async (act: () => Execution) => { await new Promise((resolve) => { setTimeout(resolve, 60); }); return act(); };
  const guard = sandbox.guard({ tools: [noteTool(sandbox.file, { execute })] });
  const call = guard.call("note_write", { text: "late" });
  await new Promise((resolve) => { setTimeout(resolve, 20); });
  await guard.close();
  expect(sandbox.content()).toBe("late");
  expect((await call).status).toBe("done");
});

it("proves at start that policies block, and refuses those that do not", () => {
  expect(sandbox.guard().selfTest()).toMatchObject({ ok: true, notes: [expect.stringContaining("passing")] });
  expect(sandbox.guard({ policies: [] }).selfTest()).toMatchObject({ ok: false, failures: [expect.stringContaining("note_write")] });
  expect(sandbox.guard({ policies: [], unguarded: ["note_write"] }).selfTest().ok).toBe(true);
  expect(passing({} as never).passed).toBe(true);
});
