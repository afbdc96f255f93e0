import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import { dirname, join } from "node:path";

import { EnactError } from "../errors.js";
import { createPrivateFile, makePrivateFolder, readPrivateFile, realPathOf } from "./key-files.js";
import type { Keys } from "./keys.js";

/** First bytes of everything that is sealed; the number is the version of the format. */
const MAGIC = Buffer.from("enact-1\n", "latin1");
const CHECK_BYTES = 8;
const SALT_BYTES = 32;
const HEADER_BYTES = MAGIC.length + CHECK_BYTES + SALT_BYTES;
const TAG_BYTES = 16;
/** Plain bytes of every chunk but the last. */
const CHUNK_BYTES = 65_536;
const SEALED_CHUNK_BYTES = CHUNK_BYTES + TAG_BYTES;
const KEY_BYTES = 32;

/**
 * Encryption of what only this user may read: AES-256-GCM under a key of its own for each sealed thing.
 *
 * A sealed thing is a header (format, which key, 32 random bytes) and chunks of 64 KiB in the STREAM construction (Hoang,
 * Reyhanitabar, Rogaway, Vizár 2015; the form that age uses): the nonce is the chunk's number and whether it is the last.
 * Its key comes by HKDF-SHA256 from the user's key, those random bytes and the `context`. So what was cut, put in another
 * order, spliced or put in another's place (another context) does not open.
 */
export interface Sealing {
  /** @param context what it is and whose, such as "undo:<run>:<name>"; the same must be given to open it */
  seal(plain: Uint8Array, context: string): Buffer;
  /** @throws EnactError TAMPERED when it is not what was sealed under this context, KEY_UNUSABLE when the key is missing */
  open(sealed: Uint8Array, context: string): Buffer;
  sealStream(plain: AsyncIterable<Uint8Array>, context: string): AsyncIterable<Buffer>;
  /** Gives no byte that is not authentic, and throws before the end when the end is missing. @throws like open */
  openStream(sealed: AsyncIterable<Uint8Array>, context: string): AsyncIterable<Buffer>;
}

/** Plain bytes of a sealed thing of so many bytes; negative when it is none. */
export function plainSize(sealedBytes: number): number {
  const body = sealedBytes - HEADER_BYTES;
  return body - Math.ceil(body / SEALED_CHUNK_BYTES) * TAG_BYTES;
}

/** Looks at nothing yet: the key, `private.key` beside the others, is read or made when it is first needed. */
export function openSealing(keys: Pick<Keys, "location" | "checkPlace">): Sealing {
  return new KeyedSealing(keys);
}

class KeyedSealing implements Sealing {
  readonly #keys: Pick<Keys, "location" | "checkPlace">;
  #key: Buffer | undefined;

  constructor(keys: Pick<Keys, "location" | "checkPlace">) {
    this.#keys = keys;
  }

