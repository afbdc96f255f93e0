import pc from "picocolors";

import type { Past, Scene } from "./demo/scene.js";
import { closeServices, type Services } from "./demo/services.js";
import { SCENES } from "./demo/story.js";
import type { SeedDatabase, World } from "./demo/world.js";
import { createWorld } from "./demo/world.js";
import type { ExitCode, Io } from "./io.js";
import { EXIT } from "./io.js";

/** An agent's side of MCP: a real client that talks to the real server over stdio. */
export interface AgentConnection {
  call(tool: string, args: Readonly<Record<string, unknown>>): Promise<AgentSees>;
  close(): Promise<void>;
}

/** What came back over the wire. */
export interface AgentSees {
  readonly text: string;
  readonly isError: boolean;
  readonly receipt: unknown;
  readonly result: unknown;
}

/** What the demo needs from outside; main.ts wires it. */
export interface DemoParts {
  /** Starts `enact-guard serve` on the project as a child process and connects a client. */
  connect(project: string, enactHome: string): Promise<AgentConnection>;
  /** Runs `enact-guard verify` on the project as a child process. */
  verify(project: string, enactHome: string): Promise<{ code: number; output: string }>;
  readonly seedDatabase: SeedDatabase;
  /** A person who approves with a key; made for this demo only. */
  person(enactHome: string): Promise<DemoPerson>;
  /** Starts the servers for messages on loopback, as far as their packages are installed. */
  startServices(): Promise<Services>;
}

export interface DemoPerson {
  readonly email: string;
  /** Signs the request as `enact-guard approve` does, after the passphrase. */
  approve(request: string): Promise<void>;
  close(): Promise<void>;
}

/** One scene as it went. */
interface Shown {
  readonly title: string;
  readonly incident: string | null;
  /** What a person did before it. */
  readonly person: string | null;
  readonly tool: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly run_id: string | null;
  /** The request to people that it led to. */
  readonly request: string | null;
  readonly expected: "blocked" | "done";
  readonly decision: string | null;
  readonly text: string;
  /** What the agent got, for reading calls. */
  readonly result: unknown;
  readonly effect: string | null;
  readonly as_it_must_be: boolean;
}

/** What the demo reads of a receipt. */
interface Receipt {
  readonly run_id?: string;
  readonly decision?: string;
  readonly policy_results?: readonly { readonly policy: string; readonly passed: boolean }[];
  readonly approval?: Readonly<Record<string, unknown>> | null;
}

/**
 * Plays the incidents that these tools cover on a throw-away world, each with its legitimate twin, through the real
 * server and a real client, and looks at the real systems afterwards. Ends with `verify`.
 *
 * @returns 0 when every scene and the verification went as they must, 1 when one did not
 */
export async function demoCommand(args: { readonly json: boolean }, io: Io, parts: DemoParts): Promise<ExitCode> {
  const say = (line = "") => void (args.json || io.stdout.write(`${line}\n`));
  say(pc.bold("Enact Guard: what agents have really done, tried again behind a guard"));
  say(pc.dim("Making a throw-away world: a repository with a remote, an embedded PostgreSQL, a folder, a mail server, a Slack workspace, all on this machine …"));
  const services = await parts.startServices();
  try {
    const world = await createWorld(parts.seedDatabase, io.env, services);
    try {
      return await tell(world, args, io, parts, say);
    } finally {
      await world.remove();
    }
  } finally {
    await closeServices(services);
  }
}

async function tell(world: World, args: { readonly json: boolean }, io: Io, parts: DemoParts, say: Say): Promise<ExitCode> {
  const { played: shown, left } = await playAll(world, parts, say);
  if (left.length > 0) say(pc.dim(leftOut(left)));
  const verified = await parts.verify(world.project, world.enactHome);
  say(pc.bold("Then, as an auditor would: enact-guard verify"));
  say(indented(verified.output.trim(), "  "));
  const went = shown.filter((scene) => scene.as_it_must_be).length;
  const ok = went === shown.length && verified.code === 0;
  const summary = `${went} of ${shown.length} scenes went as they must; the ledger ${verified.code === 0 ? "verifies" : "does not verify"}.`;
  say();
  say(ok ? pc.green(summary) : pc.red(summary));
  const leftTitles = left.map(({ title }) => title);
  if (args.json) io.stdout.write(`${JSON.stringify({ ok, scenes: shown, left_out: leftTitles, verify: verified }, null, 2)}\n`);
  return ok ? EXIT.done : EXIT.blocked;
}

type Say = (line?: string) => void;

