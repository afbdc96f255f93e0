import { basename } from "node:path";

import type { Hono } from "hono";

import { EnactError } from "../errors.js";
import type { LedgerReader } from "../receipts/ledger.js";
import type { ApprovalProblem } from "../receipts/verify.js";
import { policyBars, timeChart } from "./receipts/charts.js";
import { receiptDetail } from "./receipts/detail.js";
import { filterFrom } from "./receipts/selection.js";
import { ledgerStatus } from "./receipts/status.js";
import type { RunRecord } from "./receipts/timeline.js";
import { LedgerWatch } from "./receipts/watch.js";
import type { Changes, Charts, RunDetail, RunPage } from "./receipts/wire.js";
import type { WebModule } from "./server.js";
import { ASSET_TYPES } from "./server.js";

export interface ReceiptPagesOptions {
  /** The project's folder; its name is shown. */
  readonly project: string;
  openLedger(): Promise<LedgerReader>;
  /** Says what is wrong with a receipt's approval; made anew for each check of the whole ledger. */
  readonly approvals?: () => ApprovalProblem;
}

/** How long a page waits for what is new to be read; a long ledger shows what was read so far. */
const PATIENCE = 300;
/** Runs in a page of the timeline. */
const CHUNK = 100;

/** The receipts browser: the page at `/`, and what it asks for, which only a browser gets that was let in. */
export function receiptPages(options: ReceiptPagesOptions): WebModule {
  const watch = new LedgerWatch(options);
  return {
    base: "/api",
    access: "session",
    assets: [
      { path: "/", file: "receipts.html", type: ASSET_TYPES.html },
      { path: "/receipts.js", file: "receipts.js", type: ASSET_TYPES.js },
      { path: "/receipts.css", file: "receipts.css", type: ASSET_TYPES.css },
    ],
    routes: (app) => {
      addRoutes(app, watch, basename(options.project));
      // Long ledgers are read while the person is still on the way to the browser. A failure is shown there.
      void watch.look(0);
    },
    close: () => watch.close(),
  };
}

type Query = (name: string) => string | undefined;

function addRoutes(app: Hono, watch: LedgerWatch, project: string): void {
  app.get("/changes", async (c) => c.json(await changes(watch, project, (name) => c.req.query(name), c.req.raw.signal)));
  app.get("/runs", async (c) => c.json(await runPage(watch, (name) => c.req.query(name), c.req.raw.signal)));
  app.get("/charts", async (c) => c.json(await charts(watch, (name) => c.req.query(name), c.req.raw.signal)));
  app.get("/receipts/:sequence", async (c) => c.json(await runDetail(watch, c.req.param("sequence"))));
}

async function changes(watch: LedgerWatch, project: string, query: Query, signal: AbortSignal): Promise<Changes> {
  await watch.look(PATIENCE);
  const found = await watch.select(filterFrom(query), signal);
  // After the search, and before anything else can happen: what was selected fits what is said of it.
  const status = ledgerStatus(watch, project);
  const total = found?.selection.indexes().length ?? 0;
  const from = watch.changedSince(query("since") ?? "");
  return { status, total, changed_from: found?.selection.firstFrom(from) ?? 0 };
}

async function runPage(watch: LedgerWatch, query: Query, signal: AbortSignal): Promise<RunPage> {
  const chunk = whole(query("chunk") ?? "");
  const found = await watch.select(filterFrom(query), signal);
  const indexes = found?.selection.indexes() ?? [];
  const rows = indexes.slice(chunk * CHUNK, (chunk + 1) * CHUNK).map((index) => found?.reading.timeline.rowOf(index));
  return { revision: watch.revision, total: indexes.length, chunk, rows: rows.filter((row) => row !== undefined) };
}

async function charts(watch: LedgerWatch, query: Query, signal: AbortSignal): Promise<Charts> {
  const filter = filterFrom(query);
  const found = await watch.select(filter, signal);
  const all = found?.reading.timeline.runs ?? [];
  const runs = (found?.selection.indexes() ?? []).map((index) => all[index]).filter((run): run is RunRecord => run !== undefined);
  return { revision: watch.revision, time: timeChart(runs, filter), ...policyBars(runs) };
}

async function runDetail(watch: LedgerWatch, place: string): Promise<RunDetail> {
  await watch.look(PATIENCE);
  const sequence = whole(place);
  const { reading } = watch;
  const index = reading?.timeline.runAt(sequence);
  const row = index === undefined ? undefined : reading?.timeline.rowOf(index);
  if (reading === undefined || index === undefined || row === undefined) throw new EnactError("NOT_FOUND", `There is no receipt ${String(sequence)} in the ledger`);
  const receipts = reading.timeline.receiptsOf(index).map((receipt) => receiptDetail(reading.reader, receipt));
  return { row, receipts, key_location: reading.reader.keys.location };
}

function whole(text: string): number {
  const number = Number(text);
  if (/^-?\d{1,15}$/u.test(text) && Number.isSafeInteger(number)) return number;
  throw new EnactError("INVALID_INPUT", "A place in the ledger is a whole number");
}
