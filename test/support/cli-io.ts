import type { Io } from "../../src/cli/io.js";

/** What a command wrote. */
export interface CapturedIo extends Io {
  out(): string;
  err(): string;
}

export function capturedIo(cwd = "/", env: Readonly<Record<string, string | undefined>> = {}): CapturedIo {
  const stdout: string[] = [];
  const stderr: string[] = [];
  return {
    cwd,
    env,
    stdout: { write: (text: string) => stdout.push(text) },
    stderr: { write: (text: string) => stderr.push(text) },
    out: () => stdout.join(""),
    err: () => stderr.join(""),
  };
}
