import { EnactError } from "../../errors.js";
import type { Ran } from "./run.js";

/** Text from git or from a remote, fit for a person: no credentials, no control characters, not too long. */
export function plainWords(text: string, limit = 300): string {
  const shown = text
    .toWellFormed()
    .replaceAll(/([a-z][a-z0-9+.-]*:\/\/)[^\s/@']*@/gi, "$1")
    .replaceAll(/([?&][\w.-]*=)[^\s&'"]+/g, "$1***")
    // A remote may send escape sequences and line breaks that would forge a line of the receipt.
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ")
    .replaceAll(/ {2,}/g, " ")
    .trim();
  return shown.length > limit ? `${shown.slice(0, limit - 1)}…` : shown;
}

/** The line of git's messages that says what went wrong. */
export function complaint(stderr: string): string {
  const said = stderr.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  const telling = said.find((line) => /^(?:fatal|error|remote: error|remote: fatal):/.test(line)) ?? said.at(-1) ?? "git gave no reason";
  return plainWords(telling.replace(/^(?:fatal|error): /, ""));
}

/** What a hook said before it refused: the end of it, without git's own line about the push. */
export function hookWords(stderr: string): string {
  const said = stderr.split("\n").filter((line) => !line.startsWith("error: failed to push some refs") && !line.startsWith("hint: "));
  const text = said.join("\n").trim();
  return text === "" ? "it gave no reason" : plainWords(text.length > 400 ? `…${text.slice(-400)}` : text, 420);
}

/** Throws for a run that the guard ended, or that ended with another exit code than those expected. */
export function expectDone(ran: Ran, looking: string, expected: readonly number[] = [0]): Ran {
  if (ran.stopped === "cancelled") throw new EnactError("CANCELLED", `Cancelled while ${looking}`);
  if (ran.stopped === "timeout") throw new EnactError("TIMEOUT", `git took too long while ${looking}`);
  if (ran.stopped === "too much") throw new EnactError("SYSTEM_UNAVAILABLE", `There was more than the guard can look through while ${looking}`);
  if (ran.code === null || !expected.includes(ran.code)) {
    throw new EnactError("SYSTEM_UNAVAILABLE", `git failed while ${looking}: ${complaint(ran.stderr)}`);
  }
  return ran;
}

/** The lines of an output, without the last empty one. */
export function lines(output: Buffer): string[] {
  return output.toString("utf8").split("\n").filter((line) => line !== "");
}

/** The records of an output made with -z, as byte strings (one character a byte): paths need not be UTF-8. */
export function records(output: Buffer): string[] {
  const parts = output.toString("latin1").split("\0");
  if (parts.at(-1) === "") parts.pop();
  return parts;
}

/** A byte string as a person reads it. */
export function shownBytes(bytes: string): string {
  return Buffer.from(bytes, "latin1").toString("utf8");
}
