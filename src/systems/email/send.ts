import { randomUUID } from "node:crypto";

import { mailFailure, isRefusal, plainReply, refusals, type MailFailure, type Refusal } from "./failure.js";
import { compose, Outgoing, type Mail } from "./message.js";
import type { MailServer } from "./server.js";
import { openSession, type SendSettings } from "./session.js";

/** What became of a mail. At most one attempt was made. */
export type SendOutcome =
  /** The server has taken it for these recipients, and perhaps refused others. */
  | { readonly state: "sent"; readonly messageId: string; readonly accepted: readonly string[]; readonly refused: readonly Refusal[]; readonly reply: string }
  /** Nothing was sent, for certain. */
  | { readonly state: "failed"; readonly failure: MailFailure; readonly refused: readonly Refusal[] }
  /** The whole message was handed over, and no answer came. */
  | { readonly state: "unknown"; readonly failure: MailFailure; readonly messageId: string; readonly refused: readonly Refusal[] };

/**
 * Hands one mail over to the server, for exactly the envelope's recipients. Never tries again. Cancelling works until the
 * first byte of the message leaves; after that stopping would leave its fate open.
 */
export async function sendMail(settings: SendSettings, mail: Mail, signal: AbortSignal): Promise<SendOutcome> {
  const messageId = `<${randomUUID()}@${mail.from.address.split("@").at(-1) ?? "localhost"}>`;
  const message = await compose(mail, messageId);
  const session = await openSession(settings);
  const outgoing = new Outgoing(message);
  const stop = () => {
    if (!outgoing.hasStarted) session.end(new Cancelled());
  };
  signal.addEventListener("abort", stop, { once: true });
  try {
    if (signal.aborted) throw new Cancelled();
    await session.connect();
    const envelope = { from: mail.from.address, to: [...mail.recipients], size: message.length };
    const info = await session.send(envelope, outgoing);
    const secrets = secretsOf(settings.server);
    return { state: "sent", messageId, accepted: info.accepted, refused: refusals(info.rejectedErrors, secrets), reply: plainReply(info.response, secrets) };
  } catch (error) {
    return failed(error, settings.server, outgoing, messageId);
  } finally {
    signal.removeEventListener("abort", stop);
    session.close();
  }
}

class Cancelled extends Error {}

function failed(error: unknown, server: MailServer, outgoing: Outgoing, messageId: string): SendOutcome {
  const secrets = secretsOf(server);
  const refused = refusals((error as { rejectedErrors?: unknown }).rejectedErrors, secrets);
  if (error instanceof Cancelled) return { state: "failed", failure: { code: "CANCELLED", message: "The call was cancelled", reply: null }, refused };
  const failure = mailFailure(error, secrets);
  // The end of the message is out and the server has not refused it: it may be on its way to the recipients.
  const mayBeSent = outgoing.hasEnded && !isRefusal(error);
  return mayBeSent ? { state: "unknown", failure, messageId, refused } : { state: "failed", failure, refused };
}

/** What must not be shown of an answer, should the server repeat it. */
export function secretsOf({ login }: MailServer): readonly string[] {
  if (login === null) return [];
  const { user, password } = login;
  // As the client sends them in AUTH LOGIN and AUTH PLAIN.
  return [password, base64(password), base64(`\0${user}\0${password}`)];
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}
