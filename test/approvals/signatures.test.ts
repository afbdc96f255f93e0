import { generateKeyPairSync, sign } from "node:crypto";

import { describe, expect, test } from "vitest";

import type { AnswerSignature } from "../../src/approvals/answer.js";
import { challengeOf, signedBytes } from "../../src/approvals/request.js";
import type { Statement } from "../../src/approvals/request.js";
import { hasSigned, publicKeyOf, publicKeyText } from "../../src/approvals/signatures.js";
import { keyPerson, ORIGIN, passkeyPerson, START } from "../support/approval-world.js";

const statement: Statement = {
  purpose: "enact-guard approval 1",
  decision: "approve",
  id: "a".repeat(32),
  project: "/project",
  workflow: "s3_delete",
  plan_digest: `sha256:${"1".repeat(64)}`,
  shown: `sha256:${"2".repeat(64)}`,
  min_approvals: 1,
  approver_differs: false,
  created_at: START,
  expires_at: "2026-11-22T13:00:00.000Z",
};
const challenge = challengeOf(statement);

describe("a key", () => {
  const ann = keyPerson("ann@example.com", START);

  test("signs exactly one statement: any other field, and the signature is of something else", () => {
    const signature = ann.sign(challenge);
    expect(hasSigned(ann.draft, challenge, signature)).toBe(true);
    const others: Partial<Statement>[] = [
      { decision: "deny" }, { id: "b".repeat(32) }, { project: "/other" }, { workflow: "git_push" }, { plan_digest: `sha256:${"3".repeat(64)}` },
      { shown: `sha256:${"3".repeat(64)}` }, { min_approvals: 2 }, { approver_differs: true }, { created_at: "2026-11-22T12:00:00.001Z" },
      { expires_at: "2026-11-22T13:00:00.001Z" },
    ];
    expect(others.flatMap((other) => Object.keys(other)).toSorted()).toEqual(Object.keys(statement).filter((name) => name !== "purpose").toSorted());
    for (const other of others) expect(hasSigned(ann.draft, challengeOf({ ...statement, ...other }), signature)).toBe(false);
  });

  test("a signature of another key, one over the bare digest, and a flipped bit are none", () => {
    const { privateKey } = generateKeyPairSync("ed25519");
    const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64url");
    expect(hasSigned(ann.draft, challenge, { kind: "key", signature: text(sign(null, signedBytes(challenge), privateKey)) })).toBe(false);
    const bare = keyFromPem();
    expect(hasSigned(bare.draft, challenge, { kind: "key", signature: text(sign(null, challenge, bare.privateKey)) })).toBe(false);
    expect(hasSigned(bare.draft, challenge, { kind: "key", signature: text(sign(null, signedBytes(challenge), bare.privateKey)) })).toBe(true);
    const good = Buffer.from((ann.sign(challenge) as { signature: string }).signature, "base64url");
    for (const index of [0, 31, 32, 63]) {
      const bad = Buffer.from(good);
      bad[index] = (bad[index] ?? 0) ^ 1;
      expect(hasSigned(ann.draft, challenge, { kind: "key", signature: text(bad) })).toBe(false);
    }
  });

  test.each(["", "=", "!!!!", "AA==", "A".repeat(86), `${"A".repeat(85)}=`])("what is no signature (%s) is false and throws nothing", (signature) => {
    expect(hasSigned(ann.draft, challenge, { kind: "key", signature })).toBe(false);
    expect(hasSigned(ann.draft, challenge, {} as AnswerSignature)).toBe(false);
    expect(hasSigned({ ...ann.draft, public_key: signature }, challenge, ann.sign(challenge))).toBe(false);
  });

  function keyFromPem() {
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    return { privateKey, draft: { ...ann.draft, public_key: publicKeyText(publicKey) } };
  }
});

describe.each(["ES256", "EdDSA", "RS256"] as const)("a passkey with %s", (algorithm) => {
  const ann = passkeyPerson("ann@example.com", START, algorithm);

  test("its assertion over the challenge counts", () => {
    expect(hasSigned(ann.draft, challenge, ann.assert(challenge))).toBe(true);
    expect(hasSigned(ann.draft, challenge, ann.assert(challenge, { flags: 0x1d }))).toBe(true);
  });

  test.each([
    ["another challenge", { challenge: Buffer.from(challengeOf({ ...statement, id: "c".repeat(32) })).toString("base64url") }],
    ["a challenge with padding", { challenge: `${Buffer.from(challenge).toString("base64url")}=` }],
    ["another origin", { origin: "http://localhost:3000" }],
    ["the origin with a path", { origin: `${ORIGIN}/` }],
    ["the loopback address instead of the name", { origin: "http://127.0.0.1:4663" }],
    ["another relying party", { rpId: "example.com" }],
    ["a registration instead of an assertion", { type: "webauthn.create" }],
    ["a page in another's frame", { more: { crossOrigin: true } }],
    ["a page of another top origin", { more: { topOrigin: "http://evil.example" } }],
    ["nobody touched it", { flags: 0x04 }],
    ["a person who was not verified", { flags: 0x01 }],
    ["no flags at all", { flags: 0x00 }],
    ["authenticator data that is cut off", { bytes: 36 }],
  ])("%s does not count, although it is rightly signed", (_fear, changes) => {
    expect(hasSigned(ann.draft, challenge, ann.assert(challenge, changes))).toBe(false);
  });

  test("parts of two assertions, cut ones and changed ones do not count", () => {
    const good = ann.assert(challenge) as AnswerSignature & { kind: "passkey" };
    const other = ann.assert(challengeOf({ ...statement, id: "c".repeat(32) })) as AnswerSignature & { kind: "passkey" };
    expect(hasSigned(ann.draft, challenge, { ...good, signature: other.signature })).toBe(false);
    expect(hasSigned(ann.draft, challenge, { ...other, client_data: good.client_data })).toBe(false);
    const short = Buffer.from(good.authenticator_data, "base64url").subarray(0, 36).toString("base64url");
    expect(hasSigned(ann.draft, challenge, { ...good, authenticator_data: short })).toBe(false);
    const louder = Buffer.from(good.authenticator_data, "base64url");
    louder[32] = 0x45;
    expect(hasSigned(ann.draft, challenge, { ...good, authenticator_data: louder.toString("base64url") })).toBe(false);
    expect(hasSigned(ann.draft, challenge, { ...good, client_data: Buffer.from("{").toString("base64url") })).toBe(false);
  });

  test("a passkey's key cannot sign as a key, nor a key as a passkey", () => {
    const key = keyPerson("ann@example.com", START);
    expect(hasSigned(ann.draft, challenge, key.sign(challenge))).toBe(false);
    expect(hasSigned(key.draft, challenge, ann.assert(challenge))).toBe(false);
    expect(hasSigned({ ...ann.draft, kind: "key" }, challenge, ann.assert(challenge))).toBe(false);
    const { passkey: _facts, ...without } = ann.draft;
    expect(hasSigned(without, challenge, ann.assert(challenge))).toBe(false);
  });
});

test("keys that can be broken or are of another kind are no keys of approvers", () => {
  const small = generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey;
  const curve = generateKeyPairSync("ec", { namedCurve: "secp256k1" }).publicKey;
  const exchange = generateKeyPairSync("x25519").publicKey;
  for (const key of [small, curve, exchange]) expect(() => publicKeyOf(publicKeyText(key))).toThrow(/cannot approve/);
});
