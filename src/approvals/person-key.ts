import { createCipheriv, createDecipheriv, createPrivateKey, generateKeyPairSync, randomBytes, scrypt, sign } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { join } from "node:path";

import { z } from "zod";

import { EnactError } from "../errors.js";
import { canonicalJson } from "../receipts/canonical.js";
import { createPrivateFile, makePrivateFolder, readPrivateFile, realPathOf } from "../receipts/key-files.js";
import type { AnswerSignature } from "./answer.js";
import { signedBytes } from "./request.js";
import { publicKeyText } from "./signatures.js";

/** OWASP's Password Storage Cheat Sheet: scrypt with N=2^17, r=8, p=1. About 128 MiB and 0.4 s for each guess. */
const COST = { N: 2 ** 17, r: 8, p: 1 } as const;
const MAX_MEMORY = 256 * 1024 * 1024;

/** NIST SP 800-63B asks for 15 characters where a password stands alone; here the file that it protects is needed too. */
export const MIN_PASSPHRASE = 12;

const base64url = z.string().regex(/^[\w-]+$/u);
const fileSchema = z.strictObject({
  version: z.literal(1),
  id: z.string(),
  email: z.string(),
  public_key: base64url,
  kdf: z.strictObject({ name: z.literal("scrypt"), N: z.literal(COST.N), r: z.literal(COST.r), p: z.literal(COST.p), salt: base64url }),
  cipher: z.literal("aes-256-gcm"),
  nonce: base64url,
  sealed: base64url,
});

type KeyFile = z.infer<typeof fileSchema>;

export interface PersonKey {
  readonly id: string;
  readonly email: string;
  /** As the registry has it. */
  readonly public_key: string;
  sign(challenge: Uint8Array): AnswerSignature;
}

/** Says why a passphrase is too weak; null when it is not. */
export function passphraseProblem(passphrase: string): string | null {
  const length = Array.from(passphrase.normalize("NFC")).length;
  if (length < MIN_PASSPHRASE) return `A passphrase needs at least ${String(MIN_PASSPHRASE)} characters: several words are easy to remember.`;
  return new Set(passphrase).size < 5 ? "This passphrase repeats the same few characters." : null;
}

/** Makes an Ed25519 key for a person; nothing is written yet. */
export function makePersonKey(email: string): PersonKey & { store(enactHome: string, passphrase: string): Promise<void> } {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const id = randomBytes(8).toString("hex");
  const key = { id, email, public_key: publicKeyText(publicKey), sign: signer(privateKey) };
  return {
    ...key,
    async store(enactHome, passphrase) {
      const home = realPathOf(enactHome);
      makePrivateFolder(home);
      makePrivateFolder(join(home, "approvers"));
      const file = await sealed(privateKey, key, passphrase);
      createPrivateFile(keyPath(enactHome, id), `${JSON.stringify(file, null, 2)}\n`);
    },
  };
}

/** Says whether the key of an approver lies on this machine. */
export function hasPersonKey(enactHome: string, id: string): boolean {
  return readPrivateFile(keyPath(enactHome, id)) !== null;
}

/**
 * Opens the key of an approver.
 * @throws EnactError NOT_FOUND when it is not on this machine, REFUSED for a wrong passphrase, KEY_UNUSABLE when the file
 *   is open to others or damaged
 */
export async function openPersonKey(enactHome: string, id: string, passphrase: string): Promise<PersonKey> {
  const path = keyPath(enactHome, id);
  const content = readPrivateFile(path);
  if (content === null) throw new EnactError("NOT_FOUND", `The key of this approver is not on this machine (${path})`);
  const file = parsed(content, path);
  // A file that was copied over another one's would sign in the wrong name.
  if (file.id !== id) throw damaged(path);
  const header = headerOf(file);
  const key = await keyFrom(passphrase, Buffer.from(file.kdf.salt, "base64url"));
  const bytes = Buffer.from(file.sealed, "base64url");
  const decipher = createDecipheriv("aes-256-gcm", key, Buffer.from(file.nonce, "base64url"), { authTagLength: 16 });
  decipher.setAAD(header);
  decipher.setAuthTag(bytes.subarray(-16));
  let der: Buffer;
  try {
    der = Buffer.concat([decipher.update(bytes.subarray(0, -16)), decipher.final()]);
  } catch {
    throw new EnactError("REFUSED", "The passphrase is not right", { done: "Nothing was signed." });
  }
  const privateKey = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  return { id, email: file.email, public_key: file.public_key, sign: signer(privateKey) };
}

function signer(key: KeyObject): PersonKey["sign"] {
  return (challenge) => ({ kind: "key", signature: sign(null, signedBytes(challenge), key).toString("base64url") });
}

async function sealed(privateKey: KeyObject, { id, email, public_key }: Omit<PersonKey, "sign">, passphrase: string): Promise<KeyFile> {
  const [salt, nonce] = [randomBytes(16), randomBytes(12)];
  const shell: Omit<KeyFile, "sealed"> = {
    version: 1,
    id,
    email,
    public_key,
    kdf: { name: "scrypt", ...COST, salt: salt.toString("base64url") },
    cipher: "aes-256-gcm",
    nonce: nonce.toString("base64url"),
  };
  const cipher = createCipheriv("aes-256-gcm", await keyFrom(passphrase, salt), nonce, { authTagLength: 16 });
  cipher.setAAD(headerOf(shell));
  const der = privateKey.export({ type: "pkcs8", format: "der" });
  const bytes = Buffer.concat([cipher.update(der), cipher.final(), cipher.getAuthTag()]);
  return { ...shell, sealed: bytes.toString("base64url") };
}

/** Everything but the sealed key: whose it is cannot be changed without it no longer opening. */
function headerOf(file: Omit<KeyFile, "sealed">): Uint8Array {
  const { version, id, email, public_key, kdf, cipher, nonce } = file;
  return Buffer.from(canonicalJson({ version, id, email, public_key, kdf, cipher, nonce }), "utf8");
}

function keyFrom(passphrase: string, salt: Uint8Array): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // NFC: the same words typed on another system are the same passphrase.
    scrypt(passphrase.normalize("NFC"), salt, 32, { ...COST, maxmem: MAX_MEMORY }, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}

function keyPath(enactHome: string, id: string): string {
  if (!/^[0-9a-f]{16}$/u.test(id)) throw new EnactError("INVALID_INPUT", "This is no id of an approver");
  return join(realPathOf(enactHome), "approvers", `${id}.json`);
}

function parsed(content: string, path: string): KeyFile {
  try {
    return fileSchema.parse(JSON.parse(content));
  } catch {
    // The cause is left out: it may quote the file.
    throw damaged(path);
  }
}

function damaged(path: string): EnactError {
  return new EnactError("KEY_UNUSABLE", `The key file ${path} is damaged or none of an approver`, { hint: "Put a good copy back, or add yourself as an approver anew." });
}
