import { createHash } from "node:crypto";

import { EnactError } from "../../errors.js";
import type { JsonObject } from "../../facts/json.js";
import { BEFORE, CONTENTS, type BackStep, type FileLook, type FileReader, type FileWriter, type Kept, type PutBack } from "../../systems/filesystem.js";
import type { ActionTaken, KeptUndo, Reversal, UndoableRun, UndoDefinition } from "../tool.js";
import { refuseCancelled } from "./input.js";

interface Step {
  readonly back: BackStep;
  /** Of what was kept, as it was judged. */
  readonly kept_sha256: string;
}

/** Undoes what a file tool did: the bytes, permissions, times, links and folders that were there before. */
export const undoFiles: UndoDefinition<FileReader, FileWriter> = {
  async plan(run, reader, { signal }) {
    const kept = await keptOf(run.kept);
    const { changes, notUndone, step, path, root, files, folders, bytes } = await reader.lookBack(asLeft(kept, run), endedWell(run), { signal });
    refuseOtherRoot(run, root);
    const payload = { path, root, act: kept.act, files, folders, bytes, changes: [...changes], not_undone: [...notUndone] };
    return { payload, step: { back: step, kept_sha256: digestOf(kept) }, target: path };
  },

  async execute(step, writer, { signal }, undo) {
    refuseCancelled(signal);
    const { back, kept_sha256: judged } = step as unknown as Step;
    const kept = await keptOf(undo);
    if (digestOf(kept) !== judged) throw new EnactError("STALE_PLAN", "What was kept for undoing is no longer what was judged");
    const hasContents = undo.names.includes(CONTENTS);
    const done = await writer.putBack(back, kept, () => (hasContents ? undo.bytes(CONTENTS) : nothing()));
    return { actions: [actionOf(kept, done)], result: { path: kept.path, ...shown(done) } };
  },
};

/** What was kept names places below the root: below another one, the same names may be somebody else's copies. */
function refuseOtherRoot({ payload }: UndoableRun, root: string): void {
  const before = payload["root"];
  if (typeof before !== "string" || before === root) return;
  throw new EnactError("STALE_PLAN", `The run was below '${before}', and the root is '${root}' now`, {
    hint: "Ask the person: systems.filesystem.root in enact.yaml must lead to where the run was.",
  });
}

/** An action that failed half-way, or whose run was interrupted, has left traces to look for. */
function endedWell({ actions }: UndoableRun): boolean {
  return actions.length > 0 && actions.every(({ success }) => success === true);
}

/** The permissions of a new file are the system's choice, so they are known only from what was done. */
function asLeft(kept: Kept, { actions }: UndoableRun): Kept {
  const mode = actions[0]?.output["mode"];
  if (kept.written === null || kept.written.mode !== null || typeof mode !== "string") return kept;
  return { ...kept, written: { ...kept.written, mode: Number.parseInt(mode, 8) } };
}

async function keptOf(undo: KeptUndo): Promise<Kept> {
  if (!undo.names.includes(BEFORE)) throw notKept();
  const kept = (await undo.json(BEFORE)) as unknown as Kept;
  const contentsAreThere = undo.names.includes(CONTENTS) || !kept.nodes.some(({ seen, sha256 }) => sha256 !== null && seen.size !== "0");
  if (!contentsAreThere) throw notKept();
  if (kept.version === 1) return kept;
  throw new EnactError("UNDO_UNAVAILABLE", "What undoing this needs was kept by another version of this program");
}

function notKept(): EnactError {
  const hint = "Show the person the receipt; a backup or git may have what was there.";
  return new EnactError("UNDO_UNAVAILABLE", "What undoing this needs was not kept, or no longer is", { hint });
}

function digestOf(kept: Kept): string {
  return createHash("sha256").update(JSON.stringify(kept)).digest("hex");
}

async function* nothing(): AsyncIterable<Uint8Array> {
  // A tree without content has none to give.
}

function shown({ files, folders, bytes, removedFiles, removedFolders }: PutBack): JsonObject {
  return { files, folders, bytes, removed_files: removedFiles, removed_folders: removedFolders };
}

function actionOf({ path, act }: Kept, done: PutBack): ActionTaken {
  return { system: "filesystem", action: `undo_${act}`, success: true, output: { path, ...shown(done) } };
}

/** Whether a call could be undone, and what it would have to keep. */
export function reversalOf({ keeping, kind, hardLinks }: FileLook, undoBytes: number, how: string): { readonly keep: boolean; readonly reversal: Reversal } {
  if (undoBytes === 0) return cannot("nothing is kept for undoing here");
  if (keeping.unreadable !== null) return cannot(`'${keeping.unreadable}' cannot be read, so its content cannot be kept`);
  if (keeping.bytes > undoBytes) return cannot(`keeping what would be lost takes ${keeping.bytes} bytes, and one call may keep ${undoBytes} (undo.max_run_mb)`);
  const hasOtherNames = kind === "file" && hardLinks !== null && hardLinks > 1;
  return { keep: true, reversal: { possible: true, how: hasOtherNames ? `${how}; as a file of its own, not as another name of one` : how } };
}

function cannot(how: string): { readonly keep: boolean; readonly reversal: Reversal } {
  return { keep: false, reversal: { possible: false, how } };
}
