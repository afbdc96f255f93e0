import { isEnactError } from "../errors.js";
import { policiesFor } from "../guard/judge.js";
import type { SettledRun } from "../guard/settle.js";
import { plainText } from "../guard/text.js";
import { ROLLBACK } from "../guard/undoing.js";
import type { SettledJson } from "./doctor/settled.js";
import { isSettled, openNotices, settledJson, settledLines } from "./doctor/settled.js";
import type { ExitCode, Io } from "./io.js";
import { EXIT } from "./io.js";
import type { Opened, Probe } from "./opened.js";

/** One thing that was looked at. `ok` false is what a person has to mend. */
export interface Finding {
  readonly what: string;
  readonly ok: boolean;
  readonly found: string;
}

interface Diagnosis {
  readonly ok: boolean;
  readonly project: string;
  readonly config: string | null;
  readonly findings: readonly Finding[];
  readonly tools: readonly { readonly tool: string; readonly judged_by: readonly string[] }[];
  readonly notices: readonly string[];
  /** Only with --settle. */
  readonly settled?: readonly SettledJson[];
}

/** A look that hangs is a system that cannot be reached. */
const PROBE_MS = 10_000;

export interface DoctorArgs {
  /** Look at the systems what became of runs that were interrupted, and put what is found on record. */
  readonly settle?: boolean;
  readonly json: boolean;
}

/**
 * Is the guard active, are the systems reachable, does each policy block what it should, is the ledger usable? Changes
 * nothing; with `settle` it writes receipts, and still changes no system.
 *
 * @returns 0 when all is well, 1 when something is not, or a run that was interrupted could not be settled; a wrong
 *   configuration throws, as everywhere
 */
export async function doctorCommand(args: DoctorArgs, io: Io, open: () => Promise<Opened>): Promise<ExitCode> {
  const opened = await open();
  try {
    const settled = args.settle === true ? await opened.interrupted.settle() : undefined;
    const diagnosis = await diagnose(opened, settled);
    const text = render(diagnosis, settled === undefined ? [] : settledLines(settled));
    io.stdout.write(args.json ? `${JSON.stringify(diagnosis, null, 2)}\n` : text);
    return diagnosis.ok && (settled ?? []).every(isSettled) ? EXIT.done : EXIT.blocked;
  } finally {
    await opened.close();
  }
}

async function diagnose({ config, guard, probes, interrupted }: Opened, settled?: readonly SettledRun[]): Promise<Diagnosis> {
  const selfTest = guard.selfTest();
  const found = selfTest.ok ? "every policy blocks its known-bad call" : selfTest.failures.join(" ");
  const findings: Finding[] = [
    { what: "configuration", ok: true, found: config.file ?? "none: the embedded default applies" },
    { what: "self-test", ok: selfTest.ok, found },
    ...(await Promise.all(probes.map(probe))),
  ];
  return {
    ok: findings.every(({ ok }) => ok),
    project: config.project,
    config: config.file,
    findings,
    tools: guard.tools.map(({ name }) => ({ tool: name, judged_by: policiesFor(name, config.policies).map((policy) => policy.name) })),
    notices: [...config.notices, ...selfTest.notes, ...(settled === undefined ? await noticesOf(interrupted) : [])],
    ...(settled === undefined ? {} : { settled: settledJson(settled) }),
  };
}

/** What is wrong with the ledger, if anything, its own finding says. */
async function noticesOf(interrupted: Opened["interrupted"]): Promise<readonly string[]> {
  return openNotices(await interrupted.list().catch(() => []));
}

async function probe(probed: Probe): Promise<Finding> {
  const signal = AbortSignal.timeout(PROBE_MS);
  const late = new Promise<never>((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(new Error("no answer")), { once: true });
  });
  try {
    return { what: probed.system, ok: true, found: await Promise.race([probed.look(signal), late]) };
  } catch (error) {
    // Only our own messages are free of secrets; a client's may hold the URL with its password.
    const known = isEnactError(error) ? error.message : undefined;
    return { what: probed.system, ok: false, found: known ?? (signal.aborted ? `no answer within ${PROBE_MS / 1000} s` : "cannot be reached") };
  }
}

function withoutPolicy(tool: string): string {
  return tool === ROLLBACK ? "puts back only what an allowed call did" : "unguarded";
}

function render({ ok, project, findings, tools, notices }: Diagnosis, settled: readonly string[]): string {
  const lines = [
    `Project ${project}`,
    ...findings.map((finding) => `  ${finding.ok ? "✓" : "✗"} ${finding.what}: ${plainText(finding.found, 1000)}`),
    "Tools and their policies",
    ...tools.map(({ tool, judged_by }) => `  ${tool}: ${judged_by.length === 0 ? withoutPolicy(tool) : judged_by.join(", ")}`),
    ...settled,
    ...notices.map((notice) => `Note: ${notice}`),
    ok ? "All is well." : "Something needs attention: see ✗ above.",
  ];
  return `${lines.join("\n")}\n`;
}
