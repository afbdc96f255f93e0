import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";

import { configSchemaJson } from "../../src/config/json-schema.js";
import { policies } from "../../src/policies/index.js";
import { policyMeta } from "../../src/policies/policy.js";
import { tools } from "../../src/tools/index.js";
import { configSandbox, packageRoot } from "../support/config-sandbox.js";
import type { Sandbox } from "../support/config-sandbox.js";

const REAL = { tools, policies };

/** Every configuration that the documentation shows. */
function shownConfigurations(page: string): string[] {
  const text = readFileSync(join(packageRoot, page), "utf8");
  const blocks = [...text.matchAll(/^```yaml\n(?<block>[^]*?)^```$/gmu)].map(({ groups }) => groups?.["block"] ?? "");
  return blocks.filter((block) => /^identity:/mu.test(block));
}

let sandbox: Sandbox;
beforeEach(() => {
  sandbox = configSandbox();
});
afterEach(() => sandbox.remove());

describe("the documentation", () => {
  const ENV = { DATABASE_URL: "postgres://app@localhost/app", SLACK_BOT_TOKEN: "token", SMTP_URL: "smtp://localhost" };

  for (const page of ["README.md", "docs/configuration.md"]) {
    test(`${page}: every configuration in it is accepted as it stands`, async () => {
      const shown = shownConfigurations(page);
      expect(shown.length).toBeGreaterThan(0);
      for (const text of shown) {
        for (const [path] of text.matchAll(/\.\/policies\/[\w-]+\.ts/gu)) {
          sandbox.write(path, "export const mine = () => ({ policy: 'mine', passed: true, reason: 'fine' });");
        }
        sandbox.write("enact.yaml", text);
        const config = await sandbox.load({ ...REAL, env: ENV });
        expect(config.tools.length).toBeGreaterThan(0);
      }
    });
  }

  test("enact.schema.json is current", () => {
    const shipped = JSON.parse(readFileSync(join(packageRoot, "enact.schema.json"), "utf8")) as unknown;
    expect(shipped, "run: npm run docs").toEqual(JSON.parse(JSON.stringify(configSchemaJson(REAL))));
  });

  test("editors and the server agree on right and wrong configurations", async () => {
    const schema = z.fromJSONSchema(configSchemaJson(REAL));
    const right = "identity: { user_email: a@b.c, actor_role: x }\nsystems: { filesystem: { root: . } }\ntools: [file_read]\npolicies: [{ require_actor_role: { roles: [x] } }]\n";
    const cases: readonly (readonly [accepted: boolean, text: string])[] = [
      [true, right],
      [true, right.replace("{ filesystem: { root: . } }", "{ filesystem: }")],
      [true, right.replace("policies: [", "policies: [code_freeze_active, ")],
      [false, right.replace("tools:", "tool:")],
      [false, right.replace("file_read", "file_reed")],
      [false, right.replace("root:", "rot:")],
      [false, right.replace("roles: [x]", "roles: x")],
      [false, right.replace("roles: [x]", "role: [x]")],
      [false, right.replace("require_actor_role", "require_actor_rol")],
      [false, right.replace("{ require_actor_role: { roles: [x] } }", "require_actor_role")],
      [false, right.replace("[{ require_actor_role: { roles: [x] } }]", "[{ require_actor_role: { roles: [x] }, block_dms: {} }]")],
    ];
    for (const [accepted, text] of cases) {
      sandbox.write("enact.yaml", text);
      const byServer = await sandbox.load(REAL).then(
        () => true,
        () => false,
      );
      expect({ text, byServer, byEditor: schema.safeParse(parse(text)).success }).toEqual({ text, byServer: accepted, byEditor: accepted });
    }
  });

  test("the schema stands alone: nothing in it refers elsewhere, and everything is described", () => {
    const text = JSON.stringify(configSchemaJson(REAL));
    expect(text).not.toContain('"$ref"');
    expect(text.match(/"\$schema"/gu)).toHaveLength(1);
  });
});

describe("the embedded default", () => {
  test("guards the repository, the files and an embedded database, and says so", async () => {
    mkdirSync(join(sandbox.project, ".git"));
    const config = await sandbox.load(REAL);
    expect(config).toMatchObject({ file: null, identity: { user_email: "agent@localhost", actor_role: "agent" }, unguarded: [] });
    expect(config.tools).toEqual(["git_push", "git_commit", "git_delete_branch", "git_merge", "sql_query", "file_read", "file_write", "file_delete"]);
    expect(config.systems).toMatchObject({ git: { repo: sandbox.project }, postgres: { url: "embedded" }, filesystem: { root: sandbox.project } });
    expect(config.notices).toHaveLength(1);
    expect(config.notices[0]).toContain(`No ${sandbox.project}/enact.yaml found: the embedded default is active`);
  });

  test("lets no tool run unjudged", async () => {
    mkdirSync(join(sandbox.project, ".git"));
    const config = await sandbox.load(REAL);
    for (const tool of config.tools) {
      const own = config.policies.filter(({ policy }) => policyMeta(policy)?.workflows !== "all" && policyMeta(policy)?.workflows.includes(tool));
      expect({ tool, judged: own.length > 0 }).toEqual({ tool, judged: true });
    }
  });

  test("leaves git out where there is no repository, or only one above", async () => {
    const config = await sandbox.load(REAL);
    expect(config.systems.git).toBeUndefined();
    expect(config.tools.filter((name) => name.startsWith("git_"))).toEqual([]);
    expect(config.notices[1]).toBe(`${sandbox.project} is no git repository: the git tools are left out.`);
    mkdirSync(join(sandbox.project, ".git"));
    mkdirSync(join(sandbox.project, "sub"));
    const below = await sandbox.load({ ...REAL, project: join(sandbox.project, "sub") });
    expect(below.notices[1]).toContain(`lies inside the repository ${sandbox.project}, but is not its root`);
  });

  test("does not touch a database that merely is in the environment", async () => {
    const config = await sandbox.load({ ...REAL, env: { DATABASE_URL: "postgres://u:production-password@h/production" } });
    expect(config.systems.postgres?.url).toBe("embedded");
    expect(config.notices.at(-1)).toContain("DATABASE_URL is set, but the embedded default does not touch it");
    expect(JSON.stringify(config.notices)).not.toContain("production-password");
  });

  test("protects the place of the file that would replace it, and writes nothing", async () => {
    const config = await sandbox.load(REAL);
    expect(config.sources).toEqual([join(sandbox.project, "enact.yaml")]);
    expect(existsSync(join(sandbox.project, "enact.yaml"))).toBe(false);
    expect(existsSync(join(sandbox.project, ".enact"))).toBe(false);
  });
});
