import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { initCommand } from "../../src/cli/init.js";
import { policies } from "../../src/policies/index.js";
import { tools } from "../../src/tools/index.js";
import { capturedIo } from "../support/cli-io.js";
import type { CapturedIo } from "../support/cli-io.js";
import { configSandbox } from "../support/config-sandbox.js";
import type { Sandbox } from "../support/config-sandbox.js";

const ENV = {
  PATH: process.env["PATH"],
  // The tests' own user must not show.
  HOME: "/nonexistent",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_SYSTEM: "/dev/null",
};

const SECRETS = {
  DATABASE_URL: "postgres://app:the-database-password@db/app",
  SLACK_BOT_TOKEN: "the-slack-token",
  SMTP_URL: "smtps://robot:the-mail-password@mail",
  AWS_REGION: "eu-central-1",
  AWS_ACCESS_KEY_ID: "the-key-id",
  AWS_SECRET_ACCESS_KEY: "the-secret-key",
  GOOGLE_APPLICATION_CREDENTIALS: "/keys/google.json",
  HUBSPOT_TOKEN: "the-hubspot-token",
};

describe("enact-guard init", () => {
  let sandbox: Sandbox;
  beforeEach(() => {
    sandbox = configSandbox();
  });
  afterEach(() => sandbox.remove());

  const git = (...args: string[]) => execFileSync("git", args, { cwd: sandbox.project, env: ENV });

  async function init(args: { force?: boolean; json?: boolean; env?: Record<string, string>; file?: string } = {}): Promise<CapturedIo> {
    const env = { ...ENV, ...args.env };
    const io = capturedIo(sandbox.project, env);
    const input = {
      project: sandbox.project,
      tools,
      launch: { command: "npx", args: ["-y", "enact-guard"] },
      load: (file: string) => sandbox.load({ file, env, tools, policies }),
      ...(args.file === undefined ? {} : { file: args.file }),
    };
    expect(await initCommand({ force: args.force ?? false, json: args.json ?? false }, io, input)).toBe(0);
    return io;
  }

  const loaded = (env: Record<string, string> = {}) => sandbox.load({ env, tools, policies });

  test("writes what the server accepts, for a repository with its remotes and its person", async () => {
    git("init", "-q");
    git("remote", "add", "origin", "https://example.com/x.git");
    git("remote", "add", "fork", "https://example.com/y.git");
    git("config", "user.email", "me@company.com");
    const io = await init();
    const config = await loaded();
    expect(config.identity.user_email).toBe("me@company.com");
    expect(config.systems.git?.remotes).toEqual(["fork", "origin"]);
    expect(Object.keys(config.systems).toSorted()).toEqual(["filesystem", "git"]);
    expect(config.tools.filter((name) => !/^(?:git|file)_/u.test(name))).toEqual([]);
    expect(config.notices).toEqual([]);
    expect(io.out()).toContain(`Written: ${sandbox.project}/enact.yaml`);
  });

  test("a project without git gets the file tools, as nobody in particular", async () => {
    await init();
    const config = await loaded();
    expect(config.identity.user_email).toBe("agent@localhost");
    expect(config.tools).toEqual(["file_delete", "file_read", "file_write"]);
  });

  test("systems that the environment knows are in it, and no value of a variable anywhere", async () => {
    git("init", "-q");
    const io = await init({ env: SECRETS });
    const written = readFileSync(join(sandbox.project, "enact.yaml"), "utf8");
    const config = await loaded(SECRETS);
    expect(config.tools).toEqual(tools.map(({ name }) => name).filter((name) => name !== "enact_rollback"));
    for (const value of ["the-", "google.json", "eu-central-1"]) {
      expect(written).not.toContain(value);
      expect(io.out()).not.toContain(value);
    }
    // Each client passes the variables on in its own way.
    expect(io.out()).toContain('"DATABASE_URL": "${DATABASE_URL}"');
    expect(io.out()).toContain('"DATABASE_URL": "${env:DATABASE_URL}"');
    expect(io.out()).toContain('env_vars = ["DATABASE_URL"');
  });

  test("the lines for the clients are what their files want", async () => {
    const { clients } = JSON.parse((await init({ json: true })).out()) as { clients: { client: string; text: string }[] };
    const textOf = (client: string) => clients.find((lines) => lines.client === client)?.text ?? "";
    expect(JSON.parse(textOf("Claude Code"))).toEqual({ mcpServers: { "enact-guard": { command: "npx", args: ["-y", "enact-guard", "serve"] } } });
    expect(JSON.parse(textOf("Claude Desktop"))).toEqual({
      mcpServers: { "enact-guard": { command: "npx", args: ["-y", "enact-guard", "serve", "--project", sandbox.project] } },
    });
    expect(JSON.parse(textOf("VS Code"))).toEqual({
      servers: { "enact-guard": { type: "stdio", command: "npx", args: ["-y", "enact-guard", "serve", "--project", "${workspaceFolder}"] } },
    });
    expect(textOf("Codex").split("\n")).toEqual([
      "[mcp_servers.enact-guard]",
      'command = "npx"',
      `args = ["-y", "enact-guard", "serve", "--project", ${JSON.stringify(sandbox.project)}]`,
    ]);
  });

  test("a configuration that is there stays, unless --force says otherwise; no draft is left behind", async () => {
    writeFileSync(join(sandbox.project, "enact.yaml"), "mine");
    await expect(init()).rejects.toMatchObject({ code: "USAGE", message: `${sandbox.project}/enact.yaml is there already.` });
    expect(readFileSync(join(sandbox.project, "enact.yaml"), "utf8")).toBe("mine");
    await init({ force: true });
    expect((await loaded()).tools).toEqual(["file_delete", "file_read", "file_write"]);
    expect(readdirSync(sandbox.project)).toEqual(["enact.yaml"]);
  });

  test("a file of another name is written where it was asked for", async () => {
    await init({ file: join(sandbox.project, "guard.yaml") });
    expect(readdirSync(sandbox.project)).toEqual(["guard.yaml"]);
  });

  test("a folder that cannot be written to is said, not thrown about", async () => {
    await expect(init({ file: join(sandbox.project, "nowhere/enact.yaml") })).rejects.toMatchObject({ code: "USAGE", message: expect.stringContaining("cannot be written (ENOENT)") as string });
  });

  test("an address that git knows and nobody could write to is left out", async () => {
    git("init", "-q");
    git("config", "user.email", "me <me@company.com>, you");
    await init();
    expect((await loaded()).identity.user_email).toBe("agent@localhost");
  });
});
