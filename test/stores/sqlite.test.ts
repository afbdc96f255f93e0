import { execFileSync } from "node:child_process";
import { chmodSync, closeSync, cpSync, existsSync, mkdirSync, openSync, readFileSync, readdirSync, renameSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";

import { DatabaseSync } from "@photostructure/sqlite";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { CHAIN_START, sealEntry } from "../../src/receipts/entry.js";
import { LedgerSandbox, draft, outcomeOf, recordRun } from "../support/ledger-sandbox.js";

let sandbox: LedgerSandbox;
beforeEach(() => {
  sandbox = new LedgerSandbox();
});
afterEach(() => sandbox.cleanUp());

const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8);
const folder = (): string => join(sandbox.project, ".enact");
const record = (ledger = sandbox.ledger()) => ledger.recordDecision(() => ({ entry: draft(), subjects: [] }));
const unavailable = (words: string) => ({ code: "LEDGER_UNAVAILABLE", message: expect.stringContaining(words) as string });

test("what it makes is for its owner only, and git does not see it", async () => {
  const before = process.umask(0);
  try {
    await recordRun(sandbox.ledger());
  } finally {
    process.umask(before);
  }
  const modes = readdirSync(folder()).map((name) => [name, mode(join(folder(), name))]);
  expect(Object.fromEntries(modes)).toEqual({ ".gitignore": "600", "ledger.sqlite": "600", "ledger.sqlite-shm": "600", "ledger.sqlite-wal": "600", "live": "700" });
  expect([folder(), sandbox.enactHome].map(mode)).toEqual(["700", "700"]);
  const heads = readdirSync(sandbox.enactHome).filter((name) => name.startsWith("ledgers"));
  expect(heads.map((name) => mode(join(sandbox.enactHome, name)))).toEqual(heads.map(() => "600"));
  execFileSync("git", ["init", "-q", sandbox.project]);
  expect(execFileSync("git", ["-C", sandbox.project, "status", "--porcelain"], { encoding: "utf8" })).toBe("");
});

test("a folder and a .gitignore that are there already stay as they are", async () => {
  mkdirSync(folder(), { mode: 0o755 });
  writeFileSync(join(folder(), ".gitignore"), "mine\n");
  await recordRun(sandbox.ledger());
  expect(readFileSync(join(folder(), ".gitignore"), "utf8")).toBe("mine\n");
});

test("a closed ledger is one file: a copy of it is the whole ledger", async () => {
  const ledger = sandbox.ledger();
  await recordRun(ledger);
  await ledger.close();
  const copy = join(sandbox.root, "copy");
  mkdirSync(join(copy, ".enact"), { recursive: true });
  cpSync(sandbox.file, join(copy, ".enact", "ledger.sqlite"));
  expect(await sandbox.verify(copy)).toMatchObject({ ok: true, entries: 2 });
});

test("every commit is synced: the settings that make an entry durable are in force", async () => {
  const { Connection } = await import("../../src/stores/sqlite/connection.js");
  const connection = await Connection.open({ project: sandbox.project, enactHome: sandbox.enactHome, keys: sandbox.keys() });
  expect(connection.db.get("PRAGMA synchronous")).toEqual({ synchronous: 2 });
  expect(connection.db.get("PRAGMA journal_mode")).toEqual({ journal_mode: "wal" });
  connection.close();
});

test("an empty file, left by a guard that was stopped at once, is no ledger yet", async () => {
  mkdirSync(folder());
  writeFileSync(sandbox.file, "");
  const reader = await sandbox.reader();
  expect(reader.exists).toBe(false);
  await recordRun(sandbox.ledger());
  expect(await sandbox.verify()).toMatchObject({ ok: true, entries: 2 });
});

