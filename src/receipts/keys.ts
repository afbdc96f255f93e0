import { generateKeyPairSync, randomBytes } from "node:crypto";
import { join } from "node:path";

import { EnactError } from "../errors.js";
import { checkPrivateFolder, createPrivateFile, isInside, makePrivateFolder, readPrivateFile, readPublicFile, realPathOf } from "./key-files.js";
import type { KeyFinder, SigningKey, VerifyingKey } from "./signing.js";
import { ed25519Key, ed25519PublicKey, hmacKey, publicPemOf } from "./signing.js";

export interface KeyOptions {
  /** The user's config folder of this program; keys lie in `keys/` below it. */
  readonly enactHome: string;
  /** The project that the guard works in. Keys must not be inside it, where the agent works. */
  readonly project: string;
  readonly signing: "hmac" | "ed25519";
  /** ENACT_SECRET, for HMAC instead of a key file. */
  readonly secret?: string;
}

/** The keys of this user: made on first use, found by the key_id of an entry. */
export interface Keys extends KeyFinder {
  /** The folder, for messages. */
  readonly location: string;
  /**
   * An agent that may write in the project could read or replace a key that lies there.
   * @throws EnactError KEY_UNUSABLE when the keys would lie inside the project, or others could change their folder
   */
  checkPlace(): void;
  /**
   * The key that signs; makes it when there is none.
   * @throws EnactError KEY_UNUSABLE when it is open to others, too short, not a key, or inside the project
   */
  signer(): SigningKey;
}

/** Looks at nothing yet: files are read, or made, when a key is first needed. */
export function openKeys(options: KeyOptions): Keys {
  return new KeyFolder(options);
}

class KeyFolder implements Keys {
  readonly location: string;
  readonly #options: KeyOptions;
  #signer: SigningKey | undefined;
  readonly #found = new Map<string, VerifyingKey>();

  constructor(options: KeyOptions) {
    this.#options = options;
    this.location = join(options.enactHome, "keys");
  }

  signer(): SigningKey {
    if (this.#signer === undefined) {
      this.checkPlace();
      this.#signer = this.#options.signing === "ed25519" ? this.#ed25519() : this.#hmac();
      this.#found.set(this.#signer.key_id, this.#signer);
    }
    return this.#signer;
  }

  find(keyId: string): VerifyingKey | undefined {
    const known = this.#found.get(keyId);
    if (known !== undefined) return known;
    this.checkPlace();
    // The algorithm in the name only says where to look: what is found brings its own.
    for (const key of keyId.startsWith("ed25519:") ? this.#ed25519Keys() : this.#hmacKeys()) this.#found.set(key.key_id, key);
    return this.#found.get(keyId);
  }

  #ed25519(): SigningKey {
    const path = join(this.location, "ed25519.pem");
    const publicPath = join(this.location, "ed25519.pub");
    let pem = readPrivateFile(path);
    if (pem === null) {
      // Looked at again, because another process may have made both just now.
      if (readPublicFile(publicPath) !== null && readPrivateFile(path) === null) throw halfMissing(path, publicPath);
      pem = this.#make(path, () => generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }) as string);
    }
    const key = named(path, () => ed25519Key(pem));
    const publicPem = readPublicFile(publicPath);
    if (publicPem === null) createPrivateFile(publicPath, publicPemOf(pem));
    else if (named(publicPath, () => ed25519PublicKey(publicPem)).key_id !== key.key_id) throw halvesDiffer(path, publicPath);
    return key;
  }

  #hmac(): SigningKey {
    const { secret } = this.#options;
    if (secret !== undefined) return hmacKey(secret);
    const path = join(this.location, "hmac.key");
    const text = readPrivateFile(path) ?? this.#make(path, () => `${randomBytes(32).toString("base64url")}\n`);
    return this.#fromFile(path, text);
  }

  /** What stands in the file afterwards: ours, or that of a process that was quicker. */
  #make(path: string, content: () => string): string {
    makePrivateFolder(this.#home());
    makePrivateFolder(this.location);
    createPrivateFile(path, content());
    return readPrivateFile(path) ?? "";
  }

  /** The folder may be reached through a link (people keep their settings elsewhere); what is in it may not. */
  #home(): string {
    return realPathOf(this.#options.enactHome);
  }

  *#hmacKeys(): Iterable<VerifyingKey> {
    const { secret } = this.#options;
    if (secret !== undefined) yield hmacKey(secret);
    const path = join(this.location, "hmac.key");
    const text = readPrivateFile(path);
    if (text !== null) yield this.#fromFile(path, text);
  }

  *#ed25519Keys(): Iterable<VerifyingKey> {
    const publicPath = join(this.location, "ed25519.pub");
    const publicPem = readPublicFile(publicPath);
    if (publicPem !== null) yield named(publicPath, () => ed25519PublicKey(publicPem));
    const path = join(this.location, "ed25519.pem");
    const pem = readPrivateFile(path);
    if (pem !== null) yield named(path, () => ed25519Key(pem));
  }

  /** The file and ENACT_SECRET are the same thing: a text whose line end does not count. */
  #fromFile(path: string, text: string): SigningKey {
    return named(path, () => hmacKey(text.replace(/\r?\n$/, "")));
  }

  checkPlace(): void {
    const home = this.#home();
    if (isInside(home, realPathOf(this.#options.project))) {
      throw new EnactError("KEY_UNUSABLE", `The keys would lie inside the project (${this.location}), within reach of the agent`, {
        hint: "Set ENACT_HOME to a folder outside the project, or leave it unset.",
      });
    }
    checkPrivateFolder(home);
    checkPrivateFolder(this.location);
  }
}

/** Says which file is meant. */
function named<Key>(path: string, read: () => Key): Key {
  try {
    return read();
  } catch (error) {
    const why = error instanceof EnactError ? error.message : "it cannot be read";
    throw new EnactError("KEY_UNUSABLE", `The key file ${path} cannot be used: ${why}`, {
      hint: "Put the right file back. Without it, earlier receipts cannot be verified.",
    });
  }
}

function halfMissing(path: string, publicPath: string): EnactError {
  return new EnactError("KEY_UNUSABLE", `${publicPath} is here, but its private key ${path} is missing`, {
    hint: "Put the private key back; or move the public key away, keep it to verify earlier receipts, and a new pair is made.",
  });
}

function halvesDiffer(path: string, publicPath: string): EnactError {
  return new EnactError("KEY_UNUSABLE", `${publicPath} does not belong to ${path}`, {
    hint: "Put the right files back, or remove the public key: it is made anew from the private one.",
  });
}
