import { z } from "zod";

import { gitCommitPayload } from "../facts/git.js";
import type { GitCommitPayload } from "../facts/git.js";
import { protectedBranches, suspiciousCharacters } from "../facts/git-names.js";
import { findSecrets } from "../facts/secrets.js";
import { shownPath } from "../systems/git.js";
import type { ChangedFile, CommitPlanLook, CommitStep, Committed, GitReader, GitWriter, MeasuredCommit } from "../systems/git.js";
import { secretFacts } from "./git/facts.js";
import { repo } from "./git/inputs.js";
import { stepRepository } from "./git/push-actions.js";
import { undoCommit } from "./git/undo-local.js";
import { settleCommit } from "./settling/git.js";
import type { ActionTaken, Execution, Reversal } from "./tool.js";
import { defineTool } from "./tool.js";

const text = (most: number) =>
  z
    .string()
    .min(1)
    .max(most)
    .refine((value) => value.isWellFormed() && !value.includes("\0"), "text cannot hold NUL or half a character");

const input = z.strictObject({
  repo,
  message: text(100_000).describe("The message: what changed and why."),
  paths: z
    .array(text(4096))
    .min(1)
    .max(1000)
    .describe("Files or folders to commit, as they are now: new, changed and deleted ones. Literal, no wildcards. Nothing else is committed."),
});
type Input = z.output<typeof input>;

interface Step {
  readonly commit: CommitStep;
  /** The facts as planned: a commit that a filter or hook changes is judged again with what it became laid over them. */
  readonly payload: GitCommitPayload;
}

/** How many files a receipt shows; the count is of all of them. */
const MOST_SHOWN = 1000;

export const gitCommitTool = defineTool<Input, GitCommitPayload, Step, GitReader, GitWriter>({
  name: "git_commit",
  title: "Commit files",
  description:
    "Commits the given files or folders on the branch that is checked out, as `git commit -- <paths>` does; new files need not be added first. " +
    "Finds out first which files would change and whether keys or passwords are among the added lines. The repository's hooks run. " +
    "Other staged files stay staged.",
  system: "git",
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false },
  input,
  payload: gitCommitPayload,
  reversible: "a new commit takes it back; the files stay as they are",
  async plan(call, reader, { signal }) {
    const look = await reader.commit({ repo: call.repo, signal }, { message: call.message, paths: call.paths }, findSecrets);
    const payload = payloadOf(look);
    const { message, branch, parent, tree } = look;
    const commit: CommitStep = { ...stepRepository(look), paths: call.paths, message, branch, parent, tree };
    const files = look.files.length === 1 ? "1 file" : `${look.files.length} files`;
    return { payload, step: { commit, payload }, target: `${files} on ${branch ?? "a detached HEAD"}`, reversal: reversalOf(branch) };
  },
  settle: settleCommit,
  undo: undoCommit,
  async execute(step, writer, control) {
    let measured: MeasuredCommit | null = null;
    const made = await writer.commit(step.commit, {
      find: findSecrets,
      judge: (commit) => {
        measured = commit;
        return control.judge({ ...step.payload, ...factsOf(commit) });
      },
    });
    if (made === null) return rolledBack();
    const execution = executionOf(step.commit, made);
    return measured === null ? execution : { ...execution, measured: factsOf(measured) };
  },
});

function reversalOf(branch: string | null): Reversal {
  if (branch === null) return { possible: false, how: "it is made on no branch (detached HEAD)" };
  return { possible: true, how: "a new commit takes it back; the files stay as they are" };
}

function payloadOf(look: CommitPlanLook & { readonly repo: string }): GitCommitPayload {
  return {
    repo: look.repo,
    branch: look.branch,
    parent: look.parent,
    author: look.author,
    ...factsOf(look),
    protected_branches: protectedBranches(look.branch ?? "", look.defaults),
    suspicious_characters: suspiciousCharacters(look.branch ?? ""),
    filters: [...look.filters],
  };
}

type Measured = Pick<GitCommitPayload, "tree" | "message" | "files" | "file_count" | "secrets">;

function factsOf(commit: MeasuredCommit): Measured {
  const files = commit.files.map((file) => ({ path: shownPath(file.path), status: statusOf(file) }));
  return {
    tree: commit.tree,
    message: masked(commit.message),
    files: files.toSorted((a, b) => (a.path < b.path ? -1 : 1)).slice(0, MOST_SHOWN),
    file_count: files.length,
    secrets: secretFacts(commit.secrets),
  };
}

function statusOf(file: ChangedFile): "added" | "changed" | "deleted" {
  if (file.status === "A") return "added";
  return file.status === "D" ? "deleted" : "changed";
}

/** The message without what looks like a key: a receipt is no place for it. */
function masked(message: string): string {
  let shown = "";
  let end = 0;
  for (const span of findSecrets(message)) {
    shown += `${message.slice(end, span.start)}[${span.kind}]`;
    end = span.end;
  }
  return shown + message.slice(end);
}

function executionOf(step: CommitStep, made: Committed): Execution {
  const { sha, tree } = made;
  const file_count = made.files.length;
  const output = { sha, tree, branch: step.branch, parent: step.parent, file_count, git_dir: step.git_dir };
  const action: ActionTaken = { system: "git", action: "commit", success: true, output, reversible: step.branch !== null };
  return { actions: [action], result: { sha, branch: step.branch, tree, file_count } };
}

function rolledBack(): Execution {
  const action: ActionTaken = { system: "guard", action: "rolled_back", success: true, output: { committed: false } };
  return { actions: [action], result: null };
}
