import type { KeyObject } from "node:crypto";
import { createPublicKey } from "node:crypto";

import { publicKeyText } from "../../approvals/signatures.js";

/** The public key of a new passkey in the form that the registry holds. @throws TypeError for an algorithm that we do not take */
export async function publicKeyFromCose(cose: Uint8Array): Promise<string> {
  const { cose: names, decodeCredentialPublicKey } = await import("@simplewebauthn/server/helpers");
  const key = decodeCredentialPublicKey(new Uint8Array(cose)) as unknown as ReadonlyMap<number, unknown>;
  const part = (name: number): string => {
    const bytes = key.get(name);
    if (!(bytes instanceof Uint8Array)) throw new TypeError("a part of the key is missing");
    return Buffer.from(bytes).toString("base64url");
  };
  const { kty, crv, x, y, n, e } = names.COSEKEYS;
  const kind = key.get(kty);
  const curve = key.get(crv);
  if (kind === names.COSEKTY.EC2 && curve === names.COSECRV.P256) return textOf({ kty: "EC", crv: "P-256", x: part(x), y: part(y) });
  if (kind === names.COSEKTY.OKP && curve === names.COSECRV.ED25519) return textOf({ kty: "OKP", crv: "Ed25519", x: part(x) });
  if (kind === names.COSEKTY.RSA) return textOf({ kty: "RSA", n: part(n), e: part(e) });
  throw new TypeError("a passkey of this kind cannot be checked here");
}

function textOf(jwk: Readonly<Record<string, string>>): string {
  return publicKeyText(createPublicKey({ key: jwk, format: "jwk" }));
}

/** The way back: WebAuthn's libraries take a public key as COSE. */
export async function coseOf(key: KeyObject): Promise<Uint8Array<ArrayBuffer>> {
  const { cose: names, isoCBOR } = await import("@simplewebauthn/server/helpers");
  const { COSEKEYS: label, COSEKTY: kind, COSECRV: curve, COSEALG: algorithm } = names;
  const jwk = key.export({ format: "jwk" });
  const parts: readonly (readonly [number, number | Uint8Array])[] =
    jwk.kty === "EC"
      ? [[label.kty, kind.EC2], [label.alg, algorithm.ES256], [label.crv, curve.P256], [label.x, bytesOf(jwk.x)], [label.y, bytesOf(jwk.y)]]
      : jwk.kty === "OKP"
        ? [[label.kty, kind.OKP], [label.alg, algorithm.EdDSA], [label.crv, curve.ED25519], [label.x, bytesOf(jwk.x)]]
        : [[label.kty, kind.RSA], [label.alg, algorithm.RS256], [label.n, bytesOf(jwk.n)], [label.e, bytesOf(jwk.e)]];
  return isoCBOR.encode(new Map(parts));
}

function bytesOf(text: unknown): Uint8Array {
  return new Uint8Array(Buffer.from(String(text), "base64url"));
}
