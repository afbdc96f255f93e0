import { createHash } from "node:crypto";

import { canonicalJson } from "../receipts/canonical.js";
import type { AnswerSignature } from "./answer.js";

/** What is known of a passkey besides its public key. */
export interface PasskeyFacts {
  /** base64url */
  readonly credential_id: string;
  /** The relying party that the passkey was made for: "localhost". */
  readonly rp_id: string;
  /** The only origin whose assertions count: "http://localhost:4663". */
  readonly origin: string;
  readonly transports?: readonly string[];
}

/** What an approver is, before it is in the registry. */
export interface ApproverDraft {
  /** 16 hexadecimal digits, random. */
  readonly id: string;
  /** The person. Several keys and passkeys of one address are one person. */
  readonly email: string;
  /** link: made for one request, its private key went out in a mail and is kept nowhere. */
  readonly kind: "key" | "passkey" | "link";
  /** SPKI in DER, base64url: Ed25519, P-256 or RSA. The algorithm belongs to the key; a signature cannot choose it. */
  readonly public_key: string;
  readonly created_at: string;
  /** Of a passkey. */
  readonly passkey?: PasskeyFacts;
  /** Of a link: the only request that it may answer, and until when. */
  readonly link?: { readonly request_id: string; readonly expires_at: string };
}

/**
 * Who let an approver in. The first one of a registry has none; every other one is confirmed by one who was there before,
 * so that somebody who gets at a shell cannot quietly add a person. Links are made by the guard and have none.
 */
export interface Confirmation {
  readonly approver_id: string;
  readonly signature: AnswerSignature;
}

export interface Approver extends ApproverDraft {
  readonly confirmation: Confirmation | null;
  /** From this instant on nothing more may be done with it. Approvals that were used before stay provable. */
  readonly revoked_at: string | null;
}

/** Challenge for the confirmation of an approver; signed like that of a statement. */
export function enrolmentChallenge(draft: ApproverDraft): Uint8Array {
  const { id, email, kind, public_key, created_at, passkey } = draft;
  const statement = { purpose: "enact-guard approver 1", id, email, kind, public_key, created_at, passkey };
  return createHash("sha256").update(canonicalJson(statement)).digest();
}

/** People are told apart by their address, whatever its case, with plus-tags dropped: ann+ok@example.com is ann. */
export function personOf(email: string): string {
  const plain = email.normalize("NFKC").trim().toLowerCase();
  const at = plain.lastIndexOf("@");
  return at === -1 ? plain : `${plain.slice(0, at).replace(/\+.*$/u, "")}${plain.slice(at)}`;
}

/**
 * The registry of approvers in the user's own folder (`approvers.json`, `approvers/`). Reading makes nothing.
 *
 * @throws EnactError KEY_UNUSABLE when a file is open to others, APPROVALS_UNAVAILABLE when it cannot be understood
 */
export interface ApproverRegistry {
  /** Where it lies, for people. */
  readonly location: string;
  /** All that ever were, revoked ones included, links left out; only those whose confirmation holds. Read anew each time. */
  all(): readonly Approver[];
  /** Those whose confirmation does not hold: somebody put them there by another way. */
  unconfirmed(): readonly Approver[];
  /** An approver or a link. */
  find(id: string): Approver | undefined;
  /**
   * Adds an approver, durable when it returns. `confirmation` may be null only for the first of a registry.
   * @throws EnactError REFUSED when the confirmation does not hold, or the credential is there already
   */
  add(draft: ApproverDraft, confirmation: Confirmation | null): Approver;
  /** Adds the public key of a link; there is nothing to confirm, because it can answer one request only. */
  addLink(draft: ApproverDraft): Approver;
  /** @throws EnactError NOT_FOUND */
  revoke(id: string, now: Date): Approver;
}
