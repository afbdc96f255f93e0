import type { Policy, PolicyDefinition } from "../policy.js";
import { dontDuplicateContactsPolicy } from "./dont_duplicate_contacts.js";
import { limitTasksPerContactPolicy } from "./limit_tasks_per_contact.js";

export { dontDuplicateContactsPolicy, limitTasksPerContactPolicy };

/** No second contact for the same person. */
export const dontDuplicateContacts: Policy = dontDuplicateContactsPolicy.create({});

/** At most three tasks a contact in seven days. */
export const limitTasksPerContact: Policy = limitTasksPerContactPolicy.create({});

/** At most so many tasks a contact in so many days. */
export const limitTasksPerContactWith = (options: { max_tasks?: number; window_days?: number }): Policy =>
  limitTasksPerContactPolicy.create(options);

/** All policies of this category, sorted by id. */
export const crmPolicies: readonly PolicyDefinition[] = [dontDuplicateContactsPolicy, limitTasksPerContactPolicy];
