import { z } from "zod";

import { nameMatches, splitName } from "../../facts/sql.js";
import type { WorkflowContext } from "../policy.js";
import { definePolicy } from "../policy.js";

const field = z.string().refine((text) => [1, 2, 3].includes(splitName(text)?.length ?? 0), {
  message: "a field is named like ssn, users.ssn or public.users.ssn",
});
const options = z.strictObject({
  /** SQL columns (ssn, users.ssn, public.users.ssn) and CRM properties (ssn), in any case. */
  pii_fields: z.array(field).min(1),
  /** The role that may not: the agent's, or that of the person behind it; in any case. */
  role: z.string().trim().min(1).default("contractor"),
});
type Options = z.infer<typeof options>;

const SQL = "sql_query";
const CRM = ["crm_create_contact", "crm_create_task"];

/** Personal data is written by people who are bound to the house, not by those who come and go. */
export const contractorCannotWritePiiPolicy = definePolicy<Options>({
  id: "contractor_cannot_write_pii",
  category: "access",
  workflows: [SQL, ...CRM],
  reads: [],
  options,
  description: "Blocks when that role writes one of the fields: SQL columns, through views and triggers too, or CRM properties.",
  hint: "Leave these fields out, or ask an employee to write them.",
  examples: [
    {
      title: "a contractor writes another column",
      passes: true,
      options: { pii_fields: ["ssn"], role: "contractor" },
      actor_role: "contractor",
      workflow: SQL,
      payload: { effects: "planned", columns_written: ["public.users.nickname"], columns_maybe_written: [] },
    },
    {
      title: "an engineer writes the field",
      passes: true,
      options: { pii_fields: ["ssn"], role: "contractor" },
      actor_role: "engineer",
      workflow: SQL,
      payload: { effects: "planned", columns_written: ["public.users.ssn"], columns_maybe_written: [] },
    },
    {
      title: "a contractor writes the field",
      passes: false,
      options: { pii_fields: ["ssn"], role: "contractor" },
      actor_role: "contractor",
      workflow: SQL,
      payload: { effects: "planned", columns_written: ["public.users.ssn"], columns_maybe_written: [] },
    },
    {
      title: "an agent that works for a contractor sets the CRM property, in capitals",
      passes: false,
      options: { pii_fields: ["ssn"], role: "contractor" },
      user_attributes: { role: "Contractor" },
      workflow: "crm_create_contact",
      payload: { email: "bob@example.com", properties: { SSN: "1" } },
    },
  ],
  knownBad: ({ pii_fields, role }) => ({
    workflow: SQL,
    actor_role: role,
    payload: { effects: "planned", columns_written: [...pii_fields], columns_maybe_written: [] },
  }),
  judge: (context, { pii_fields, role }) => {
    const roles = [context.actor_role, context.user_attributes["role"]];
    const isThatRole = roles.some((one) => typeof one === "string" && one.trim().toLowerCase() === role.toLowerCase());
    if (!isThatRole) return { passed: true, reason: `Neither agent nor person has the role '${role}'` };
    const written = context.workflow === SQL ? columnsWritten(context) : propertiesWritten(context);
    if (written === undefined) {
      return { passed: false, reason: `Writing personal data is blocked for the role '${role}', and what this call writes is not known` };
    }
    const personal = written.filter((name) => pii_fields.some((pii) => isField(pii, name, context.workflow)));
    if (personal.length === 0) return { passed: true, reason: "No personal data is written" };
    return { passed: false, reason: `The role '${role}' may not write personal data (${personal.slice(0, 5).join(", ")})` };
  },
});

function columnsWritten({ payload }: WorkflowContext): readonly string[] | undefined {
  if (typeof payload["effects"] !== "string") return undefined;
  const lists = [payload["columns_written"], payload["columns_maybe_written"]];
  return lists.every((list) => Array.isArray(list)) ? (lists.flat() as string[]) : undefined;
}

/** The CRM's own field names: those of the call, and the properties. */
function propertiesWritten({ workflow, payload }: WorkflowContext): readonly string[] | undefined {
  const properties = payload["properties"];
  const own = ["email", "contact", "subject", "body", "due"].filter((name) => payload[name] !== undefined && payload[name] !== null);
  if (typeof properties === "object" && properties !== null) return [...own, ...Object.keys(properties)];
  return workflow === "crm_create_task" && properties === undefined ? own : undefined;
}

function isField(pii: string, name: string, workflow: string): boolean {
  if (workflow === SQL) return nameMatches(pii, name, "any case");
  const last = splitName(pii)?.at(-1)?.text ?? pii;
  return name.trim().toLowerCase() === last.toLowerCase();
}
