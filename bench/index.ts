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
  try {
    const nothing = await timeCalls(twin, "nothing", {}, "run");
    const select = { sql: "SELECT id, name FROM items WHERE id = $1", params: [7] };
    const unguarded = await timeCalls(twin, "sql_query", select, "run");
    const within = (what: string, measured: number, limit: number, than: number, target: string) =>
      lines.push({ what, measured, unit: "ms", twin: than, target, met: measured <= limit });

    within("blocked file_delete", await timeCalls(guard, "file_delete", { path: "src/a.txt" }, "block"), 3, nothing, "<= 3 ms");
    within("blocked sql_query (DROP TABLE)", await timeCalls(guard, "sql_query", { sql: "DROP TABLE items" }, "block"), 3, nothing, "<= 3 ms");
    const select4 = await timeCalls(guard, "sql_query", select, "run");
    within("allowed SELECT", select4, unguarded + 4, unguarded, "<= twin + 4 ms");
    lines.push({ what: "blocked git_push (git itself asks the remote)", measured: await timeCalls(guard, "git_push", { branch: "main" }, "block", 30), unit: "ms", twin: nothing });
    const memory = residentMegabytes(guard.pid);
    lines.push({ what: "memory, SQL parser loaded", measured: memory, unit: "MB", twin: residentMegabytes(twin.pid), target: "< 130 MB", met: memory < 130 });
  } finally {
    await Promise.all([twin.close(), guard.close()]);
  }
}

async function timeCalls(agent: Agent, tool: string, args: Record<string, unknown>, expected: "run" | "block", calls = CALLS): Promise<number> {
  const call = async () => {
    const answer = await agent.call(tool, args);
    if ((answer.isError === true) !== (expected === "block")) throw new Error(`${tool} did not ${expected}: ${JSON.stringify(answer.content)}`);
  };
  for (let warm = 0; warm < Math.min(20, calls); warm += 1) await call();
  return median(calls, call);
}

async function median(times: number, work: () => Promise<void>): Promise<number> {
  const taken: number[] = [];
  for (let time = 0; time < times; time += 1) {
    const start = performance.now();
    await work();
    taken.push(performance.now() - start);
  }
  return taken.toSorted((a, b) => a - b)[Math.floor(times / 2)] ?? Number.NaN;
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
  for (const { what, measured, unit, twin, target, met } of lines) {
    const beside = twin === undefined ? "" : `  twin ${twin.toFixed(2)} ${unit} (x${(measured / twin).toFixed(1)})`;
    const verdict = target === undefined ? "" : `  ${target}: ${met === true ? "met" : "NOT MET"}`;
    console.log(`${what.padEnd(48)}${measured.toFixed(2).padStart(9)} ${unit}${beside.padEnd(30)}${verdict}`);
  }
  if (lines.some((line) => line.met === false)) process.exitCode = 1;
}