describe("something else in the place of the ledger is refused and left alone", () => {
  const target = (): string => join(sandbox.root, "target");
  const CASES: readonly (readonly [string, () => void, string])[] = [
    ["a link to a file", () => { mkdirSync(folder()); writeFileSync(target(), ""); symlinkSync(target(), sandbox.file); }, "not a regular file"],
    ["a link to nothing", () => { mkdirSync(folder()); symlinkSync(target(), sandbox.file); }, "not a regular file"],
    ["a folder", () => mkdirSync(sandbox.file, { recursive: true }), "not a regular file"],
    ["a pipe", () => { mkdirSync(folder()); execFileSync("mkfifo", [sandbox.file]); }, "not a regular file"],
    ["a folder that is a link", () => { mkdirSync(target()); symlinkSync(target(), folder()); }, "not a folder"],
    ["a file in the place of the folder", () => writeFileSync(folder(), ""), ""],
    ["a log that is a link", () => { mkdirSync(folder()); symlinkSync(target(), `${sandbox.file}-wal`); }, "not a regular file"],
  ];
  test.each(CASES)("%s", async (_title, place, words) => {
    place();
    await expect(record()).rejects.toMatchObject(unavailable(words));
    await expect(sandbox.reader()).rejects.toMatchObject(unavailable(words));
    expect(existsSync(target()) ? statSync(target()).size === 0 || readdirSync(target()).length === 0 : true).toBe(true);
  });
});

describe("a damaged or foreign file", () => {
  const damage = (bytes: Buffer, at: number): void => {
    const file = openSync(sandbox.file, "r+");
    writeSync(file, bytes, 0, bytes.length, at);
    closeSync(file);
  };
  beforeEach(async () => {
    const ledger = sandbox.ledger();
    for (let run = 0; run < 40; run += 1) await recordRun(ledger);
    await ledger.close();
  });

  const CASES: readonly (readonly [string, () => void])[] = [
    ["no database at all", () => writeFileSync(sandbox.file, "hello, this is no database\n".repeat(1000))],
    ["a header overwritten", () => damage(Buffer.alloc(100, 0xff), 0)],
    ["the schema overwritten", () => damage(Buffer.alloc(3996, 0x41), 100)],
    ["cut in half", () => truncateSync(sandbox.file, Math.floor(statSync(sandbox.file).size / 8192) * 4096)],
    ["pages overwritten", () => { for (let page = 1; page < 12; page += 1) damage(Buffer.alloc(4096, 0x55), page * 4096); }],
    ["another program's database", () => {
      rmSync(sandbox.file);
      const db = new DatabaseSync(sandbox.file);
      db.exec("CREATE TABLE entries (sequence INTEGER PRIMARY KEY, entry TEXT)");
      db.close();
    }],
  ];
  test.each(CASES)("%s: nothing is recorded, in words", async (_title, harm) => {
    harm();
    await expect(record()).rejects.toMatchObject({ code: expect.stringMatching(/LEDGER_UNAVAILABLE|TAMPERED/) as string, message: expect.stringMatching(/damaged|structure|cut|replaced/) as string });
    await expect(sandbox.ledger().look((history) => history.count({ since: new Date(0) }))).rejects.toMatchObject({ code: expect.stringMatching(/LEDGER_UNAVAILABLE|TAMPERED/) as string });
  });

  test("a newer version of the format is refused in words", async () => {
    sandbox.sql("PRAGMA user_version = 2");
    await expect(record()).rejects.toMatchObject(unavailable("made by a newer version"));
    await expect(sandbox.reader()).rejects.toMatchObject(unavailable("made by a newer version"));
  });

  test("a newer version of the known heads is refused in words", async () => {
    const db = new DatabaseSync(join(sandbox.enactHome, "ledgers.sqlite"));
    db.exec("PRAGMA user_version = 3");
    db.close();
    await expect(record()).rejects.toMatchObject(unavailable("made by a newer version"));
  });
});

