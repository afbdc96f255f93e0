import { z } from "zod";

import { definePolicy } from "../policy.js";

const options = z.strictObject({
  /** Distinct people in to, cc and bcc together; exactly as many pass. */
  max_recipients: z.int().min(1).default(1),
});

type Options = z.infer<typeof options>;

export const noMassEmailsPolicy = definePolicy<Options>({
  id: "no_mass_emails",
  category: "email",
  workflows: ["email_send"],
  reads: ["recipient_count"],
  options,
  description:
    "Blocks when to, cc and bcc together hold more than `max_recipients` distinct people. Capitals and plus-tags make no other person.",
  hint: "Write to fewer people at once, or ask the person to send this mail themselves.",
  examples: [
    { title: "a mail to one person, named twice", passes: true, workflow: "email_send", payload: { recipient_count: 1 } },
    { title: "exactly the maximum", passes: true, options: { max_recipients: 5 }, workflow: "email_send", payload: { recipient_count: 5 } },
    { title: "one to, one hidden in bcc", passes: false, workflow: "email_send", payload: { recipient_count: 2 } },
    { title: "a list of customers", passes: false, options: { max_recipients: 5 }, workflow: "email_send", payload: { recipient_count: 500 } },
  ],
  knownBad: ({ max_recipients }) => ({ workflow: "email_send", payload: { recipient_count: max_recipients + 1 } }),
  judge: ({ payload }, { max_recipients }) => {
    const count = payload["recipient_count"];
    if (typeof count !== "number") throw new TypeError("the fact 'recipient_count' is malformed");
    const isWithinLimit = count <= max_recipients;
    const reason = `${count} ${count === 1 ? "recipient" : "recipients"}, limit ${max_recipients}`;
    return isWithinLimit ? { passed: true, reason } : { passed: false, reason, instead: { recipient_count: max_recipients } };
  },
});
