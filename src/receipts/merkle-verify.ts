import type { MerkleHash } from "./merkle.js";
import { HASH_BYTES, emptyRoot, nodeHash, sameHash } from "./merkle.js";

/** An audit path or consistency proof is never longer; see c2sp.org/tlog-witness. */
export const MAX_PROOF_HASHES = 63;

export interface InclusionClaim {
  /** From 0. */
  readonly index: number;
  readonly size: number;
  readonly leaf: MerkleHash;
  readonly path: readonly MerkleHash[];
  readonly root: MerkleHash;
}

/** Says whether the path leads from the leaf to the root; the way of RFC 9162, section 2.1.3.2. */
export function verifyInclusion({ index, size, leaf, path, root }: InclusionClaim): boolean {
  if (!isSize(index) || !isSize(size) || index >= size || !areHashes([leaf, root, ...path])) return false;
  let at = index;
  let last = size - 1;
  let node = leaf;
  for (const neighbour of path) {
    if (last === 0) return false;
    if (isOdd(at) || at === last) {
      node = nodeHash(neighbour, node);
      // At the right edge, the levels without a neighbour are left out of the path.
      while (!isOdd(at) && at !== 0) [at, last] = [half(at), half(last)];
    } else {
      node = nodeHash(node, neighbour);
    }
    [at, last] = [half(at), half(last)];
  }
  return last === 0 && sameHash(node, root);
}

export interface ConsistencyClaim {
  readonly oldSize: number;
  readonly oldRoot: MerkleHash;
  readonly size: number;
  readonly root: MerkleHash;
  readonly proof: readonly MerkleHash[];
}

/** Says whether the new tree begins with all leaves of the old one, in their order; the way of RFC 9162, section 2.1.4.2. */
export function verifyConsistency({ oldSize, oldRoot, size, root, proof }: ConsistencyClaim): boolean {
  if (!isSize(oldSize) || !isSize(size) || oldSize > size || !areHashes([oldRoot, root, ...proof])) return false;
  if (oldSize === 0) return proof.length === 0 && sameHash(oldRoot, emptyRoot());
  if (oldSize === size) return proof.length === 0 && sameHash(oldRoot, root);
  if (proof.length === 0) return false;
  let at = oldSize - 1;
  let last = size - 1;
  while (isOdd(at)) [at, last] = [half(at), half(last)];
  // A complete old tree is its own last subtree, and is left out of the proof.
  const [first = oldRoot, ...rest] = isPowerOfTwo(oldSize) ? [oldRoot, ...proof] : proof;
  let [before, now] = [first, first];
  for (const node of rest) {
    if (last === 0) return false;
    if (isOdd(at) || at === last) {
      [before, now] = [nodeHash(node, before), nodeHash(node, now)];
      while (!isOdd(at) && at !== 0) [at, last] = [half(at), half(last)];
    } else {
      now = nodeHash(now, node);
    }
    [at, last] = [half(at), half(last)];
  }
  return last === 0 && sameHash(before, oldRoot) && sameHash(now, root);
}

function isSize(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function areHashes(values: readonly MerkleHash[]): boolean {
  return values.length <= MAX_PROOF_HASHES + 2 && values.every((value) => value.length === HASH_BYTES);
}

function isOdd(value: number): boolean {
  return value % 2 === 1;
}

/** Not a shift: those work on 32 bits. */
function half(value: number): number {
  return Math.floor(value / 2);
}

function isPowerOfTwo(value: number): boolean {
  let rest = value;
  while (rest % 2 === 0) rest /= 2;
  return rest === 1;
}
