import { describe, expect, test } from "vitest";
import { ZodError } from "zod";

import { requireActorRole, requireActorRolePolicy } from "../../../src/policies/access/index.js";
import { judgeCall } from "../../support/policy-tester.js";

const judged = (roles: readonly string[], actor_role: string, payload = {}) => judgeCall(requireActorRole(roles), { workflow: "git_push", payload, actor_role });

describe("require_actor_role", () => {
  test("a listed role passes, another does not, and the reason says both", () => {
    expect(judged(["admin", "engineer"], "engineer").passed).toBe(true);
    expect(judged(["admin", "engineer"], "contractor")).toMatchObject({ passed: false, reason: "The agent's role 'contractor' is not allowed to do this; allowed: admin, engineer" });
  });

  test.each(["Engineer", "ENGINEER", " engineer", "engineer ", "engineer\u200b", "engineer2", "engine", "", "admin,engineer", "еngineer", "*"])("'%s' is not 'engineer'", (role) => {
    expect(judged(["engineer"], role).passed).toBe(false);
  });

  test("names of what every object has are no roles", () => {
    for (const role of ["constructor", "__proto__", "length", "0"]) expect(judged(["engineer"], role).passed).toBe(false);
  });

  test("what the call claims of itself counts for nothing", () => {
    expect(judged(["admin"], "engineer", { actor_role: "admin", role: "admin" }).passed).toBe(false);
  });

  test("an empty list allows nobody; options must be a list of names", () => {
    expect(judged([], "admin").passed).toBe(false);
    for (const options of [{}, { roles: "admin" }, { roles: [""] }, { roles: [1] }]) expect(() => requireActorRolePolicy.create(options)).toThrow(ZodError);
  });
});
