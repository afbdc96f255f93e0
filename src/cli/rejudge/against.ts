import { EnactError } from "../../errors.js";
import { plainText } from "../../guard/text.js";
import { rejudgeAll } from "../../guard/rejudge.js";
import type { LedgerReader } from "../../receipts/ledger.js";
import { verifyLedger } from "../../receipts/verify-ledger.js";
import type { ExitCode, Io } from "../io.js";
import { EXIT } from "../io.js";
import type { Opened } from "../opened.js";
import { rejudgeJson, rejudgeLines, verifiedEntries } from "./report.js";

export interface AgainstArgs {
  /** Only "receipts". */
  readonly against: string;
  /** There must be none: all past calls are judged. */
  readonly tool?: string;
  readonly json: boolean;
}

export interface AgainstDeps {
  /** The configuration to try out. */
  open(): Promise<Opened>;
  openLedger(): Promise<LedgerReader>;
}

/**
 * Judges all past calls of the project by a configuration, before it is put in force: lists those whose verdict would
 * change, in both directions, with the policies that make the difference. Changes nothing and asks no system.
 *
 * @returns 0 when no verdict would change (calls of which nobody can tell are listed, and are no change), 1 when one would
 * @throws EnactError USAGE, CONFIG_INVALID, TAMPERED for a ledger that does not verify
 */
export async function checkAgainst(args: AgainstArgs, io: Pick<Io, "stdout">, deps: AgainstDeps): Promise<ExitCode> {
  if (args.against !== "receipts") {
    throw new EnactError("USAGE", `--against takes 'receipts', not '${plainText(args.against, 40)}'.`, { hint: "enact-guard check --against receipts --config FILE" });
  }
  if (args.tool !== undefined) throw new EnactError("USAGE", "--against judges all past calls: name no tool with it.");
  const opened = await deps.open();
  const reader = await deps.openLedger();
  try {
    const { config, guard } = opened;
    const proof = verifyLedger(reader);
    // A ledger without a head may lack its end; what is there is genuine, and that is enough to judge it.
    if (!proof.ok && proof.firstProblem?.kind !== "no_head") throw notProved(proof.firstProblem?.message ?? "");
    const options = { policies: config.policies, unguarded: config.unguarded, tools: guard.tools.map(({ name }) => name), configDigest: config.digest };
    const report = rejudgeAll(verifiedEntries(reader, proof.entries), options);
    const source = config.file ?? "the embedded default";
    io.stdout.write(args.json ? `${JSON.stringify({ config: config.file, ...rejudgeJson(report) }, null, 2)}\n` : `${rejudgeLines(report, reader, source).join("\n")}\n`);
    return report.changed.length === 0 ? EXIT.done : EXIT.blocked;
  } finally {
    reader.close();
    await opened.close();
  }
}

function notProved(why: string): EnactError {
  return new EnactError("TAMPERED", `The ledger does not verify, so what it says is not judged: ${why}`, { hint: "Run enact-guard verify." });
}
