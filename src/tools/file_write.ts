import { createHash } from "node:crypto";
import { z } from "zod";

import { EnactError } from "../errors.js";
import { fileWritePayload, type FileWritePayload } from "../facts/file.js";
import type { FileReader, FileWriter, WriteStep } from "../systems/filesystem.js";
import { factsOf, known } from "./file/describe.js";
import { pathInput, refuseCancelled } from "./file/input.js";
import { reversalOf, undoFiles } from "./file/undo.js";
import { settleWrite } from "./settling/file.js";
import { defineTool } from "./tool.js";

const input = z.strictObject({
  path: pathInput,
  content: z.string().describe("The whole new content, written as UTF-8. Missing folders are made"),
});

/** `keep`: whether what is replaced is kept for undoing, as the plan has said. */
type KeptStep = WriteStep & { readonly keep: boolean };

/** Writes a whole file; replaces only the content that was judged. */
export const fileWriteTool = defineTool<z.infer<typeof input>, FileWritePayload, KeptStep, FileReader, FileWriter>({
  name: "file_write",
  title: "Write a file",
  description:
    "Writes a whole file below the root: makes it, or replaces exactly the content that was there when the call was judged. " +
    "Refuses what lies outside, read-only and special files, the guard's own files, git's store and settings of agent clients.",
  system: "filesystem",
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
  input,
  payload: fileWritePayload,
  reversible: "a new file is deleted again, an old one gets its content, permissions and time back; not extended attributes",
  settle: settleWrite,
  undo: undoFiles,

  async plan({ path, content }, reader, { signal, undoBytes }) {
    const bytes = checkedContent(content, reader.maxWriteBytes);
    const look = await reader.look(path, "write", { signal });
    const previous = known(look.previousSha256);
    const payload = {
      ...factsOf(look),
      exists: look.kind !== "missing",
      content_size: bytes.length,
      content_sha256: createHash("sha256").update(bytes).digest("hex"),
      previous_sha256: previous,
      creates_folders: [...look.createsFolders],
      owner_changes: look.ownerChanges,
    };
    const how = payload.exists ? "it gets its old content back, unless it was changed again by then" : "it is deleted again, unless it was changed by then";
    const { keep, reversal } = reversalOf(look, undoBytes, how);
    const step = { place: look.step, content, previous_sha256: typeof previous === "string" ? previous : null, keep };
    return { payload, step, reversal, target: `${look.path} (${bytes.length} bytes${payload.exists ? "" : ", new"})` };
  },

  async execute(step, writer, { signal, undo }) {
    refuseCancelled(signal);
    const { place } = step;
    const { size, sha256, mode, otherLinks } = await writer.write(step, step.keep ? undo : null);
    const facts = { path: place.path, size, sha256, created: place.target === null };
    const output = { ...facts, mode: mode.toString(8).padStart(4, "0"), previous_sha256: step.previous_sha256, hard_links_left_as_they_were: otherLinks };
    return { actions: [{ system: "filesystem", action: "file_write", success: true, output }], result: facts };
  },
});

function checkedContent(content: string, limit: number): Buffer {
  if (!content.isWellFormed()) {
    throw new EnactError("INVALID_INPUT", "The content holds half a character (a lone surrogate) and cannot be written as UTF-8");
  }
  const bytes = Buffer.from(content);
  if (bytes.length <= limit) return bytes;
  const hint = "Write it in several files.";
  throw new EnactError("INVALID_INPUT", `The content has ${bytes.length} bytes, and one write takes at most ${limit}`, { hint });
}
