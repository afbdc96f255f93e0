import { createPublicKey, hash } from "node:crypto";

import { EnactError } from "../errors.js";
import type { MerkleHash } from "./merkle.js";
import { HASH_BYTES } from "./merkle.js";
import { ed25519Key, ed25519PublicKey, publicPemOf } from "./signing.js";

/**
 * What a log promises at one moment: so many entries, and the root of the Merkle tree over them. Written as a note of
 * c2sp.org/signed-note in the form of c2sp.org/tlog-checkpoint, so that tools of others read it too.
 */
export interface Checkpoint {
  /** Names the log; see originOf. */
  readonly origin: string;
  readonly size: number;
  readonly root: MerkleHash;
}

/** A text with signatures; what the text says counts only once one of them has been checked. */
export interface SignedNote {
  /** With its last line end. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

export interface NoteSignature {
  readonly name: string;
  /** Eight hexadecimal digits. */
  readonly keyId: string;
  readonly signature: Uint8Array;
}

/** An Ed25519 public key that notes are checked with. */
export interface NoteKey {
  /** As in receipts: `ed25519:…`. */
  readonly key_id: string;
  /** 32 bytes, RFC 8032. */
  readonly publicKey: Uint8Array;
  /** The same, as people keep it. */
  readonly pem: string;
  verifies(bytes: Uint8Array, signature: Uint8Array): boolean;
}

export interface NoteSigner extends NoteKey {
  sign(bytes: Uint8Array): Uint8Array;
}

/** Far more than any note holds; whoever sends a larger one wants to keep us busy. */
export const MAX_NOTE_BYTES = 1_000_000;
const MAX_SIGNATURES = 100;

/** The signature type of Ed25519 in c2sp.org/signed-note. */
const ED25519 = 0x01;
const SIGNATURE_LINE = /^\u2014 (?<name>[^\s+]+) (?<encoded>[A-Za-z0-9+/]+={0,2})$/u;
const SIZE = /^(?:0|[1-9]\d{0,15})$/u;

/**
 * The origin of a ledger's checkpoints: its first entry makes it that ledger and no other. One that was written anew from
 * the start has another origin.
 * @param firstHash `sha256:<hex>` of the first entry's text
 */
export function originOf(firstHash: string): string {
  return `enact-guard/${firstHash.replace("sha256:", "").slice(0, 32)}`;
}

