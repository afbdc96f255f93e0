import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Compiles a script of the tests for a process of its own; the sources, not the build, so that it is what is tested. */
export async function compileScript(path: string): Promise<string> {
  // Below node_modules, because the script must find the packages that are not bundled.
  const folder = join(root, "node_modules", ".cache", "enact-guard-tests");
  mkdirSync(folder, { recursive: true });
  const outfile = join(folder, `${basename(path, ".ts")}-${String(process.pid)}.mjs`);
  await build({
    entryPoints: [path], outfile, bundle: true, platform: "node", format: "esm", target: "node20.19",
    external: ["@photostructure/sqlite"], logLevel: "error",
  });
  return outfile;
}

export interface Child {
  readonly process: ChildProcess;
  /** Lines of standard output so far. */
  readonly lines: string[];
  /** Standard error so far. */
  errors(): string;
  /** Resolves with the exit code, or the name of the signal. */
  readonly ended: Promise<number | string>;
}

export function startScript(script: string, args: readonly string[], wrapper: readonly string[] = []): Child {
  const [command = process.execPath, ...rest] = [...wrapper, process.execPath, script, ...args];
  const child = spawn(command, rest, { stdio: ["ignore", "pipe", "pipe"] });
  const lines: string[] = [];
  let half = "";
  let errors = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    const parts = (half + chunk).split("\n");
    half = parts.pop() ?? "";
    lines.push(...parts);
  });
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (errors += chunk));
  const ended = new Promise<number | string>((resolve) => {
    child.on("close", (code, signal) => resolve(code ?? signal ?? "unknown"));
  });
  return { process: child, lines, errors: () => errors, ended };
}
