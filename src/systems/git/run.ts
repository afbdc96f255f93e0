import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { open } from "node:fs/promises";
import type { Readable } from "node:stream";

import { EnactError } from "../../errors.js";

/** One run of a program: arguments as a list, never a shell. */
export interface Command {
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Bytes for its standard input; none when left out. */
  readonly input?: Buffer;
  /** Or a file whose content it reads. */
  readonly inputFile?: string;
  readonly signal?: AbortSignal | undefined;
  readonly milliseconds?: number;
  /** Most bytes of standard output. */
  readonly bytes?: number;
  /** git, unless told otherwise. */
  readonly program?: string;
}

export interface Ran {
  /** Exit code; null when it was killed. */
  readonly code: number | null;
  readonly stdout: Buffer;
  /** At most 64 KiB of it. */
  readonly stderr: string;
  /** Why it was killed, if the guard did it. */
  readonly stopped: "timeout" | "cancelled" | "too much" | null;
}

const LOOK_MILLISECONDS = 30_000;
const LOOK_BYTES = 64 * 1024 * 1024;
const STDERR_BYTES = 64 * 1024;
/** How long the error output of a process that has ended is waited for: ssh leaves a multiplexer behind that never closes it. */
const DRAIN_MILLISECONDS = 500;

/**
 * Runs git to its end, whatever that is.
 *
 * It is spawned in a session of its own: without a terminal, neither ssh nor a credential helper can ask the person
 * who happens to sit in front of it, and the whole group (hooks, ssh, helpers) ends together when time is up.
 *
 * @throws EnactError NOT_INSTALLED when there is no git, CANCELLED when the caller gave up before it was started
 */
export async function run(command: Command): Promise<Ran> {
  if (command.signal?.aborted === true) throw new EnactError("CANCELLED", "The call was cancelled before anything was done");
  const file = command.inputFile === undefined ? null : await open(command.inputFile, "r");
  try {
    return await collect(start(command, file?.fd ?? "pipe"), command);
  } finally {
    await file?.close();
  }
}

function start(command: Command, stdin: number | "pipe"): ChildProcess {
  return spawn(command.program ?? "git", [...command.args], {
    cwd: command.cwd,
    env: command.env,
    detached: process.platform !== "win32",
    windowsHide: true,
    stdio: [stdin, "pipe", "pipe"],
  });
}

function collect(child: ChildProcess, command: Command): Promise<Ran> {
  return new Promise((resolve, reject) => {
    let stopped: Ran["stopped"] = null;
    const stop = (why: NonNullable<Ran["stopped"]>): void => {
      stopped ??= why;
      killGroup(child);
    };
    const cancel = (): void => stop("cancelled");
    const timer = setTimeout(() => stop("timeout"), command.milliseconds ?? LOOK_MILLISECONDS);
    command.signal?.addEventListener("abort", cancel, { once: true });
    const settle = (): void => {
      clearTimeout(timer);
      command.signal?.removeEventListener("abort", cancel);
    };
    const stdout = gather(child.stdout, command.bytes ?? LOOK_BYTES, () => stop("too much"));
    const stderr = gather(child.stderr, STDERR_BYTES);
    const finish = (code: number | null): void => {
      settle();
      child.stdout?.destroy();
      child.stderr?.destroy();
      resolve({ code, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString("utf8"), stopped });
    };
    child.on("error", (error: NodeJS.ErrnoException) => {
      settle();
      reject(cannotStart(error));
    });
    // Only standard error is not waited for: half an output would be half the facts.
    const ended = new Promise<void>((done) => child.stdout?.once("close", done));
    child.on("exit", (code) => void ended.then(() => setTimeout(() => finish(code), DRAIN_MILLISECONDS).unref()));
    child.on("close", finish);
    // A program that does not read its input is no failure of ours.
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(command.input);
  });
}

/** Collects what a stream brings, up to a limit. */
function gather(stream: Readable | null, most: number, tooMuch?: () => void): Buffer[] {
  const chunks: Buffer[] = [];
  let size = 0;
  stream?.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size <= most) chunks.push(chunk);
    else tooMuch?.();
  });
  return chunks;
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(process.platform === "win32" ? child.pid : -child.pid, "SIGKILL");
  } catch {
    child.kill("SIGKILL");
  }
}

function cannotStart(error: NodeJS.ErrnoException): EnactError {
  if (error.code === "ENOENT") {
    return new EnactError("NOT_INSTALLED", "git cannot be started: it is not installed, or the folder is gone", {
      hint: "Install git 2.38 or newer and see that it is on the PATH.",
    });
  }
  if (error.code === "E2BIG") return new EnactError("INVALID_INPUT", "The call names more than git can take at once");
  return new EnactError("SYSTEM_UNAVAILABLE", `git cannot be started (${error.code ?? "unknown error"})`);
}