export function checkpointText({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${String(size)}\n${Buffer.from(root).toString("base64")}\n`;
}

/** @throws EnactError INVALID_INPUT when a text is no checkpoint in the one form that there is for it */
export function parseCheckpoint(text: string): Checkpoint {
  const lines = text.split("\n");
  const [origin = "", size = "", root = ""] = lines;
  // More lines than these are extensions: opaque to us, and signed like the rest.
  const isWhole = text.endsWith("\n") && lines.length >= 4 && lines.slice(0, -1).every((line) => line !== "");
  if (!isWhole) throw malformed("a checkpoint has an origin, a size and a root, each on a line of its own");
  if (!SIZE.test(size) || !Number.isSafeInteger(Number(size))) throw malformed("the size of the log is no whole number");
  return { origin, size: Number(size), root: parseHash(root) };
}

/** A hash in base64, in the one spelling that there is for it. @throws EnactError INVALID_INPUT */
export function parseHash(encoded: string): MerkleHash {
  const bytes = decode(encoded);
  if (bytes?.length !== HASH_BYTES) throw malformed("a hash is not 32 bytes in base64");
  return bytes;
}

/** @throws EnactError INVALID_INPUT when it is not a note by c2sp.org/signed-note */
export function parseNote(note: string): SignedNote {
  if (note.length > MAX_NOTE_BYTES) throw malformed("it is too large");
  const split = note.lastIndexOf("\n\n");
  if (split <= 0 || !note.endsWith("\n")) throw malformed("it has no text, an empty line and signatures");
  const hasControls = Array.from(note).some((character) => character < " " && character !== "\n");
  if (hasControls || !note.isWellFormed()) throw malformed("it has control characters or broken text in it");
  const lines = note.slice(split + 2, -1).split("\n");
  if (lines.length > MAX_SIGNATURES) throw malformed("it has too many signatures");
  return { text: note.slice(0, split + 1), signatures: lines.map(parseSignature) };
}

function parseSignature(line: string): NoteSignature {
  const { name = "", encoded = "" } = SIGNATURE_LINE.exec(line)?.groups ?? {};
  const bytes = decode(encoded);
  if (name === "" || bytes === undefined || bytes.length < 5) throw malformed("a line of it is no signature");
  return { name, keyId: bytes.subarray(0, 4).toString("hex"), signature: bytes.subarray(4) };
}

/** Signs a text, which ends with a line end, under a name. */
export function signNote(text: string, name: string, signer: NoteSigner): string {
  const id = Buffer.from(noteKeyId(name, signer.publicKey), "hex");
  const signature = Buffer.concat([id, signer.sign(Buffer.from(text, "utf8"))]).toString("base64");
  return `${text}\n\u2014 ${name} ${signature}\n`;
}

/**
 * The key that signed the note under this name, of those that are trusted; undefined when none did. Signatures of others
 * (witnesses, say) are left alone.
 * @throws EnactError TAMPERED when a trusted key is named, but did not sign this text
 */
export function noteSignedBy(note: SignedNote, name: string, trusted: readonly NoteKey[]): NoteKey | undefined {
  const bytes = Buffer.from(note.text, "utf8");
  let signedBy: NoteKey | undefined;
  for (const { name: claimed, keyId, signature } of note.signatures) {
    const key = claimed === name ? trusted.find(({ publicKey }) => noteKeyId(name, publicKey) === keyId) : undefined;
    if (key === undefined) continue;
    if (signature.length !== 64 || !key.verifies(bytes, signature)) {
      throw new EnactError("TAMPERED", "The checkpoint was changed: its text does not fit its signature");
    }
    signedBy ??= key;
  }
  return signedBy;
}

/** Eight hexadecimal digits: SHA-256 over the name, a line end, the type and the public key. */
export function noteKeyId(name: string, publicKey: Uint8Array): string {
  return hash("sha256", Buffer.concat([Buffer.from(`${name}\n`, "utf8"), Buffer.of(ED25519), publicKey]), "hex").slice(0, 8);
}

/** The form in which other tools for notes (Go's sumdb/note, witnesses) take a key: `name+id+base64`. */
export function noteVerifierKey(name: string, { publicKey }: NoteKey): string {
  return `${name}+${noteKeyId(name, publicKey)}+${Buffer.concat([Buffer.of(ED25519), publicKey]).toString("base64")}`;
}

/** @throws EnactError KEY_UNUSABLE when it is no Ed25519 public key in PEM (SPKI) */
export function noteKey(publicPem: string): NoteKey {
  const key = ed25519PublicKey(publicPem);
  const der = createPublicKey(publicPem).export({ type: "spki", format: "der" });
  return Object.freeze({ key_id: key.key_id, publicKey: der.subarray(-32), pem: publicPem, verifies: (bytes: Uint8Array, signature: Uint8Array) => key.verifies(bytes, signature) });
}

/** @throws EnactError KEY_UNUSABLE when it is no Ed25519 private key in PEM (PKCS #8) */
export function noteSigner(privatePem: string): NoteSigner {
  const key = ed25519Key(privatePem);
  return Object.freeze({ ...noteKey(publicPemOf(privatePem)), sign: (bytes: Uint8Array) => key.sign(bytes) });
}

function decode(encoded: string): Buffer | undefined {
  const bytes = Buffer.from(encoded, "base64");
  return bytes.toString("base64") === encoded ? bytes : undefined;
}

function malformed(why: string): EnactError {
  return new EnactError("INVALID_INPUT", `This is not a checkpoint: ${why}`, {
    hint: "Give a file that enact-guard checkpoint --out wrote, as it was written.",
  });
}
