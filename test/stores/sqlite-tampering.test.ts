import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import type { Ledger } from "../../src/receipts/ledger.js";
import { newKey } from "../support/chains.js";
import { LedgerSandbox, draft, outcomeOf, recordRun } from "../support/ledger-sandbox.js";

let sandbox: LedgerSandbox;
let ledger: Ledger;
beforeEach(async () => {
  sandbox = new LedgerSandbox();
  ledger = sandbox.ledger();
  for (let run = 0; run < 4; run += 1) await recordRun(ledger, {}, ["email:bob@example.com"]);
});
afterEach(() => sandbox.cleanUp());

const since = new Date(0);
const folder = (): string => join(sandbox.project, ".enact");
const backup = (): string => join(sandbox.root, "backup");
const record = (on = ledger) => on.recordDecision(() => ({ entry: draft(), subjects: [] }));
const look = (on = ledger) => on.look((history) => history.count({ since }));
const tampered = (words: string) => ({ code: "TAMPERED", message: expect.stringContaining(words) as string });

/** What anybody can do to the files of the project, and how verify names it. */
const ATTACKS: readonly (readonly [string, () => void, string, { readonly kind: string; readonly sequence: number }])[] = [
  ["the last entry deleted", () => sandbox.sql("DELETE FROM entries WHERE sequence = 8"), "it was cut", { kind: "cut", sequence: 8 }],
  ["the end deleted", () => sandbox.sql("DELETE FROM entries WHERE sequence > 3"), "it was cut", { kind: "cut", sequence: 4 }],
  ["all entries deleted", () => sandbox.sql("DELETE FROM entries"), "it was cut", { kind: "cut", sequence: 1 }],
  ["the last entry edited", () => sandbox.sql("UPDATE entries SET entry = json_set(entry, '$.actor_role', 'x') WHERE sequence = 8"), "is not the one that the guard wrote", { kind: "edited", sequence: 8 }],
  ["everything dropped, as if it were new", () => sandbox.sql("DROP TABLE entries; PRAGMA user_version = 0; PRAGMA application_id = 0"), "cut, deleted or replaced", { kind: "cut", sequence: 1 }],
  ["the file emptied", () => ["", "-wal"].forEach((end) => writeFileSync(sandbox.file + end, "")), "", { kind: "cut", sequence: 1 }],
  ["the file deleted", () => ["", "-wal", "-shm"].forEach((end) => rmSync(sandbox.file + end, { force: true })), "cut, deleted or replaced", { kind: "cut", sequence: 1 }],
  ["the folder deleted", () => rmSync(folder(), { recursive: true }), "cut, deleted or replaced", { kind: "cut", sequence: 1 }],
  ["a trigger that makes entries vanish", () => sandbox.sql("CREATE TRIGGER t AFTER INSERT ON entries BEGIN DELETE FROM entries WHERE sequence = new.sequence; END"), "structure", { kind: "structure", sequence: 0 }],
  ["a view in the place of the table", () => sandbox.sql("ALTER TABLE entries RENAME TO hidden; CREATE VIEW entries AS SELECT * FROM hidden"), "structure", { kind: "structure", sequence: 0 }],
  ["an index dropped", () => sandbox.sql("DROP INDEX entries_run"), "structure", { kind: "structure", sequence: 0 }],
  ["a table added", () => sandbox.sql("CREATE TABLE extra (x)"), "structure", { kind: "structure", sequence: 0 }],
  ["the version changed", () => sandbox.sql("PRAGMA user_version = 0"), "structure", { kind: "structure", sequence: 0 }],
];

