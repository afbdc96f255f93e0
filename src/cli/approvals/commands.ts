import type { Command } from "commander";

import type { ExitCode } from "../io.js";
import type { ProjectArgs } from "../program.js";

interface ApproveFlags {
  readonly deny: boolean;
  readonly reason?: string;
  readonly as?: string;
}

interface ApprovalsFlags {
  readonly all: boolean;
  readonly watch: boolean;
  readonly json: boolean;
}

interface ApproversFlags {
  readonly passkey: boolean;
  readonly json: boolean;
}

/** The commands for the people who decide. */
export interface ApprovalCommands {
  approve(args: ApproveFlags & { readonly id: string }): Promise<ExitCode>;
  approvals(args: ProjectArgs & ApprovalsFlags & { readonly id?: string }): Promise<ExitCode>;
  approvers(args: ProjectArgs & ApproversFlags & { readonly action?: string; readonly name?: string }): Promise<ExitCode>;
}

type Add = (usage: string, description: string) => Command;
type Run = (work: (flags: never, operands: readonly unknown[]) => Promise<ExitCode>) => (...given: readonly unknown[]) => Promise<void>;

export function addApprovals(add: Add, run: Run, commands: ApprovalCommands): void {
  add("approve <id>", "see all that an agent asks for, and say yes (with a passphrase, in a terminal) or no")
    .option("--deny", "say no without asking further", false)
    .option("--reason <text>", "why not; the agent reads it")
    .option("--as <email>", "who you are, where several approvers have a key on this machine")
    .action(run((flags: ApproveFlags, [id]) => commands.approve({ ...flags, id: String(id) })));
  add("approvals [id]", "what waits for a person, in all projects or in the one of --project; or one request in full")
    .option("--all", "also what is over", false)
    .option("--watch", "go on, and say what changes", false)
    .option("--json", "print JSON for scripts", false)
    .action(run((flags: ProjectArgs & ApprovalsFlags, [id]) => commands.approvals({ ...flags, ...named("id", id) })));
  add("approvers [action] [name]", "who may approve; 'approvers add EMAIL' adds somebody, 'approvers revoke ID' ends it")
    .option("--passkey", "add a passkey on the page instead of a key with a passphrase", false)
    .option("--json", "print JSON for scripts", false)
    .action(run((flags: ProjectArgs & ApproversFlags, [action, name]) => commands.approvers({ ...flags, ...named("action", action), ...named("name", name) })));
}

function named<Name extends string>(name: Name, value: unknown): Partial<Record<Name, string>> {
  return typeof value === "string" ? ({ [name]: value } as Record<Name, string>) : {};
}
