import { Client as SecondClient } from "@modelcontextprotocol/client";
import { StdioClientTransport as SecondTransport } from "@modelcontextprotocol/client/stdio";
import { Client as FirstClient } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport as FirstTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
export const MAIN = fileURLToPath(new URL("../../dist/main.js", import.meta.url));

export interface ServerProcess {
  readonly command?: string;
  readonly args?: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/** What both generations of clients agree on. */
export interface Agent {
  readonly generation: string;
  readonly pid: number | null;
  instructions(): string | undefined;
  tools(): Promise<readonly ListedTool[]>;
  call(name: string, args?: Readonly<Record<string, unknown>>, signal?: AbortSignal): Promise<Called>;
  resources(): Promise<readonly { readonly uri: string }[]>;
  templates(): Promise<readonly { readonly uriTemplate: string }[]>;
  read(uri: string): Promise<string>;
  close(): Promise<void>;
}

export interface ListedTool {
  readonly name: string;
  readonly title?: string;
  readonly description?: string;
  readonly inputSchema: Readonly<Record<string, unknown>>;
  readonly outputSchema?: Readonly<Record<string, unknown>>;
  readonly annotations?: Readonly<Record<string, unknown>>;
}

export interface Called {
  readonly content: readonly { readonly type: string; readonly text?: string }[];
  readonly structuredContent?: { readonly receipt: ReceiptSeen | null; readonly result: unknown };
  readonly isError?: boolean;
}

export interface ReceiptSeen {
  readonly run_id: string;
  readonly decision: string;
  readonly phase: string;
  readonly signature?: string;
  readonly policy_results: readonly { readonly policy: string; readonly passed: boolean; readonly reason: string }[];
}

/** Each kind of client that today's and tomorrow's hosts are built on, against the same server. */
export const GENERATIONS = [
  { name: "first generation (initialize)", connect: connectFirst },
  { name: "second generation, as a first one", connect: (server: ServerProcess) => connectSecond(server, "legacy") },
  { name: "second generation, probing", connect: (server: ServerProcess) => connectSecond(server, "auto") },
  { name: "second generation, stateless revision", connect: (server: ServerProcess) => connectSecond(server, { pin: "2026-07-28" }) },
] as const;

export async function connectFirst(server: ServerProcess): Promise<Agent> {
  const transport = new FirstTransport(spawnParameters(server));
  const client = new FirstClient({ name: "test", version: "1" });
  await client.connect(transport);
  // A client that has listed the tools checks structured content against the output schema from then on.
  await client.listTools();
  return agentOf("first", client as unknown as LikeClient, () => transport.pid);
}

export async function connectSecond(server: ServerProcess, mode: "legacy" | "auto" | { pin: string }): Promise<Agent> {
  const transport = new SecondTransport(spawnParameters(server));
  const client = new SecondClient({ name: "test", version: "1" }, { versionNegotiation: { mode } });
  await client.connect(transport);
  return agentOf("second", client as unknown as LikeClient, () => transport.pid);
}

function spawnParameters({ command = process.execPath, args = [MAIN, "serve"], cwd, env }: ServerProcess) {
  return { command, args: [...args], cwd, env: { ...env }, stderr: "ignore" as const };
}

interface LikeClient {
  getInstructions(): string | undefined;
  listTools(): Promise<{ tools: ListedTool[] }>;
  callTool(params: unknown, ...options: unknown[]): Promise<Called>;
  listResources(): Promise<{ resources: { uri: string }[] }>;
  listResourceTemplates(): Promise<{ resourceTemplates: { uriTemplate: string }[] }>;
  readResource(params: { uri: string }): Promise<{ contents: { text: string }[] }>;
  close(): Promise<void>;
}

function agentOf(generation: "first" | "second", client: LikeClient, pid: () => number | null): Agent {
  return {
    generation,
    get pid() {
      return pid();
    },
    instructions: () => client.getInstructions(),
    tools: async () => (await client.listTools()).tools,
    call: (name, args = {}, signal) => {
      const options = signal === undefined ? {} : { signal };
      const call = { name, arguments: args };
      return generation === "first" ? client.callTool(call, undefined, options) : client.callTool(call, options);
    },
    resources: async () => (await client.listResources()).resources,
    templates: async () => (await client.listResourceTemplates()).resourceTemplates,
    read: async (uri) => (await client.readResource({ uri })).contents[0]?.text ?? "",
    close: () => client.close(),
  };
}

export interface Message {
  readonly jsonrpc: "2.0";
  readonly id?: string | number | null;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly code: number; readonly message: string };
}

/** Speaks the wire by hand: for what a proper client cannot send, and for every byte that comes back. */
export class RawClient {
  readonly lines: string[] = [];
  readonly #input: Writable;
  readonly #waiting: (() => void)[] = [];
  #next = 1;

  constructor(input: Writable, output: Readable) {
    this.#input = input;
    const lines = createInterface({ input: output });
    // A pipe that breaks ends the lines; the test that breaks it looks at what the server does.
    lines.on("error", () => undefined);
    lines.on("line", (line) => {
      this.lines.push(line);
      for (const wake of this.#waiting.splice(0)) wake();
    });
  }

  send(text: string | Uint8Array): void {
    this.#input.write(text);
  }

  /** Sends a request and gives back its answer. */
  request(method: string, params: unknown = {}): Promise<Message> {
    const id = this.#next;
    this.#next += 1;
    this.send(`${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`);
    return this.answer(id);
  }

  async call(name: string, args: unknown): Promise<Called> {
    const { result, error } = await this.request("tools/call", { name, arguments: args });
    if (result === undefined) throw new Error(error?.message ?? "no answer");
    return result as unknown as Called;
  }

  async initialize(): Promise<Message> {
    const clientInfo = { name: "raw", version: "1" };
    const answer = await this.request("initialize", { protocolVersion: "2025-06-18", capabilities: {}, clientInfo });
    this.send(`${JSON.stringify({ jsonrpc: "2.0", method: "notifications/initialized" })}\n`);
    return answer;
  }

  /** Every line so far; throws when one is no JSON-RPC. */
  messages(): readonly Message[] {
    return this.lines.map((line) => {
      const message = JSON.parse(line) as Message;
      if (message.jsonrpc !== "2.0") throw new Error(`no JSON-RPC: ${line.slice(0, 200)}`);
      return message;
    });
  }

  async answer(id: string | number | null, timeoutMs = 20_000): Promise<Message> {
    const until = Date.now() + timeoutMs;
    for (;;) {
      const found = this.messages().find((message) => message.id === id && !("method" in message));
      if (found !== undefined) return found;
      const left = until - Date.now();
      if (left <= 0) throw new Error(`no answer to ${String(id)} within ${timeoutMs} ms`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#waiting.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }
}

export interface RawServer {
  readonly client: RawClient;
  readonly child: ChildProcessWithoutNullStreams;
  /** Exit code and signal, and how long after the call it took. */
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  readonly stderr: () => string;
}

/** Starts the built server and speaks the wire by hand. */
export function spawnServer({ command = process.execPath, args = [MAIN, "serve"], cwd, env }: ServerProcess): RawServer {
  const child = spawn(command, [...args], { cwd, env: { ...env }, stdio: "pipe" });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  // A test that has already ended the server may still write.
  child.stdin.on("error", () => undefined);
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once("exit", (code, signal) => resolve({ code, signal }));
  });
  return { client: new RawClient(child.stdin, child.stdout), child, exited, stderr: () => stderr };
}
