import { setImmediate as turn, setTimeout as sleep } from "node:timers/promises";

import { isEnactError } from "../../errors.js";
import type { LedgerReader } from "../../receipts/ledger.js";
import type { ApprovalProblem } from "../../receipts/verify.js";
import { approvalCheck } from "../../receipts/verify.js";
import { ChainWalk } from "./chain-walk.js";
import type { LineSource } from "./lines-source.js";
import { lineSource } from "./lines-source.js";
import { Reading, stampOf } from "./reading.js";
import type { Selection } from "./selection.js";
import type { RunFilter } from "./wire.js";

export interface WatchOptions {
  openLedger(): Promise<LedgerReader>;
  /** See VerifyDeps: made anew for each check of the whole ledger. */
  readonly approvals?: () => ApprovalProblem;
  /** Milliseconds, going forward. */
  readonly now?: () => number;
}

/** Lines between two chances for others to run. */
const CHECK_AT_ONCE = 25;
/** The next check of all receipts begins when this much time has passed, and twenty times what the last one took. */
const CHECK_AGAIN_AFTER = 5_000;
const CHECK_SHARE = 20;
/** Without any sign that the file was written. */
const CHECK_ANYWAY_AFTER = 300_000;
/** How long to leave a ledger alone that could not be read. */
const TRY_AGAIN_AFTER = 3_000;
/** A guard notes a new ledger's head right after its first receipt. */
const HEAD_IS_NOTED_WITHIN = 200;

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
  #failedAt = 0;
  #mustOpen = true;
  #epoch = 0;
  /** Someone has asked since the last look at the file. */
  #isAsked = false;
  #working: Promise<void> | undefined;
  #closed = false;
  #checkedAt: number | null = null;

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

  /** True once all that is there was checked. */
  get isChecked(): boolean {
    return this.#shown?.endedAt !== undefined;
  }

  /** When a check of everything last ended, as a date in milliseconds. */
  get checkedAt(): number | null {
    return this.#checkedAt;
  }

  /** Why the ledger cannot be read, as a sentence; null when it can. */
  get failure(): string | null {
    return this.#failure;
  }

  /** Another one after every change; of another reading when its first number is another. */
  get revision(): string {
    return `${String(this.#epoch)}.${String(this.#reading?.revision ?? 0)}`;
  }

  /** The first run that changed since a revision. */
  changedSince(revision: string): number {
    const [epoch, count = Number.NaN] = revision.split(".").map(Number);
    return epoch === this.#epoch ? (this.#reading?.changedSince(count) ?? 0) : 0;
  }

  /** Looks for what is new. Waits until it was read, but no longer than this; the checking goes on by itself. */
  async look(patience: number): Promise<void> {
    if (this.#closed) return;
    if (this.#failure !== null && this.#now() - this.#failedAt < TRY_AGAIN_AFTER) return;
    this.#isAsked = true;
    this.#reading?.look();
    this.#working ??= this.#work().finally(() => (this.#working = undefined));
    const until = this.#now() + patience;
    while (this.#working !== undefined && this.#reading?.isRead !== true && this.#now() < until) await Promise.race([this.#working, sleep(5)]);
  }

  async select(filter: RunFilter, signal: AbortSignal): Promise<{ readonly reading: Reading; readonly selection: Selection } | null> {
    const reading = this.#reading;
    return reading === undefined ? null : { reading, selection: await reading.select(filter, signal) };
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#working;
    this.#reading?.close();
  }

  async #work(): Promise<void> {
    while (this.#isAsked && !this.#closed) {
      this.#isAsked = false;
      await this.#lookOnce();
    }
  }

  /** Goes on where the last look was interrupted by the next one. */
  async #lookOnce(): Promise<void> {
    try {
      if (this.#mustOpen || this.#reading?.isStillThis() !== true) this.#begin(await this.#open());
      while (!this.#closed && !this.#isAsked && (this.#reading?.readSome() === true || (await this.#checkSome()))) await turn();
    } catch (error) {
      // Foreign errors may quote what nobody should see.
      this.#failure = isEnactError(error) ? error.message : "The ledger could not be read: something in it is not what any guard writes";
      this.#failedAt = this.#now();
      this.#mustOpen = true;
    }
  }

  async #open(): Promise<LedgerReader> {
    const reader = await this.#options.openLedger();
    if (!reader.exists || reader.known !== null) return reader;
    reader.close();
    await sleep(HEAD_IS_NOTED_WITHIN);
    return this.#options.openLedger();
  }

  /** Forgets what was read before. */
  #begin(reader: LedgerReader): void {
    this.#reading?.close();
    this.#mustOpen = false;
    this.#epoch += 1;
    this.#reading = new Reading(reader);
    this.#shown = this.#newCheck(reader);
    this.#again = undefined;
  }

  /** @returns false when there is nothing to check now */
  async #checkSome(): Promise<boolean> {
    const [reading, check] = [this.#reading, this.#again ?? this.#shown];
    if (reading === undefined || check === undefined) return false;
    const lines = check.source.next(CHECK_AT_ONCE);
    for (const problem of lines.flatMap((line) => check.walk.add(line))) {
      const run = reading.timeline.mark(problem) ?? reading.timeline.runAt(problem.sequence);
      if (run !== undefined) reading.changed(run);
      // Bad news is not kept back until everything was seen.
      if (this.#again === check && this.#shown?.walk.problems.length === 0) this.#shown = { ...check };
    }
    this.#failure = null;
    return lines.length === CHECK_AT_ONCE || this.#ended(reading, check);
  }

  async #ended(reading: Reading, check: Check): Promise<boolean> {
    const { walk } = check;
    const { timeline } = reading;
    // Something new came between the reading and the checking: first read that too.
    if (walk.lines > timeline.entries && reading.readSome()) return true;
    if (walk.lines !== timeline.entries || walk.fingerprint !== timeline.fingerprint) {
      this.#begin(await this.#open());
      return true;
    }
    if (check.endedAt === undefined) {
      check.endedAt = this.#now();
      this.#checkedAt = Date.now();
      this.#shown = check;
      this.#again = undefined;
    }
    if (!this.#isTimeToCheckAgain(reading, check)) return false;
    await this.#checkAgain(reading);
    return true;
  }

  #isTimeToCheckAgain(reading: Reading, { startedAt, endedAt = startedAt, stamp }: Check): boolean {
    const since = this.#now() - endedAt;
    if (since < Math.max(CHECK_AGAIN_AFTER, CHECK_SHARE * (endedAt - startedAt))) return false;
    return stampOf(reading.reader) !== stamp || isDoubtful(reading) || since > CHECK_ANYWAY_AFTER;
  }

  /** Structure and known head are looked at when a ledger is opened: someone may have changed it, or accepted a loss. */
  async #checkAgain(reading: Reading): Promise<void> {
    const { reader } = reading;
    const fresh = await this.#options.openLedger();
    if (besidesLines(fresh) !== besidesLines(reader) || reader.structureProblem !== null) {
      this.#begin(fresh);
      return;
    }
    fresh.close();
    this.#again = this.#newCheck(reader);
  }

  #newCheck(reader: LedgerReader): Check {
    const { approvals } = this.#options;
    const checks = approvals === undefined ? [] : [approvalCheck(approvals())];
    const walk = new ChainWalk({ keys: reader.keys, known: reader.known, checks });
    return { walk, source: lineSource(() => reader), startedAt: this.#now(), stamp: stampOf(reader), endedAt: undefined };
  }
}

/** What is known from outside does not go with what lies there. */
function isDoubtful({ reader, endIsMissing }: Reading): boolean {
  return endIsMissing || (reader.exists && (reader.known === null || reader.takenOver !== null));
}

/** What a reader knows besides the lines. */
function besidesLines({ known, acceptedLosses, takenOver, structureProblem }: LedgerReader): string {
  return JSON.stringify([known === null, acceptedLosses, takenOver, structureProblem]);
}
