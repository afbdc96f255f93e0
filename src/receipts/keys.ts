import { randomBytes } from "node:crypto";
import { join } from "node:path";

import { EnactError } from "../errors.js";
import { checkPrivateFolder, isInside, readPrivateFile, readPublicFile, realPathOf } from "./key-files.js";
import { ed25519Pair, keyFolder, makeKeyFile, named } from "./key-pair.js";
import type { KeyFinder, SigningKey, VerifyingKey } from "./signing.js";
import { ed25519Key, ed25519PublicKey, hmacKey } from "./signing.js";

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
    this.location = keyFolder(options.enactHome);
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
    return ed25519Key(ed25519Pair({ enactHome: this.#options.enactHome, name: "ed25519" }));
  }

  #hmac(): SigningKey {
    const { secret } = this.#options;
    if (secret !== undefined) return hmacKey(secret);
    const path = join(this.location, "hmac.key");
    const text = readPrivateFile(path) ?? makeKeyFile(this.#options.enactHome, path, () => `${randomBytes(32).toString("base64url")}\n`);
    return this.#fromFile(path, text);
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
