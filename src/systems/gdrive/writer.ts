import type { drive_v3 } from "@googleapis/drive";

import { EnactError } from "../../errors.js";
import type { GdriveLoader, How } from "./client.js";
import { gdriveFailure, type GdriveFailure } from "./failure.js";
import type { GdriveFile, GdriveReader, GdriveTree } from "./reader.js";

export type RemovalOutcome =
  | { readonly state: "removed"; /** Of the file in the trash, if Drive said so. */ readonly version: string | null }
  | { readonly state: "failed" | "unknown"; readonly failure: GdriveFailure };

/** Trashes and deletes. */
export class GdriveWriter {
  readonly #loader: GdriveLoader;
  readonly #reader: GdriveReader;

  constructor(loader: GdriveLoader, reader: GdriveReader) {
    this.#loader = loader;
    this.#reader = reader;
  }

  /** A fresh look, for comparing with what was judged. @throws EnactError STALE_PLAN when it is gone, SYSTEM_UNAVAILABLE */
  async look(id: string): Promise<GdriveFile> {
    try {
      return await this.#reader.file(id);
    } catch (error) {
      if (!(error instanceof EnactError) || error.code !== "NOT_FOUND") throw error;
      throw new EnactError("STALE_PLAN", "The file is gone, or the account may not see it any more");
    }
  }

  /** @throws EnactError SYSTEM_UNAVAILABLE */
  async tree(folderId: string, withTrashed: boolean): Promise<GdriveTree> {
    return this.#reader.tree(folderId, withTrashed);
  }

  /** Moves to the trash, tried once. Drive empties the trash after 30 days. */
  async trash(fileId: string): Promise<RemovalOutcome> {
    const which = { fileId, supportsAllDrives: true, requestBody: { trashed: true }, fields: "id,trashed,version" };
    return this.#remove(
      (drive, how) => drive.files.update(which, how),
      (answer) => answer.trashed === true,
    );
  }

  /** Takes out of the trash, tried once; what lies below a folder comes with it. */
  async untrash(fileId: string): Promise<RemovalOutcome> {
    const which = { fileId, supportsAllDrives: true, requestBody: { trashed: false }, fields: "id,trashed,version" };
    return this.#remove(
      (drive, how) => drive.files.update(which, how),
      (answer) => answer.trashed === false,
    );
  }

  /** Deletes for good, past the trash, tried once. */
  async delete(fileId: string): Promise<RemovalOutcome> {
    return this.#remove(
      (drive, how) => drive.files.delete({ fileId, supportsAllDrives: true }, how),
      // 204 has no contents; a page in place of the answer has some.
      (answer: unknown) => answer === undefined || answer === null || answer === "",
    );
  }

  async #remove<Answer>(
    send: (drive: drive_v3.Drive, how: How) => Promise<{ data: Answer }>,
    isDone: (answer: Answer) => boolean,
  ): Promise<RemovalOutcome> {
    try {
      const answer = await this.#loader.request(send);
      if (!isDone(answer)) return { state: "unknown", failure: STRANGE };
      const { version } = (answer ?? {}) as { version?: unknown };
      return { state: "removed", version: typeof version === "string" ? version : null };
    } catch (error) {
      const failure = gdriveFailure(error);
      return { state: failure.mayHaveHappened ? "unknown" : "failed", failure };
    }
  }
}

const STRANGE: GdriveFailure = {
  code: "no_drive_answer",
  message: "The answer did not come from Drive: a proxy, or a wrong root_url",
  mayHaveHappened: true,
  kind: "SYSTEM_UNAVAILABLE",
  status: undefined,
};
