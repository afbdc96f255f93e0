import { EnactError } from "../errors.js";
import { reachMail } from "./email/reach.js";
import { sendMail, type SendOutcome } from "./email/send.js";
import { mailServer, type MailServer } from "./email/server.js";
import type { Mail } from "./email/message.js";
import type { FileReader } from "./filesystem/types.js";

export type { MailFailure, Refusal } from "./email/failure.js";
export type { Mail, Mailbox } from "./email/message.js";
export type { SendOutcome } from "./email/send.js";

export interface EmailOptions {
  /** `smtps://user:password@host:465`, or `smtp://user:password@host:587`, which must offer STARTTLS. */
  readonly smtp: string;
  /** The sender of every mail: `agent@company.com` or `Agent <agent@company.com>`. */
  readonly from: string;
  /** Sends without TLS when a server on another machine does not offer it. Default false. */
  readonly allowPlaintext?: boolean | undefined;
  /** Reads attachments, under the rules of the file tools. Without it there are none. */
  readonly files?: FileReader | undefined;
  /** For connecting and for each answer of the server. Default 20 seconds: hosts cut calls off after 60. */
  readonly timeoutMs?: number | undefined;
}

/** What planning may know. It asks no server: SMTP has nothing to look at without sending. */
export interface EmailReader {
  readonly from: string;
  readonly server: Pick<MailServer, "host" | "port" | "tls">;
  /** Null when no file tools are configured. */
  readonly files: FileReader | null;
}

export interface EmailWriter {
  readonly files: FileReader | null;
  /** Makes one attempt; what happens on the way is the outcome, not an error. */
  send(mail: Mail, signal: AbortSignal): Promise<SendOutcome>;
}

export interface EmailSystem {
  readonly reader: EmailReader;
  readonly writer: EmailWriter;
  /** For enact-guard doctor: what a look that changes nothing finds, one clause. @throws EnactError SYSTEM_UNAVAILABLE */
  reach(): Promise<string>;
  close(): Promise<void>;
}

/**
 * Opens the mail system. Connects to nothing and loads nothing: the client is imported by the first mail.
 *
 * @throws EnactError CONFIG_INVALID for an address that cannot be one
 */
export function openEmail(options: EmailOptions): EmailSystem {
  const server = mailServer(options.smtp, options.allowPlaintext ?? false);
  if (!/^(?:[^<>\p{Cc}]*<[^\s<>@]+@[^\s<>@]+>|[^\s<>@]+@[^\s<>@]+)$/u.test(options.from)) {
    throw new EnactError("CONFIG_INVALID", "systems.email.from must be one address such as agent@company.com", { done: "Nothing was started." });
  }
  const files = options.files ?? null;
  const settings = { server, timeoutMs: options.timeoutMs ?? 20_000 };
  const { host, port, tls } = server;
  return {
    reader: { from: options.from, server: { host, port, tls }, files },
    writer: { files, send: (mail, signal) => sendMail(settings, mail, signal) },
    reach: () => reachMail(settings),
    // A connection lives only as long as its mail.
    close: async () => undefined,
  };
}
