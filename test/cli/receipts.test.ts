import { afterEach, beforeEach, describe, expect, test } from "vitest";

import type { ReceiptsOptions } from "../../src/cli/receipts.js";
import { receiptsCommand } from "../../src/cli/receipts.js";
import type { Entry } from "../../src/receipts/receipt.js";
import { LedgerSandbox, draft, outcomeOf, recordRun } from "../support/ledger-sandbox.js";

let sandbox: LedgerSandbox;
beforeEach(() => {
  sandbox = new LedgerSandbox();
});
afterEach(() => sandbox.cleanUp());

async function run(args: Partial<ReceiptsOptions> = {}) {
  let [out, err] = ["", ""];
  const io = { stdout: { write: (text: string) => (out += text), columns: 400 }, stderr: { write: (text: string) => (err += text) } };
  const code = await receiptsCommand({ json: false, ...args }, io, { openLedger: () => sandbox.reader() });
  return { code, out, err, lines: out.trimEnd().split("\n") };
}

interface Json {
  readonly receipts: readonly Entry[];
  readonly problems: readonly { readonly kind: string; readonly sequence: number }[];
}
const json = async (args: Partial<ReceiptsOptions> = {}): Promise<Json> => JSON.parse((await run({ ...args, json: true })).out) as Json;

const BLOCKED = {
  decision: "BLOCK" as const,
  policy_results: [
    { policy: "max_files_per_commit", passed: true, reason: "3 files, limit 50" },
    { policy: "dont_push_to_main", passed: false, reason: "Direct push to 'main' is blocked", hint: "push to 'agent/fix'" },
  ],
};

test("without a ledger it says so, and makes none", async () => {
  expect(await run()).toMatchObject({ code: 0, out: "No receipts yet: no guarded call was made in this project.\n", err: "" });
  expect(await json()).toEqual({ receipts: [], problems: [] });
});

test("lists runs, newest first, one line each: when, decision, tool, run, why", async () => {
  const ledger = sandbox.ledger();
  await recordRun(ledger, { timestamp: "2026-11-22T12:00:00.000Z" });
  const [blocked] = await recordRun(ledger, BLOCKED);
  const open = await ledger.recordDecision(() => ({ entry: draft({ workflow: "sql_query" }), subjects: [] }));
  const failed = await ledger.recordDecision(() => ({ entry: draft(), subjects: [] }));
  await ledger.recordOutcome(outcomeOf(failed, {
    decision: "PARTIAL",
    actions_taken: [{ system: "git", action: "push", success: false, output: {}, error: { code: "STALE_PLAN", message: "The branch has moved" } }],
  }));
  const { code, lines } = await run();
  expect(code).toBe(0);
  expect(lines).toEqual([
    expect.stringMatching(new RegExp(`PARTIAL +git_push +${failed.run_id.slice(0, 8)}  git push: failed \\(STALE_PLAN\\): The branch has moved`)),
    expect.stringMatching(new RegExp(`PASS +sql_query +${open.run_id.slice(0, 8)}  allowed, no outcome: running or interrupted`)),
    expect.stringMatching(new RegExp(`BLOCK +git_push +${blocked?.run_id.slice(0, 8) ?? ""}  dont_push_to_main: Direct push to 'main' is blocked`)),
    expect.stringMatching(/^2026-11-22 12:00:00Z  PASS +git_push .*git push: done/),
  ]);
});

test("filters by what came of a run in the end, by tool, and by number", async () => {
  const ledger = sandbox.ledger();
  for (let index = 0; index < 5; index += 1) {
    await recordRun(ledger);
    await recordRun(ledger, { ...BLOCKED, workflow: "sql_query" });
    const partial = await ledger.recordDecision(() => ({ entry: draft({ workflow: "file_delete" }), subjects: [] }));
    await ledger.recordOutcome(outcomeOf(partial, { decision: "PARTIAL" }));
  }
  const decisions = async (args: Partial<ReceiptsOptions>) => (await json(args)).receipts.map((entry) => `${entry.workflow} ${entry.phase} ${entry.decision}`);
  // The decision of these runs was PASS, but they did not pass in the end.
  expect(await decisions({ decision: "PASS", limit: 2 })).toEqual(Array.from({ length: 2 }, () => ["git_push decision PASS", "git_push outcome PASS"]).flat());
  expect(await decisions({ decision: "PASS" })).toHaveLength(10);
  expect(await decisions({ decision: "PARTIAL", limit: 1 })).toEqual(["file_delete decision PASS", "file_delete outcome PARTIAL"]);
  expect(await decisions({ decision: "BLOCK" })).toEqual(Array.from({ length: 5 }, () => "sql_query decision BLOCK"));
  expect(await decisions({ decision: "ROLLED_BACK" })).toEqual([]);
  expect(await decisions({ workflow: "file_delete", limit: 1 })).toHaveLength(2);
  expect((await run({ workflow: "nothing" })).out).toBe("No receipt matches.\n");
  expect((await run()).lines).toHaveLength(15);
});

