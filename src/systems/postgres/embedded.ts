import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, isAbsolute, join } from "node:path";
import { Duplex } from "node:stream";

import { EnactError } from "../../errors.js";
import type { PostgresConnection } from "./connection.js";
import { openClient } from "./connection.js";
import { holdDataDir } from "./embedded-lock.js";

/** The part of PGlite that is used: PostgreSQL's wire protocol, message by message. */
interface Embedded {
  execProtocolRaw(message: Uint8Array): Promise<Uint8Array>;
  /** All of it as one archive. */
  dumpDataDir(compression: "none"): Promise<Blob>;
  close(): Promise<void>;
}

/**
 * PostgreSQL inside this process (PGlite), for trying out. Spoken to through the same client and the same wire protocol
 * as a server.
 *
 * What it cannot do: it is a single session, so calls run one after the other and share it; `statement_timeout` is not
 * enforced and a running statement cannot be cancelled, so a statement that does not end holds the process; nobody else
 * sees the data. It takes seconds to start and some 700 MB of memory.
 */
export class EmbeddedPostgres {
  readonly #dataDir: string | undefined;
  #database: Promise<Embedded> | undefined;
  /** Empty, in memory: what is looked at for as long as there is no database. */
  #standIn: { readonly database: Promise<Embedded>; readonly session: Promise<PostgresConnection> } | undefined;
  #looks: Promise<unknown> = Promise.resolve();
  #free: () => void = () => undefined;

  constructor(dataDir: string | undefined) {
    if (dataDir !== undefined && !isAbsolute(dataDir)) throw new EnactError("CONFIG_INVALID", "dataDir must be an absolute path");
    this.#dataDir = dataDir;
  }

  /** Whether nothing has ever been run on it: then there is nothing to look at, and a look must not make it. */
  get isMissing(): boolean {
    return this.#dataDir !== undefined && this.#database === undefined && !existsSync(join(this.#dataDir, "PG_VERSION"));
  }

  async dial(): Promise<PostgresConnection> {
    this.#database ??= this.#start();
    const database = await this.#database.catch((error: unknown) => {
      this.#database = undefined;
      throw error;
    });
    return sessionOn(database);
  }

  /** Asks an empty database in memory, which is what the real one will be when it is made. */
  async askStandIn<Answer>(question: (connection: PostgresConnection) => Promise<Answer>): Promise<Answer> {
    const answer = this.#looks.then(async () => question(await this.#standInSession()));
    this.#looks = answer.catch(() => undefined);
    return answer;
  }

  async close(): Promise<void> {
    await this.#looks;
    const databases = [await this.#database?.catch(() => undefined), await this.#standIn?.database.catch(() => undefined)];
    this.#database = undefined;
    this.#standIn = undefined;
    for (const database of databases) await database?.close();
    this.#free();
  }

  async #standInSession(): Promise<PostgresConnection> {
    if (this.#standIn === undefined) {
      const database = start({});
      this.#standIn = { database, session: database.then(sessionOn) };
    }
    return this.#standIn.session.catch((error: unknown) => {
      this.#standIn = undefined;
      throw error;
    });
  }

  async #start(): Promise<Embedded> {
    const dataDir = this.#dataDir;
    if (dataDir === undefined) return start({});
    await makeRoomFor(dataDir);
    const free = holdDataDir(dataDir);
    this.#free = free;
    try {
      return await start({ dataDir, ...(await this.#beginning(dataDir)) });
    } catch (error) {
      free();
      throw error;
    }
  }

  /** What was looked at becomes the real database: making one anew takes seconds. */
  async #beginning(dataDir: string): Promise<{ readonly loadDataDir?: Blob }> {
    await this.#looks;
    const standIn = await this.#standIn?.database.catch(() => undefined);
    this.#standIn = undefined;
    if (standIn === undefined) return {};
    try {
      return existsSync(join(dataDir, "PG_VERSION")) ? {} : { loadDataDir: await standIn.dumpDataDir("none") };
    } finally {
      await standIn.close();
    }
  }
}

async function sessionOn(database: Embedded): Promise<PostgresConnection> {
  const stream = () => new ProtocolStream(database) as unknown as Duplex;
  return openClient({ stream, user: "postgres", database: "postgres", host: "embedded", ssl: false });
}

async function start(options: { readonly dataDir?: string; readonly loadDataDir?: Blob }): Promise<Embedded> {
  const { PGlite } = await import("@electric-sql/pglite").catch((cause: unknown) => {
    throw new EnactError("NOT_INSTALLED", "The embedded PostgreSQL (PGlite) is not installed", {
      hint: "Run npm install @electric-sql/pglite, or name a server in systems.postgres.url.",
      cause,
    });
  });
  try {
    return await PGlite.create(options);
  } catch (error) {
    throw new EnactError("SYSTEM_UNAVAILABLE", "The embedded PostgreSQL did not start", {
      hint: "Its data folder may be damaged: remove .enact/postgres to begin with an empty one, or name a server in systems.postgres.url.",
      cause: error,
    });
  }
}

/** PGlite makes only the last folder. The one above is the guard's own: only for its owner, and nothing for git. */
async function makeRoomFor(dataDir: string): Promise<void> {
  const folder = dirname(dataDir);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(join(folder, ".gitignore"), "*\n", { flag: "wx" }).catch(() => undefined);
}

/** Looks like a socket to the client, and hands each message to the database in order. */
class ProtocolStream extends Duplex {
  readonly #database: Embedded;

  constructor(database: Embedded) {
    super();
    this.#database = database;
  }

  connect(): this {
    process.nextTick(() => this.emit("connect"));
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  override _read(): void {
    // Answers are pushed as they come.
  }

  override _write(message: Uint8Array, _encoding: string, done: (error?: Error | null) => void): void {
    void this.#pass(message, done);
  }

  async #pass(message: Uint8Array, done: (error?: Error | null) => void): Promise<void> {
    let failure: Error | null = null;
    try {
      const answer = await this.#database.execProtocolRaw(new Uint8Array(message));
      if (answer.length > 0) this.push(Buffer.from(answer));
    } catch (error) {
      failure = error instanceof Error ? error : new Error(String(error));
    }
    done(failure);
  }

  override _final(done: () => void): void {
    this.push(null);
    done();
  }
}
