import { createHash, createPrivateKey, createPublicKey, randomBytes, sign } from "node:crypto";
import type { KeyObject } from "node:crypto";

import type { AnswerSignature } from "./answer.js";
import type { ApproverDraft } from "./approvers.js";
import type { ApprovalRequest } from "./request.js";
import { signedBytes } from "./request.js";
import { publicKeyText } from "./signatures.js";

/**
 * A link that lets one person answer one request, once. Its token is a private key of 256 random bits, which exists in the
 * mail only: what is kept is the public half. So nobody who reads our files can answer with it, and each answer that was
 * given with it is a signature that anybody with the public half can check.
 */
export interface MailLink {
  /** 43 characters of base64url; a secret. */
  readonly token: string;
  /** For the registry of approvers. */
  readonly draft: ApproverDraft;
}

/** What a token opens. */
export interface OpenedLink {
  /** Of the approver that the link is. */
  readonly id: string;
  readonly public_key: string;
  sign(challenge: Uint8Array): AnswerSignature;
}

const SEED_BYTES = 32;
/** What stands in front of the 32 bytes in PKCS #8 (RFC 8410, 7). */
const PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");

/** A link for this request and this person; nothing is written yet. */
export function makeLink(request: ApprovalRequest, email: string, now: Date): MailLink {
  const seed = randomBytes(SEED_BYTES);
  const key = keyOf(seed);
  const public_key = publicTextOf(key);
  const link = { request_id: request.id, expires_at: request.expires_at };
  return {
    token: seed.toString("base64url"),
    draft: { id: idOf(public_key), email, kind: "link", public_key, created_at: now.toISOString(), link },
  };
}

/** The link of a token; null for what can be none. Whether there is such a link, the registry knows. */
export function openLink(token: string): OpenedLink | null {
  const seed = Buffer.from(token, "base64url");
  if (seed.length !== SEED_BYTES || seed.toString("base64url") !== token) return null;
  const key = keyOf(seed);
  const public_key = publicTextOf(key);
  return {
    id: idOf(public_key),
    public_key,
    sign: (challenge) => ({ kind: "key", signature: sign(null, signedBytes(challenge), key).toString("base64url") }),
  };
}

function keyOf(seed: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: "der", type: "pkcs8" });
}

function publicTextOf(key: KeyObject): string {
  return publicKeyText(createPublicKey(key));
}

/** Found from the token alone: there is nothing else in the address that could leak or be changed. */
function idOf(publicKey: string): string {
  return createHash("sha256").update(publicKey, "utf8").digest("hex").slice(0, 16);
}
