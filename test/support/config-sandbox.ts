import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";

import { loadConfig } from "../../src/config/config.js";
import type { Config, LoadInput } from "../../src/config/config.js";
import { isEnactError } from "../../src/errors.js";
import { definePolicy } from "../../src/policies/policy.js";
import type { PolicyDefinition } from "../../src/policies/policy.js";
import type { ToolInfo } from "../../src/tools/tool.js";

export const packageRoot = fileURLToPath(new URL("../..", import.meta.url));

/** Lists of this test's own, so that a message does not change when a policy is added to the real ones. */
export const tools: readonly ToolInfo[] = [
  tool("file_delete", "filesystem"),
  tool("git_push", "git"),
  tool("slack_post", "slack"),
  tool("sql_query", "postgres"),
];

export const definitions: readonly PolicyDefinition[] = [
  policy("dont_delete_file", ["file_delete"], z.strictObject({})),
  policy("dont_push_to_main", ["git_push"], z.strictObject({ branches: z.array(z.string()).default([]) })),
  policy("max_files_per_commit", ["git_push"], z.strictObject({ max_files: z.number().int().min(1).default(50) })),
  policy("protect_tables", ["sql_query"], z.strictObject({ tables: z.array(z.string()).min(1), access: z.enum(["any", "write"]).default("any") })),
  policy("require_actor_role", "all", z.strictObject({ roles: z.array(z.string()) })),
  policy(
    "within_window",
    "all",
    z.union([
      z.strictObject({ start_hour_utc: z.number().int().min(0).max(23), end_hour_utc: z.number().int() }),
      z.strictObject({ start: z.string(), end: z.string(), time_zone: z.string(), weekends: z.boolean().default(false) }),
    ]),
  ),
];

function tool(name: string, system: string): ToolInfo {
  const annotations = { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: true };
  return { name, title: name, description: name, system, annotations, input: z.strictObject({}), payload: z.unknown(), reversible: false };
}

function policy(id: string, workflows: readonly string[] | "all", options: z.ZodType<object>): PolicyDefinition {
  const workflow = workflows === "all" ? "git_push" : (workflows[0] ?? "");
  return definePolicy<object>({
    id,
    category: "git",
    workflows,
    reads: [],
    options,
    description: id,
    hint: "Do something else.",
    examples: [{ title: "blocks", passes: false, workflow, payload: {} }],
    judge: () => ({ passed: false, reason: "never" }),
  });
}

export interface Sandbox {
  readonly project: string;
  write(path: string, content: string | Buffer): string;
  load(overrides?: Partial<LoadInput>): Promise<Config>;
  /** The message of the error, with the project's path taken out; fails when there is none. */
  problem(overrides?: Partial<LoadInput>): Promise<string>;
  remove(): void;
}

/** A project in a folder of its own. */
export function configSandbox(): Sandbox {
  const project = realpathSync(mkdtempSync(join(tmpdir(), "enact-config-")));
  const load = (overrides: Partial<LoadInput> = {}) => loadConfig({ project, env: {}, tools, policies: definitions, packageRoot, ...overrides });
  return {
    project,
    load,
    write(path, content) {
      const absolute = join(project, path);
      mkdirSync(dirname(absolute), { recursive: true });
      writeFileSync(absolute, content);
      return absolute;
    },
    async problem(overrides) {
      try {
        await load(overrides);
      } catch (error) {
        if (isEnactError(error) && error.code === "CONFIG_INVALID") return error.message.replaceAll(`${project}/`, "").replaceAll(project, "PROJECT");
        throw error;
      }
      throw new Error("the configuration was accepted");
    },
    remove: () => rmSync(project, { recursive: true, force: true }),
  };
}

/** A right configuration, of which each test changes something. */
export const RIGHT = `identity:
  user_email: agent@company.com
  actor_role: engineer
systems:
  git: { repo: ., remotes: [origin] }
tools: [git_push]
policies:
  - dont_push_to_main
`;
