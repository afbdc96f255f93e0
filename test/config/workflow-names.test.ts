import { expect, it } from "vitest";

import { checkWorkflowNames } from "../../src/config/coverage.js";
import { Problems } from "../../src/config/problem.js";
import { requireHumanOk } from "../../src/policies/access/index.js";
import { rateLimitWith } from "../../src/policies/time/index.js";

const TOOLS = ["git_merge", "git_push", "sql_query"];

function saysOf(policy: ReturnType<typeof requireHumanOk>): string {
  const problems = new Problems();
  const place = { line: 3, column: 5 };
  checkWorkflowNames([{ name: "the policy", policy, place, meaning: {}, sources: [] }], TOOLS, problems);
  try {
    problems.throwIfAny("enact.yaml");
    return "";
  } catch (error) {
    return error instanceof Error ? error.message : "";
  }
}

it("a policy that judges a tool that does not exist protects nothing, and is refused by name", () => {
  expect(saysOf(requireHumanOk(["git_merg"]))).toContain("the policy is to judge 'git_merg', and no tool has that name. Did you mean 'git_merge'?");
  expect(saysOf(rateLimitWith({ max_calls: 1, window_seconds: 60, workflows: ["sql"] }))).toContain("'sql'");
});

it("names of tools pass, and so do policies that judge all", () => {
  expect(saysOf(requireHumanOk(["git_merge", "git_push"]))).toBe("");
  expect(saysOf(rateLimitWith({ max_calls: 1, window_seconds: 60 }))).toBe("");
});
