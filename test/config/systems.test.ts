import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { SYSTEM_NAMES } from "../../src/config/schema.js";
import type { ToolInfo } from "../../src/tools/tool.js";
import { configSandbox, tools } from "../support/config-sandbox.js";
import type { Sandbox } from "../support/config-sandbox.js";

/** A tool for every system, judged by a policy that judges all. */
const everyTool: readonly ToolInfo[] = SYSTEM_NAMES.map((system) => ({ ...(tools[0] as ToolInfo), name: `${system}_use`, system }));

const HEAD = "identity: { user_email: agent@company.com, actor_role: engineer }\npolicies: [{ require_actor_role: { roles: [engineer] } }]\n";

describe("systems", () => {
  let sandbox: Sandbox;
  beforeEach(() => {
    sandbox = configSandbox();
  });
  afterEach(() => sandbox.remove());

  function write(systems: readonly string[], rest = ""): void {
    sandbox.write("enact.yaml", `${HEAD}tools: [${systems.map((system) => `${system}_use`).join(", ")}]\n${rest}`);
  }

  test("every key arrives where it belongs, paths absolute", async () => {
    mkdirSync(join(sandbox.project, "sub/repo"), { recursive: true });
    write(
      SYSTEM_NAMES,
      `systems:
  git: { repo: sub/repo, remotes: [origin, up/stream] }
  postgres: { url: postgresql://app@db/x, statement_timeout_ms: 100, max_rows: 2, max_bytes: 3, functions: [f] }
  filesystem: { root: sub, max_read_bytes: 4, max_entries: 5 }
  slack: { token: a, api_url: "http://127.0.0.1:1/api" }
  email: { smtp: "smtp://localhost:25", from: Agent <robot@company.com>, allow_plaintext: true }
  s3: { region: eu, endpoint: "http://127.0.0.1:2", max_objects: 6, force_path_style: false, access_key_id: b, secret_access_key: c, session_token: d }
  gdrive: { credentials: sub/key.json, root_url: "http://127.0.0.1:3/" }
  hubspot: { token: e, base_url: "http://127.0.0.1:4" }
`,
    );
    const path = (name: string) => join(sandbox.project, name);
    expect((await sandbox.load({ tools: everyTool })).systems).toEqual({
      git: { repo: path("sub/repo"), remotes: ["origin", "up/stream"] },
      postgres: { url: "postgresql://app@db/x", statementTimeoutMs: 100, maxRows: 2, maxBytes: 3, functions: ["f"] },
      filesystem: { root: path("sub"), maxReadBytes: 4, maxEntries: 5 },
      slack: { token: "a", apiUrl: "http://127.0.0.1:1/api" },
      email: { smtp: "smtp://localhost:25", from: "Agent <robot@company.com>", allowPlaintext: true },
      s3: { region: "eu", endpoint: "http://127.0.0.1:2", maxObjects: 6, forcePathStyle: false, credentials: { accessKeyId: "b", secretAccessKey: "c", sessionToken: "d" } },
      gdrive: { credentials: path("sub/key.json"), rootUrl: "http://127.0.0.1:3/" },
      hubspot: { token: "e", baseUrl: "http://127.0.0.1:4" },
    });
  });

  const CONVENTIONAL = {
    DATABASE_URL: "postgres://u:secret-pw@h/db",
    SLACK_BOT_TOKEN: "slack-token",
    SMTP_URL: "smtps://u:mail-pw@h",
    HUBSPOT_TOKEN: "hubspot-token",
    GOOGLE_APPLICATION_CREDENTIALS: "/keys/g.json",
    AWS_REGION: "eu-central-1",
    AWS_ACCESS_KEY_ID: "aws-id",
    AWS_SECRET_ACCESS_KEY: "aws-secret",
  };

  test("what the file leaves out is taken from the environment, whole systems included", async () => {
    const systems = ["postgres", "slack", "email", "s3", "gdrive", "hubspot"];
    for (const rest of ["", "systems:\n  postgres:\n  slack:\n  email: {}\n  s3:\n  gdrive:\n  hubspot:\n"]) {
      write(systems, rest);
      const config = await sandbox.load({ tools: everyTool, env: CONVENTIONAL });
      expect(config.systems).toEqual({
        postgres: { url: CONVENTIONAL.DATABASE_URL, statementTimeoutMs: 30_000, maxRows: 1_000, maxBytes: 1_000_000, functions: [] },
        slack: { token: "slack-token" },
        email: { smtp: CONVENTIONAL.SMTP_URL, from: "agent@company.com", allowPlaintext: false },
        s3: { region: "eu-central-1", credentials: { accessKeyId: "aws-id", secretAccessKey: "aws-secret" }, maxObjects: 1_000, forcePathStyle: false },
        gdrive: { credentials: "/keys/g.json" },
        hubspot: { token: "hubspot-token" },
      });
    }
  });

  test("what the file says wins over the environment", async () => {
    write(["slack", "s3"], "systems:\n  slack: { token: mine }\n  s3: { region: mine }\n");
    const config = await sandbox.load({ tools: everyTool, env: { ...CONVENTIONAL, AWS_DEFAULT_REGION: "other" } });
    expect([config.systems.slack?.token, config.systems.s3?.region]).toEqual(["mine", "mine"]);
  });

  test("a system that no tool needs is not configured by the environment", async () => {
    write(["filesystem"], "systems:\n  filesystem:\n");
    expect(Object.keys((await sandbox.load({ tools: everyTool, env: CONVENTIONAL })).systems)).toEqual(["filesystem"]);
  });

  test("an empty variable counts as none, a wrong one is named with its tool", async () => {
    write(["slack", "postgres"]);
    expect((await sandbox.problem({ tools: everyTool, env: { SLACK_BOT_TOKEN: "", DATABASE_URL: "mysql://u:pw-in-url@h/x" } })).split("\n")).toEqual([
      "2 problems in enact.yaml:",
      'enact.yaml:3:9: slack_use needs the system slack, which is not configured. Write slack: { token: "${SLACK_BOT_TOKEN}" } below \'systems\', or set SLACK_BOT_TOKEN where the server is started.',
      'enact.yaml:3:20: systems.postgres.url, taken from DATABASE_URL, must begin with postgres:// or postgresql://, or be "embedded".',
    ]);
  });

  test("a secret in the file itself is worth a notice, a reference or a URL without password is not", async () => {
    write(
      ["slack", "postgres", "email", "hubspot"],
      "systems:\n  slack: { token: literal }\n  postgres: { url: postgres://app:literal@h/db }\n  email: { smtp: smtp://relay }\n  hubspot: { token: ${HUBSPOT_TOKEN} }\n",
    );
    const { notices } = await sandbox.load({ tools: everyTool, env: CONVENTIONAL });
    expect(notices.map((notice) => notice.replace(`${sandbox.project}/`, ""))).toEqual([
      'enact.yaml: line 5: systems.slack.token holds a secret, and this file is usually committed. Write "${SLACK_BOT_TOKEN}" and set that variable instead.',
      'enact.yaml: line 6: systems.postgres.url holds a secret, and this file is usually committed. Write "${DATABASE_URL}" and set that variable instead.',
    ]);
  });

  test("embedded PostgreSQL needs nothing", async () => {
    write(["postgres"], "systems: { postgres: { url: embedded } }\n");
    expect((await sandbox.load({ tools: everyTool })).systems.postgres?.url).toBe("embedded");
  });

  test("a root that is a file, or behind one, is no root", async () => {
    sandbox.write("file", "");
    write(["filesystem", "git"], "systems: { filesystem: { root: file }, git: { repo: file/x } }\n");
    expect((await sandbox.problem({ tools: everyTool })).split("\n").slice(1)).toEqual([
      "enact.yaml:4:32: systems.filesystem.root: file is not a folder that can be opened. Paths are relative to the project, PROJECT.",
      "enact.yaml:4:53: systems.git.repo: file/x does not exist. Paths are relative to the project, PROJECT.",
    ]);
  });
});
