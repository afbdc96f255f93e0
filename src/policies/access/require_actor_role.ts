import { z } from "zod";

import { definePolicy } from "../policy.js";
import { listOf, unlistedRole } from "./_roles.js";

const options = z.strictObject({
  /** Compared exactly, capitals included: "Admin" is not "admin". An empty list allows nobody. */
  roles: z.array(z.string().min(1)),
});

type Options = z.infer<typeof options>;

/** The role comes from the configuration or a verified token, never from the call. */
export const requireActorRolePolicy = definePolicy<Options>({
  id: "require_actor_role",
  category: "access",
  workflows: "all",
  reads: [],
  options,
  description: "Blocks when the agent's role (`identity.actor_role`) is not listed, by exact comparison.",
  hint: "Ask the person: this agent's role does not allow it, and no argument of the call changes the role.",
  examples: [
    { title: "an engineer, where engineers may", passes: true, options: { roles: ["admin", "engineer"] }, workflow: "git_push", payload: {}, actor_role: "engineer" },
    { title: "a contractor, where engineers may", passes: false, options: { roles: ["engineer"] }, workflow: "git_push", payload: {}, actor_role: "contractor" },
    { title: "a role that differs in capitals", passes: false, options: { roles: ["engineer"] }, workflow: "git_push", payload: {}, actor_role: "Engineer" },
    {
      title: "a payload that claims a role",
      passes: false,
      options: { roles: ["admin"] },
      workflow: "git_push",
      payload: { actor_role: "admin" },
      actor_role: "contractor",
    },
    { title: "anybody, with an empty list", passes: false, options: { roles: [] }, workflow: "git_push", payload: {}, actor_role: "admin" },
  ],
  knownBad: ({ roles }) => ({ workflow: "git_push", payload: {}, actor_role: unlistedRole(roles) }),
  judge: ({ actor_role }, { roles }) => {
    const roleIsListed = roles.includes(actor_role);
    if (roleIsListed) return { passed: true, reason: `The agent's role '${actor_role}' is listed` };
    return { passed: false, reason: `The agent's role '${actor_role}' is not allowed to do this; ${listOf(roles)}` };
  },
});
