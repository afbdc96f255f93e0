import { describe, expect, test } from "vitest";

import { secretsIn } from "../../../src/facts/secrets.js";
import { unknown } from "../../../src/facts/unknown.js";
import { judge } from "../../../src/guard/judge.js";
import { dontSendSecrets } from "../../../src/policies/access/index.js";
import { caseOf, judgeCall } from "../../support/policy-tester.js";

const TOKEN = ["gh", "p_", "q7Zr2XwB9tKe4LmV1sNc8HdY3pGf6JaU5oWi"].join("");

describe("dont_send_secrets", () => {
  test.each(["slack_post", "email_send", "crm_create_contact", "crm_create_task"])("%s is judged on what the detector found", (workflow) => {
    const secrets = secretsIn([{ where: "text", text: `use ${TOKEN}` }]);
    const result = judgeCall(dontSendSecrets, { workflow, payload: { secrets } });
    expect(result).toMatchObject({ passed: false, reason: "What would be sent holds secrets: github token in text" });
    expect(judgeCall(dontSendSecrets, { workflow, payload: { secrets: secretsIn([{ where: "text", text: "use the token in the vault" }]) } }).passed).toBe(true);
  });

  test("what stays inside is not judged by it", () => {
    for (const workflow of ["file_write", "git_commit", "sql_query"]) {
      expect(judge([{ name: "dont_send_secrets", policy: dontSendSecrets }], caseOf({ workflow, payload: {} }), true).results).toEqual([]);
    }
  });

  test("an attachment that could not be searched blocks", () => {
    const result = judgeCall(dontSendSecrets, { workflow: "email_send", payload: { secrets: [unknown("too large to search")] } });
    expect(result.passed).toBe(false);
    expect(result.reason).toContain("too large to search");
  });

  test.each([null, {}, "none", 0, { length: 0 }])("a fact of another shape blocks: %j", (secrets) => {
    expect(judgeCall(dontSendSecrets, { workflow: "slack_post", payload: { secrets } }).passed).toBe(false);
  });

  test("many are counted, not listed", () => {
    const secrets = Array.from({ length: 40 }, (_, line) => ({ kind: "password", where: `line ${line + 1}` }));
    const { reason } = judgeCall(dontSendSecrets, { workflow: "slack_post", payload: { secrets } });
    expect(reason).toContain("line 5 and 35 more");
  });
});
