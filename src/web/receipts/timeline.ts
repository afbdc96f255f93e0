import { digestBytes } from "../../receipts/canonical.js";
import type { Problem, StoredLine } from "../../receipts/check.js";
import type { ReadEntry } from "./rows.js";
import { readEntry } from "./rows.js";
import type { RunRow, RunState } from "./wire.js";

/** A run as it is kept: small, because there may be a million of them. */
export interface RunRecord {
  sequence: number;
  last: number;
  state: RunState;
  at: number | null;
  took: number | null;
  runId: string;
  tool: string;
  target: string;
  person: string;
  role: string;
  judged: readonly string[];
  failed: readonly string[];
  why: string;
  problem: string | null;
}

const STATES: readonly string[] = ["PASS", "BLOCK", "PARTIAL", "ROLLED_BACK"] satisfies RunState[];

/**
 * The runs of a ledger in order of their first receipt, read line by line. Says from which run on something changed, so
 * that those who keep a selection of it need to look at that part only.
 */
export class Timeline {
  readonly runs: RunRecord[] = [];
  /** Place of each receipt, ascending, and the run that it belongs to. */
  readonly #sequences: number[] = [];
  readonly #runOf: number[] = [];
  readonly #byRunId = new Map<string, number>();
  readonly #known = new Map<string, string>();
  readonly #lists = new Map<string, readonly string[]>();
  #fingerprint = "";
  #lastHash = "";

  /** Receipts read. */
  get entries(): number {
    return this.#sequences.length;
  }

  /** The newest place, or undefined when nothing was read. */
  get last(): number | undefined {
    return this.#sequences.at(-1);
  }

  /** Of the exact bytes of all lines so far. */
  get fingerprint(): string {
    return this.#fingerprint;
  }

  /** Hash of the newest line. */
  get lastHash(): string {
    return this.#lastHash;
  }

  /** Adds the next line. @returns the first run that is new or another one now */
  add(line: StoredLine): number {
    const sequence = line.sequence ?? 0;
    const gap = this.#gapBefore(sequence);
    const entry = readEntry(line);
    const index = entry === null ? this.#unreadable(sequence) : this.#read(entry);
    this.#lastHash = digestBytes(line.bytes);
    this.#fingerprint = nextFingerprint(this.#fingerprint, this.#lastHash);
    this.#sequences.push(sequence);
    this.#runOf.push(index);
    return Math.min(gap ?? index, index);
  }

  /** Receipts that are known to have been written and are not there. */
  addMissing(from: number, to: number): number {
    const many = from === to ? `Receipt ${String(from)} is missing` : `Receipts ${String(from)} to ${String(to)} are missing`;
    this.runs.push({ ...NOTHING, sequence: from, last: to, state: "MISSING", problem: many });
    return this.runs.length - 1;
  }

  /** Marks the run of a receipt that turned out not to be what the guard wrote. @returns its index, or undefined */
  mark(problem: Problem): number | undefined {
    const index = this.runAt(problem.sequence);
    const run = index === undefined ? undefined : this.runs[index];
    if (run === undefined || run.problem !== null) return undefined;
    run.problem = problem.message;
    run.state = "WRONG";
    return index;
  }

  /** The run that a receipt belongs to. */
  runAt(sequence: number): number | undefined {
    const at = lowerBound(this.#sequences, sequence);
    return this.#sequences[at] === sequence ? this.#runOf[at] : undefined;
  }

  /** The places of a run's receipts. */
  receiptsOf(index: number): readonly number[] {
    const run = this.runs[index];
    if (run === undefined || run.state === "MISSING") return [];
    const from = lowerBound(this.#sequences, run.sequence);
    const to = lowerBound(this.#sequences, run.last + 1);
    return this.#sequences.slice(from, to).filter((_sequence, offset) => this.#runOf[from + offset] === index);
  }

  rowOf(index: number): RunRow | undefined {
    const run = this.runs[index];
    if (run === undefined) return undefined;
    const { runId: run_id, failed: stopped_by, judged: _judged, ...rest } = run;
    return { ...rest, run_id, stopped_by };
  }

  #gapBefore(sequence: number): number | undefined {
    const expected = Math.max(this.last ?? 0, 0) + 1;
    return sequence > expected ? this.addMissing(expected, sequence - 1) : undefined;
  }

  #unreadable(sequence: number): number {
    this.runs.push({ ...NOTHING, sequence, last: sequence, state: "WRONG", problem: `Receipt ${String(sequence)} is not readable` });
    return this.runs.length - 1;
  }

  #read(entry: ReadEntry): number {
    const known = this.#byRunId.get(entry.run_id);
    const run = known === undefined ? undefined : this.runs[known];
    if (known !== undefined && run !== undefined && !entry.isDecision) {
      this.#end(run, entry);
      return known;
    }
    const index = this.runs.push(this.#begin(entry)) - 1;
    this.#byRunId.set(entry.run_id, index);
    return index;
  }

  #begin(entry: ReadEntry): RunRecord {
    const isOpen = entry.isDecision && entry.decision === "PASS";
    return {
      sequence: entry.sequence,
      last: entry.sequence,
      state: isOpen ? "OPEN" : stateOf(entry.decision),
      at: entry.at,
      took: null,
      runId: entry.run_id,
      tool: this.#one(entry.tool),
      target: entry.target,
      person: this.#one(entry.person),
      role: this.#one(entry.role),
      judged: this.#list(entry.judged),
      failed: this.#list(entry.failed),
      why: entry.why,
      problem: null,
    };
  }

  #end(run: RunRecord, entry: ReadEntry): void {
    run.last = entry.sequence;
    if (run.state !== "WRONG") run.state = stateOf(entry.decision);
    if (run.at !== null && entry.at !== null) run.took = Math.max(0, entry.at - run.at);
    run.judged = this.#list([...new Set([...run.judged, ...entry.judged])]);
    run.failed = this.#list(entry.failed);
    run.why = entry.why;
    if (entry.target !== "") run.target = entry.target;
  }

  /** The same few names again and again: each is kept once. */
  #one(text: string): string {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    this.#known.set(text, text);
    return text;
  }

  #list(names: readonly string[]): readonly string[] {
    const key = names.join("\n");
    const known = this.#lists.get(key);
    if (known !== undefined) return known;
    const list = names.map((name) => this.#one(name));
    this.#lists.set(key, list);
    return list;
  }
}

const NOTHING: Omit<RunRecord, "sequence" | "last" | "state"> = {
  at: null, took: null, runId: "", tool: "", target: "", person: "", role: "", judged: [], failed: [], why: "", problem: null,
};

/** A decision that the guard never writes is a problem that the check of the chain names. */
function stateOf(decision: string): RunState {
  return STATES.includes(decision) ? (decision as RunState) : "WRONG";
}

/** Tells two sequences of lines apart by the hashes of their bytes. */
export function nextFingerprint(fingerprint: string, hash: string): string {
  return digestBytes(`${fingerprint}${hash}`);
}

/** The first index whose number is not below `wanted`. */
export function lowerBound(numbers: readonly number[], wanted: number): number {
  let from = 0;
  let to = numbers.length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if ((numbers[middle] ?? 0) < wanted) from = middle + 1;
    else to = middle;
  }
  return from;
}
