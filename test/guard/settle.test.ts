import { readdirSync, rmSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";

import { EnactError } from "../../src/errors.js";
import { findSecrets } from "../../src/facts/secrets.js";
import type { SettledRun, SettleOptions } from "../../src/guard/settle.js";
import { openRuns, settleRuns } from "../../src/guard/settle.js";
import { openKeys } from "../../src/receipts/keys.js";
import type { Ledger } from "../../src/receipts/ledger.js";
import { Redactor } from "../../src/receipts/redact.js";
import type { Entry } from "../../src/receipts/receipt.js";
import { verifyLedger } from "../../src/receipts/verify-ledger.js";
import { openSqliteLedger, openSqliteReader } from "../../src/stores/sqlite.js";
import type { GuardedTool, InterruptedRun, Settlement } from "../../src/tools/tool.js";
import type { Child } from "../support/child-script.js";
import { compileScript, startScript } from "../support/child-script.js";
import type { GuardSandbox } from "../support/guard-sandbox.js";
import { guardSandbox, noteTool } from "../support/guard-sandbox.js";

let script: string;
beforeAll(async () => {
  script = await compileScript(fileURLToPath(new URL("settle-child.ts", import.meta.url)));
});

let sandbox: GuardSandbox;
const children: Child[] = [];
beforeEach(() => {
  sandbox = guardSandbox();
});
afterEach(async () => {
  for (const child of children.splice(0)) child.process.kill("SIGKILL");
  await sandbox.remove();
});

const DIGEST = `sha256:${"0".repeat(64)}`;
const places = () => ({ project: join(sandbox.folder, "project"), enactHome: join(sandbox.folder, "home") });
const keys = () => openKeys({ ...places(), signing: "hmac", secret: "s".repeat(40) });
const newLedger = (): Ledger => openSqliteLedger({ ...places(), keys: keys() });

/** The note tool, with the look that the note itself answers. */
function lookingTool(own?: (run: InterruptedRun) => Promise<Settlement>): GuardedTool {
  const look = async ({ payload }: InterruptedRun): Promise<Settlement> => {
    const isThere = sandbox.content() === payload["text"];
    return { found: isThere ? "done" : "not_done", reason: isThere ? "The note says so" : "The note says something else", facts: { length: sandbox.content()?.length ?? 0 } };
  };
  return { ...noteTool(sandbox.file), settle: own ?? look };
}

function settle(changes: Partial<SettleOptions> = {}, tool = lookingTool()): Promise<readonly SettledRun[]> {
  const redactor = new Redactor(findSecrets, []);
  return settleRuns({ tools: [tool], ledger: sandbox.ledger, clock: () => new Date(), configDigest: DIGEST, redactor, settledBy: "person@company.example", ...changes });
}

async function startRun(when: "before" | "after", text = "hello"): Promise<Child> {
  const child = startScript(script, [JSON.stringify({ ...places(), file: sandbox.file, text, when })]);
  children.push(child);
  await vi.waitFor(() => expect(child.lines).toContain("executing"), { timeout: 20_000, interval: 10 });
  return child;
}

async function interrupt(child: Child): Promise<void> {
  child.process.kill("SIGKILL");
  await child.ended;
}

async function outcome(): Promise<Entry | undefined> {
  return (await sandbox.ledger.entries({ phase: "outcome", newest: true }))[0];
}

async function verified() {
  const reader = await openSqliteReader({ ...places(), keys: keys() });
  const report = verifyLedger(reader);
  reader.close();
  return report;
}

describe("a run whose process was killed", () => {
  test("after the deed: found done, and a receipt of the same run says so", async () => {
    await interrupt(await startRun("after"));
    const [settled, ...others] = await settle();
    expect(others).toEqual([]);
    expect(settled).toMatchObject({ workflow: "note_write", found: "done", reason: "The note says so" });
    const [decision] = await sandbox.ledger.entries({ phase: "decision" });
    const receipt = await outcome();
    expect(settled?.receipt).toEqual(receipt);
    const shared = (({ run_id, workflow, user_email, actor_role, plan_digest, config_digest, payload, policy_results }) => ({ run_id, workflow, user_email, actor_role, plan_digest, config_digest, payload, policy_results }))(decision as Entry);
    expect(receipt).toMatchObject({
      ...shared,
      phase: "outcome",
      decision: "PASS",
      actions_taken: [{ system: "guard", action: "settled", success: true, output: { found: "done", reason: "The note says so", facts: { length: 5 }, settled_by: "person@company.example", decided_at: decision?.timestamp } }],
    });
    expect(await verified()).toMatchObject({ ok: true, entries: 2, interrupted: [] });
    expect(await settle()).toEqual([]);
  });

  test("before the deed: found not done, which no receipt calls a success", async () => {
    await interrupt(await startRun("before"));
    expect(await settle()).toMatchObject([{ found: "not_done" }]);
    expect(await outcome()).toMatchObject({ decision: "PARTIAL", actions_taken: [{ action: "settled", success: false, error: { code: "NOT_DONE", message: "The note says something else" } }] });
    const states = await sandbox.ledger.look((history) => history.runs({ since: new Date(0) }).map(({ state }) => state));
    expect(states).toEqual(["failed"]);
    expect(sandbox.content()).toBeNull();
  });

  test("and nobody can tell: a receipt says that, and the run counts as one that may have happened", async () => {
    await interrupt(await startRun("after"));
    expect(await settle({}, noteTool(sandbox.file))).toMatchObject([{ found: "cannot_tell", reason: expect.stringContaining("look at the system") as string }]);
    expect(await outcome()).toMatchObject({ decision: "PARTIAL", actions_taken: [{ success: "unknown", error: { code: "OUTCOME_UNKNOWN" } }] });
    const states = await sandbox.ledger.look((history) => history.runs({ since: new Date(0) }).map(({ state }) => state));
    expect(states).toEqual(["unknown"]);
  });

  test("settled by two at once: one receipt", async () => {
    await interrupt(await startRun("after"));
    const second = newLedger();
    const both = await Promise.all([settle(), settle({ ledger: second })]);
    await second.close();
    expect(await verified()).toMatchObject({ ok: true, entries: 2, interrupted: [] });
    expect(both.flat().filter(({ receipt }) => receipt !== null)).toHaveLength(1);
    for (const { found } of both.flat()) expect(["done", "running"]).toContain(found);
  });
});

describe("a run that is at work", () => {
  test("in another process is left alone, however long it takes and also while that process is stopped", async () => {
    const child = await startRun("before");
    const years = new Date(Date.now() + 365 * 24 * 60 * 60 * 1000);
    for (const clock of [() => new Date(), () => years]) {
      expect(await settle({ clock })).toMatchObject([{ found: "running", receipt: null }]);
      expect((await openRuns({ ledger: sandbox.ledger, clock })).map(({ isAtWork }) => isAtWork)).toEqual([true]);
    }
    child.process.kill("SIGSTOP");
    expect(await settle()).toMatchObject([{ found: "running" }]);
    expect(await outcome()).toBeUndefined();
    await interrupt(child);
    expect(await settle()).toMatchObject([{ found: "not_done" }]);
  });

  test("in this process is left alone", async () => {
    let go: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (go = resolve));
    const guard = sandbox.guard({ tools: [noteTool(sandbox.file, { execute: async (act) => held.then(() => act()) })] });
    const call = guard.call("note_write", { text: "slow" });
    await vi.waitFor(async () => expect(await sandbox.ledger.openRuns()).toHaveLength(1));
    expect(await settle()).toMatchObject([{ found: "running" }]);
    const other = newLedger();
    expect(await settle({ ledger: other })).toMatchObject([{ found: "running" }]);
    await other.close();
    go();
    expect(await call).toMatchObject({ status: "done" });
    expect(await settle()).toEqual([]);
  });

  test("of a process that said it could not record the outcome can be settled although the process is alive", async () => {
    const failing: Ledger = new Proxy(sandbox.ledger, {
      get: (ledger, name) => {
        if (name === "recordOutcome") {
          // As when the disk is full: the draft never fits.
          return (draft: Parameters<Ledger["recordOutcome"]>[0]) => ledger.recordOutcome({ ...draft, phase: "decision" });
        }
        const member: unknown = Reflect.get(ledger, name);
        return typeof member === "function" ? (member.bind(ledger) as unknown) : member;
      },
    });
    const guard = sandbox.guard({ ledger: failing });
    expect(await guard.call("note_write", { text: "hello" })).toMatchObject({ status: "failed", code: "OUTCOME_NOT_RECORDED" });
    const other = newLedger();
    expect(await settle({ ledger: other })).toMatchObject([{ found: "done" }]);
    await other.close();
    expect(await verified()).toMatchObject({ ok: true, entries: 2, interrupted: [] });
  });

  test("of a process that left no mark is left alone for a minute", async () => {
    const child = await startRun("before");
    const [run] = await sandbox.ledger.openRuns();
    await interrupt(child);
    for (const name of readdirSync(join(places().project, ".enact", "live"))) rmSync(join(places().project, ".enact", "live", name));
    expect(await sandbox.ledger.executorOf(run?.run_id ?? "")).toBe("unmarked");
    const at = (milliseconds: number) => () => new Date(Date.parse(run?.timestamp ?? "") + milliseconds);
    for (const age of [0, 59_999, -5_000]) expect(await settle({ clock: at(age) })).toMatchObject([{ found: "running", reason: expect.stringContaining("settle again in a minute") as string }]);
    // A clock that was ahead by more than a day was wrong, and says nothing.
    expect(await settle({ clock: at(-48 * 60 * 60 * 1000) })).toMatchObject([{ found: "not_done" }]);
  });
});

