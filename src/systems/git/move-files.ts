import { lstat } from "node:fs/promises";

import { EnactError } from "../../errors.js";
import { refuseBusy } from "./commit-look.js";
import type { ChangedFile } from "./history.js";
import { gitDirOf } from "./refs.js";
import { actingEnv } from "./repository.js";
import type { Repository } from "./repository.js";
import { run } from "./run.js";
import type { Ran } from "./run.js";
import { complaint, plainWords, shownBytes } from "./words.js";

export interface Move {
  readonly from: string;
  readonly to: string;
  readonly files: readonly ChangedFile[];
}

/** Brings index and files of a work tree from one commit to another; git refuses if a changed file is in the way. */
export async function moveFiles(repository: Repository, path: string, move: Move): Promise<void> {
  const here: Repository = { ...repository, top: path, gitDir: await gitDirOf(repository, path) };
  await refuseBusy(here);
  await refuseUntracked(here, path, move.files);
  const git = (args: readonly string[]): Promise<Ran> => run({ args, cwd: path, env: actingEnv(here), milliseconds: 300_000 });
  await git(["update-index", "-q", "--refresh"]);
  const tried = await git(["read-tree", "-m", "-u", "-n", "--no-recurse-submodules", move.from, move.to]);
  if (tried.code !== 0) throw inTheWay(tried);
  const ran = await git(["read-tree", "-m", "-u", "--no-recurse-submodules", move.from, move.to]);
  if (ran.code !== 0) throw inTheWay(ran);
}

function inTheWay(ran: Ran): EnactError {
  return new EnactError("REFUSED", `Nothing was merged: files of the work tree are in the way (${complaint(ran.stderr)})`, {
    hint: "Commit the changed files first, or ask the person to put them aside.",
  });
}

/** git lets a merge overwrite ignored files. What is not in git cannot be brought back, so here they are in the way too. */
async function refuseUntracked(repository: Repository, top: string, files: readonly ChangedFile[]): Promise<void> {
  const added = files.filter((file) => file.status === "A");
  for (const file of added) {
    const there = await lstat(Buffer.concat([Buffer.from(`${top}/`), Buffer.from(file.path, "latin1")])).catch(() => null);
    if (there === null || there.isDirectory()) continue;
    const path = Buffer.from(file.path, "latin1").toString("utf8");
    const known = await isKnown(repository, top, path);
    if (known) continue;
    throw new EnactError("REFUSED", `Nothing was merged: '${plainWords(shownBytes(file.path), 200)}' is not in git and would be overwritten`, {
      hint: "Move it away or commit it first.",
    });
  }
}

async function isKnown(repository: Repository, top: string, path: string): Promise<boolean> {
  const env = { ...actingEnv(repository), GIT_LITERAL_PATHSPECS: "1" };
  const ran = await run({ args: ["ls-files", "-z", "--", path], cwd: top, env });
  return ran.code === 0 && ran.stdout.length > 0;
}
