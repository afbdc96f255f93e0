import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import type { CheckpointArgs } from "../../src/cli/checkpoint.js";
import { checkpointCommand } from "../../src/cli/checkpoint.js";
import { verifyCheckpoint } from "../../src/cli/evidence/verify-checkpoint.js";
import { verifyFilesCommand } from "../../src/cli/evidence/verify-files.js";
import { verifyCommand } from "../../src/cli/verify.js";
import { parseCheckpoint, parseNote } from "../../src/receipts/checkpoint.js";
import { openCheckpointKeys } from "../../src/receipts/checkpoint-keys.js";
import { capturedIo } from "../support/cli-io.js";
import { LedgerSandbox, draft, recordRun } from "../support/ledger-sandbox.js";

let sandbox: LedgerSandbox;
beforeEach(() => {
  sandbox = new LedgerSandbox("ed25519");
});
afterEach(() => sandbox.cleanUp());

const checkpointKeys = () => openCheckpointKeys(sandbox);

async function run(args: Partial<CheckpointArgs> = {}) {
  const io = capturedIo(sandbox.root);
  const code = await checkpointCommand({ json: false, publicKeys: [], ...args }, io, { openLedger: () => sandbox.reader(), keys: checkpointKeys() });
  return { code, out: io.out(), err: io.err() };
}

async function verify(...checkpoints: readonly string[]) {
  const io = capturedIo(sandbox.root);
  const compare = (file: string, reader: Awaited<ReturnType<typeof sandbox.reader>>) => verifyCheckpoint(join(sandbox.root, file), reader, checkpointKeys().trusted());
  const code = await verifyCommand({ checkpoints, json: true }, io, { openLedger: () => sandbox.reader(), compare });
  const said = JSON.parse(io.out()) as { ok: boolean; checkpoints: readonly { ok: boolean; message: string }[] };
  return { code, chain: said.ok, checkpoints: said.checkpoints.map(({ ok }) => ok), message: said.checkpoints[0]?.message ?? "" };
}

function verifyProof(proof: string, ...checkpoint: readonly string[]) {
  const io = capturedIo(sandbox.root);
  const code = verifyFilesCommand({ proof, checkpoint, json: false }, io, { keys: sandbox.keys(), checkpointKeys: checkpointKeys(), approvers: { find: () => undefined } });
  return { code, out: io.out() };
}

async function fill(runs: number): Promise<void> {
  const ledger = sandbox.ledger();
  for (let index = 0; index < runs; index += 1) await recordRun(ledger);
  await ledger.close();
}

const file = (name: string): string => join(sandbox.root, name);

