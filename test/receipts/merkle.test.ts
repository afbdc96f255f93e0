import { createHash } from "node:crypto";

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { MerkleTree, NodePath, emptyRoot, leafHash, nodeHash } from "../../src/receipts/merkle.js";
import type { MerkleHash } from "../../src/receipts/merkle.js";
import { verifyConsistency, verifyInclusion } from "../../src/receipts/merkle-verify.js";

const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString("hex");
const bytes = (text: string): Uint8Array => Buffer.from(text, "hex");

/** RFC 6962, section 2.1, written down once more as it stands there: recursive, and with nothing of the tested code. */
const oracle = {
  sha256: (...parts: readonly Uint8Array[]): Uint8Array => {
    const sum = createHash("sha256");
    for (const part of parts) sum.update(part);
    return sum.digest();
  },
  split(count: number): number {
    let power = 1;
    while (power * 2 < count) power *= 2;
    return power;
  },
  root(leaves: readonly Uint8Array[]): Uint8Array {
    if (leaves.length === 0) return this.sha256();
    if (leaves.length === 1) return this.sha256(Buffer.from([0]), leaves[0] ?? Buffer.alloc(0));
    const k = this.split(leaves.length);
    return this.sha256(Buffer.from([1]), this.root(leaves.slice(0, k)), this.root(leaves.slice(k)));
  },
  path(m: number, leaves: readonly Uint8Array[]): readonly Uint8Array[] {
    if (leaves.length <= 1) return [];
    const k = this.split(leaves.length);
    const [left, right] = [leaves.slice(0, k), leaves.slice(k)];
    return m < k ? [...this.path(m, left), this.root(right)] : [...this.path(m - k, right), this.root(left)];
  },
  proof(m: number, leaves: readonly Uint8Array[], isWhole = true): readonly Uint8Array[] {
    if (m === leaves.length) return isWhole ? [] : [this.root(leaves)];
    const k = this.split(leaves.length);
    const [left, right] = [leaves.slice(0, k), leaves.slice(k)];
    return m <= k ? [...this.proof(m, left, isWhole), this.root(right)] : [...this.proof(m - k, right, false), this.root(left)];
  },
};

const data = Array.from({ length: 200 }, (_, index) => Buffer.from(`entry ${index}`));
const hashes = data.map((entry) => leafHash(entry));

function treeOf(leaves: readonly MerkleHash[], ...paths: readonly NodePath[]): MerkleTree {
  const tree = new MerkleTree(paths);
  for (const leaf of leaves) tree.append(leaf);
  return tree;
}

function flipped(hash: MerkleHash, at: number): MerkleHash {
  const other = Buffer.from(hash);
  other[at % 32] = (other[at % 32] ?? 0) ^ (1 << (at % 8));
  return other;
}

// The test data of Certificate Transparency's own implementations: github.com/transparency-dev/merkle, proof/verify_test.go
// and rfc6962/rfc6962_test.go. Leaves are counted from 1 there.
describe("published vectors", () => {
  const leaves = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"].map((text) => leafHash(bytes(text)));
  const roots = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
  ];

  test("hashes of nothing, of a leaf and of a node", () => {
    expect(hex(emptyRoot())).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    expect(hex(new MerkleTree().root())).toBe(hex(emptyRoot()));
    expect(hex(leafHash(Buffer.from("L123456")))).toBe("395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56");
    const [left, right] = ["N123", "N456"].map((text) => createHash("sha256").update(text).digest()) as [Buffer, Buffer];
    expect(hex(nodeHash(left, right))).toBe(hex(oracle.sha256(Buffer.from([1]), left, right)));
  });

  test("roots of 1 to 8 leaves", () => {
    expect(roots.map((_root, index) => hex(treeOf(leaves.slice(0, index + 1)).root()))).toEqual(roots);
  });

  test.each([
    [1, 8, ["96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7", "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e", "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"]],
    [6, 8, ["bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b", "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"]],
    [3, 3, ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]],
    [2, 5, ["6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d", "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e", "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"]],
  ])("audit path of leaf %i of %i", (leaf, size, path) => {
    const collected = NodePath.ofLeaf(leaf - 1);
    const tree = treeOf(leaves.slice(0, size), collected);
    expect(collected.auditPath(tree).map(hex)).toEqual(path);
    const claim = { index: leaf - 1, size, leaf: leaves[leaf - 1] ?? emptyRoot(), path: path.map(bytes), root: bytes(roots[size - 1] ?? "") };
    expect(verifyInclusion(claim)).toBe(true);
  });

  test.each([
    [1, 1, []],
    [1, 8, ["96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7", "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e", "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"]],
    [6, 8, ["0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a", "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"]],
    [2, 5, ["5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e", "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"]],
    [6, 7, ["0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a", "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"]],
  ])("consistency from %i to %i", (oldSize, size, proof) => {
    const collected = NodePath.fromSize(oldSize);
    const tree = treeOf(leaves.slice(0, size), collected);
    expect(collected.consistencyProof(tree).map(hex)).toEqual(proof);
    expect(verifyConsistency({ oldSize, oldRoot: bytes(roots[oldSize - 1] ?? ""), size, root: bytes(roots[size - 1] ?? ""), proof: proof.map(bytes) })).toBe(true);
  });
});

