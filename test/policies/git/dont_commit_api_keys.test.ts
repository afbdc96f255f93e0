import { describe, expect, test } from "vitest";

import { dontCommitApiKeys } from "../../../src/policies/git/index.js";
import { judgeCall, judges } from "../../support/policy-tester.js";

const found = (n: number) => ({ kind: "github_token", where: `line ${n} of src/a.ts`, file: "src/a.ts", line: n, commit: null });

describe("dont_commit_api_keys", () => {
  test("names kind and place of each key, a few at most", () => {
    const { reason, passed } = judgeCall(dontCommitApiKeys, { workflow: "git_commit", payload: { secrets: [1, 2, 3, 4, 5, 6, 7].map(found) } });
    expect(passed).toBe(false);
    expect(reason).toContain("github token in line 1 of src/a.ts");
    expect(reason).toContain("and 2 more");
  });

  test("what could not be looked through does not pass, and says why", () => {
    const result = judgeCall(dontCommitApiKeys, { workflow: "git_push", payload: { secrets: { $unknown: "more than 32 MB would have to be looked through for keys" } } });
    expect(result).toMatchObject({ passed: false, reason: expect.stringContaining("32 MB") as string });
    for (const secrets of [null, "none", 0]) expect(judgeCall(dontCommitApiKeys, { workflow: "git_push", payload: { secrets } }).passed).toBe(false);
  });

  test("judges commits and pushes", () => {
    expect(["git_commit", "git_push", "git_merge", "slack_post"].filter((tool) => judges(dontCommitApiKeys, tool))).toEqual(["git_commit", "git_push"]);
  });
});
