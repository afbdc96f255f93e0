import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { policies } from "../../src/policies/index.js";
import { configSandbox, RIGHT, type Sandbox } from "../support/config-sandbox.js";

describe("the section undo", () => {
  let sandbox: Sandbox;
  beforeEach(() => {
    sandbox = configSandbox();
  });
  afterEach(() => sandbox.remove());

  const load = (more: string) => {
    sandbox.write("enact.yaml", RIGHT + more);
    return sandbox.load();
  };
  const problem = async (more: string) => {
    sandbox.write("enact.yaml", RIGHT + more);
    return sandbox.problem();
  };

  test("has defaults, and each can be set", async () => {
    expect((await load("")).undo).toEqual({ enabled: true, max_run_mb: 100, max_total_mb: 1000, max_age_days: 30 });
    expect((await load("undo: { enabled: false, max_run_mb: 1, max_total_mb: 2, max_age_days: 3 }\n")).undo).toEqual({ enabled: false, max_run_mb: 1, max_total_mb: 2, max_age_days: 3 });
  });

  test.each([
    ["undo: { max_run_mb: 0 }", /max_run_mb/u],
    ["undo: { max_run_mb: 1.5 }", /max_run_mb/u],
    ["undo: { max_total_mb: -1 }", /max_total_mb/u],
    ["undo: { max_age_days: 0 }", /max_age_days/u],
    ["undo: { enabled: 1 }", /enabled/u],
    ["undo: { max_days: 3 }", /unknown key 'max_days'/u],
    ["undo: false", /undo/u],
  ])("refuses %s", async (text, says) => {
    expect(JSON.stringify(await problem(`${text}\n`))).toMatch(says);
  });

  test("enact_rollback may be listed among the tools without effect, and named by policies", async () => {
    const tools = (text: string) => text.replace("[git_push]", "[git_push, enact_rollback, enact_check]");
    sandbox.write("enact.yaml", tools(RIGHT));
    const { tools: listed, notices } = await sandbox.load();
    expect([listed, notices]).toEqual([["git_push"], []]);
    const named = (tool: string) => RIGHT.replace("policies:\n", `policies:\n  - require_human_ok: { workflows: [${tool}] }\n`);
    sandbox.write("enact.yaml", named("enact_rollback"));
    expect((await sandbox.load({ policies })).notices).toEqual([]);
    sandbox.write("enact.yaml", named("enact_roll_back"));
    expect(JSON.stringify(await sandbox.problem({ policies }))).toContain("Did you mean 'enact_rollback'?");
  });
});