test("marks of processes that ended long ago are swept; those of processes at work are not", async () => {
  const dead = await startRun("before", "one");
  await interrupt(dead);
  const alive = await startRun("before", "two");
  const folder = join(places().project, ".enact", "live");
  const old = new Date(Date.now() - 48 * 60 * 60 * 1000);
  const before = readdirSync(folder);
  expect(before).toHaveLength(2);
  for (const name of before) utimesSync(join(folder, name), old, old);
  await sandbox.guard().call("note_write", { text: "three" });
  const runs = await sandbox.ledger.openRuns();
  expect(await Promise.all(runs.map(({ run_id }) => sandbox.ledger.executorOf(run_id)))).toEqual(["unmarked", "alive"]);
  await interrupt(alive);
});

describe("a look", () => {
  async function interrupted(): Promise<void> {
    await interrupt(await startRun("after"));
  }

  test("that says it is too early leaves the run as it is", async () => {
    await interrupted();
    const early = async () => ({ found: "not_done" as const, reason: "Not there", stillOpen: "the server may still be at work on it" });
    expect(await settle({}, lookingTool(early))).toMatchObject([{ found: "later", receipt: null, reason: "Not there; but the server may still be at work on it" }]);
    expect(await outcome()).toBeUndefined();
  });

  test.each(["SYSTEM_UNAVAILABLE", "TIMEOUT", "NOT_INSTALLED"] as const)("that is not possible now (%s) leaves the run as it is", async (code) => {
    await interrupted();
    expect(await settle({}, lookingTool(() => Promise.reject(new EnactError(code, "The remote does not answer"))))).toMatchObject([
      { found: "later", reason: expect.stringContaining("The remote does not answer") as string },
    ]);
    expect(await outcome()).toBeUndefined();
  });

  test("that fails in an unexpected way says nothing, and repeats nothing of the error", async () => {
    await interrupted();
    const [settled] = await settle({}, lookingTool(() => Promise.reject(new Error("password=hunter2"))));
    expect(settled).toMatchObject({ found: "later" });
    expect(settled?.reason).not.toContain("hunter2");
  });

  test("that finds its object out of bounds now is one that cannot tell", async () => {
    await interrupted();
    expect(await settle({}, lookingTool(() => Promise.reject(new EnactError("REFUSED", "It lies outside now"))))).toMatchObject([{ found: "cannot_tell" }]);
  });

  test("gets the facts of the decision, and knows whether the configuration is still the same", async () => {
    await interrupted();
    const seen: InterruptedRun[] = [];
    const spy = async (run: InterruptedRun) => {
      seen.push(run);
      return { found: "not_done" as const, reason: "-", stillOpen: "later" };
    };
    await settle({}, lookingTool(spy));
    await settle({ configDigest: `sha256:${"1".repeat(64)}` }, lookingTool(spy));
    expect(seen.map(({ sameConfiguration }) => sameConfiguration)).toEqual([true, false]);
    const [entry] = await sandbox.ledger.openRuns();
    expect(seen[0]).toMatchObject({ workflow: "note_write", payload: { text: "hello" }, decided_at: new Date(entry?.timestamp ?? ""), processName: entry?.run_id.slice(-12) });
  });

  test("of a tool that is not enabled here is not made up", async () => {
    await interrupted();
    expect(await settle({ tools: [] })).toMatchObject([{ found: "no_tool", receipt: null }]);
  });

  test("of a tool that only reads is not needed", async () => {
    await interrupted();
    const reading = { ...lookingTool(), annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false } };
    expect(await settle({}, reading)).toMatchObject([{ found: "not_done", reason: expect.stringContaining("only reads") as string }]);
  });

  test("whose words hold a secret leaves none in the receipt", async () => {
    const secret = ["AKIA", "Q3ZJ7RT6", "WXYV2KLM"].join("");
    await interrupted();
    await settle({}, lookingTool(async () => ({ found: "cannot_tell", reason: `Found ${secret}`, facts: { note: secret } })));
    const receipt = await outcome();
    expect(JSON.stringify(receipt)).not.toContain(secret);
    expect(receipt?.redacted.filter((pointer) => pointer.startsWith("/actions_taken/0/"))).toHaveLength(3);
  });
});

test("what was redacted in the decision is an unknown fact for the look, and stays redacted in the receipt", async () => {
  const secret = ["AKIA", "Q3ZJ7RT6", "WXYV2KLM"].join("");
  await interrupt(await startRun("after", `the key is ${secret}`));
  let seen: InterruptedRun | undefined;
  await settle({}, lookingTool(async (run) => {
    seen = run;
    return { found: "cannot_tell", reason: "no idea" };
  }));
  expect(seen?.payload["text"]).toEqual({ $unknown: "it was redacted in the receipt" });
  const receipt = await outcome();
  expect(receipt?.redacted).toContain("/payload/text");
  expect(JSON.stringify(receipt)).not.toContain(secret);
});
