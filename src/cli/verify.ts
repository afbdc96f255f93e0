import { EnactError, isEnactError } from "../errors.js";
import type { RejudgeReport } from "../guard/rejudge.js";
import { contradictions, rejudgeAll } from "../guard/rejudge.js";
import { plainText } from "../guard/text.js";
import type { Problem } from "../receipts/check.js";
import { CHAIN_START } from "../receipts/entry.js";
import type { LedgerReader } from "../receipts/ledger.js";
import type { ApprovalProblem, EntryCheck, VerifyReport } from "../receipts/verify.js";
import { approvalCheck } from "../receipts/verify.js";
import { verifyLedger, verifyRest } from "../receipts/verify-ledger.js";
import type { CheckpointVerdict } from "./evidence/verify-checkpoint.js";
import { checkpointLine } from "./evidence/verify-checkpoint.js";
import type { ExitCode, Io } from "./io.js";
import { EXIT } from "./io.js";
import type { Opened } from "./opened.js";
import type { LedgerDeps } from "./receipts.js";
import { rejudgeJson, rejudgeLines, verifiedEntries } from "./rejudge/report.js";

export interface VerifyArgs {
  /**
   * A person takes the ledger as it lies there for the whole one: entries are gone from its end, or all of it is, and
   * the person knows why. The chain that is left must verify; the loss is noted in the user's folder and shown ever after.
   */
  readonly acceptLoss?: boolean;
  /** Files with checkpoints that somebody kept: says of each whether the ledger still begins with what it promised. */
  readonly checkpoints?: readonly string[];
  /** Judge each decision again, by the configuration of today. */
  readonly rejudge?: boolean;
  readonly json: boolean;
}

export interface VerifyDeps extends LedgerDeps {
  /**
   * Says what is wrong with an entry's approval, if anything, as a clause. Made anew for each reading of a ledger: it
   * remembers which approvals were used.
   */
  readonly approvals?: () => ApprovalProblem;
  /** Compares the ledger with a kept checkpoint; needed for `checkpoints`. */
  compare?(file: string, reader: LedgerReader): CheckpointVerdict;
  /** The configuration of today; needed for `rejudge`. */
  readonly open?: () => Promise<Opened>;
}

const SHOWN_RUNS = 20;

/**
 * Proves the ledger: exact bytes, signatures, sequence, chain, phases, and the head that is known outside of it. Names
 * the first wrong entry and what was done to it, and the runs that have no outcome.
 *
 * @returns 0 when it verifies or there is none yet; 1 when it does not, or when a decision does not follow from its facts
 *   under the very configuration by which it was made
 */
export async function verifyCommand(args: VerifyArgs, io: Pick<Io, "stdout">, deps: VerifyDeps): Promise<ExitCode> {
  let reader: LedgerReader | undefined;
  try {
    reader = await deps.openLedger();
    let report = verifyLedger(reader, checksOf(deps));
    let accepted = false;
    if (args.acceptLoss === true && !report.ok) {
      report = accept(reader, report, checksOf(deps));
      accepted = true;
    }
    const found = reader;
    const kept = (args.checkpoints ?? []).flatMap((file) => deps.compare?.(file, found) ?? []);
    const again = args.rejudge === true && deps.open !== undefined ? await rejudge(reader, report, deps.open) : undefined;
    const text = (): string => textOf(report, found, accepted) + kept.map(checkpointLine).join("") + (again?.text ?? "");
    io.stdout.write(args.json ? jsonOf(report, reader, accepted, kept, again) : text());
    const isProved = report.ok && kept.every(({ ok }) => ok) && (again === undefined || contradictions(again.report).length === 0);
    return isProved ? EXIT.done : EXIT.blocked;
  } catch (error) {
    if (!isEnactError(error) || !CANNOT_VERIFY.includes(error.code)) throw error;
    // A ledger that cannot be read is one that does not verify.
    const firstProblem: Problem = { kind: "structure", sequence: 0, run_id: null, message: sentence(`Cannot verify: ${error.message}`) };
    const report: VerifyReport = { ok: false, entries: 0, head: CHAIN_START, firstProblem, interrupted: [], keys: [] };
    io.stdout.write(args.json ? jsonOf(report, reader, false) : `✗ ${firstProblem.message}\n${error.hint === undefined ? "" : `${error.hint}\n`}`);
    return EXIT.blocked;
  } finally {
    reader?.close();
  }
}

interface Again {
  readonly report: RejudgeReport;
  readonly text: string;
}

/** What was found right is judged again, even where something behind it is wrong. */
async function rejudge(reader: LedgerReader, { entries }: VerifyReport, open: () => Promise<Opened>): Promise<Again> {
  const opened = await open();
  const { config, guard } = opened;
  const options = { policies: config.policies, unguarded: config.unguarded, tools: guard.tools.map(({ name }) => name), configDigest: config.digest };
  await opened.close();
  const report = rejudgeAll(verifiedEntries(reader, entries), options);
  return { report, text: `${rejudgeLines(report, reader, config.file ?? "the embedded default").join("\n")}\n` };
}

function checksOf({ approvals }: VerifyDeps): readonly EntryCheck[] {
  return approvals === undefined ? [] : [approvalCheck(approvals())];
}

const CANNOT_VERIFY: readonly string[] = ["LEDGER_UNAVAILABLE", "KEY_UNUSABLE", "TAMPERED"];

