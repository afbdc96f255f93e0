import { EnactError } from "../errors.js";
import { MAX_NOTE_BYTES, parseHash } from "./checkpoint.js";
import type { MerkleHash } from "./merkle.js";
import { MAX_PROOF_HASHES } from "./merkle-verify.js";

/** Proves that one entry is in the log of a checkpoint. Written as c2sp.org/tlog-proof. */
export interface InclusionProof {
  readonly kind: "inclusion";
  /** The entry's place, from 0: its sequence less one. */
  readonly index: number;
  readonly path: readonly MerkleHash[];
  /** The exact text of the entry, so that the proof needs no other file; null when it was left out. The path proves it, not this file. */
  readonly entry: Uint8Array | null;
  /** The checkpoint, a signed note. */
  readonly note: string;
}

/** Proves that the log of a checkpoint begins with the whole log of an earlier one. Written as a witness is asked; c2sp.org/tlog-witness. */
export interface ConsistencyProof {
  readonly kind: "consistency";
  readonly oldSize: number;
  readonly path: readonly MerkleHash[];
  /** The newer checkpoint. */
  readonly note: string;
}

const HEADER = "c2sp.org/tlog-proof@v1";
const INDEX = /^(?<word>index|old) (?<number>0|[1-9]\d{0,15})$/u;
const EXTRA = "extra ";

export function proofText(proof: InclusionProof | ConsistencyProof): string {
  const hashes = proof.path.map((hash) => Buffer.from(hash).toString("base64"));
  return [...headOf(proof), ...hashes, "", proof.note].join("\n");
}

function headOf(proof: InclusionProof | ConsistencyProof): readonly string[] {
  if (proof.kind === "consistency") return [`old ${String(proof.oldSize)}`];
  const extra = proof.entry === null ? [] : [EXTRA + Buffer.from(proof.entry).toString("base64")];
  return [HEADER, ...extra, `index ${String(proof.index)}`];
}

/** @throws EnactError INVALID_INPUT when it is neither of the two, or not in the one form that there is for it */
export function parseProof(text: string): InclusionProof | ConsistencyProof {
  // An entry may be large, and has its own limits; the rest of it is small.
  const split = text.indexOf("\n\n");
  if (split < 0) throw malformed("it has no checkpoint at its end");
  const note = text.slice(split + 2);
  const lines = text.slice(0, split).split("\n");
  const isInclusion = lines[0] === HEADER;
  if (isInclusion) lines.shift();
  const extra = isInclusion && lines[0]?.startsWith(EXTRA) === true ? lines.shift() : undefined;
  const { word, number } = INDEX.exec(lines.shift() ?? "")?.groups ?? {};
  if (word !== (isInclusion ? "index" : "old") || !Number.isSafeInteger(Number(number))) throw malformed("it does not say which place, or which size, it is for");
  if (lines.length > MAX_PROOF_HASHES || note.length > MAX_NOTE_BYTES) throw malformed("it is too long");
  const path = lines.map(parseHash);
  if (!isInclusion) return { kind: "consistency", oldSize: Number(number), path, note };
  return { kind: "inclusion", index: Number(number), path, entry: extra === undefined ? null : entryOf(extra.slice(EXTRA.length)), note };
}

function entryOf(encoded: string): Uint8Array {
  const bytes = Buffer.from(encoded, "base64");
  if (bytes.toString("base64") !== encoded) throw malformed("the entry in it is not in base64");
  return bytes;
}

function malformed(why: string): EnactError {
  return new EnactError("INVALID_INPUT", `This is not a proof: ${why}`, {
    hint: "Give a file that enact-guard checkpoint --prove or --since wrote, as it was written.",
  });
}
