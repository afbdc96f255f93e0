import { z } from "zod";

import { EnactError } from "../../errors.js";
import type { Json } from "../../facts/json.js";
import type { CreateStep, GitReader, GitWriter, MoveBackStep, RevertStep } from "../../systems/git.js";
import type { UndoDefinition } from "../tool.js";
import { stepRepository } from "./push-actions.js";
import { canBringBack, changingActions, commitsAreGone, keptSettings, movedOn, movedRef, placeFacts, readOf, refuseOtherRepository, short } from "./undo.js";
import { planOf } from "./undo-push.js";

const branchFacts = placeFacts.extend({ branch: z.string() });
const deleted = z.object({ old_sha: z.string().regex(/^[0-9a-f]{40,64}$/) });

/** Makes a deleted local branch again, with the settings that it had. */
export const undoLocalDelete: UndoDefinition<GitReader, GitWriter> = {
  async plan(run, reader, { signal }) {
    const { repo, branch } = readOf(branchFacts, run.payload);
    const [tip] =
      run.actions.length === 0
        ? [readOf(z.object({ tip: deleted.shape.old_sha }), run.payload).tip]
        : changingActions(run, ["delete_branch"]).map((action) => readOf(deleted, action.output).old_sha);
    if (tip === undefined) throw new EnactError("REFUSED", "This run deleted nothing");
    const look = await reader.localTip({ repo, signal }, branch, [tip]);
    refuseOtherRepository(run, look.gitDir);
    if (look.tip === tip) throw new EnactError("REFUSED", `'${branch}' is there again already, ${short(tip)}`);
    if (look.tip !== null) throw movedOn(branch, "", look.tip, null);
    if (!canBringBack(tip, look.here, run.kept, "pack-0")) throw commitsAreGone(tip);
    const { settings } = run.kept.names.includes("branch") ? readOf(keptSettings, await run.kept.json("branch")) : { settings: [] };
    const create: CreateStep = { ...stepRepository(look), branch, tip, settings };
    const step = { create, pack: look.here.has(tip) ? null : "pack-0" };
    return planOf(run, { repo, branch, changes: [`'${branch}' is made again ${short(tip)}`] }, step as unknown as Json, branch);
  },
  async execute(step, writer, _control, kept) {
    const { create, pack } = step as unknown as { readonly create: CreateStep; readonly pack: string | null };
    if (pack !== null) await writer.bringBack(create, kept.bytes(pack));
    await writer.createLocal(create);
    const output = { ref: `refs/heads/${create.branch}`, old_sha: null, new_sha: create.tip };
    return { actions: [{ system: "git", action: "create_branch", success: true, output, reversible: false }], result: { branch: create.branch, tip: create.tip } };
  },
};

/** Moves the base of a merge back, if it still is where the merge left it. */
export const undoMerge: UndoDefinition<GitReader, GitWriter> = {
  async plan(run, reader, { signal }) {
    const { repo, base } = readOf(placeFacts.extend({ base: z.string() }), run.payload);
    const [moved] = changingActions(run, ["merge"]).map((action) => readOf(movedRef, action.output));
    const [from, to] = [moved?.new_sha ?? null, moved?.old_sha ?? null];
    if (from === null || to === null || from === to) throw new EnactError("REFUSED", "This run merged nothing, so there is nothing to undo");
    const { tip, ...named } = await reader.localTip({ repo, signal }, base, [to]);
    refuseOtherRepository(run, named.gitDir);
    if (tip === to) throw new EnactError("REFUSED", `'${base}' already is as it was before the merge`);
    if (tip !== from) throw movedOn(base, "", tip, from);
    const look = await reader.moveBack({ repo, signal }, base, from, to);
    const follows = look.checkedOut ? `, and ${look.files.length} files of the work tree with it` : "";
    const step: MoveBackStep = { ...stepRepository(named), branch: base, from, to };
    const changes = [`'${base}' is moved back from ${from.slice(0, 12)} to ${to.slice(0, 12)}${follows}`];
    return planOf(run, { repo, branch: base, changes }, step as unknown as Json, base);
  },
  async execute(step, writer) {
    const move = step as unknown as MoveBackStep;
    await writer.moveBack(move);
    const output = { ref: `refs/heads/${move.branch}`, old_sha: move.from, new_sha: move.to };
    return { actions: [{ system: "git", action: "move_back", success: true, output, reversible: false }], result: { branch: move.branch, sha: move.to } };
  },
};

const committed = z.object({ sha: z.string().regex(/^[0-9a-f]{40,64}$/), branch: z.string().nullable() });

/** Takes a commit back by a commit on top. The files stay as they are, as they did when the commit was made. */
export const undoCommit: UndoDefinition<GitReader, GitWriter> = {
  async plan(run, reader, { signal }) {
    const { repo } = readOf(placeFacts, run.payload);
    const [made] = changingActions(run, ["commit"]).map((action) => readOf(committed, action.output));
    if (made === undefined || made.branch === null) {
      throw new EnactError("REFUSED", "The commit was made on no branch (detached HEAD)", { hint: "Ask the person to check out what they want to have." });
    }
    const { sha, branch } = made;
    const look = await reader.revert({ repo, signal }, branch, sha);
    refuseOtherRepository(run, look.gitDir);
    if (look.files.length === 0) throw new EnactError("REFUSED", `Nothing of ${sha.slice(0, 12)} is left in '${branch}': it was taken back already`);
    const message = `Revert "${look.subject}"\n\nThis reverts commit ${sha}.\n`;
    const step: RevertStep = { ...stepRepository(look), branch, sha, tip: look.tip, tree: look.tree, message };
    const files = look.files.length === 1 ? "1 file" : `${look.files.length} files`;
    const changes = [`a new commit on '${branch}' takes ${sha.slice(0, 12)} back (${files}); the files of the work tree stay as they are`];
    return planOf(run, { repo, branch, changes }, step as unknown as Json, `${sha.slice(0, 12)} on ${branch}`);
  },
  async execute(step, writer) {
    const revert = step as unknown as RevertStep;
    const sha = await writer.revert(revert);
    const output = { ref: `refs/heads/${revert.branch}`, old_sha: revert.tip, new_sha: sha, reverted: revert.sha };
    return { actions: [{ system: "git", action: "revert", success: true, output, reversible: false }], result: { branch: revert.branch, sha } };
  },
};

/** A branch that was deleted at a remote, or here. */
export function undoDelete(remotely: UndoDefinition<GitReader, GitWriter>): UndoDefinition<GitReader, GitWriter> {
  return {
    plan: (run, reader, call) => (typeof run.payload["remote"] === "string" ? remotely : undoLocalDelete).plan(run, reader, call),
    execute: (step, writer, control, kept) => ("push" in (step as object) ? remotely : undoLocalDelete).execute(step, writer, control, kept),
  };
}
