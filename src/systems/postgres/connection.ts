import type { Client, ClientConfig } from "pg";

import { EnactError } from "../../errors.js";
import { ParameterTypes } from "./params.js";
import { Pipeline } from "./wire.js";
import type { Command, Reply, RowLimits } from "./wire.js";

/** Waiting for the server to accept a connection, in milliseconds. */
const CONNECT_TIMEOUT = 10_000;

/** One session with the server. Errors of PostgreSQL come through as they are; a dead session rejects everything. */
export class PostgresConnection {
  readonly #client: Client;
  readonly #prepared = new Set<string>();
  #isAlive = true;
  #received = 0;
  #trustsNames = true;

  constructor(client: Client) {
    this.#client = client;
    // A single value may have a gigabyte: the connection is dropped before it fills the memory.
    streamOf(client).on("data", (chunk: Uint8Array) => {
      this.#received += chunk.length;
      if (this.#received > RECEIVE_LIMIT) this.destroy(new EnactError("ACTION_FAILED", TOO_BIG, { hint: SMALLER }));
    });
    // Without a listener, a connection that is lost between calls would end the process.
    client.on("error", () => this.#bury());
    client.on("end", () => this.#bury());
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** The server's process of this session, for cancelling. */
  get processId(): number {
    return (this.#client as unknown as { processID: number }).processID;
  }

  /** Runs the commands in one round trip; the limits are those of the paged one. */
  async run(commands: readonly Command[], limits?: RowLimits): Promise<readonly Reply[]> {
    if (!this.#isAlive) throw new Error("the connection is closed");
    this.#received = 0;
    const named = this.#trustsNames ? commands : commands.map(withoutName);
    const pipeline = new Pipeline(named, this.#prepared, limits);
    this.#client.query(pipeline);
    return pipeline.done;
  }

  /** The types of a statement's parameters, as the server would read it. */
  async parameterTypes(text: string): Promise<readonly number[]> {
    const question = new ParameterTypes(text);
    this.#client.query(question);
    return question.done;
  }

  /**
   * From now on, code that is not ours may have run: it may have prepared statements of its own under our names, so every
   * text is sent anew until {@link discardPrepared}.
   */
  distrustNames(): void {
    this.#trustsNames = false;
  }

  /** Forgets all prepared statements, ours as well. */
  async discardPrepared(): Promise<void> {
    await this.run([{ text: "DEALLOCATE ALL" }]);
    this.#prepared.clear();
    this.#trustsNames = true;
  }

  /** An idle connection does not keep the process alive. */
  idle(isIdle: boolean): void {
    const stream = streamOf(this.#client);
    if (isIdle) stream.unref?.();
    else stream.ref?.();
  }

  /** Drops the connection without a word; the server rolls back what is open. */
  destroy(why?: Error): void {
    this.#bury();
    streamOf(this.#client).destroy(why);
  }

  async end(): Promise<void> {
    this.#bury();
    // An idle one no longer keeps the process alive, and this wait would then never end.
    this.idle(false);
    await this.#client.end().catch(() => undefined);
  }

  #bury(): void {
    this.#isAlive = false;
  }
}

/** MORE stays what it is: it has no text to send. */
function withoutName(command: Command): Command {
  if (command.name === undefined) return command;
  const { name: _name, ...rest } = command;
  return rest;
}

interface Stream {
  on(event: "data", listener: (chunk: Uint8Array) => void): unknown;
  ref?(): void;
  unref?(): void;
  destroy(error?: Error): void;
}

function streamOf(client: Client): Stream {
  return (client as unknown as { connection: { stream: Stream } }).connection.stream;
}

/** Bytes that one page of rows may bring. */
const RECEIVE_LIMIT = 64 * 1024 * 1024;
const TOO_BIG = "A page of the result is larger than 64 MB";
const SMALLER = "Select fewer columns, or a part of the large value (substring, jsonb path).";

/** How to reach the server: connects anew at each call. */
export type Dial = () => Promise<PostgresConnection>;

/** Dials the server of a connection string. Nothing is loaded before the first call. */
export function dialServer(url: string): Dial {
  return async () =>
    openClient({
      connectionString: url,
      application_name: "enact-guard",
      keepAlive: true,
      connectionTimeoutMillis: CONNECT_TIMEOUT,
    });
}

/** Which database a connection string names: "db.company.com:5432/shop". Connects to nothing, and holds no secret. */
export async function placeNamed(url: string): Promise<string> {
  const { default: pg } = await import("pg");
  try {
    const { host, port, database } = new pg.Client({ connectionString: url });
    return `${host}:${port}/${database ?? ""}`;
  } catch {
    throw malformed();
  }
}

function malformed(): EnactError {
  return new EnactError("SYSTEM_UNAVAILABLE", "The PostgreSQL URL is not well-formed", {
    hint: "Write it as postgres://user:password@host:5432/database in systems.postgres.url.",
  });
}

/** @throws EnactError SYSTEM_UNAVAILABLE; the message never holds the connection string, which may hold a password */
export async function openClient(config: ClientConfig): Promise<PostgresConnection> {
  const { default: pg } = await import("pg");
  let client: Client;
  try {
    client = new pg.Client(config);
  } catch {
    throw malformed();
  }
  client.on("error", () => undefined);
  try {
    await client.connect();
  } catch (error) {
    throw unreachable(client, error);
  }
  return new PostgresConnection(client);
}

function unreachable(client: Client, error: unknown): EnactError {
  const code = (error as { code?: unknown } | null)?.code;
  const where = client.host?.startsWith("/") ? "its socket" : `${client.host}:${client.port}`;
  const why = typeof code === "string" ? reasonOf(code, client) : "no answer";
  return new EnactError("SYSTEM_UNAVAILABLE", `PostgreSQL at ${where} cannot be reached: ${why}`, {
    hint: "Check that the server runs and that systems.postgres.url names it and a role that may log in.",
  });
}

/** SQLSTATE or errno in words. The server's own text may repeat parts of the connection string. */
function reasonOf(code: string, client: Client): string {
  if (code === "28P01" || code === "28000") return "the login was refused";
  if (code === "3D000") return `the database '${client.database ?? ""}' does not exist`;
  if (code === "53300") return "it has too many clients already";
  if (code === "57P03") return "it is starting up or shutting down";
  if (code === "ECONNREFUSED") return "nothing listens there (ECONNREFUSED)";
  return code;
}
