import { EnactError } from "../errors.js";
import type { CallReport } from "../guard/guard.js";
import { ROLLBACK } from "../guard/undoing.js";
import type { ExitCode, Io } from "./io.js";
import { EXIT } from "./io.js";
import type { Opened } from "./opened.js";
import type { Terminal } from "./terminal.js";

export interface RollbackArgs {
  /** A run id, or its first eight characters or more. */
  readonly runId: string;
  /** Does not ask. */
  readonly yes: boolean;
  readonly json: boolean;
}

export interface RollbackDeps {
  open(): Promise<Opened>;
  readonly terminal: Pick<Terminal, "isInteractive" | "ask">;
}

/**
 * Undoes a run: shows what that would do, asks the person if there is one, and does it. The same guarded call as the
 * agent's: planned, judged by the policies, put on record.
 *
 * With `--json` one object: `{ run_id, status, decision, changes, not_undone, receipt, text, code? }`.
 *
 * @returns 0 when everything was put back; 1 when it was blocked, only partly done, or the person said no; 2 for a run that
 *   is not there and a run id that is none
 */
export async function rollbackCommand(args: RollbackArgs, io: Pick<Io, "stdout">, deps: RollbackDeps): Promise<ExitCode> {
  const opened = await deps.open();
  try {
    const { guard, config } = opened;
    if (!guard.tools.some(({ name }) => name === ROLLBACK)) throw nothingCanBeUndone(config.undo.enabled);
    const input = { run_id: args.runId };
    const planned = await guard.check(ROLLBACK, input);
    const isPlanned = planned.receipt?.payload["changes"] !== undefined;
    // What a policy blocks goes on record, and a person may be asked for it.
    if (planned.status !== "done" && isPlanned) return said(await guard.call(ROLLBACK, input), args, io);
    if (planned.status !== "done") return said(planned, args, io);
    if (!args.json) io.stdout.write(`${planned.text}\n\n`);
    const asks = !args.yes && !args.json && deps.terminal.isInteractive;
    if (asks && !(await agreed(deps.terminal))) {
      io.stdout.write("Nothing was done.\n");
      return EXIT.blocked;
    }
    return said(await guard.call(ROLLBACK, input), args, io);
  } finally {
    await opened.close();
  }
}

async function agreed(terminal: RollbackDeps["terminal"]): Promise<boolean> {
  const answer = await terminal.ask("Undo it? [y/N] ");
  return /^y(?:es)?$/iu.test(answer.trim());
}

function nothingCanBeUndone(isEnabled: boolean): EnactError {
  if (!isEnabled) return new EnactError("USAGE", "Undoing is switched off (undo.enabled in enact.yaml).");
  return new EnactError("USAGE", "None of the tools that enact.yaml lists can be undone.");
}

function said(report: CallReport, { json }: RollbackArgs, io: Pick<Io, "stdout">): ExitCode {
  io.stdout.write(json ? `${JSON.stringify(asJson(report), null, 2)}\n` : `${report.text}\n`);
  if (report.status === "done") return EXIT.done;
  if (report.code === "LEDGER_UNAVAILABLE" || report.code === "INTERNAL") return EXIT.internal;
  return report.status === "invalid" || report.code === "NOT_FOUND" || report.code === "INVALID_INPUT" ? EXIT.usage : EXIT.blocked;
}

function asJson({ status, receipt, text, code }: CallReport) {
  const { run_id = null, undone_workflow = null, changes = [], not_undone = [] } = receipt?.payload ?? {};
  const decision = receipt?.decision ?? null;
  return { run_id, undone_workflow, status, decision, changes, not_undone, receipt, text, ...(code === undefined ? {} : { code }) };
}
