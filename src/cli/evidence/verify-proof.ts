import { resolve } from "node:path";

import { EnactError, isEnactError } from "../../errors.js";
import { plainText } from "../../guard/text.js";
import type { NoteKey } from "../../receipts/checkpoint.js";
import { readKept } from "../../receipts/checkpoint-make.js";
import type { ConsistencyProof, InclusionProof } from "../../receipts/checkpoint-proof.js";
import { parseProof } from "../../receipts/checkpoint-proof.js";
import { leafHash } from "../../receipts/merkle.js";
import { verifyConsistency, verifyInclusion } from "../../receipts/merkle-verify.js";
import type { ExitCode, Io } from "../io.js";
import { EXIT } from "../io.js";
import { readText } from "./files.js";
import { trustedKeys } from "./verify-checkpoint.js";
import type { VerifyFilesDeps } from "./verify-export.js";

export interface VerifyProofArgs {
  readonly proof: string;
  /** The older checkpoint that a consistency proof begins at. */
  readonly checkpoint?: readonly string[];
  readonly publicKey?: readonly string[];
  readonly json: boolean;
}

interface Verdict {
  readonly ok: boolean;
  readonly kind: "inclusion" | "consistency";
  /** A sentence. */
  readonly message: string;
}

/**
 * Verifies a proof by itself, with nothing but public keys.
 *
 * With `--json`: `{ ok, kind, message, file }`.
 *
 * @returns 0 when it proves what it says, 1 when it does not
 * @throws EnactError NOT_FOUND, INVALID_INPUT, USAGE
 */
export function verifyProofCommand(args: VerifyProofArgs, io: Pick<Io, "cwd" | "stdout">, deps: Pick<VerifyFilesDeps, "checkpointKeys">): ExitCode {
  const file = resolve(io.cwd, args.proof);
  const proof = parseProof(readText(file));
  const trusted = trustedKeys(args.publicKey, io.cwd, deps.checkpointKeys);
  const older = (args.checkpoint ?? []).map((path) => readText(resolve(io.cwd, path)));
  const verdict = judged(proof, older, trusted);
  const text = `${verdict.ok ? "✓" : "✗"} ${plainText(verdict.message, 800)} (${plainText(file, 400)})\n`;
  io.stdout.write(args.json ? `${JSON.stringify({ ...verdict, file }, null, 2)}\n` : text);
  return verdict.ok ? EXIT.done : EXIT.blocked;
}

function judged(proof: InclusionProof | ConsistencyProof, older: readonly string[], trusted: readonly NoteKey[]): Verdict {
  try {
    return proof.kind === "inclusion" ? inclusion(proof, trusted) : consistency(proof, older, trusted);
  } catch (error) {
    if (!isEnactError(error) || !["TAMPERED", "KEY_UNUSABLE"].includes(error.code)) throw error;
    return { ok: false, kind: proof.kind, message: `It proves nothing: ${error.message}. ${error.hint ?? ""}`.trimEnd() };
  }
}

function inclusion({ index, path, entry, note }: InclusionProof, trusted: readonly NoteKey[]): Verdict {
  const { checkpoint, key } = readKept(note, trusted);
  if (entry === null) throw new EnactError("INVALID_INPUT", "This proof has no receipt in it, so there is nothing that it could prove");
  const which = `Receipt ${String(index + 1)}`;
  const isThere = verifyInclusion({ index, ...checkpoint, leaf: leafHash(entry), path });
  const log = `the ${String(checkpoint.size)} of ${checkpoint.origin}, signed with ${key.key_id}`;
  if (!isThere) return { ok: false, kind: "inclusion", message: `${which} in it is not one of ${log}: the proof does not lead there.` };
  return { ok: true, kind: "inclusion", message: `${which}${titleOf(entry)} is one of ${log}.` };
}

function consistency({ oldSize, path, note }: ConsistencyProof, older: readonly string[], trusted: readonly NoteKey[]): Verdict {
  const [kept, ...more] = older;
  if (kept === undefined || more.length > 0) throw new EnactError("USAGE", "This proof begins at an older checkpoint: give that one with --checkpoint FILE");
  const { checkpoint: before } = readKept(kept, trusted);
  const { checkpoint: now, key } = readKept(note, trusted);
  if (before.origin !== now.origin) return answer(false, `The two checkpoints are of different ledgers: ${before.origin} and ${now.origin}.`);
  if (before.size !== oldSize) return answer(false, `The proof begins at ${String(oldSize)} receipts, the checkpoint at ${String(before.size)}: they do not belong together.`);
  const holds = verifyConsistency({ oldSize, oldRoot: before.root, size: now.size, root: now.root, proof: path });
  if (!holds) return answer(false, `The ledger of ${String(now.size)} receipts does not begin with all ${String(oldSize)} of the older checkpoint.`);
  return answer(true, `The ledger of ${String(now.size)} receipts begins with all ${String(oldSize)} of the older checkpoint, unchanged (signed with ${key.key_id}).`);
}

function answer(ok: boolean, message: string): Verdict {
  return { ok, kind: "consistency", message };
}

/** What the receipt says of itself: proved to be in the log, which is why it may be shown. */
function titleOf(entry: Uint8Array): string {
  try {
    const said = JSON.parse(Buffer.from(entry).toString("utf8")) as Readonly<Record<string, unknown>>;
    const parts = ["workflow", "phase", "decision", "timestamp"].map((name) => said[name]).filter((value) => typeof value === "string");
    return parts.length === 0 ? "" : ` (${parts.join(" ")})`;
  } catch {
    return "";
  }
}
