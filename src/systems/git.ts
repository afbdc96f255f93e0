import type { SecretFinder } from "./git/added.js";
import { cleanEnvironment } from "./git/environment.js";
import { lookAtPush } from "./git/push-look.js";
import type { PushLook, PushQuestion } from "./git/push-look.js";
import { push } from "./git/push.js";
import type { PushOutcome, PushStep } from "./git/push.js";
import { openRepository } from "./git/repository.js";
import type { Home } from "./git/repository.js";

export type { AddedSecret, SecretFinder } from "./git/added.js";
export type { DestinationLook, LostCommit, NotKnown, PushLook, PushQuestion, Update } from "./git/push-look.js";
export type { PushOutcome, PushStep } from "./git/push.js";

export interface GitOptions {
  /** Absolute: the folder of enact.yaml. */
  readonly project: string;
  /** Absolute: the configured repository. */
  readonly repo: string;
  /** Names of remotes that may be used. */
  readonly remotes: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute paths, beyond those that are always protected, that a merge must not change in a work tree. */
  readonly protect?: readonly string[];
}

/** The repository that a call names, as a plan shows and remembers it. */
export interface Named {
  /** Relative to the configured repository. */
  readonly repo: string;
  readonly gitDir: string;
}

/** Looks. Runs no hook and no program of the repository, and changes nothing: no ref, index, lock, object or time stamp. */
export interface GitReader {
  push(question: PushQuestion & { readonly repo: string }, find: SecretFinder, signal?: AbortSignal): Promise<PushLook & Named>;
}

/** Acts, on what was looked at and nothing else. */
export interface GitWriter {
  push(step: PushStep): Promise<readonly PushOutcome[]>;
}

/** Opens nothing yet: git is asked when the first call comes. */
export function openGit(options: GitOptions): { readonly reader: GitReader; readonly writer: GitWriter } {
  const home: Home = {
    project: options.project,
    root: options.repo,
    remotes: options.remotes,
    env: cleanEnvironment(options.env),
    locale: options.env["LC_ALL"],
    protect: options.protect ?? [],
  };
  return { reader: readerOf(home), writer: { push: (step) => push(home, step) } };
}

function readerOf(home: Home): GitReader {
  return {
    async push(question, find, signal) {
      const repository = await openRepository(home, question.repo, signal);
      const look = await lookAtPush(repository, question, find);
      return { ...look, repo: repository.shown, gitDir: repository.gitDir };
    },
  };
}
