import type { Config } from "../config/config.js";
import type { Guard } from "../guard/guard.js";
import type { OpenRun, SettledRun } from "../guard/settle.js";

/** A project with its guard; main.ts opens it. Opening looks at nothing and writes nothing. */
export interface Opened {
  readonly config: Config;
  readonly guard: Guard;
  /** A read-only look at each system that an enabled tool needs. */
  readonly probes: readonly Probe[];
  readonly interrupted: Interrupted;
  readonly close: () => Promise<void>;
}

/** Runs that were allowed and have no outcome. */
export interface Interrupted {
  /** Oldest first; reads the ledger only. */
  list(): Promise<readonly OpenRun[]>;
  /** Looks at the world what became of them, and puts that on record; see settleRuns. */
  settle(): Promise<readonly SettledRun[]>;
}

export interface Probe {
  readonly system: string;
  /** What was found, one clause. @throws when the system cannot be reached */
  look(signal: AbortSignal): Promise<string>;
}
