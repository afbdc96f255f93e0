import { createHash, generateKeyPairSync } from "node:crypto";

import { describe, expect, test } from "vitest";

import {
  checkpointText, noteKey, noteKeyId, noteSignedBy, noteSigner, noteVerifierKey, originOf, parseCheckpoint, parseNote, signNote,
} from "../../src/receipts/checkpoint.js";
import type { NoteKey } from "../../src/receipts/checkpoint.js";
import { parseProof, proofText } from "../../src/receipts/checkpoint-proof.js";
import { emptyRoot, leafHash } from "../../src/receipts/merkle.js";

const newSigner = () => noteSigner(generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }) as string);

/** From the form in which Go's tools write keys: name+id+base64. */
function keyFrom(verifierKey: string): NoteKey {
  const [, , ...rest] = verifierKey.split("+");
  const raw = Buffer.from(rest.join("+"), "base64").subarray(1);
  const der = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), raw]).toString("base64");
  return noteKey(`-----BEGIN PUBLIC KEY-----\n${der}\n-----END PUBLIC KEY-----\n`);
}

// Published by others: the example of golang.org/x/mod/sumdb/note, and the one of c2sp.org/tlog-checkpoint, which is a
// checkpoint of Go's checksum database under another origin (its key is compiled into every Go toolchain).
describe("notes that others signed", () => {
  const peter = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
  const text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
  const note = `${text}\n\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n`;
  const go = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";
  const root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
  const signature = "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=";

  test("verify under their keys, and the key ids are theirs", () => {
    const key = keyFrom(peter);
    expect(noteKeyId("PeterNeumann", key.publicKey)).toBe("c74f20a3");
    expect(noteVerifierKey("PeterNeumann", key)).toBe(peter);
    expect(noteSignedBy(parseNote(note), "PeterNeumann", [key])).toBe(key);
    expect(noteVerifierKey("sum.golang.org", keyFrom(go))).toBe(go);
    const checkpoint = parseNote(`go.sum database tree\n20852163\n${root}\n\n\u2014 sum.golang.org ${signature}\n`);
    expect(noteSignedBy(checkpoint, "sum.golang.org", [keyFrom(peter), keyFrom(go)])?.key_id).toBe(keyFrom(go).key_id);
    expect(parseCheckpoint(checkpoint.text)).toEqual({ origin: "go.sum database tree", size: 20_852_163, root: Buffer.from(root, "base64") });
  });

  test("the specification's own example is read, and written in the same bytes", () => {
    const example = `example.com/behind-the-sofa\n20852163\n${root}\n\n\u2014 example.com/behind-the-sofa ${signature}\n`;
    const parsed = parseNote(example);
    expect(parsed.signatures).toMatchObject([{ name: "example.com/behind-the-sofa", keyId: "033de0ae" }]);
    expect(checkpointText(parseCheckpoint(parsed.text))).toBe(parsed.text);
  });

  test("a text with an empty line in it is split at the last one", () => {
    const [line = ""] = note.split("\n\n").slice(1);
    const poem = `Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned \u00e8 subito sera.\n\n${line}`;
    expect(parseNote(poem).text).toBe("Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned \u00e8 subito sera.\n");
  });

  test("a changed text, or a changed signature of a key that is held, is refused", () => {
    const key = keyFrom(peter);
    expect(() => noteSignedBy(parseNote(note.replace("answer", "Answer")), "PeterNeumann", [key])).toThrow("its text does not fit its signature");
    expect(() => noteSignedBy(parseNote(note.replace("ZJkuBS", "ZJkuBT")), "PeterNeumann", [key])).toThrow("its text does not fit its signature");
  });
});

