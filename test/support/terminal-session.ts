import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { spawn } from "node:child_process";

/** A command at a real pseudo-terminal, which `script` of util-linux makes: for what only a person at a terminal may do. */
export class TerminalSession {
  readonly #child: ChildProcessWithoutNullStreams;
  #shown = "";
  readonly exited: Promise<number | null>;

  constructor(command: readonly string[], options: { readonly cwd: string; readonly env: Readonly<Record<string, string>> }) {
    const line = command.map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`).join(" ");
    this.#child = spawn("script", ["-qfec", line, "/dev/null"], { ...options, env: { ...options.env, TERM: "dumb" }, stdio: "pipe" });
    this.#child.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.#shown += text;
    });
    this.#child.stdin.on("error", () => undefined);
    this.exited = new Promise((resolve) => this.#child.once("exit", (code) => resolve(code)));
  }

  get shown(): string {
    return this.#shown;
  }

  /** Waits until the terminal shows what matches. */
  async until(pattern: RegExp, timeoutMs = 20_000): Promise<RegExpExecArray> {
    const end = Date.now() + timeoutMs;
    for (;;) {
      const found = pattern.exec(this.#shown);
      if (found !== null) return found;
      if (Date.now() > end) throw new Error(`the terminal never showed ${String(pattern)}, but:\n${this.#shown}`);
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  }

  type(text: string): void {
    this.#child.stdin.write(text);
  }

  end(): void {
    this.#child.kill("SIGTERM");
  }
}