function leftOut(scenes: readonly Scene[]): string {
  const needed = new Set(scenes.map(({ needs }) => (needs === "mail" ? "smtp-server" : "emulate@0.12.2")));
  return `\n  Left out: ${scenes.length} scenes with messages, because ${[...needed].join(" and ")} ${needed.size === 1 ? "is" : "are"} not installed (npm ci in a checkout brings it).`;
}

async function playAll(world: World, parts: DemoParts, say: Say): Promise<{ played: readonly Shown[]; left: readonly Scene[] }> {
  const agent = await parts.connect(world.project, world.enactHome);
  const person = await parts.person(world.enactHome);
  const shown: Shown[] = [];
  const left: Scene[] = [];
  try {
    for (const scene of SCENES) {
      if (scene.needs !== undefined && world.services[scene.needs] === undefined) {
        left.push(scene);
        continue;
      }
      const played = await play(scene, world, agent, pastOf(shown, person));
      shown.push(played);
      present(scene, played, say);
    }
  } finally {
    await agent.close();
    await person.close();
  }
  return { played: shown, left };
}

function pastOf(shown: readonly Shown[], person: DemoPerson): Past {
  const scene = (title: string): Shown => {
    const found = shown.find((one) => one.title === title);
    if (found === undefined) throw new TypeError(`there was no scene '${title}'`);
    return found;
  };
  return {
    runOf: (title) => scene(title).run_id ?? "",
    requestOf: (title) => scene(title).request ?? "",
    approve: (request) => person.approve(request),
  };
}

async function play(scene: Scene, world: World, agent: AgentConnection, past: Past): Promise<Shown> {
  await scene.before?.(world);
  const told = (await scene.person?.(past)) ?? null;
  const args = typeof scene.arguments === "function" ? scene.arguments(past) : scene.arguments;
  const seen = await agent.call(scene.tool, args);
  const stage = { rows: async (sql: string) => rowsIn((await agent.call("sql_query", { sql })).result) };
  const effect = await scene.look?.(world, stage);
  const receipt = seen.receipt as Receipt | null;
  const decision = receipt?.decision ?? null;
  const blockedBy = receipt?.policy_results?.filter((result) => !result.passed).map((result) => result.policy) ?? [];
  const decided = scene.expected === "blocked" ? decision === "BLOCK" && seen.isError : (decision === "PASS" || decision === "ROLLED_BACK") && !seen.isError;
  const rightReason = scene.policy === undefined || blockedBy.includes(scene.policy);
  return {
    title: scene.title,
    incident: scene.incident ?? null,
    person: told,
    tool: scene.tool,
    arguments: args,
    run_id: receipt?.run_id ?? null,
    request: typeof receipt?.approval?.["id"] === "string" ? receipt.approval["id"] : null,
    expected: scene.expected,
    decision,
    text: seen.text,
    result: seen.result,
    effect: effect?.found ?? null,
    as_it_must_be: decided && rightReason && (effect?.asItMustBe ?? true),
  };
}

function rowsIn(result: unknown): readonly Readonly<Record<string, unknown>>[] {
  const rows = (result as { rows?: unknown } | null)?.rows;
  return Array.isArray(rows) ? (rows as Readonly<Record<string, unknown>>[]) : [];
}

function present(scene: Scene, shown: Shown, say: Say): void {
  const told = scene.incident ?? scene.shows ?? "and its legitimate twin";
  say();
  say(scene.incident === undefined ? pc.dim(`  ${told}`) : pc.bold(pc.yellow(told)));
  if (shown.person !== null) say(`  ${pc.cyan("person")} ${shown.person}`);
  say(`  ${pc.cyan("agent")}  ${scene.tool} ${JSON.stringify(shown.arguments)}`);
  const colour = shown.expected === "blocked" ? pc.red : pc.green;
  const [headline = "", ...rest] = shown.text.split("\n");
  say(`  ${pc.cyan("guard")}  ${colour(headline)}`);
  if (rest.length > 0) say(indented(rest.join("\n"), "         "));
  const rows = rowsIn(shown.result);
  if (rows.length > 0) say(`  ${pc.cyan("agent")}  gets ${JSON.stringify(rows)}`);
  if (shown.effect !== null) say(`  ${pc.cyan("world")}  ${shown.effect}`);
  if (!shown.as_it_must_be) say(pc.red(`  This is not as it must be: expected ${shown.expected}.`));
}

function indented(text: string, by: string): string {
  return text.split("\n").map((line) => by + line).join("\n");
}

