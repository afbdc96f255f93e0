import { z } from "zod";

import { EnactError } from "../../errors.js";
import type { ActionTaken, KeptUndo, UndoKeeper, UndoableRun } from "../tool.js";
import type { PackKeeper } from "../../systems/git.js";

const sha = z.string().regex(/^[0-9a-f]{40,64}$/);

/** What the facts of a git run say of where it happened. */
export const placeFacts = z.object({ repo: z.string() });

/** A ref that a run moved, as its outcome says. */
export const movedRef = z.object({ ref: z.string().startsWith("refs/heads/"), old_sha: sha.nullable(), new_sha: sha.nullable() });

/** What a run of git kept besides packs. */
export const keptSettings = z.object({ settings: z.array(z.tuple([z.string(), z.string()])) });

/**
 * Reads a part of a receipt.
 * @throws EnactError REFUSED: what was redacted, or written by another version, cannot be undone
 */
export function readOf<Value>(schema: z.ZodType<Value>, value: unknown): Value {
  const read = schema.safeParse(value);
  if (read.success) return read.data;
  throw new EnactError("REFUSED", "The receipt of this run does not say enough to undo it", { hint: "Ask the person to undo it by hand." });
}

/** Where the packs of a run go; none when nothing can be kept. */
export function packKeeper(undo: UndoKeeper): PackKeeper {
  return {
    room: undo.room,
    keep: (name, pack) => undo.put(name, pack),
    keepSettings: (settings) => (undo.room === 0 ? Promise.resolve() : undo.put("branch", { settings })),
  };
}

/** The actions of a run that changed something, or may have. */
export function changingActions({ actions }: UndoableRun, names: readonly string[]): readonly ActionTaken[] {
  const found = actions.filter(({ system, action, success, output }) => {
    if (system !== "git" || !names.includes(action) || success === false) return false;
    return success === "unknown" || output["changed"] !== false;
  });
  if (found.length === 0) throw new EnactError("REFUSED", "This run changed nothing, so there is nothing to undo");
  return found;
}

/** The facts name the repository from the configured one, and another clone holds the same commits. */
export function refuseOtherRepository({ actions }: UndoableRun, gitDir: string): void {
  const before = actions.map(({ output }) => output["git_dir"]).find((found) => typeof found === "string");
  if (before === undefined || before === gitDir) return;
  throw new EnactError("STALE_PLAN", `The run was in the repository at ${before}, and this one is at ${gitDir}`, {
    hint: "Ask the person: systems.git.repo in enact.yaml must lead to where the run was.",
  });
}

export function short(value: string | null): string {
  return value === null ? "gone" : `at ${value.slice(0, 12)}`;
}

/** The commit must be here, or have been kept. */
export function canBringBack(commit: string, here: ReadonlySet<string>, kept: KeptUndo, pack: string): boolean {
  return here.has(commit) || kept.names.includes(pack);
}

export function commitsAreGone(commit: string): EnactError {
  return new EnactError("REFUSED", `The commit ${commit.slice(0, 12)} is not in this repository, and was not kept`, {
    hint: "Ask the person whether another clone still has it.",
  });
}

export function movedOn(branch: string, place: string, now: string | null, left: string | null): EnactError {
  const where = place === "" ? "" : ` of ${place}`;
  return new EnactError("STALE_PLAN", `'${branch}'${where} is now ${short(now)}; the run left it ${short(left)}. Undoing would lose what came after`, {
    hint: "Ask the person: someone has changed the branch since.",
  });
}
