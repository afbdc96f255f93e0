/**
 * What a long history costs: the same work on a ledger of a thousand receipts and on one of a million, in turns, so that
 * whatever else the machine does hits both. `ENACT_BENCH_RECEIPTS` for another size.
 *
 * The long ledger is made with the real structures, in large transactions; what is measured is the real way of a receipt.
 */
import { mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import * as sqlite from "@photostructure/sqlite";

import type { CheckedEntry } from "../src/receipts/check.js";
import { CHAIN_START, sealEntry } from "../src/receipts/entry.js";
import { openKeys } from "../src/receipts/keys.js";
import type { Ledger } from "../src/receipts/ledger.js";
import { verifyLedger } from "../src/receipts/verify-ledger.js";
import { openSqliteLedger, openSqliteReader } from "../src/stores/sqlite.js";
import { Database } from "../src/stores/sqlite/database.js";
import { KnownLedgers } from "../src/stores/sqlite/known.js";
import { insertLine } from "../src/stores/sqlite/lines.js";
import { ledgerPath, makeLedgerFile } from "../src/stores/sqlite/place.js";
import { createLedger } from "../src/stores/sqlite/schema.js";
import { draft, outcomeOf } from "../test/support/ledger-sandbox.js";

const MANY = Number(process.env["ENACT_BENCH_RECEIPTS"] ?? 1_000_000);
const FEW = 1000;
const ROUNDS = 400;
const BATCH = 10_000;
/** One call every 30 seconds: a window of an hour holds the same runs in the short and in the long ledger. */
const PACE_MS = 30_000;
/** What noise may add to a ratio of one. */
const SLACK = 1.2;
const MIN_VERIFIED = 20_000;

const base = mkdtempSync(join(tmpdir(), "enact-bench-ledger-"));
const secret = "b".repeat(40);

interface Measured {
  readonly name: string;
  readonly project: string;
  readonly enactHome: string;
  readonly ledger: Ledger;
}

/** Decisions of realistic size, each with its outcome, up to now. */
function fill(project: string, enactHome: string, receipts: number): void {
  mkdirSync(project, { recursive: true });
  const path = ledgerPath(project);
  makeLedgerFile(path);
  const signer = openKeys({ enactHome, project, signing: "hmac", secret }).signer();
  const known = KnownLedgers.open(sqlite, enactHome);
  known.begin(path);
  const db = new Database(sqlite, path, { busyTimeoutMs: 1000 });
  db.exec("PRAGMA journal_mode = WAL");
  db.exec("PRAGMA synchronous = OFF");
  db.transaction("BEGIN IMMEDIATE", () => createLedger(db));
  let head = CHAIN_START;
  const start = Date.now() - (receipts / 2) * PACE_MS;
  for (let made = 0; made < receipts; made += BATCH) {
    const batch: CheckedEntry[] = [];
    db.transaction("BEGIN IMMEDIATE", () => {
      for (let index = made; index < Math.min(receipts, made + BATCH); index += 2) {
        const timestamp = new Date(start + (index / 2) * PACE_MS).toISOString();
        const decision = draft({ timestamp, workflow: WORKFLOWS[index % WORKFLOWS.length] ?? "", payload: PAYLOAD });
        for (const [entry, subjects] of [[decision, [subjectOf(index)]], [outcomeOf(decision, { timestamp, payload: PAYLOAD }), []]] as const) {
          const sealed = sealEntry(entry, subjects, head, signer);
          head = { sequence: sealed.entry.sequence, hash: sealed.hash };
          insertLine(db, sealed.entry.sequence, sealed.text);
          batch.push(sealed);
        }
      }
    });
    known.advance(path, batch);
  }
  db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  db.close();
  known.close();
}

const WORKFLOWS = ["git_push", "email_send", "sql_query", "file_write"];
const PAYLOAD = { branch: "agent/fix", remote: "origin", commits: Array.from({ length: 6 }, (_, index) => ({ sha: String(index).repeat(40), subject: "Fix the hinge of the door", file_count: 3 })) };

/** Each subject comes again after a hundred runs, so that look-ups by it find as many in an hour, whatever came before. */
function subjectOf(index: number): string {
  return `email:person-${String((index / 2) % 100)}@example.com`;
}

function open(name: string, receipts: number): Measured {
  const [project, enactHome] = [join(base, name, "project"), join(base, name, "home")];
  const start = performance.now();
  fill(project, enactHome, receipts);
  const size = statSync(ledgerPath(project)).size / 1e6;
  console.log(`made ${receipts.toLocaleString("en")} receipts (${size.toFixed(0)} MB) in ${((performance.now() - start) / 1000).toFixed(0)} s`);
  return { name, project, enactHome, ledger: openSqliteLedger({ project, enactHome, keys: openKeys({ enactHome, project, signing: "hmac", secret }) }) };
}

const HOUR_MS = 60 * 60 * 1000;
const anHourAgo = (): Date => new Date(Date.now() - HOUR_MS);

/** What is timed, by its name. */
const WORK: Readonly<Record<string, (ledger: Ledger, round: number) => Promise<unknown>>> = {
  "append (a durable decision and its outcome)": async (ledger, round) => {
    const decision = await ledger.recordDecision(() => ({ entry: draft({ payload: PAYLOAD }), subjects: [subjectOf(2 * round)] }));
    await ledger.recordOutcome(outcomeOf(decision, { payload: PAYLOAD }));
  },
  "history: how many calls in an hour": (ledger) => ledger.look((history) => history.count({ since: anHourAgo() })),
  "history: calls of one tool in an hour": (ledger) => ledger.look((history) => history.runs({ since: anHourAgo(), workflows: ["email_send"] })),
  "history: mails to one person in an hour": (ledger, round) => ledger.look((history) => history.runs({ since: anHourAgo(), subject: subjectOf(2 * round) })),
  "the newest twenty receipts": (ledger) => ledger.entries({ newest: true, limit: 20 }),
  "runs without an outcome": (ledger) => ledger.openRuns(),
};

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** Both in turns; the first rounds fill caches and are not counted. */
async function compare(few: Measured, many: Measured, work: (ledger: Ledger, round: number) => Promise<unknown>, rounds: number): Promise<readonly [number, number]> {
  const taken: [number[], number[]] = [[], []];
  for (let round = -20; round < rounds; round += 1) {
    for (const [index, { ledger }] of [few, many].entries()) {
      const milliseconds = await timed(() => work(ledger, Math.abs(round)));
      if (round >= 0) taken[index]?.push(milliseconds);
    }
  }
  return [median(taken[0]), median(taken[1])];
}

/** In seconds of this process's own time, because others use the same cores; and by the clock on the wall. */
async function verifySpeed({ project, enactHome }: Measured): Promise<{ readonly own: number; readonly wall: number }> {
  const reader = await openSqliteReader({ project, enactHome, keys: openKeys({ enactHome, project, signing: "hmac", secret }) });
  const [start, before] = [performance.now(), process.cpuUsage()];
  const report = verifyLedger(reader);
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(before);
  reader.close();
  if (!report.ok) throw new Error(report.firstProblem?.message ?? "not verified");
  return { own: report.entries / ((user + system) / 1e6), wall: report.entries / seconds };
}

try {
  const [few, many] = [open("few", FEW), open("many", MANY)];
  let isMet = true;
  for (const [name, work] of Object.entries(WORK)) {
    const rounds = name.startsWith("runs without") ? 20 : ROUNDS;
    const [short, long] = await compare(few, many, work, rounds);
    // Doctor alone asks for these, so they may take time; everything else is on the way of a call.
    const isOnTheWay = !name.startsWith("runs without");
    const met = long / short <= SLACK;
    if (isOnTheWay && !met) isMet = false;
    const verdict = isOnTheWay ? `  x1, up to ${String(SLACK)} for noise: ${met ? "met" : "NOT MET"}` : "";
    console.log(`${name.padEnd(46)}${short.toFixed(3).padStart(9)} ms at ${FEW.toLocaleString("en")}${long.toFixed(3).padStart(9)} ms at ${MANY.toLocaleString("en")}  x${(long / short).toFixed(2)}${verdict}`);
  }
  const { own, wall } = await verifySpeed(many);
  if (own < MIN_VERIFIED) isMet = false;
  const shown = (speed: number): string => Math.round(speed).toLocaleString("en");
  console.log(`verify, HMAC, one core: ${shown(own)} receipts a second (by the wall: ${shown(wall)})  >= ${shown(MIN_VERIFIED)}: ${own >= MIN_VERIFIED ? "met" : "NOT MET"}`);
  await Promise.all([few.ledger.close(), many.ledger.close()]);
  if (!isMet) process.exitCode = 1;
} finally {
  rmSync(base, { recursive: true, force: true });
}
