import type { Services } from "./services.js";
import type { World } from "./world.js";

/** One thing an agent tries, and what must come of it. */
export interface Scene {
  /** What really happened once, for a scene that is blocked; undefined for its legitimate twin. */
  readonly incident?: string;
  readonly title: string;
  readonly tool: string;
  /** Where they depend on what came of earlier scenes, a function of that. */
  readonly arguments: Readonly<Record<string, unknown>> | ((past: Past) => Readonly<Record<string, unknown>>);
  readonly expected: "blocked" | "done";
  /** What must have blocked it. */
  readonly policy?: string;
  /** Played only where this could be started. */
  readonly needs?: keyof Services;
  /** What the scene shows, in place of "and its legitimate twin". */
  readonly shows?: string;
  /** Changes the world before the call. */
  readonly before?: (world: World) => Promise<void>;
  /** What a person does before the call, and tells. */
  readonly person?: (past: Past) => Promise<string>;
  /** Looks at the real system afterwards, past the guard: what it found, and whether that is as it must be. */
  readonly look?: (world: World, stage: Stage) => Promise<Effect>;
}

export interface Effect {
  readonly found: string;
  readonly asItMustBe: boolean;
}

/** What came of earlier scenes, by their titles. */
export interface Past {
  runOf(title: string): string;
  /** The guard's request to people that a blocked call has led to. */
  requestOf(title: string): string;
  /** Approves it with a key, as `enact-guard approve` does at a terminal. */
  approve(request: string): Promise<void>;
}

/** What scenes may ask of the guard itself. */
export interface Stage {
  /** Rows of a query that goes through the guard: the embedded database serves only one process. */
  rows(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
}

/** A dummy that is shaped like a key and opens nothing; put together here so that no scanner takes it for one. */
export const DUMMY_KEY = ["ghp", "_", "x7Qm2Lr9Tz4Vb8Nc1Kd6", "Wf3Hs5Jp0YgAeRuB"].join("");

