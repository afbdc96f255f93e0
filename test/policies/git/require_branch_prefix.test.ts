import { describe, expect, test } from "vitest";
import { ZodError } from "zod";

import { requireBranchPrefix, requireBranchPrefixPolicy } from "../../../src/policies/git/index.js";
import { insteadOf } from "../../../src/policies/policy.js";
import { judgeCall } from "../../support/policy-tester.js";

const push = (branch: string, more: Record<string, unknown> = {}) => ({ workflow: "git_push", payload: { branch, ...more } });

describe("require_branch_prefix", () => {
  test.each(["agent/x", "agent/x/y", "agent/ü"])("%s passes", (branch) => {
    expect(judgeCall(requireBranchPrefix(), push(branch)).passed).toBe(true);
  });

  test.each(["x", "Agent/x", "agents/x", "feature/agent/x", "agent", "\u0430gent/x", "\u200bagent/x", "refs/heads/agent/x"])("%j does not", (branch) => {
    expect(judgeCall(requireBranchPrefix("agent/"), push(branch)).passed).toBe(false);
  });

  test("its advice is a branch with the prefix, and never a protected name in disguise of one", () => {
    const result = judgeCall(requireBranchPrefix("bot/"), push("fix-149"));
    expect(result.hint).toBe("Push to a branch such as 'bot/fix-149'.");
    expect(insteadOf(result)).toEqual({ branch: "bot/fix-149", ref: "refs/heads/bot/fix-149" });
    const commits = [{ sha: "1", subject: "Retry uploads", file_count: 1 }];
    expect(judgeCall(requireBranchPrefix("bot/"), push("main", { protected_branches: ["main"], commits })).hint).toContain("'bot/retry-uploads'");
  });

  test("a prefix that protects nothing, or that no branch can have, is no prefix", () => {
    for (const prefix of ["", "-x", "refs/heads/agent/", "a b", "heads/", 1]) expect(() => requireBranchPrefixPolicy.create({ prefix })).toThrow(ZodError);
  });
});
