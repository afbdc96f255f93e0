import { z } from "zod";

import { EnactError } from "../errors.js";
import { gdriveDeletePayload, type GdriveDeletePayload } from "../facts/gdrive.js";
import { unknown } from "../facts/unknown.js";
import {
  isGdriveId,
  type GdriveFile,
  type GdrivePermission,
  type GdriveReader,
  type GdriveTree,
  type GdriveWriter,
  type RemovalOutcome,
} from "../systems/gdrive.js";
import { GONE, IN_TRASH, undoGdriveDelete } from "./gdrive/undo.js";
import { settleGdriveDelete } from "./settling/gdrive.js";
import { defineTool, type ActionTaken } from "./tool.js";

/** Names that Drive takes in place of an id, for whole drives. */
const ALIASES = new Set(["root", "appdatafolder", "photos", "drive"]);
const MAX_SHOWN = 100;

const input = z.strictObject({
  file_id: z.string().describe("The id of a file or folder, not its address or name"),
  permanently: z.boolean().default(false).describe("Past the trash, for good"),
});

type Input = z.infer<typeof input>;

type Step = {
  file_id: string;
  permanently: boolean;
  version: string;
  in_trash: boolean;
  /** Digest of what lies below; null for a file, and where it could not be counted. */
  tree: string | null;
};

/** Puts one file or folder into the trash, or deletes it for good when that was asked and judged. */
export const gdriveDeleteTool = defineTool<Input, GdriveDeletePayload, Step, GdriveReader, GdriveWriter>({
  name: "gdrive_delete",
  title: "Delete from Google Drive",
  description:
    "Moves a file or folder of Google Drive to the trash, or deletes it for good with permanently. First finds out its " +
    "name, owners, with whom it is shared and what lies below it.",
  system: "gdrive",
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: true },
  input,
  payload: gdriveDeletePayload,
  reversible: "it is taken out of the trash, where Drive keeps it for 30 days; deleted permanently it is gone",
  undo: undoGdriveDelete,
  access: [
    "The scope `https://www.googleapis.com/auth/drive`: Google has none for deleting alone.",
    "So the limit is what is shared: a service account of its own, as an editor of only those folders that the agent may touch. No domain-wide delegation.",
    "Deleting permanently needs the owner's right, or an organiser's in a shared drive: leave it out, and nothing can go past the trash.",
  ],
  settle: settleGdriveDelete,

  async plan({ file_id, permanently }, reader, { signal }) {
    const file = await reader.file(checkedId(file_id), signal);
    refuseImpossible(file, permanently);
    const [permissions, tree] = await Promise.all([permissionsOf(reader, file.id, signal), treeOf(reader, file, permanently, signal)]);
    const payload = facts(file, permanently, permissions, tree);
    const step: Step = {
      file_id: file.id,
      permanently,
      version: file.version,
      in_trash: file.isTrashed,
      tree: tree instanceof EnactError || tree === null ? null : tree.digest,
    };
    const where = permanently ? "for good" : "to the trash";
    return { payload, step, target: `${file.isFolder ? "folder" : "file"} '${file.name}' ${where}`, subjects: [`gdrive:${file.id}`], reversal: permanently ? GONE : IN_TRASH };
  },

  async execute(step, writer, { signal }) {
    await checkUnchanged(step, writer);
    if (signal.aborted) throw new EnactError("CANCELLED", "The call was cancelled before anything was deleted");
    const outcome = step.permanently ? await writer.delete(step.file_id) : await writer.trash(step.file_id);
    const done = outcome.state === "removed";
    return { actions: [action(step, outcome)], result: done ? { file_id: step.file_id, permanently: step.permanently } : null };
  },
});

function checkedId(id: string): string {
  const hint = "The id is the part of the address behind /d/ or /folders/.";
  if (!isGdriveId(id)) throw new EnactError("INVALID_INPUT", "file_id is not the id of a file", { hint });
  if (ALIASES.has(id.toLowerCase())) throw new EnactError("REFUSED", `'${id}' stands for a whole drive, not for a file`);
  return id;
}

