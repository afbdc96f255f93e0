import { createHash } from "node:crypto";
import { basename } from "node:path";

import { EnactError } from "../../errors.js";
import type { AttachmentFacts } from "../../facts/email.js";
import type { FileReader, ReadStep } from "../../systems/filesystem.js";
import { describeFile } from "../file/describe.js";

/** Together. Most servers take no more than 25 MB, and base64 adds a third. */
export const MOST_ATTACHMENT_BYTES = 10 * 1024 * 1024;

/** An attachment as it will be read again: the same file with the same content, or nothing is sent. */
export type AttachmentStep = { readonly filename: string; readonly read: ReadStep; readonly sha256: string };

export interface Attachment {
  readonly facts: AttachmentFacts;
  readonly step: AttachmentStep;
  readonly content: Buffer;
}

/**
 * Reads attachments under the rules of file_read.
 *
 * @throws EnactError REFUSED without file tools or when they are too large together; as FileReader.look
 */
export async function lookAtAttachments(files: FileReader | null, paths: readonly string[], signal: AbortSignal): Promise<readonly Attachment[]> {
  if (paths.length === 0) return [];
  if (files === null) {
    const hint = "Put the content into the text, or ask the person to configure systems.filesystem.";
    throw new EnactError("REFUSED", "Attachments are files below systems.filesystem.root, and no file system is configured", { hint });
  }
  const found: Attachment[] = [];
  let room = MOST_ATTACHMENT_BYTES;
  for (const path of paths) {
    const { facts, step } = await describeFile(files, path, signal);
    const { bytes, truncated } = await files.read(step, room);
    if (truncated) throw new EnactError("REFUSED", `The attachments are larger than ${MOST_ATTACHMENT_BYTES / 1024 / 1024} MiB together ('${facts.path}' does not fit)`);
    room -= bytes.length;
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    found.push({ facts: { ...facts, sha256 }, step: { filename: basename(facts.path), read: step, sha256 }, content: bytes });
  }
  return found;
}

/**
 * Reads the attachments that were judged.
 *
 * @throws EnactError STALE_PLAN when one is another file now or has another content
 */
export async function readAttachments(files: FileReader | null, steps: readonly AttachmentStep[]): Promise<{ filename: string; content: Buffer }[]> {
  const contents: { filename: string; content: Buffer }[] = [];
  for (const { filename, read, sha256 } of steps) {
    if (files === null) throw new EnactError("INTERNAL", "The plan has attachments and there is no file system");
    const { bytes } = await files.read(read, MOST_ATTACHMENT_BYTES);
    if (createHash("sha256").update(bytes).digest("hex") !== sha256) {
      throw new EnactError("STALE_PLAN", `The attachment '${filename}' is no longer as it was judged`, { hint: "Look again: call the tool once more." });
    }
    contents.push({ filename, content: bytes });
  }
  return contents;
}
