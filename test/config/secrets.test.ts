import * as fc from "fast-check";
import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { isEnactError } from "../../src/errors.js";
import { configSandbox, RIGHT } from "../support/config-sandbox.js";
import type { Sandbox } from "../support/config-sandbox.js";

/** In the shape of real ones, and in none. */
const SECRETS = [
  ["xo", "xb-123456789012-abcdefghijkl"].join(""),
  "correct horse battery staple",
  "p4ssw0rd-of-the-database",
  ["AK", "IA", "Q3EXAMPLE7EXAMPL"].join(""),
  ["gh", "p_0123456789abcdefghij0123456789abcdef"].join(""),
];

/** Configurations that are wrong in the very place where a secret is, or right beside it. */
const WRONG: readonly ((reference: string) => string)[] = [
  (secret) => RIGHT.replace("systems:", `systems:\n  slack: { tokn: ${secret} }`),
  (secret) => RIGHT.replace("systems:", `systems:\n  slack: { token: [${secret}] }`),
  (secret) => RIGHT.replace("systems:", `systems:\n  slack: { token: { a: ${secret} } }`),
  (secret) => RIGHT.replace("systems:", `systems:\n  slack: ${secret}`),
  (secret) => RIGHT.replace("systems:", `systems:\n  postgres: { url: ${secret} }`),
  (secret) => RIGHT.replace("systems:", `systems:\n  postgres: { url: "mysql://u:${secret}@h/x" }`),
  (secret) => RIGHT.replace("systems:", `systems:\n  email: { smtp: "http://u:${secret}@h/x" }`),
  (secret) => RIGHT.replace("systems:", `systems:\n  hubspot: { base_url: ${secret}, token: 5 }`),
  (secret) => RIGHT.replace("systems:", `systems:\n  s3: { access_key_id: ${secret}, region: x }`),
  (secret) => RIGHT.replace("[git_push]", `[git_push, ${secret}]`),
  (secret) => RIGHT.replace("[git_push]", secret),
  (secret) => `${RIGHT}  - ${secret}\n`,
  (secret) => `${RIGHT}  - max_files_per_commit: { max_files: ${secret} }\n`,
  (secret) => `${RIGHT}  - protect_tables: { tables: [a], access: ${secret} }\n`,
  (secret) => `${RIGHT}  - ./${secret}.ts\n`,
  (secret) => RIGHT.replace("repo: .", `repo: ${secret}`),
  (secret) => RIGHT.replace("[origin]", `[":${secret}"]`),
  (secret) => RIGHT.replace("agent@company.com", secret),
  (secret) => RIGHT.replace("  actor_role: engineer", `  actor_role: [${secret}`),
  (secret) => RIGHT.replace("  actor_role: engineer", `  actor_role: "${secret}`),
  (secret) => RIGHT.replace("  actor_role: engineer", `  actor_role: &${secret.replaceAll(/[^a-z0-9]/giu, "x")} x`),
];

describe("secrets", () => {
  let sandbox: Sandbox;
  beforeEach(() => {
    sandbox = configSandbox();
  });
  afterEach(() => sandbox.remove());

  async function failure(env: Record<string, string>): Promise<string> {
    const failed = await sandbox.load({ env }).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (!isEnactError(failed)) throw new Error("the configuration was accepted, or something else went wrong", { cause: failed });
    // As a log would show it, causes and all.
    return inspect(failed, { depth: 10 });
  }

  test("that come from the environment are in no error, wherever they stand", async () => {
    for (const wrong of WRONG) {
      for (const secret of SECRETS) {
        sandbox.write("enact.yaml", wrong("${THE_VALUE}"));
        expect(await failure({ THE_VALUE: secret })).not.toContain(secret);
      }
    }
  });

  test("in the shape of a key that stand in the file are in no error either", async () => {
    for (const wrong of WRONG) {
      for (const secret of SECRETS.filter((text) => !text.includes(" ") && !text.startsWith("p4ss"))) {
        sandbox.write("enact.yaml", wrong(secret));
        expect(await failure({})).not.toContain(secret);
      }
    }
  });

  test("that a custom policy throws are masked, whether the configuration names them or not", async () => {
    sandbox.write("p.ts", "throw new Error('cannot reach ' + process.env.ENACT_TEST_TOKEN);");
    sandbox.write("enact.yaml", `${RIGHT}  - ./p.ts\n`);
    process.env["ENACT_TEST_TOKEN"] = "correct-horse-battery";
    try {
      expect(await sandbox.problem({ env: process.env })).toBe("enact.yaml:9:5: ./p.ts cannot be loaded: p.ts:1: cannot reach ${ENACT_TEST_TOKEN}");
    } finally {
      delete process.env["ENACT_TEST_TOKEN"];
    }
  });

  test("any password of a URL that is refused stays out of the message", async () => {
    await fc.assert(
      fc.asyncProperty(fc.stringMatching(/^[A-Za-z0-9%._~!*-]{8,30}$/u), async (password) => {
        sandbox.write("enact.yaml", RIGHT.replace("systems:", () => `systems:\n  postgres: { url: "mysql://app:${password}@h/db", max_rows: x }`));
        expect(await failure({})).not.toContain(password);
      }),
      { seed: 20_261_122, numRuns: 150 },
    );
  });

  test("are handed on for redaction: tokens, URLs with their passwords as written and decoded, the signing secret", async () => {
    sandbox.write(
      "enact.yaml",
      RIGHT.replace("systems:", 'systems:\n  slack: { token: "${SLACK_BOT_TOKEN}" }\n  postgres: { url: "postgres://app:${PGPASSWORD}@h/db" }').replace("engineer", "${ROLE}"),
    );
    const env = { SLACK_BOT_TOKEN: "slack-token-1", PGPASSWORD: "pass%2Fword", ROLE: "engineer", ENACT_SECRET: "signing-secret-of-32-characters!!" };
    const { secrets } = await sandbox.load({ env });
    expect([...secrets].toSorted()).toEqual(["pass%2Fword", "pass/word", "postgres://app:pass%2Fword@h/db", "signing-secret-of-32-characters!!", "slack-token-1"]);
  });

  test("do not include ordinary words: the role, a password that is the user's name, very short ones", async () => {
    sandbox.write("enact.yaml", RIGHT.replace("systems:", 'systems:\n  postgres: { url: "postgres://postgres:postgres@h/db" }').replace("engineer", "${ROLE}"));
    expect((await sandbox.load({ env: { ROLE: "engineer", ENACT_SECRET: "" } })).secrets).toEqual([]);
  });
});
