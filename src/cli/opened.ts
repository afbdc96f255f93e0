import type { Config } from "../config/config.js";
import type { Guard } from "../guard/guard.js";

/** A project with its guard; main.ts opens it. Opening looks at nothing and writes nothing. */
export interface Opened {
  readonly config: Config;
  readonly guard: Guard;
  /** A read-only look at each system that an enabled tool needs. */
  readonly probes: readonly Probe[];
  readonly close: () => Promise<void>;
}

export interface Probe {
  readonly system: string;
  /** What was found, one clause. @throws when the system cannot be reached */
  look(signal: AbortSignal): Promise<string>;
}
