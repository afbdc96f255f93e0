import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { EnactError, isEnactError } from "../../errors.js";
import type { NoteKey } from "../../receipts/checkpoint.js";
import { approversText } from "../../approvals/registry.js";
import type { CheckpointKeys } from "../../receipts/checkpoint-keys.js";
import type { MadeCheckpoint } from "../../receipts/checkpoint-make.js";
import { makeCheckpoint } from "../../receipts/checkpoint-make.js";
import type { LedgerReader } from "../../receipts/ledger.js";
import type { Approvers } from "./approvals.js";
import type { Copied } from "./copy.js";
import { writeNewFile } from "./files.js";

export const BUNDLE_FORMAT = "enact-guard bundle 1";
export const BUNDLE_FILES = { index: "bundle.json", receipts: "receipts.jsonl", checkpoint: "checkpoint.txt", verifier: "verify.html", approvers: "approvers.json", help: "README.txt" } as const;

export interface Bundle {
  readonly folder: string;
  /** The file that the receipts go to. */
  readonly receipts: string;
}

/** What bundle.json says. None of it is signed: it helps to find things, and proves nothing. */
export interface BundleIndex {
  readonly format: string;
  readonly program: string;
  readonly created_at: string;
  readonly receipts: { readonly file: string; readonly from: number; readonly count: number; readonly last: { readonly sequence: number; readonly hash: string } | null };
  /** Of the receipts before `from`: the roots of the tree's complete subtrees, so that the checkpoint can be checked without them. */
  readonly before: { readonly size: number; readonly peaks: readonly string[] } | null;
  readonly known_head: { readonly sequence: number; readonly hash: string } | null;
  readonly checkpoint: { readonly file: string; readonly origin: string; readonly size: number; readonly key_id: string } | null;
  readonly keys: readonly { readonly key_id: string; readonly file: string | null; readonly receipts: number; readonly secret_needed: boolean }[];
  readonly approvers: string | null;
  readonly accepted_losses: LedgerReader["acceptedLosses"];
  readonly first_problem: Copied["problem"];
}

/** A new folder that only its owner can open. @throws EnactError USAGE when it is there already */
export function makeBundle(folder: string): Bundle {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (cause) {
    const { code = "unknown error" } = cause as NodeJS.ErrnoException;
    if (code === "EEXIST") throw new EnactError("USAGE", `${folder} is there already, and is not written to`, { hint: "Give a folder that does not exist yet." });
    throw new EnactError("USAGE", `${folder} cannot be made (${code})`, { cause });
  }
  return { folder, receipts: join(folder, BUNDLE_FILES.receipts) };
}

export interface BundleDeps {
  readonly keys: CheckpointKeys;
  /** The people whose approvals count, with their public keys. */
  readonly approvers: Approvers;
  /** Name and version. */
  readonly program: string;
  readonly clock: () => Date;
}

interface BundleParts {
  readonly copied: Copied;
  readonly from: number;
  readonly reader: LedgerReader;
  readonly deps: BundleDeps;
  /** The page that checks exports. */
  readonly page: Uint8Array;
}

export interface FinishedBundle {
  readonly files: readonly string[];
  /** As found while copying, or what an earlier checkpoint shows. */
  readonly problem: Copied["problem"];
}

/**
 * Puts the rest beside the receipts, and says what is there.
 * @throws EnactError KEY_UNUSABLE, USAGE
 */
