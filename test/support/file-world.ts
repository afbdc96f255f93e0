import { execFile } from "node:child_process";
import { chmodSync, lchownSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { build } from "esbuild";
import { onTestFinished } from "vitest";

import { openFilesystem, type Filesystem, type FilesystemOptions } from "../../src/systems/filesystem.js";
import { fileDeleteTool } from "../../src/tools/file_delete.js";
import { fileReadTool } from "../../src/tools/file_read.js";
import { fileWriteTool } from "../../src/tools/file_write.js";
import type { Execution } from "../../src/tools/tool.js";
import { executed, planned } from "./tool-calls.js";

/** Never to be read, changed or removed by a file tool: it lies outside the root. */
export const CANARY = "the canary outside the root\n";

/** A temporary folder with a root and, beside it, what no tool may reach. Removed when the test is over. */
export interface FileWorld {
  readonly root: string;
  readonly outside: string;
  /** Writes a file below the root, folders included. */
  put(path: string, content?: string): string;
  /** Makes a link below the root. */
  link(path: string, target: string): string;
  read(path: string): string;
  /** All paths below the root with what they hold, for comparing. */
  inside(): Record<string, string>;
  open(options?: Partial<FilesystemOptions>): Filesystem;
}

export function fileWorld(): FileWorld {
  const base = realpathSync(mkdtempSync(join(tmpdir(), "enact-files-")));
  const root = join(base, "root");
  const outside = join(base, "outside");
  mkdirSync(root);
  mkdirSync(join(outside, "photos"), { recursive: true });
  writeFileSync(join(outside, "secret.txt"), CANARY);
  writeFileSync(join(outside, "photos/holiday.txt"), CANARY);
  const before = snapshot(outside);
  onTestFinished(() => {
    const after = snapshot(outside);
    rmSync(base, { recursive: true, force: true });
    if (JSON.stringify(after) !== JSON.stringify(before)) throw new Error(`the outside was changed: ${JSON.stringify(after)}`);
  });
  const at = (path: string) => join(root, path);
  return {
    root,
    outside,
    put: (path, content = `content of ${path}\n`) => {
      mkdirSync(dirname(at(path)), { recursive: true });
      writeFileSync(at(path), content);
      return at(path);
    },
    link: (path, target) => {
      mkdirSync(dirname(at(path)), { recursive: true });
      symlinkSync(target, at(path));
      return at(path);
    },
    read: (path) => readFileSync(at(path), "utf8"),
    inside: () => snapshot(root),
    open: (options = {}) => openFilesystem({ root, protectedPaths: [], ...options }),
  };
}

/** Every path below a folder with its content, link target or kind. */
export function snapshot(folder: string): Record<string, string> {
  const found: Record<string, string> = {};
  const visit = (path: string, shown: string): void => {
    for (const name of readdirSync(path).toSorted()) {
      const child = join(path, name);
      const stat = lstatSync(child);
      const key = `${shown}${name}`;
      if (stat.isDirectory()) visit(child, `${key}/`);
      if (stat.isDirectory()) found[`${key}/`] = "folder";
      else if (stat.isSymbolicLink()) found[key] = `-> ${readlinkSync(child)}`;
      else found[key] = stat.isFile() ? readFileSync(child, "utf8") : "special";
    }
  };
  visit(folder, "");
  return found;
}

/** A whole call, planned and executed, no policy asked. */
export const call = {
  read: async (files: Filesystem, path: string): Promise<Execution> => {
    const { step } = await planned(fileReadTool, { path }, files.reader);
    return executed(fileReadTool, step, files.writer);
  },
  write: async (files: Filesystem, path: string, content: string): Promise<Execution> => {
    const { step } = await planned(fileWriteTool, { path, content }, files.reader);
    return executed(fileWriteTool, step, files.writer);
  },
  delete: async (files: Filesystem, path: string, recursive = false): Promise<Execution> => {
    const { step } = await planned(fileDeleteTool, { path, recursive }, files.reader);
    return executed(fileDeleteTool, step, files.writer);
  },
};

/** Both ways of addressing open folders are tested wherever both exist. */
export const ANCHORS = process.platform === "linux" ? (["descriptor", "cwd"] as const) : (["cwd"] as const);

/** Some account that owns nothing. */
const NOBODY = 65534;

export interface OrdinaryCall {
  readonly tool: "file_read" | "file_write" | "file_delete";
  readonly input: Readonly<Record<string, unknown>>;
}

/** What a call of another process came to. */
export interface OrdinaryOutcome {
  readonly payload?: Readonly<Record<string, unknown>>;
  readonly execution?: Execution;
  readonly error?: { readonly code: string; readonly message: string; readonly done: string };
}

/**
 * Makes the calls in a process of a user whom permissions bind, also when the tests run as the superuser, whom they
 * don't. Files and folders below the root belong to that user, those in `foreign` (superuser only) to another.
 */
export async function asOrdinaryUser(world: FileWorld, calls: readonly OrdinaryCall[], foreign: readonly string[] = []): Promise<OrdinaryOutcome[]> {
  const isSuperuser = process.geteuid?.() === 0;
  if (isSuperuser) giveAway(world, foreign.map((path) => join(world.root, path)));
  const script = join(dirname(world.root), "calls.mjs");
  await build({
    stdin: { contents: CALLER, resolveDir: fileURLToPath(new URL("../..", import.meta.url)), loader: "ts" },
    bundle: true,
    format: "esm",
    platform: "node",
    outfile: script,
    logLevel: "error",
  });
  chmodSync(script, 0o644);
  const identity = isSuperuser ? { uid: NOBODY, gid: NOBODY } : {};
  const { stdout } = await promisify(execFile)(process.execPath, [script, world.root, JSON.stringify(calls)], { ...identity, env: {}, cwd: "/" });
  return JSON.parse(stdout) as OrdinaryOutcome[];
}

const CALLER = `
import { openFilesystem } from "./src/systems/filesystem.js";
import { fileReadTool } from "./src/tools/file_read.js";
import { fileWriteTool } from "./src/tools/file_write.js";
import { fileDeleteTool } from "./src/tools/file_delete.js";
const tools = { file_read: fileReadTool, file_write: fileWriteTool, file_delete: fileDeleteTool };
const [, , root, calls] = process.argv;
const files = openFilesystem({ root, protectedPaths: [] });
const signal = new AbortController().signal;
const outcomes = [];
for (const { tool, input } of JSON.parse(calls)) {
  const outcome = {};
  try {
    const { payload, step } = await tools[tool].plan(tools[tool].input.parse(input), files.reader, { signal, now: new Date(), undoBytes: 0 });
    outcome.payload = payload;
    outcome.execution = await tools[tool].execute(step, files.writer, { signal, judge: async () => true });
  } catch (error) {
    outcome.error = { code: error.code, message: error.message, done: error.done };
  }
  outcomes.push(outcome);
}
console.log(JSON.stringify(outcomes));
`;

function giveAway(world: FileWorld, foreign: readonly string[]): void {
  chmodSync(dirname(world.root), 0o755);
  const give = (path: string): void => {
    if (!foreign.includes(path)) lchownSync(path, NOBODY, NOBODY);
    if (!lstatSync(path).isDirectory()) return;
    for (const name of readdirSync(path)) give(join(path, name));
  };
  give(world.root);
}
