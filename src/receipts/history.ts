import { runState, subjectDigest } from "./entry.js";
import type { LedgerHistory, LedgerHistoryQuery, LedgerPastRun } from "./ledger.js";
import type { Entry } from "./receipt.js";

/** Clocks are corrected by less than this; a larger jump back is a clock that was wrong before. */
const MAX_CORRECTION_MS = 24 * 60 * 60 * 1000;

/**
 * The time by which windows are counted. A clock that was set back would put a run before those that came before it, and
 * a window would close too early; so a run counts as no older than the run before it. A jump back by more than a day is
 * taken for a clock that had been wrong, because otherwise one wrong year would keep every window full for ever.
 */
export function effectiveTime(timestamp: string, before: number): number {
  const time = Date.parse(timestamp);
  return time < before && before - time <= MAX_CORRECTION_MS ? before : time;
}

interface IndexedRun extends Omit<LedgerPastRun, "state"> {
  state: LedgerPastRun["state"];
  readonly time: number;
}

/**
 * What policies count by, made from the entries alone: fed with a ledger from its first entry on, it says at each place what
 * the guard's own index said there.
 */
export class HistoryIndex {
  readonly #runs: IndexedRun[] = [];
  readonly #byId = new Map<string, IndexedRun>();
  readonly #bySubject = new Map<string, IndexedRun[]>();
  #time = 0;
  /** As long as no clock was wrong by more than a day, runs are in the order of their time. */
  #isOrdered = true;

  /** Takes the next entry in; a history that was handed out before goes on with it. */
  add(entry: Entry): void {
    const time = effectiveTime(entry.timestamp, this.#time);
    if (time < this.#time) this.#isOrdered = false;
    this.#time = time;
    if (entry.phase === "outcome") {
      const run = this.#byId.get(entry.run_id);
      if (run !== undefined) run.state = runState(entry);
    } else if (entry.decision === "PASS") this.#addRun(entry, time);
  }

  /** The history as it stands, without the run `except`. */
  history(except: string | null = null): LedgerHistory {
    return {
      runs: (query) => this.#matching(query, except).map(({ time: _time, ...run }) => ({ ...run })),
      count: (query) => this.#matching(query, except).length,
    };
  }

  #addRun({ run_id, workflow, user_email, timestamp, subjects }: Entry, time: number): void {
    const run: IndexedRun = { run_id, workflow, user_email, timestamp: new Date(timestamp), state: "running", time };
    this.#runs.push(run);
    this.#byId.set(run_id, run);
    for (const subject of new Set(subjects)) {
      const filed = this.#bySubject.get(subject);
      if (filed === undefined) this.#bySubject.set(subject, [run]);
      else filed.push(run);
    }
  }

  #matching({ workflows, subject, since }: LedgerHistoryQuery, except: string | null): readonly IndexedRun[] {
    const from = since.getTime();
    if (Number.isNaN(from)) throw new RangeError("history: 'since' is not a date");
    const candidates = subject === undefined ? this.#runs : (this.#bySubject.get(subjectDigest(subject)) ?? []);
    const recent = this.#isOrdered ? candidates.slice(firstSince(candidates, from)) : candidates.filter((run) => run.time >= from);
    return recent.filter((run) => run.run_id !== except && (workflows === undefined || workflows.includes(run.workflow)));
  }
}

/** Where the runs begin that are not older than this; they are in order. */
function firstSince(runs: readonly IndexedRun[], from: number): number {
  let [low, high] = [0, runs.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((runs[middle]?.time ?? 0) < from) low = middle + 1;
    else high = middle;
  }
  return low;
}
