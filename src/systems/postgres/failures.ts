import { EnactError, isEnactError } from "../../errors.js";
import { withoutValues } from "./quotes.js";
import { isServerError } from "./wire.js";

const UNDONE = "The transaction was rolled back; nothing was changed.";

/**
 * A failed statement in words. PostgreSQL's DETAIL holds values of rows and is left out; its message is shown without the
 * values that it quotes, once what was read on the way has been judged.
 *
 * @throws the error itself when it is not the statement's: the connection is gone
 */
export function statementFailure(error: unknown, timeoutMs: number, index: number, count: number): EnactError {
  if (!isServerError(error) || isFatal(error)) throw lost(error);
  const which = count > 1 && index < count ? `Statement ${index + 1}: ` : "";
  const { code } = error;
  if (code === "57014") {
    return new EnactError("TIMEOUT", `${which}PostgreSQL cancelled the statement after ${timeoutMs} ms`, {
      done: UNDONE,
      hint: "Make the statement cheaper (an index, a narrower WHERE), or ask the person for a longer statement_timeout_ms.",
    });
  }
  if (code === "55P03") {
    return new EnactError("TIMEOUT", `${which}another transaction holds a lock that this statement needs`, { done: UNDONE });
  }
  const position = error.position === undefined ? "" : ` at character ${error.position}`;
  return new EnactError("ACTION_FAILED", `${which}PostgreSQL refused it: ${withoutValues(error.message)}${position} (${code})`, { done: UNDONE });
}

/** FATAL and PANIC end the session. */
function isFatal(error: { severity: string; code: string }): boolean {
  return error.severity === "FATAL" || error.severity === "PANIC" || error.code.startsWith("57P") || error.code.startsWith("08");
}

/** The connection was lost before COMMIT: the server rolls back by itself. */
export function lost(error: unknown): EnactError {
  if (isEnactError(error)) return error;
  return new EnactError("SYSTEM_UNAVAILABLE", "The connection to PostgreSQL was lost before anything was committed", {
    done: "PostgreSQL rolls back what was open; nothing was changed.",
    hint: "Call again: a new connection is made.",
    cause: error,
  });
}
