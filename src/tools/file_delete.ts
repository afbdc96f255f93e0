import { z } from "zod";

import { fileDeletePayload, type FileDeletePayload } from "../facts/file.js";
import type { FileLook, FileReader, FileWriter, Removed, RemoveStep } from "../systems/filesystem.js";
import { factsOf, known } from "./file/describe.js";
import { pathInput, refuseCancelled } from "./file/input.js";
import { reversalOf, undoFiles } from "./file/undo.js";
import { settleDelete } from "./settling/file.js";
import { defineTool, type ActionTaken } from "./tool.js";

const input = z.strictObject({
  path: pathInput,
  recursive: z.boolean().default(false).describe("Needed for a folder that is not empty"),
});

/** Paths of a folder's entries that the receipt shows; the digest stands for all of them. */
const SHOWN_ENTRIES = 20;

/**
 * `keep`: whether what is removed is kept for undoing, as the plan has said. `paths`: everything below a folder, for a person
 * who has to approve it; what is removed is bound by the digest.
 */
type KeptStep = RemoveStep & { readonly keep: boolean; readonly paths: readonly string[] };

/** Deletes a file, a link or a folder: exactly the entries that were judged. */
export const fileDeleteTool = defineTool<z.infer<typeof input>, FileDeletePayload, KeptStep, FileReader, FileWriter>({
  name: "file_delete",
  title: "Delete a file or folder",
  description:
    "Deletes a file, a link (never what it leads to) or a folder below the root: exactly what was there when the call was " +
    "judged. First finds out where the path really leads and what lies below it. Refuses the root, what lies outside, other " +
    "file systems, and folders that hold a repository, the guard's own files or settings of agent clients.",
  system: "filesystem",
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: false },
  input,
  payload: fileDeletePayload,
  reversible: "what was deleted is put back: contents, permissions, times, links and folders; not extended attributes",
  settle: settleDelete,
  undo: undoFiles,

  async plan({ path, recursive }, reader, { signal, undoBytes }) {
    const look = await reader.look(path, "delete", { recursive, signal });
    const payload = {
      ...factsOf(look),
      recursive,
      file_count: look.files,
      folder_count: look.folders,
      bytes: look.bytes,
      untracked_count: known(look.untrackedCount),
      link_target: look.linkTarget === null ? null : { target: look.linkTarget.target, real_path: look.linkTarget.realPath },
      entries: look.tree === null ? [] : look.tree.paths.slice(0, SHOWN_ENTRIES),
      entries_sha256: look.tree?.digest ?? null,
    };
    const { keep, reversal } = reversalOf(look, undoBytes, "it is put back as it was, unless something else is in its place by then");
    const step = { place: look.step, tree_digest: payload.entries_sha256, entries: look.tree?.paths.length ?? 0, keep, paths: look.tree?.paths ?? [] };
    return { payload, step, target: targetOf(look), reversal };
  },

  async execute(step, writer, { signal, undo }) {
    refuseCancelled(signal);
    const removed = await writer.remove(step, step.keep ? undo : null);
    const { files, folders, bytes, left } = removed;
    return { actions: [actionOf(step, removed)], result: { path: step.place.path, files, folders, bytes, left } };
  },
});

function targetOf({ kind, path, files, linkTarget }: FileLook): string {
  if (kind === "symlink") return `${path} (the link to ${linkTarget?.target ?? "nothing"})`;
  if (kind !== "directory") return path;
  return files === 0 ? `${path}/ (no files in it)` : `${files} ${files === 1 ? "file" : "files"} below ${path}/`;
}

function actionOf({ place }: RemoveStep, { files, folders, bytes, left, error, leftAt }: Removed): ActionTaken {
  const action = { system: "filesystem", action: "file_delete" };
  const done = { path: place.path, files, folders, bytes };
  if (error === null) return { ...action, success: true, output: done };
  const where = leftAt === null ? "What is left is in its place" : `What is left lies beside its place as '${leftAt}'`;
  const message = `Deleting '${place.path}' stopped half-way: ${error}. ${files} files are gone, ${left} entries are left. ${where}.`;
  // Something is gone for certain, so this is no "nothing was done".
  return { ...action, success: false, output: { ...done, left, left_at: leftAt }, error: { code: "ACTION_FAILED", message } };
}