describe("held by another process", () => {
  test("longer than it waits: nothing is recorded, in words, and this process goes on meanwhile", async () => {
    const ledger = sandbox.ledger({ busyTimeoutMs: 600 });
    await recordRun(ledger);
    const other = new DatabaseSync(sandbox.file);
    other.exec("BEGIN IMMEDIATE");
    let ticks = 0;
    const clock = setInterval(() => (ticks += 1), 10);
    try {
      await expect(record(ledger)).rejects.toMatchObject(unavailable("held by another process"));
      // Not once for every ten milliseconds: other tests use the same machine.
      expect(ticks).toBeGreaterThan(1);
      // Reading does not wait for writers.
      expect(await ledger.entries({})).toHaveLength(2);
    } finally {
      clearInterval(clock);
      other.exec("ROLLBACK");
      other.close();
    }
    await recordRun(ledger);
    expect(await sandbox.verify()).toMatchObject({ ok: true, entries: 4 });
  });

  test("for a while: it waits", async () => {
    const ledger = sandbox.ledger();
    await recordRun(ledger);
    const other = new DatabaseSync(sandbox.file);
    other.exec("BEGIN IMMEDIATE");
    setTimeout(() => other.exec("ROLLBACK"), 300);
    await recordRun(ledger);
    other.close();
    expect(await sandbox.verify()).toMatchObject({ ok: true, entries: 4 });
  });

  test("the known heads held: the entry is durable, and the head follows later", async () => {
    const ledger = sandbox.ledger({ busyTimeoutMs: 600 });
    await recordRun(ledger);
    const other = new DatabaseSync(join(sandbox.enactHome, "ledgers.sqlite"));
    other.exec("BEGIN IMMEDIATE");
    await record(ledger);
    // The next one may not be recorded before the head is known again.
    await expect(record(ledger)).rejects.toMatchObject(unavailable("held by another process"));
    other.exec("ROLLBACK");
    other.close();
    await record(ledger);
    expect(await sandbox.verify()).toMatchObject({ ok: true, entries: 4 });
    expect((await sandbox.reader()).known?.sequence).toBe(4);
  });
});

describe("files exchanged under a guard at work", () => {
  test("the log deleted: no entry is lost in silence", async () => {
    const ledger = sandbox.ledger();
    await recordRun(ledger);
    rmSync(`${sandbox.file}-wal`);
    const next = await record(ledger).then(() => "recorded", (error: { code: string }) => error.code);
    const report = await sandbox.verify();
    expect([
      ["recorded", true, 3, undefined],
      ["TAMPERED", false, report.entries, "cut"],
    ]).toContainEqual([next, report.ok, report.entries, report.firstProblem?.kind]);
  });

  test("the log emptied in place: nothing is recorded that nobody could read", async () => {
    const ledger = sandbox.ledger();
    await recordRun(ledger);
    truncateSync(`${sandbox.file}-wal`);
    const next = await record(ledger).then(() => "recorded", (error: { code: string }) => error.code);
    expect(["TAMPERED", "LEDGER_UNAVAILABLE"]).toContain(next);
    expect(await sandbox.verify().then(({ ok }) => ok, () => false)).toBe(false);
  });

  test("the ledger moved away while an entry is written: it does not count as recorded", async () => {
    const ledger = sandbox.ledger();
    await recordRun(ledger);
    const away = join(sandbox.root, "away");
    const recording = ledger.recordDecision(() => {
      renameSync(folder(), away);
      return { entry: draft(), subjects: [] };
    });
    await expect(recording).rejects.toMatchObject(unavailable("exchanged"));
    await expect(record(ledger)).rejects.toMatchObject({ code: "TAMPERED" });
  });

  test("the same file put back is the ledger as before", async () => {
    const ledger = sandbox.ledger();
    await recordRun(ledger);
    await ledger.close();
    cpSync(folder(), join(sandbox.root, "copy"), { recursive: true });
    await ledger.entries({});
    rmSync(folder(), { recursive: true });
    renameSync(join(sandbox.root, "copy"), folder());
    await recordRun(ledger);
    expect(await ledger.entries({})).toHaveLength(4);
    expect(await sandbox.verify()).toMatchObject({ ok: true, entries: 4 });
  });
});

