import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { MAIN } from "../support/mcp-client.js";
import type { TestProject } from "../support/project.js";
import { testProject } from "../support/project.js";

const CONFIG = `identity: { user_email: agent@company.com, actor_role: engineer }
systems: { filesystem: { root: . } }
tools: [file_read, file_delete]
policies: [dont_delete_file, { restrict_paths: { allowed_dirs: [.] } }]
`;

let project: TestProject;
beforeAll(() => {
  project = testProject({ "enact.yaml": CONFIG, "notes.txt": "hello\n" });
  mkdirSync(join(project.folder, "sub"));
});
afterAll(() => project.remove());

function run(argv: readonly string[], parts: { cwd?: string; env?: Readonly<Record<string, string>>; input?: string } = {}) {
  const { cwd = project.folder, env = {}, input = "" } = parts;
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...argv], { cwd, env: { ...project.env, ...env }, input, encoding: "utf8" });
  return { status, stdout, stderr };
}

describe("enact-guard", () => {
  test.each<[readonly string[], number, RegExp]>([
    [["check", "file_read", "path=notes.txt"], 0, /^WOULD RUN {2}file_read {2}notes\.txt/u],
    [["check", "file_delete", "path=notes.txt"], 1, /^WOULD BE BLOCKED {2}file_delete/u],
    [["check", "file_delete", "path=notes.txt", "force=1"], 2, /^INVALID INPUT/u],
    [["receipts"], 0, /^No receipts yet/u],
    [["verify"], 0, /^No receipts yet/u],
    [["doctor"], 0, /All is well\./u],
    [["--version"], 0, /^\d+\.\d+\.\d+\n$/u],
  ])("%j exits %i", (argv, status, words) => {
    const before = project.everything();
    const ran = run(argv);
    expect({ status: ran.status, stderr: ran.stderr }).toEqual({ status, stderr: "" });
    expect(ran.stdout).toMatch(words);
    // None of these makes a ledger or a key.
    expect(project.everything()).toEqual(before);
  });

  test.each<[string, readonly string[], { cwd?: string; env?: Readonly<Record<string, string>> }, RegExp]>([
    ["an unknown command", ["verfy"], {}, /Did you mean 'enact-guard verify'\?/u],
    ["an unknown flag", ["verify", "--jsn"], {}, /--json/u],
    ["a tool that is not enabled", ["check", "git_push", "branch=x"], {}, /No tool 'git_push' is enabled/u],
    ["a project that is not there", ["check", "--project", "/nowhere", "file_read", "path=x"], {}, /\/nowhere is not a folder/u],
    ["a configuration that is not there", ["doctor", "--config", "other.yaml"], {}, /other\.yaml/u],
    ["a relative home for the keys", ["doctor"], { env: { ENACT_HOME: "keys" } }, /ENACT_HOME must be an absolute path/u],
  ])("%s exits 2 and says why", (_name, argv, parts, words) => {
    const { status, stdout, stderr } = run(argv, parts);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toMatch(words);
  });

  test("works on the project that is named, from anywhere", () => {
    const { status, stdout } = run(["check", "file_read", "path=notes.txt", "--project", ".."], { cwd: join(project.folder, "sub") });
    expect({ status, found: stdout.startsWith("WOULD RUN") }).toEqual({ status: 0, found: true });
  });

  test("without a command serves whoever is at the other end, and ends with it", () => {
    const request = '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}\n';
    const { status, stdout } = run([], { input: request });
    expect(status).toBe(0);
    expect(JSON.parse(stdout.trim() || "{}")).toMatchObject({ jsonrpc: "2.0", id: 1, result: { serverInfo: { name: "enact-guard" } } });
  });

  test("ends quietly when nobody reads on", () => {
    const piped = `"${process.execPath}" "${MAIN}" check file_read path=notes.txt --json | true`;
    const { stderr } = spawnSync("sh", ["-c", piped], { cwd: project.folder, env: project.env, encoding: "utf8" });
    expect(stderr).toBe("");
  });

  test("keeps its keys where the environment says", () => {
    const { stdout } = run(["doctor", "--json"], { env: { ENACT_HOME: "", XDG_CONFIG_HOME: join(project.folder, "config") } });
    // Inside the project the agent could read them.
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, findings: expect.arrayContaining([expect.objectContaining({ what: "ledger", ok: false })]) as unknown });
  });
});