describe("every tree of 1 to 200 leaves", () => {
  const roots = Array.from({ length: 201 }, (_, size) => oracle.root(data.slice(0, size)));

  test("has the root of the recursive definition, also when it is continued from its complete subtrees", () => {
    const growing = new MerkleTree();
    for (let size = 0; size <= 200; size += 1) {
      expect(hex(growing.root())).toBe(hex(roots[size]));
      const continued = MerkleTree.after(size, growing.peaks());
      expect(hex(continued.root())).toBe(hex(roots[size]));
      for (const leaf of hashes.slice(size)) continued.append(leaf);
      expect(hex(continued.root())).toBe(hex(roots[200]));
      if (size < 200) growing.append(hashes[size] ?? emptyRoot());
    }
  });

  test("keeps no more hashes than its size has binary digits", () => {
    const tree = treeOf(hashes);
    expect(tree.peaks().length).toBe(3);
    expect(treeOf(hashes.slice(0, 127)).peaks().length).toBe(7);
    expect(() => MerkleTree.after(5, tree.peaks())).toThrow("has 2 complete subtrees");
  });

  test("has the audit paths of the recursive definition, and they verify", () => {
    for (let size = 1; size <= 200; size += size < 70 ? 1 : 13) {
      const paths = data.slice(0, size).map((_entry, index) => NodePath.ofLeaf(index));
      const tree = treeOf(hashes.slice(0, size), ...paths);
      for (const [index, collected] of paths.entries()) {
        const path = collected.auditPath(tree);
        expect(path.map(hex)).toEqual(oracle.path(index, data.slice(0, size)).map(hex));
        expect(verifyInclusion({ index, size, leaf: hashes[index] ?? emptyRoot(), path, root: tree.root() })).toBe(true);
      }
    }
  });

  test("has the consistency proofs of the recursive definition, and they verify", () => {
    for (let size = 1; size <= 200; size += size < 70 ? 1 : 13) {
      const paths = Array.from({ length: size }, (_, index) => NodePath.fromSize(index + 1));
      const tree = treeOf(hashes.slice(0, size), ...paths);
      for (const [index, collected] of paths.entries()) {
        const oldSize = index + 1;
        const proof = collected.consistencyProof(tree);
        expect(proof.map(hex)).toEqual(oracle.proof(oldSize, data.slice(0, size)).map(hex));
        expect(verifyConsistency({ oldSize, oldRoot: roots[oldSize] ?? emptyRoot(), size, root: tree.root(), proof })).toBe(true);
      }
    }
  });
});

