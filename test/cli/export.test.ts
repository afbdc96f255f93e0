import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { approvalSubject } from "../../src/approvals/proof.js";
import { newRequestId } from "../../src/approvals/request.js";
import { checkpointCommand } from "../../src/cli/checkpoint.js";
import type { Approvers } from "../../src/cli/evidence/approvals.js";
import { verifyFilesCommand } from "../../src/cli/evidence/verify-files.js";
import type { ExportArgs } from "../../src/cli/export.js";
import { exportCommand } from "../../src/cli/export.js";
import type { Output } from "../../src/cli/io.js";
import { openCheckpointKeys } from "../../src/receipts/checkpoint-keys.js";
import type { Entry } from "../../src/receipts/receipt.js";
import { keyPerson, passkeyPerson } from "../support/approval-world.js";
import { approvedEntry, approverOf, at } from "../support/approved-entry.js";
import { capturedIo } from "../support/cli-io.js";
import { LedgerSandbox, recordRun } from "../support/ledger-sandbox.js";
import { VERIFIER } from "../support/verifier-page.js";

let sandbox: LedgerSandbox;
beforeEach(() => {
  sandbox = new LedgerSandbox("ed25519");
});
afterEach(() => sandbox.cleanUp());

interface Parts {
  readonly approvers?: Approvers;
  readonly stdout?: Output;
  readonly page?: string;
}

async function run(args: Partial<ExportArgs> = {}, parts: Parts = {}, from = sandbox) {
  const io = capturedIo(from.root);
  const code = await exportCommand({ json: false, ...args }, { ...io, stdout: parts.stdout ?? io.stdout }, {
    openLedger: () => from.reader(),
    keys: openCheckpointKeys(from),
    approvers: parts.approvers ?? { find: () => undefined },
    verifierPage: parts.page ?? VERIFIER,
    program: "enact-guard 1.2.3",
    clock: () => new Date("2026-11-22T12:00:00Z"),
  });
  return { code, out: io.out(), err: io.err() };
}

interface Verified {
  readonly ok: boolean;
  readonly entries: number;
  readonly from: number;
  readonly first_problem: { readonly kind: string; readonly sequence: number } | null;
  readonly keys_came_along: boolean;
  readonly unchecked_approvals: number;
  readonly checkpoints: readonly { readonly ok: boolean; readonly message: string }[];
}

function verify(exported: string, flags: { readonly from?: number; readonly checkpoint?: readonly string[]; readonly publicKey?: readonly string[] } = {}, by = sandbox, secret?: string, approvers: Approvers = { find: () => undefined }) {
  const io = capturedIo(sandbox.root);
  const code = verifyFilesCommand({ export: exported, json: true, ...flags }, io, { keys: by.keys(secret), checkpointKeys: openCheckpointKeys(by), approvers });
  const text = capturedIo(sandbox.root);
  verifyFilesCommand({ export: exported, json: false, ...flags }, text, { keys: by.keys(secret), checkpointKeys: openCheckpointKeys(by), approvers });
  return { code, text: text.out(), ...(JSON.parse(io.out()) as Verified) };
}

async function fill(runs: number, into = sandbox): Promise<void> {
  const ledger = into.ledger();
  for (let index = 0; index < runs; index += 1) await recordRun(ledger);
  await ledger.close();
}

const file = (name: string): string => join(sandbox.root, name);
const stored = (): string[] => (sandbox.sql("SELECT entry FROM entries ORDER BY sequence") as { entry: string }[]).map(({ entry }) => entry);

