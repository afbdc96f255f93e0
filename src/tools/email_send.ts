import { createHash } from "node:crypto";
import { z } from "zod";

import { EnactError } from "../errors.js";
import { emailSendPayload, mailSubject, parseAddress, type EmailSendPayload, type MailAddress } from "../facts/email.js";
import type { Json } from "../facts/json.js";
import type { EmailReader, EmailWriter, Refusal, SendOutcome } from "../systems/email.js";
import { lookAtAttachments, readAttachments, type AttachmentStep } from "./email/attachments.js";
import { parseRecipients, type Recipients } from "./email/recipients.js";
import { secretsOfMail } from "./email/search.js";
import { pathInput } from "./file/input.js";
import { settleMail } from "./settling/unseen.js";
import { defineTool, type ActionTaken, type Execution } from "./tool.js";

const MAX_BODY = 1_000_000;
const MAX_ATTACHMENTS = 20;

const address = z.string().min(1).max(512);
const recipients = z.union([address, z.array(address).max(1_000)]);

const input = z.strictObject({
  to: recipients.describe("One address, or a list of addresses with exactly one in each entry"),
  cc: recipients.optional(),
  bcc: recipients.optional(),
  subject: z
    .string()
    .min(1)
    .max(900)
    .regex(/^[^\p{Cc}\u2028\u2029]*$/u, "must be one line without control characters"),
  text: z.string().min(1).max(MAX_BODY).describe("The mail as plain text"),
  html: z.string().min(1).max(MAX_BODY).optional().describe("The same as HTML"),
  attachments: z.array(pathInput).max(MAX_ATTACHMENTS).optional().describe("Paths of files below the root of the file tools"),
});

type Input = z.infer<typeof input>;
type Box = { readonly name: string | null; readonly address: string };

type Step = {
  readonly from: Box;
  readonly to: readonly Box[];
  readonly cc: readonly Box[];
  readonly recipients: readonly string[];
  readonly subject: string;
  readonly text: string;
  readonly html: string | null;
  readonly attachments: readonly AttachmentStep[];
};

/** Sends one mail to exactly the addresses that were parsed and judged. */
export const emailSendTool = defineTool<Input, EmailSendPayload, Step, EmailReader, EmailWriter>({
  name: "email_send",
  title: "Send an e-mail",
  description:
    "Sends one mail from the configured sender. First parses every recipient of to, cc and bcc into single addresses, counts " +
    "the people behind them, and looks for secrets in the mail and its attachments. Refuses groups, lists in one entry, line " +
    "breaks and addresses that servers read in different ways. A mail cannot be called back.",
  system: "email",
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: true },
  input,
  payload: emailSendPayload,
  reversible: false,
  access: [
    "An SMTP account of its own that the server lets send as `systems.email.from` and as nobody else, with a limit of mails per day where the server has one.",
    "No mailbox: nothing is ever read. TLS is required except on loopback and with `allow_plaintext`.",
    "Attachments are read by the file tools' rules, inside `systems.filesystem.root`; without that section there are none.",
  ],
  settle: settleMail,

  async plan(given, reader, { signal }) {
    const { subject, text, html = null } = given;
    for (const part of [subject, text, html ?? ""]) checkText(part);
    const people = parseRecipients({ to: given.to, cc: given.cc, bcc: given.bcc });
    const from = sender(reader.from);
    const attachments = await lookAtAttachments(reader.files, given.attachments ?? [], signal);
    const payload: EmailSendPayload = {
      from: box(from),
      ...recipientFacts(people),
      subject,
      ...bodyFacts(text, html),
      attachments: attachments.map(({ facts }) => facts),
      attachment_bytes: attachments.reduce((sum, { content }) => sum + content.length, 0),
      secrets: [...secretsOfMail({ recipients: people, subject, text, html, attachments })],
      server: { ...reader.server },
    };
    const step: Step = {
      from: box(from),
      to: people.to.map(box),
      cc: people.cc.map(box),
      recipients: people.envelope,
      subject,
      text,
      html,
      attachments: attachments.map((attachment) => attachment.step),
    };
    const reversal = { possible: false, how: "a sent mail cannot be called back" };
    return { payload, step, target: shownTarget(people.envelope), subjects: people.people.map(mailSubject), reversal };
  },

  async execute(step, writer, { signal }) {
    const attachments = await readAttachments(writer.files, step.attachments);
    if (signal.aborted) throw new EnactError("CANCELLED", "The call was cancelled before the mail was sent");
    return executionOf(step, await writer.send({ ...step, attachments }, signal));
  },
});

function checkText(text: string): void {
  if (text.isWellFormed() && !text.includes("\0")) return;
  throw new EnactError("INVALID_INPUT", "The mail holds a NUL or half a character (a lone surrogate)");
}

function sender(from: string): MailAddress {
  const parsed = parseAddress(from);
  if ("problem" in parsed) throw new EnactError("CONFIG_INVALID", `systems.email.from ${parsed.problem}`);
  return parsed;
}

function box({ name, address: to }: MailAddress): Box {
  return { name, address: to };
}

function recipientFacts({ to, cc, bcc, people, domains }: Recipients) {
  return { to: [...to], cc: [...cc], bcc: [...bcc], recipients: [...people], recipient_count: people.length, domains: [...domains] };
}

function bodyFacts(text: string, html: string | null) {
  return {
    text_size: Buffer.byteLength(text),
    text_sha256: sha256(text),
    html_size: html === null ? null : Buffer.byteLength(html),
    html_sha256: html === null ? null : sha256(html),
  };
}

function sha256(text: string): string {
  return createHash("sha256").update(text, "utf8").digest("hex");
}

/** Addresses only: a display name proves nothing. */
function shownTarget([first = "", ...others]: readonly string[]): string {
  return others.length === 0 ? first : `${first} and ${others.length} more`;
}

function executionOf(step: Step, outcome: SendOutcome): Execution {
  const base = { system: "email", action: "send", reversible: false } as const;
  if (outcome.state === "sent") {
    const { messageId, accepted, refused, reply } = outcome;
    const sent: ActionTaken = { ...base, success: true, output: { message_id: messageId, accepted, reply } };
    const result = { message_id: messageId, accepted, refused: refusedJson(refused) };
    return { actions: refused.length === 0 ? [sent] : [sent, notDelivered(refused)], result };
  }
  const { code, message, reply } = outcome.failure;
  const output = { recipients: step.recipients, reply, refused: refusedJson(outcome.refused) };
  if (outcome.state === "failed") {
    return { actions: [{ ...base, success: false, output, error: { code, message: `Not sent. ${message}` } }], result: null };
  }
  const words = `${message}. The whole mail was handed over and no answer came, so that it may have been sent: do not send it again before somebody has asked a recipient`;
  const error = { code: "OUTCOME_UNKNOWN", message: words };
  return { actions: [{ ...base, success: "unknown", output: { ...output, message_id: outcome.messageId }, error }], result: null };
}

/** The part of the envelope that the server did not take, while it took the rest. */
function notDelivered(refused: readonly Refusal[]): ActionTaken {
  const message = `The mail server refused ${refused.map((refusal) => `${refusal.address} (${refusal.reply})`).join(", ")}`;
  return { system: "email", action: "send", reversible: false, success: false, output: { refused: refusedJson(refused) }, error: { code: "ACTION_FAILED", message } };
}

function refusedJson(refused: readonly Refusal[]): Json {
  return refused.map(({ address: to, reply }) => ({ address: to, reply }));
}
