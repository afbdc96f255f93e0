import { z } from "zod";

import { secretFactsSchema } from "./secrets.js";
import { orUnknown } from "./unknown.js";

/** The facts of `crm_create_contact`. */
export const crmCreateContactPayload = z.strictObject({
  /** As the CRM would store it. */
  email: z.string(),
  /** Lower case, without plus-tag: the same person is the same text. */
  email_normalised: z.string(),
  /** The name of each property that would be written, and the length of its value. Values are in no receipt. */
  properties: z.record(z.string(), z.number().int()),
  /** Contacts that the CRM already has for this person, under any spelling of the address that can be searched. */
  existing_contacts: orUnknown(z.array(z.strictObject({ id: z.string(), email: z.string() }))),
  secrets: secretFactsSchema,
});
export type CrmCreateContactPayload = z.infer<typeof crmCreateContactPayload>;

const crmTask = z.strictObject({ id: z.string(), created_at: z.string() });

/** The facts of `crm_create_task`. */
export const crmCreateTaskPayload = z.strictObject({
  /** The CRM's id of the contact; after a merge, of the one that is left. */
  contact: z.string(),
  contact_email: z.string().nullable(),
  subject: z.string(),
  /** Length in UTF-16 units and hash of the UTF-8 form; null without a body. */
  body: z.strictObject({ length: z.number().int(), sha256: z.string() }).nullable(),
  /** RFC 3339; null: due when it is created. */
  due: z.string().nullable(),
  /** The contact's tasks, newest first; the newest 200 when there are more. */
  tasks: orUnknown(z.array(crmTask)),
  /** False when older tasks were left out of the list. */
  tasks_complete: z.boolean(),
  secrets: secretFactsSchema,
});
export type CrmCreateTaskPayload = z.infer<typeof crmCreateTaskPayload>;

/** The key under which the making of this contact is found in the history. */
export function contactSubject(normalised: string): string {
  return `crm:contact:${normalised}`;
}

/** The key under which tasks for this contact are found in the history. */
export function taskSubject(contactId: string): string {
  return `crm:task:${contactId}`;
}
