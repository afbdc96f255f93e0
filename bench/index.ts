/**
 * What the guard costs, against an unguarded twin in the same run: same transport, same client library, same database.
 * Numbers are medians of one machine; the ratios and differences are what counts.
 */
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import type { Agent } from "../test/support/mcp-client.js";
import { connectFirst, MAIN } from "../test/support/mcp-client.js";
import { startPostgres } from "../test/support/postgres.js";

const TWIN = fileURLToPath(new URL("twin.mjs", import.meta.url));
const CALLS = 300;
const STARTS = 15;
/** How many calls one side makes before the other has its turn. */
const BLOCK = 20;
const PAUSE = 4000;

const CONFIGURATION = `identity: { user_email: agent@company.example, actor_role: engineer }
systems:
  git: { repo: ., remotes: [origin] }
  postgres: { url: "\${DATABASE_URL}" }
  filesystem: { root: . }
tools: [git_push, sql_query, file_delete]
policies: [dont_push_to_main, dont_force_push, dont_delete_row, block_ddl, dont_delete_without_where, dont_update_without_where, dont_delete_file]
receipts: { store: sqlite, signing: hmac }
`;

interface Line {
  readonly what: string;
  readonly measured: number;
  readonly unit: "ms" | "MB";
  /** The same without the guard. */
  readonly twin?: number;
  /** Processor time of the guard for a call, in milliseconds. */
  readonly cpu?: number;
  readonly target?: string;
  readonly met?: boolean;
}

const lines: Line[] = [];
const base = mkdtempSync(join(tmpdir(), "enact-bench-"));
const database = await startPostgres();
try {
  const project = makeProject();
  await fillDatabase();
  const env = { PATH: process.env["PATH"] ?? "", HOME: base, ENACT_HOME: join(base, "keys"), DATABASE_URL: database.url };
  await measureStart(project, env);
  await measureCalls(project, env);
  print();
} finally {
  await database.stop();
  rmSync(base, { recursive: true, force: true });
}

function makeProject(): string {
  const project = join(base, "project");
  const origin = join(base, "origin.git");
  mkdirSync(join(project, "src"), { recursive: true });
  writeFileSync(join(project, "src/a.txt"), "a\n");
  writeFileSync(join(project, "enact.yaml"), CONFIGURATION);
  const git = (...args: string[]) => execFileSync("git", ["-C", project, "-c", "user.name=b", "-c", "user.email=b@example.org", ...args], { stdio: "ignore" });
  execFileSync("git", ["init", "--quiet", "--bare", "--initial-branch=main", origin]);
  git("init", "--initial-branch=main");
  git("add", "src");
  git("commit", "-m", "Start the bench");
  git("remote", "add", "origin", origin);
  git("push", "origin", "main");
  return project;
}

async function fillDatabase(): Promise<void> {
  const client = await database.client();
  await client.query("CREATE TABLE items AS SELECT i AS id, 'item ' || i AS name FROM generate_series(1, 1000) i");
  await client.query("ALTER TABLE items ADD PRIMARY KEY (id)");
  await client.end();
}

async function measureStart(project: string, env: Record<string, string>): Promise<void> {
  const node = await median(STARTS, () => untilFirstAnswer(["-e", "process.stdin.once('data', () => console.log('{}'))"], project, env));
  const twin = await median(STARTS, () => untilFirstAnswer([TWIN], project, env));
  const guard = await median(STARTS, () => untilFirstAnswer([MAIN, "serve"], project, env));
  lines.push({ what: "node itself, start to first answer", measured: node, unit: "ms" });
  lines.push({ what: "start to first answer", measured: guard, unit: "ms", twin, target: "<= 250 ms", met: guard <= 250 });
}

