import { z } from "zod";

import { contactSubject } from "../../facts/crm.js";
import { definePolicy } from "../policy.js";

const HOUR = 3_600_000;
/** HubSpot's search lags behind what was created. */
const UNTIL_SEARCHABLE = HOUR / 4;
/** A run whose fate is open may still have created the contact; after a day the CRM itself can tell. */
const UNTIL_SETTLED = 24 * HOUR;

/**
 * Looks at the CRM, and at the ledger for what the CRM cannot show yet: a contact that another process is creating at
 * this moment, one whose creation was interrupted, one that the search does not know yet.
 */
export const dontDuplicateContactsPolicy = definePolicy({
  id: "dont_duplicate_contacts",
  category: "crm",
  workflows: ["crm_create_contact"],
  reads: ["email", "email_normalised", "existing_contacts"],
  options: z.strictObject({}),
  description: "Blocks when the CRM already has a contact with this address in any spelling, is just getting one, or cannot say.",
  hint: "Use the contact that exists, by its id or address.",
  examples: [
    {
      title: "an address that the CRM does not know",
      passes: true,
      workflow: "crm_create_contact",
      payload: { email: "bob@example.com", email_normalised: "bob@example.com", existing_contacts: [] },
    },
    {
      title: "an address of which only a look-alike exists",
      passes: true,
      workflow: "crm_create_contact",
      payload: { email: "bob@example.com", email_normalised: "bob@example.com", existing_contacts: [] },
      history: [{ workflow: "crm_create_contact", seconds_ago: 60, subject: "crm:contact:bobby@example.com" }],
    },
    {
      title: "an address that exists with capitals and a plus-tag",
      passes: false,
      workflow: "crm_create_contact",
      payload: {
        email: "bob+news@example.com",
        email_normalised: "bob@example.com",
        existing_contacts: [{ id: "151", email: "Bob@Example.com" }],
      },
    },
    {
      title: "an address for which a contact was created a minute ago",
      passes: false,
      workflow: "crm_create_contact",
      payload: { email: "bob@example.com", email_normalised: "bob@example.com", existing_contacts: [] },
      history: [{ workflow: "crm_create_contact", seconds_ago: 60, subject: "crm:contact:bob@example.com" }],
    },
  ],
  judge: ({ payload, history, now }) => {
    const email = String(payload["email"]);
    const existing = payload["existing_contacts"] as readonly { id: string; email: string }[];
    const [first] = existing;
    if (first !== undefined) {
      const more = existing.length > 1 ? ` and ${existing.length - 1} more` : "";
      const known = first.email === "" ? `contact ${first.id}` : `'${first.email}' (contact ${first.id})`;
      return { passed: false, reason: `The CRM already has '${email}': ${known}${more}`, instead: { existing_contacts: [] } };
    }
    const subject = contactSubject(String(payload["email_normalised"]));
    const since = new Date(now.getTime() - UNTIL_SETTLED);
    const runs = history.runs({ workflows: ["crm_create_contact"], subject, since });
    const open = runs.find(({ state, timestamp }) =>
      state === "done" ? now.getTime() - timestamp.getTime() < UNTIL_SEARCHABLE : state !== "failed");
    if (open === undefined) return { passed: true, reason: `The CRM has no contact for '${email}'` };
    const what = open.state === "done" ? "was created" : "is being created, or its creation was interrupted";
    return { passed: false, reason: `A contact for '${email}' ${what} (${open.timestamp.toISOString()}, run ${open.run_id})` };
  },
});
