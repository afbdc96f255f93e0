import { describe, expect, test } from "vitest";
import { ZodError } from "zod";

import { requireUserRole, requireUserRolePolicy } from "../../../src/policies/access/index.js";
import { judgeCall } from "../../support/policy-tester.js";

const judged = (roles: readonly string[], user_attributes: Record<string, unknown>) => judgeCall(requireUserRole(roles), { workflow: "sql_query", payload: { role: "admin" }, user_attributes });

describe("require_user_role", () => {
  test("a listed role passes, another does not", () => {
    expect(judged(["admin"], { role: "admin" }).passed).toBe(true);
    expect(judged(["admin"], { role: "viewer" }).reason).toContain("'viewer'");
  });

  test.each([
    ["none", {}],
    ["null", { role: null }],
    ["a list", { role: ["admin"] }],
    ["an object", { role: { toString: "admin" } }],
    ["true", { role: true }],
    ["other capitals", { role: "Admin" }],
    ["a space", { role: "admin " }],
    ["another attribute", { roles: "admin", Role: "admin", actor_role: "admin" }],
  ])("a person with %s does not pass", (_name, attributes) => {
    expect(judged(["admin"], attributes).passed).toBe(false);
  });

  test("an empty list allows nobody; options must be a list of names", () => {
    expect(judged([], { role: "admin" }).passed).toBe(false);
    for (const options of [{}, { roles: "admin" }, { roles: [""] }]) expect(() => requireUserRolePolicy.create(options)).toThrow(ZodError);
  });
});