  seal(plain: Uint8Array, context: string): Buffer {
    const sealer = new Sealer(this.#readKey(true), context);
    return Buffer.concat([sealer.header, ...sealer.push(plain), sealer.end()]);
  }

  open(sealed: Uint8Array, context: string): Buffer {
    const opener = new Opener(() => this.#readKey(false), context);
    return Buffer.concat([...opener.push(sealed), opener.end()]);
  }

  async *sealStream(plain: AsyncIterable<Uint8Array>, context: string): AsyncIterable<Buffer> {
    const sealer = new Sealer(this.#readKey(true), context);
    yield sealer.header;
    for await (const bytes of plain) yield* sealer.push(bytes);
    yield sealer.end();
  }

  async *openStream(sealed: AsyncIterable<Uint8Array>, context: string): AsyncIterable<Buffer> {
    const opener = new Opener(() => this.#readKey(false), context);
    for await (const bytes of sealed) yield* opener.push(bytes);
    yield opener.end();
  }

  #readKey(mayMake: boolean): Buffer {
    if (this.#key !== undefined) return this.#key;
    this.#keys.checkPlace();
    const path = join(this.#keys.location, "private.key");
    const text = readPrivateFile(path) ?? (mayMake ? this.#make(path) : null);
    if (text === null) {
      const hint = "Put the key back from a copy. Without it nobody can read what was encrypted with it.";
      throw new EnactError("KEY_UNUSABLE", `The key ${path} is missing`, { hint });
    }
    const key = Buffer.from(text.trim(), "base64url");
    if (key.length !== KEY_BYTES || key.toString("base64url") !== text.trim()) {
      const hint = "Put the right file back. Without it nobody can read what was encrypted with it.";
      throw new EnactError("KEY_UNUSABLE", `The key file ${path} holds no key`, { hint });
    }
    this.#key = key;
    return key;
  }

  /** What stands in the file afterwards: ours, or that of a process that was quicker. */
  #make(path: string): string | null {
    makePrivateFolder(realPathOf(dirname(this.#keys.location)));
    makePrivateFolder(this.#keys.location);
    createPrivateFile(path, `${randomBytes(KEY_BYTES).toString("base64url")}\n`);
    return readPrivateFile(path);
  }
}

function derived(key: Buffer, salt: Uint8Array, info: string, bytes: number): Buffer {
  return Buffer.from(hkdfSync("sha256", key, salt, Buffer.from(info, "utf8"), bytes));
}

function streamKey(key: Buffer, salt: Uint8Array, context: string): Buffer {
  return derived(key, salt, `enact-guard sealed 1\0${context}`, KEY_BYTES);
}

/** Names the key without saying anything about it. */
function checkValue(key: Buffer): Buffer {
  return derived(key, Buffer.alloc(0), "enact-guard private key check value", CHECK_BYTES);
}

function nonceOf(chunk: number, isLast: boolean): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUIntBE(chunk, 5, 6);
  nonce.writeUInt8(isLast ? 1 : 0, 11);
  return nonce;
}

class Sealer {
  readonly header: Buffer;
  readonly #key: Buffer;
  #pending: Buffer = Buffer.alloc(0);
  #chunk = 0;

  constructor(key: Buffer, context: string) {
    const salt = randomBytes(SALT_BYTES);
    this.header = Buffer.concat([MAGIC, checkValue(key), salt]);
    this.#key = streamKey(key, salt, context);
  }

  *push(bytes: Uint8Array): Generator<Buffer> {
    this.#pending = Buffer.concat([this.#pending, bytes]);
    // More than one chunk's worth: the last one must be known as the last.
    while (this.#pending.length > CHUNK_BYTES) {
      yield this.#sealed(this.#pending.subarray(0, CHUNK_BYTES), false);
      this.#pending = this.#pending.subarray(CHUNK_BYTES);
    }
  }

  end(): Buffer {
    return this.#sealed(this.#pending, true);
  }

  #sealed(plain: Uint8Array, isLast: boolean): Buffer {
    const cipher = createCipheriv("aes-256-gcm", this.#key, nonceOf(this.#chunk, isLast));
    this.#chunk += 1;
    return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  }
}

class Opener {
  readonly #readKey: () => Buffer;
  readonly #context: string;
  #key: Buffer | undefined;
  #pending: Buffer = Buffer.alloc(0);
  #chunk = 0;

  constructor(readKey: () => Buffer, context: string) {
    this.#readKey = readKey;
    this.#context = context;
  }

  *push(bytes: Uint8Array): Generator<Buffer> {
    this.#pending = Buffer.concat([this.#pending, bytes]);
    if (this.#key === undefined) {
      if (this.#pending.length < HEADER_BYTES) return;
      this.#key = this.#readHeader(this.#pending.subarray(0, HEADER_BYTES));
      this.#pending = this.#pending.subarray(HEADER_BYTES);
    }
    while (this.#pending.length > SEALED_CHUNK_BYTES) {
      yield this.#opened(this.#key, this.#pending.subarray(0, SEALED_CHUNK_BYTES), false);
      this.#pending = this.#pending.subarray(SEALED_CHUNK_BYTES);
    }
  }

  end(): Buffer {
    if (this.#key === undefined) throw tampered("it is cut off");
    return this.#opened(this.#key, this.#pending, true);
  }

  #readHeader(header: Buffer): Buffer {
    if (!header.subarray(0, MAGIC.length).equals(MAGIC)) throw tampered("it does not begin as what was sealed");
    const key = this.#readKey();
    const salt = header.subarray(MAGIC.length + CHECK_BYTES);
    if (!header.subarray(MAGIC.length, MAGIC.length + CHECK_BYTES).equals(checkValue(key))) {
      throw tampered("it was sealed with another key, or changed since");
    }
    return streamKey(key, salt, this.#context);
  }

  #opened(key: Buffer, sealed: Buffer, isLast: boolean): Buffer {
    if (sealed.length < TAG_BYTES) throw tampered("it is cut off");
    const decipher = createDecipheriv("aes-256-gcm", key, nonceOf(this.#chunk, isLast), { authTagLength: TAG_BYTES });
    this.#chunk += 1;
    decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
    try {
      return Buffer.concat([decipher.update(sealed.subarray(0, -TAG_BYTES)), decipher.final()]);
    } catch {
      throw tampered("it was changed, cut off, or belongs to something else");
    }
  }
}

function tampered(why: string): EnactError {
  return new EnactError("TAMPERED", `What was encrypted does not open: ${why}`);
}
