import type { Command } from "commander";

import { EnactError } from "../../errors.js";
import type { ExitCode } from "../io.js";
import type { ProjectArgs } from "../program.js";

export interface ExportFlags {
  /** The first receipt; from the beginning when left out. */
  readonly from?: number;
  readonly out?: string;
  readonly bundle?: string;
  readonly verifier?: string;
  readonly json: boolean;
}

export interface CheckpointFlags {
  readonly out?: string;
  readonly prove?: string;
  readonly since?: string;
  readonly publicKey?: readonly string[];
  readonly json: boolean;
}

/** What verify can do besides the ledger of the project. */
export interface VerifyFlags {
  readonly checkpoint?: readonly string[];
  readonly export?: string;
  readonly from?: number;
  readonly proof?: string;
  readonly publicKey?: readonly string[];
}

/** The commands for auditors. */
export interface EvidenceCommands {
  export(args: ProjectArgs & ExportFlags): Promise<ExitCode>;
  checkpoint(args: ProjectArgs & CheckpointFlags): Promise<ExitCode>;
}

type Printing = (usage: string, description: string) => Command;
type Run = (work: (flags: never) => Promise<ExitCode>) => (...given: readonly unknown[]) => Promise<void>;

export function addEvidence(printing: Printing, run: Run, commands: EvidenceCommands): void {
  printing("export", "the receipts as JSON Lines, for auditors: the exact signed text of each")
    .option("--from <sequence>", "begin with this receipt", sequenceOf)
    .option("--out <file>", "write there, not to standard output; the file must not exist")
    .option("--bundle <dir>", "a new folder with all that a check needs: receipts, public keys, checkpoint, verifier")
    .option("--verifier <file>", "also write the page that checks an export in any browser")
    .action(run((flags: ProjectArgs & ExportFlags) => commands.export(flags)));
  printing("checkpoint", "sign what the ledger holds now; who keeps it can prove later that receipts are gone")
    .option("--out <file>", "write there, not to standard output; the file must not exist")
    .option("--prove <receipt>", "prove that this receipt is in the ledger: its number, or its run's id")
    .option("--since <file>", "prove that the ledger still begins with all of that older checkpoint")
    .option("--public-key <file>", "a key that the older checkpoint may be signed with (repeatable)", also)
    .action(run((flags: ProjectArgs & CheckpointFlags) => commands.checkpoint(flags)));
}

export function addVerifyFiles(verify: Command): Command {
  return verify
    .option("--checkpoint <file>", "also check that the ledger still begins with what this kept checkpoint promised (repeatable)", also)
    .option("--export <file>", "verify an exported file, or the folder of a bundle, instead of the project's ledger")
    .option("--from <sequence>", "the exported file begins with this receipt", sequenceOf)
    .option("--proof <file>", "verify a proof that checkpoint --prove or --since wrote, instead")
    .option("--public-key <file>", "check with this key, and no other, what was signed with Ed25519 (repeatable)", also);
}

function also(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

function sequenceOf(text: string): number {
  const sequence = Number(text);
  if (/^\d+$/u.test(text) && Number.isSafeInteger(sequence) && sequence > 0) return sequence;
  throw new EnactError("USAGE", `--from wants the number of a receipt, not '${text}'.`);
}
