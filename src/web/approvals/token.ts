import type { Sealing } from "../../receipts/sealed.js";

const CONTEXT = "approvals page: form";

/**
 * What a page holds so that an answer can be told from a form of another site. Sealed with the user's own key: whichever
 * process serves the page when the answer comes can read it. It approves nothing; that takes a passkey.
 */
export function newToken(sealing: Sealing, requestId: string): string {
  return sealing.seal(Buffer.from(requestId, "utf8"), CONTEXT).toString("base64url");
}

export function isToken(sealing: Sealing, requestId: string, token: unknown): boolean {
  if (typeof token !== "string" || token.length > 1000) return false;
  try {
    return sealing.open(Buffer.from(token, "base64url"), CONTEXT).toString("utf8") === requestId;
  } catch {
    return false;
  }
}
