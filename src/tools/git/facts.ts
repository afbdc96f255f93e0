import type { GitPushPayload } from "../../facts/git.js";
import type { OrUnknown } from "../../facts/unknown.js";
import { unknown } from "../../facts/unknown.js";
import type { AddedSecret, NotKnown } from "../../systems/git.js";

/** How many commits a receipt shows; the counts are of all of them. */
const MOST_SHOWN = 100;

export function isNotKnown(value: unknown): value is NotKnown {
  return typeof value === "object" && value !== null && "why" in value;
}

export function orUnknownFact<Value>(value: Value | NotKnown): OrUnknown<Value> {
  return isNotKnown(value) ? unknown(value.why) : value;
}

interface Counted {
  readonly sha: string;
  readonly subject: string;
  readonly files: readonly unknown[];
}

/** The facts about a list of commits: the newest, the one with most files always among them, and counts of all. */
export function commitFacts(commits: readonly Counted[] | NotKnown): Pick<GitPushPayload, "commits" | "commit_count" | "file_count"> {
  if (isNotKnown(commits)) return { commits: [], commit_count: unknown(commits.why), file_count: unknown(commits.why) };
  const facts = commits.map(({ sha, subject, files }) => ({ sha, subject, file_count: files.length }));
  const most = Math.max(0, ...facts.map((commit) => commit.file_count));
  const shown = facts.slice(0, MOST_SHOWN);
  const largest = facts.find((commit) => commit.file_count === most);
  if (largest !== undefined && !shown.includes(largest)) shown[MOST_SHOWN - 1] = largest;
  return { commits: shown, commit_count: facts.length, file_count: most };
}

export function lostFacts(lost: readonly { sha: string; subject: string }[] | NotKnown): Pick<GitPushPayload, "lost_commits" | "lost_commit_count"> {
  if (isNotKnown(lost)) return { lost_commits: unknown(lost.why), lost_commit_count: unknown(lost.why) };
  return { lost_commits: lost.slice(0, MOST_SHOWN), lost_commit_count: lost.length };
}

/** The secrets as facts: kind and place, never the secret. */
export function secretFacts(secrets: readonly AddedSecret[] | NotKnown): GitPushPayload["secrets"] {
  if (isNotKnown(secrets)) return unknown(secrets.why);
  return secrets.map(({ kind, file, line, commit }) => {
    const place = `line ${line} of ${file ?? "the commit message"}`;
    return { kind, where: commit === null ? place : `${place} in ${commit.slice(0, 12)}`, file, line, commit };
  });
}