describe("what was tampered with does not verify", () => {
  const sizes = fc.integer({ min: 1, max: 200 });
  const options = { seed: 42, numRuns: 400 };

  test("an audit path: any bit of it, of the leaf or the root, another place, another size, one hash more or less", () => {
    fc.assert(
      fc.property(sizes, fc.nat(199), fc.nat(255), fc.nat(20), (size, place, bit, step) => {
        const index = place % size;
        const collected = NodePath.ofLeaf(index);
        const tree = treeOf(hashes.slice(0, size), collected);
        const path = collected.auditPath(tree);
        const claim = { index, size, leaf: hashes[index] ?? emptyRoot(), path, root: tree.root() };
        expect(verifyInclusion(claim)).toBe(true);
        const at = path.length === 0 ? 0 : step % path.length;
        const broken = [
          { ...claim, leaf: flipped(claim.leaf, bit) },
          { ...claim, leaf: hashes[(index + 1) % 200] ?? emptyRoot() },
          { ...claim, root: flipped(claim.root, bit) },
          { ...claim, index: index + 1 },
          { ...claim, index: index - 1 },
          { ...claim, index: index + 0.5 },
          { ...claim, size: index },
          { ...claim, size: 2 * size + 2 * path.length + 1 },
          { ...claim, path: [...path, claim.root] },
          { ...claim, path: [claim.leaf, ...path] },
          { ...claim, path: [...path, new Uint8Array()] },
          ...(path.length === 0 ? [] : [
            { ...claim, path: path.slice(1) },
            { ...claim, path: path.slice(0, -1) },
            { ...claim, path: path.map((hash, place_) => (place_ === at ? flipped(hash, bit) : hash)) },
            { ...claim, path: path.map((hash, place_) => (place_ === at ? hash.subarray(0, 31) : hash)) },
          ]),
        ];
        expect(broken.map((other) => verifyInclusion(other))).toEqual(broken.map(() => false));
      }),
      options,
    );
  });

  test("a consistency proof: any bit of it or of a root, other sizes, one hash more or less, roots exchanged", () => {
    fc.assert(
      fc.property(sizes, fc.nat(199), fc.nat(255), fc.nat(20), (size, smaller, bit, step) => {
        const oldSize = (smaller % size) + 1;
        const collected = NodePath.fromSize(oldSize);
        const tree = treeOf(hashes.slice(0, size), collected);
        const proof = collected.consistencyProof(tree);
        const oldRoot = treeOf(hashes.slice(0, oldSize)).root();
        const claim = { oldSize, oldRoot, size, root: tree.root(), proof };
        expect(verifyConsistency(claim)).toBe(true);
        const at = proof.length === 0 ? 0 : step % proof.length;
        const broken = [
          { ...claim, oldRoot: flipped(oldRoot, bit) },
          { ...claim, root: flipped(claim.root, bit) },
          { ...claim, oldSize: 0 },
          { ...claim, oldSize: size + 1 },
          { ...claim, proof: [...proof, oldRoot] },
          { ...claim, proof: [claim.root, ...proof] },
          ...(proof.length === 0 ? [] : [
            { ...claim, oldRoot: claim.root, root: oldRoot },
            { ...claim, size: oldSize },
            { ...claim, proof: [] },
            { ...claim, proof: proof.slice(0, -1) },
            { ...claim, proof: proof.slice(1) },
            { ...claim, proof: proof.map((hash, place) => (place === at ? flipped(hash, bit) : hash)) },
          ]),
        ];
        expect(broken.map((other) => verifyConsistency(other))).toEqual(broken.map(() => false));
      }),
      options,
    );
  });

  test("a log that lost, changed or moved one entry is consistent with no earlier root", () => {
    fc.assert(
      fc.property(fc.integer({ min: 3, max: 100 }), fc.nat(99), fc.constantFrom("removed", "changed", "moved"), (oldSize, place, what) => {
        const index = place % (oldSize - 1);
        const changed = [...hashes];
        if (what === "removed") changed.splice(index, 1);
        else if (what === "changed") changed[index] = leafHash(Buffer.from("other"));
        else [changed[index], changed[index + 1]] = [changed[index + 1] ?? emptyRoot(), changed[index] ?? emptyRoot()];
        const collected = NodePath.fromSize(oldSize);
        const tree = treeOf(changed.slice(0, 150), collected);
        const honest = NodePath.fromSize(oldSize);
        treeOf(hashes.slice(0, 150), honest);
        for (const proof of [collected.consistencyProof(tree), honest.consistencyProof(treeOf(hashes.slice(0, 150)))]) {
          expect(verifyConsistency({ oldSize, oldRoot: treeOf(hashes.slice(0, oldSize)).root(), size: 150, root: tree.root(), proof })).toBe(false);
        }
      }),
      { seed: 42, numRuns: 200 },
    );
  });

  test("numbers that are no sizes, and endless proofs", () => {
    const root = emptyRoot();
    for (const size of [NaN, Infinity, -1, 0.5, 2 ** 60]) {
      expect(verifyInclusion({ index: 0, size, leaf: root, path: [], root })).toBe(false);
      expect(verifyConsistency({ oldSize: size, oldRoot: root, size, root, proof: [] })).toBe(false);
    }
    const endless = Array.from({ length: 100_000 }, () => root);
    expect(verifyInclusion({ index: 0, size: 2 ** 52, leaf: root, path: endless, root })).toBe(false);
    expect(verifyConsistency({ oldSize: 0, oldRoot: root, size: 8, root, proof: [] })).toBe(true);
    expect(verifyConsistency({ oldSize: 0, oldRoot: hashes[0] ?? root, size: 8, root, proof: [] })).toBe(false);
  });

  test("trees larger than 32 bits can count", () => {
    // 2^40 leaves that are all the same: each level has one hash.
    const level: MerkleHash[] = [hashes[0] ?? emptyRoot()];
    for (let height = 1; height <= 40; height += 1) level.push(nodeHash(level[height - 1] ?? emptyRoot(), level[height - 1] ?? emptyRoot()));
    const claim = { index: 2 ** 39 + 12_345, size: 2 ** 40, leaf: level[0] ?? emptyRoot(), path: level.slice(0, 40), root: level[40] ?? emptyRoot() };
    expect(verifyInclusion(claim)).toBe(true);
    expect(verifyInclusion({ ...claim, path: level.slice(0, 39) })).toBe(false);
    const half = level[39] ?? emptyRoot();
    expect(verifyConsistency({ oldSize: 2 ** 39, oldRoot: half, size: 2 ** 40, root: nodeHash(half, half), proof: [half] })).toBe(true);
  });

  test("a proof before the tree has grown that far", () => {
    const [leaf, old] = [NodePath.ofLeaf(9), NodePath.fromSize(9)];
    const tree = treeOf(hashes.slice(0, 9), leaf, old);
    expect(() => leaf.auditPath(tree)).toThrow("has not grown to this leaf");
    expect(old.consistencyProof(tree)).toEqual([]);
    expect(() => NodePath.fromSize(20).consistencyProof(tree)).toThrow("has not grown");
  });
});