describe("the user's folder", () => {
  test("inside the project is refused, and nothing is made", async () => {
    const { openKeys } = await import("../../src/receipts/keys.js");
    const { openSqliteLedger } = await import("../../src/stores/sqlite.js");
    const { project } = sandbox;
    const enactHome = join(project, "home");
    const ledger = openSqliteLedger({ project, enactHome, keys: openKeys({ enactHome, project, signing: "hmac", secret: "s".repeat(40) }) });
    await expect(record(ledger)).rejects.toMatchObject({ code: "KEY_UNUSABLE", message: expect.stringContaining("inside the project") as string });
    expect(readdirSync(project)).toEqual([]);
  });

  test.each(["770", "777", "707"])("that others may write (%s) is refused", async (bits) => {
    mkdirSync(sandbox.enactHome);
    chmodSync(sandbox.enactHome, Number.parseInt(bits, 8));
    await expect(record()).rejects.toMatchObject({ code: "KEY_UNUSABLE" });
  });

  test("with known heads that others may write, or that are a link, is refused", async () => {
    const heads = join(sandbox.enactHome, "ledgers.sqlite");
    const ledger = sandbox.ledger();
    await recordRun(ledger);
    await ledger.close();
    chmodSync(heads, 0o666);
    await expect(record()).rejects.toMatchObject({ code: "KEY_UNUSABLE" });
    chmodSync(heads, 0o600);
    renameSync(heads, join(sandbox.root, "heads"));
    symlinkSync(join(sandbox.root, "heads"), heads);
    await expect(record()).rejects.toMatchObject({ code: "KEY_UNUSABLE" });
  });
});

test("a known head moves forward only by the entry that follows it, in whatever order processes come", async () => {
  const { KnownLedgers } = await import("../../src/stores/sqlite/known.js");
  const key = sandbox.keys().signer();
  const first = sealEntry(draft(), ["s"], CHAIN_START, key);
  const second = sealEntry(draft(), ["s"], { sequence: 1, hash: first.hash }, key);
  const third = sealEntry(draft(), ["s"], { sequence: 2, hash: second.hash }, key);
  const fork = sealEntry(draft(), ["s"], { sequence: 1, hash: second.hash }, key);
  const known = KnownLedgers.open(await import("@photostructure/sqlite"), sandbox.enactHome);
  known.begin("/x");
  const headAfter = (...entries: readonly (typeof first)[]): number | undefined => {
    known.advance("/x", entries);
    return known.find("/x", null)?.sequence;
  };
  expect([headAfter(second), headAfter(first), headAfter(third), headAfter(fork), headAfter(first)]).toEqual([0, 1, 1, 1, 1]);
  expect([headAfter(second, third), headAfter(second), headAfter(third)]).toEqual([3, 3, 3]);
  expect(known.history(known.find("/x", null), null).count({ since: new Date(0), subject: "s" })).toBe(3);
  known.close();
});

test("many looks do not use up file handles", async () => {
  const ledger = sandbox.ledger();
  await recordRun(ledger);
  const handles = (): number => (existsSync("/proc/self/fd") ? readdirSync("/proc/self/fd").length : 0);
  await ledger.entries({});
  const before = handles();
  for (let look = 0; look < 200; look += 1) await ledger.entries({ newest: true, limit: 1 });
  expect(handles()).toBeLessThan(before + 10);
});

