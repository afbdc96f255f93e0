import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

import type { Services } from "./services.js";

const run = promisify(execFile);

/** A throw-away world: a shop's repository with a bare remote, a database with customers, and somebody's home beside it. */
export interface World {
  /** The project folder that the guard protects. */
  readonly project: string;
  /** Where the guard keeps its keys. */
  readonly enactHome: string;
  /** A folder next to the project that must never change. */
  readonly outside: string;
  /** Runs git in the project and gives back what it prints. */
  readonly git: Git;
  /** Runs git in the bare remote. */
  readonly remote: Git;
  /** The servers for messages, as far as they could be started. */
  readonly services: Services;
  remove(): Promise<void>;
}

export type Git = (...args: readonly string[]) => Promise<string>;

type Environment = Readonly<Record<string, string | undefined>>;

export type SeedDatabase = (project: string, statements: string) => Promise<void>;

export async function createWorld(seed: SeedDatabase, env: Environment, services: Services): Promise<World> {
  const base = await mkdtemp(join(tmpdir(), "enact-demo-"));
  const project = join(base, "shop");
  const origin = join(base, "origin.git");
  const outside = join(base, "home");
  const environment = gitEnvironment(base, env);
  const gitIn = (folder: string) => async (...args: readonly string[]) => {
    const { stdout } = await run("git", ["-C", folder, ...args], { env: environment });
    return stdout.trim();
  };
  const world: World = {
    project,
    enactHome: join(base, "keys"),
    outside,
    git: gitIn(project),
    remote: gitIn(origin),
    services,
    remove: () => rm(base, { recursive: true, force: true }),
  };
  try {
    await Promise.all([mkdir(project), mkdir(origin), mkdir(outside)]);
    await Promise.all([fillRepository(world, origin), seed(project, DATABASE)]);
    return world;
  } catch (error) {
    await world.remove();
    throw error;
  }
}

/** The user's own git configuration and hooks have no place in a world that must look the same everywhere. */
function gitEnvironment(base: string, env: Environment): NodeJS.ProcessEnv {
  const kept = Object.fromEntries(["PATH", "Path", "SystemRoot"].map((name) => [name, env[name]]));
  return { ...kept, HOME: base, GIT_CONFIG_NOSYSTEM: "1", GIT_CONFIG_GLOBAL: join(base, "no-gitconfig"), LC_ALL: "C" };
}

async function fillRepository({ project, outside, git, remote, services }: World, origin: string): Promise<void> {
  await remote("init", "--quiet", "--bare", "--initial-branch=main");
  await git("init", "--quiet", "--initial-branch=main");
  await git("config", "user.name", "Demo Agent");
  await git("config", "user.email", "agent@shop.example");
  await git("remote", "add", "origin", origin);
  await write(project, "README.md", "# The shop\n");
  await write(project, "src/pricing.ts", "export const vat = 0.19;\n");
  await write(project, ".gitignore", "build/\n.env\n.enact/\nbackup\n");
  await commit(git, "Open the shop");
  await git("push", "--quiet", "origin", "main");

  await git("switch", "--quiet", "--create", "agent/fix-149");
  await write(project, "src/pricing.ts", "export const vat = 0.2;\n");
  await commit(git, "Charge the new VAT rate");

  await git("switch", "--quiet", "--create", "agent/report", "main");
  await write(project, "src/report.ts", "export const weeks = 4;\n");
  await commit(git, "Report four weeks");
  await git("push", "--quiet", "origin", "agent/report");
  await git("commit", "--quiet", "--amend", "--message", "Report four weeks, rewritten");

  await write(project, "build/app.js", "console.log('built');\n");
  await write(project, "build/app.css", "body {}\n");
  await write(project, "enact.yaml", configuration(services));
  await write(outside, "photos/holiday.txt", "the only copy\n");
  await symlink(outside, join(project, "backup"));
}

async function write(folder: string, name: string, content: string): Promise<void> {
  const path = join(folder, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
}

async function commit(git: Git, message: string): Promise<void> {
  await git("add", "--all");
  await git("commit", "--quiet", "--message", message);
}

const DATABASE = `
  CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL, plan text NOT NULL, note text);
  INSERT INTO customers VALUES
    (1, 'Ada', 'pro', NULL), (2, 'Grace', 'free', 'please drop by'), (3, 'Linus', 'free', NULL);
  CREATE TABLE payments (id int PRIMARY KEY, customer int REFERENCES customers ON DELETE CASCADE, cents bigint NOT NULL);
  INSERT INTO payments VALUES (1, 1, 4900), (2, 1, 4900);
  CREATE FUNCTION tidy_up() RETURNS int LANGUAGE sql AS $$ DELETE FROM payments WHERE cents < 100000; SELECT 1 $$;
`;

function configuration({ mail, slack }: Services): string {
  const tools = ["git_push", "git_commit", "git_delete_branch", "git_merge", "sql_query", "file_read", "file_write", "file_delete"];
  const messages = [...(mail === undefined ? [] : ["email_send"]), ...(slack === undefined ? [] : ["slack_post"])];
  const parts = [
    CONFIGURATION.identity,
    CONFIGURATION.systems,
    mail !== undefined && `  email:      { smtp: "${mail.url}", from: "Shop <agent@shop.example>" }`,
    slack !== undefined && `  slack:      { token: "${slack.token}", api_url: "${slack.apiUrl}" }`,
    `tools: [${[...tools, ...messages].join(", ")}]`,
    CONFIGURATION.policies,
    mail !== undefined && "  - no_mass_emails\n  - no_repeat_emails",
    slack !== undefined && '  - require_channel_allowlist: { channels: ["#general"] }\n  - block_dms\n  - no_broadcast_mentions',
    messages.length > 0 && "  - dont_send_secrets",
    CONFIGURATION.receipts,
  ];
  return parts.filter((part) => part !== false).join("\n");
}

const CONFIGURATION = {
  identity: `identity:
  user_email: agent@shop.example
  actor_role: engineer
  user_attributes: { role: engineer }`,
  systems: `systems:
  git:        { repo: ., remotes: [origin] }
  postgres:   { url: embedded, functions: [tidy_up] }
  filesystem: { root: . }`,
  policies: `policies:
  - dont_push_to_main
  - require_branch_prefix: { prefix: agent/ }
  - dont_force_push
  - dont_delete_branch
  - require_human_ok: { workflows: [git_merge] }
  - dont_commit_api_keys
  - require_meaningful_commit_message
  - block_ddl
  - dont_delete_row
  - dont_delete_without_where
  - dont_update_without_where
  - restrict_paths: { allowed_dirs: [src, build] }
  - block_extensions: { extensions: [.env, .pem, .key] }
  - code_freeze_active: { allow_reads: true }`,
  // No page: the demo answers with a key, and opens no port that somebody else may use.
  receipts: "approvals: { page: false }\nreceipts: { store: sqlite, signing: ed25519 }\n",
} as const;
