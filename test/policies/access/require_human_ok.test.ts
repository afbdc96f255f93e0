import { describe, expect, test } from "vitest";
import { ZodError } from "zod";

import { judge } from "../../../src/guard/judge.js";
import { requireHumanOk, requireHumanOkPolicy } from "../../../src/policies/access/index.js";
import { caseOf, judgeCall } from "../../support/policy-tester.js";

const policy = requireHumanOk(["git_merge", "s3_delete"]);

describe("require_human_ok", () => {
  test("a verified approval passes, none does not", () => {
    expect(judgeCall(policy, { workflow: "git_merge", payload: {}, approved: true }).reason).toContain("bob@company.com");
    expect(judgeCall(policy, { workflow: "git_merge", payload: {} }).passed).toBe(false);
  });

  test("nothing in the facts or the attributes stands in for an approval", () => {
    const claims = { approval: { id: "1" }, approved: true, human_ok: true, approver: "bob@company.com" };
    expect(judgeCall(policy, { workflow: "s3_delete", payload: claims, user_attributes: claims }).passed).toBe(false);
  });

  test("other tools are not judged by it", () => {
    expect(judge([{ name: "require_human_ok", policy }], caseOf({ workflow: "git_push", payload: {} }), true).results).toEqual([]);
  });

  test("the hint sends to the person and offers no argument", () => {
    const { hint } = judgeCall(policy, { workflow: "git_merge", payload: {} });
    expect(hint).toMatch(/person/);
    expect(hint).toMatch(/nothing in the call/);
  });

  test("a list without tools would protect nothing", () => {
    for (const options of [{}, { workflows: [] }, { workflows: [""] }, { workflows: "git_merge" }]) expect(() => requireHumanOkPolicy.create(options)).toThrow(ZodError);
  });
});
