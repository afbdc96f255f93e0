import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Entry } from "../../src/receipts/receipt.js";
import { openKeys } from "../../src/receipts/keys.js";
import type { LedgerReader } from "../../src/receipts/ledger.js";
import type { VerifyReport } from "../../src/receipts/verify.js";
import { verifyLedger } from "../../src/receipts/verify-ledger.js";
import { openSqliteReader } from "../../src/stores/sqlite.js";
import { MAIN } from "./mcp-client.js";
import type { TestPostgres } from "./postgres.js";
import { startPostgres } from "./postgres.js";

const CONFIGURATION = `identity: { user_email: agent@company.example, actor_role: engineer }
systems:
  git: { repo: . , remotes: [origin] }
  postgres: { url: "\${DATABASE_URL}" }
  filesystem: { root: . }
tools: [file_delete, file_write, git_push, sql_query]
policies:
  - dont_push_to_main
  - block_ddl
  - block_extensions: { extensions: [.env] }
receipts: { store: sqlite, signing: hmac }
`;

export interface KillWorldOptions {
  /** Without a database; sql_query is then not to be called. */
  readonly sql?: boolean;
  /** An empty folder for all of it; a new one of its own when left out. */
  readonly root?: string;
}

/** One call that changes the world in a way that nothing else does, so that the world itself says whether it ran. */
export interface Deed {
  readonly number: number;
  readonly tool: "file_delete" | "file_write" | "sql_query" | "git_push";
  readonly args: Readonly<Record<string, unknown>>;
}

/** A project with files, a bare remote and a real database, in which several real servers work at once. */
export class KillWorld {
  readonly root: string;
  readonly project: string;
  readonly enactHome: string;
  readonly database: TestPostgres | null;
  readonly deeds: Deed[] = [];

  private constructor(root: string, database: TestPostgres | null) {
    this.root = root;
    this.project = join(root, "project");
    this.enactHome = join(root, "enact");
    this.database = database;
  }

  static async make({ sql = true, root = mkdtempSync(join(tmpdir(), "enact-kill-")) }: KillWorldOptions = {}): Promise<KillWorld> {
    const world = new KillWorld(root, sql ? await startPostgres(["max_connections=60"]) : null);
    const client = await world.database?.client();
    await client?.query("CREATE TABLE deeds (number int PRIMARY KEY)");
    await client?.end();
    mkdirSync(join(world.project, "files"), { recursive: true });
    writeFileSync(join(world.project, "enact.yaml"), CONFIGURATION);
    writeFileSync(join(world.project, "README.md"), "hello\n");
    world.git(world.root, "init", "-q", "--bare", "-b", "main", join(world.root, "origin.git"));
    world.git(world.project, "init", "-q", "-b", "main");
    world.git(world.project, "add", "README.md");
    world.git(world.project, "commit", "-q", "-m", "Begin the world");
    world.git(world.project, "remote", "add", "origin", join(world.root, "origin.git"));
    world.git(world.project, "push", "-q", "origin", "main");
    return world;
  }

  get env(): Record<string, string> {
    return { PATH: process.env["PATH"] ?? "", HOME: this.root, ENACT_HOME: this.enactHome, DATABASE_URL: this.database?.url ?? "postgres://nobody@127.0.0.1:1/none", TMPDIR: this.temporary };
  }

  /** Of the servers only, so that what they leave behind can be counted. */
  get temporary(): string {
    const folder = join(this.root, "tmp");
    mkdirSync(folder, { recursive: true });
    return folder;
  }

  /** The next deed of this kind; what it needs is made now. */
  deed(tool: Deed["tool"]): Deed {
    const number = this.deeds.length + 1;
    const deed = { number, tool, args: this.#args(tool, number) };
    this.deeds.push(deed);
    return deed;
  }

  /** The oracle: which deeds have really happened, by looking at files, rows and branches. */
  async happened(): Promise<ReadonlySet<number>> {
    const client = await this.database?.client();
    const { rows = [] } = (await client?.query<{ number: number }>("SELECT number FROM deeds")) ?? {};
    await client?.end();
    const inTable = new Set(rows.map(({ number }) => number));
    const branches = new Set(this.git(join(this.root, "origin.git"), "for-each-ref", "--format=%(refname:short)", "refs/heads/").split("\n"));
    const isDone = ({ tool, number }: Deed): boolean => {
      if (tool === "file_delete") return !existsSync(this.#file(number));
      if (tool === "file_write") return existsSync(this.#file(number)) && readFileSync(this.#file(number), "utf8") === newText(number);
      return tool === "sql_query" ? inTable.has(number) : branches.has(`agent/deed-${String(number)}`);
    };
    return new Set(this.deeds.filter(isDone).map(({ number }) => number));
  }

  /** The deed that an entry is about. */
  deedOf({ workflow, payload }: Entry): Deed | undefined {
    const { path, branch, sql } = payload as { path?: string; branch?: string; sql?: string };
    const found = /(\d+)\D*$/.exec(path ?? branch ?? sql ?? "")?.[1];
    const deed = this.deeds[Number(found) - 1];
    return deed?.tool === workflow ? deed : undefined;
  }

  async reader(): Promise<LedgerReader> {
    const { project, enactHome } = this;
    return openSqliteReader({ project, enactHome, keys: openKeys({ project, enactHome, signing: "hmac" }) });
  }

  /** What verify says, and all entries as they lie there. */
  async verified(): Promise<{ readonly report: VerifyReport; readonly entries: readonly Entry[] }> {
    const reader = await this.reader();
    try {
      const entries = [...reader.lines()].map(({ bytes }) => JSON.parse(Buffer.from(bytes).toString("utf8")) as Entry);
      return { report: verifyLedger(reader), entries };
    } finally {
      reader.close();
    }
  }

  /** A command of the real binary. */
  run(...args: readonly string[]): { readonly code: number | null; readonly out: string; readonly err: string } {
    const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], { cwd: this.project, env: this.env, encoding: "utf8" });
    return { code: status, out: stdout, err: stderr };
  }

  git(cwd: string, ...args: readonly string[]): string {
    const env = { PATH: process.env["PATH"] ?? "", HOME: this.root, GIT_AUTHOR_NAME: "a", GIT_AUTHOR_EMAIL: "a@example.com", GIT_COMMITTER_NAME: "a", GIT_COMMITTER_EMAIL: "a@example.com" };
    return execFileSync("git", [...args], { cwd, env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).trimEnd();
  }

  async remove(): Promise<void> {
    await this.database?.stop();
    rmSync(this.root, { recursive: true, force: true, maxRetries: 5 });
  }

  #args(tool: Deed["tool"], number: number): Deed["args"] {
    if (tool === "sql_query") return { sql: `INSERT INTO deeds VALUES (${String(number)})` };
    if (tool === "git_push") {
      const branch = `agent/deed-${String(number)}`;
      this.git(this.project, "branch", branch, "main");
      return { branch };
    }
    writeFileSync(this.#file(number), oldText(number));
    const path = `files/${String(number)}.txt`;
    return tool === "file_delete" ? { path } : { path, content: newText(number) };
  }

  #file(number: number): string {
    return join(this.project, "files", `${String(number)}.txt`);
  }
}

function oldText(number: number): string {
  return `old ${String(number)}\n`;
}

/** Long enough that writing it takes more than one moment. */
function newText(number: number): string {
  return `new ${String(number)} ${createHash("sha256").update(String(number)).digest("hex").repeat(200)}\n`;
}
