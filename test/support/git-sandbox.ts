import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { openGit } from "../../src/systems/git.js";
import type { GitOptions } from "../../src/systems/git.js";
import type { ExecuteControl, Execution, Plan, ToolDefinition } from "../../src/tools/tool.js";
import { nothingKept } from "./undo.js";

/** A throw-away world for git: a home of its own, so that the configuration of this machine does not count. */
export class GitSandbox {
  readonly root = mkdtempSync(join(tmpdir(), "enact-git-test-"));
  readonly home = join(this.root, "home");
  #clock = 1_700_000_000;

  constructor() {
    mkdirSync(this.home);
    const config = "[user]\n\tname = Ada Agent\n\temail = ada@example.com\n[init]\n\tdefaultBranch = main\n[protocol \"file\"]\n\tallow = always\n";
    writeFileSync(join(this.home, ".gitconfig"), config);
  }

  get env(): Record<string, string> {
    return { PATH: process.env["PATH"] ?? "", HOME: this.home };
  }

  path(...parts: string[]): string {
    return join(this.root, ...parts);
  }

  /** Runs git as a person would. Dates move on by a second each time, so that histories have an order. */
  git(cwd: string, ...args: string[]): string {
    const date = `${(this.#clock += 1)} +0000`;
    const env = { ...this.env, GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date, LC_ALL: "C" };
    return execFileSync("git", args, { cwd, env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).replace(/\n$/, "");
  }

  /** Like git, and says how it ended instead of throwing. */
  tryGit(cwd: string, ...args: string[]): { code: number; out: string; err: string } {
    try {
      return { code: 0, out: this.git(cwd, ...args), err: "" };
    } catch (error) {
      const { status, stdout, stderr } = error as { status: number; stdout: string; stderr: string };
      return { code: status, out: stdout, err: stderr };
    }
  }

  bare(name = "remote.git", branch = "main"): string {
    const path = this.path(name);
    this.git(this.root, "init", "-q", "--bare", "-b", branch, path);
    return path;
  }

  /** A repository with one commit on main, pushed to the bare remote `origin`. */
  work(name = "work", remote = this.bare()): string {
    const path = this.path(name);
    this.git(this.root, "init", "-q", "-b", "main", path);
    this.git(path, "remote", "add", "origin", remote);
    this.commit(path, { "README.md": "hello\n" }, "First commit");
    this.git(path, "push", "-q", "origin", "main");
    this.git(path, "fetch", "-q", "origin");
    return path;
  }

  commit(repo: string, files: Record<string, string | null>, message: string): string {
    for (const [name, content] of Object.entries(files)) {
      if (content === null) rmSync(join(repo, name), { recursive: true });
      else this.write(repo, name, content);
    }
    this.git(repo, "add", "-A", "--", ...Object.keys(files));
    this.git(repo, "commit", "-q", "--allow-empty", "-m", message);
    return this.git(repo, "rev-parse", "HEAD");
  }

  write(repo: string, name: string, content: string): void {
    mkdirSync(dirname(join(repo, name)), { recursive: true });
    writeFileSync(join(repo, name), content);
  }

  branch(repo: string, name: string, files: Record<string, string> = { [`${name.replaceAll(/\W/g, "_")}.txt`]: name }, message = `Work on ${name}`): string {
    this.git(repo, "checkout", "-q", "-b", name);
    return this.commit(repo, files, message);
  }

  /** A program that leaves a mark when it runs. */
  marker(name = "marker"): { program: string; ran(): boolean; log(): string } {
    const mark = this.path(`${name}.mark`);
    const program = this.script(this.path(`${name}.sh`), `echo "$0 $@" >> '${mark}'`);
    return { program, ran: () => existsSync(mark), log: () => (existsSync(mark) ? readFileSync(mark, "utf8") : "") };
  }

  script(path: string, body: string): string {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `#!/bin/sh\n${body}\n`);
    chmodSync(path, 0o755);
    return path;
  }

  hook(repo: string, name: string, body: string): string {
    const hooks = this.git(repo, "rev-parse", "--path-format=absolute", "--git-path", "hooks");
    return this.script(join(hooks, name), body);
  }

  refs(repo: string): Record<string, string> {
    const out = this.git(repo, "for-each-ref", "--format=%(refname) %(objectname)");
    return Object.fromEntries(out.split("\n").filter((line) => line !== "").map((line) => line.split(" ") as [string, string]));
  }

  open(repo: string, options: Partial<GitOptions> = {}): ReturnType<typeof openGit> {
    return openGit({ project: repo, repo, remotes: ["origin"], env: this.env, ...options });
  }

  cleanUp(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** Everything below a folder: content, mode and time of change of each file. Two equal snapshots: nothing was touched. */
export function snapshot(folder: string): Record<string, string> {
  const found: Record<string, string> = {};
  const visit = (path: string, name: string): void => {
    const info = lstatSync(path, { bigint: true });
    const content = info.isFile() ? createHash("sha256").update(readFileSync(path)).digest("hex") : info.isSymbolicLink() ? readlinkSync(path) : "folder";
    found[name] = `${info.mode.toString(8)} ${info.mtimeNs} ${content}`;
    if (info.isDirectory()) for (const entry of readdirSync(path)) visit(join(path, entry), `${name}/${entry}`);
  };
  visit(folder, ".");
  return found;
}

const never = new AbortController().signal;

/** Parses the input as the guard does, and plans. */
export async function planOf<Input, Payload, Step, Reader, Writer>(
  tool: ToolDefinition<Input, Payload, Step, Reader, Writer>,
  input: Record<string, unknown>,
  reader: Reader,
): Promise<Plan<Payload, Step>> {
  const plan = await tool.plan(tool.input.parse(input) as Input, reader, { signal: never, now: new Date(0), undoBytes: 0 });
  tool.payload.parse(plan.payload);
  // As the guard does: what is not plain JSON is lost on the way.
  return JSON.parse(JSON.stringify(plan)) as Plan<Payload, Step>;
}

export async function executeStep<Input, Payload, Step, Reader, Writer>(
  tool: ToolDefinition<Input, Payload, Step, Reader, Writer>,
  step: Step,
  writer: Writer,
  judge: ExecuteControl["judge"] = () => Promise.resolve(true),
): Promise<Execution> {
  return tool.execute(step, writer, { signal: never, judge, undo: nothingKept });
}
