import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import { join } from "node:path";

import { EnactError } from "../errors.js";
import { createPrivateFile, makePrivateFolder, readPrivateFile, realPathOf } from "./key-files.js";

/** Keeps contents from whoever can read a store but not the user's keys, and notices what was changed or exchanged. */
export interface SealedBox {
  /** @param context what the content belongs to: opening it as anything else fails */
  seal(content: Uint8Array, context: string): Uint8Array;
  /** @throws EnactError TAMPERED when it is not what was sealed under this context with this key */
  open(sealed: Uint8Array, context: string): Uint8Array;
}

/** A byte that says how it was sealed, the nonce, the content as long as it was, the tag. */
const VERSION = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** Bytes that a seal adds. */
export const SEAL_BYTES = 1 + NONCE_BYTES + TAG_BYTES;

/**
 * A box of AES-256-GCM with a random nonce per content, under a key of its own for each purpose (HKDF-SHA-256 from
 * `keys/private.key` of the user's folder, which is made on first use). NIST SP 800-38D, 8.3: with random nonces at most
 * 2^32 contents under one key, which no store here comes near.
 *
 * Reads the key on first use, and makes it only to seal.
 * @throws EnactError KEY_UNUSABLE when the key is open to others or no key
 */
export function openSealedBox({ enactHome, purpose }: { readonly enactHome: string; readonly purpose: string }): SealedBox {
  let key: Buffer | undefined;
  const keyFor = (make: boolean): Buffer => (key ??= derived(masterKey(enactHome, make), purpose));
  return Object.freeze({
    seal(content: Uint8Array, context: string): Uint8Array {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv("aes-256-gcm", keyFor(true), nonce, { authTagLength: TAG_BYTES });
      cipher.setAAD(Buffer.from(context, "utf8"));
      return Buffer.concat([Buffer.of(VERSION), nonce, cipher.update(content), cipher.final(), cipher.getAuthTag()]);
    },
    open(sealed: Uint8Array, context: string): Uint8Array {
      if (sealed.length < SEAL_BYTES || sealed[0] !== VERSION) throw notOurs();
      const nonce = sealed.subarray(1, 1 + NONCE_BYTES);
      const decipher = createDecipheriv("aes-256-gcm", keyFor(false), nonce, { authTagLength: TAG_BYTES });
      decipher.setAAD(Buffer.from(context, "utf8"));
      decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
      try {
        return Buffer.concat([decipher.update(sealed.subarray(1 + NONCE_BYTES, sealed.length - TAG_BYTES)), decipher.final()]);
      } catch {
        throw notOurs();
      }
    },
  });
}

function masterKey(enactHome: string, make: boolean): Buffer {
  const home = realPathOf(enactHome);
  const folder = join(home, "keys");
  const path = join(folder, "private.key");
  let text = readPrivateFile(path);
  if (text === null && make) {
    makePrivateFolder(home);
    makePrivateFolder(folder);
    createPrivateFile(path, `${randomBytes(32).toString("base64url")}\n`);
    text = readPrivateFile(path);
  }
  if (text === null) {
    throw new EnactError("KEY_UNUSABLE", `The key ${path} is gone, so what was kept under it cannot be read`, {
      hint: "Put it back. If it is lost, what it kept (requests, what undoing needs) is lost with it.",
    });
  }
  const key = Buffer.from(text.trim(), "base64url");
  if (key.length !== 32) throw new EnactError("KEY_UNUSABLE", `${path} is no key of the guard`, { hint: "Put the right file back." });
  return key;
}

function derived(master: Buffer, purpose: string): Buffer {
  return Buffer.from(hkdfSync("sha256", master, Buffer.alloc(0), `enact-guard ${purpose} 1`, 32));
}

function notOurs(): EnactError {
  return new EnactError("TAMPERED", "What is kept here is not what the guard put there: it was changed, exchanged or sealed with another key");
}
