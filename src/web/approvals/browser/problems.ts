/** What went wrong, for the person at the page. */
export function inWords(error: unknown): string {
  const { name, message } = error as Error;
  if (name === "NotAllowedError" || name === "AbortError") return "Nothing was signed: it was cancelled, took too long, or this browser does not have the passkey.";
  if (name === "InvalidStateError") return "This authenticator holds a passkey for this page already.";
  if (name === "SecurityError") return "This browser does not allow passkeys on this address. Open the page as http://localhost.";
  if (/not supported/u.test(message)) return "This browser cannot use passkeys. Another one can, or a terminal.";
  return message === "" ? "It did not work." : message;
}
