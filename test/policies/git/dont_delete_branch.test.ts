import { describe, expect, test } from "vitest";

import { dontDeleteBranch } from "../../../src/policies/git/index.js";
import { judgeCall, judges } from "../../support/policy-tester.js";

describe("dont_delete_branch", () => {
  test("blocks every deletion, and says what would be lost", () => {
    expect(judgeCall(dontDeleteBranch, { workflow: "git_delete_branch", payload: {} }).passed).toBe(false);
    const lost = { branch: "agent/x", remote: "origin", merged: false, lost_commit_count: 2 };
    expect(judgeCall(dontDeleteBranch, { workflow: "git_delete_branch", payload: lost }).reason).toBe("Deleting the branch 'agent/x' at origin is blocked; 2 commits are on no other branch");
    const merged = { branch: "agent/x", remote: null, merged: true, lost_commit_count: 0 };
    expect(judgeCall(dontDeleteBranch, { workflow: "git_delete_branch", payload: merged }).reason).toBe("Deleting the branch 'agent/x' is blocked");
  });

  test("no other tool is its business", () => {
    for (const tool of ["git_push", "git_merge", "git_commit", "file_delete"]) expect(judges(dontDeleteBranch, tool)).toBe(false);
  });
});
