import { z } from "zod";

import { definePolicy } from "../policy.js";
import { listOf, unlistedRole } from "./_roles.js";

const options = z.strictObject({
  /** Compared exactly, capitals included: "Admin" is not "admin". An empty list allows nobody. */
  roles: z.array(z.string().min(1)),
});

type Options = z.infer<typeof options>;

/** Judges the person behind the agent, by `user_attributes.role`; a role that is missing or no text is none. */
export const requireUserRolePolicy = definePolicy<Options>({
  id: "require_user_role",
  category: "access",
  workflows: "all",
  reads: [],
  options,
  description: "Blocks when the person's role (`identity.user_attributes.role`) is missing or not listed, by exact comparison.",
  hint: "Ask somebody whose role allows it: no argument of the call changes the person's role.",
  examples: [
    { title: "an admin, where admins may", passes: true, options: { roles: ["admin"] }, workflow: "sql_query", payload: {}, user_attributes: { role: "admin" } },
    { title: "a viewer, where admins may", passes: false, options: { roles: ["admin"] }, workflow: "sql_query", payload: {}, user_attributes: { role: "viewer" } },
    { title: "a person without a role", passes: false, options: { roles: ["admin"] }, workflow: "sql_query", payload: {}, user_attributes: {} },
    {
      title: "a list of roles in place of one",
      passes: false,
      options: { roles: ["admin"] },
      workflow: "sql_query",
      payload: {},
      user_attributes: { role: ["admin"] },
    },
    { title: "anybody, with an empty list", passes: false, options: { roles: [] }, workflow: "sql_query", payload: {}, user_attributes: { role: "admin" } },
  ],
  knownBad: ({ roles }) => ({ workflow: "sql_query", payload: {}, user_attributes: { role: unlistedRole(roles) } }),
  judge: ({ user_attributes }, { roles }) => {
    const role = Object.hasOwn(user_attributes, "role") ? user_attributes["role"] : undefined;
    if (typeof role !== "string") return { passed: false, reason: `Nothing says which role the person has; ${listOf(roles)}` };
    const roleIsListed = roles.includes(role);
    if (roleIsListed) return { passed: true, reason: `The person's role '${role}' is listed` };
    return { passed: false, reason: `The person's role '${role}' is not allowed to do this; ${listOf(roles)}` };
  },
});
