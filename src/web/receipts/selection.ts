import { EnactError } from "../../errors.js";
import type { RunRecord, Timeline } from "./timeline.js";
import { lowerBound } from "./timeline.js";
import type { RunFilter, RunState } from "./wire.js";

const STATES: ReadonlySet<string> = new Set(["PASS", "BLOCK", "PARTIAL", "ROLLED_BACK", "OPEN", "WRONG", "MISSING"] satisfies RunState[]);
const MAX_TEXT = 200;
/** Selections that are kept: one for each filter that some open page shows. */
const KEPT = 16;

/** Reads a filter from a query. @throws EnactError INVALID_INPUT */
export function filterFrom(query: (name: string) => string | undefined): RunFilter {
  const states = (query("state") ?? "").split(",").filter((state) => state !== "");
  const strange = states.find((state) => !STATES.has(state));
  if (strange !== undefined) throw new EnactError("INVALID_INPUT", "There is no such decision to filter by");
  const text = (query("q") ?? "").trim();
  if (text.length > MAX_TEXT) throw new EnactError("INVALID_INPUT", `A search has ${String(MAX_TEXT)} characters at most`);
  return {
    states: [...new Set(states)].toSorted() as RunState[],
    tool: query("tool") ?? "",
    policy: query("policy") ?? "",
    person: query("person") ?? "",
    from: instant(query("from")),
    to: instant(query("to")),
    text,
  };
}

function instant(text: string | undefined): number | null {
  if (text === undefined || text === "") return null;
  const time = Number(text);
  if (!Number.isFinite(time)) throw new EnactError("INVALID_INPUT", "A time is a number of milliseconds");
  return time;
}

function matches(run: RunRecord, { states, tool, policy, person, from, to }: RunFilter): boolean {
  if (states.length > 0 && !states.includes(run.state)) return false;
  if (tool !== "" && run.tool !== tool) return false;
  if (person !== "" && run.person !== person) return false;
  if (policy !== "" && !run.failed.includes(policy)) return false;
  if (from === null && to === null) return true;
  return run.at !== null && run.at >= (from ?? Number.NEGATIVE_INFINITY) && run.at <= (to ?? Number.POSITIVE_INFINITY);
}

/** The runs that match a filter, ascending; brought up to date from the place where the timeline changed. */
export class Selection {
  readonly #timeline: Timeline;
  readonly #filter: RunFilter;
  readonly #hasText: (run: number) => boolean;
  readonly #indexes: number[] = [];
  #covered = 0;

  constructor(timeline: Timeline, filter: RunFilter, hasText: (run: number) => boolean) {
    this.#timeline = timeline;
    this.#filter = filter;
    this.#hasText = hasText;
  }

  /** Forgets what it knew of this run and those behind it. */
  changed(run: number): void {
    if (run >= this.#covered) return;
    this.#indexes.length = lowerBound(this.#indexes, run);
    this.#covered = run;
  }

  indexes(): readonly number[] {
    const { runs } = this.#timeline;
    for (; this.#covered < runs.length; this.#covered += 1) {
      const run = runs[this.#covered];
      if (run !== undefined && matches(run, this.#filter) && this.#hasText(this.#covered)) this.#indexes.push(this.#covered);
    }
    return this.#indexes;
  }

  /** The first of the selection that lies at this run or behind it. */
  firstFrom(run: number): number {
    return lowerBound(this.indexes(), run);
  }
}

/** The most recently used of something, by name. */
export class Recent<Value> {
  readonly #values = new Map<string, Value>();

  get(name: string, make: () => Value): Value {
    const value = this.#values.get(name) ?? make();
    this.#values.delete(name);
    this.#values.set(name, value);
    const [oldest] = this.#values.keys();
    if (this.#values.size > KEPT && oldest !== undefined) this.#values.delete(oldest);
    return value;
  }

  values(): Iterable<Value> {
    return this.#values.values();
  }
}
