import { describe, expect, test } from "vitest";
import { ZodError } from "zod";

import { protectedBranches } from "../../../src/facts/git-names.js";
import { dontPushToMain, dontPushToMainPolicy, dontPushToMainWith } from "../../../src/policies/git/index.js";
import { insteadOf } from "../../../src/policies/policy.js";
import { caseOf, judgeCall } from "../../support/policy-tester.js";

/** The facts of a push, as the tool finds them. */
function push(branch: string, more: Record<string, unknown> = {}) {
  const trunk = "trunk";
  const payload = {
    branch, ref: `refs/heads/${branch}`, remote: "origin", source: branch, remote_default_branch: trunk,
    protected_branches: protectedBranches(branch, [trunk]), commits: [{ sha: "1".repeat(40), subject: "Fix #149: retry the upload", file_count: 1 }], ...more,
  };
  return { workflow: "git_push", payload };
}

describe("dont_push_to_main", () => {
  test.each([
    "main", "Main", "MAIN", "mAIN", "master", "Master", "MASTER", "trunk", "Trunk", "\uff4dain", "ma\u200bin", "ma\u00adin", "ma\u0456n", "m\u0430in", "ma\u0131n", "MA\u0130N", "m\u0430\u0455ter", "\u{1d426}ain", "main\u2060", "ma\u017fter",
  ])("%j is blocked", (branch) => {
    expect(judgeCall(dontPushToMain, push(branch)).passed).toBe(false);
  });

  test.each(["agent/main-menu", "agent/main", "mainline", "main-2", "domain", "masters", "maintenance", "origin/main", "trunks", "agent/trunk", "mäin"])("%j passes", (branch) => {
    expect(judgeCall(dontPushToMain, push(branch)).passed).toBe(true);
  });

  test("says what was found, and what to do instead", () => {
    const result = judgeCall(dontPushToMain, push("main", { remote_default_branch: "main" }));
    expect(result).toEqual({
      policy: "dont_push_to_main", passed: false, reason: "Direct push to 'main' is blocked ('main' is the default branch of origin)",
      hint: "Push to a branch such as 'agent/fix-149-retry-the-upload' and open a pull request.",
    });
    expect(insteadOf(result)).toEqual({ branch: "agent/fix-149-retry-the-upload", ref: "refs/heads/agent/fix-149-retry-the-upload" });
    expect(judgeCall(dontPushToMain, push("main", { source: "agent/mine" })).hint).toContain("'agent/mine'");
    expect(judgeCall(dontPushToMain, push("Main")).reason).toContain("reads as 'main'");
    expect(judgeCall(dontPushToMain, push("main", { commits: [] })).hint).toContain("agent/my-change");
  });

  test.each([
    ["release/*", "release/1", true], ["release/*", "release/1/hotfix", true], ["release/*", "release", false], ["release/*", "agent/release/1", false], ["release/*", "Release/1", true],
    ["*-prod", "eu-prod", true], ["*-prod", "agent/eu-prod", false], ["**-prod", "agent/eu-prod", true], ["v?", "v1", true], ["v?", "v12", false], ["stable", "stable", true],
    ["stable", "stables", false], ["refs/heads/stable", "stable", true], ["a.b", "axb", false], ["a+b", "aab", false], ["(x)", "(x)", true], ["*", "anything", true], ["*", "agent/x", false], ["**", "agent/x", true],
    ["re*e/*", "release/x", true],
  ])("the pattern %j and the branch %j", (pattern, branch, blocks) => {
    expect(judgeCall(dontPushToMainWith({ branches: [pattern] }), push(branch)).passed).toBe(!blocks);
  });

  test("without the facts nothing passes, whoever asks", () => {
    const direct = (payload: Record<string, unknown>) => dontPushToMain({ ...contextOf(), payload }).passed;
    expect(direct({})).toBe(false);
    expect(direct({ branch: "agent/x" })).toBe(false);
    expect(direct({ branch: 1, protected_branches: [] })).toBe(false);
    expect(direct({ branch: "agent/x", protected_branches: "main" })).toBe(false);
    expect(direct({ branch: "main", protected_branches: [] })).toBe(false);
    expect(direct({ branch: "agent/x", protected_branches: [] })).toBe(true);
  });

  test("an empty pattern is no pattern", () => {
    for (const options of [{ branches: [""] }, { branches: "main" }, { branch: ["x"] }]) expect(() => dontPushToMainPolicy.create(options)).toThrow(ZodError);
  });
});

function contextOf() {
  const { identity, ...rest } = caseOf({ workflow: "git_push", payload: {} });
  return { ...rest, ...identity };
}
