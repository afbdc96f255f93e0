import { z } from "zod";

import { mailSubject } from "../../facts/email.js";
import { definePolicy, type WorkflowContext } from "../policy.js";

const options = z.strictObject({
  window_hours: z.number().positive().max(24 * 366).default(24),
});

type Options = z.infer<typeof options>;

const HOUR = 3_600_000;
/** More are counted, not listed. */
const MOST_NAMED = 3;

/**
 * Counts mails that were sent, are being sent, or may have been sent; only one of which nothing left for certain does not
 * count. The ledger is asked in the transaction that records this call, so that two processes that write to one person at
 * the same moment send one mail.
 */
export const noRepeatEmailsPolicy = definePolicy<Options>({
  id: "no_repeat_emails",
  category: "email",
  workflows: ["email_send"],
  reads: ["recipients"],
  options,
  description: "Blocks when any recipient already got a mail within the last `window_hours`, or is being sent one now.",
  hint: "Do not write to this person again now: put what is missing into a later mail, or tell the person you work for.",
  examples: [
    { title: "the first mail to somebody", passes: true, workflow: "email_send", payload: { recipients: ["bob@example.com"] } },
    {
      title: "a mail to somebody who got one a day ago, while others got theirs just now",
      passes: true,
      workflow: "email_send",
      payload: { recipients: ["bob@example.com"] },
      history: [
        { workflow: "email_send", seconds_ago: 86_400, subject: "email:bob@example.com" },
        { workflow: "email_send", seconds_ago: 1, subject: "email:eve@example.com" },
      ],
    },
    {
      title: "a second mail an hour later",
      passes: false,
      workflow: "email_send",
      payload: { recipients: ["bob@example.com"] },
      history: [{ workflow: "email_send", seconds_ago: 3_600, subject: "email:bob@example.com" }],
    },
    {
      title: "a mail to two, one of whom got one already",
      passes: false,
      options: { window_hours: 1 },
      workflow: "email_send",
      payload: { recipients: ["bob@example.com", "eve@example.com"], recipient_count: 2 },
      history: [{ workflow: "email_send", seconds_ago: 10, subject: "email:eve@example.com" }],
    },
  ],
  knownBad: () => ({
    workflow: "email_send",
    payload: { recipients: ["bob@example.com"] },
    history: [{ workflow: "email_send", seconds_ago: 0, subject: "email:bob@example.com" }],
  }),
  judge: (context, { window_hours }) => {
    const recipients = context.payload["recipients"] as readonly string[];
    if (!Array.isArray(recipients)) throw new TypeError("the fact 'recipients' is malformed");
    const repeated = recipients.filter((recipient) => lastMail(context, recipient, window_hours) !== undefined);
    const window = `in the last ${window_hours} ${window_hours === 1 ? "hour" : "hours"}`;
    if (repeated.length === 0) return { passed: true, reason: `No recipient got a mail ${window}` };
    const named = repeated.slice(0, MOST_NAMED).map((recipient) => `${recipient} (${since(context, recipient, window_hours)})`);
    const more = repeated.length > MOST_NAMED ? ` and ${repeated.length - MOST_NAMED} more` : "";
    const reason = `Already got a mail ${window}: ${named.join(", ")}${more}`;
    const others = recipients.filter((recipient) => !repeated.includes(recipient));
    if (others.length === 0) return { passed: false, reason };
    const hint = `Leave out ${repeated.slice(0, MOST_NAMED).join(", ")}${more}: write only to those who have got no mail yet.`;
    return { passed: false, reason, hint, instead: { recipients: others, recipient_count: others.length } };
  },
});

function lastMail({ history, now }: WorkflowContext, recipient: string, windowHours: number) {
  // A mail that was sent exactly a window ago has left it.
  const begin = new Date(now.getTime() - windowHours * HOUR + 1);
  return history.runs({ subject: mailSubject(recipient), since: begin }).findLast(({ state }) => state !== "failed");
}

function since(context: WorkflowContext, recipient: string, windowHours: number): string {
  const last = lastMail(context, recipient, windowHours);
  if (last === undefined || last.state === "running") return "being sent now, or interrupted";
  const minutes = Math.max(0, Math.round((context.now.getTime() - last.timestamp.getTime()) / 60_000));
  const ago = minutes < 90 ? `${minutes} min ago` : `${Math.round(minutes / 60)} h ago`;
  return last.state === "unknown" ? `${ago}, perhaps` : ago;
}
