import type { ErrorCode } from "../../errors.js";
import { transportFailure } from "../shared/transport.js";

/** Why a mail was not sent, or may not have been; nothing in it comes from the password. */
export interface MailFailure {
  readonly code: ErrorCode;
  /** A sentence without a full stop. */
  readonly message: string;
  /** The server's answer, when it gave one. */
  readonly reply: string | null;
}

/** A recipient that the server refused. */
export interface Refusal {
  readonly address: string;
  readonly reply: string;
}

interface SmtpError {
  readonly code?: unknown;
  readonly originalCode?: unknown;
  readonly command?: unknown;
  readonly response?: unknown;
  readonly responseCode?: unknown;
  readonly recipient?: unknown;
  readonly rejectedErrors?: unknown;
}

/** True when the server itself answered that it does not take the mail. */
export function isRefusal(error: unknown): boolean {
  const { responseCode } = (error ?? {}) as SmtpError;
  return typeof responseCode === "number" && responseCode >= 400;
}

/** Reads an error of the SMTP client. Its message is dropped: it may quote what was sent. */
export function mailFailure(error: unknown, secrets: readonly string[]): MailFailure {
  const { code, command } = (error ?? {}) as SmtpError;
  const reply = replyOf(error, secrets);
  const said = reply === null ? "" : ` (${reply})`;
  const at = typeof command === "string" ? command : "";
  if (code === "EAUTH" || at.startsWith("AUTH")) return { code: "SYSTEM_UNAVAILABLE", message: `The mail server does not accept the configured login${said}`, reply };
  if (code === "ETLS" || at === "STARTTLS") return { code: "SYSTEM_UNAVAILABLE", message: `The connection to the mail server cannot be encrypted, so that nothing was sent over it${said}`, reply };
  if (at === "MAIL FROM") return { code: "ACTION_FAILED", message: `The mail server does not accept the sender or the size${said}`, reply };
  if (at === "RCPT TO") return { code: "ACTION_FAILED", message: `The mail server accepts none of the recipients${said}`, reply };
  if (at === "DATA" || isRefusal(error)) return { code: "ACTION_FAILED", message: `The mail server refused the mail${said}`, reply };
  return { code: "SYSTEM_UNAVAILABLE", message: `The mail server cannot be reached or broke off: ${networkWords(error)}`, reply };
}

/** The recipients that were refused one by one, with the server's answers. */
export function refusals(errors: unknown, secrets: readonly string[]): readonly Refusal[] {
  if (!Array.isArray(errors)) return [];
  return (errors as readonly SmtpError[]).map((error) => ({
    address: typeof error.recipient === "string" ? error.recipient : "",
    reply: replyOf(error, secrets) ?? "refused",
  }));
}

function replyOf(error: unknown, secrets: readonly string[]): string | null {
  const { response } = (error ?? {}) as SmtpError;
  return typeof response === "string" ? plainReply(response, secrets) : null;
}

/** A server may repeat what it was sent; what the reply says is shown to a model. */
export function plainReply(reply: string, secrets: readonly string[]): string {
  const hidden = secrets.reduce((text, secret) => text.replaceAll(secret, "[redacted]"), reply);
  return hidden.replaceAll(/[\p{C}\s]+/gu, " ").trim().slice(0, 200);
}

function networkWords(error: unknown): string {
  const { code, originalCode } = (error ?? {}) as SmtpError;
  if (code === "EDNS") return "its name could not be found";
  // The client puts its own code over the system's, which says more.
  if (typeof originalCode === "string") return transportFailure({ code: originalCode }).words;
  return transportFailure(error).words;
}