describe.each([["while the guard is at work", false], ["while no guard is at work", true]])("%s", (_title, closed) => {
  beforeEach(async () => {
    if (closed) await ledger.close();
  });

  test.each(ATTACKS)("%s: nothing is recorded or judged any more, and verify names it", async (_attack, attack, words, problem) => {
    attack();
    await expect(record()).rejects.toMatchObject(tampered(words));
    await expect(look()).rejects.toMatchObject(tampered(words));
    expect(problem.kind === "structure" ? await structure() : (await sandbox.verify()).firstProblem).toMatchObject(problem);
    // It stays so: the refusal itself has not made things right.
    await expect(record()).rejects.toMatchObject({ code: "TAMPERED" });
  });

  test("an older copy put back in its place is refused, and verify names it", async () => {
    await ledger.close();
    cpSync(folder(), backup(), { recursive: true });
    await recordRun(ledger);
    if (closed) await ledger.close();
    rmSync(folder(), { recursive: true });
    cpSync(backup(), folder(), { recursive: true });
    await expect(record()).rejects.toMatchObject(tampered("replaced by an older copy"));
    expect((await sandbox.verify()).firstProblem).toMatchObject({ kind: "cut", sequence: 9 });
  });

  test("an older copy that grew in another place is refused, and verify names it", async () => {
    await ledger.close();
    cpSync(folder(), backup(), { recursive: true });
    await recordRun(ledger);
    await ledger.close();
    // With the very key of the user, in a project of its own.
    const elsewhere = join(sandbox.root, "elsewhere");
    mkdirSync(elsewhere);
    cpSync(backup(), join(elsewhere, ".enact"), { recursive: true });
    const other = sandbox.ledger({ project: elsewhere });
    for (let run = 0; run < 3; run += 1) await recordRun(other);
    await other.close();
    if (!closed) await recordRun(ledger);
    rmSync(folder(), { recursive: true });
    cpSync(join(elsewhere, ".enact"), folder(), { recursive: true });
    await expect(record()).rejects.toMatchObject(tampered("replaced by another copy"));
    expect((await sandbox.verify()).firstProblem).toMatchObject({ kind: "replaced" });
  });
});

async function structure() {
  const reader = await sandbox.reader();
  const message = reader.structureProblem;
  reader.close();
  return { kind: message === null ? "none" : "structure", sequence: 0 };
}

test("entries in the middle: verify names the first, and the entry itself is not handed out", async () => {
  const [entry] = await ledger.entries({ after: 2, limit: 1 });
  sandbox.sql("UPDATE entries SET entry = replace(entry, 'agent/fix', 'agent/fox') WHERE sequence = 3");
  expect((await sandbox.verify()).firstProblem).toMatchObject({ kind: "edited", sequence: 3, run_id: entry?.run_id });
  await expect(ledger.entries({ run_id: entry?.run_id ?? "" })).rejects.toMatchObject(tampered("Receipt 3 was edited"));
  expect(await ledger.entries({ after: 3 })).toHaveLength(5);
});

test("entries that change places are found by verify and not handed out", async () => {
  sandbox.sql("UPDATE entries SET sequence = -1 WHERE sequence = 2; UPDATE entries SET sequence = 2 WHERE sequence = 4; UPDATE entries SET sequence = 4 WHERE sequence = -1");
  expect((await sandbox.verify()).firstProblem).toMatchObject({ kind: "reordered", sequence: 2 });
  await expect(ledger.entries({})).rejects.toMatchObject(tampered("not in its place"));
});

test("no column can say something that was not signed", () => {
  for (const column of ["run_id", "phase", "workflow", "decision"]) {
    expect(() => sandbox.sql(`UPDATE entries SET ${column} = 'BLOCK'`)).toThrow("generated");
  }
  expect(() => sandbox.sql("UPDATE entries SET entry = x'7b7d' WHERE sequence = 1")).toThrow(/BLOB/);
});

test("deleting rows cannot make the history forget: it is not kept in the project", async () => {
  expect(await ledger.look((history) => history.count({ since, subject: "email:bob@example.com" }))).toBe(4);
  // The middle is gone; the head is as it was. Only verify reads that far.
  sandbox.sql("DELETE FROM entries WHERE sequence IN (1, 3, 5)");
  expect(await ledger.look((history) => history.count({ since, subject: "email:bob@example.com" }))).toBe(4);
  const blocked = await ledger.recordDecision((history) => ({
    entry: draft({ decision: history.count({ since, subject: "email:bob@example.com" }) < 4 ? "PASS" : "BLOCK" }), subjects: [],
  }));
  expect(blocked.decision).toBe("BLOCK");
  expect((await sandbox.verify()).firstProblem).toMatchObject({ kind: "removed", sequence: 1 });
});

