import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { configSandbox, RIGHT } from "../support/config-sandbox.js";
import type { Sandbox } from "../support/config-sandbox.js";

describe("references to the environment", () => {
  let sandbox: Sandbox;
  beforeEach(() => {
    sandbox = configSandbox();
  });
  afterEach(() => sandbox.remove());

  async function roleOf(written: string, env: Record<string, string>): Promise<string> {
    sandbox.write("enact.yaml", RIGHT.replace("engineer", () => written));
    return (await sandbox.load({ env })).identity.actor_role;
  }

  test("are resolved plain, quoted, between braces, inside a text, twice and in a block", async () => {
    const env = { ROLE: "engineer", TEAM: "core" };
    expect(await roleOf("${ROLE}", env)).toBe("engineer");
    expect(await roleOf("'${ROLE}'", env)).toBe("engineer");
    expect(await roleOf('"${ROLE}"', env)).toBe("engineer");
    expect(await roleOf("${TEAM}-${ROLE}s", env)).toBe("core-engineers");
    expect(await roleOf(">-\n    ${ROLE}", env)).toBe("engineer");
    sandbox.write("enact.yaml", RIGHT.replace("{ repo: ., remotes: [origin] }", "{repo: ${REPO},remotes: [${REMOTE}, ${REMOTE}2]}"));
    const config = await sandbox.load({ env: { REPO: ".", REMOTE: "up" } });
    expect(config.systems.git).toEqual({ repo: sandbox.project, remotes: ["up", "up2"] });
  });

  test("the example of the documentation, which YAML alone would not read, is read", async () => {
    sandbox.write("enact.yaml", RIGHT.replace("systems:", "systems:\n  postgres:   { url: ${DATABASE_URL} }          # comment with ${NOT_SET} in it"));
    const config = await sandbox.load({ env: { DATABASE_URL: "postgres://u:p@h/db" } });
    expect(config.systems.postgres?.url).toBe("postgres://u:p@h/db");
  });

  test("are written literally with two dollars", async () => {
    expect(await roleOf("$${ROLE}", {})).toBe("${ROLE}");
    expect(await roleOf("'a $${ROLE} ${X}'", { X: "b" })).toBe("a ${ROLE} b");
    expect(await roleOf("$5 and $ROLE", { ROLE: "x" })).toBe("$5 and $ROLE");
  });

  test("what a variable holds is text, whatever it looks like, and is not looked at again", async () => {
    const awkward = ["true", "5", "null", "[a]", "{ a: b }", "'", '"', "a: b", "# x", "*a", "&a", "!!str", "${OTHER}", "$${OTHER}", "a\nb: c", "\uFDD0\uFDD1OTHER\uFDD2", "\uFEFFx", "\\u0041", "__proto__"];
    for (const value of awkward) expect(await roleOf("x${ROLE}", { ROLE: value, OTHER: "other" })).toBe(`x${value}`);
  });

  test("whatever a variable holds changes nothing but its own value", async () => {
    sandbox.write("enact.yaml", RIGHT.replace("engineer", "x${ROLE}"));
    const expected = await sandbox.load({ env: { ROLE: "engineer" } });
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "binary", minLength: 1, maxLength: 40 }), async (value) => {
        fc.pre(value.trim() !== "" && value.isWellFormed());
        const config = await sandbox.load({ env: { ROLE: value } });
        expect(config.identity).toEqual({ ...expected.identity, actor_role: `x${value}` });
        expect(config.tools).toEqual(expected.tools);
      }),
      { seed: 20_261_122, numRuns: 200 },
    );
  });

  test("a variable that only the prototype has is not set", async () => {
    sandbox.write("enact.yaml", RIGHT.replace("engineer", "${toString}"));
    expect(await sandbox.problem()).toContain("the environment variable toString is not set");
  });

  test("the default of another notation is refused without being shown", async () => {
    sandbox.write("enact.yaml", RIGHT.replace("engineer", "'${ROLE:-correct-horse}'"));
    expect(await sandbox.problem({ env: { ROLE: "x" } })).toBe(
      "enact.yaml:3:15: '${ROLE…' is no reference: between the braces stands one variable name, no default and no expression.",
    );
  });

  test("a text that already holds the marks is refused", async () => {
    sandbox.write("enact.yaml", RIGHT.replace("engineer", "'\uFDD0\uFDD1HOME\uFDD2'"));
    expect(await sandbox.problem({ env: { HOME: "x" } })).toBe("enact.yaml:3:16: this character is a Unicode noncharacter, which a text may not hold.");
  });
});

describe("YAML 1.2", () => {
  let sandbox: Sandbox;
  beforeEach(() => {
    sandbox = configSandbox();
  });
  afterEach(() => sandbox.remove());

  test("no, on, yes, dates, octal-looking and sexagesimal values are what they look like", async () => {
    sandbox.write("enact.yaml", RIGHT.replace("  actor_role", "  user_attributes: { a: no, b: on, c: 2026-11-22, d: 012, e: 1:30, f: 0o17, g: ~, h: 1_000 }\n  actor_role"));
    const { user_attributes: attributes } = (await sandbox.load()).identity;
    expect(attributes).toEqual({ a: "no", b: "on", c: "2026-11-22", d: 12, e: "1:30", f: 15, g: null, h: "1_000" });
  });

  test("the whole configuration is frozen", async () => {
    sandbox.write("enact.yaml", RIGHT.replace("  actor_role", "  user_attributes: { a: { b: [1] } }\n  actor_role"));
    const seen: string[] = [];
    const walk = (value: unknown, path: string): void => {
      if (typeof value !== "object" || value === null) return;
      if (!Object.isFrozen(value)) seen.push(path);
      for (const [key, child] of Object.entries(value)) walk(child, `${path}.${key}`);
    };
    walk(await sandbox.load(), "config");
    expect(seen).toEqual([]);
  });
});
