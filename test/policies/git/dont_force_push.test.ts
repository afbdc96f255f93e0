import { describe, expect, test } from "vitest";

import { dontForcePush } from "../../../src/policies/git/index.js";
import { insteadOf } from "../../../src/policies/policy.js";
import { judgeCall } from "../../support/policy-tester.js";

const push = (payload: Record<string, unknown>) => judgeCall(dontForcePush, { workflow: "git_push", payload });

describe("dont_force_push", () => {
  test("judges what would be lost, not the flag", () => {
    expect(push({ update: "fast_forward", force: true, lost_commits: [], lost_commit_count: 0 }).passed).toBe(true);
    expect(push({ update: "create", force: true, lost_commits: [], lost_commit_count: 0 }).passed).toBe(true);
    expect(push({ update: "up_to_date", force: true, lost_commits: [], lost_commit_count: 0 }).passed).toBe(true);
    for (const force of [true, false]) {
      const lost = push({ update: "forced", force, lost_commits: [{ sha: "1", subject: "Theirs" }], lost_commit_count: 3 });
      expect(lost).toMatchObject({ passed: false, reason: "The push would take 3 commits off the branch, such as 'Theirs'" });
      expect(insteadOf(lost)).toMatchObject({ update: "fast_forward" });
    }
  });

  test("facts that contradict each other, are unknown or missing do not pass", () => {
    expect(push({ update: "forced", lost_commits: [], lost_commit_count: 0 }).passed).toBe(false);
    expect(push({ update: "fast_forward", lost_commits: [], lost_commit_count: 1 }).passed).toBe(false);
    expect(push({ update: "forced", lost_commits: { $unknown: "no answer" }, lost_commit_count: { $unknown: "no answer" } }).reason).toContain("no answer");
    expect(push({ update: "create" }).passed).toBe(false);
    expect(push({ update: null, lost_commit_count: 0 }).passed).toBe(false);
  });
});
