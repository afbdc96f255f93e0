import { statSync } from "node:fs";
import { setImmediate as turn, setTimeout as sleep } from "node:timers/promises";

import { isEnactError } from "../../errors.js";
import { digestBytes } from "../../receipts/canonical.js";
import type { LedgerReader } from "../../receipts/ledger.js";
import { ChainWalk } from "./chain-walk.js";
import type { LineSource } from "./lines-source.js";
import { lineSource } from "./lines-source.js";
import { Recent, Selection } from "./selection.js";
import { TextSearch } from "./search.js";
import { Timeline } from "./timeline.js";
import type { RunFilter } from "./wire.js";

export interface WatchOptions {
  openLedger(): Promise<LedgerReader>;
  /** Milliseconds, going forward. */
  readonly now?: () => number;
}

/** Lines between two chances for others to run: some milliseconds of work each. */
const READ_AT_ONCE = 200;
const CHECK_AT_ONCE = 100;
const SEARCH_AT_ONCE = 400;
/** The next check of all receipts begins when this much time has passed, and twenty times what the last one took. */
const CHECK_AGAIN_AFTER = 5_000;
const CHECK_SHARE = 20;
/** Without any sign that the file was written. */
const CHECK_ANYWAY_AFTER = 300_000;
const REMEMBERED_CHANGES = 5_000;

/** A ledger read into memory, or a part of it so far; made anew when what was read is no longer what lies there. */
interface Reading {
  readonly reader: LedgerReader;
  readonly file: string;
  readonly timeline: Timeline;
  readonly source: LineSource;
  readonly selections: Recent<Selection>;
  readonly searches: Recent<TextSearch>;
  isRead: boolean;
  endIsMissing: boolean;
}

interface Check {
  readonly walk: ChainWalk;
  readonly source: LineSource;
  readonly startedAt: number;
  readonly stamp: string;
  /** When it had seen all there was. */
  endedAt: number | undefined;
}

/**
 * Follows a ledger that guards of other processes write: reads what is new, checks everything with the real keys, and checks
 * it again and again, because someone may change it while a person looks on. Works only when asked to, in small steps.
 */
