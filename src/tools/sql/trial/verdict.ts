import type { Bench, Choice, Question } from "../../../systems/postgres/choice.js";
import type { Row } from "./rows.js";
import { tableOf } from "./tables.js";
import type { MadeTable } from "./tables.js";
import { other, TARGET } from "./world.js";

/** A condition that is ready to be tried. */
export interface Trial {
  readonly target: MadeTable;
  /** Tables that it reads besides. */
  readonly others: readonly MadeTable[];
  /** It reads the target once more. */
  readonly readsItself: boolean;
  readonly given: Question;
  /** What follows the made-up tables in a WITH; the second where PostgreSQL refuses the first for all rows. */
  readonly queries: readonly string[];
}

/** How many of the made-up rows a condition took and spared. */
interface Count {
  readonly hit: number;
  readonly spared: number;
}

/** Which rows the other tables have: a condition on them may hold for all rows where they are full. */
type Others = "all" | "half" | "first" | "last";
const OTHERS: readonly Others[] = ["half", "all", "first", "last"];

/** Questions that a trial may ask. */
const MOST_QUESTIONS = 100;
/** For all of them, in milliseconds: a condition may call what takes its time. */
const MOST_TIME = 8000;
/** Small tables, each of every so many-th row. */
const SMALL_TABLES = 19;
/** A table of fewer rows does not show what a condition on the whole table would spare. */
const ENOUGH = 8;

/**
 * spares: among the same other tables, it took some rows and spared others; or it took none at all, so that what it took
 * in truth was chosen. always_true: whatever the other tables hold, it took all rows or none of them, as `1 = 1` and
 * `EXISTS (SELECT 1 FROM flags)` do.
 */
export async function verdictOf(trial: Trial, bench: Bench): Promise<Choice> {
  const deadline = performance.now() + MOST_TIME;
  for (const query of trial.queries) {
    const tries = new Tries(trial, query, bench, deadline);
    const choice = await choiceOf(trial, tries);
    if (choice !== "unproven" || tries.largest > 0) return choice;
  }
  return "unproven";
}

async function choiceOf(trial: Trial, tries: Tries): Promise<Choice> {
  const worlds = trial.others.length === 0 ? OTHERS.slice(0, 1) : OTHERS;
  let sum: Count = { hit: 0, spared: 0 };
  for (const others of worlds) {
    const counts = await tries.count(trial.target.rows, others);
    if (choosesAmong(counts, trial.readsItself)) return "spares";
    sum = total([sum, ...counts]);
  }
  if (sum.hit === 0) return sum.spared > 0 && !trial.target.isPartly ? "spares" : "unproven";
  if (await sparesNulls(trial, tries)) return "spares";
  if (trial.readsItself && (await sparesInSmallTables(trial, tries))) return "spares";
  if (!tries.mayAsk) return "unproven";
  return tries.largest >= Math.min(ENOUGH, trial.target.rows.length) || !trial.readsItself ? "always_true" : "unproven";
}

/** NULLs only count where the condition asks for them: nobody writes `name = name` to find the rows that have a name. */
async function sparesNulls({ target, readsItself }: Trial, tries: Tries): Promise<boolean> {
  if (target.withNulls.length === 0) return false;
  const counts = await tries.count([...target.rows.slice(0, 40), ...target.withNulls], "half");
  return choosesAmong(counts, readsItself) || total(counts).hit === 0;
}

/** Among many rows each has its like: what a condition on the table's other rows spares shows where there are few. */
async function sparesInSmallTables({ target: { rows } }: Trial, tries: Tries): Promise<boolean> {
  for (let table = 0; table < SMALL_TABLES; table += 1) {
    const few = rows.filter((_, index) => index % SMALL_TABLES === table);
    for (const others of ["half", "all"] as const) if (choosesAmong(await tries.count(few, others), true)) return true;
  }
  return false;
}

/** In a table of one row, any row may be the greatest: parts of a table only count as one where it does not read itself. */
function choosesAmong(counts: readonly Count[], readsItself: boolean): boolean {
  const together = readsItself ? counts : [total(counts)];
  return together.some(({ hit, spared }) => hit > 0 && spared > 0);
}

function total(counts: readonly Count[]): Count {
  return counts.reduce((sum, { hit, spared }) => ({ hit: sum.hit + hit, spared: sum.spared + spared }), { hit: 0, spared: 0 });
}

/** Puts the question, and in parts where a row makes it fail: a text that is no number, a division by zero. */
class Tries {
  /** Rows of the largest part that could be tried. */
  largest = 0;
  readonly #trial: Trial;
  readonly #query: string;
  readonly #bench: Bench;
  readonly #deadline: number;
  #questions = 0;

  constructor(trial: Trial, query: string, bench: Bench, deadline: number) {
    this.#trial = trial;
    this.#query = query;
    this.#bench = bench;
    this.#deadline = deadline;
  }

  async count(rows: readonly Row[], others: Others): Promise<readonly Count[]> {
    const counts: Count[] = [];
    const queue: (readonly Row[])[] = [rows];
    for (let part = queue.shift(); part !== undefined && this.mayAsk; part = queue.shift()) {
      const count = await this.#ask(part, others);
      if (count !== undefined) {
        counts.push(count);
        this.largest = Math.max(this.largest, part.length);
        if (count.hit > 0 && count.spared > 0) return counts;
      } else if (part.length > 1) queue.push(...halves(part));
    }
    return counts;
  }

  /** False when there were too many questions, or they took too long. */
  get mayAsk(): boolean {
    return this.#questions < MOST_QUESTIONS && performance.now() < this.#deadline;
  }

  async #ask(rows: readonly Row[], others: Others): Promise<Count | undefined> {
    const { target, given } = this.#trial;
    this.#questions += 1;
    const made = [`${TARGET} AS (${tableOf(target, rows)})`, ...this.#trial.others.map((table, index) => `${other(index)} AS (${tableOf(table, these(table.rows, others))})`)];
    const answer = await this.#bench.ask(`WITH RECURSIVE ${made.join(", ")}${this.#query}`, given);
    const [hit, all] = answer?.[0] ?? [];
    return answer === undefined ? undefined : { hit: Number(hit), spared: Number(all) - Number(hit) };
  }
}

/** What fails together stands together: rows whose texts look alike. */
function halves(rows: readonly Row[]): readonly (readonly Row[])[] {
  const sorted = rows.toSorted((a, b) => (looks(a) < looks(b) ? -1 : looks(a) > looks(b) ? 1 : 0));
  const middle = Math.ceil(sorted.length / 2);
  return [sorted.slice(0, middle), sorted.slice(middle)];
}

function looks(row: Row): string {
  return row.map((value) => (value ?? "").replaceAll(/\d+/g, "0").replaceAll(/\p{L}+/gu, "z").slice(0, 12)).join("|");
}

function these(rows: readonly Row[], others: Others): readonly Row[] {
  if (others === "all") return rows;
  if (others === "half") return rows.filter((_, index) => index % 2 === 0);
  return rows.slice(...(others === "first" ? [0, 1] : [-1]));
}