describe("checkpoints of our own", () => {
  const signer = newSigner();
  const origin = originOf(`sha256:${"ab".repeat(32)}`);
  const checkpoint = { origin, size: 42, root: leafHash(Buffer.from("x")) };
  const note = signNote(checkpointText(checkpoint), origin, signer);

  test("say origin, size and root, and are signed under the origin's name", () => {
    expect(origin).toBe(`enact-guard/${"ab".repeat(16)}`);
    const lines = note.split("\n");
    expect(lines.slice(0, 4)).toEqual([origin, "42", Buffer.from(checkpoint.root).toString("base64"), ""]);
    expect(lines[4]).toMatch(new RegExp(`^\u2014 ${origin} [A-Za-z0-9+/]{91}=$`, "u"));
    expect(lines[5]).toBe("");
    expect(parseCheckpoint(parseNote(note).text)).toEqual(checkpoint);
    expect(noteSignedBy(parseNote(note), origin, [signer])?.key_id).toBe(signer.key_id);
  });

  test("the key's id is the first four bytes of SHA-256 over name, line end, 1 and the key", () => {
    const id = createHash("sha256").update(Buffer.concat([Buffer.from(`${origin}\n\u0001`), signer.publicKey])).digest("hex").slice(0, 8);
    expect(noteKeyId(origin, signer.publicKey)).toBe(id);
    expect(parseNote(note).signatures[0]?.keyId).toBe(id);
  });

  test("a witness may sign along: its line is kept, and does not count for ours", () => {
    const witness = newSigner();
    const both = note + signNote(checkpointText(checkpoint), "witness.example/w1", witness).split("\n\n")[1];
    const parsed = parseNote(both);
    expect(parsed.signatures.map(({ name }) => name)).toEqual([origin, "witness.example/w1"]);
    expect(noteSignedBy(parsed, origin, [signer])?.key_id).toBe(signer.key_id);
    expect(noteSignedBy(parsed, "witness.example/w1", [witness])?.key_id).toBe(witness.key_id);
    expect(noteSignedBy(parsed, origin, [witness])).toBeUndefined();
  });

  test("a signature of another key, or under another name, is none of ours", () => {
    const stranger = newSigner();
    expect(noteSignedBy(parseNote(signNote(checkpointText(checkpoint), origin, stranger)), origin, [signer])).toBeUndefined();
    expect(noteSignedBy(parseNote(signNote(checkpointText(checkpoint), "other", signer)), origin, [signer])).toBeUndefined();
    // A line that claims our key's id with a stranger's signature is a forgery, not an unknown signature.
    const forged = signNote(checkpointText(checkpoint), origin, { ...stranger, publicKey: signer.publicKey });
    expect(() => noteSignedBy(parseNote(forged), origin, [signer])).toThrow("does not fit its signature");
    expect(() => noteSignedBy(parseNote(note + (forged.split("\n\n")[1] ?? "")), origin, [signer])).toThrow("does not fit its signature");
  });

  test.each([
    ["empty", ""],
    ["no signature", note.split("\n\n")[0] ?? ""],
    ["no text", `\n\n${note.split("\n\n")[1] ?? ""}`],
    ["no last line end", note.slice(0, -1)],
    ["Windows line ends", note.replaceAll("\n", "\r\n")],
    ["a tab", note.replace("42", "42\t")],
    ["a NUL", note.replace("42", "42\0")],
    ["a lone surrogate", note.replace("42", "42\ud800")],
    ["a hyphen for the dash", note.replace("\u2014", "-")],
    ["two spaces", note.replace(`${origin} `, `${origin}  `)],
    ["a plus in the name", note.replace(`\u2014 ${origin}`, "\u2014 a+b")],
    ["a wide space in the name", note.replace(`\u2014 ${origin}`, "\u2014 a\u2003b")],
    ["base64 with stray bits", note.replace(/.=\n$/u, "/=\n")],
    ["base64 without padding", note.replace(/=\n$/u, "\n")],
    ["a signature of nothing", note.replace(/[^ ]+\n$/u, "AAAAAA==\n")],
    ["a line behind", `${note}x\n`],
    ["a hundred signatures too many", note + (note.split("\n\n")[1] ?? "").repeat(101)],
    ["a megabyte", `${"x".repeat(1_000_001)}\n\n${note.split("\n\n")[1] ?? ""}`],
  ])("a note with a fault is refused: %s", (_title, faulty) => {
    expect(() => parseNote(faulty)).toThrow(expect.objectContaining({ code: "INVALID_INPUT" }) as Error);
  });

  test.each([
    ["two lines", `${origin}\n42\n`],
    ["no line end", checkpointText(checkpoint).slice(0, -1)],
    ["an empty origin", `\n42\n${"A".repeat(43)}=\n`],
    ["a size with a zero in front", checkpointText(checkpoint).replace("42", "042")],
    ["a negative size", checkpointText(checkpoint).replace("42", "-42")],
    ["a size with a dot", checkpointText(checkpoint).replace("42", "42.0")],
    ["a size beyond all numbers", checkpointText(checkpoint).replace("42", "9999999999999999")],
    ["a root that is too short", `${origin}\n42\n${Buffer.alloc(31).toString("base64")}\n`],
    ["a root in another alphabet", `${origin}\n42\n${Buffer.alloc(32, 0xff).toString("base64url")}=\n`],
    ["an empty extension", `${checkpointText(checkpoint)}\n`],
  ])("a text with a fault is refused: %s", (_title, faulty) => {
    expect(() => parseCheckpoint(faulty)).toThrow(expect.objectContaining({ code: "INVALID_INPUT" }) as Error);
  });

  test("extension lines are read over, and signed", () => {
    const extended = `${checkpointText(checkpoint)}some extension\n`;
    expect(parseCheckpoint(extended)).toEqual(checkpoint);
    const cut = signNote(extended, origin, signer).replace("some extension\n", "");
    expect(() => noteSignedBy(parseNote(cut), origin, [signer])).toThrow("does not fit its signature");
  });

  test("only Ed25519 keys", () => {
    const rsa = generateKeyPairSync("rsa", { modulusLength: 1024 });
    expect(() => noteKey(rsa.publicKey.export({ type: "spki", format: "pem" }) as string)).toThrow("not an Ed25519 public key");
    expect(() => noteSigner(rsa.privateKey.export({ type: "pkcs8", format: "pem" }) as string)).toThrow("not an Ed25519 private key");
  });
});