test("finds rare runs behind many others, and no run twice", async () => {
  const ledger = sandbox.ledger();
  await recordRun(ledger, BLOCKED);
  await Promise.all(Array.from({ length: 130 }, () => recordRun(ledger)));
  expect((await run({ decision: "BLOCK" })).lines).toHaveLength(1);
  const all = (await json({ limit: 1000 })).receipts;
  expect(all).toHaveLength(261);
  expect(new Set(all.map((entry) => entry.sequence)).size).toBe(261);
});

test("without a limit it shows twenty", async () => {
  const ledger = sandbox.ledger();
  for (let index = 0; index < 25; index += 1) await recordRun(ledger);
  expect((await run()).lines).toHaveLength(20);
});

describe("one run", () => {
  test("in full: policies, advice, facts, actions, evidence", async () => {
    const ledger = sandbox.ledger();
    const [blocked] = await recordRun(ledger, { ...BLOCKED, redacted: ["/payload/url"] });
    const { code, out } = await run({ runId: blocked?.run_id ?? "" });
    expect(code).toBe(0);
    for (const part of ["git_push  BLOCK", blocked?.run_id, "agent@company.com (engineer)", "✗ dont_push_to_main: Direct push", "do instead: push to 'agent/fix'",
      "✓ max_files_per_commit", '"branch": "agent/fix"', "/payload/url", "receipt 1 (decision), signed with hmac-sha256:", blocked?.signature]) {
      expect(out).toContain(part);
    }
    const [decision] = await recordRun(ledger);
    const ran = (await run({ runId: decision?.run_id ?? "" })).out;
    for (const part of ["git push: done", "receipt 2 (decision)", "receipt 3 (outcome)"]) expect(ran).toContain(part);
    expect(ran.match(/^git_push/gm)).toHaveLength(1);
  });

  test("by the eight characters that the chat shows", async () => {
    const ledger = sandbox.ledger();
    const [entry] = await recordRun(ledger);
    expect((await json({ runId: entry?.run_id.slice(0, 8) ?? "" })).receipts.map(({ run_id }) => run_id)).toEqual([entry?.run_id, entry?.run_id]);
  });

  test("that is not there, or not meant clearly, is an error in words", async () => {
    await expect(run({ runId: "0f6c" })).rejects.toMatchObject({ code: "NOT_FOUND" });
    const ledger = sandbox.ledger();
    const [entry] = await recordRun(ledger, { run_id: "aaaa1111-0000-4000-8000-000000000000" });
    await recordRun(ledger, { run_id: "aaaa2222-0000-4000-8000-000000000000" });
    await expect(run({ runId: "aaaa" })).rejects.toMatchObject({ code: "USAGE", message: expect.stringContaining("aaaa2222") as string });
    await expect(run({ runId: "bbbb" })).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(run({ runId: entry?.run_id.slice(0, 3) ?? "" })).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(run({ runId: "" })).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(run({ runId: "%" })).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});

test("a decision that does not exist is a usage error", async () => {
  await expect(run({ decision: "block" })).rejects.toMatchObject({ code: "USAGE", hint: expect.stringContaining("PASS, BLOCK") as string });
});

test("what is not genuine is named, not shown, and the exit code says so", async () => {
  const ledger = sandbox.ledger();
  await recordRun(ledger);
  const [blocked] = await recordRun(ledger, BLOCKED);
  sandbox.sql("UPDATE entries SET entry = replace(replace(entry, '\"BLOCK\"', '\"PASS\"'), 'Direct push', 'Harmless') WHERE sequence = 3");
  for (const args of [{}, { runId: blocked?.run_id ?? "" }]) {
    const { code, out, err } = await run(args);
    expect(code).toBe(1);
    expect(out).not.toContain("Harmless");
    expect(err).toContain("✗ Receipt 3 was edited");
  }
  expect(await json()).toMatchObject({ receipts: [{ sequence: 1 }, { sequence: 2 }], problems: [{ kind: "edited", sequence: 3 }] });
});

test("a fact cannot draw lines of its own, or colours", async () => {
  const ledger = sandbox.ledger();
  const evil = "x\n✓ all fine\u001b[31m\u202e\u2028";
  const [entry] = await recordRun(ledger, {
    decision: "BLOCK", workflow: "odd\ntool", user_email: evil, payload: { [evil]: evil },
    policy_results: [{ policy: "p", passed: false, reason: evil, hint: evil }],
  });
  for (const { out } of [await run(), await run({ runId: entry?.run_id ?? "" })]) {
    expect(out).not.toMatch(/^✓ all fine/m);
    // oxlint-disable-next-line no-control-regex
    expect(out).not.toMatch(/[\u001b\u202e\u2028]/);
  }
  expect((await run()).lines).toHaveLength(1);
});

test("a run that was settled says what was found, not only that something was done", async () => {
  const ledger = sandbox.ledger();
  const decision = await ledger.recordDecision(() => ({ entry: draft(), subjects: [] }));
  const output = { found: "not_done", reason: "'src/a.txt' holds what it held" };
  const actions_taken = [{ system: "guard", action: "settled", success: false, output, error: { code: "NOT_DONE", message: output.reason } }];
  await ledger.recordOutcome(outcomeOf(decision, { decision: "PARTIAL", actions_taken }));
  const { out } = await run({ runId: decision.run_id });
  expect(out).toContain("settled, found not done: 'src/a.txt' holds what it held");
});