test("a list of known ledgers that an earlier version left goes on, with its heads and its history", async () => {
  await recordRun(sandbox.ledger(), {}, ["email:bob@example.com"]);
  await sandbox.ledger().close();
  const heads = join(sandbox.enactHome, "ledgers.sqlite");
  const old = new DatabaseSync(heads);
  old.exec("ALTER TABLE ledgers DROP COLUMN taken_over_at; ALTER TABLE ledgers DROP COLUMN taken_over; PRAGMA user_version = 1");
  old.close();
  // Who only reads makes nothing of it, and finds the head all the same.
  expect(await sandbox.verify()).toMatchObject({ ok: true, entries: 2 });
  expect(await sandbox.reader()).toMatchObject({ known: { sequence: 2 }, takenOver: null });
  const ledger = sandbox.ledger();
  expect(await ledger.look((history) => history.count({ since: new Date(0), subject: "email:bob@example.com" }))).toBe(1);
  await recordRun(ledger);
  const now = new DatabaseSync(heads);
  expect(now.prepare("PRAGMA user_version").get()).toEqual({ user_version: 2 });
  now.close();
  sandbox.sql("DELETE FROM entries WHERE sequence = 4");
  await expect(record(ledger)).rejects.toMatchObject({ code: "TAMPERED" });
});

describe("runs without an outcome", () => {
  test("are handed out oldest first, each one genuine; those of other states are not", async () => {
    const ledger = sandbox.ledger();
    expect(await ledger.openRuns()).toEqual([]);
    const first = await record(ledger);
    await recordRun(ledger);
    await recordRun(ledger, { decision: "BLOCK" });
    const second = await record(ledger);
    expect((await ledger.openRuns()).map(({ run_id }) => run_id)).toEqual([first.run_id, second.run_id]);
    await ledger.recordOutcome(outcomeOf(first));
    expect(await sandbox.ledger().openRuns()).toEqual([second]);
    sandbox.sql("UPDATE entries SET entry = replace(entry, 'engineer', 'director') WHERE sequence = 5");
    await expect(sandbox.ledger().openRuns()).rejects.toMatchObject({ code: "TAMPERED" });
  });

  test("looking for them makes nothing where there is no ledger", async () => {
    expect(await sandbox.ledger().openRuns()).toEqual([]);
    expect(await sandbox.ledger().executorOf(sandbox.ledger().newRunId())).toBe("unmarked");
    expect([sandbox.enactHome, folder()].filter((path) => existsSync(path))).toEqual([]);
  });

  test("carry the name of their process, which is alive until it closes the ledger", async () => {
    const [ledger, other] = [sandbox.ledger(), sandbox.ledger()];
    const ids = [ledger.newRunId(), ledger.newRunId(), other.newRunId()];
    expect(new Set(ids).size).toBe(3);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/u);
    expect(new Set(ids.map((id) => id.slice(-12))).size).toBe(2);
    const { run_id } = await ledger.recordDecision(() => ({ entry: draft({ run_id: ids[0] ?? "" }), subjects: [] }));
    expect([await ledger.executorOf(run_id), await other.executorOf(run_id), await other.executorOf(ids[2] ?? "")]).toEqual(["alive", "alive", "unmarked"]);
    await ledger.close();
    expect(await other.executorOf(run_id)).toBe("unmarked");
    expect(readdirSync(join(folder(), "live"))).toEqual([]);
  });

  test("are at work as far as anybody can tell, if something strange lies in the place of the mark", async () => {
    const ledger = sandbox.ledger();
    const { run_id } = await record(ledger);
    const mark = join(folder(), "live", run_id.slice(-12));
    mkdirSync(mark);
    expect(await ledger.executorOf(run_id)).toBe("alive");
    rmSync(mark, { recursive: true });
    symlinkSync(join(sandbox.root, "nowhere"), mark);
    expect(await ledger.executorOf(run_id)).toBe("alive");
    rmSync(mark);
    writeFileSync(mark, "no database at all, and long enough to be read as one".repeat(100));
    expect(await ledger.executorOf(run_id)).toBe("alive");
  });

  test("blocked calls leave no mark: nothing is at work", async () => {
    await recordRun(sandbox.ledger(), { decision: "BLOCK" });
    expect(existsSync(join(folder(), "live"))).toBe(false);
  });
});
