import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { configSandbox, RIGHT } from "../support/config-sandbox.js";
import type { Sandbox } from "../support/config-sandbox.js";

const FULL = `identity:
  user_email: agent@company.com
  actor_role: engineer
  user_attributes: { role: engineer, clearance_level: 2 }
systems:
  git: { repo: ., remotes: [origin] }
  postgres: { url: "\${DATABASE_URL}" }
  slack: { token: "\${SLACK_BOT_TOKEN}" }
tools: [git_push, sql_query, slack_post]
policies:
  - dont_push_to_main
  - protect_tables: { tables: [users] }
  - require_actor_role: { roles: [engineer] }
  - ./mine.ts
unguarded: [git_push, sql_query]
`;
const ENV = { DATABASE_URL: "postgres://app:first-password@h/db?sslmode=require", SLACK_BOT_TOKEN: "first-token" };

describe("the configuration's digest", () => {
  let sandbox: Sandbox;
  beforeEach(() => {
    sandbox = configSandbox();
    sandbox.write("mine.ts", "import { words } from './words.js';\nexport const mine = () => ({ policy: 'mine', passed: true, reason: words });\n");
    sandbox.write("words.ts", "export const words = 'fine';\n");
  });
  afterEach(() => sandbox.remove());

  async function digest(text: string, env: Record<string, string> = ENV): Promise<string> {
    sandbox.write("enact.yaml", text);
    return (await sandbox.load({ env })).digest;
  }

  test("has the shape that receipts carry", async () => {
    expect(await digest(FULL)).toMatch(/^sha256:[0-9a-f]{64}$/);
  });

  const SAME: Readonly<Record<string, (text: string) => string>> = {
    "comments and blank lines": (text) => `# comment\n\n${text}\n# end\n`,
    quotes: (text) => text.replace("actor_role: engineer", 'actor_role: "engineer"'),
    "the order of keys": (text) => text.replace("{ role: engineer, clearance_level: 2 }", "{ clearance_level: 2, role: engineer }"),
    "the order of tools": (text) => text.replace("[git_push, sql_query, slack_post]", "[slack_post, sql_query, git_push]"),
    "the order of waivers": (text) => text.replace("[git_push, sql_query]\n", "[sql_query, git_push]\n"),
    "the order of policies": (text) => text.replace("  - dont_push_to_main\n", "").replace("  - ./mine.ts\n", "  - ./mine.ts\n  - dont_push_to_main\n"),
    "defaults that are written": (text) =>
      `${text.replace("  - dont_push_to_main\n", "  - dont_push_to_main: { branches: [] }\n").replace("{ tables: [users] }", "{ tables: [users], access: any }")}receipts: { store: sqlite, signing: ed25519 }\nundo: { enabled: true, max_age_days: 30 }\n`,
    "block or flow style": (text) => text.replace("tools: [git_push, sql_query, slack_post]", "tools:\n  - git_push\n  - sql_query\n  - slack_post"),
    "the path of a custom policy written another way": (text) => text.replace("./mine.ts", "././mine.ts"),
  };
  for (const [what, change] of Object.entries(SAME)) {
    test(`does not depend on ${what}`, async () => {
      expect(change(FULL)).not.toBe(FULL);
      expect(await digest(change(FULL))).toBe(await digest(FULL));
    });
  }

  const OTHER: Readonly<Record<string, (text: string) => string>> = {
    "who acts": (text) => text.replace("agent@company.com", "other@company.com"),
    "a role": (text) => text.replace("actor_role: engineer", "actor_role: admin"),
    "an attribute": (text) => text.replace("clearance_level: 2", "clearance_level: 3"),
    "the type of an attribute": (text) => text.replace("clearance_level: 2", 'clearance_level: "2"'),
    "a remote": (text) => text.replace("[origin]", "[origin, fork]"),
    "a limit of a system": (text) => text.replace('url: "${DATABASE_URL}"', 'url: "${DATABASE_URL}", max_rows: 7'),
    "a tool": (text) => text.replace(", slack_post]", "]"),
    "an option": (text) => text.replace("[users]", "[users, payments]"),
    "another option": (text) => text.replace("{ tables: [users] }", "{ tables: [users], access: write }"),
    "a policy more": (text) => text.replace("  - ./mine.ts\n", "  - ./mine.ts\n  - max_files_per_commit\n"),
    "a policy less": (text) => text.replace("  - dont_push_to_main\n", ""),
    "a waiver": (text) => text.replace("unguarded: [git_push, sql_query]", "unguarded: [git_push]"),
    "whether calls can be undone": (text) => `${text}undo: { enabled: false }\n`,
    "how much is kept for undoing": (text) => `${text}undo: { max_run_mb: 7 }\n`,
    "the way of signing": (text) => `${text}receipts: { signing: hmac }\n`,
  };
  for (const [what, change] of Object.entries(OTHER)) {
    test(`changes with ${what}`, async () => {
      expect(change(FULL)).not.toBe(FULL);
      expect(await digest(change(FULL))).not.toBe(await digest(FULL));
    });
  }

  test("changes with every byte of a custom policy and of what it imports", async () => {
    const first = await digest(FULL);
    sandbox.write("words.ts", "export const words = 'fine!';\n");
    const second = await digest(FULL);
    sandbox.write("words.ts", "export const words = 'fine';\n");
    expect(await digest(FULL)).toBe(first);
    expect(second).not.toBe(first);
  });

  test("does not depend on secrets, but on whom and what they open", async () => {
    const first = await digest(FULL);
    expect(await digest(FULL, { DATABASE_URL: "postgres://app:second-password@h/db?sslmode=require", SLACK_BOT_TOKEN: "second-token" })).toBe(first);
    for (const url of ["postgres://other:first-password@h/db?sslmode=require", "postgres://app:first-password@h/other?sslmode=require", "postgres://app:first-password@h/db"]) {
      expect(await digest(FULL, { ...ENV, DATABASE_URL: url })).not.toBe(first);
    }
  });

  test("does not depend on where the project lies", async () => {
    const other = configSandbox();
    other.write("enact.yaml", RIGHT);
    expect((await other.load()).digest).toBe(await digest(RIGHT));
    other.remove();
  });
});
