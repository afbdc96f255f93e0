import { z } from "zod";

import type { Json } from "../facts/json.js";
import { fileReadPayload, type FileReadPayload } from "../facts/file.js";
import type { FileContent, FileReader, FileWriter, ReadStep } from "../systems/filesystem.js";
import { describeFile } from "./file/describe.js";
import { pathInput, refuseCancelled } from "./file/input.js";
import { defineTool } from "./tool.js";

const input = z.strictObject({ path: pathInput });

/** Reads the file that was judged, up to the configured number of bytes. */
export const fileReadTool = defineTool<z.infer<typeof input>, FileReadPayload, ReadStep, FileReader, FileWriter>({
  name: "file_read",
  title: "Read a file",
  description:
    "Reads a file below the root: text as it is, anything else as base64; long files are cut and marked so. First finds out " +
    "where the path really leads. Refuses what lies outside, special files, the guard's own files and git's store.",
  system: "filesystem",
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  input,
  payload: fileReadPayload,
  reversible: "nothing is changed; what was read has been read",

  async plan({ path }, reader, { signal }) {
    const { facts, step } = await describeFile(reader, path, signal);
    return { payload: facts, step, target: facts.path };
  },

  async execute(step, writer, { signal }) {
    refuseCancelled(signal);
    const content = await writer.read(step);
    const { size, sha256, truncated } = content;
    const output = { path: step.place.path, size, sha256, truncated, bytes_read: content.bytes.length };
    return {
      actions: [{ system: "filesystem", action: "file_read", success: true, output }],
      result: { path: step.place.path, ...textOf(content), size, sha256, truncated },
      untrusted: true,
    };
  },
});

/** Text stays text, to the byte (a byte order mark included); anything that is no UTF-8 is told apart and encoded. */
function textOf({ bytes, truncated }: FileContent): { content: Json; encoding: "utf-8" | "base64" } {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  try {
    // A cut in the middle of a character is no sign of binary data: `stream` leaves its beginning out.
    return { content: decoder.decode(bytes, { stream: truncated }), encoding: "utf-8" };
  } catch {
    return { content: bytes.toString("base64"), encoding: "base64" };
  }
}
