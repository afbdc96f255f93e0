import { copyFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { verifyLedger } from "../../../src/receipts/verify-ledger.js";
import { receiptDetail } from "../../../src/web/receipts/detail.js";
import { filterFrom } from "../../../src/web/receipts/selection.js";
import { ledgerStatus } from "../../../src/web/receipts/status.js";
import { LedgerWatch } from "../../../src/web/receipts/watch.js";
import { LedgerSandbox, draft, outcomeOf, recordRun } from "../../support/ledger-sandbox.js";

let sandbox: LedgerSandbox;
let watch: LedgerWatch;
/** Added to the time of the watch: what it does every five seconds need not be waited for. */
let later = 0;
beforeEach(() => {
  later = 0;
  sandbox = new LedgerSandbox("ed25519");
  watch = new LedgerWatch({ openLedger: () => sandbox.reader(), now: () => performance.now() + later });
});
afterEach(async () => {
  await watch.close();
  await sandbox.cleanUp();
});

const everything = filterFrom(() => undefined);

async function fill(runs: number): Promise<void> {
  const ledger = sandbox.ledger();
  for (let index = 0; index < runs; index += 1) await recordRun(ledger);
  await ledger.close();
}

/** What the page would show, once all was checked. */
async function shown() {
  await watch.look(5000);
  await vi.waitFor(() => {
    if (!watch.isChecked && watch.failure === null) throw new Error("still checking");
  }, 5000);
  return ledgerStatus(watch, "shop");
}

async function shownLater() {
  later += 10_000;
  await watch.look(5000);
  await new Promise((resolve) => setTimeout(resolve, 100));
  await watch.look(5000);
  return shown();
}

/** The page and `verify` say the same of the same ledger. */
async function expectAsVerifySays(): Promise<void> {
  const { proof } = await shown();
  const reader = await sandbox.reader();
  const report = verifyLedger(reader);
  reader.close();
  expect(proof.state).toBe(report.ok ? "whole" : "wrong");
  expect(proof.problem?.message).toBe(report.firstProblem?.message);
}

const rows = async () => {
  const found = await watch.select(everything, new AbortController().signal);
  return (found?.selection.indexes() ?? []).map((index) => found?.reading.timeline.rowOf(index));
};

describe("a project", () => {
  test("without a ledger shows that there is none, makes nothing, and shows the first call when it comes", async () => {
    expect(await shown()).toMatchObject({ exists: false, entries: 0, runs: 0, proof: { state: "empty", problem: null } });
    expect(readdirSync(sandbox.project)).toEqual([]);
    await fill(1);
    expect(await shown()).toMatchObject({ exists: true, entries: 2, runs: 1, proof: { state: "whole", checked: 2, proved_to: 2 } });
    await expectAsVerifySays();
  });

  test("with a ledger shows it, checked with the real keys", async () => {
    await fill(3);
    const status = await shown();
    expect(status).toMatchObject({ entries: 6, newest: 6, runs: 3, states: { PASS: 3, OPEN: 0 }, tools: [{ name: "git_push", count: 3 }], people: [{ name: "agent@company.com", count: 3 }] });
    expect(status.keys).toEqual([{ key_id: expect.stringMatching(/^ed25519:/u) as string, entries: 6 }]);
    await expectAsVerifySays();
  });

  test("whose keys are gone says so, and shows what lies there as unproved", async () => {
    await fill(2);
    renameSync(`${sandbox.enactHome}/keys`, `${sandbox.root}/away`);
    const { proof } = await shown();
    expect(["wrong", "unreadable"]).toContain(proof.state);
    expect(proof.proved_to).toBe(0);
    expect(proof.problem?.message).toMatch(/key/u);
  });
});

describe("while agents work", () => {
  test("new calls come in, and an open one ends, without reading the rest again", async () => {
    await fill(2);
    const { revision } = await shown();
    const ledger = sandbox.ledger();
    const open = await ledger.recordDecision(() => ({ entry: draft(), subjects: [] }));
    const second = await shown();
    expect(second).toMatchObject({ runs: 3, states: { PASS: 2, OPEN: 1 } });
    expect(watch.changedSince(revision)).toBe(2);
    expect(watch.changedSince(second.revision)).toBe(Number.POSITIVE_INFINITY);
    await recordRun(ledger, { decision: "BLOCK" });
    await ledger.recordOutcome(outcomeOf(open));
    expect(await shown()).toMatchObject({ runs: 4, states: { PASS: 3, OPEN: 0, BLOCK: 1 }, proof: { state: "whole", checked: 7 } });
    expect(watch.changedSince(second.revision)).toBe(2);
    expect((await rows()).map((row) => row?.last)).toEqual([2, 4, 7, 6]);
    await expectAsVerifySays();
  });

  test("several writers at once: nothing is missed and nothing is twice", async () => {
    const ledgers = [sandbox.ledger(), sandbox.ledger(), sandbox.ledger()];
    const looking = setInterval(() => void watch.look(50), 10);
    await Promise.all(ledgers.map(async (ledger) => {
      for (let index = 0; index < 40; index += 1) await recordRun(ledger);
    }));
    clearInterval(looking);
    expect(await shown()).toMatchObject({ entries: 240, runs: 120, states: { PASS: 120 }, proof: { state: "whole", checked: 240 } });
    expect((await rows()).map((row) => row?.sequence)).toEqual((await rows()).map((row) => row?.sequence).toSorted((a = 0, b = 0) => a - b));
  });

  test("a search is kept up to date", async () => {
    const ledger = sandbox.ledger();
    await recordRun(ledger, { payload: { note: "a wombat" } });
    await recordRun(ledger);
    await shown();
    const wombats = async () => (await watch.select({ ...everything, text: "Wombat" }, new AbortController().signal))?.selection.indexes();
    expect(await wombats()).toEqual([0]);
    await recordRun(ledger, { payload: { note: "another WOMBAT" } });
    const late = await ledger.recordDecision(() => ({ entry: draft(), subjects: [] }));
    await shown();
    expect(await wombats()).toEqual([0, 2]);
    await ledger.recordOutcome(outcomeOf(late, { payload: { note: "wombat at last" } }));
    await shown();
    expect(await wombats()).toEqual([0, 2, 3]);
  });
});

describe("tampering", () => {
  const attacks: readonly (readonly [string, string])[] = [
    ["an edited receipt", "UPDATE entries SET entry = replace(entry, 'engineer', 'director') WHERE sequence = 4"],
    ["a removed receipt", "DELETE FROM entries WHERE sequence = 3"],
    ["two places exchanged", "UPDATE entries SET sequence = -1 WHERE sequence = 3; UPDATE entries SET sequence = 3 WHERE sequence = 5; UPDATE entries SET sequence = 5 WHERE sequence = -1"],
    ["a cut end", "DELETE FROM entries WHERE sequence > 6"],
    ["everything removed", "DELETE FROM entries"],
    ["a receipt before the first", "INSERT INTO entries (sequence, entry) SELECT -3, replace(entry, '\"run_id\":\"', '\"run_id\":\"x') FROM entries WHERE sequence = 1"],
    ["a receipt behind the last", "INSERT INTO entries (sequence, entry) SELECT 9, replace(entry, '\"run_id\":\"', '\"run_id\":\"x') FROM entries WHERE sequence = 1"],
    ["a receipt in another spelling of JSON", "UPDATE entries SET entry = '{run_id:''x'', phase:''decision''}' WHERE sequence = 4"],
    ["another trigger", "CREATE TRIGGER t AFTER INSERT ON entries BEGIN SELECT 1; END"],
    ["a dropped index", "DROP INDEX entries_workflow"],
  ];
  test.each(attacks)("%s: found at the start, and while someone looks on", async (_what, sql) => {
    await fill(4);
    await shown();
    await expectAsVerifySays();
    sandbox.sql(sql);
    await shownLater();
    await expectAsVerifySays();
    expect(ledgerStatus(watch, "shop").proof.state).toBe("wrong");
    await watch.close();
    watch = new LedgerWatch({ openLedger: () => sandbox.reader() });
    await expectAsVerifySays();
    expect((await shown()).proof.state).toBe("wrong");
  });

  test("the rows say it: what was edited, what is missing, and nothing of the others", async () => {
    await fill(5);
    sandbox.sql("UPDATE entries SET entry = replace(entry, 'engineer', 'director') WHERE sequence = 4");
    sandbox.sql("DELETE FROM entries WHERE sequence IN (7, 8)");
    sandbox.sql("DELETE FROM entries WHERE sequence = 10");
    const { proof, states } = await shown();
    expect(proof).toMatchObject({ proved_to: 3, problems: 2 });
    expect(states).toMatchObject({ WRONG: 1, MISSING: 2, PASS: 2, OPEN: 1 });
    expect((await rows()).map((row) => [row?.sequence, row?.state, row?.problem])).toEqual([
      [1, "PASS", null],
      [3, "WRONG", "Receipt 4 was edited: its content does not fit its signature"],
      [5, "PASS", null],
      [7, "MISSING", "Receipts 7 to 8 are missing"],
      [9, "OPEN", null],
      [10, "MISSING", "Receipt 10 is missing"],
    ]);
  });

  test("a file put in the place of the ledger is another ledger", async () => {
    await fill(2);
    copyFileSync(sandbox.file, `${sandbox.root}/older`);
    await fill(2);
    expect(await shown()).toMatchObject({ entries: 8, proof: { state: "whole" } });
    renameSync(`${sandbox.root}/older`, sandbox.file);
    await expectAsVerifySays();
    expect(await shown()).toMatchObject({ entries: 4, proof: { state: "wrong", problem: { kind: "cut" } } });
    rmSync(sandbox.file);
    expect(await shown()).toMatchObject({ exists: false, proof: { state: "wrong" } });
    await expectAsVerifySays();
  });

  test("rubbish in its place is said, not shown as empty, and what was read before is unproved", async () => {
    await fill(2);
    await shown();
    rmSync(sandbox.file);
    writeFileSync(sandbox.file, "this is no database, ".repeat(500));
    const status = await shownLater();
    expect(status.proof.state).toBe("unreadable");
    expect(status.proof.proved_to).toBe(0);
  });

  test("an accepted loss is whole again, and stays on record", async () => {
    await fill(3);
    sandbox.sql("DELETE FROM entries WHERE sequence > 4");
    expect((await shown()).proof).toMatchObject({ state: "wrong", problem: { kind: "cut" } });
    const reader = await sandbox.reader();
    reader.acceptLoss(4, new Date());
    reader.close();
    const status = await shownLater();
    expect(status.proof.state).toBe("whole");
    expect(status.losses).toMatchObject([{ kept: 4, sequence: 6 }]);
    expect((await rows()).map((row) => row?.state)).toEqual(["PASS", "PASS"]);
  });
});

describe("a receipt in full", () => {
  test("is read and checked anew, with its neighbours", async () => {
    await fill(2);
    await shown();
    const reader = await sandbox.reader();
    const [first, middle, last] = [1, 2, 4].map((sequence) => receiptDetail(reader, sequence));
    expect(first).toMatchObject({ problem: null, raw: null, previous: null, next: { sequence: 2, fits: true }, signature: { state: "valid", algorithm: "ed25519" } });
    expect(middle).toMatchObject({ previous: { sequence: 1, hash: first?.hash, fits: true }, next: { sequence: 3, fits: true }, entry: { sequence: 2, phase: "outcome", previous: first?.hash } });
    expect(last?.next).toBeNull();
    expect(() => receiptDetail(reader, 5)).toThrow(expect.objectContaining({ code: "NOT_FOUND" }) as Error);
  });

  test("that is not genuine is quoted, and says of its neighbours what fits", async () => {
    await fill(2);
    sandbox.sql("UPDATE entries SET entry = replace(entry, 'engineer', 'director') WHERE sequence = 2");
    const reader = await sandbox.reader();
    expect(receiptDetail(reader, 2)).toMatchObject({ entry: null, raw: expect.stringContaining("director") as string, signature: { state: "invalid" }, previous: { fits: true }, next: { fits: false } });
    expect(receiptDetail(reader, 3)).toMatchObject({ problem: null, signature: { state: "valid" }, previous: { fits: false } });
    sandbox.sql("DELETE FROM entries WHERE sequence = 3");
    expect(receiptDetail(reader, 4).previous).toEqual({ sequence: 3, hash: null, fits: false });
  });

  test("of an unknown key is not valid", async () => {
    await fill(1);
    renameSync(`${sandbox.enactHome}/keys`, `${sandbox.root}/away`);
    const reader = await sandbox.reader();
    expect(receiptDetail(reader, 1)).toMatchObject({ entry: null, signature: { state: "unknown_key", key_id: expect.stringMatching(/^ed25519:/u) as string } });
  });
});

test("looking again and again keeps no files open", async () => {
  await fill(2);
  const open = (): number => readdirSync("/proc/self/fd").length;
  await shown();
  const before = open();
  for (let round = 0; round < 30; round += 1) await shownLater();
  expect(open() - before).toBeLessThan(12);
});
