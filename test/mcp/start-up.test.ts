import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { connectFirst, MAIN } from "../support/mcp-client.js";

const ALL = `identity: { user_email: agent@company.com, actor_role: assistant }
systems:
  git: { repo: . }
  postgres: { url: "postgres://nobody@127.0.0.1:1/none" }
  filesystem: { root: . }
  slack: { api_url: "http://127.0.0.1:1/api/" }
  email: { smtp: "smtp://127.0.0.1:1", from: agent@company.com }
  s3: { region: eu-central-1, endpoint: "http://127.0.0.1:1" }
  gdrive: { credentials: ./none.json }
  hubspot: { base_url: "http://127.0.0.1:1" }
tools: [git_push, sql_query, file_read, slack_post, email_send, s3_delete, gdrive_delete, crm_create_contact, crm_create_task]
policies: [{ rate_limit: { max_calls: 9, window_seconds: 60 } }]
`;
const ONE = ALL.replace(/^ {2}(?!filesystem).*\n/gmu, "").replace(/^tools: .*$/mu, "tools: [file_read]");

let base: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "enact-start-"));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

/** Every script that the server's process has loaded by its end, as V8 itself reports it. */
async function loaded(name: string, configuration: string, call?: readonly [tool: string, args: object]): Promise<readonly string[]> {
  const [project, coverage] = [join(base, name), join(base, `${name}-coverage`)];
  mkdirSync(project);
  writeFileSync(join(project, "enact.yaml"), configuration);
  const accounts = { SLACK_BOT_TOKEN: "x", HUBSPOT_TOKEN: "x", AWS_ACCESS_KEY_ID: "x", AWS_SECRET_ACCESS_KEY: "x" };
  const env = { PATH: process.env["PATH"] ?? "", HOME: base, ENACT_HOME: join(base, "keys"), NODE_V8_COVERAGE: coverage, ...accounts };
  const agent = await connectFirst({ cwd: project, env });
  try {
    if (call !== undefined) expect((await agent.call(call[0], call[1] as Record<string, unknown>)).isError).toBe(true);
  } finally {
    await agent.close();
  }
  const reports = readdirSync(coverage).map((file) => JSON.parse(readFileSync(join(coverage, file), "utf8")) as { result: { url: string }[] });
  const scripts = reports.flatMap(({ result }) => result.map(({ url }) => url)).filter((url) => url.startsWith("file:"));
  return [...new Set(scripts)].toSorted();
}

describe("the start", () => {
  test("loads the same few files however many tools are enabled: no client of any system", { timeout: 30_000 }, async () => {
    const [one, all] = await Promise.all([loaded("one", ONE), loaded("all", ALL)]);
    expect(all).toEqual(one);
    expect(all.some((url) => url.endsWith("/dist/main.js"))).toBe(true);
    expect(all.filter((url) => url.includes("/node_modules/"))).toEqual([]);
  });

  test.each([
    ["email_send", { to: "ada@customers.example", subject: "Hello Ada", text: "Hello." }, "nodemailer"],
    ["slack_post", { channel: "general", text: "hello" }, "@slack/web-api"],
    ["s3_delete", { bucket: "bucket", key: "a" }, "@aws-sdk/client-s3"],
    ["crm_create_task", { contact: "1", subject: "Call" }, "@hubspot/api-client"],
  ] as const)("%s loads its own client with its first call, and no other's", { timeout: 30_000 }, async (tool, args, client) => {
    const scripts = await loaded("called", ALL, [tool, args]);
    const clients = ["nodemailer", "@slack/web-api", "@aws-sdk/client-s3", "@googleapis/drive", "@hubspot/api-client", "pg"];
    expect(clients.filter((name) => scripts.some((url) => url.includes(`/node_modules/${name}/`)))).toEqual([client]);
  });

  test("reads a program without letters beyond Latin-1: of one such letter, V8 makes two megabytes more", () => {
    // The bundler escapes them in texts. In a regular expression, write \u2026 yourself; in a page, &hellip;.
    const other = /.{0,60}[^\0-\xff].{0,60}/u.exec(readFileSync(MAIN, "utf8"))?.[0];
    expect(other).toBeUndefined();
  });
});
