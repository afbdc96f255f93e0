import type { Services } from "./services.js";
import type { World } from "./world.js";

/** One thing an agent tries, and what must come of it. */
export interface Scene {
  /** What really happened once, for a scene that is blocked; undefined for its legitimate twin. */
  readonly incident?: string;
  readonly title: string;
  readonly tool: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly expected: "blocked" | "done";
  /** What must have blocked it. */
  readonly policy?: string;
  /** Played only where this could be started. */
  readonly needs?: keyof Services;
  /** Changes the world before the call. */
  readonly before?: (world: World) => Promise<void>;
  /** Looks at the real system afterwards, past the guard: what it found, and whether that is as it must be. */
  readonly look?: (world: World, stage: Stage) => Promise<Effect>;
}

export interface Effect {
  readonly found: string;
  readonly asItMustBe: boolean;
}

/** What scenes may ask of the guard itself. */
export interface Stage {
  /** Rows of a query that goes through the guard: the embedded database serves only one process. */
  rows(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
}

/** A dummy that is shaped like a key and opens nothing; put together here so that no scanner takes it for one. */
export const DUMMY_KEY = ["ghp", "_", "x7Qm2Lr9Tz4Vb8Nc1Kd6", "Wf3Hs5Jp0YgAeRuB"].join("");

