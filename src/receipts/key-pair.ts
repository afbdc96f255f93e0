import { generateKeyPairSync } from "node:crypto";
import { join } from "node:path";

import { EnactError } from "../errors.js";
import { createPrivateFile, makePrivateFolder, readPrivateFile, readPublicFile, realPathOf } from "./key-files.js";
import { ed25519Key, ed25519PublicKey, publicPemOf } from "./signing.js";

/** Where a pair of keys lies: `<name>.pem` and `<name>.pub` in the folder `keys/` of the user's config folder. */
export interface PairPlace {
  readonly enactHome: string;
  readonly name: string;
}

/** The folder of all keys. */
export function keyFolder(enactHome: string): string {
  return join(enactHome, "keys");
}

/**
 * The private key of a pair in PEM; makes both halves when there is none.
 * @throws EnactError KEY_UNUSABLE when a half is missing, open to others, no Ed25519 key, or belongs to another pair
 */
export function ed25519Pair(place: PairPlace): string {
  const { path, publicPath } = filesOf(place);
  let pem = readPrivateFile(path);
  if (pem === null) {
    // Looked at again, because another process may have made both just now.
    if (readPublicFile(publicPath) !== null && readPrivateFile(path) === null) throw halfMissing(path, publicPath);
    pem = makeKeyFile(place.enactHome, path, () => generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }) as string);
  }
  const privatePem = pem;
  const key = named(path, () => ed25519Key(privatePem));
  const publicPem = readPublicFile(publicPath);
  if (publicPem === null) createPrivateFile(publicPath, publicPemOf(privatePem));
  else if (named(publicPath, () => ed25519PublicKey(publicPem)).key_id !== key.key_id) throw halvesDiffer(path, publicPath);
  return privatePem;
}

/** The public half in PEM, from whichever file there is; null when there is none. Makes nothing. @throws like ed25519Pair */
export function ed25519PublicPem(place: PairPlace): string | null {
  const { path, publicPath } = filesOf(place);
  const publicPem = readPublicFile(publicPath);
  if (publicPem !== null) {
    named(publicPath, () => ed25519PublicKey(publicPem));
    return publicPem;
  }
  const pem = readPrivateFile(path);
  return pem === null ? null : named(path, () => publicPemOf(pem));
}

/** Makes a key file and its folders. What stands in it afterwards: ours, or that of a process that was quicker. */
export function makeKeyFile(enactHome: string, path: string, content: () => string): string {
  // The folder may be reached through a link (people keep their settings elsewhere); what is in it may not.
  makePrivateFolder(realPathOf(enactHome));
  makePrivateFolder(keyFolder(enactHome));
  createPrivateFile(path, content());
  return readPrivateFile(path) ?? "";
}

/** Says which file is meant. */
export function named<Key>(path: string, read: () => Key): Key {
  try {
    return read();
  } catch (error) {
    const why = error instanceof EnactError ? error.message : "it cannot be read";
    throw new EnactError("KEY_UNUSABLE", `The key file ${path} cannot be used: ${why}`, {
      hint: "Put the right file back. Without it, earlier receipts cannot be verified.",
    });
  }
}

function filesOf({ enactHome, name }: PairPlace): { readonly path: string; readonly publicPath: string } {
  const folder = keyFolder(enactHome);
  return { path: join(folder, `${name}.pem`), publicPath: join(folder, `${name}.pub`) };
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
