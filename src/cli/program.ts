import { Command, CommanderError } from "commander";

import { nearest } from "../config/nearest.js";
import type { ErrorCode } from "../errors.js";
import { EnactError, isEnactError } from "../errors.js";
import type { ApprovalCommands } from "./approvals/commands.js";
import { addApprovals } from "./approvals/commands.js";
import type { EvidenceCommands, VerifyFlags } from "./evidence/commands.js";
import { addEvidence, addVerifyFiles } from "./evidence/commands.js";
import type { ExitCode, Io } from "./io.js";
import { EXIT } from "./io.js";

/** Which project, and which configuration: the global flags, not yet resolved. */
export interface ProjectArgs {
  readonly project?: string;
  readonly config?: string;
}

export interface ReceiptsArgs extends ProjectArgs {
  readonly runId?: string;
  readonly decision?: string;
  readonly workflow?: string;
  readonly limit?: number;
  readonly json: boolean;
}

/** The commands, each loading what it needs when it is called; main.ts wires them. */
export interface Commands extends EvidenceCommands, ApprovalCommands {
  serve(args: ProjectArgs): Promise<ExitCode>;
  demo(args: { readonly json: boolean }): Promise<ExitCode>;
  init(args: ProjectArgs & { readonly force: boolean; readonly json: boolean }): Promise<ExitCode>;
  check(args: ProjectArgs & { readonly tool?: string; readonly pairs: readonly string[]; readonly against?: string; readonly json: boolean }): Promise<ExitCode>;
  receipts(args: ReceiptsArgs): Promise<ExitCode>;
  ui(args: ProjectArgs & { readonly port?: number; readonly open: boolean; readonly json: boolean }): Promise<ExitCode>;
  verify(args: ProjectArgs & VerifyFlags & { readonly acceptLoss: boolean; readonly rejudge: boolean; readonly json: boolean }): Promise<ExitCode>;
  rollback(args: ProjectArgs & { readonly runId: string; readonly yes: boolean; readonly json: boolean }): Promise<ExitCode>;
  doctor(args: ProjectArgs & { readonly settle: boolean; readonly json: boolean }): Promise<ExitCode>;
}

export interface ProgramInput {
  /** Without node and the script. */
  readonly argv: readonly string[];
  readonly io: Io;
  readonly commands: Commands;
  readonly version: string;
  /** Without a command: serve when a client is at the other end of standard input, help when a person is. */
  readonly stdinIsTerminal: boolean;
}

/** Reads the command line, runs the command and says what went wrong. Never throws. */
export async function runProgram(input: ProgramInput): Promise<ExitCode> {
  try {
    return await parsed(input);
  } catch (error) {
    return report(error, input.io);
  }
}

async function parsed(input: ProgramInput): Promise<ExitCode> {
  const { io, version } = input;
  const outcome: Outcome = { code: EXIT.done };
  const program = new Command("enact-guard")
    .description("MCP server with guarded tools: every call is judged on facts before it runs, and leaves a signed receipt.")
    .usage("[command] [options]")
    .version(version, "--version", "print the version")
    .option("--project <dir>", "the project's folder (default: the working directory)")
    .option("--config <file>", "the configuration (default: enact.yaml of the project)")
    .exitOverride()
    .configureOutput({ writeOut: (text) => void io.stdout.write(text), writeErr: (text) => void io.stderr.write(text) })
    .showHelpAfterError("Try: enact-guard --help");
  addCommands(program, input, outcome);
  program.helpCommand(true).argument("[command]").argument("[operands...]");
  program.action(async (command: string | undefined, _operands: string[], flags: ProjectArgs) => {
    if (command !== undefined) throw unknownCommand(command, program.commands.map((known) => known.name()));
    if (input.stdinIsTerminal) program.outputHelp();
    else outcome.code = await input.commands.serve(flags);
  });
  await program.parseAsync(input.argv, { from: "user" });
  return outcome.code;
}

interface Outcome {
  code: ExitCode;
}