describe("a checkpoint", () => {
  test("goes to standard output alone, so that it can be piped; what is said of it goes elsewhere", async () => {
    await fill(3);
    const { code, out, err } = await run();
    expect(code).toBe(0);
    expect(parseCheckpoint(parseNote(out).text)).toMatchObject({ size: 6, origin: expect.stringMatching(/^enact-guard\/[0-9a-f]{32}$/u) as string });
    expect(err).toContain("Keep it where nobody who can change this machine reaches it");
  });

  test("is written to a file that only its owner can read, and never over another", async () => {
    await fill(1);
    expect(await run({ out: "kept.txt" })).toMatchObject({ code: 0, out: expect.stringContaining("Checkpoint of 2 receipts") as string });
    expect(statSync(file("kept.txt")).mode & 0o777).toBe(0o600);
    const before = readFileSync(file("kept.txt"), "utf8");
    await expect(run({ out: "kept.txt" })).rejects.toMatchObject({ code: "USAGE", message: expect.stringContaining("is there already") as string });
    expect(readFileSync(file("kept.txt"), "utf8")).toBe(before);
  });

  test("is JSON for scripts, with the key that other tools take", async () => {
    await fill(1);
    const said = JSON.parse((await run({ json: true, out: "kept.txt" })).out) as Record<string, unknown>;
    expect(said).toMatchObject({ size: 2, file: file("kept.txt"), checkpoint: readFileSync(file("kept.txt"), "utf8") });
    expect(said["verifier_key"]).toMatch(/^enact-guard\/[0-9a-f]{32}\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}$/u);
  });

  test("is signed with the ledger's own key; with HMAC, with a pair of its own that is made then", async () => {
    await fill(1);
    await run();
    expect(readdirSync(join(sandbox.enactHome, "keys")).toSorted()).toEqual(["ed25519.pem", "ed25519.pub"]);
    const hmac = new LedgerSandbox("hmac");
    try {
      await recordRun(hmac.ledger());
      const keys = openCheckpointKeys(hmac);
      const io = capturedIo(hmac.root);
      await checkpointCommand({ json: true, publicKeys: [] }, io, { openLedger: () => hmac.reader(), keys });
      const said = JSON.parse(io.out()) as { key_id: string };
      expect(said.key_id).toMatch(/^ed25519:/u);
      expect(keys.trusted().map(({ key_id }) => key_id)).toEqual([said.key_id]);
      expect(readdirSync(join(hmac.enactHome, "keys")).toSorted()).toEqual(["checkpoint.pem", "checkpoint.pub", "hmac.key"]);
      expect(statSync(join(hmac.enactHome, "keys", "checkpoint.pem")).mode & 0o777).toBe(0o600);
    } finally {
      await hmac.cleanUp();
    }
  });

  test("of nothing is not made", async () => {
    await expect(run()).rejects.toMatchObject({ code: "NOT_FOUND", message: expect.stringContaining("no receipts yet") as string });
    expect(existsSync(sandbox.enactHome)).toBe(false);
  });

  test.each([
    ["an edited receipt", "UPDATE entries SET entry = replace(entry, 'engineer', 'director') WHERE sequence = 3", "Receipt 3 was edited"],
    ["a removed receipt", "DELETE FROM entries WHERE sequence = 2", "Receipt 2 was removed"],
    ["a cut end", "DELETE FROM entries WHERE sequence > 4", "receipts 5 to 6 are missing"],
    ["a receipt put in behind", `INSERT INTO entries SELECT 7, replace(entry, '"run_id":"', '"run_id":"x') FROM entries WHERE sequence = 6`, "Receipt 7"],
    ["a broken last one", `UPDATE entries SET entry = replace(entry, '"signature":"ed25519:', '"signature":"ed25519:A') WHERE sequence = 6`, "Receipt 6"],
    ["an added trigger", "CREATE TRIGGER t AFTER INSERT ON entries BEGIN SELECT 1; END", "structure of the ledger file was changed"],
  ])("over a ledger with %s is refused, and names it", async (_title, sql, words) => {
    await fill(3);
    sandbox.sql(sql);
    await expect(run()).rejects.toMatchObject({ code: "TAMPERED", message: expect.stringContaining(words) as string });
    expect(existsSync(join(sandbox.enactHome, "checkpoints"))).toBe(false);
  });

  test("is refused when no head is known: a cut end could not be seen", async () => {
    await fill(2);
    for (const end of ["", "-wal", "-shm"]) rmSync(join(sandbox.enactHome, `ledgers.sqlite${end}`), { force: true });
    await expect(run()).rejects.toMatchObject({ code: "TAMPERED", message: expect.stringContaining("head of this ledger is gone") as string });
  });

  test("that contradicts an earlier one is refused, even when the head was forged too", async () => {
    await fill(2);
    await run();
    await rewrite(2, 1);
    await expect(run()).rejects.toMatchObject({ code: "TAMPERED", message: expect.stringContaining("contradicts the checkpoint that was made here before") as string });
  });

  test("may be made again and again while the ledger grows", async () => {
    for (let round = 1; round <= 4; round += 1) {
      await fill(1);
      await run({ out: `kept-${round}.txt` });
    }
    expect(await verify("kept-1.txt", "kept-2.txt", "kept-3.txt", "kept-4.txt")).toMatchObject({ code: 0, checkpoints: [true, true, true, true] });
    expect(readdirSync(join(sandbox.enactHome, "checkpoints"))).toHaveLength(1);
  });
});

/**
 * What somebody can do who holds everything on this machine: keeps the first receipts, writes others behind them with the real key, and
 * has the known head follow.
 */
