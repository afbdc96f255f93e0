import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

import { MAIN, spawnServer } from "../support/mcp-client.js";
import type { TestProject } from "../support/project.js";
import { testProject } from "../support/project.js";

const CONFIG = `identity: { user_email: agent@company.com, actor_role: engineer }
systems: { git: { repo: . } }
tools: [git_push]
policies: [dont_push_to_main]
`;

let project: TestProject;
let git: (...args: readonly string[]) => string;
let remote: string;

beforeEach(() => {
  project = testProject({ "enact.yaml": CONFIG, "a.txt": "a\n" });
  remote = join(project.folder, "..", "origin.git");
  const identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"];
  git = (...args) => execFileSync("git", [...identity, ...args], { cwd: project.folder, env: project.env, encoding: "utf8" }).trim();
  git("init", "-q", "-b", "main");
  git("add", "a.txt");
  git("commit", "-qm", "First");
  git("init", "-q", "--bare", "-b", "main", remote);
  git("remote", "add", "origin", remote);
  git("push", "-q", "origin", "main");
  git("branch", "agent/slow");
  // The push has begun once the repository's own hook runs; it takes a while.
  const hook = join(project.folder, ".git/hooks/pre-push");
  writeFileSync(hook, `#!/bin/sh\ntouch "${project.folder}/begun"\nsleep 1\n`);
  chmodSync(hook, 0o755);
});
afterEach(() => project.remove());

test.each(["the end of the input", "SIGTERM", "the end of the input, and SIGTERM from an impatient host"])(
  "a push that is under way is recorded as what became of it when %s comes",
  async (how) => {
    const { client, child, exited } = spawnServer(project);
    await client.initialize();
    client.send('{"jsonrpc":"2.0","id":99,"method":"tools/call","params":{"name":"git_push","arguments":{"branch":"agent/slow"}}}\n');
    await expect.poll(() => existsSync(join(project.folder, "begun")), { timeout: 15_000, interval: 20 }).toBe(true);
    if (how.includes("end")) child.stdin.end();
    if (how.includes("SIGTERM")) child.kill("SIGTERM");
    expect(await exited).toEqual({ code: 0, signal: null });

    const verify = spawnServer({ ...project, args: [MAIN, "verify", "--json"] });
    await verify.exited;
    expect(JSON.parse(verify.client.lines.join(""))).toMatchObject({ ok: true, entries: 2, interrupted: [] });
    const receipts = spawnServer({ ...project, args: [MAIN, "receipts", "--json"] });
    await receipts.exited;
    const { receipts: entries } = JSON.parse(receipts.client.lines.join("")) as { receipts: { phase: string; decision: string }[] };
    const outcome = entries.find(({ phase }) => phase === "outcome")?.decision;
    const pushed = git("ls-remote", remote, "refs/heads/agent/slow") !== "";
    expect({ outcome, pushed }).toEqual(outcome === "PASS" ? { outcome: "PASS", pushed: true } : { outcome: "PARTIAL", pushed: false });
  },
);
