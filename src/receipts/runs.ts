import type { Problem } from "./check.js";
import type { Entry } from "./receipt.js";

/** A run that was allowed and has no outcome: being done right now, or interrupted. */
export interface InterruptedRun {
  readonly run_id: string;
  readonly sequence: number;
  readonly workflow: string;
  readonly timestamp: string;
}

/** What an outcome must have in common with its decision: it is the same plan, of the same person. */
const SHARED = ["workflow", "user_email", "actor_role", "plan_digest", "config_digest"] as const;
type Shared = Pick<Entry, (typeof SHARED)[number]>;

/** Follows runs from decision to outcome. Only someone who holds the key can make these go wrong. */
export class RunOrder {
  readonly #states = new Map<string, "blocked" | "open" | "closed">();
  readonly #open = new Map<string, InterruptedRun & Shared>();

  add(entry: Entry): Problem | null {
    return entry.phase === "decision" ? this.#decide(entry) : this.#end(entry);
  }

  interrupted(): readonly InterruptedRun[] {
    return [...this.#open.values()].map(({ run_id, sequence, workflow, timestamp }) => ({ run_id, sequence, workflow, timestamp }));
  }

  #decide(entry: Entry): Problem | null {
    const { run_id, sequence, workflow, timestamp, user_email, actor_role, plan_digest, config_digest } = entry;
    if (this.#states.has(run_id)) return forged(entry, "decides a run that was decided before");
    const isOpen = entry.decision === "PASS";
    this.#states.set(run_id, isOpen ? "open" : "blocked");
    if (isOpen) this.#open.set(run_id, { run_id, sequence, workflow, timestamp, user_email, actor_role, plan_digest, config_digest });
    return null;
  }

  #end(entry: Entry): Problem | null {
    const { run_id } = entry;
    const state = this.#states.get(run_id);
    if (state === undefined) return forged(entry, "is the outcome of a run that was never decided");
    if (state === "blocked") return forged(entry, "is the outcome of a run that was blocked");
    if (state === "closed") return forged(entry, "is a second outcome of its run");
    const decision = this.#open.get(run_id);
    const other = SHARED.find((name) => decision?.[name] !== entry[name]);
    if (other !== undefined) return forged(entry, `is the outcome of another plan than was decided (${other} differs)`);
    this.#states.set(run_id, "closed");
    this.#open.delete(run_id);
    return null;
  }
}

function forged({ sequence, run_id }: Entry, what: string): Problem {
  const message = `Receipt ${String(sequence)} ${what}; the guard never writes such a receipt, so someone else used its key`;
  return { kind: "forged", sequence, run_id, message };
}
