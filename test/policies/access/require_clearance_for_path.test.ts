import { describe, expect, test } from "vitest";

import { requireClearanceForPath, requireClearanceForPathPolicy } from "../../../src/policies/access/index.js";
import { fileDeleteTool } from "../../../src/tools/file_delete.js";
import { fileReadTool } from "../../../src/tools/file_read.js";
import { fileWriteTool } from "../../../src/tools/file_write.js";
import { fileWorld } from "../../support/file-world.js";
import { testPolicy } from "../../support/policy-examples.js";
import { judgeCall } from "../../support/policy-tester.js";
import { planned } from "../../support/tool-calls.js";

testPolicy(requireClearanceForPathPolicy);

const policy = requireClearanceForPath(["payroll", "people/nowhere"], 3);

async function facts(tool: "file_read" | "file_write" | "file_delete", path: string) {
  const world = fileWorld();
  world.put("payroll/july.csv");
  world.put("people/files/x");
  world.put("open.txt");
  world.link("people/pay", "../payroll");
  const { reader } = world.open({ watchPaths: ["payroll", "people/nowhere"] });
  if (tool === "file_read") return (await planned(fileReadTool, { path }, reader)).payload;
  if (tool === "file_write") return (await planned(fileWriteTool, { path, content: "x" }, reader)).payload;
  return (await planned(fileDeleteTool, { path, recursive: true }, reader)).payload;
}

describe("real files", () => {
  test.each([
    ["file_read", "payroll/july.csv", true],
    ["file_read", "people/pay/july.csv", true],
    ["file_write", "payroll/new.csv", true],
    ["file_write", "people/nowhere", true],
    ["file_delete", "payroll", true],
    ["file_delete", "payroll/july.csv", true],
    ["file_read", "open.txt", false],
    ["file_write", "payroll.txt", false],
    // A link is removed, what it leads to stays; and a path that does not exist is not in the folder.
    ["file_delete", "people/pay", false],
    ["file_delete", "people", false],
  ] as const)("%s of %s needs clearance: %s", async (workflow, path, isNeeded) => {
    const payload = await facts(workflow, path);
    const passes = (clearance_level: number) => judgeCall(policy, { workflow, payload, user_attributes: { clearance_level } }).passed;
    expect([passes(2), passes(2.999), passes(3), passes(4)]).toEqual([!isNeeded, !isNeeded, true, true]);
  });

  test("a folder is judged by what is below it", async () => {
    const world = fileWorld();
    world.put("a/b/payroll/july.csv");
    const { reader } = world.open({ watchPaths: ["a/b/payroll"] });
    const { payload } = await planned(fileDeleteTool, { path: "a", recursive: true }, reader);
    const strict = requireClearanceForPath(["a/b/payroll"], 3);
    expect(judgeCall(strict, { workflow: "file_delete", payload, user_attributes: { clearance_level: 2 } })).toMatchObject({ passed: false });
    expect(judgeCall(strict, { workflow: "file_delete", payload, user_attributes: { clearance_level: 3 } })).toMatchObject({ passed: true });
  });
});

test.each([undefined, null, "5", "", true, [5], { valueOf: 5 }, Number.NaN, Number.POSITIVE_INFINITY])("a clearance of %s is none", async (clearance_level) => {
  const payload = await facts("file_read", "payroll/july.csv");
  const result = judgeCall(policy, { workflow: "file_read", payload, user_attributes: { clearance_level } });
  expect(result).toMatchObject({ passed: false, reason: expect.stringMatching(/missing|not a number/) as string });
});

test("clearance is never taken from the call", async () => {
  const payload = { ...(await facts("file_read", "payroll/july.csv")), clearance_level: 9, user_attributes: { clearance_level: 9 } };
  expect(judgeCall(policy, { workflow: "file_read", payload }).passed).toBe(false);
});

test("a zero or negative minimum still needs a known clearance", async () => {
  const payload = await facts("file_read", "payroll/july.csv");
  const lax = requireClearanceForPath(["payroll"], 0);
  expect(judgeCall(lax, { workflow: "file_read", payload }).passed).toBe(false);
  expect(judgeCall(lax, { workflow: "file_read", payload, user_attributes: { clearance_level: 0 } }).passed).toBe(true);
});
