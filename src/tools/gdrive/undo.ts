import { z } from "zod";

import { EnactError } from "../../errors.js";
import type { Json } from "../../facts/json.js";
import type { GdriveFile, GdriveReader, GdriveWriter, RemovalOutcome } from "../../systems/gdrive.js";
import { isGdriveId } from "../../systems/gdrive.js";
import type { ActionTaken, Reversal, UndoDefinition, UndoableRun } from "../tool.js";

export const IN_TRASH: Reversal = { possible: true, how: "the file is taken out of the trash, as long as Drive keeps it there (30 days)" };
export const GONE: Reversal = { possible: false, how: "what is deleted for good cannot be brought back" };

const trashed = z.object({ file_id: z.string().refine(isGdriveId), version_in_trash: z.string().nullable().default(null) });

interface Step {
  readonly file_id: string;
  readonly version: string;
}

/** Takes a file out of the trash that a run put there, if nobody has changed it in the meantime. */
export const undoGdriveDelete: UndoDefinition<GdriveReader, GdriveWriter> = {
  async plan(run, reader, { signal }) {
    const { file_id, version_in_trash: left } = trashedBy(run);
    const file = await reader.file(file_id, signal).catch((error: unknown) => {
      if (!(error instanceof EnactError) || error.code !== "NOT_FOUND") throw error;
      throw new EnactError("STALE_PLAN", "The file is not in the trash any more: it was deleted for good, or the account may not see it");
    });
    refuseChanged(file, left);
    const changes = [`${file.isFolder ? "the folder" : "the file"} '${file.name}' is taken out of the trash${file.isFolder ? ", with what lies in it" : ""}`];
    const step: Step = { file_id, version: file.version };
    const payload = { file_id, name: file.name, changes, not_undone: [] };
    return { payload, step: step as unknown as Json, target: `'${file.name}' out of the trash`, subjects: [`gdrive:${file_id}`] };
  },
  async execute(step, writer, { signal }) {
    const { file_id, version } = step as unknown as Step;
    refuseChanged(await writer.look(file_id), version);
    if (signal.aborted) throw new EnactError("CANCELLED", "The call was cancelled before anything was undone");
    const outcome = await writer.untrash(file_id);
    return { actions: [action(file_id, outcome)], result: outcome.state === "removed" ? { file_id } : null };
  },
};

function trashedBy(run: UndoableRun): z.infer<typeof trashed> {
  const taken = run.actions.find(({ system, action: name, success }) => system === "gdrive" && name === "trash" && success === true);
  const read = trashed.safeParse(taken?.output);
  if (read.success) return read.data;
  throw new EnactError("REFUSED", "This run put nothing into the trash that is known for certain", { hint: "Ask the person to look into Drive." });
}

/** Drive counts a file's version up with every change, so that another one means that somebody has touched it since. */
function refuseChanged(file: GdriveFile, version: string | null): void {
  if (!file.isTrashed) throw new EnactError("STALE_PLAN", `'${file.name}' is not in the trash: somebody has taken it out already`);
  if (version === null || file.version === version) return;
  throw new EnactError("STALE_PLAN", `'${file.name}' was changed, moved or trashed again since the run`, { hint: "Ask the person to look into the trash of Drive." });
}

function action(file_id: string, outcome: RemovalOutcome): ActionTaken {
  const base = { system: "gdrive", action: "untrash", output: { file_id, precondition: "fresh_look" }, reversible: false } as const;
  if (outcome.state === "removed") return { ...base, success: true };
  const { code, message } = outcome.failure;
  if (outcome.state === "failed") return { ...base, success: false, error: { code: "ACTION_FAILED", message: `Not taken out of the trash. ${message} (${code})` } };
  return { ...base, success: "unknown", error: { code: "OUTCOME_UNKNOWN", message: `${message} (${code}). It may be out of the trash: look into Drive` } };
}