function addCommands(program: Command, { commands }: ProgramInput, outcome: Outcome): void {
  const add = (usage: string, description: string) => program.command(usage).description(description).copyInheritedSettings(program);
  const printing = (usage: string, description: string) => add(usage, description).option("--json", "print JSON for scripts", false);
  /** Runs a command with its own flags and the global ones, wherever they stand on the line. */
  const run = <Flags>(work: (flags: Flags & ProjectArgs, operands: readonly unknown[]) => Promise<ExitCode>) =>
    async (...given: readonly unknown[]): Promise<void> => {
      const command = given.at(-1) as Command;
      outcome.code = await work(command.optsWithGlobals<Flags & ProjectArgs>(), given.slice(0, -2));
    };

  add("serve", "the MCP server on stdio; also what happens without a command when standard input is no terminal")
    .action(run((flags) => commands.serve(flags)));
  printing("demo", "the whole story on a throw-away world, no set-up").action(run<Json>((flags) => commands.demo(flags)));
  printing("init", "look at the project, write enact.yaml, show the lines for each agent client")
    .option("--force", "overwrite an enact.yaml that is there", false)
    .action(run<Json & { readonly force: boolean }>((flags) => commands.init(flags)));
  printing("check [tool] [key=value...]", "plan and judge a call, execute nothing; or judge past calls by another configuration")
    .option("--against <what>", "'receipts': list the past calls whose verdict this configuration would change")
    .action(run<Json & { readonly against?: string }>((flags, [tool, pairs]) => commands.check({ ...flags, ...(typeof tool === "string" ? { tool } : {}), pairs: pairs as string[] })));
  printing("receipts [run-id]", "what was called, and what became of it")
    .option("--decision <decision>", "only PASS, BLOCK, PARTIAL or ROLLED_BACK")
    .option("--workflow <tool>", "only calls of this tool")
    .option("--limit <count>", "how many entries at most", countOf)
    .action(run<ReceiptsArgs>((flags, [runId]) => commands.receipts({ ...flags, ...(typeof runId === "string" ? { runId } : {}) })));
  addVerifyFiles(printing("verify", "prove chain, sequence and signatures; names the first wrong entry"))
    .option("--accept-loss", "take what is left for the whole ledger, after a loss that you can explain; the loss stays on record", false)
    .option("--rejudge", "also judge each decision again, from its recorded facts, by the configuration of today", false)
    .action(run<Json & VerifyFlags & { readonly acceptLoss: boolean; readonly rejudge: boolean }>((flags) => commands.verify(flags)));
  addEvidence(printing, run, commands);
  printing("ui", "the receipts in a browser on this machine: timeline, filters, proof; live while agents work")
    .option("--port <port>", "listen on this port (default: 7117, or any that is free)", portOf)
    .option("--open", "open the browser of this desktop", false)
    .action(run<Json & { readonly port?: number; readonly open: boolean }>((flags) => commands.ui(flags)));
  addApprovals(add, run, commands);
  printing("rollback <run-id>", "undo a run: shows what that would do, asks, and does it")
    .option("--yes", "do not ask", false)
    .action(run<Json & { readonly yes: boolean }>((flags, [runId]) => commands.rollback({ ...flags, runId: runId as string })));
  printing("doctor", "is it active, are systems reachable, does each policy block what it should")
    .option("--settle", "look at the systems what became of interrupted runs, and put that on record", false)
    .action(run<Json & { readonly settle: boolean }>((flags) => commands.doctor(flags)));
}

interface Json {
  readonly json: boolean;
}

function countOf(text: string): number {
  const count = Number(text);
  if (Number.isSafeInteger(count) && count > 0) return count;
  throw new EnactError("USAGE", `--limit wants a whole number above 0, not '${text}'.`);
}

function portOf(text: string): number {
  const port = Number(text);
  if (/^\d+$/u.test(text) && port <= 65_535) return port;
  throw new EnactError("USAGE", `--port wants a number from 0 to 65535, not '${text}'.`);
}

function unknownCommand(command: string, known: readonly string[]): EnactError {
  const near = nearest(command, known);
  const hint = near === undefined ? `The commands are: ${known.join(", ")}.` : `Did you mean 'enact-guard ${near}'?`;
  return new EnactError("USAGE", `There is no command '${command}'.`, { hint });
}

function report(error: unknown, io: Io): ExitCode {
  // Commander has said it already; help and version come this way too.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  if (!isEnactError(error)) {
    const frames = error instanceof Error ? (error.stack ?? "").split("\n").filter((line) => /^\s+at /u.test(line)) : [];
    // The message of a foreign error may hold anything, a password in a URL for one.
    const name = error instanceof Error ? error.name : typeof error;
    io.stderr.write(`enact-guard: a defect of this program (${name}). Please report it with these lines:\n${frames.slice(0, 10).join("\n")}\n`);
    return EXIT.internal;
  }
  io.stderr.write(`enact-guard: ${error.message}\n${error.hint === undefined ? "" : `${error.hint}\n`}`);
  return EXIT_CODES[error.code] ?? EXIT.internal;
}

/** Whatever is not listed is neither a verdict nor the user's mistake. */
const EXIT_CODES: Readonly<Partial<Record<ErrorCode, ExitCode>>> = {
  USAGE: EXIT.usage,
  CONFIG_INVALID: EXIT.usage,
  SELF_TEST_FAILED: EXIT.usage,
  INVALID_INPUT: EXIT.usage,
  NOT_INSTALLED: EXIT.usage,
  NOT_FOUND: EXIT.usage,
  TAMPERED: EXIT.blocked,
  REFUSED: EXIT.blocked,
  CANCELLED: EXIT.blocked,
};
