import { Client as SecondClient } from "@modelcontextprotocol/client";
import { StdioClientTransport as SecondTransport } from "@modelcontextprotocol/client/stdio";
import { Client as FirstClient } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport as FirstTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { freePort } from "../support/approval-pages.js";
import type { Called, Message } from "../support/mcp-client.js";
import { MAIN, spawnServer } from "../support/mcp-client.js";
import type { TestProject } from "../support/project.js";
import { testProject } from "../support/project.js";

/** What the host was asked, as the person at it would see it. */
interface Question {
  readonly mode?: string;
  readonly message: string;
  readonly url?: string;
  readonly elicitationId?: string;
  readonly requestedSchema?: unknown;
}

interface Host {
  readonly asked: Question[];
  call(name: string, args: Record<string, unknown>): Promise<Called>;
  close(): Promise<void>;
}

type Answer = () => Promise<{ action: "accept" | "decline" | "cancel"; content?: Record<string, string> }>;
const accept: Answer = () => Promise.resolve({ action: "accept", content: { approved: "yes", answer: "approve" } });

describe("where a host can ask", () => {
  let project: TestProject;
  let port: number;

  beforeEach(async () => {
    port = await freePort();
    project = testProject({
      "enact.yaml": `identity: { user_email: agent@shop.example, actor_role: engineer }
systems: { filesystem: { root: . } }
tools: [file_write]
policies:
  - require_human_ok: { workflows: [file_write] }
approvals: { port: ${String(port)} }
`,
    });
  });
  afterEach(() => project.remove());

  const spawned = () => ({ command: process.execPath, args: [MAIN, "serve"], cwd: project.cwd, env: { ...project.env }, stderr: "ignore" as const });

  async function first(elicitation: Record<string, object>, answer: Answer = accept): Promise<Host> {
    const asked: Question[] = [];
    const client = new FirstClient({ name: "host", version: "1" }, { capabilities: { elicitation } });
    client.setRequestHandler(ElicitRequestSchema, async ({ params }) => {
      asked.push(params as Question);
      return answer();
    });
    await client.connect(new FirstTransport(spawned()));
    return { asked, call: (name, args) => client.callTool({ name, arguments: args }) as unknown as Promise<Called>, close: () => client.close() };
  }

  async function second(mode: "legacy" | { pin: string }, answer: Answer = accept): Promise<Host> {
    const asked: Question[] = [];
    const client = new SecondClient({ name: "host", version: "1" }, { versionNegotiation: { mode }, capabilities: { elicitation: { form: {}, url: {} } } });
    client.setRequestHandler("elicitation/create", async ({ params }) => {
      asked.push(params as Question);
      return answer();
    });
    await client.connect(new SecondTransport(spawned()));
    return { asked, call: (name, args) => client.callTool({ name, arguments: args }) as unknown as Promise<Called>, close: () => client.close() };
  }

  const write = (host: Host, path = "a.txt") => host.call("file_write", { path, content: "a" });
  const isThere = (path = "a.txt") => existsSync(join(project.folder, path));
  const settled = () => new Promise((resolve) => setTimeout(resolve, 200));

  test.each([
    ["first generation, which knows forms only", { form: {} }, "form"],
    ["first generation, before there were modes", {}, "form"],
    ["first generation, which can open addresses", { form: {}, url: {} }, "url"],
  ])("%s: the person is pointed to the page, and a host that says yes by itself approves nothing", async (_name, elicitation, mode) => {
    const host = await first(elicitation);
    try {
      expect((await write(host)).content[0]?.text).toContain("BLOCKED  file_write");
      await settled();
      expect(host.asked).toHaveLength(1);
      const [question] = host.asked;
      const address = `http://localhost:${String(port)}/approvals/`;
      expect(question?.mode ?? "form").toBe(mode);
      expect(mode === "url" ? question?.url : question?.message).toContain(address);
      expect(question?.message).toContain("answering here approves nothing");
      if (mode === "form") expect(question?.requestedSchema).toEqual({ type: "object", properties: {} });
      const page = /http:\/\/localhost:\d+\/approvals\/[0-9a-f]{32}/u.exec(JSON.stringify(question))?.[0] ?? "";
      expect(await (await fetch(page)).text()).toContain("Make the file a.txt");
      // Again, after it was accepted: still blocked, and the person is not asked the same thing twice.
      expect((await write(host)).isError).toBe(true);
      await settled();
      expect(host.asked).toHaveLength(1);
      expect(isThere()).toBe(false);
      // Another call is another question.
      await write(host, "b.txt");
      await settled();
      expect(host.asked).toHaveLength(2);
    } finally {
      await host.close();
    }
  });

  test("second generation, as a first one: the same", async () => {
    const host = await second("legacy");
    try {
      expect((await write(host)).isError).toBe(true);
      await settled();
      expect(host.asked).toMatchObject([{ mode: "url", url: expect.stringContaining(`http://localhost:${String(port)}/approvals/`) as string }]);
      expect((await write(host)).isError).toBe(true);
      expect(isThere()).toBe(false);
    } finally {
      await host.close();
    }
  });

  test("the stateless revision could only ask by holding the call: its text points to the page instead", async () => {
    const host = await second({ pin: "2026-07-28" });
    try {
      const { content, isError } = await write(host);
      expect(isError).toBe(true);
      expect(content[0]?.text).toContain(`http://localhost:${String(port)}/approvals/`);
      await settled();
      expect(host.asked).toEqual([]);
      expect(isThere()).toBe(false);
    } finally {
      await host.close();
    }
  });

  test("no answer is waited for: not even one that never comes, nor one that is an error", async () => {
    for (const answer of [() => new Promise<never>(() => undefined), () => Promise.reject(new Error("no"))]) {
      const host = await first({ form: {} }, answer);
      const before = performance.now();
      expect((await write(host)).isError).toBe(true);
      expect((await write(host, "b.txt")).isError).toBe(true);
      expect(performance.now() - before).toBeLessThan(5000);
      expect(host.asked.length).toBeGreaterThan(0);
      await host.close();
    }
  });

  test("a host that offers nothing is asked nothing, and a check asks nobody", async () => {
    const server = spawnServer(project);
    try {
      await server.client.initialize();
      await server.client.call("file_write", { path: "a.txt", content: "a" });
      const host = await first({ form: {}, url: {} });
      await host.call("enact_check", { tool: "file_write", arguments: { path: "c.txt", content: "c" } });
      await settled();
      expect(host.asked).toEqual([]);
      await host.close();
      expect(server.client.messages().filter((message: Message) => "method" in message)).toEqual([]);
    } finally {
      server.child.stdin.end();
      await server.exited;
    }
  });
});
