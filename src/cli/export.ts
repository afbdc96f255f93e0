import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";

import { EnactError } from "../errors.js";
import { plainText } from "../guard/text.js";
import { lastSize } from "../receipts/checkpoint-make.js";
import type { LedgerReader } from "../receipts/ledger.js";
import type { Bundle, BundleDeps, FinishedBundle } from "./evidence/bundle.js";
import { finishBundle, makeBundle } from "./evidence/bundle.js";
import type { Copied, Sink } from "./evidence/copy.js";
import { copyLines, fileSink, streamSink } from "./evidence/copy.js";
import { writeNewFile } from "./evidence/files.js";
import type { ExitCode, Io } from "./io.js";
import { EXIT } from "./io.js";
import type { LedgerDeps } from "./receipts.js";

export interface ExportArgs {
  /** The first receipt that is wanted; from the beginning when left out. */
  readonly from?: number;
  /** A file instead of standard output; must not exist. */
  readonly out?: string;
  /** A folder with all that a check needs; must not exist. */
  readonly bundle?: string;
  /** Writes the page that checks exports there; must not exist. */
  readonly verifier?: string;
  readonly json: boolean;
}

export interface ExportDeps extends LedgerDeps, BundleDeps {
  /** Where the page that checks exports lies. */
  readonly verifierPage: string;
}

/**
 * Writes the receipts as JSON Lines: of each the exact text that was signed, nothing else, so that any tool reads them and any
 * verifier can hash them. Proves the ledger meanwhile. One that was tampered with is exported as it lies there, and said to be.
 *
 * With `--json`: `{ from, receipts, last, ok, first_problem, keys, file, bundle, verifier }`.
 *
 * @returns 0; 1 when the ledger does not verify
 * @throws EnactError USAGE, NOT_FOUND when there are fewer receipts, KEY_UNUSABLE
 */
export async function exportCommand(args: ExportArgs, io: Pick<Io, "cwd" | "stdout" | "stderr">, deps: ExportDeps): Promise<ExitCode> {
  checkUsage(args);
  const from = args.from ?? 1;
  const reader = await deps.openLedger();
  try {
    refuseBeyondEnd(reader, from);
    const places = placesOf(args, io.cwd);
    const page = args.bundle === undefined && args.verifier === undefined ? null : verifierPage(deps.verifierPage);
    const bundle = places.bundle === null ? null : makeBundle(places.bundle);
    if (places.verifier !== null && page !== null) writeNewFile(places.verifier, page);
    const file = bundle?.receipts ?? places.out;
    const sink: Sink = file === null ? streamSink(io.stdout) : fileSink(file);
    const copied = await copyLines(reader, from, sink, (origin) => [...(from > 1 ? [from - 1] : []), ...lastSize(deps.keys)(origin)]);
    const finished = bundle === null ? null : finishBundle(bundle, { copied, from, reader, deps, page: page ?? new Uint8Array() });
    const problem = finished === null ? copied.problem : finished.problem;
    const said = { copied: { ...copied, problem }, from, file, bundle, places, finished };
    if (args.json) io.stdout.write(`${JSON.stringify(jsonOf(said), null, 2)}\n`);
    // Standard output may hold the receipts.
    else (file === null ? io.stderr : io.stdout).write(textOf(said, reader));
    return problem === null ? EXIT.done : EXIT.blocked;
  } finally {
    reader.close();
  }
}

interface Places {
  readonly out: string | null;
  readonly bundle: string | null;
  readonly verifier: string | null;
}

interface Said {
  readonly copied: Copied;
  readonly from: number;
  readonly file: string | null;
  readonly bundle: Bundle | null;
  readonly places: Places;
  readonly finished: FinishedBundle | null;
}

function checkUsage({ out, bundle, json }: ExportArgs): void {
  if (out !== undefined && bundle !== undefined) throw new EnactError("USAGE", "Give --out or --bundle: a bundle holds the receipts already");
  if (json && out === undefined && bundle === undefined) {
    throw new EnactError("USAGE", "--json prints a summary, and standard output holds the receipts", { hint: "Give --out FILE or --bundle DIR as well." });
  }
}

function placesOf({ out, bundle, verifier }: ExportArgs, cwd: string): Places {
  const place = (path: string | undefined): string | null => (path === undefined ? null : resolve(cwd, path));
  return { out: place(out), bundle: place(bundle), verifier: place(verifier) };
}

function refuseBeyondEnd(reader: LedgerReader, from: number): void {
  const last = reader.find({ newest: true, limit: 1 })[0]?.sequence ?? 0;
  if (from === 1 || from <= last) return;
  const there = last === 0 ? "There are no receipts" : `The last receipt is number ${String(last)}`;
  throw new EnactError("NOT_FOUND", `${there}, so nothing begins with number ${String(from)}`);
}

function verifierPage(path: string): Uint8Array {
  if (existsSync(path)) return readFileSync(path);
  throw new EnactError("NOT_INSTALLED", "The page that checks exports is missing from this installation", { hint: "Install the package again: npm install enact-guard." });
}

function lastOf({ scan, problem }: Copied): { readonly sequence: number; readonly hash: string } | null {
  return problem === null && scan.head.sequence > 0 ? scan.head : null;
}

function jsonOf({ copied, from, file, bundle, places, finished }: Said) {
  return {
    ok: copied.problem === null,
    from,
    receipts: copied.count,
    last: lastOf(copied),
    first_problem: copied.problem,
    keys: [...copied.keys].map(([key_id, receipts]) => ({ key_id, receipts })),
    file,
    bundle: bundle === null ? null : { folder: bundle.folder, files: finished?.files ?? [] },
    verifier: places.verifier,
  };
}

function textOf({ copied, from, file, bundle, places, finished }: Said, reader: LedgerReader): string {
  const { count, problem, keys } = copied;
  const where = bundle?.folder ?? file;
  const to = where === null ? "" : `: ${plainText(where, 400)}`;
  const which = count > 0 && from > 1 ? ` (from number ${String(from)})` : "";
  const lines: string[] = [];
  if (problem !== null) {
    lines.push(`✗ ${plainText(problem.message.replace(/[^.]$/u, "$&."), 600)}`);
    lines.push(`  ${counted(count)}${which} exported as they lie there, evidence included${to}`);
  } else if (count === 0) {
    lines.push(`There are no receipts yet (${reader.location}); the export is empty${to}`);
  } else {
    lines.push(`✓ ${counted(count)}${which} exported, and the ledger verifies${to}`);
  }
  if (finished !== null) lines.push(`  ${finished.files.join(", ")}`);
  if (places.verifier !== null) lines.push(`  page to check it with: ${plainText(places.verifier, 400)}`);
  if ([...keys.keys()].some((key) => key.startsWith("hmac-"))) lines.push(HMAC_ADVICE);
  return `${lines.join("\n")}\n`;
}

const HMAC_ADVICE =
  "! Signed with HMAC: who checks these needs the secret (ENACT_SECRET, or keys/hmac.key), and who has it can forge receipts. " +
  "With signing: ed25519 a public key is enough.";

function counted(count: number): string {
  return count === 1 ? "1 receipt" : `${String(count)} receipts`;
}
