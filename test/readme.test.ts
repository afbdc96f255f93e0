import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { connectFirst, MAIN } from "./support/mcp-client.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const readme = readFileSync(join(root, "README.md"), "utf8");

/** The fenced blocks of a language, in order. */
function blocks(language: string): readonly string[] {
  return [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, "gm"))].map((match) => match[1] ?? "");
}

describe("every example of the README works", () => {
  let project: string;

  beforeEach(() => {
    project = mkdtempSync(join(tmpdir(), "enact-readme-"));
    execFileSync("git", ["init", "--quiet", "--initial-branch=main", project]);
    for (const folder of ["src", "docs", "policies"]) mkdirSync(join(project, folder));
    writeFileSync(join(project, "src/a.txt"), "a\n");
  });

  afterEach(() => rmSync(project, { recursive: true, force: true }));

  const env = () => ({ PATH: process.env["PATH"] ?? "", HOME: project, ENACT_HOME: join(tmpdir(), "enact-readme-keys"), DATABASE_URL: "postgres://nobody@127.0.0.1:1/none" });

  it("the first enact.yaml, with the policy of your own, serves and judges", async () => {
    const [yaml = ""] = blocks("yaml");
    const [policy = ""] = blocks("ts");
    writeFileSync(join(project, "enact.yaml"), yaml);
    writeFileSync(join(project, "policies/no_friday_deploys.ts"), policy);
    const agent = await connectFirst({ cwd: project, env: env() });
    try {
      const names = (await agent.tools()).map((tool) => tool.name);
      expect(names).toEqual(expect.arrayContaining(["git_push", "git_commit", "sql_query", "file_read", "file_write", "file_delete"]));
      const answer = await agent.call("file_write", { path: "secret.pem", content: "x" });
      expect(answer.isError).toBe(true);
      const judged = answer.structuredContent?.receipt?.policy_results.map((result) => result.policy);
      expect(judged).toEqual(expect.arrayContaining(["restrict_paths", "block_extensions", "code_freeze_active", "no_friday_deploys"]));
    } finally {
      await agent.close();
      rmSync(env().ENACT_HOME, { recursive: true, force: true });
    }
  });

  it("the enact.yaml for messages serves and judges, without asking anybody", async () => {
    const [, yaml = ""] = blocks("yaml");
    writeFileSync(join(project, "enact.yaml"), yaml);
    const accounts = { SLACK_BOT_TOKEN: ["xoxb", "0", "readme"].join("-"), SMTP_URL: "smtp://127.0.0.1:1" };
    const agent = await connectFirst({ cwd: project, env: { ...env(), ...accounts } });
    try {
      expect((await agent.tools()).map((tool) => tool.name)).toEqual(expect.arrayContaining(["email_send", "s3_delete", "slack_post"]));
      const answer = await agent.call("email_send", { to: "someone@elsewhere.example", subject: "Hello there", text: "Hello." });
      const failed = answer.structuredContent?.receipt?.policy_results.filter((result) => !result.passed).map((result) => result.policy);
      expect({ isError: answer.isError, failed }).toEqual({ isError: true, failed: ["require_recipient_domain"] });
    } finally {
      await agent.close();
      rmSync(env().ENACT_HOME, { recursive: true, force: true });
    }
  });

  it("the client configurations are JSON that starts this program's command", () => {
    const configurations = blocks("json").map((block) => JSON.parse(block) as Record<string, Record<string, { command: string; args: string[] }>>);
    expect(configurations.length).toBeGreaterThanOrEqual(4);
    for (const configuration of configurations) {
      const [servers = {}] = Object.values(configuration);
      expect(servers["enact-guard"]).toMatchObject({ command: "npx", args: expect.arrayContaining(["-y", "enact-guard", "serve"]) as unknown });
    }
  });

  it("the commands that it shows exist, with their flags", () => {
    const commands = [...readme.matchAll(/npx enact-guard (\w+)/g)].map((match) => match[1] ?? "");
    const help = execFileSync(process.execPath, [MAIN, "--help"], { encoding: "utf8", env: env() });
    expect(new Set(commands).size).toBeGreaterThanOrEqual(4);
    for (const command of [...commands, "init", "demo", "serve"]) expect(help).toMatch(new RegExp(`^ {2}${command}\\b`, "m"));
  });

  it("the two commands are scripts of package.json", () => {
    const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: Record<string, string> };
    expect(readme).toContain("npm ci && npm run demo");
    expect(readme).toContain("npm ci && npm test");
    expect(Object.keys(scripts)).toEqual(expect.arrayContaining(["demo", "test", "prepare"]));
  });

  it("the links to other pages lead somewhere", () => {
    const links = [...readme.matchAll(/\]\(((?!https?:)[^)#]+)/g)].map((match) => match[1] ?? "");
    expect(links.length).toBeGreaterThan(0);
    for (const link of links) expect(() => readFileSync(join(root, link))).not.toThrow();
  });
});
