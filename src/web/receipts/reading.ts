import { statSync } from "node:fs";
import { setImmediate as turn } from "node:timers/promises";

import { digestBytes } from "../../receipts/canonical.js";
import type { LedgerReader } from "../../receipts/ledger.js";
import type { LineSource } from "./lines-source.js";
import { lineSource } from "./lines-source.js";
import { TextSearch } from "./search.js";
import { Recent, Selection } from "./selection.js";
import { Timeline } from "./timeline.js";
import type { RunFilter } from "./wire.js";

/** Lines between two chances for others to run: some milliseconds of work each. */
const READ_AT_ONCE = 200;
const SEARCH_AT_ONCE = 400;
const REMEMBERED_CHANGES = 5_000;

/** A ledger read into memory, or a part of it so far. Thrown away when what was read is no longer what lies there. */
export class Reading {
  readonly reader: LedgerReader;
  readonly timeline = new Timeline();
  readonly #file: string;
  readonly #source: LineSource;
  readonly #selections = new Recent<Selection>();
  readonly #searches = new Recent<TextSearch>();
  #changes: number[] = [];
  #forgotten = 0;
  #isRead = false;
  #endIsMissing = false;
  #isClosed = false;

  constructor(reader: LedgerReader) {
    this.reader = reader;
    this.#file = fileId(reader.location);
    this.#source = lineSource(() => reader);
  }

  /** Everything that was there at the last look is read. */
  get isRead(): boolean {
    return this.#isRead;
  }

  /** Receipts that the guard is known to have written are gone from the end. */
  get endIsMissing(): boolean {
    return this.#endIsMissing;
  }

  /** Goes up with every change. */
  get revision(): number {
    return this.#forgotten + this.#changes.length;
  }

  /** The first run that changed since a revision. */
  changedSince(revision: number): number {
    if (!(revision >= this.#forgotten)) return 0;
    return this.#changes.slice(revision - this.#forgotten).reduce((least, run) => Math.min(least, run), Number.POSITIVE_INFINITY);
  }

  /** Whether the file is the one that was read, and still ends as it did or goes on from there. */
  isStillThis(): boolean {
    if (fileId(this.reader.location) !== this.#file) return false;
    const { last, lastHash } = this.timeline;
    if (last === undefined || this.reader.structureProblem !== null) return true;
    const [line] = this.reader.linesAfter(last - 1, 1);
    return line?.sequence === last && digestBytes(line.bytes) === lastHash;
  }

  /** There may be more by now. */
  look(): void {
    this.#isRead = false;
  }

  /** @returns false when there was nothing to read */
  readSome(): boolean {
    const lines = this.#source.next(READ_AT_ONCE);
    const changed = lines.map((line) => this.timeline.add(line));
    if (changed.length > 0) this.changed(Math.min(...changed));
    this.#isRead = lines.length < READ_AT_ONCE;
    if (this.#isRead) this.#markMissingEnd();
    return lines.length > 0;
  }

  /** Notes that a run is another one now. */
  changed(run: number): void {
    this.#changes.push(run);
    this.#forget(run);
    if (this.#changes.length <= REMEMBERED_CHANGES) return;
    this.#forgotten += this.#changes.length;
    this.#changes = [];
  }

  /** The runs that match, of all that were read. Looking for a text takes a while in a long ledger. */
  async select(filter: RunFilter, signal: AbortSignal): Promise<Selection> {
    const search = filter.text === "" ? null : await this.#searched(filter.text, signal);
    const hasText = (run: number): boolean => search === null || search.has(run);
    return this.#selections.get(JSON.stringify(filter), () => new Selection(this.timeline, filter, hasText));
  }

  close(): void {
    this.#isClosed = true;
    this.reader.close();
  }

  #markMissingEnd(): void {
    const { known } = this.reader;
    const last = Math.max(0, this.timeline.last ?? 0);
    if (this.#endIsMissing || known === null || known.sequence <= last) return;
    this.#endIsMissing = true;
    this.changed(this.timeline.addMissing(last + 1, known.sequence));
  }

  #forget(run: number): void {
    for (const selection of this.#selections.values()) selection.changed(run);
  }

  async #searched(text: string, signal: AbortSignal): Promise<TextSearch> {
    const search = this.#searches.get(text, () => new TextSearch(text, this.timeline));
    while (!signal.aborted && !this.#isClosed) {
      const { last = 0 } = this.timeline;
      const lines = this.reader.linesAfter(search.after, SEARCH_AT_ONCE).filter(({ sequence = 0 }) => sequence <= last);
      const found = lines.map((line) => search.add(line)).filter((run) => run !== undefined);
      if (found.length > 0) this.#forget(Math.min(...found));
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
export function stampOf({ location }: LedgerReader): string {
  return [location, `${location}-wal`]
    .map((file) => statSync(file, { throwIfNoEntry: false }))
    .map((stat) => (stat === undefined ? "" : `${String(stat.size)}:${String(stat.mtimeMs)}`))
    .join("|");
}
