import {
  createHash, createHmac, createPrivateKey, createPublicKey, createSecretKey, sign, timingSafeEqual, verify,
} from "node:crypto";
import type { KeyObject } from "node:crypto";

import { EnactError } from "../errors.js";

export type Algorithm = "hmac-sha256" | "ed25519";

/** HMAC secrets shorter than this can be guessed. */
const MIN_SECRET_LENGTH = 32;

/** Something that can check signatures. The algorithm belongs to the key: an entry cannot choose another one. */
export interface VerifyingKey {
  readonly key_id: string;
  readonly algorithm: Algorithm;
  verifies(bytes: Uint8Array, signature: Uint8Array): boolean;
}

/** Something that can make signatures. */
export interface Signer {
  /** Names the key in every entry; says nothing about a secret. */
  readonly key_id: string;
  readonly algorithm: Algorithm;
  sign(bytes: Uint8Array): Uint8Array;
}

export type SigningKey = Signer & VerifyingKey;

/** Whether this user could also have written what the key verifies. */
export function maySign(key: VerifyingKey | undefined): boolean {
  return key !== undefined && "sign" in key;
}

/** Finds the key of an entry. */
export interface KeyFinder {
  /** Undefined when no such key is held. @throws EnactError KEY_UNUSABLE when a key file must not be used */
  find(keyId: string): VerifyingKey | undefined;
}

/** Domain separation: a key check value is no signature over anything. */
const KEY_CHECK = "enact-guard key check value";

/**
 * A key for HMAC-SHA256 over the UTF-8 form of the secret.
 * @throws EnactError KEY_UNUSABLE when the secret is shorter than 32 characters or not well-formed text
 */
export function hmacKey(secret: string): SigningKey {
  if (!secret.isWellFormed() || Array.from(secret.trim()).length < MIN_SECRET_LENGTH) {
    throw new EnactError("KEY_UNUSABLE", `The signing secret must have at least ${String(MIN_SECRET_LENGTH)} characters`, {
      hint: "Set ENACT_SECRET to a longer random text, or unset it and a key is made on first use.",
    });
  }
  const key = createSecretKey(Buffer.from(secret, "utf8"));
  const mac = (bytes: Uint8Array): Buffer => createHmac("sha256", key).update(bytes).digest();
  return Object.freeze({
    key_id: `hmac-sha256:${mac(Buffer.from(KEY_CHECK)).subarray(0, 12).toString("base64url")}`,
    algorithm: "hmac-sha256",
    sign: mac,
    verifies: (bytes: Uint8Array, signature: Uint8Array) => signature.length === 32 && timingSafeEqual(mac(bytes), signature),
  });
}

/**
 * A key pair from a private key in PEM (PKCS #8).
 * @throws EnactError KEY_UNUSABLE when it is no Ed25519 key
 */
export function ed25519Key(privatePem: string): SigningKey {
  const key = parseKey(privatePem, createPrivateKey, "private");
  return Object.freeze({ ...publicKey(createPublicKey(key)), sign: (bytes: Uint8Array): Uint8Array => sign(null, bytes, key) });
}

/**
 * A key that can only verify, from a public key in PEM (SPKI): all that an auditor needs.
 * @throws EnactError KEY_UNUSABLE when it is no Ed25519 key
 */
export function ed25519PublicKey(publicPem: string): VerifyingKey {
  // createPublicKey would quietly take a private key too, and an auditor should not be handed one.
  if (publicPem.includes("PRIVATE KEY")) throw notEd25519("public");
  return Object.freeze(publicKey(parseKey(publicPem, createPublicKey, "public")));
}

/** The public half of a private key, in PEM. */
export function publicPemOf(privatePem: string): string {
  return createPublicKey(parseKey(privatePem, createPrivateKey, "private")).export({ type: "spki", format: "pem" }) as string;
}

function publicKey(key: KeyObject): VerifyingKey {
  const id = createHash("sha256").update(key.export({ type: "spki", format: "der" })).digest().subarray(0, 12);
  return {
    key_id: `ed25519:${id.toString("base64url")}`,
    algorithm: "ed25519",
    verifies: (bytes, signature) => signature.length === 64 && verify(null, bytes, key, signature),
  };
}

function parseKey(pem: string, parse: (pem: string) => KeyObject, half: string): KeyObject {
  let key: KeyObject;
  try {
    key = parse(pem);
  } catch {
    // The cause is left out: it may quote the key.
    throw notEd25519(half);
  }
  if (key.asymmetricKeyType !== "ed25519") throw notEd25519(half);
  return key;
}

function notEd25519(half: string): EnactError {
  return new EnactError("KEY_UNUSABLE", `This is not an Ed25519 ${half} key in PEM form`);
}

/** A signature as an entry holds it: `<algorithm>:<base64url>`. */
export function signatureText(signer: Signer, bytes: Uint8Array): string {
  return `${signer.algorithm}:${Buffer.from(signer.sign(bytes)).toString("base64url")}`;
}

/** Says whether `signature` is one of this key over these bytes. Never throws: whatever it cannot read is no signature. */
export function isSignedBy(key: VerifyingKey, bytes: Uint8Array, signature: string): boolean {
  const prefix = `${key.algorithm}:`;
  if (!signature.startsWith(prefix)) return false;
  const encoded = signature.slice(prefix.length);
  const raw = Buffer.from(encoded, "base64url");
  // Only the one spelling that we write: no padding, no stray bits, no characters that a decoder skips.
  if (raw.toString("base64url") !== encoded) return false;
  try {
    return key.verifies(bytes, raw);
  } catch {
    return false;
  }
}
