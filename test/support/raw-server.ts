import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { spawn } from "node:child_process";

import { MAIN } from "./mcp-client.js";

export interface RawAnswer {
  readonly isError?: boolean;
  readonly content: readonly { readonly text?: string }[];
  readonly structuredContent?: { readonly receipt: { readonly run_id: string; readonly phase: string; readonly decision: string } | null };
}

/**
 * The real server process, spoken to line by line: no client library stands between the test and the moment at which the
 * process is killed.
 */
export class RawServer {
  readonly process: ChildProcessWithoutNullStreams;
  /** Resolves when it answers for the first time. */
  readonly ready: Promise<void>;
  /** Resolves when it is gone. */
  readonly ended: Promise<void>;
  /** Resolves when a call was answered. */
  readonly firstAnswer: Promise<void>;
  stderr = "";
  #answered: () => void = () => undefined;
  readonly #waiting = new Map<number, (answer: RawAnswer | null) => void>();
  #next = 1;
  #half = "";

  constructor(cwd: string, env: Readonly<Record<string, string>>, wrapper: readonly string[] = []) {
    this.firstAnswer = new Promise((resolve) => (this.#answered = resolve));
    const [command, ...rest] = [...wrapper, process.execPath, MAIN, "serve"] as const;
    this.process = spawn(command, rest, { cwd, env });
    this.process.stdin.on("error", () => undefined);
    this.process.stdout.setEncoding("utf8").on("data", (chunk: string) => this.#hear(chunk));
    this.process.stderr.setEncoding("utf8").on("data", (chunk: string) => (this.stderr += chunk));
    this.ended = new Promise((resolve) => {
      this.process.once("close", () => {
        for (const answer of this.#waiting.values()) answer(null);
        this.#waiting.clear();
        resolve();
      });
    });
    const params = { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "raw", version: "1" } };
    this.ready = this.#ask("initialize", params).then(() => this.#write({ method: "notifications/initialized" }));
  }

  /** Null when the server went before it answered. */
  call(name: string, args: Readonly<Record<string, unknown>>): Promise<RawAnswer | null> {
    const answer = this.#ask("tools/call", { name, arguments: args });
    void answer.then(() => this.#answered());
    return answer;
  }

  kill(): void {
    this.process.kill("SIGKILL");
  }

  async close(): Promise<void> {
    this.process.stdin.end();
    await this.ended;
  }

  #ask(method: string, params: object): Promise<RawAnswer | null> {
    const id = (this.#next += 1);
    return new Promise((resolve) => {
      if (this.process.exitCode !== null || this.process.signalCode !== null) {
        resolve(null);
        return;
      }
      this.#waiting.set(id, resolve);
      this.#write({ id, method, params });
    });
  }

  #write(message: object): void {
    this.process.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  }

  #hear(chunk: string): void {
    const lines = (this.#half + chunk).split("\n");
    this.#half = lines.pop() ?? "";
    for (const line of lines) {
      const { id, result } = JSON.parse(line) as { id?: number; result?: RawAnswer };
      if (id === undefined) continue;
      this.#waiting.get(id)?.(result ?? null);
      this.#waiting.delete(id);
    }
  }
}