export function finishBundle({ folder }: Bundle, given: BundleParts): FinishedBundle {
  const { made, problem } = anchored(given.copied, given.deps.keys);
  const parts = { ...given, copied: { ...given.copied, problem } };
  const { copied, deps, page } = parts;
  const held = [...deps.keys.trusted(), ...(made === null ? [] : [made.signer])];
  const used = new Set([...copied.keys.keys(), ...(made === null ? [] : [made.signer.key_id])]);
  const keys = [...new Map(held.map((key) => [key.key_id, key])).values()].filter(({ key_id }) => used.has(key_id));
  const approvers = copied.approvers.size === 0 ? null : approversText([...copied.approvers].flatMap((id) => deps.approvers.find(id) ?? []));
  const files = new Map<string, string | Uint8Array>([
    ...keys.map((key) => [keyFile(key.key_id), key.pem] as const),
    ...(made === null ? [] : [[BUNDLE_FILES.checkpoint, made.note] as const]),
    ...(approvers === null ? [] : [[BUNDLE_FILES.approvers, approvers] as const]),
    [BUNDLE_FILES.verifier, page],
    [BUNDLE_FILES.index, `${JSON.stringify(indexOf(parts, made, keys, approvers !== null), null, 2)}\n`],
    [BUNDLE_FILES.help, HELP],
  ]);
  for (const [name, content] of files) writeNewFile(join(folder, name), content);
  return { files: [BUNDLE_FILES.receipts, ...files.keys()], problem };
}

function anchored({ scan, problem }: Copied, keys: CheckpointKeys): { readonly made: MadeCheckpoint | null; readonly problem: Copied["problem"] } {
  if (problem !== null || scan.tree.size === 0) return { made: null, problem };
  try {
    return { made: makeCheckpoint(scan, keys), problem };
  } catch (error) {
    if (!isEnactError(error) || error.code !== "TAMPERED") throw error;
    return { made: null, problem: { kind: "replaced", sequence: 0, run_id: null, message: error.message } };
  }
}

function indexOf({ copied, from, reader, deps }: BundleParts, made: MadeCheckpoint | null, held: readonly NoteKey[], hasApprovers: boolean): BundleIndex {
  const { scan, count, problem, keys } = copied;
  const before = from > 1 && problem === null ? (scan.stateAt(from - 1) ?? null) : null;
  const used = new Map([...keys, ...(made === null || keys.has(made.signer.key_id) ? [] : [[made.signer.key_id, 0] as const])]);
  const { known, acceptedLosses } = reader;
  return {
    format: BUNDLE_FORMAT,
    program: deps.program,
    created_at: deps.clock().toISOString(),
    receipts: { file: BUNDLE_FILES.receipts, from, count, last: problem === null && count > 0 ? { sequence: scan.head.sequence, hash: scan.head.hash } : null },
    before: before === null ? null : { size: from - 1, peaks: before.peaks.map((peak) => Buffer.from(peak).toString("base64")) },
    known_head: known === null ? null : { sequence: known.sequence, hash: known.hash },
    checkpoint: made === null ? null : { file: BUNDLE_FILES.checkpoint, origin: made.checkpoint.origin, size: made.checkpoint.size, key_id: made.signer.key_id },
    keys: [...used].map(([key_id, receipts]) => ({
      key_id, receipts,
      file: held.some((key) => key.key_id === key_id) ? keyFile(key_id) : null,
      secret_needed: key_id.startsWith("hmac-"),
    })),
    approvers: hasApprovers ? BUNDLE_FILES.approvers : null,
    accepted_losses: acceptedLosses,
    first_problem: problem,
  };
}

/** Only what is held is written, so the name holds no more than a key's own letters. */
function keyFile(keyId: string): string {
  return `${keyId.replaceAll(/[^\w-]/gu, "-")}.pub`;
}

const HELP = `Receipts of Enact Guard
=======================

receipts.jsonl   one receipt a line, exactly as it was signed (canonical JSON, RFC 8785)
*.pub            the public keys they are signed with (Ed25519). Compare their ids with ones that you got another way:
                 a key that comes with the receipts proves only that they belong together
checkpoint.txt   the Merkle tree head over all of them, signed (c2sp.org/tlog-checkpoint). Keep it: with it you can show
                 later that receipts were changed or removed, even if everything was signed anew
approvers.json   the public keys of the people whose approvals are in the receipts, where there are any
bundle.json      what belongs to what; not signed
verify.html      checks all of this in a browser, and sends nothing anywhere

Open verify.html in a browser and drop this folder's files on it. Or, with the program itself:

    npx enact-guard verify --export .
    npx enact-guard verify --export . --public-key KEY-YOU-GOT-ANOTHER-WAY.pub

Receipts signed with HMAC can be checked only by who has the secret (ENACT_SECRET), and who has it could also forge them.
`;
