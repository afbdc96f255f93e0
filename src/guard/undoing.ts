import { EnactError } from "../errors.js";
import type { Json, JsonObject } from "../facts/json.js";
import type { UndoStore } from "../receipts/undo-store.js";
import { pieceOf } from "../receipts/undo-store.js";
import type { ActionTaken, GuardedTool, KeptUndo, Plan, Reversal, UndoKeeper } from "../tools/tool.js";

/** The guarded tool that undoes a run. */
export const ROLLBACK = "enact_rollback";

/**
 * Whether enact_rollback could undo this call, said before it runs. Undefined for tools that only read.
 *
 * The tool says what it knows of this very call; the guard corrects what it could not keep.
 */
export function reversalOf(tool: GuardedTool, plan: Pick<Plan<JsonObject, Json>, "reversal">, store: UndoStore | undefined): Reversal | undefined {
  if (tool.annotations.readOnlyHint) return undefined;
  const said = plan.reversal;
  if (said === null) return undefined;
  if (said?.possible === false) return said;
  if (tool.undo === undefined) return { possible: false, how: `there is no undoing of ${tool.name}` };
  if (store === undefined) return { possible: false, how: "undoing is switched off (undo.enabled in enact.yaml)" };
  return said ?? { possible: true, how: tool.reversible === false ? "as far as it was kept" : tool.reversible };
}

/** The actions with what is true of their undoing: `reversible` means that enact_rollback can undo them. */
export function withReversible(actions: readonly ActionTaken[], payload: JsonObject): readonly ActionTaken[] {
  const reversal = payload["reversal"] as { readonly possible?: unknown } | undefined;
  if (reversal === undefined) return actions;
  const isPossible = reversal.possible === true;
  return actions.map((action) => {
    if (action.success === false && action.reversible === undefined) return action;
    return { ...action, reversible: isPossible && action.reversible !== false };
  });
}

/** A run that keeps nothing cannot be undone. */
const nothingKept: UndoKeeper = {
  room: 0,
  put: () => Promise.reject(new EnactError("UNDO_UNAVAILABLE", "Nothing is kept for undoing here")),
};

/** What a run keeps for its undoing goes into the store, under its id and no other. */
export function keeperFor(store: UndoStore | undefined, runId: string): UndoKeeper {
  if (store === undefined) return nothingKept;
  let used = 0;
  return {
    get room() {
      return Math.max(0, store.maxRunBytes - used);
    },
    async put(name, content) {
      const isBytes = content instanceof Uint8Array || isStream(content);
      const { bytes } = await store.put(runId, name, isBytes ? content : pieceOf(content));
      used += bytes;
    },
  };
}

function isStream(content: Json | Uint8Array | AsyncIterable<Uint8Array>): content is AsyncIterable<Uint8Array> {
  return typeof content === "object" && content !== null && Symbol.asyncIterator in content;
}

/** What a run kept, for the tool that undoes it. */
export async function keptBy(store: UndoStore, runId: string): Promise<KeptUndo> {
  const pieces = await store.pieces(runId);
  return {
    names: pieces.map(({ name }) => name),
    bytes: (name) => store.read(runId, name),
    async json(name) {
      const parts: Uint8Array[] = [];
      for await (const part of store.read(runId, name)) parts.push(part);
      return JSON.parse(Buffer.concat(parts).toString("utf8")) as Json;
    },
  };
}
