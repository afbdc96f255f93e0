import { EnactError } from "../../errors.js";
import type { ExitCode, Io } from "../io.js";
import type { VerifyFlags } from "./commands.js";
import type { VerifyFilesDeps } from "./verify-export.js";
import { verifyExportCommand } from "./verify-export.js";
import { verifyProofCommand } from "./verify-proof.js";

/**
 * Verifies files that were taken out of a project: an export, or a proof.
 * @throws EnactError USAGE when it is not clear which, and what the two commands throw
 */
export function verifyFilesCommand(
  args: VerifyFlags & { readonly acceptLoss?: boolean; readonly json: boolean },
  io: Pick<Io, "cwd" | "stdout">,
  deps: VerifyFilesDeps,
): ExitCode {
  const { export: exported, proof } = args;
  if (exported !== undefined && proof !== undefined) throw new EnactError("USAGE", "Give --export or --proof, one at a time");
  if (args.acceptLoss === true) throw new EnactError("USAGE", "--accept-loss is for the project's own ledger, not for files");
  if (exported !== undefined) return verifyExportCommand({ ...args, export: exported }, io, deps);
  if (proof === undefined || args.from !== undefined) throw new EnactError("USAGE", "--from says where an exported file begins: it belongs to --export FILE");
  return verifyProofCommand({ ...args, proof }, io, deps);
}
