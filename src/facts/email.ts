import { z } from "zod";

import { fileFactsSchema } from "./file.js";
import { secretFactSchema } from "./secrets.js";
import { orUnknown } from "./unknown.js";

export { asciiDomain, parseAddress, type AddressProblem, type MailAddress } from "./email/address.js";

export const mailAddressSchema = z.strictObject({
  /** Delivered to; the domain in ASCII. */
  address: z.string(),
  /** Counted as: lower case, without plus-tag. */
  normalised: z.string(),
  name: z.string().nullable(),
});

export const attachmentSchema = fileFactsSchema.extend({
  /** Of what will be sent; the contents are in no receipt. */
  sha256: z.string(),
});
export type AttachmentFacts = z.infer<typeof attachmentSchema>;

/** The facts of `email_send`. Bodies and contents are in no receipt: sizes in bytes of UTF-8, hashes of the same. */
export const emailSendPayload = z.strictObject({
  from: z.strictObject({ address: z.string(), name: z.string().nullable() }),
  to: z.array(mailAddressSchema),
  cc: z.array(mailAddressSchema),
  bcc: z.array(mailAddressSchema),
  /** The distinct people of to, cc and bcc, normalised and sorted. */
  recipients: z.array(z.string()),
  recipient_count: z.number().int(),
  /** The distinct domains that mail goes to, in ASCII and sorted. */
  domains: z.array(z.string()),
  subject: z.string(),
  text_size: z.number().int(),
  text_sha256: z.string(),
  html_size: z.number().int().nullable(),
  html_sha256: z.string().nullable(),
  attachments: z.array(attachmentSchema),
  attachment_bytes: z.number().int(),
  secrets: z.array(orUnknown(secretFactSchema)),
  /** The mail server, and whether the way to it must be encrypted. */
  server: z.strictObject({ host: z.string(), port: z.number().int(), tls: z.enum(["required", "if_offered"]) }),
});
export type EmailSendPayload = z.infer<typeof emailSendPayload>;

/** The key under which a mail to this person is found in the history. */
export function mailSubject(normalised: string): string {
  return `email:${normalised}`;
}
