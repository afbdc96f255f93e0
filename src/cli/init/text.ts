import type { ProjectLook } from "./look.js";

export interface ListedTool {
  readonly name: string;
  readonly system: string;
}

/** One section below `systems`, and the policies that go with its tools. */
interface Part {
  readonly system: string;
  readonly line: string;
  readonly policies: readonly string[];
}

const SECRET_FILES = ".env, .pem, .key, .p12, .pfx, .jks, .keystore, .kdbx, .netrc, .npmrc, .pypirc";

/** Systems that need a variable, in the order of the file. */
const OTHER_PARTS: readonly Part[] = [
  {
    system: "postgres",
    line: 'postgres: { url: "${DATABASE_URL}" }',
    policies: ["dont_delete_row", "dont_delete_without_where", "dont_update_without_where", "block_ddl"],
  },
  { system: "slack", line: 'slack: { token: "${SLACK_BOT_TOKEN}" }', policies: ["block_dms", "no_broadcast_mentions", "dont_send_secrets"] },
  { system: "email", line: 'email: { smtp: "${SMTP_URL}" }', policies: ["no_mass_emails", "no_repeat_emails", "dont_send_secrets"] },
  { system: "s3", line: 's3: { region: "${AWS_REGION}" }', policies: ["dont_delete_without_human_ok: { system: s3 }"] },
  {
    system: "gdrive",
    line: 'gdrive: { credentials: "${GOOGLE_APPLICATION_CREDENTIALS}" }',
    policies: ["dont_delete_without_human_ok: { system: gdrive }"],
  },
  {
    system: "hubspot",
    line: 'hubspot: { token: "${HUBSPOT_TOKEN}" }',
    policies: ["dont_duplicate_contacts", "limit_tasks_per_contact", "dont_send_secrets"],
  },
];

/** The text of an enact.yaml for what was found: conservative, commented, and accepted as it stands. */
export function configurationText(look: ProjectLook, tools: readonly ListedTool[]): string {
  const others = OTHER_PARTS.filter(({ system }) => tools.some((tool) => tool.system === system));
  const parts = [...(look.isRepository ? [gitPart(look)] : []), FILES_PART, ...others.filter(({ system }) => look.configured[system] !== undefined)];
  const idle = others.filter((part) => !parts.includes(part));
  const enabled = tools.filter((tool) => parts.some(({ system }) => system === tool.system)).map(({ name }) => name);
  const policies = [...new Set(parts.flatMap((part) => part.policies))];
  return [
    ...(look.schema === undefined ? [] : [`# yaml-language-server: $schema=${look.schema}`]),
    "# What the agent may use, and what judges it. Read once, when the server starts. All keys: docs/configuration.md of enact-guard.",
    "identity:                    # who acts: from here, never from what the agent says",
    `  user_email: ${JSON.stringify(look.email ?? "agent@localhost")}`,
    "  actor_role: agent",
    "  user_attributes: {}        # of the person behind the agent: role, clearance_level, …",
    "systems:                     # secrets stay in the environment: this file is meant to be committed",
    ...parts.map(({ line }) => `  ${line}`),
    ...idle.map(({ line }) => `  # ${line}`),
    "tools:                       # the agent gets these and no others",
    ...enabled.map((name) => `  - ${name}`),
    "policies:                    # all that apply to a call must pass",
    ...policies.map((policy) => `  - ${policy}`),
    "  - code_freeze_active       # a reason in .enact/FREEZE stops everything",
    "receipts: { store: sqlite, signing: ed25519 }",
    "",
  ].join("\n");
}

function gitPart({ remotes }: ProjectLook): Part {
  const names = remotes.length === 0 ? ["origin"] : remotes;
  return {
    system: "git",
    line: `git: { repo: ".", remotes: [${names.map((name) => JSON.stringify(name)).join(", ")}] }`,
    policies: [
      "dont_push_to_main",
      "dont_merge_to_main",
      "dont_force_push",
      "dont_delete_branch",
      "dont_commit_api_keys",
      "max_files_per_commit: { max_files: 50 }",
      "require_meaningful_commit_message",
    ],
  };
}

const FILES_PART: Part = {
  system: "filesystem",
  line: 'filesystem: { root: "." }',
  policies: ["restrict_paths: { allowed_dirs: [.] }", `block_extensions: { extensions: [${SECRET_FILES}] }`, "dont_delete_file"],
};
