import { suggestion } from "../config/nearest.js";
import { EnactError } from "../errors.js";
import type { CallReport } from "../guard/guard.js";
import type { ExitCode, Io } from "./io.js";
import { EXIT } from "./io.js";
import type { Opened } from "./opened.js";
import { argumentsOf } from "./pairs.js";

export interface CheckArgs {
  /** Left out only with `against`. */
  readonly tool?: string;
  /** `key=value` */
  readonly pairs: readonly string[];
  readonly json: boolean;
}

/**
 * Plans and judges a call; executes nothing, records nothing.
 *
 * @returns 0 when it would run, 1 when it would be blocked, 2 when it is no well-formed call
 */
export async function checkCommand(args: CheckArgs, io: Io, open: () => Promise<Opened>): Promise<ExitCode> {
  const { tool: wanted } = args;
  if (wanted === undefined) {
    throw new EnactError("USAGE", "Name the tool of the call: enact-guard check TOOL key=value …", {
      hint: "Or judge the past calls by a configuration: enact-guard check --against receipts --config FILE",
    });
  }
  const opened = await open();
  try {
    const { tools } = opened.guard;
    const tool = tools.find(({ name }) => name === wanted);
    if (tool === undefined) throw unknownTool(wanted, tools.map(({ name }) => name));
    const report = await opened.guard.check(tool.name, argumentsOf(args.pairs, tool.input));
    print(report, args.json, io);
    if (report.status === "invalid") return EXIT.usage;
    return report.status === "done" ? EXIT.done : EXIT.blocked;
  } finally {
    await opened.close();
  }
}

function print(report: CallReport, json: boolean, io: Io): void {
  const { tool, status, receipt, text, code } = report;
  if (!json) {
    io.stdout.write(`${text}\n`);
    return;
  }
  const decision = receipt?.decision ?? null;
  const said = { tool, would_run: status === "done", decision, receipt, text, ...(code === undefined ? {} : { code }) };
  io.stdout.write(`${JSON.stringify(said, null, 2)}\n`);
}

function unknownTool(name: string, enabled: readonly string[]): EnactError {
  return new EnactError("USAGE", `No tool '${name}' is enabled here.${suggestion(name, enabled, "tools")}`);
}
