import { describe, expect, test } from "vitest";

import { protectedBranches } from "../../../src/facts/git-names.js";
import { dontMergeToMain, dontMergeToMainWith } from "../../../src/policies/git/index.js";
import { judgeCall } from "../../support/policy-tester.js";

const merge = (base: string, head = "agent/x") => ({
  workflow: "git_merge",
  payload: { base, head, remote_default_branch: "trunk", protected_branches: protectedBranches(base, ["trunk"]) },
});

describe("dont_merge_to_main", () => {
  test.each(["main", "Main", "MASTER", "trunk", "TRUNK", "ma\u0456n"])("a merge into %j is blocked", (base) => {
    expect(judgeCall(dontMergeToMain, merge(base)).passed).toBe(false);
  });

  test.each(["agent/x", "agent/main-menu", "develop"])("a merge of main into %j passes", (base) => {
    expect(judgeCall(dontMergeToMain, merge(base, "main")).passed).toBe(true);
  });

  test("listed branches count, with patterns", () => {
    expect(judgeCall(dontMergeToMainWith({ branches: ["release/*"] }), merge("release/2")).passed).toBe(false);
    expect(judgeCall(dontMergeToMainWith({ branches: ["release/*"] }), merge("agent/release")).passed).toBe(true);
  });

  test("its advice names the head when that is a branch of the agent's own", () => {
    expect(judgeCall(dontMergeToMain, merge("main", "feature/y")).hint).toBe("Push 'feature/y' and open a pull request; a person merges it.");
    expect(judgeCall(dontMergeToMain, merge("trunk", "main")).hint).toContain("'agent/");
  });
});
