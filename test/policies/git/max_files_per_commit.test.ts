import { describe, expect, test } from "vitest";
import { ZodError } from "zod";

import { maxFilesPerCommit, maxFilesPerCommitPolicy } from "../../../src/policies/git/index.js";
import { judgeCall } from "../../support/policy-tester.js";

describe("max_files_per_commit", () => {
  test("exactly the maximum passes, one more does not, for commits and pushes alike", () => {
    for (const workflow of ["git_commit", "git_push"]) {
      expect(judgeCall(maxFilesPerCommit(3), { workflow, payload: { file_count: 3 } })).toMatchObject({ passed: true, reason: "3 files, limit 3" });
      expect(judgeCall(maxFilesPerCommit(3), { workflow, payload: { file_count: 4 } }).passed).toBe(false);
    }
    expect(judgeCall(maxFilesPerCommit(), { workflow: "git_push", payload: { file_count: 0 } }).passed).toBe(true);
  });

  test("names the commit", () => {
    const commits = [{ sha: "a".repeat(40), subject: "Small", file_count: 1 }, { sha: "b".repeat(40), subject: "Reformat", file_count: 80 }];
    expect(judgeCall(maxFilesPerCommit(), { workflow: "git_push", payload: { file_count: 80, commits } }).reason).toBe("A commit touches 80 files, limit 50 (bbbbbbbbbbbb 'Reformat')");
  });

  test("a merge is judged by what its own commit changes", () => {
    expect(judgeCall(maxFilesPerCommit(), { workflow: "git_merge", payload: { file_count: 500, merge_commit_file_count: 2 } }).passed).toBe(true);
    expect(judgeCall(maxFilesPerCommit(), { workflow: "git_merge", payload: { file_count: 500, merge_commit_file_count: 51 } }).passed).toBe(false);
    expect(judgeCall(maxFilesPerCommit(), { workflow: "git_merge", payload: { file_count: 1 } }).passed).toBe(false);
  });

  test.each([null, "3", -1, 1.5, [], {}])("a count of %j is no count", (file_count) => {
    expect(judgeCall(maxFilesPerCommit(), { workflow: "git_commit", payload: { file_count } }).passed).toBe(false);
  });

  test("a limit of nothing is no limit", () => {
    for (const max_files of [0, -1, 1.5, "50", null]) expect(() => maxFilesPerCommitPolicy.create({ max_files })).toThrow(ZodError);
  });
});
