import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { EnactError } from "../../errors.js";
import { changesBetween } from "./history.js";
import { messageFile, runHook } from "./hooks.js";
import { moveHeld } from "./held-ref.js";
import { onIndex } from "./index-lock.js";
import { mergedTree, workTreeOf } from "./merge-look.js";
import { moveFiles } from "./move-files.js";
import { refOf, tipOf } from "./refs.js";
import { actingEnv, openRepository, placeOf } from "./repository.js";
import type { Home } from "./repository.js";
import { run } from "./run.js";
import { withScratch } from "./scratch.js";
import type { Scratch } from "./scratch.js";
import { isTrue, lastOf, readSettings } from "./settings.js";
import { complaint } from "./words.js";

/** Plain JSON. */
export interface MergeStep {
  readonly repo: string;
  readonly git_dir: string;
  readonly base: string;
  readonly head: string;
  readonly base_sha: string;
  readonly head_sha: string;
  readonly update: "merge" | "fast_forward" | "up_to_date";
  readonly tree: string;
}

export interface Merged {
  /** The new tip of base. */
  readonly sha: string;
}

/**
 * Makes the merge that was judged, and moves base only from the tip that was seen. A work tree that has base checked out
 * follows; if any of its files is in the way, nothing happens at all.
 *
 * @throws EnactError STALE_PLAN, REFUSED, ACTION_FAILED: base has not moved
 */
export async function merge(home: Home, step: MergeStep): Promise<Merged> {
  const repository = await openRepository(home, step.repo);
  if (repository.gitDir !== step.git_dir) throw new EnactError("STALE_PLAN", "The repository is no longer the one that was judged");
  if ((await tipOf(repository, step.base)) !== step.base_sha) throw new EnactError("STALE_PLAN", `'${step.base}' has moved on since it was judged`);
  if (step.update === "up_to_date") return { sha: step.base_sha };
  return withScratch(repository, async (scratch) => {
    const sha = step.update === "fast_forward" ? step.head_sha : await mergeCommit(scratch, step);
    const files = await changesBetween(scratch, step.base_sha, step.tree);
    const tree = await workTreeOf(repository, step.base, files);
    const reason = `merge ${step.head}: ${step.update === "merge" ? "Merge made by the guard" : "Fast-forward"}`;
    const place = tree?.path ?? placeOf(repository);
    await moveHeld(repository, { place, ref: refOf(step.base), from: step.base_sha, to: sha, reason }, async () => {
      if (tree !== null) await moveFiles(repository, tree.path, { from: step.base_sha, to: sha, files });
    });
    if (tree !== null) await runHook({ ...repository, top: tree.path }, "post-merge", { args: ["0"] }).catch(() => undefined);
    return { sha };
  });
}

async function mergeCommit(scratch: Scratch, step: MergeStep): Promise<string> {
  const { repository } = scratch;
  const settings = await readSettings(repository);
  const tips = { base: step.base, head: step.head, baseSha: step.base_sha, headSha: step.head_sha };
  const tree = await mergedTree(scratch, settings, tips, repository.objects);
  if (tree !== step.tree) throw new EnactError("STALE_PLAN", "The merge no longer gives what was judged");
  const message = await messageOf(scratch, step);
  const signs = isTrue(lastOf(settings, "commit.gpgsign")) ? ["-S"] : [];
  const args = ["-c", "i18n.commitEncoding=UTF-8", "commit-tree", ...signs, "-p", step.base_sha, "-p", step.head_sha, "-F", "-", tree];
  const ran = await run({ args, cwd: placeOf(repository), env: actingEnv(repository), input: Buffer.from(message), milliseconds: 120_000 });
  const sha = ran.stdout.toString("latin1").trim();
  if (ran.code !== 0 || sha === "") throw new EnactError("ACTION_FAILED", `The merge commit cannot be made: ${complaint(ran.stderr)}`);
  return sha;
}

/** The hooks of a merge see its index and its message; they may refuse, and may change the message. */
async function messageOf(scratch: Scratch, step: MergeStep): Promise<string> {
  const { repository, folder } = scratch;
  const index = join(folder, "merge-index");
  const read = await onIndex(repository, index, ["read-tree", step.tree]);
  if (read.code !== 0) throw new EnactError("ACTION_FAILED", `The merge cannot be read: ${complaint(read.stderr)}`);
  await runHook(repository, "pre-merge-commit", { variables: { GIT_INDEX_FILE: index } });
  const again = await onIndex(repository, index, ["write-tree"]);
  if (again.stdout.toString("latin1").trim() !== step.tree) {
    throw new EnactError("ACTION_FAILED", "The repository's pre-merge-commit hook changed the merge, and nobody has judged that");
  }
  const file = await messageFile(scratch, `Merge branch '${step.head}' into ${step.base}\n`);
  await runHook(repository, "prepare-commit-msg", { args: [file, "merge"] });
  await runHook(repository, "commit-msg", { args: [file] });
  return readFile(file, "utf8");
}
