import { describe, expect, test } from "vitest";
import { ZodError } from "zod";

import { unknown } from "../../../src/facts/unknown.js";
import { codeFreezeActive, codeFreezeActivePolicy, codeFreezeActiveWith } from "../../../src/policies/time/index.js";
import { CALM, judgeCall } from "../../support/policy-tester.js";

const environment = (facts: object) => ({ environment: { ...CALM.environment, ...facts } });
const push = (facts: object, now?: string) => ({ workflow: "git_push", payload: environment(facts), ...(now === undefined ? {} : { now }) });

describe("a freeze declared by the environment", () => {
  test.each(["1", "true", "YES", " on ", "release week"])("ENACT_FREEZE='%s' blocks", (freeze_env) => {
    const result = judgeCall(codeFreezeActive, push({ freeze_env }));
    expect(result.passed).toBe(false);
    expect(result.reason).toContain(freeze_env.trim());
  });

  test.each([null, "", " ", "0", "false", "No", "OFF"])("ENACT_FREEZE=%j does not", (freeze_env) => {
    expect(judgeCall(codeFreezeActive, push({ freeze_env })).passed).toBe(true);
  });

  test("the freeze file blocks, with its text as the reason, and without one too", () => {
    expect(judgeCall(codeFreezeActive, push({ freeze_file: { reason: "release 4.2\n" } })).reason).toContain("release 4.2");
    expect(judgeCall(codeFreezeActive, push({ freeze_file: { reason: "" } })).passed).toBe(false);
  });

  test("a freeze file that cannot be read blocks, and the variable is the better reason", () => {
    const freeze_file = unknown("permission denied");
    const result = judgeCall(codeFreezeActive, push({ freeze_file }));
    expect(result.passed).toBe(false);
    expect(result.reason).toContain("permission denied");
    expect(judgeCall(codeFreezeActive, push({ freeze_file, freeze_env: "1" })).reason).toContain("ENACT_FREEZE");
  });

  test.each([
    ["nothing", {}],
    ["no file", { freeze_env: null }],
    ["no variable", { freeze_file: null }],
    ["a number", { freeze_env: 0, freeze_file: null }],
    ["a file of another shape", { freeze_env: null, freeze_file: { text: "x" } }],
  ])("an environment of which is known %s blocks", (_name, facts) => {
    expect(judgeCall(codeFreezeActive, { workflow: "git_push", payload: { environment: facts } }).passed).toBe(false);
  });
});

describe("listed freezes", () => {
  const policy = codeFreezeActiveWith({
    freezes: [
      { start: "2026-12-20T00:00:00Z", end: "2027-01-04T00:00:00+01:00", reason: "holidays" },
      { start: "2026-11-27T00:00:00-08:00", end: "2026-11-28T00:00:00-08:00" },
    ],
  });

  test.each([
    ["2026-12-19T23:59:59.999Z", true],
    ["2026-12-20T00:00:00.000Z", false],
    ["2027-01-03T22:59:59.999Z", false],
    ["2027-01-03T23:00:00.000Z", true],
    ["2026-11-27T07:59:59.999Z", true],
    ["2026-11-27T08:00:00.000Z", false],
    ["2026-11-28T07:59:59.999Z", false],
    ["2026-11-28T08:00:00.000Z", true],
  ])("%s passes: %s", (now, passed) => {
    expect(judgeCall(policy, push({}, now)).passed).toBe(passed);
  });

  test("the reason names the end and why", () => {
    expect(judgeCall(policy, push({}, "2026-12-24T12:00:00Z")).reason).toMatch(/2027-01-04T00:00:00\+01:00.*holidays/);
  });

  test.each([
    [{ freezes: [{ start: "2026-12-20", end: "2027-01-04T00:00:00Z" }] }],
    [{ freezes: [{ start: "2026-12-20T00:00:00", end: "2027-01-04T00:00:00Z" }] }],
    [{ freezes: [{ start: "2026-12-20T00:00:00Z", end: "2026-12-20T00:00:00Z" }] }],
    [{ freezes: [{ start: "2026-12-20T00:00:00Z", end: "2026-12-20T00:30:00+01:00" }] }],
    [{ freezes: [{ start: "2026-12-20T00:00:00Z" }] }],
    [{ freezes: [{ start: "2026-12-20T00:00:00Z", end: "2027-01-04T00:00:00Z", why: "x" }] }],
    [{ freezes: {} }],
  ])("%j is refused", (options) => {
    expect(() => codeFreezeActivePolicy.create(options)).toThrow(ZodError);
  });
});

describe("reads in a freeze", () => {
  const select = {
    effects: "planned", tables_written: [], columns_written: [], deletes: [], ddl: [],
    rows_inserted: null, rows_updated: null, rows_deleted: null, rows_affected: null,
  };
  const counted = { effects: "measured", rows_inserted: 0, rows_updated: 0, rows_deleted: 0, rows_affected: 0 };
  const lenient = codeFreezeActiveWith({ allow_reads: true });
  const judged = (workflow: string, payload: object) => judgeCall(lenient, { workflow, payload: { ...payload, ...environment({ freeze_env: "1" }) } });

  test("are blocked like everything else unless allow_reads says so", () => {
    expect(judgeCall(codeFreezeActive, { workflow: "file_read", payload: environment({ freeze_env: "1" }) }).passed).toBe(false);
    expect(judged("file_read", {}).passed).toBe(true);
  });

  test("a SELECT passes before and after it is measured", () => {
    expect(judged("sql_query", select).passed).toBe(true);
    expect(judged("sql_query", { ...select, ...counted }).passed).toBe(true);
  });

  test.each([
    ["names a table to write", { tables_written: ["public.users"] }],
    ["deletes", { deletes: ["DELETE FROM public.users"] }],
    ["changes the schema", { ddl: ["CREATE TABLE x"] }],
    ["was measured to write one row by a function", { ...counted, rows_updated: 1, rows_affected: 1 }],
    ["was measured without a count", { ...counted, rows_affected: null }],
    ["has effects that nobody can tell", { effects: unknown("calls a function in C") }],
    ["has unknown deletions", { rows_deleted: unknown("not counted") }],
    ["lacks a fact", { tables_written: undefined }],
  ])("SQL that %s is blocked", (_name, facts) => {
    expect(judged("sql_query", { ...select, ...facts }).passed).toBe(false);
  });

  test.each(["file_write", "file_delete", "git_push", "slack_post", "email_send", "a_tool_of_somebody_else"])("%s is a change", (workflow) => {
    expect(judged(workflow, {}).passed).toBe(false);
  });
});
