import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

import type { Environment } from "./types.js";

/** A configuration that nobody wrote, and what to say about it. */
export interface Fallback {
  readonly text: string;
  readonly notices: readonly string[];
}

/** Kinds of files that usually hold secrets. */
const SECRET_FILES = [".env", ".pem", ".key", ".p12", ".pfx", ".jks", ".keystore", ".kdbx", ".netrc", ".npmrc", ".pypirc"];

const GIT_TOOLS = ["git_push", "git_commit", "git_delete_branch", "git_merge"];
const OTHER_TOOLS = ["sql_query", "file_read", "file_write", "file_delete"];

/**
 * The embedded default: what the server does in a project without an enact.yaml. The git repository and the files of the
 * project, an empty embedded PostgreSQL, and policies that let an agent work on a branch of its own and destroy nothing.
 *
 * It goes the same way as a written file, so that it is checked like one.
 */
export function fallbackFor(project: string, file: string, env: Environment): Fallback {
  const projectIsRepository = existsSync(join(project, ".git"));
  const notices = [
    `No ${file} found: the embedded default is active. It guards the files of ${project}${projectIsRepository ? ", its git repository" : ""} and an empty embedded PostgreSQL for trying out, with conservative policies, as agent@localhost. 'enact-guard init' writes a configuration of your own.`,
  ];
  if (!projectIsRepository) notices.push(withoutGit(project));
  if (env["DATABASE_URL"] !== undefined) {
    notices.push("DATABASE_URL is set, but the embedded default does not touch it: a database is guarded only when an enact.yaml says so.");
  }
  return { text: fallbackText(projectIsRepository), notices };
}

function withoutGit(project: string): string {
  const above = repositoryAbove(project);
  if (above === undefined) return `${project} is no git repository: the git tools are left out.`;
  return `${project} lies inside the repository ${above}, but is not its root: the git tools are left out. Start the server there, or write an enact.yaml.`;
}

function repositoryAbove(project: string): string | undefined {
  for (let folder = dirname(project); folder !== dirname(folder); folder = dirname(folder)) {
    if (existsSync(join(folder, ".git"))) return folder;
  }
  return undefined;
}

function fallbackText(withGit: boolean): string {
  return [
    "identity: { user_email: agent@localhost, actor_role: agent }",
    "systems:",
    ...(withGit ? ["  git: { repo: . }"] : []),
    "  postgres: { url: embedded }",
    "  filesystem: { root: . }",
    `tools: [${[...(withGit ? GIT_TOOLS : []), ...OTHER_TOOLS].join(", ")}]`,
    "policies:",
    ...(withGit ? GIT_POLICIES : []).map((policy) => `  - ${policy}`),
    ...OTHER_POLICIES.map((policy) => `  - ${policy}`),
    "",
  ].join("\n");
}

const GIT_POLICIES = [
  "dont_push_to_main",
  "dont_merge_to_main",
  "dont_force_push",
  "dont_delete_branch",
  "dont_commit_api_keys",
  "max_files_per_commit",
  "require_meaningful_commit_message",
];

const OTHER_POLICIES = [
  "dont_delete_row",
  "dont_delete_without_where",
  "dont_update_without_where",
  "block_ddl",
  "dont_delete_file",
  "restrict_paths: { allowed_dirs: [.] }",
  `block_extensions: { extensions: [${SECRET_FILES.join(", ")}] }`,
  "code_freeze_active",
];
