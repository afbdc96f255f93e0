import { execFileSync, spawnSync } from "node:child_process";
import { afterEach, beforeEach, expect, test } from "vitest";

import { MAIN } from "../support/mcp-client.js";
import type { TestProject } from "../support/project.js";
import { testProject } from "../support/project.js";

const CONFIG = `identity: { user_email: agent@company.com, actor_role: engineer }
systems: { filesystem: { root: . }, git: { repo: . } }
tools: [git_push, file_write]
policies: [dont_push_to_main, { restrict_paths: { allowed_dirs: [.] } }]
`;

let project: TestProject;
beforeEach(() => {
  project = testProject({ "enact.yaml": CONFIG, ".husky/pre-push": "exit 0\n", "hooks.md": "" });
  execFileSync("git", ["init", "-q"], { cwd: project.folder, env: project.env });
});
afterEach(() => project.remove());

function check(path: string): number | null {
  return spawnSync(process.execPath, [MAIN, "check", "file_write", `path=${path}`, "content=x"], { cwd: project.folder, env: project.env }).status;
}

test.each([".husky", ".husky/_"])("an agent does not write the hook that its own push will run (core.hooksPath = %s)", (folder) => {
  expect(check(".husky/pre-push")).toBe(0);
  execFileSync("git", ["config", "core.hooksPath", folder], { cwd: project.folder, env: project.env });
  expect([check(".husky/pre-push"), check(".husky/_/h"), check("hooks.md")]).toEqual([1, 1, 0]);
});