describe("entries beyond the known head", () => {
  const heads = (): string => join(sandbox.enactHome, "ledgers.sqlite");
  /** What the user's folder knew before: the guard was killed between the ledger and its own note. */
  async function forget(work: () => Promise<unknown>): Promise<void> {
    await ledger.close();
    cpSync(heads(), `${heads()}.old`);
    for (const end of ["-wal", "-shm"]) if (existsSync(heads() + end)) cpSync(heads() + end, `${heads()}.old${end}`);
    await work();
    await ledger.close();
    for (const end of ["", "-wal", "-shm"]) {
      rmSync(heads() + end, { force: true });
      if (existsSync(`${heads()}.old${end}`)) renameSync(`${heads()}.old${end}`, heads() + end);
    }
  }

  test("that are genuine are taken over, with their history", async () => {
    await forget(async () => {
      for (let run = 0; run < 30; run += 1) await recordRun(ledger, {}, ["email:eve@example.com"]);
    });
    expect(await sandbox.verify()).toMatchObject({ ok: true, entries: 68 });
    const next = sandbox.ledger();
    expect(await next.look((history) => history.count({ since, subject: "email:eve@example.com" }))).toBe(30);
    await recordRun(next);
    expect((await sandbox.reader()).known?.sequence).toBe(70);
  });

  test("that were forged are not", async () => {
    await forget(() => recordRun(ledger));
    sandbox.sql("UPDATE entries SET entry = json_set(entry, '$.decision', 'BLOCK') WHERE sequence = 9");
    const next = sandbox.ledger();
    await expect(next.look((history) => history.count({ since }))).rejects.toMatchObject(tampered("Receipt 9 was edited"));
    await expect(record(next)).rejects.toMatchObject(tampered("Receipt 9 was edited"));
  });

  test("that do not follow it are not", async () => {
    await forget(() => recordRun(ledger));
    sandbox.sql("DELETE FROM entries WHERE sequence = 9");
    await expect(record(sandbox.ledger())).rejects.toMatchObject(tampered("Receipt 9 was removed"));
  });

  test("a large backlog is taken over in parts, by several guards at once", async () => {
    const many = new LedgerSandbox();
    const first = many.ledger();
    await Promise.all(Array.from({ length: 2500 }, () => first.recordDecision(() => ({ entry: draft(), subjects: ["s"] }))));
    await first.close();
    for (const end of ["", "-wal", "-shm"]) rmSync(join(many.enactHome, `ledgers.sqlite${end}`), { force: true });
    const guards = [many.ledger(), many.ledger()];
    const entries = await Promise.all(guards.map((guard) => guard.recordDecision((history) => ({ entry: draft({ payload: { seen: history.count({ since }) } }), subjects: ["s"] }))));
    expect(entries.map((entry) => entry.payload["seen"])).toEqual([2500, 2501]);
    expect(await many.verify()).toMatchObject({ ok: true, entries: 2502 });
    await many.cleanUp();
  });
});