async function rewrite(keep: number, runs: number): Promise<void> {
  sandbox.sql(`DELETE FROM entries WHERE sequence > ${String(keep)}`);
  for (const end of ["", "-wal", "-shm"]) rmSync(join(sandbox.enactHome, `ledgers.sqlite${end}`), { force: true });
  if (keep === 0) rmSync(join(sandbox.project, ".enact"), { recursive: true });
  // Another guard, on a machine where nobody knew the head: the real key is all that it needs.
  await fill(runs);
  const accept = await sandbox.reader();
  if (accept.takenOver !== null) accept.acceptLoss(keep + 2 * runs, new Date());
  accept.close();
  if (keep > 0) await fill(1);
}

describe("verify with a kept checkpoint", () => {
  beforeEach(async () => {
    await fill(4);
    await run({ out: "kept.txt" });
  });

  test("holds while the ledger grows", async () => {
    await fill(3);
    expect(await verify("kept.txt")).toMatchObject({ code: 0, chain: true, checkpoints: [true] });
  });

  test("shows a cut end even when the known head was cut as well", async () => {
    await rewrite(4, 0);
    const { code, checkpoints, message } = await verify("kept.txt");
    expect([code, checkpoints]).toEqual([1, [false]]);
    expect(message).toMatch(/at least 2 were removed|not the ones it promises/u);
  });

  test("shows that receipts were replaced by others that are signed with the real key", async () => {
    await rewrite(4, 3);
    const { code, chain, checkpoints, message } = await verify("kept.txt");
    // Chain, signatures and known head are all right: nothing but the checkpoint shows it.
    expect([code, chain, checkpoints]).toEqual([1, true, [false]]);
    expect(message).toContain("the first 8 receipts are not the ones it promises");
  });

  test("shows that the whole ledger was written anew", async () => {
    await rewrite(0, 5);
    const { code, chain, checkpoints, message } = await verify("kept.txt");
    expect([code, chain, checkpoints]).toEqual([1, true, [false]]);
    expect(message).toContain("written anew from the start");
  });

  test("shows that the ledger is gone", async () => {
    rmSync(join(sandbox.project, ".enact"), { recursive: true });
    expect(await verify("kept.txt")).toMatchObject({ code: 1, checkpoints: [false], message: expect.stringContaining("the ledger is empty or gone") as string });
  });

  test("believes only a signature of a key that is held", async () => {
    const changed = readFileSync(file("kept.txt"), "utf8").replace("\n8\n", "\n7\n");
    writeFileSync(file("changed.txt"), changed);
    expect(await verify("changed.txt")).toMatchObject({ code: 1, checkpoints: [false], message: expect.stringContaining("does not fit its signature") as string });
    renameSync(join(sandbox.enactHome, "keys"), file("keys"));
    expect(await verify("kept.txt")).toMatchObject({ code: 1, checkpoints: [false], message: expect.stringContaining("--public-key FILE") as string });
  });

  test("says so when a file is none, or is not there", async () => {
    writeFileSync(file("other.txt"), "hello\n");
    await expect(verify("other.txt")).rejects.toMatchObject({ code: "INVALID_INPUT" });
    await expect(verify("nowhere.txt")).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});

describe("a proof", () => {
  beforeEach(() => fill(5));

  test("that a receipt is in the ledger, by number or by run, is checked without the ledger", async () => {
    const ledger = sandbox.ledger();
    const decision = await ledger.recordDecision(() => ({ entry: draft({ decision: "BLOCK", workflow: "sql_query" }), subjects: [] }));
    await ledger.close();
    expect(await run({ prove: "3", out: "three.tlog-proof" })).toMatchObject({ code: 0 });
    expect(await run({ prove: decision.run_id.slice(0, 13), out: "run.tlog-proof" })).toMatchObject({ code: 0, out: expect.stringContaining("receipt 11 (decision BLOCK of sql_query) is one of 11 receipts") as string });
    rmSync(join(sandbox.project, ".enact"), { recursive: true });
    expect(verifyProof("three.tlog-proof")).toMatchObject({ code: 0, out: expect.stringMatching(/^✓ Receipt 3 \(git_push decision PASS .*\) is one of the 11 of enact-guard/u) as string });
    expect(verifyProof("run.tlog-proof")).toMatchObject({ code: 0, out: expect.stringContaining("✓ Receipt 11 (sql_query decision BLOCK") as string });
  });

  test("whose receipt was changed proves nothing", async () => {
    await run({ prove: "3", out: "three.tlog-proof" });
    const text = readFileSync(file("three.tlog-proof"), "utf8");
    const [, extra = ""] = /^extra (.*)$/mu.exec(text) ?? [];
    const other = Buffer.from(Buffer.from(extra, "base64").toString("utf8").replace("agent/fix", "main")).toString("base64");
    writeFileSync(file("changed.tlog-proof"), text.replace(extra, other));
    expect(verifyProof("changed.tlog-proof")).toMatchObject({ code: 1, out: expect.stringContaining("✗ Receipt 3 in it is not one of the 10") as string });
    writeFileSync(file("empty.tlog-proof"), text.replace(/^extra .*\n/mu, ""));
    expect(() => verifyProof("empty.tlog-proof")).toThrow("has no receipt in it");
    renameSync(join(sandbox.enactHome, "keys"), file("keys"));
    expect(verifyProof("three.tlog-proof")).toMatchObject({ code: 1, out: expect.stringContaining("It proves nothing: No trusted key signed this checkpoint") as string });
  });

  test("that the ledger begins with an older checkpoint", async () => {
    await run({ out: "old.txt" });
    await fill(3);
    expect(await run({ since: "old.txt", out: "since.txt" })).toMatchObject({ code: 0, out: expect.stringContaining("the log of 16 receipts begins with the whole log of the kept checkpoint, 10 receipts") as string });
    expect(verifyProof("since.txt", "old.txt")).toMatchObject({ code: 0, out: expect.stringContaining("✓ The ledger of 16 receipts begins with all 10 of the older checkpoint, unchanged") as string });
    expect(() => verifyProof("since.txt")).toThrow("give that one with --checkpoint FILE");
    await run({ out: "new.txt" });
    expect(verifyProof("since.txt", "new.txt")).toMatchObject({ code: 1, out: expect.stringContaining("do not belong together") as string });
    writeFileSync(file("broken.txt"), readFileSync(file("since.txt"), "utf8").replace(/^(old 10\n)(.*)\n/u, (_all, first: string, hash: string) => `${first}${Buffer.alloc(32, hash).toString("base64")}\n`));
    expect(verifyProof("broken.txt", "old.txt")).toMatchObject({ code: 1, out: expect.stringContaining("✗ The ledger of 16 receipts does not begin with all 10") as string });
  });

  test("since a checkpoint that the ledger breaks is refused", async () => {
    await run({ out: "old.txt" });
    rmSync(join(sandbox.enactHome, "checkpoints"), { recursive: true });
    await rewrite(6, 4);
    await expect(run({ since: "old.txt" })).rejects.toMatchObject({ code: "TAMPERED", message: expect.stringContaining("The ledger is not what the checkpoint promised") as string });
  });

  test.each([
    [{ prove: "99" }, "NOT_FOUND", "no receipt '99'"],
    [{ prove: "nobody-knows" }, "NOT_FOUND", "no receipt 'nobody-knows'"],
    [{ prove: "1", since: "old.txt" }, "USAGE", "one proof at a time"],
    [{ since: "nowhere.txt" }, "NOT_FOUND", "There is no file"],
  ])("%j is refused", async (args, code, words) => {
    await expect(run(args)).rejects.toMatchObject({ code, message: expect.stringContaining(words) as string });
  });

  test("of a receipt that was tampered with is refused", async () => {
    sandbox.sql("UPDATE entries SET entry = replace(entry, 'engineer', 'director') WHERE sequence = 3");
    for (const prove of ["3", "4"]) await expect(run({ prove })).rejects.toMatchObject({ code: "TAMPERED", message: expect.stringContaining("Receipt 3") as string });
  });
});
