import type { StoredLine } from "../../receipts/check.js";
import type { LedgerReader } from "../../receipts/ledger.js";

/** Hands out the lines of a ledger in order, a few at a time, so that other work gets its turn in between. */
export interface LineSource {
  /** At most so many; none when there are no more, for now. */
  next(limit: number): readonly StoredLine[];
}

export function lineSource(reader: () => LedgerReader): LineSource {
  // With a structure that cannot be trusted there are no indexes, and each search would read the whole ledger.
  return reader().structureProblem === null ? new PagedLines(reader) : new AllLines(reader());
}

/** Each page is a look of its own: a long-lived one would not see what the guards write meanwhile. */
class PagedLines implements LineSource {
  readonly #reader: () => LedgerReader;
  /** Whoever can write into the ledger can write a receipt before the first. */
  #after = Number.MIN_SAFE_INTEGER;

  constructor(reader: () => LedgerReader) {
    this.#reader = reader;
  }

  next(limit: number): readonly StoredLine[] {
    const lines = this.#reader().linesAfter(this.#after, limit);
    this.#after = lines.at(-1)?.sequence ?? this.#after;
    return lines;
  }
}

class AllLines implements LineSource {
  readonly #lines: Iterator<StoredLine>;

  constructor(reader: LedgerReader) {
    this.#lines = reader.lines()[Symbol.iterator]();
  }

  next(limit: number): readonly StoredLine[] {
    const lines: StoredLine[] = [];
    while (lines.length < limit) {
      const found: IteratorResult<StoredLine, unknown> = this.#lines.next();
      if (found.done === true) break;
      lines.push(found.value);
    }
    return lines;
  }
}
