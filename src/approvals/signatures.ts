import { createHash, createPublicKey, verify } from "node:crypto";
import type { KeyObject } from "node:crypto";

import type { AnswerSignature } from "./answer.js";
import type { ApproverDraft, PasskeyFacts } from "./approvers.js";
import { signedBytes } from "./request.js";

/** Shorter keys can be broken (NIST SP 800-131A). */
const MIN_RSA_BITS = 2048;

/**
 * Says whether this approver has signed this challenge. The approver's own key decides how: a signature cannot choose
 * another algorithm, nor a passkey's answer stand in for a key's. Never throws: whatever it cannot read is no signature.
 */
export function hasSigned(approver: ApproverDraft, challenge: Uint8Array, signature: AnswerSignature): boolean {
  try {
    const key = publicKeyOf(approver.public_key);
    if (approver.kind === "passkey") {
      return signature.kind === "passkey" && approver.passkey !== undefined && isAssertion(key, approver.passkey, challenge, signature);
    }
    if (signature.kind !== "key") return false;
    return isSignature(key, signedBytes(challenge), base64url(signature.signature), "ieee-p1363");
  } catch {
    return false;
  }
}

/**
 * A public key as the registry holds it (SPKI in DER, base64url): Ed25519, P-256, or RSA of at least 2048 bits.
 * @throws TypeError for anything else
 */
export function publicKeyOf(text: string): KeyObject {
  const key = createPublicKey({ key: base64url(text), format: "der", type: "spki" });
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  const isRight =
    type === "ed25519" ||
    (type === "ec" && details?.namedCurve === "prime256v1") ||
    (type === "rsa" && (details?.modulusLength ?? 0) >= MIN_RSA_BITS);
  if (!isRight) throw new TypeError(`a key of this kind cannot approve: ${String(type)}`);
  return key;
}

/** The form in which the registry holds a public key. */
export function publicKeyText(key: KeyObject): string {
  return key.export({ type: "spki", format: "der" }).toString("base64url");
}

/**
 * Web Authentication Level 3, 7.2, the steps that concern one known credential: https://www.w3.org/TR/webauthn-3/
 * The origin matters as much as the signature: another page on this machine may ask for a passkey of "localhost" too.
 */
function isAssertion(key: KeyObject, passkey: PasskeyFacts, challenge: Uint8Array, given: AnswerSignature & { kind: "passkey" }): boolean {
  const clientData = base64url(given.client_data);
  const authenticatorData = base64url(given.authenticator_data);
  if (!isClientData(clientData, passkey.origin, challenge)) return false;
  if (authenticatorData.length < 37) return false;
  if (!sha256(passkey.rp_id).equals(authenticatorData.subarray(0, 32))) return false;
  const flags = authenticatorData[32] ?? 0;
  const userWasPresent = (flags & 0x01) !== 0;
  const userWasVerified = (flags & 0x04) !== 0;
  if (!userWasPresent || !userWasVerified) return false;
  const signed = Buffer.concat([authenticatorData, sha256(clientData)]);
  return isSignature(key, signed, base64url(given.signature), "der");
}

function isClientData(bytes: Buffer, origin: string, challenge: Uint8Array): boolean {
  const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  const data = JSON.parse(text) as Readonly<Record<string, unknown>>;
  return (
    data["type"] === "webauthn.get" &&
    data["challenge"] === Buffer.from(challenge).toString("base64url") &&
    data["origin"] === origin &&
    // A page of somebody else that shows ours in a frame.
    data["crossOrigin"] !== true &&
    data["topOrigin"] === undefined
  );
}

/** @param ecForm WebAuthn's signatures are in DER, those of a browser's own keys are not */
function isSignature(key: KeyObject, bytes: Uint8Array, signature: Buffer, ecForm: "der" | "ieee-p1363"): boolean {
  if (key.asymmetricKeyType === "ed25519") return signature.length === 64 && verify(null, bytes, key, signature);
  if (key.asymmetricKeyType === "ec") return verify("sha256", bytes, { key, dsaEncoding: ecForm }, signature);
  return verify("sha256", bytes, key, signature);
}

function sha256(value: string | Uint8Array): Buffer {
  return createHash("sha256").update(value).digest();
}

/** Only the one spelling: no padding, no stray bits, no characters that a decoder skips. @throws TypeError */
function base64url(text: string): Buffer {
  const bytes = Buffer.from(text, "base64url");
  if (bytes.toString("base64url") !== text) throw new TypeError("not base64url");
  return bytes;
}