describe("proofs as files", () => {
  const note = signNote(checkpointText({ origin: "o", size: 1, root: emptyRoot() }), "o", newSigner());
  const path = [leafHash(Buffer.from("a")), leafHash(Buffer.from("b"))];
  const inclusion = { kind: "inclusion", index: 7, path, entry: Buffer.from('{"a":1}'), note } as const;
  const consistency = { kind: "consistency", oldSize: 5, path, note } as const;

  test("are written in the forms of c2sp.org/tlog-proof and /tlog-witness, and read again", () => {
    const hashes = path.map((hash) => Buffer.from(hash).toString("base64")).join("\n");
    expect(proofText(inclusion)).toBe(`c2sp.org/tlog-proof@v1\nextra eyJhIjoxfQ==\nindex 7\n${hashes}\n\n${note}`);
    expect(proofText({ ...inclusion, entry: null, path: [] })).toBe(`c2sp.org/tlog-proof@v1\nindex 7\n\n${note}`);
    expect(proofText(consistency)).toBe(`old 5\n${hashes}\n\n${note}`);
    for (const proof of [inclusion, consistency, { ...inclusion, path: [], entry: null }, { ...consistency, path: [] }]) expect(parseProof(proofText(proof))).toEqual(proof);
  });

  test.each([
    ["a checkpoint", note],
    ["another version", proofText(inclusion).replace("@v1", "@v2")],
    ["an index that is none", proofText(inclusion).replace("index 7", "index 07")],
    ["an index beyond all numbers", proofText(inclusion).replace("index 7", "index 9999999999999999")],
    ["no index", proofText(inclusion).replace("index 7\n", "")],
    ["the wrong word", proofText(inclusion).replace("index 7", "old 7")],
    ["the wrong word, the other way", proofText(consistency).replace("old 5", "index 5")],
    ["extra data that is no base64", proofText(inclusion).replace("eyJh", "ey-h")],
    ["a hash that is too short", proofText(consistency).replace(Buffer.from(path[0] ?? []).toString("base64"), "AAAA")],
    ["more hashes than any tree has levels", proofText({ ...consistency, path: Array.from({ length: 64 }, () => emptyRoot()) })],
    ["no checkpoint", proofText(consistency).split("\n\n")[0] ?? ""],
  ])("what is not one is refused: %s", (_title, faulty) => {
    expect(() => parseProof(faulty)).toThrow(expect.objectContaining({ code: "INVALID_INPUT" }) as Error);
  });
});
