import { readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";

import { EnactError } from "../../errors.js";
import { plainText } from "../../guard/text.js";
import type { NoteKey } from "../../receipts/checkpoint.js";
import { parseHash } from "../../receipts/checkpoint.js";
import type { CheckpointKeys } from "../../receipts/checkpoint-keys.js";
import type { ChainPosition } from "../../receipts/entry.js";
import { fileLines, verifyExport } from "../../receipts/export-verify.js";
import { MerkleTree } from "../../receipts/merkle.js";
import type { KeyFinder } from "../../receipts/signing.js";
import { ed25519PublicKey } from "../../receipts/signing.js";
import type { VerifyReport } from "../../receipts/verify.js";
import type { ExitCode, Io } from "../io.js";
import { EXIT } from "../io.js";
import { BUNDLE_FILES, BUNDLE_FORMAT } from "./bundle.js";
import { openExisting, readPublicKey, readText } from "./files.js";
import type { Approvers } from "./approvals.js";
import { approversOf, countedApprovals } from "./approvals.js";
import type { CheckpointVerdict } from "./verify-checkpoint.js";
import { checkpointLine, verifyCheckpoint } from "./verify-checkpoint.js";

export interface VerifyExportArgs {
  /** A file of JSON Lines, or the folder of a bundle. */
  readonly export: string;
  readonly from?: number;
  readonly checkpoint?: readonly string[];
  /** When given, no other Ed25519 key counts. */
  readonly publicKey?: readonly string[];
  readonly json: boolean;
}

export interface VerifyFilesDeps {
  /** The keys of this user, and the secret of the environment. */
  readonly keys: KeyFinder;
  readonly checkpointKeys: CheckpointKeys;
  /** The approvers of this user. */
  readonly approvers: Approvers;
}

/** What is to be verified, with what. */
interface Subject {
  readonly file: string;
  readonly from: number;
  readonly known: ChainPosition | null;
  /** What a tree needs of the receipts before `from`. */
  readonly before: MerkleTree | null;
  readonly checkpoints: readonly string[];
  readonly noteKeys: readonly NoteKey[];
  /** Where the Ed25519 keys come from, when they came along with what they prove. */
  readonly keysCameAlong: boolean;
  /** Those of the bundle; null when none are in it. */
  readonly approvers: Approvers | null;
}

/**
 * Verifies an export without its project: content, signatures, order, and the checkpoints that are given or lie beside it.
 *
 * With `--json`: `{ ok, entries, from, head, first_problem, interrupted, keys, keys_came_along, unchecked_approvals, checkpoints, file }`.
 *
 * @returns 0 when it verifies, 1 when it does not
 * @throws EnactError NOT_FOUND, INVALID_INPUT, USAGE for files that are not what they should be
 */
export function verifyExportCommand(args: VerifyExportArgs, io: Pick<Io, "cwd" | "stdout">, deps: VerifyFilesDeps): ExitCode {
  const subject = subjectOf(args, io.cwd, deps);
  const lines = () => fileLines(subject.file);
  const keys = finderOf(subject, args.publicKey !== undefined, deps);
  const approvals = countedApprovals(subject.approvers ?? deps.approvers, subject.approvers !== null);
  const report = verifyExport(lines, { keys, from: subject.from, known: subject.known, checks: [approvals.check] });
  const log = { keys, lines, ...(subject.before === null ? {} : { before: () => subject.before }) };
  const kept = subject.checkpoints.map((file) => verifyCheckpoint(file, log, subject.noteKeys));
  const unchecked = approvals.unchecked();
  io.stdout.write(args.json ? jsonOf(report, subject, kept, unchecked) : textOf(report, subject, kept, unchecked));
  return report.ok && kept.every(({ ok }) => ok) ? EXIT.done : EXIT.blocked;
}

function subjectOf(args: VerifyExportArgs, cwd: string, { checkpointKeys }: VerifyFilesDeps): Subject {
  const path = resolve(cwd, args.export);
  const given = args.publicKey?.map((file) => readPublicKey(resolve(cwd, file)));
  const checkpoints = (args.checkpoint ?? []).map((file) => resolve(cwd, file));
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats?.isDirectory() === true) return bundleAt(path, { given, checkpoints, from: args.from });
  openExistingFile(path);
  const noteKeys = given ?? checkpointKeys.trusted();
  return { file: path, from: args.from ?? 1, known: null, before: null, checkpoints, noteKeys, keysCameAlong: false, approvers: null };
}

function openExistingFile(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() === false) throw new EnactError("INVALID_INPUT", `${path} is no file`);
  if (statSync(path, { throwIfNoEntry: false }) === undefined) openExisting(path);
}

interface Given {
  readonly given: readonly NoteKey[] | undefined;
  readonly checkpoints: readonly string[];
  readonly from: number | undefined;
}

function bundleAt(folder: string, { given, checkpoints, from }: Given): Subject {
  const index = readIndex(join(folder, BUNDLE_FILES.index));
  const file = join(folder, BUNDLE_FILES.receipts);
  openExistingFile(file);
  const names = readdirSync(folder);
  const own = names.includes(BUNDLE_FILES.checkpoint) ? [join(folder, BUNDLE_FILES.checkpoint)] : [];
  const noteKeys = given ?? names.filter((name) => name.endsWith(".pub")).map((name) => readPublicKey(join(folder, name)));
  return {
    file,
    from: from ?? index.from,
    known: index.last,
    before: index.before,
    checkpoints: [...own, ...checkpoints],
    noteKeys,
    keysCameAlong: given === undefined,
    approvers: names.includes(BUNDLE_FILES.approvers) ? approversOf(join(folder, BUNDLE_FILES.approvers)) : null,
  };
}

