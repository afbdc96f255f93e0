import { randomBytes } from "node:crypto";

import type { Sealing } from "../../receipts/sealed.js";

const CONTEXT = "approvals page: presence";
const PATIENCE_MS = 2000;

export interface Presence {
  readonly program: "enact-guard";
  readonly page: "approvals";
  /** The nonce, sealed with the key of the user whose page it is. */
  readonly proof: string;
}

/** A page says whose it is, to whoever can read it: another guard of the same user. */
export function proofOfPage(sealing: Sealing, nonce: string): Presence {
  return { program: "enact-guard", page: "approvals", proof: sealing.seal(Buffer.from(nonce.slice(0, 100), "utf8"), CONTEXT).toString("base64url") };
}

/**
 * Whether the program that holds this port is a page of this very user. Another user's, or a trap, would show people
 * something else than what they are asked for; it cannot seal what we ask it to.
 */
export async function isOurPage(origin: string, sealing: Sealing): Promise<boolean> {
  const nonce = randomBytes(16).toString("hex");
  try {
    const response = await fetch(`${origin}/approvals/about?nonce=${nonce}`, { signal: AbortSignal.timeout(PATIENCE_MS), redirect: "error" });
    const { proof } = (await response.json()) as Partial<Presence>;
    return typeof proof === "string" && sealing.open(Buffer.from(proof, "base64url"), CONTEXT).toString("utf8") === nonce;
  } catch {
    return false;
  }
}
