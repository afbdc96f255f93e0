import { resolve } from "node:path";

import { EnactError } from "../errors.js";
import { plainText } from "../guard/text.js";
import { noteVerifierKey } from "../receipts/checkpoint.js";
import type { CheckpointKeys } from "../receipts/checkpoint-keys.js";
import type { MadeCheckpoint } from "../receipts/checkpoint-make.js";
import { broken, lastSize, makeCheckpoint, readKept } from "../receipts/checkpoint-make.js";
import { proofText } from "../receipts/checkpoint-proof.js";
import type { LedgerScan } from "../receipts/checkpoint-scan.js";
import { scanProved } from "../receipts/checkpoint-scan.js";
import type { LedgerReader } from "../receipts/ledger.js";
import { NodePath, leafHash } from "../receipts/merkle.js";
import { verifyInclusion } from "../receipts/merkle-verify.js";
import { readPublicKey, readText, writeNewFile } from "./evidence/files.js";
import { provenEntry } from "./evidence/proven-entry.js";
import type { ExitCode, Io } from "./io.js";
import { EXIT } from "./io.js";
import type { LedgerDeps } from "./receipts.js";

export interface CheckpointArgs {
  /** Writes there instead of to standard output; must not exist. */
  readonly out?: string;
  /** Proves that this receipt is in the log: a sequence, or the id of a run. */
  readonly prove?: string;
  /** Proves that the log begins with the whole log of this checkpoint, a file. */
  readonly since?: string;
  /** Public keys that the file given with `since` may be signed with, besides those held here. */
  readonly publicKeys: readonly string[];
  readonly json: boolean;
}

export interface CheckpointDeps extends LedgerDeps {
  readonly keys: CheckpointKeys;
}

/** What a person gets, and what is said about it. */
interface Product {
  readonly text: string;
  readonly what: string;
  readonly next: string;
  readonly json: Readonly<Record<string, unknown>>;
}

/**
 * Signs a checkpoint over the whole ledger and prints it, or a proof against it.
 *
 * With `--json`: `{ origin, size, root, key_id, verifier_key, checkpoint, file }` and, for a proof, `proof` with `index` or `since`.
 *
 * @returns 0
 * @throws EnactError TAMPERED when the ledger does not verify, or contradicts an earlier checkpoint; NOT_FOUND for an empty
 *   ledger or a receipt that is not there; USAGE
 */
export async function checkpointCommand(args: CheckpointArgs, io: Pick<Io, "cwd" | "stdout" | "stderr">, deps: CheckpointDeps): Promise<ExitCode> {
  if (args.prove !== undefined && args.since !== undefined) throw new EnactError("USAGE", "Give --prove or --since, one proof at a time");
  const reader = await deps.openLedger();
  try {
    const file = args.out === undefined ? null : resolve(io.cwd, args.out);
    const product = produce(args, io.cwd, reader, deps.keys);
    if (file !== null) writeNewFile(file, product.text);
    if (args.json) io.stdout.write(`${JSON.stringify({ ...product.json, file }, null, 2)}\n`);
    else if (file !== null) io.stdout.write(`✓ ${product.what}: ${plainText(file, 400)}\n${product.next}`);
    else {
      io.stdout.write(product.text);
      io.stderr.write(`✓ ${product.what}\n${product.next}`);
    }
    return EXIT.done;
  } finally {
    reader.close();
  }
}

function produce(args: CheckpointArgs, cwd: string, reader: LedgerReader, keys: CheckpointKeys): Product {
  if (args.prove !== undefined) return inclusion(args.prove, reader, keys);
  if (args.since !== undefined) return consistency(resolve(cwd, args.since), args.publicKeys.map((path) => readPublicKey(resolve(cwd, path))), reader, keys);
  const made = makeCheckpoint(scanProved(reader, { sizes: lastSize(keys) }), keys);
  const next = [
    "Keep it where nobody who can change this machine reaches it: mail it, commit it elsewhere, print it.",
    "Whoever holds it can show later whether a receipt was changed or removed: enact-guard verify --checkpoint FILE",
    `Key for other tools: ${noteVerifierKey(made.checkpoint.origin, made.signer)}`,
  ];
  return { text: made.note, what: `Checkpoint of ${receipts(made.checkpoint.size)}, signed with ${made.signer.key_id}`, next: `${next.join("\n")}\n`, json: jsonOf(made) };
}

function inclusion(wanted: string, reader: LedgerReader, keys: CheckpointKeys): Product {
  const entry = provenEntry(reader, wanted);
  const path = NodePath.ofLeaf(entry.sequence - 1);
  const scan = scanProved(reader, { paths: [path], sizes: lastSize(keys) });
  if (entry.sequence > scan.tree.size) throw new EnactError("NOT_FOUND", `There are ${receipts(scan.tree.size)}, so there is none with the number ${String(entry.sequence)}`);
  const made = makeCheckpoint(scan, keys);
  const index = entry.sequence - 1;
  const hashes = path.auditPath(scan.tree);
  // The receipt was looked up by itself, before the ledger was read as a whole.
  if (!verifyInclusion({ index, ...made.checkpoint, leaf: leafHash(entry.bytes), path: hashes })) {
    throw new EnactError("TAMPERED", "The ledger was changed while it was read", { hint: "Run enact-guard verify." });
  }
  const proof = proofText({ kind: "inclusion", index, path: hashes, entry: entry.bytes, note: made.note });
  const what = `Proof that receipt ${String(entry.sequence)} (${entry.title}) is one of ${receipts(made.checkpoint.size)}`;
  return { text: proof, what, next: "It holds the receipt itself. To check it: enact-guard verify --proof FILE\n", json: { ...jsonOf(made), index, sequence: entry.sequence, proof } };
}

function consistency(file: string, given: ReturnType<CheckpointKeys["trusted"]>, reader: LedgerReader, keys: CheckpointKeys): Product {
  const { checkpoint: kept } = readKept(readText(file), [...given, ...keys.trusted()]);
  if (kept.size === 0) throw new EnactError("INVALID_INPUT", "A checkpoint of no receipts promises nothing, so there is nothing to prove");
  const path = NodePath.fromSize(kept.size);
  const scan: LedgerScan = scanProved(reader, { paths: [path], sizes: (origin) => [kept.size, ...lastSize(keys)(origin)] });
  const problem = broken(kept, scan);
  if (problem !== null) {
    throw new EnactError("TAMPERED", `The ledger is not what the checkpoint promised: ${problem}`, { hint: "Keep both as evidence. enact-guard verify --checkpoint FILE says it again." });
  }
  const made = makeCheckpoint(scan, keys);
  const proof = proofText({ kind: "consistency", oldSize: kept.size, path: path.consistencyProof(scan.tree), note: made.note });
  const what = `Proof that the log of ${receipts(made.checkpoint.size)} begins with the whole log of the kept checkpoint, ${receipts(kept.size)}`;
  const next = "Who holds the older checkpoint can check it: enact-guard verify --proof FILE --checkpoint OLDER\n";
  return { text: proof, what, next, json: { ...jsonOf(made), since: kept.size, proof } };
}

function jsonOf({ checkpoint, note, signer }: MadeCheckpoint): Readonly<Record<string, unknown>> {
  const { origin, size, root } = checkpoint;
  return {
    origin, size,
    root: Buffer.from(root).toString("base64"),
    key_id: signer.key_id,
    verifier_key: noteVerifierKey(origin, signer),
    checkpoint: note,
  };
}

function receipts(count: number): string {
  return count === 1 ? "1 receipt" : `${String(count)} receipts`;
}
