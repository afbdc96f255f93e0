import { createHmac, generateKeyPairSync, randomBytes } from "node:crypto";

import { describe, expect, test } from "vitest";

import type { SigningKey } from "../../src/receipts/signing.js";
import { ed25519Key, ed25519PublicKey, hmacKey, isSignedBy, publicPemOf, signatureText } from "../../src/receipts/signing.js";

const pem = (): string => generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }) as string;
const secret = (): string => randomBytes(24).toString("hex");
const bytes = Buffer.from('{"a":1}');

const KEYS: readonly (readonly [string, () => SigningKey])[] = [
  ["hmac-sha256", () => hmacKey(secret())],
  ["ed25519", () => ed25519Key(pem())],
];

describe.each(KEYS)("%s", (algorithm, make) => {
  test("signs what it verifies, and nothing else", () => {
    const key = make();
    const signature = signatureText(key, bytes);
    expect(signature.startsWith(`${algorithm}:`)).toBe(true);
    expect(isSignedBy(key, bytes, signature)).toBe(true);
    expect(isSignedBy(key, Buffer.from('{"a":2}'), signature)).toBe(false);
    expect(isSignedBy(make(), bytes, signature)).toBe(false);
  });

  test("has one spelling of a signature only", () => {
    const key = make();
    const signature = signatureText(key, bytes);
    const body = signature.slice(algorithm.length + 1);
    const last = body.at(-1) ?? "";
    // The last character carries bits that no decoder looks at.
    const sibling = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".split("").find(
      (other) => other !== last && Buffer.from(body.slice(0, -1) + other, "base64url").equals(Buffer.from(body, "base64url")),
    );
    expect(sibling).toBeDefined();
    const spellings = [
      `${algorithm}:${body}=`, `${algorithm}:${body} `, `${algorithm}: ${body}`, `${algorithm.toUpperCase()}:${body}`, body,
      `${algorithm}:${Buffer.from(body, "base64url").toString("base64")}`, `${algorithm}:${body.slice(0, -1)}${sibling ?? ""}`,
      `${algorithm}:`, `${algorithm}:${body}${body}`, "",
    ];
    expect(spellings.filter((spelling) => isSignedBy(key, bytes, spelling))).toEqual([]);
  });

  test("has a stable name that gives nothing away", () => {
    const key = make();
    expect(key.key_id).toMatch(new RegExp(`^${algorithm}:[\\w-]{16}$`));
    expect(make().key_id).not.toBe(key.key_id);
  });
});

test("an entry cannot choose the algorithm: a public key is no HMAC secret, whatever the prefix says", () => {
  const key = ed25519Key(pem());
  const publicPem = publicPemOf(pem());
  for (const known of [publicPem, publicPem.trim(), key.key_id.padEnd(40)]) {
    const mac = createHmac("sha256", known).update(bytes).digest("base64url");
    expect(isSignedBy(key, bytes, `hmac-sha256:${mac}`)).toBe(false);
    expect(isSignedBy(key, bytes, `ed25519:${mac}`)).toBe(false);
  }
  const other = hmacKey(secret());
  expect(isSignedBy(other, bytes, signatureText(key, bytes))).toBe(false);
  expect(isSignedBy(other, bytes, signatureText(key, bytes).replace("ed25519", "hmac-sha256"))).toBe(false);
});

test("HMAC is HMAC-SHA256 over the bytes, as any other program computes it", () => {
  const text = secret();
  const expected = createHmac("sha256", text).update(bytes).digest("base64url");
  expect(signatureText(hmacKey(text), bytes)).toBe(`hmac-sha256:${expected}`);
});

test("an auditor verifies with the public key alone, and is not handed a private one", () => {
  const privatePem = pem();
  const auditor = ed25519PublicKey(publicPemOf(privatePem));
  expect(auditor.key_id).toBe(ed25519Key(privatePem).key_id);
  expect(isSignedBy(auditor, bytes, signatureText(ed25519Key(privatePem), bytes))).toBe(true);
  expect(auditor).not.toHaveProperty("sign");
  expect(() => ed25519PublicKey(privatePem)).toThrow("not an Ed25519 public key");
});

test.each([
  ["31 characters", "x".repeat(31)],
  ["nothing", ""],
  ["spaces", " ".repeat(40)],
  ["31 characters of two units each", "😀".repeat(31)],
  ["half a character", `${"x".repeat(40)}\ud800`],
])("a secret of %s is refused, and not quoted", (_title, text) => {
  expect(() => hmacKey(text)).toThrow(expect.objectContaining({ code: "KEY_UNUSABLE", message: expect.not.stringContaining("xxxx") as string }));
});

test("a secret of 32 characters is long enough", () => {
  expect(hmacKey("x".repeat(32)).algorithm).toBe("hmac-sha256");
});

test.each([
  ["RSA", () => generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ type: "pkcs8", format: "pem" }) as string],
  ["X25519", () => generateKeyPairSync("x25519").privateKey.export({ type: "pkcs8", format: "pem" }) as string],
  ["no key at all", () => "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"],
  ["empty", () => ""],
])("a private key that is %s is refused", (_title, make) => {
  const text = make();
  expect(() => ed25519Key(text)).toThrow(expect.objectContaining({ code: "KEY_UNUSABLE" }));
});
