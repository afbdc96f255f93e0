import { appendFileSync, chmodSync, existsSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { DatabaseSync } from "@photostructure/sqlite";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import type { VerifyArgs } from "../../src/cli/verify.js";
import { verifyCommand } from "../../src/cli/verify.js";
import { LedgerSandbox, draft, recordRun } from "../support/ledger-sandbox.js";

let sandbox: LedgerSandbox;
beforeEach(() => {
  sandbox = new LedgerSandbox("ed25519");
});
afterEach(() => sandbox.cleanUp());

async function run(args: Partial<VerifyArgs> = {}) {
  let out = "";
  const code = await verifyCommand({ json: false, ...args }, { stdout: { write: (text: string) => (out += text) } }, { openLedger: () => sandbox.reader() });
  return { code, out };
}
const json = async (args: Partial<VerifyArgs> = {}) => JSON.parse((await run({ ...args, json: true })).out) as Record<string, unknown>;

async function fill(runs: number): Promise<void> {
  const ledger = sandbox.ledger();
  for (let index = 0; index < runs; index += 1) await recordRun(ledger);
  await ledger.close();
}

test("without a ledger there is nothing to verify, and nothing is made", async () => {
  expect(await run()).toMatchObject({ code: 0, out: expect.stringContaining("No receipts yet") as string });
  expect(await json()).toMatchObject({ ok: true, entries: 0, first_problem: null, head: null, known_head: null });
  expect([sandbox.enactHome, join(sandbox.project, ".enact")].filter((path) => existsSync(path))).toEqual([]);
});

test("a ledger that is whole verifies, and says by which key", async () => {
  await fill(3);
  const { code, out } = await run();
  expect(code).toBe(0);
  expect(out).toMatch(/^✓ 6 receipts verified/);
  expect(out).toMatch(/signed with ed25519:[\w-]{16}: 6 receipts/);
  const said = await json();
  expect(said).toMatchObject({ ok: true, entries: 6, interrupted: [], accepted_losses: [], accepted: false, ledger: sandbox.file });
  expect(said["known_head"]).toEqual(said["head"]);
});

test("interrupted runs are named, and are no failure", async () => {
  const ledger = sandbox.ledger();
  const decision = await ledger.recordDecision(() => ({ entry: draft({ workflow: "email_send" }), subjects: [] }));
  const { code, out } = await run();
  expect(code).toBe(0);
  expect(out).toContain("1 run has no outcome");
  expect(out).toMatch(new RegExp(`email_send +receipt 1 +run ${decision.run_id}`));
  expect((await json())["interrupted"]).toMatchObject([{ run_id: decision.run_id, sequence: 1 }]);
});

test("an edited receipt is named by its place and its run", async () => {
  await fill(3);
  const [{ entry }] = sandbox.sql("SELECT entry FROM entries WHERE sequence = 4") as [{ entry: string }];
  const { run_id } = JSON.parse(entry) as { run_id: string };
  sandbox.sql("UPDATE entries SET entry = replace(entry, 'engineer', 'director') WHERE sequence = 4");
  const { code, out } = await run();
  expect(code).toBe(1);
  expect(out).toContain("✗ Receipt 4 was edited: its content does not fit its signature.");
  expect(out).toContain(run_id);
  expect(out).toContain("3 receipts before it are right");
  expect(await json()).toMatchObject({ ok: false, entries: 3, first_problem: { kind: "edited", sequence: 4, run_id } });
});

test.each([
  ["a removed receipt", "DELETE FROM entries WHERE sequence = 2", "Receipt 2 was removed"],
  ["a cut end", "DELETE FROM entries WHERE sequence > 4", "receipts 5 to 6 are missing"],
  ["an added trigger", "CREATE TRIGGER t AFTER INSERT ON entries BEGIN SELECT 1; END", "structure of the ledger file was changed"],
])("%s is named", async (_title, sql, words) => {
  await fill(3);
  sandbox.sql(sql);
  const { code, out } = await run();
  expect([code, out]).toEqual([1, expect.stringContaining(words)]);
});

test("a ledger that is gone is named, although there is nothing to verify", async () => {
  await fill(1);
  rmSync(join(sandbox.project, ".enact"), { recursive: true });
  expect(await run()).toMatchObject({ code: 1, out: expect.stringContaining("empty or gone, but 2 were written") as string });
});

test("a ledger that cannot be read is a failure, in words and in JSON", async () => {
  await fill(30);
  writeFileSync(sandbox.file, "not a database".repeat(1000));
  expect(await run()).toMatchObject({ code: 1, out: expect.stringContaining("✗ Cannot verify: The ledger is damaged") as string });
  expect(await json()).toMatchObject({ ok: false, first_problem: { kind: "structure" } });
});

test("a key that is gone: cannot verify, and says which and where", async () => {
  await fill(1);
  renameSync(join(sandbox.enactHome, "keys"), join(sandbox.root, "keys"));
  const { code, out } = await run();
  expect(code).toBe(1);
  expect(out).toMatch(/Cannot verify receipt 1: key "ed25519:[\w-]{16}" not found/);
  expect(out).toContain(join(sandbox.enactHome, "keys"));
});

test("an auditor needs only the public key", async () => {
  await fill(1);
  rmSync(join(sandbox.enactHome, "keys", "ed25519.pem"));
  expect((await run()).code).toBe(0);
});

test("a key file that others may change cannot verify anything", async () => {
  await fill(1);
  chmodSync(join(sandbox.enactHome, "keys", "ed25519.pub"), 0o666);
  expect(await run()).toMatchObject({ code: 1, out: expect.stringContaining("can be changed by other users") as string });
});

describe("without a known head", () => {
  const forgetHeads = (): void => ["", "-wal", "-shm"].forEach((end) => rmSync(join(sandbox.enactHome, `ledgers.sqlite${end}`), { force: true }));

  test("where this user's key signs, it does not verify: who can cut the end can delete the head too", async () => {
    await fill(2);
    sandbox.sql("DELETE FROM entries WHERE sequence = 4");
    forgetHeads();
    const { code, out } = await run();
    expect([code, out]).toEqual([1, expect.stringMatching(/^✗ 3 receipts are right by themselves, but the head of this ledger is gone/)]);
    expect(out).toContain("enact-guard verify --accept-loss");
    expect(await json()).toMatchObject({ ok: false, entries: 3, known_head: null, first_problem: { kind: "no_head", sequence: 0, run_id: null } });
  });

  test("a guard that goes on does not make it right again: that it found no head stays on record until a person accepts it", async () => {
    await fill(2);
    sandbox.sql("DELETE FROM entries WHERE sequence = 4");
    forgetHeads();
    await fill(1);
    const { code, out } = await run();
    expect([code, out]).toEqual([1, expect.stringMatching(/^✗ The head of this ledger was gone on .*: a guard found 3 receipts and went on from there/)]);
    const accepted = await run({ acceptLoss: true });
    expect([accepted.code, accepted.out]).toEqual([0, expect.stringMatching(/^Accepted: 5 receipts are there, and how many there were is not known/)]);
    expect(await run()).toMatchObject({ code: 0, out: expect.stringMatching(/! On .* a person accepted a ledger without a known head: 5 receipts were there/) as string });
    sandbox.sql("DELETE FROM entries WHERE sequence = 5");
    expect(await json()).toMatchObject({ ok: false, first_problem: { kind: "cut", sequence: 5 } });
  });

  test("a person may accept it at once; a cut that comes later is found", async () => {
    await fill(2);
    forgetHeads();
    expect(await json({ acceptLoss: true })).toMatchObject({ ok: true, accepted: true, accepted_losses: [] });
    expect(await json()).toMatchObject({ ok: true, entries: 4, known_head: { sequence: 4 }, accepted_losses: [{ kept: 4, head_unknown: true }] });
    sandbox.sql("DELETE FROM entries WHERE sequence = 4");
    expect(await json()).toMatchObject({ ok: false, first_problem: { kind: "cut", sequence: 4 } });
  });

  test("a broken chain cannot be accepted with it", async () => {
    await fill(2);
    forgetHeads();
    sandbox.sql("DELETE FROM entries WHERE sequence = 2");
    await expect(run({ acceptLoss: true })).rejects.toMatchObject({ code: "REFUSED" });
  });

  test("an auditor, who has only the public key, never has one: it verifies, and says loudly what it cannot see", async () => {
    await fill(2);
    forgetHeads();
    rmSync(join(sandbox.enactHome, "keys", "ed25519.pem"));
    expect(await run()).toMatchObject({ code: 0, out: expect.stringContaining("! No head of this ledger is known here, so a cut end could not be seen") as string });
  });

  test("a guard that is stopped between its very first entry and its note of it is no reason for an alarm", async () => {
    const ledger = sandbox.ledger();
    await recordRun(ledger);
    await ledger.close();
    const heads = new DatabaseSync(join(sandbox.enactHome, "ledgers.sqlite"));
    heads.exec(`UPDATE ledgers SET sequence = 0, hash = 'sha256:${"0".repeat(64)}', genesis = '', key_id = ''; DELETE FROM runs; DELETE FROM subjects`);
    heads.close();
    expect((await run()).code).toBe(0);
    await fill(1);
    expect(await json()).toMatchObject({ ok: true, entries: 4, known_head: { sequence: 4 } });
  });
});

test("an approval that does not hold is named, at its receipt", async () => {
  await fill(2);
  const openLedger = () => sandbox.reader();
  let out = "";
  const approvals = () => (entry: { readonly sequence: number }) => (entry.sequence === 3 ? "nobody of that name signed it" : null);
  const code = await verifyCommand({ json: true }, { stdout: { write: (text: string) => (out += text) } }, { openLedger, approvals });
  expect([code, JSON.parse(out)]).toMatchObject([1, { ok: false, entries: 2, first_problem: { kind: "approval", sequence: 3, message: expect.stringContaining("nobody of that name") as string } }]);
});

describe("accepting a loss", () => {
  test("that is at the end: the ledger verifies from then on, and the loss is shown ever after", async () => {
    await fill(3);
    sandbox.sql("DELETE FROM entries WHERE sequence > 4");
    expect((await run()).code).toBe(1);
    const { code, out } = await run({ acceptLoss: true });
    expect([code, out]).toEqual([0, expect.stringMatching(/^Accepted: 6 receipts were known, 4 are there/)]);
    await fill(1);
    const later = await run();
    expect(later.code).toBe(0);
    expect(later.out).toMatch(/a person accepted a loss: 6 receipts were known, 4 were there/);
    expect(await json()).toMatchObject({ ok: true, entries: 6, accepted_losses: [{ kept: 4, sequence: 6 }] });
  });

  test("of the whole ledger: a new one begins", async () => {
    await fill(2);
    rmSync(join(sandbox.project, ".enact"), { recursive: true });
    expect((await run({ acceptLoss: true })).code).toBe(0);
    await fill(1);
    expect(await json()).toMatchObject({ ok: true, entries: 2, accepted_losses: [{ kept: 0, sequence: 4 }] });
  });

  test("is refused for anything else", async () => {
    await fill(3);
    sandbox.sql("DELETE FROM entries WHERE sequence = 2");
    await expect(run({ acceptLoss: true })).rejects.toMatchObject({ code: "REFUSED", hint: expect.stringContaining("Move .enact/ledger.sqlite away") as string });
    expect((await run()).code).toBe(1);
  });

  test("does nothing when nothing is lost", async () => {
    await fill(1);
    expect(await json({ acceptLoss: true })).toMatchObject({ ok: true, accepted: false, accepted_losses: [] });
  });
});

test("bytes behind the database change nothing, for anybody", async () => {
  await fill(1);
  appendFileSync(sandbox.file, Buffer.alloc(8192, 0x20));
  // SQLite reads only the pages that its header counts.
  expect(await json()).toMatchObject({ ok: true, entries: 2 });
});

test("behind a wrong receipt nothing was read, so no run is called interrupted for want of an outcome there", async () => {
  await fill(2);
  sandbox.sql("DELETE FROM entries WHERE sequence = 2");
  const { out } = await run();
  expect(out).toContain("Receipt 2 was removed");
  expect(out).not.toContain("no outcome");
});