function accept(reader: LedgerReader, report: VerifyReport, checks: readonly EntryCheck[]): VerifyReport {
  const rest = verifyRest(reader, checks);
  const headIsAllThatIsMissing = reader.known !== null || report.firstProblem?.kind === "no_head";
  if (!rest.ok || !headIsAllThatIsMissing) {
    const why = rest.firstProblem ?? report.firstProblem;
    throw new EnactError("REFUSED", `Only entries missing from the end can be accepted, and this is worse: ${why?.message ?? ""}`, {
      hint: "Move .enact/ledger.sqlite away, keep it as evidence, and run enact-guard verify --accept-loss again: a new ledger begins.",
    });
  }
  reader.acceptLoss(rest.entries, new Date());
  return rest;
}

function textOf(report: VerifyReport, reader: LedgerReader, accepted: boolean): string {
  const lines: string[] = [];
  const { firstProblem, entries } = report;
  if (accepted) lines.push(acceptedLine(reader, entries));
  if (firstProblem !== undefined) {
    lines.push(`✗ ${plainText(sentence(firstProblem.message), 600)}`);
    if (firstProblem.run_id !== null) lines.push(`  run ${plainText(firstProblem.run_id, 100)}`);
    if (firstProblem.kind === "unknown_key") lines.push(`  Keys are looked for in ${reader.keys.location} and in ENACT_SECRET.`);
    if (firstProblem.kind === "no_head") return `${[...lines, ...noHeadLines(reader), ...lossLines(reader), ...interruptedLines(report)].join("\n")}\n`;
    lines.push(`  ${entries === 0 ? "No receipt" : count(entries)} before it ${entries === 1 ? "is" : "are"} right. Ledger: ${reader.location}`);
  } else if (entries === 0) {
    lines.push(`No receipts yet, so there is nothing to verify (${reader.location}).`);
  } else {
    lines.push(`✓ ${count(entries)} verified: content, signatures, order, nothing removed. Ledger: ${reader.location}`);
    if (!accepted) lines.push(...headLines(report, reader));
    lines.push(...report.keys.map((key) => `  signed with ${plainText(key.key_id, 100)}: ${count(key.entries)}`));
  }
  // Behind a wrong receipt nothing was read: an outcome that stands there would make its run look interrupted.
  const wasReadToTheEnd = firstProblem === undefined || firstProblem.sequence === 0;
  return `${[...lines, ...lossLines(reader), ...(wasReadToTheEnd ? interruptedLines(report) : [])].join("\n")}\n`;
}

function headLines({ entries }: VerifyReport, { known }: LedgerReader): readonly string[] {
  if (known === null) {
    return ["! No head of this ledger is known here, so a cut end could not be seen: ask whoever writes it for the newest receipt, or for a checkpoint."];
  }
  const beyond = entries - known.sequence;
  return beyond === 0 ? [] : [`  ${count(beyond)} beyond the known head, genuine: a guard is at work, or was stopped while it wrote.`];
}

function acceptedLine({ known, takenOver }: LedgerReader, entries: number): string {
  if (known !== null && takenOver === null) return `Accepted: ${count(known.sequence)} were known, ${String(entries)} are there. The loss is noted.`;
  return `Accepted: ${count(entries)} are there, and how many there were is not known. That is noted.`;
}

/** Where a head is missing, all receipts are right and that is not enough. */
function noHeadLines({ location }: LedgerReader): readonly string[] {
  return [
    `  Ledger: ${location}`,
    "  If somebody kept a checkpoint, enact-guard verify --checkpoint FILE can still tell.",
    "  If you know why it is gone (a new machine, a project copied or put back), take the ledger for whole: enact-guard verify --accept-loss",
  ];
}

function lossLines({ acceptedLosses }: LedgerReader): readonly string[] {
  return acceptedLosses.map(({ accepted_at, kept, sequence, head_unknown: unknown }) => {
    const were = unknown === true ? `${count(kept)} were there, and how many there had been was not known` : `${count(sequence)} were known, ${String(kept)} were there`;
    return `! On ${accepted_at} a person accepted ${unknown === true ? "a ledger without a known head" : "a loss"}: ${were}.`;
  });
}

function interruptedLines({ interrupted }: VerifyReport): readonly string[] {
  if (interrupted.length === 0) return [];
  const shown = interrupted.slice(0, SHOWN_RUNS).map(
    (run) => `  ${run.timestamp}  ${plainText(run.workflow, 40)}  receipt ${String(run.sequence)}  run ${plainText(run.run_id, 100)}`,
  );
  const rest = interrupted.length > SHOWN_RUNS ? [`  and ${String(interrupted.length - SHOWN_RUNS)} more (--json lists all)`] : [];
  const title = interrupted.length === 1 ? "1 run has" : `${String(interrupted.length)} runs have`;
  return [`! ${title} no outcome: still running, or interrupted. enact-guard doctor --settle finds out whether it was done.`, ...shown, ...rest];
}

function jsonOf(report: VerifyReport, reader: LedgerReader | undefined, accepted: boolean, kept: readonly CheckpointVerdict[] = [], again?: Again): string {
  const { ok, entries, head, firstProblem, interrupted, keys } = report;
  const known = reader?.known ?? null;
  const said = {
    ok, entries,
    first_problem: firstProblem ?? null,
    interrupted, keys,
    head: entries === 0 ? null : head,
    known_head: known === null ? null : { sequence: known.sequence, hash: known.hash },
    accepted_losses: reader?.acceptedLosses ?? [],
    accepted,
    checkpoints: kept,
    ...(again === undefined ? {} : { rejudged: rejudgeJson(again.report) }),
    ledger: reader?.location ?? null,
  };
  return `${JSON.stringify(said, null, 2)}\n`;
}

function count(receipts: number): string {
  return receipts === 1 ? "1 receipt" : `${String(receipts)} receipts`;
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
