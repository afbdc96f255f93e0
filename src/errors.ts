/**
 * Every error that leaves a room of this project is an {@link EnactError}.
 *
 * A blocked call is not an error: it is a value (a receipt). Errors are for what is broken: input that is not
 * well-formed, a system that does not answer, a ledger that cannot be written.
 */

/** Stable codes. They are part of the public contract: scripts and tests match on them, never on messages. */
export type ErrorCode =
  /** The arguments of a call are not well-formed. Nothing was done. */
  | "INVALID_INPUT"
  /** What the call names does not exist. Nothing was done. */
  | "NOT_FOUND"
  /** The tool itself refuses, whatever the policies say (self-protection, transaction control …). Nothing was done. */
  | "REFUSED"
  /** The world is no longer as it was judged. Nothing was done: look again. */
  | "STALE_PLAN"
  /** The system cannot be reached or does not answer a look. Nothing was done. */
  | "SYSTEM_UNAVAILABLE"
  /** The system took too long. `done` says what is known. */
  | "TIMEOUT"
  /** The caller cancelled. `done` says what is known. */
  | "CANCELLED"
  /** The system refused the action for certain. */
  | "ACTION_FAILED"
  /** The action was sent, its fate is not known. */
  | "OUTCOME_UNKNOWN"
  /** The ledger cannot be read or written, so nothing may run. */
  | "LEDGER_UNAVAILABLE"
  /** What undoing needs cannot be kept, or is not there (any more). */
  | "UNDO_UNAVAILABLE"
  /** The inbox of approvals or the registry of approvers cannot be read or written. */
  | "APPROVALS_UNAVAILABLE"
  /** The action ran, its outcome could not be written. */
  | "OUTCOME_NOT_RECORDED"
  /** A signing key is missing, unreadable, too short or open to others. */
  | "KEY_UNUSABLE"
  /** A receipt or ledger does not verify. */
  | "TAMPERED"
  /** The configuration is wrong; the message has file and line. Nothing was started. */
  | "CONFIG_INVALID"
  /** The guard could not prove to itself that it blocks a known-bad plan. Nothing is served. */
  | "SELF_TEST_FAILED"
  /** Wrong command, flag or argument on the command line. */
  | "USAGE"
  /** A component that this call needs is not installed. */
  | "NOT_INSTALLED"
  /** A defect of this program. */
  | "INTERNAL";

export interface EnactErrorOptions {
  /** What had already been done when this was thrown, as a sentence. */
  readonly done?: string;
  /** What to do instead, as a sentence. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/** The one base class. `message` is safe to show to a model: it never holds a secret. */
export class EnactError extends Error {
  readonly code: ErrorCode;
  readonly done: string;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: EnactErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "EnactError";
    this.code = code;
    this.done = options.done ?? "Nothing was done.";
    this.hint = options.hint;
  }
}

/** True for our own errors, also across two copies of this module (bundle and custom policy). */
export function isEnactError(value: unknown): value is EnactError {
  return value instanceof Error && value.name === "EnactError" && typeof (value as EnactError).code === "string";
}
