import type { Policy, PolicyDefinition } from "../policy.js";
import { noMassEmailsPolicy } from "./no_mass_emails.js";
import { noRepeatEmailsPolicy } from "./no_repeat_emails.js";
import { requireRecipientDomainPolicy } from "./require_recipient_domain.js";

export { noMassEmailsPolicy, noRepeatEmailsPolicy, requireRecipientDomainPolicy };

/** One person at a time. */
export const noMassEmails: Policy = noMassEmailsPolicy.create({});

/** At most so many people at a time. */
export const noMassEmailsWith = (options: { max_recipients: number }): Policy => noMassEmailsPolicy.create(options);

/** At most one mail a day to a person. */
export const noRepeatEmails: Policy = noRepeatEmailsPolicy.create({});

/** At most one mail in so many hours to a person. */
export const noRepeatEmailsWith = (options: { window_hours: number }): Policy => noRepeatEmailsPolicy.create(options);

/** Only to people in these domains. */
export const requireRecipientDomain = (domains: readonly string[]): Policy => requireRecipientDomainPolicy.create({ domains });

/** All policies of this category, sorted by id. */
export const emailPolicies: readonly PolicyDefinition[] = [noMassEmailsPolicy, noRepeatEmailsPolicy, requireRecipientDomainPolicy];
