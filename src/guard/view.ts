import type { History, HistoryQuery, PastRun } from "../facts/context.js";
import type { Json, JsonObject } from "../facts/json.js";
import { setMember } from "../facts/json.js";
import type { Unknown } from "../facts/unknown.js";
import { isUnknown } from "../facts/unknown.js";

/**
 * What a policy did while it judged. A policy cannot hide a read of an unknown fact in a try/catch: the read is noted
 * here before it throws.
 */
export class Witness {
  #unknownReads: string[] = [];

  /** Begins anew for the next policy. */
  forget(): void {
    this.#unknownReads = [];
  }

  noteUnknown(path: string, why: string): void {
    this.#unknownReads.push(`${path} is unknown: ${why}`);
  }

  /** The first unknown fact that was read, in words; undefined when all were known. */
  get unknownRead(): string | undefined {
    return this.#unknownReads[0];
  }
}

/**
 * A frozen copy of the payload in which reading an unknown fact throws.
 *
 * The copy matters: a policy that is handed the plan itself could, if anything were left unfrozen, change what is done.
 */
export function payloadView(payload: JsonObject, witness: Witness): Record<string, unknown> {
  return viewOfObject(payload, "", witness);
}

function viewOf(value: Json, path: string, witness: Witness): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return viewOfArray(value, path, witness);
  return viewOfObject(value as JsonObject, path, witness);
}

function viewOfArray(list: readonly Json[], path: string, witness: Witness): unknown {
  const view: unknown[] = [];
  for (const [index, child] of list.entries()) {
    const at = `${path}[${index}]`;
    if (isUnknown(child)) hide(view, String(index), child, at, witness);
    else view[index] = viewOf(child, at, witness);
  }
  return Object.freeze(view);
}

function viewOfObject(object: JsonObject, path: string, witness: Witness): Record<string, unknown> {
  const view: Record<string, unknown> = {};
  for (const key of Object.keys(object)) {
    const child = object[key] as Json;
    const at = path === "" ? key : `${path}.${key}`;
    if (isUnknown(child)) hide(view, key, child, at, witness);
    else setMember(view, key, viewOf(child, at, witness));
  }
  return Object.freeze(view);
}

/** Puts in the place of an unknown fact what notes that it was read, and throws. */
function hide(view: object, key: string, { $unknown: why }: Unknown, path: string, witness: Witness): void {
  const get = (): never => {
    witness.noteUnknown(path, why);
    throw new TypeError(`${path} is unknown: ${why}`);
  };
  Object.defineProperty(view, key, { get, enumerable: true });
}

/** The ledger's history as a policy sees it: what cannot be read is an unknown fact. */
export function historyView(history: History, witness: Witness): History {
  const reading = <Value>(read: () => Value): Value => {
    try {
      return read();
    } catch (error) {
      witness.noteUnknown("history", "the ledger cannot be read");
      throw error;
    }
  };
  return Object.freeze({
    runs: (query: HistoryQuery): readonly PastRun[] => reading(() => history.runs(query)),
    count: (query: HistoryQuery): number => reading(() => history.count(query)),
  });
}