/** Drive would refuse as well; here it is said with the reason, and before anybody is asked to approve it. */
function refuseImpossible(file: GdriveFile, permanently: boolean): void {
  if (file.id === file.driveId) throw new EnactError("REFUSED", "This is a whole shared drive, not a file in it");
  if (!permanently && file.isTrashed) throw new EnactError("REFUSED", `'${file.name}' is in the trash already`);
  const can = permanently ? file.canDelete : file.canTrash;
  if (can !== false) return;
  const what = permanently ? "delete it for good" : "move it to the trash";
  throw new EnactError("REFUSED", `The account may not ${what}: '${file.name}' belongs to somebody else`);
}

async function permissionsOf(reader: GdriveReader, id: string, signal: AbortSignal): Promise<readonly GdrivePermission[] | EnactError> {
  try {
    return (await reader.permissions(id, signal)) ?? new EnactError("SYSTEM_UNAVAILABLE", "Drive does not show the account with whom this is shared");
  } catch (error) {
    return orThrow(error);
  }
}

/** Null for a file, below which nothing lies. */
async function treeOf(reader: GdriveReader, file: GdriveFile, permanently: boolean, signal: AbortSignal): Promise<GdriveTree | EnactError | null> {
  if (!file.isFolder) return null;
  try {
    return await reader.tree(file.id, permanently, signal);
  } catch (error) {
    return orThrow(error);
  }
}

/** What cannot be found out is an unknown fact; anything else ends planning. */
function orThrow(error: unknown): EnactError {
  if (error instanceof EnactError && error.code === "SYSTEM_UNAVAILABLE") return error;
  throw error;
}

function facts(
  file: GdriveFile,
  permanently: boolean,
  permissions: readonly GdrivePermission[] | EnactError,
  tree: GdriveTree | EnactError | null,
): GdriveDeletePayload {
  const shares = permissions instanceof EnactError ? unknown(permissions.message) : permissions;
  const below = tree instanceof EnactError ? unknown(tree.message) : tree;
  return {
    action: "delete",
    path: `gdrive://${file.id}`,
    file_id: file.id,
    permanently,
    name: file.name,
    mime_type: file.mimeType,
    is_folder: file.isFolder,
    size: file.size ?? null,
    version: file.version,
    owners: [...file.owners],
    drive_id: file.driveId ?? null,
    in_trash: file.isTrashed,
    shared: file.isShared ?? unknown("Drive did not say whether this is shared"),
    shared_with: "$unknown" in shares ? shares : shares.slice(0, MAX_SHOWN).map((share) => ({ ...share })),
    shared_with_count: "$unknown" in shares ? shares : shares.length,
    shared_with_anyone: "$unknown" in shares ? shares : shares.some(({ type }) => type === "anyone"),
    children: below === null ? 0 : "$unknown" in below ? below : below.children,
    descendants: below === null ? 0 : "$unknown" in below ? below : below.descendants,
    reversible: !permanently,
  };
}

/** Drive's API v3 knows no condition on a version: a fresh look immediately before has to do. */
async function checkUnchanged(step: Step, writer: GdriveWriter): Promise<void> {
  const now = await writer.look(step.file_id);
  const isSame = now.version === step.version && now.isTrashed === step.in_trash;
  const isSameBelow = step.tree === null || (await writer.tree(step.file_id, step.permanently)).digest === step.tree;
  if (isSame && isSameBelow) return;
  const what = isSame ? "what lies below the folder changed" : "it was changed, shared or moved";
  throw new EnactError("STALE_PLAN", `No longer as judged: ${what} since`, { hint: "Look again: call the tool once more." });
}

function action(step: Step, outcome: RemovalOutcome): ActionTaken {
  const done = outcome.state === "removed";
  const base = { system: "gdrive", action: step.permanently ? "delete" : "trash", reversible: done && !step.permanently } as const;
  const output = { file_id: step.file_id, version: step.version, precondition: "fresh_look" };
  if (outcome.state === "removed") return { ...base, success: true, output: step.permanently ? output : { ...output, version_in_trash: outcome.version } };
  const { code, message } = outcome.failure;
  if (outcome.state === "failed") {
    return { ...base, success: false, output, error: { code: "ACTION_FAILED", message: `Not deleted. ${message} (${code})` } };
  }
  const words = `${message} (${code}). It may have been deleted: look into Drive before trying again`;
  return { ...base, success: "unknown", output, error: { code: "OUTCOME_UNKNOWN", message: words } };
}
