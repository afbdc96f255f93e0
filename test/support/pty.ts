import { execFileSync, spawn } from "node:child_process";

/** Why a real terminal cannot be had here; undefined when it can. */
export function whyNoTerminal(): string | undefined {
  try {
    execFileSync("script", ["-qec", "true", "/dev/null"], { stdio: "ignore" });
    return undefined;
  } catch {
    return "util-linux's script is not installed";
  }
}

export interface Dialogue {
  readonly code: number | null;
  /** All that the terminal showed. */
  readonly shown: string;
}

/**
 * Runs a program at a pseudo-terminal of its own, as a person would: waits until it shows a text, then types a line.
 * Which line is typed is decided by what is asked, in this order.
 */
export async function atTerminal(
  command: readonly string[],
  { env, cwd, answers = [] }: { readonly env: Readonly<Record<string, string>>; readonly cwd: string; readonly answers?: readonly (readonly [question: string, line: string])[] },
): Promise<Dialogue> {
  const quoted = command.map((part) => `'${part.replaceAll("'", String.raw`'\''`)}'`).join(" ");
  const child = spawn("script", ["-qec", quoted, "/dev/null"], { env: { ...env, TERM: "xterm", SHELL: "/bin/sh" }, cwd, stdio: ["pipe", "pipe", "pipe"] });
  const waiting = [...answers];
  let shown = "";
  let unread = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    shown += text;
    unread += text;
    const [next] = waiting;
    if (next === undefined || !unread.includes(next[0])) return;
    waiting.shift();
    unread = "";
    child.stdin.write(`${next[1]}\r`);
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), 20_000);
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  clearTimeout(timer);
  return { code, shown };
}
