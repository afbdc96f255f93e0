import { ROLLBACK } from "../../guard/undoing.js";
import type { Problem } from "../../receipts/check.js";
import { checkLine } from "../../receipts/check.js";
import type { EntryQuery, LedgerReader } from "../../receipts/ledger.js";
import type { Decision, Entry } from "../../receipts/receipt.js";

/** A run as a person thinks of it: its decision and, once it ran, its outcome. Both are genuine. */
export interface Run {
  readonly run_id: string;
  readonly decision: Entry | null;
  readonly outcome: Entry | null;
}

export interface Runs {
  /** Newest first. */
  readonly runs: readonly Run[];
  /** Receipts that were met on the way and are not genuine: their content is not shown. */
  readonly problems: readonly Problem[];
}

export interface RunFilter {
  readonly decision?: string;
  readonly workflow?: string;
  readonly limit: number;
}

const PAGE = 100;
/** Older ones are not looked through for whom they were about. */
const MOST_ROLLBACKS = 1000;

/** What became of a run in the end. */
export function finalEntry(run: Run): Entry | null {
  return run.outcome ?? run.decision;
}

/** Allowed, and nothing is known of what became of it: running, or interrupted. */
export function isOpen(run: Run): boolean {
  return run.outcome === null && run.decision?.decision === "PASS";
}

/** The newest runs whose final decision and tool match. */
export function newestRuns(reader: LedgerReader, filter: RunFilter): Runs {
  const collector = new Collector(reader);
  const fixed: EntryQuery = {
    newest: true,
    limit: PAGE,
    ...(filter.workflow === undefined ? {} : { workflow: filter.workflow }),
    ...(filter.decision === undefined ? {} : { decision: filter.decision }),
  };
  const runs: Run[] = [];
  let before: number | undefined;
  for (;;) {
    const lines = reader.find(before === undefined ? fixed : { ...fixed, before });
    for (const line of lines) {
      if (runs.length >= filter.limit) return { runs, problems: collector.problems() };
      const run = collector.newRunOf(line);
      if (run === null) continue;
      // An allowed run has a PASS in its decision, whatever came of it.
      if (filter.decision === undefined || finalEntry(run)?.decision === (filter.decision as Decision)) runs.push(run);
    }
    before = lines.at(-1)?.sequence;
    if (lines.length < PAGE || before === undefined) return { runs, problems: collector.problems() };
  }
}

/** Allowed runs that were to undo this one, newest first: one that did at most, and those that were stopped before. */
export function rollbacksOf(reader: LedgerReader, runId: string): readonly Run[] {
  const collector = new Collector(reader);
  const lines = reader.find({ workflow: ROLLBACK, phase: "decision", decision: "PASS", newest: true, limit: MOST_ROLLBACKS });
  const runs = lines.map((line) => collector.newRunOf(line)).filter((run) => run !== null);
  return runs.filter(({ decision }) => decision?.payload["run_id"] === runId);
}

/** The runs whose id begins so; a whole id gives one. */
export function runsNamed(reader: LedgerReader, runId: string): Runs {
  const collector = new Collector(reader);
  const exact = reader.find({ run_id: runId, limit: PAGE });
  const lines = exact.length > 0 || runId.length < 4 ? exact : reader.find({ run_id_prefix: runId, limit: PAGE });
  const runs = lines.map((line) => collector.newRunOf(line)).filter((run) => run !== null);
  return { runs, problems: collector.problems() };
}

class Collector {
  readonly #reader: LedgerReader;
  readonly #seen = new Set<string>();
  readonly #problems = new Map<number, Problem>();

  constructor(reader: LedgerReader) {
    this.#reader = reader;
  }

  problems(): readonly Problem[] {
    return [...this.#problems.values()];
  }

  /** The run of this line; null when it was met before, or the line is not genuine. */
  newRunOf(line: Parameters<typeof checkLine>[0]): Run | null {
    const entry = this.#genuine(line);
    if (entry === null || this.#seen.has(entry.run_id)) return null;
    this.#seen.add(entry.run_id);
    const lines = this.#reader.find({ run_id: entry.run_id, limit: PAGE });
    const entries = lines.map((other) => this.#genuine(other)).filter((other) => other !== null);
    const ofPhase = (phase: Entry["phase"]): Entry | null => entries.find((other) => other.phase === phase) ?? null;
    return { run_id: entry.run_id, decision: ofPhase("decision"), outcome: ofPhase("outcome") };
  }

  #genuine(line: Parameters<typeof checkLine>[0]): Entry | null {
    const checked = checkLine(line, this.#reader.keys);
    const at = line.sequence ?? 0;
    if ("problem" in checked) {
      this.#problems.set(at, checked.problem);
      return null;
    }
    const { entry } = checked.good;
    if (entry.sequence === line.sequence) return entry;
    const message = `In the place of receipt ${String(at)} stands receipt ${String(entry.sequence)}`;
    this.#problems.set(at, { kind: "reordered", sequence: at, run_id: entry.run_id, message });
    return null;
  }
}