/** One process from spawn to the first line that it prints. */
function untilFirstAnswer(args: readonly string[], cwd: string, env: Record<string, string>): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd, env, stdio: ["pipe", "pipe", "ignore"] });
    child.once("error", reject);
    createInterface({ input: child.stdout }).once("line", () => {
      child.stdin.end();
      child.once("exit", () => resolve());
      child.kill();
    });
    const params = { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "bench", version: "1" } };
    child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params })}\n`);
  });
}

async function measureCalls(project: string, env: Record<string, string>): Promise<void> {
  const twin = await connectFirst({ args: [TWIN], cwd: project, env });
  const guard = await connectFirst({ cwd: project, env });
  const select = { sql: "SELECT id, name FROM items WHERE id = $1", params: [7] };
  const nothing: Call = { agent: twin, tool: "nothing", args: {}, expected: "run" };
  const blocked = (tool: string, args: Record<string, unknown>): Call => ({ agent: guard, tool, args, expected: "block" });
  try {
    await compare("blocked file_delete", blocked("file_delete", { path: "src/a.txt" }), nothing, { limit: 3, target: "<= 3 ms" });
    await compare("blocked sql_query (DROP TABLE)", blocked("sql_query", { sql: "DROP TABLE items" }), nothing, { limit: 3, target: "<= 3 ms" });
    const run = (agent: Agent): Call => ({ agent, tool: "sql_query", args: select, expected: "run" });
    await compare("allowed SELECT", run(guard), run(twin), { limit: 4, beyondTwin: true, target: "<= twin + 4 ms" });
    await compare("blocked git_push (git itself asks the remote)", blocked("git_push", { branch: "main" }), nothing, { calls: 40 });
    const memory = (what: string): void => {
      const measured = residentMegabytes(guard.pid);
      lines.push({ what, measured, unit: "MB", twin: residentMegabytes(twin.pid), target: "< 130 MB", met: measured < 130 });
    };
    memory("memory, SQL parser loaded, after these calls");
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
    memory("the same after a pause of 4 s");
  } finally {
    await Promise.all([twin.close(), guard.close()]);
  }
}

interface Call {
  readonly agent: Agent;
  readonly tool: string;
  readonly args: Record<string, unknown>;
  readonly expected: "run" | "block";
}

interface Aim {
  readonly limit?: number;
  /** The limit is one for the difference to the twin. */
  readonly beyondTwin?: boolean;
  readonly target?: string;
  readonly calls?: number;
}

/** Calls the guard and its twin by turns, so that whatever else the machine does slows both. */
async function compare(what: string, guarded: Call, bare: Call, { limit, beyondTwin = false, target, calls = CALLS }: Aim): Promise<void> {
  const sides = [guarded, bare].map((call) => ({ call, taken: [] as number[], cpu: 0 }));
  for (const { call } of sides) for (let warm = 0; warm < Math.min(BLOCK, calls); warm += 1) await made(call);
  for (let block = 0; block < calls / BLOCK; block += 1) {
    for (const side of sides) {
      const before = cpuMilliseconds(side.call.agent.pid);
      for (let call = 0; call < BLOCK; call += 1) {
        const start = performance.now();
        await made(side.call);
        side.taken.push(performance.now() - start);
      }
      side.cpu += cpuMilliseconds(side.call.agent.pid) - before;
    }
  }
  const [measured = Number.NaN, twin = Number.NaN] = sides.map(({ taken }) => middle(taken));
  const cpu = (sides[0]?.cpu ?? Number.NaN) / calls;
  const met = limit === undefined ? undefined : measured <= limit + (beyondTwin ? twin : 0);
  lines.push({ what, measured, unit: "ms", twin, cpu, ...(target === undefined || met === undefined ? {} : { target, met }) });
}

async function made({ agent, tool, args, expected }: Call): Promise<void> {
  const answer = await agent.call(tool, args);
  if ((answer.isError === true) !== (expected === "block")) throw new Error(`${tool} did not ${expected}: ${JSON.stringify(answer.content)}`);
}

async function median(times: number, work: () => Promise<void>): Promise<number> {
  const taken: number[] = [];
  for (let time = 0; time < times; time += 1) {
    const start = performance.now();
    await work();
    taken.push(performance.now() - start);
  }
  return middle(taken);
}

function middle(taken: readonly number[]): number {
  return taken.toSorted((a, b) => a - b)[Math.floor(taken.length / 2)] ?? Number.NaN;
}

/** What the process has used of the processors so far, in steps of 10 ms; NaN where there is no /proc. */
function cpuMilliseconds(pid: number | null): number {
  try {
    const fields = readFileSync(`/proc/${String(pid)}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
    return (Number(fields[11]) + Number(fields[12])) * 10;
  } catch {
    return Number.NaN;
  }
}

function residentMegabytes(pid: number | null): number {
  try {
    const kilobytes = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${String(pid)}/status`, "utf8"))?.[1];
    return Number(kilobytes) / 1024;
  } catch {
    return Number.NaN;
  }
}

function print(): void {
  const { version } = createRequire(import.meta.url)("../package.json") as { version: string };
  console.log(`enact-guard ${version}, node ${process.version}, medians of ${CALLS} calls and ${STARTS} starts\n`);
  for (const { what, measured, unit, twin, cpu, target, met } of lines) {
    const beside = twin === undefined ? "" : `  twin ${twin.toFixed(2)} ${unit} (x${(measured / twin).toFixed(1)})`;
    const verdict = target === undefined ? "" : `  ${target}: ${met === true ? "met" : "NOT MET"}`;
    const used = cpu === undefined ? "" : `  cpu ${cpu.toFixed(2)} ms`;
    console.log(`${what.padEnd(48)}${measured.toFixed(2).padStart(9)} ${unit}${beside.padEnd(28)}${used.padEnd(14)}${verdict}`);
  }
  if (lines.some((line) => line.met === false)) process.exitCode = 1;
}