describe("an export", () => {
  test("is the exact signed text of each receipt, one a line, and nothing else", async () => {
    await fill(3);
    const { code, out, err } = await run();
    expect(code).toBe(0);
    expect(out).toBe(stored().map((text) => `${text}\n`).join(""));
    expect(err).toBe("✓ 6 receipts exported, and the ledger verifies\n");
  });

  test("begins with any receipt", async () => {
    await fill(3);
    expect((await run({ from: 5 })).out).toBe(stored().slice(4).map((text) => `${text}\n`).join(""));
    await expect(run({ from: 7 })).rejects.toMatchObject({ code: "NOT_FOUND", message: "The last receipt is number 6, so nothing begins with number 7" });
  });

  test("goes into a file that only its owner can read, and never over another", async () => {
    await fill(2);
    expect(await run({ out: "log.jsonl" })).toMatchObject({ code: 0, out: `✓ 4 receipts exported, and the ledger verifies: ${file("log.jsonl")}\n`, err: "" });
    expect(statSync(file("log.jsonl")).mode & 0o777).toBe(0o600);
    expect(readFileSync(file("log.jsonl"), "utf8")).toBe(stored().map((text) => `${text}\n`).join(""));
    await expect(run({ out: "log.jsonl" })).rejects.toMatchObject({ code: "USAGE" });
    await expect(run({ out: "no/such/folder" })).rejects.toMatchObject({ code: "USAGE", message: expect.stringContaining("ENOENT") as string });
  });

  test("of no receipts is empty, and makes nothing", async () => {
    expect(await run()).toMatchObject({ code: 0, out: "", err: expect.stringContaining("There are no receipts yet") as string });
    await expect(run({ from: 2 })).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect([sandbox.enactHome, join(sandbox.project, ".enact")].filter((path) => existsSync(path))).toEqual([]);
  });

  test("is summed up as JSON, where standard output is free for it", async () => {
    await fill(2);
    const said = JSON.parse((await run({ json: true, out: "log.jsonl", from: 2 })).out) as Record<string, unknown>;
    const last = JSON.parse(stored()[3] ?? "") as Entry;
    expect(said).toMatchObject({ ok: true, from: 2, receipts: 3, last: { sequence: 4 }, first_problem: null, keys: [{ key_id: last.key_id, receipts: 3 }], file: file("log.jsonl"), bundle: null, verifier: null });
    await expect(run({ json: true })).rejects.toMatchObject({ code: "USAGE", message: expect.stringContaining("--json prints a summary") as string });
    await expect(run({ out: "a", bundle: "b" })).rejects.toMatchObject({ code: "USAGE" });
  });

  test("says when an auditor will need a secret", async () => {
    const hmac = new LedgerSandbox("hmac");
    try {
      await fill(1, hmac);
      expect((await run({}, {}, hmac)).err).toContain("Signed with HMAC: who checks these needs the secret");
    } finally {
      await hmac.cleanUp();
    }
  });

  test("waits for a slow reader, and does not pile the ledger up in memory", async () => {
    await fill(150);
    const writes: { readonly bytes: number; readonly waiting: number }[] = [];
    const texts: string[] = [];
    let waiting = 0;
    const stdout: Output = {
      write(text) {
        waiting += 1;
        writes.push({ bytes: text.length, waiting });
        texts.push(Buffer.from(text).toString("utf8"));
        return false;
      },
      once(_event, then) {
        setTimeout(() => {
          waiting = 0;
          then();
        }, 5);
      },
    };
    await run({}, { stdout });
    expect(writes.length).toBeGreaterThan(3);
    expect(Math.max(...writes.map((write) => write.waiting))).toBe(1);
    expect(Math.max(...writes.map(({ bytes }) => bytes))).toBeLessThan(100_000);
    expect(texts.join("")).toBe(stored().map((text) => `${text}\n`).join(""));
  });

  describe("of a ledger that was tampered with", () => {
    beforeEach(() => fill(3));

    test.each([
      ["edited", "UPDATE entries SET entry = replace(entry, 'engineer', 'director') WHERE sequence = 4", 6, 4],
      ["cut", "DELETE FROM entries WHERE sequence > 4", 4, 5],
      ["removed", "DELETE FROM entries WHERE sequence = 2", 5, 2],
    ])("exports it as it lies there, exits 1 and names the first wrong one: %s", async (kind, sql, count, sequence) => {
      sandbox.sql(sql);
      const { code, out, err } = await run();
      expect(code).toBe(1);
      expect(out.trimEnd().split("\n")).toEqual(stored());
      expect(stored()).toHaveLength(count);
      expect(err).toMatch(new RegExp(`^✗ .*${kind === "cut" ? "missing" : `Receipt ${String(sequence)} was ${kind}`}`, "u"));
      expect(err).toContain("exported as they lie there");
      const said = JSON.parse((await run({ json: true, out: "log.jsonl" })).out) as Record<string, unknown>;
      expect(said).toMatchObject({ ok: false, receipts: count, last: null, first_problem: { kind, sequence } });
    });

    test("even when its bytes are no text", async () => {
      const bytes = Buffer.concat([Buffer.from('{"run_id":"x","phase":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]);
      sandbox.sql("UPDATE entries SET entry = CAST(? AS TEXT) WHERE sequence = 2", bytes);
      await run({ out: "log.jsonl" });
      expect(readFileSync(file("log.jsonl")).includes(bytes)).toBe(true);
    });

    test("puts no checkpoint into its bundle", async () => {
      sandbox.sql("UPDATE entries SET entry = replace(entry, 'engineer', 'director') WHERE sequence = 4");
      expect((await run({ bundle: "bundle" })).code).toBe(1);
      expect(readdirSync(file("bundle"))).not.toContain("checkpoint.txt");
      expect(JSON.parse(readFileSync(file("bundle/bundle.json"), "utf8"))).toMatchObject({ checkpoint: null, first_problem: { kind: "edited", sequence: 4 } });
      expect(verify("bundle")).toMatchObject({ code: 1, first_problem: { kind: "edited", sequence: 4 } });
    });

    test("that contradicts an earlier checkpoint says so in its bundle", async () => {
      await checkpointCommand({ json: false, publicKeys: [] }, capturedIo(sandbox.root), { openLedger: () => sandbox.reader(), keys: openCheckpointKeys(sandbox) });
      sandbox.sql("DELETE FROM entries WHERE sequence > 2");
      const reader = await sandbox.reader();
      reader.acceptLoss(2, new Date());
      reader.close();
      await fill(1);
      const { code, out } = await run({ bundle: "bundle" });
      expect([code, out]).toEqual([1, expect.stringContaining("contradicts the checkpoint that was made here before")]);
    });
  });
});

describe("a bundle", () => {
  test("holds all that a check needs, for its owner alone", async () => {
    await fill(3);
    const { code, out } = await run({ bundle: "bundle" });
    expect(code).toBe(0);
    const [key = ""] = readdirSync(file("bundle")).filter((name) => name.endsWith(".pub"));
    expect(readdirSync(file("bundle")).toSorted()).toEqual(["README.txt", "bundle.json", "checkpoint.txt", key, "receipts.jsonl", "verify.html"].toSorted());
    expect(out).toContain("receipts.jsonl, ed25519-");
    expect(statSync(file("bundle")).mode & 0o777).toBe(0o700);
    expect(readdirSync(file("bundle")).map((name) => statSync(join(file("bundle"), name)).mode & 0o777)).toEqual(Array(6).fill(0o600));
    expect(readFileSync(file("bundle/verify.html"))).toEqual(readFileSync(VERIFIER));
    const all = readdirSync(file("bundle")).map((name) => readFileSync(join(file("bundle"), name), "utf8")).join("\n");
    expect(all).not.toContain("-----BEGIN PRIVATE KEY");
    const index = JSON.parse(readFileSync(file("bundle/bundle.json"), "utf8")) as Record<string, unknown>;
    expect(index).toMatchObject({ format: "enact-guard bundle 1", program: "enact-guard 1.2.3", receipts: { from: 1, count: 6, last: { sequence: 6 } }, before: null, approvers: null, keys: [{ receipts: 6, file: key, secret_needed: false }] });
    expect(index["known_head"]).toEqual((index["receipts"] as Record<string, unknown>)["last"]);
    await expect(run({ bundle: "bundle" })).rejects.toMatchObject({ code: "USAGE", message: expect.stringContaining("is there already") as string });
  });

  test("verifies on a machine that has nothing of it, and says that its keys came along", async () => {
    await fill(3);
    await run({ bundle: "bundle" });
    const auditor = new LedgerSandbox("ed25519");
    try {
      const said = verify("bundle", {}, auditor);
      expect(said).toMatchObject({ code: 0, ok: true, entries: 6, keys_came_along: true, checkpoints: [{ ok: true }] });
      expect(said.text).toMatch(/^✓ 6 receipts verified/u);
      expect(said.text).toContain("The public keys came along with the receipts");
      expect(said.text).toContain("The checkpoint of 6 receipts holds");
      expect(existsSync(auditor.enactHome)).toBe(false);
      const stranger = new LedgerSandbox("ed25519");
      await fill(1, stranger);
      const strangersKey = join(stranger.enactHome, "keys", "ed25519.pub");
      expect(verify("bundle", { publicKey: [strangersKey] }, auditor)).toMatchObject({ code: 1, first_problem: { kind: "unknown_key", sequence: 1 }, checkpoints: [{ ok: false }] });
      expect(verify("bundle", { publicKey: [join(sandbox.enactHome, "keys", "ed25519.pub")] }, auditor)).toMatchObject({ code: 0, keys_came_along: false });
      await stranger.cleanUp();
    } finally {
      await auditor.cleanUp();
    }
  });

  test("holds the public keys of those whose approvals are in it, and of nobody else", async () => {
    const [ann, bob] = [keyPerson("ann@example.com", at(0)), passkeyPerson("bob@example.com", at(0))];
    const approvers: Approvers = { find: (id) => [ann, bob].map((person) => approverOf(person)).find((approver) => approver.id === id) };
    const nobody: Approvers = { find: () => undefined };
    const id = newRequestId();
    const ledger = sandbox.ledger();
    await ledger.recordDecision(() => ({ entry: approvedEntry(id, [ann]), subjects: [approvalSubject(id)] }));
    await ledger.close();
    await run({ bundle: "bundle" }, { approvers });
    const written = readFileSync(file("bundle/approvers.json"), "utf8");
    expect([written.includes("ann@example.com"), written.includes("bob@example.com")]).toEqual([true, false]);
    expect(verify("bundle", {}, sandbox, undefined, nobody)).toMatchObject({ code: 0, unchecked_approvals: 0 });
    await run({ out: "log.jsonl" }, { approvers });
    expect(verify("log.jsonl", {}, sandbox, undefined, approvers)).toMatchObject({ code: 0, unchecked_approvals: 0 });
    const unchecked = verify("log.jsonl", {}, sandbox, undefined, nobody);
    expect(unchecked).toMatchObject({ code: 0, unchecked_approvals: 1, text: expect.stringContaining("1 approval was not checked") as string });
    writeFileSync(file("bundle/approvers.json"), written.replaceAll("ann@", "eve@"));
    expect(verify("bundle", {}, sandbox, undefined, nobody)).toMatchObject({ code: 1, first_problem: { kind: "approval", sequence: 1 } });
  });

  test("of a part can be checked against the checkpoint over the whole", async () => {
    await fill(6);
    for (const from of [2, 5, 8, 12]) {
      await run({ bundle: `part-${from}`, from });
      const said = verify(`part-${from}`);
      expect(said).toMatchObject({ code: 0, entries: 13 - from, from, checkpoints: [{ ok: true }] });
      expect(said.text).toContain(`nothing is said about receipts 1 to ${from - 1}`);
      const lines = readFileSync(file(`part-${from}/receipts.jsonl`), "utf8");
      writeFileSync(file(`part-${from}/receipts.jsonl`), lines.replace("engineer", "director"));
      expect(verify(`part-${from}`)).toMatchObject({ code: 1, entries: 0, checkpoints: [{ ok: false }] });
    }
  });

  test("signed with HMAC verifies with the secret, and with nothing less", async () => {
    const hmac = new LedgerSandbox("hmac");
    const auditor = new LedgerSandbox("hmac");
    try {
      await fill(2, hmac);
      const { out } = await run({ bundle: join(sandbox.root, "bundle") }, {}, hmac);
      expect(out).toContain("Signed with HMAC");
      const index = JSON.parse(readFileSync(file("bundle/bundle.json"), "utf8")) as { keys: readonly { key_id: string; secret_needed: boolean; file: string | null }[] };
      expect(index.keys.map(({ secret_needed, file: name }) => [secret_needed, name === null])).toEqual([[true, true], [false, false]]);
      const secret = readFileSync(join(hmac.enactHome, "keys", "hmac.key"), "utf8").trim();
      expect(readdirSync(file("bundle")).map((name) => readFileSync(join(file("bundle"), name), "utf8")).join("")).not.toContain(secret);
      expect(verify("bundle", {}, auditor)).toMatchObject({ code: 1, first_problem: { kind: "unknown_key" } });
      expect(verify("bundle", {}, auditor, secret)).toMatchObject({ code: 0, entries: 4, checkpoints: [{ ok: true }] });
    } finally {
      await hmac.cleanUp();
      await auditor.cleanUp();
    }
  });

  test("whose index was changed, or is gone, is not taken for whole", async () => {
    await fill(3);
    await run({ bundle: "bundle" });
    const path = file("bundle/bundle.json");
    const index = readFileSync(path, "utf8");
    // Whoever cuts the beginning and says so has a part, and it is called one.
    const lines = readFileSync(file("bundle/receipts.jsonl"), "utf8").trimEnd().split("\n");
    writeFileSync(file("bundle/receipts.jsonl"), lines.slice(2).join("\n"));
    expect(verify("bundle")).toMatchObject({ code: 1, first_problem: { kind: "removed", sequence: 1 } });
    writeFileSync(path, index.replace('"from": 1', '"from": 3'));
    const said = verify("bundle");
    expect(said).toMatchObject({ code: 1, checkpoints: [{ ok: false }] });
    expect(said.text).toContain("nothing is said about receipts 1 to 2");
    for (const wrong of ["{}", "not JSON", index.replace("bundle 1", "bundle 2"), index.replace('"from": 1', '"from": "1"'), index.replace('"before": null', '"before": { "size": 0, "peaks": ["AA"] }')]) {
      writeFileSync(path, wrong);
      expect(() => verify("bundle")).toThrow("is not the index of a bundle");
    }
    rmSync(path);
    expect(() => verify("bundle")).toThrow("There is no file");
  });
});

describe("an exported file", () => {
  beforeEach(async () => {
    await fill(4);
    await run({ out: "log.jsonl" });
  });

  test("verifies with the keys of this user, or with a public key that is given", () => {
    expect(verify("log.jsonl")).toMatchObject({ code: 0, entries: 8, from: 1, keys_came_along: false });
    expect(verify("log.jsonl").text).toContain("cut from the end cannot be seen from the file alone");
    const key = join(sandbox.enactHome, "keys", "ed25519.pub");
    renameSync(key, file("the.pub"));
    rmSync(join(sandbox.enactHome, "keys"), { recursive: true });
    expect(verify("log.jsonl")).toMatchObject({ code: 1, first_problem: { kind: "unknown_key" } });
    expect(verify("log.jsonl", { publicKey: ["the.pub"] })).toMatchObject({ code: 0, entries: 8 });
  });

  test("that was cut is found by a checkpoint", async () => {
    await checkpointCommand({ json: false, publicKeys: [], out: "kept.txt" }, capturedIo(sandbox.root), { openLedger: () => sandbox.reader(), keys: openCheckpointKeys(sandbox) });
    expect(verify("log.jsonl", { checkpoint: ["kept.txt"] })).toMatchObject({ code: 0, checkpoints: [{ ok: true }] });
    const lines = readFileSync(file("log.jsonl"), "utf8").split("\n");
    writeFileSync(file("cut.jsonl"), `${lines.slice(0, 6).join("\n")}\n`);
    expect(verify("cut.jsonl")).toMatchObject({ code: 0, entries: 6 });
    expect(verify("cut.jsonl", { checkpoint: ["kept.txt"] })).toMatchObject({ code: 1, checkpoints: [{ ok: false, message: expect.stringContaining("at least 2 were removed") as string }] });
  });

  test.each([
    ["edited", (lines: string[]) => lines.with(3, (lines[3] ?? "").replace("engineer", "director")), 4, "edited"],
    ["with one removed", (lines: string[]) => lines.toSpliced(3, 1), 4, "removed"],
    ["with one twice", (lines: string[]) => lines.toSpliced(3, 0, lines[2] ?? ""), 4, "duplicated"],
    ["with two exchanged", (lines: string[]) => lines.with(2, lines[4] ?? "").with(4, lines[2] ?? ""), 3, "reordered"],
    ["with an empty line", (lines: string[]) => lines.toSpliced(3, 0, ""), 4, "inserted"],
    ["with Windows line ends", (lines: string[]) => lines.map((line) => `${line}\r`), 1, "edited"],
  ])("is found %s", (_title, change, sequence, kind) => {
    const lines = readFileSync(file("log.jsonl"), "utf8").trimEnd().split("\n");
    writeFileSync(file("changed.jsonl"), change(lines).join("\n"));
    expect(verify("changed.jsonl")).toMatchObject({ code: 1, entries: sequence - 1, first_problem: { kind, sequence } });
  });

  test("of a part says which; an outcome may belong to what came before, but only one", async () => {
    await run({ out: "part.jsonl", from: 4 });
    expect(verify("part.jsonl")).toMatchObject({ code: 1, first_problem: { kind: "removed", sequence: 1 } });
    expect(verify("part.jsonl", { from: 4 })).toMatchObject({ code: 0, entries: 5, from: 4 });
    expect(verify("part.jsonl", { from: 3 })).toMatchObject({ code: 1, first_problem: { kind: "removed", sequence: 3 } });
    expect(verify("part.jsonl", { from: 5 })).toMatchObject({ code: 1, first_problem: { kind: "reordered", sequence: 5 } });
    const lines = readFileSync(file("part.jsonl"), "utf8").trimEnd().split("\n");
    writeFileSync(file("holed.jsonl"), lines.toSpliced(2, 1).join("\n"));
    expect(verify("holed.jsonl", { from: 4 })).toMatchObject({ code: 1, first_problem: { kind: "removed", sequence: 6 } });
  });

  test("that is empty, a folder without an index, or not there, is said to be", () => {
    writeFileSync(file("empty.jsonl"), "");
    expect(verify("empty.jsonl")).toMatchObject({ code: 0, entries: 0, text: expect.stringContaining("nothing to verify") as string });
    mkdirSync(file("folder"));
    expect(() => verify("folder")).toThrow("There is no file");
    expect(() => verify("nowhere.jsonl")).toThrow("There is no file");
  });

  test("and the flags for it go together or not at all", () => {
    const io = capturedIo(sandbox.root);
    const deps = { keys: sandbox.keys(), checkpointKeys: openCheckpointKeys(sandbox), approvers: { find: () => undefined } };
    for (const flags of [{ export: "log.jsonl", proof: "p" }, { from: 3 }, { proof: "p", from: 3 }, { export: "log.jsonl", acceptLoss: true }]) {
      expect(() => verifyFilesCommand({ json: false, ...flags }, io, deps)).toThrow(expect.objectContaining({ code: "USAGE" }) as Error);
    }
  });
});

describe("the page that checks exports", () => {
  test("is written where it is wanted, and never over another file", async () => {
    await fill(1);
    expect(await run({ out: "log.jsonl", verifier: "verify.html" })).toMatchObject({ code: 0, out: expect.stringContaining(`page to check it with: ${file("verify.html")}`) as string });
    expect(readFileSync(file("verify.html"))).toEqual(readFileSync(VERIFIER));
    await expect(run({ out: "other.jsonl", verifier: "verify.html" })).rejects.toMatchObject({ code: "USAGE" });
    expect(existsSync(file("other.jsonl"))).toBe(false);
  });

  test("that is missing from the installation is said to be, before anything is written", async () => {
    await fill(1);
    await expect(run({ bundle: "bundle" }, { page: file("nowhere.html") })).rejects.toMatchObject({ code: "NOT_INSTALLED" });
    expect(existsSync(file("bundle"))).toBe(false);
  });
});