export class LedgerWatch {
  readonly #options: WatchOptions;
  readonly #now: () => number;
  #reading: Reading | undefined;
  #shown: Check | undefined;
  #again: Check | undefined;
  #failure: string | null = null;
  #epoch = 0;
  #changes: number[] = [];
  #forgotten = 0;
  #working: Promise<void> | undefined;
  #closed = false;
  #lastCheckedAt: number | null = null;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  get reading(): Reading | undefined {
    return this.#reading;
  }

  /** The walk whose findings are shown. */
  get walk(): ChainWalk | undefined {
    return this.#shown?.walk;
  }

  /** True once all that is there was checked, for the first time. */
  get isChecked(): boolean {
    return this.#shown?.endedAt !== undefined;
  }

  /** When a check of everything last ended, as a date. */
  get checkedAt(): number | null {
    return this.#lastCheckedAt;
  }

  /** Why the ledger cannot be read, as a sentence; null when it can. */
  get failure(): string | null {
    return this.#failure;
  }

  get revision(): string {
    return `${String(this.#epoch)}.${String(this.#forgotten + this.#changes.length)}`;
  }

  /** The first run that changed since a revision. */
  changedSince(revision: string): number {
    const [epoch, count] = revision.split(".").map(Number);
    if (epoch !== this.#epoch || count === undefined || !(count >= this.#forgotten)) return 0;
    return this.#changes.slice(count - this.#forgotten).reduce((least, run) => Math.min(least, run), Number.POSITIVE_INFINITY);
  }

  /** Looks for what is new. Waits until it was read, but no longer than this; the checking goes on by itself. */
  async look(patience: number): Promise<void> {
    if (this.#closed) return;
    if (this.#working === undefined) {
      const isFirst = this.#reading === undefined;
      this.#working = this.#work(isFirst).finally(() => (this.#working = undefined));
    }
    const until = this.#now() + patience;
    while (!this.#isUpToDate() && this.#now() < until) await Promise.race([this.#working, sleep(5)]);
  }

  /** The runs that match, of all that were read. Looking for a text takes a while in a long ledger. */
  async select(filter: RunFilter, signal: AbortSignal): Promise<{ readonly reading: Reading; readonly selection: Selection } | null> {
    const reading = this.#reading;
    if (reading === undefined) return null;
    const search = filter.text === "" ? null : await this.#searched(reading, filter.text, signal);
    const hasText = (run: number): boolean => search === null || search.has(run);
    const selection = reading.selections.get(JSON.stringify(filter), () => new Selection(reading.timeline, filter, hasText));
    return { reading, selection };
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#working;
    this.#reading?.reader.close();
  }

  #isUpToDate(): boolean {
    return this.#working === undefined || this.#reading?.isRead === true;
  }

  async #work(isFirst: boolean): Promise<void> {
    if (this.#reading !== undefined) this.#reading.isRead = false;
    try {
      if (isFirst || !this.#isStillThis()) await this.#begin();
      this.#failure = null;
      while (!this.#closed && (this.#readSome() || (await this.#checkSome()))) await turn();
    } catch (error) {
      if (!isEnactError(error)) throw error;
      this.#failure = error.message;
    }
  }

  /** Opens the ledger and forgets what was read of it. */
  async #begin(): Promise<void> {
    this.#reading?.reader.close();
    this.#reading = undefined;
    this.#shown = undefined;
    this.#again = undefined;
    const reader = await this.#options.openLedger();
    this.#epoch += 1;
    this.#changes = [];
    this.#forgotten = 0;
    const file = fileId(reader.location);
    const own = { reader, file, timeline: new Timeline(), selections: new Recent<Selection>(), searches: new Recent<TextSearch>() };
    this.#reading = { ...own, source: lineSource(() => reader), isRead: false, endIsMissing: false };
    this.#shown = this.#newCheck(reader);
  }

  /** Whether the file is the one that was read, and still ends as it did or goes on from there. */
  #isStillThis(): boolean {
    const reading = this.#reading;
    if (reading === undefined || fileId(reading.reader.location) !== reading.file) return false;
    const { last, lastHash } = reading.timeline;
    if (last === undefined || reading.reader.structureProblem !== null) return true;
    const [line] = reading.reader.linesAfter(last - 1, 1);
    return line?.sequence === last && digestBytes(line.bytes) === lastHash;
  }

  /** @returns false when there is nothing more to read */
  #readSome(): boolean {
    const reading = this.#reading;
    if (reading === undefined) return false;
    const lines = reading.source.next(READ_AT_ONCE);
    const changed = lines.map((line) => reading.timeline.add(line));
    if (lines.length === 0) this.#markMissingEnd(reading);
    if (changed.length > 0) this.#changed(Math.min(...changed));
    if (lines.length < READ_AT_ONCE) reading.isRead = true;
    return lines.length === READ_AT_ONCE;
  }

  #markMissingEnd(reading: Reading): void {
    const { timeline, reader } = reading;
    const last = Math.max(0, timeline.last ?? 0);
    if (reading.endIsMissing || reader.known === null || reader.known.sequence <= last) return;
    reading.endIsMissing = true;
    this.#changed(timeline.addMissing(last + 1, reader.known.sequence));
  }

  /** @returns false when there is nothing to check now */
  async #checkSome(): Promise<boolean> {
    const reading = this.#reading;
    if (reading === undefined) return false;
    const check = this.#again ?? this.#shown;
    if (check === undefined) return false;
    const lines = check.source.next(CHECK_AT_ONCE);
    for (const line of lines) {
      for (const problem of check.walk.add(line)) this.#found(reading, check, problem.sequence, () => reading.timeline.mark(problem));
    }
    if (lines.length === CHECK_AT_ONCE) return true;
    return this.#ended(reading, check);
  }

  #found(reading: Reading, check: Check, sequence: number, mark: () => number | undefined): void {
    const run = mark() ?? reading.timeline.runAt(sequence);
    if (run !== undefined) this.#changed(run);
    // Bad news is not kept back until everything was seen.
    if (this.#again === check && this.#shown?.walk.problems.length === 0) this.#shown = { ...check };
  }

  async #ended(reading: Reading, check: Check): Promise<boolean> {
    const { walk } = check;
    const isOfTheSame = walk.last === (reading.timeline.last ?? 0) && walk.lines === reading.timeline.entries;
    // Something new came between the reading and the checking: first read that too.
    if (!isOfTheSame && walk.lines > reading.timeline.entries) return this.#readSome() || true;
    if (!isOfTheSame || walk.fingerprint !== reading.timeline.fingerprint) {
      await this.#begin();
      return true;
    }
    if (check.endedAt === undefined) {
      check.endedAt = this.#now();
      this.#lastCheckedAt = Date.now();
      this.#shown = check;
      this.#again = undefined;
    }
    if (!this.#isTimeToCheckAgain(reading, check)) return false;
    await this.#checkAgain(reading);
    return this.#reading === reading;
  }

  #isTimeToCheckAgain(reading: Reading, { startedAt, endedAt = startedAt, stamp }: Check): boolean {
    const since = this.#now() - endedAt;
    if (since < Math.max(CHECK_AGAIN_AFTER, CHECK_SHARE * (endedAt - startedAt))) return false;
    const mayHaveChanged = stampOf(reading.reader.location) !== stamp || reading.endIsMissing || reading.reader.structureProblem !== null;
    return mayHaveChanged || since > CHECK_ANYWAY_AFTER;
  }

  async #checkAgain(reading: Reading): Promise<void> {
    if (reading.endIsMissing || reading.reader.structureProblem !== null) await this.#begin();
    else this.#again = this.#newCheck(reading.reader);
  }

  #newCheck(reader: LedgerReader): Check {
    const walk = new ChainWalk({ keys: reader.keys, known: reader.known });
    return { walk, source: lineSource(() => reader), startedAt: this.#now(), stamp: stampOf(reader.location), endedAt: undefined };
  }

  #changed(run: number): void {
    this.#changes.push(run);
    for (const selection of this.#reading?.selections.values() ?? []) selection.changed(run);
    if (this.#changes.length <= REMEMBERED_CHANGES) return;
    this.#forgotten += this.#changes.length;
    this.#changes = [];
  }

  async #searched(reading: Reading, text: string, signal: AbortSignal): Promise<TextSearch> {
    const search = reading.searches.get(text, () => new TextSearch(text, reading.timeline));
    while (!signal.aborted && !this.#closed && this.#reading === reading) {
      const { last = 0 } = reading.timeline;
      const lines = reading.reader.linesAfter(search.after, SEARCH_AT_ONCE).filter(({ sequence = 0 }) => sequence <= last);
      const found = lines.map((line) => search.add(line)).filter((run) => run !== undefined);
      for (const selection of found.length === 0 ? [] : reading.selections.values()) selection.changed(Math.min(...found));
      if (lines.length < SEARCH_AT_ONCE) break;
      await turn();
    }
    return search;
  }
}

function fileId(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? "" : `${String(stat.dev)}:${String(stat.ino)}`;
}

/** Changes with every write. */
function stampOf(path: string): string {
  return [path, `${path}-wal`]
    .map((file) => statSync(file, { throwIfNoEntry: false }))
    .map((stat) => (stat === undefined ? "" : `${String(stat.size)}:${String(stat.mtimeMs)}`))
    .join("|");
}