describe("keys", () => {
  const keyFile = (): string => join(sandbox.enactHome, "keys", "hmac.key");

  test("a key that is gone stops the guard: no new one is made in silence", async () => {
    const secret = readFileSync(keyFile(), "utf8");
    rmSync(keyFile());
    const next = sandbox.ledger();
    await expect(record(next)).rejects.toMatchObject({ code: "KEY_UNUSABLE", message: expect.stringContaining("which is not in") as string });
    await expect(look(next)).rejects.toMatchObject({ code: "KEY_UNUSABLE" });
    expect(existsSync(keyFile())).toBe(false);
    writeFileSync(keyFile(), secret, { mode: 0o600 });
    await recordRun(next);
    expect(await sandbox.verify()).toMatchObject({ ok: true, entries: 10 });
  });

  test("a key that was exchanged stops the guard", async () => {
    writeFileSync(keyFile(), "another key of at least thirty-two characters");
    await expect(record(sandbox.ledger())).rejects.toMatchObject({ code: "KEY_UNUSABLE" });
    expect((await sandbox.verify()).firstProblem).toMatchObject({ kind: "unknown_key", sequence: 1 });
  });

  test("a key that others may read stops the guard", async () => {
    writeFileSync(keyFile(), readFileSync(keyFile(), "utf8"));
    const { chmodSync } = await import("node:fs");
    chmodSync(keyFile(), 0o644);
    await expect(record(sandbox.ledger())).rejects.toMatchObject({ code: "KEY_UNUSABLE", message: expect.stringContaining("open to other users") as string });
  });

  test("another way of signing goes on in the same chain", async () => {
    await ledger.close();
    const { enactHome, project } = sandbox;
    const { openKeys } = await import("../../src/receipts/keys.js");
    await recordRun(sandbox.ledger({ keys: openKeys({ enactHome, project, signing: "ed25519" }) }));
    const report = await sandbox.verify();
    expect(report).toMatchObject({ ok: true, entries: 10 });
    expect(report.keys.map((key) => key.entries)).toEqual([8, 2]);
  });

  test("a whole ledger signed by someone else is not taken for this one's", async () => {
    const key = newKey("hmac-sha256");
    const { chainOf } = await import("../support/chains.js");
    const { texts } = chainOf(Array.from({ length: 8 }, () => draft()), key);
    for (const [index, text] of texts.entries()) sandbox.sql("UPDATE entries SET entry = ? WHERE sequence = ? RETURNING 1", text, index + 1);
    await expect(record()).rejects.toMatchObject(tampered("is not the one that the guard wrote"));
    expect((await sandbox.verify()).firstProblem).toMatchObject({ kind: "unknown_key", sequence: 1 });
  });
});

describe("a project that is moved or copied", () => {
  test("moved: its ledger goes on, and a cut is still found", async () => {
    await ledger.close();
    const moved = join(sandbox.root, "moved");
    renameSync(sandbox.project, moved);
    expect(await sandbox.verify(moved)).toMatchObject({ ok: true, entries: 8 });
    await recordRun(sandbox.ledger({ project: moved }));
    expect(await sandbox.verify(moved)).toMatchObject({ ok: true, entries: 10 });
    const again = join(sandbox.root, "again");
    renameSync(moved, again);
    mkdirSync(sandbox.project);
    cpSync(join(again, ".enact"), folder(), { recursive: true });
    sandbox.sql("DELETE FROM entries WHERE sequence = 10");
    rmSync(again, { recursive: true });
    await expect(record(sandbox.ledger())).rejects.toMatchObject(tampered("it was cut"));
    expect((await sandbox.verify()).firstProblem).toMatchObject({ kind: "cut", sequence: 10 });
  });

  test("copied: the copy begins a history of its own, the original goes on", async () => {
    await ledger.close();
    const copy = join(sandbox.root, "copy");
    cpSync(sandbox.project, copy, { recursive: true });
    await recordRun(sandbox.ledger({ project: copy }));
    await recordRun(sandbox.ledger());
    expect(await sandbox.verify(copy)).toMatchObject({ ok: true, entries: 10 });
    expect(await sandbox.verify()).toMatchObject({ ok: true, entries: 10 });
  });
});

test("a loss that a person accepted: the ledger goes on from what is left, and the note of it stays", async () => {
  await ledger.close();
  sandbox.sql("DELETE FROM entries WHERE sequence > 5");
  const reader = await sandbox.reader();
  reader.acceptLoss(5, new Date("2026-11-22T12:00:00.000Z"));
  const next = sandbox.ledger();
  // Entry 5 decided a run whose outcome is among the lost.
  const runs = await next.look((history) => history.runs({ since }));
  expect(runs.map((run) => run.state)).toEqual(["done", "done", "running"]);
  await next.recordOutcome(outcomeOf(runs[2] ?? { run_id: "", workflow: "" }));
  expect(await sandbox.verify()).toMatchObject({ ok: true, entries: 6 });
  const after = await sandbox.reader();
  expect(after.acceptedLosses).toEqual([{ accepted_at: "2026-11-22T12:00:00.000Z", kept: 5, sequence: 8 }]);
  // What was accepted was that loss, and no other.
  sandbox.sql("DELETE FROM entries WHERE sequence > 5");
  await expect(record(next)).rejects.toMatchObject(tampered("it was cut"));
  await expect((async () => reader.acceptLoss(5, new Date()))()).rejects.toMatchObject({ code: "STALE_PLAN" });
});