interface ReadIndex {
  readonly from: number;
  readonly last: ChainPosition | null;
  readonly before: MerkleTree | null;
}

/** Whoever made the export wrote this, and it is not signed: what it says can only make the check stricter, or name a part a part. */
function readIndex(path: string): ReadIndex {
  const wrong = (): EnactError => new EnactError("INVALID_INPUT", `${path} is not the index of a bundle that this version knows`);
  try {
    const index = JSON.parse(readText(path)) as {
      readonly format?: unknown;
      readonly receipts?: { readonly from?: unknown; readonly last?: { readonly sequence?: unknown; readonly hash?: unknown } | null };
      readonly before?: { readonly size?: unknown; readonly peaks?: unknown } | null;
    };
    const { from, last } = index.receipts ?? {};
    if (index.format !== BUNDLE_FORMAT || typeof from !== "number" || !Number.isSafeInteger(from) || from < 1) throw wrong();
    const isKnown = typeof last?.sequence === "number" && typeof last.hash === "string";
    const peaks = Array.isArray(index.before?.peaks) ? (index.before.peaks as unknown[]).map((peak) => parseHash(String(peak))) : null;
    return {
      from,
      last: isKnown ? { sequence: last.sequence, hash: last.hash } : null,
      before: peaks === null || from === 1 ? null : MerkleTree.after(from - 1, peaks),
    };
  } catch (error) {
    throw error instanceof EnactError && error.code === "NOT_FOUND" ? error : wrong();
  }
}

/** Ed25519 keys are those of the subject; for HMAC there is only the secret of this user. */
function finderOf({ noteKeys, keysCameAlong }: Subject, onlyGiven: boolean, { keys }: VerifyFilesDeps): KeyFinder {
  const own = noteKeys.map(({ pem }) => ed25519PublicKey(pem));
  return {
    find(keyId) {
      const found = own.find(({ key_id }) => key_id === keyId);
      const mayAsk = !onlyGiven || keyId.startsWith("hmac-");
      return found ?? (mayAsk || keysCameAlong ? keys.find(keyId) : undefined);
    },
  };
}

function textOf(report: VerifyReport, subject: Subject, kept: readonly CheckpointVerdict[], unchecked: number): string {
  const { firstProblem, entries, keys, head } = report;
  const lines: string[] = [];
  const file = plainText(subject.file, 400);
  if (firstProblem !== undefined) {
    lines.push(`✗ ${plainText(firstProblem.message.replace(/[^.]$/u, "$&."), 600)}`);
    if (firstProblem.run_id !== null) lines.push(`  run ${plainText(firstProblem.run_id, 100)}`);
    if (firstProblem.kind === "unknown_key") lines.push("  Give the public key with --public-key FILE, or the secret in ENACT_SECRET.");
    lines.push(`  ${entries === 0 ? "No receipt" : counted(entries)} before it ${entries <= 1 ? "is" : "are"} right. File: ${file}`);
  } else if (entries === 0) {
    lines.push(`There is no receipt in ${file}, so there is nothing to verify.`);
  } else {
    const part = subject.from === 1 ? "" : `, numbers ${String(subject.from)} to ${String(head.sequence)}`;
    lines.push(`✓ ${counted(entries)}${part} verified: content, signatures, order, nothing removed in between. File: ${file}`);
    lines.push(...keys.map((key) => `  signed with ${plainText(key.key_id, 100)}: ${counted(key.entries)}`));
    if (subject.from > 1) lines.push(`! It is a part: nothing is said about receipts 1 to ${String(subject.from - 1)}.`);
    if (kept.length === 0) lines.push("! Whether receipts were cut from the end cannot be seen from the file alone: give a checkpoint that was kept elsewhere, --checkpoint FILE.");
  }
  lines.push(...notes(report, subject, unchecked));
  return `${lines.join("\n")}\n${kept.map(checkpointLine).join("")}`;
}

/** What the reader must know, whether it verifies or not. */
function notes({ interrupted }: VerifyReport, { keysCameAlong, noteKeys }: Subject, unchecked: number): readonly string[] {
  const lines: string[] = [];
  if (keysCameAlong && noteKeys.length > 0) {
    lines.push("! The public keys came along with the receipts: compare their ids with what you know, or give your own with --public-key FILE.");
  }
  if (unchecked > 0) {
    lines.push(`! ${unchecked === 1 ? "1 approval was" : `${String(unchecked)} approvals were`} not checked: the approvers' public keys are not here. A bundle holds them.`);
  }
  if (interrupted.length > 0) {
    const runs = interrupted.slice(0, 5).map(({ run_id, workflow }) => `${plainText(workflow, 40)} ${plainText(run_id, 60)}`);
    lines.push(`! ${interrupted.length === 1 ? "1 run has" : `${String(interrupted.length)} runs have`} no outcome here: ${runs.join(", ")}${interrupted.length > 5 ? ", …" : ""}`);
  }
  return lines;
}

function jsonOf(report: VerifyReport, subject: Subject, kept: readonly CheckpointVerdict[], unchecked: number): string {
  const { entries, head, firstProblem, interrupted, keys } = report;
  const said = {
    ok: report.ok && kept.every(({ ok }) => ok),
    entries,
    from: subject.from,
    head: entries === 0 ? null : head,
    first_problem: firstProblem ?? null,
    interrupted, keys,
    keys_came_along: subject.keysCameAlong,
    unchecked_approvals: unchecked,
    checkpoints: kept,
    file: subject.file,
  };
  return `${JSON.stringify(said, null, 2)}\n`;
}

function counted(count: number): string {
  return count === 1 ? "1 receipt" : `${String(count)} receipts`;
}
