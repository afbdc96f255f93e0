import { EnactError, isEnactError } from "../errors.js";
import { CatalogueReader, READER_SETTINGS } from "./postgres/catalogue.js";
import type { CatalogueRequest, Look } from "./postgres/catalogue.js";
import { dialServer, placeNamed } from "./postgres/connection.js";
import type { Dial, PostgresConnection } from "./postgres/connection.js";
import { EmbeddedPostgres } from "./postgres/embedded.js";
import { lost } from "./postgres/failures.js";
import { Memory } from "./postgres/memory.js";
import { ParserThread } from "./postgres/parser.js";
import type { SqlParser } from "./postgres/parser.js";
import { putRowsBack, rowsNow } from "./postgres/put-back.js";
import type { PutBack, RowsToPutBack, TableNow } from "./postgres/put-back.js";
import type { TableChange } from "./postgres/rows.js";
import { runOrder } from "./postgres/run.js";
import type { Jury, RunContext, RunReport } from "./postgres/run.js";
import { Sessions } from "./postgres/sessions.js";
import type { Order } from "./postgres/transaction.js";
import { builtInTypes } from "./postgres/values.js";
import type { Glimpse } from "./postgres/capture.js";
import { isServerError } from "./postgres/wire.js";
import type { Command, Reply } from "./postgres/wire.js";

export interface PostgresOptions {
  /** `postgres://…`, or "embedded" for PGlite inside this process. */
  readonly url: string;
  /** Where the embedded database lives, an absolute path; in memory when left out. */
  readonly dataDir?: string;
  /** For each statement; 30 s. */
  readonly statementTimeoutMs?: number;
  /** Rows given back for each statement; 1,000. */
  readonly maxRows?: number;
  /** Bytes of values given back for a call; 1,000,000. */
  readonly maxBytes?: number;
  /** Functions and procedures with side effects that the configuration vouches for: `archive` or `app.archive`. */
  readonly functions?: readonly string[];
}

/** Looks at the catalogue on a session of its own, which is read-only. */
export interface PostgresReader {
  readonly functions: readonly string[];
  /** PGlite inside this process: it has one session only, so that nobody sees the rows as they were while they change. */
  readonly isEmbedded: boolean;
  /** Which database this is, for people and for comparing: "db.company.com:5432/shop". @throws EnactError SYSTEM_UNAVAILABLE */
  place(): Promise<string>;
  /** The rows under the keys of a run's changes as they are now, in the same order; see rowsNow. @throws EnactError */
  rowsNow(tables: readonly TableChange[]): Promise<readonly TableNow[]>;
  /** @throws EnactError SYSTEM_UNAVAILABLE */
  look(request: CatalogueRequest): Promise<Look>;
  /** Runs `work` with PostgreSQL's own parser. @throws EnactError SYSTEM_UNAVAILABLE */
  parsing<Result>(work: (parser: SqlParser) => Promise<Result>): Promise<Result>;
}

/** Runs statements in one transaction, and commits on a jury's word. */
export interface PostgresWriter {
  readonly parsing: PostgresReader["parsing"];
  readonly place: PostgresReader["place"];
  /** @throws EnactError when nothing was changed */
  run(order: Order, jury: Jury, signal: AbortSignal): Promise<RunReport>;
  /** Puts rows back in one transaction. @throws EnactError when nothing was changed */
  putBack(rows: RowsToPutBack, signal: AbortSignal): Promise<PutBack>;
}

export interface PostgresSystem {
  readonly reader: PostgresReader;
  readonly writer: PostgresWriter;
  close(): Promise<void>;
}

const DEFAULTS = { statementTimeoutMs: 30_000, maxRows: 1000, maxBytes: 1_000_000 };
/** Calls that may run statements at the same time. */
const SESSIONS = 4;

/** Opens PostgreSQL (14 or newer). Nothing is loaded or connected before the first use. */
export function openPostgres(options: PostgresOptions): PostgresSystem {
  const isEmbedded = options.url === "embedded";
  const embedded = isEmbedded ? new EmbeddedPostgres(options.dataDir) : undefined;
  const dial: Dial = embedded === undefined ? dialServer(options.url) : () => embedded.dial();
  const sessions = new Sessions(dial, SESSIONS, isEmbedded);
  const looks: Looks = embedded === undefined ? new ServerLooks(dial, sessions) : new SharedLooks(sessions, embedded);
  const { statementTimeoutMs, maxRows, maxBytes } = { ...DEFAULTS, ...defined(options) };
  const context: RunContext = {
    sessions,
    limits: { statementTimeoutMs, maxRows, maxBytes },
    types: builtInTypes(),
    memory: new Memory(),
    isOnlyOne: isEmbedded,
    digestNow: (request, own, snapshot) => looks.digestNow(request, own, snapshot),
    cancel: (processId) => looks.cancel(processId),
    glimpse: (commands) => looks.glimpse(commands),
    fateOf: (xid) => looks.fateOf(xid),
  };
  const parser = new ParserThread();
  const common = commonTo(parser, options.url);
  return {
    reader: {
      ...common,
      functions: options.functions ?? [],
      isEmbedded,
      look: (request) => looks.look(request),
      rowsNow: (tables) => rowsNow(context.glimpse, tables),
    },
    writer: {
      ...common,
      run: (order, jury, signal) => runOrder(context, order, jury, signal),
      putBack: (rows, signal) => putRowsBack(context, rows, signal),
    },
    close: async () => {
      await Promise.all([looks.close(), sessions.close(), parser.close()]);
      await embedded?.close();
    },
  };
}

function commonTo(parser: ParserThread, url: string): Pick<PostgresReader, "parsing" | "place"> {
  return { parsing: (work) => parser.use(work), place: () => (url === "embedded" ? Promise.resolve(url) : placeNamed(url)) };
}

function defined(options: PostgresOptions): Partial<typeof DEFAULTS> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

/** With another schema before pg_catalog, PostgreSQL's own operators could be replaced, and every look with them. */
function checkPath(schemas: string): void {
  if (/^\{(?:pg_temp_\d+,)?pg_catalog\b/.test(schemas)) return;
  throw new EnactError("REFUSED", "The search_path of this role puts another schema before pg_catalog", {
    hint: "Ask the person to take pg_catalog out of the role's search_path: PostgreSQL then looks there first by itself.",
  });
}

/** SQLSTATE */
const INSUFFICIENT_PRIVILEGE = "42501";

interface Looks {
  look(request: CatalogueRequest): Promise<Look>;
  digestNow(request: CatalogueRequest, own: PostgresConnection, snapshot: string): Promise<string>;
  cancel(processId: number): Promise<void>;
  fateOf(xid: string): Promise<string | undefined>;
  readonly glimpse: Glimpse;
  close(): Promise<void>;
}

/** A session for looks only: no statement of an agent ever runs on it. */
class ServerLooks implements Looks {
  readonly #dial: Dial;
  readonly #sessions: Sessions;
  readonly #catalogue = new CatalogueReader();
  #session: Promise<PostgresConnection> | undefined;

  constructor(dial: Dial, sessions: Sessions) {
    this.#dial = dial;
    this.#sessions = sessions;
  }

  async look(request: CatalogueRequest): Promise<Look> {
    this.#sessions.warm();
    return this.#ask((connection) => this.#catalogue.look(connection, request));
  }

  async digestNow(request: CatalogueRequest, _own: PostgresConnection, snapshot: string): Promise<string> {
    return (this.#catalogue.peek(request, snapshot) ?? (await this.look(request))).digest;
  }

  async cancel(processId: number): Promise<void> {
    const text = "SELECT pg_catalog.pg_cancel_backend($1)";
    await this.#ask((connection) => connection.run([{ text, values: [String(processId)] }])).catch(() => undefined);
  }

  async fateOf(xid: string): Promise<string | undefined> {
    const text = "SELECT pg_catalog.pg_xact_status($1::pg_catalog.xid8)";
    for (const wait of [0, 200, 1000]) {
      await new Promise((resolve) => setTimeout(resolve, wait));
      const replies = await this.#ask((connection) => connection.run([{ text, values: [xid] }])).catch(() => []);
      const fate = replies[0]?.rows[0]?.[0];
      if (fate === "committed" || fate === "aborted") return fate;
    }
    return undefined;
  }

  async glimpse(commands: readonly Command[]): Promise<readonly Reply[] | undefined> {
    return this.#ask(async (connection) => {
      try {
        return await connection.run(commands);
      } catch (error) {
        if (!isRefusal(error)) throw error;
        await connection.run([{ text: "ROLLBACK" }]);
        return undefined;
      }
    }).catch(() => undefined);
  }

  async close(): Promise<void> {
    const session = await this.#session?.catch(() => undefined);
    this.#session = undefined;
    await session?.end();
  }

  /** A look changes nothing, so it may be asked again on a new connection. */
  async #ask<Answer>(question: (connection: PostgresConnection) => Promise<Answer>): Promise<Answer> {
    for (let attempt = 1; ; attempt += 1) {
      const connection = await this.#connection();
      connection.idle(false);
      try {
        return await question(connection);
      } catch (error) {
        connection.destroy();
        if (isEnactError(error)) throw error;
        if (attempt > 1 || isRefusal(error)) throw cannotLook(error);
      } finally {
        connection.idle(true);
      }
    }
  }

  async #connection(): Promise<PostgresConnection> {
    const pending = this.#session;
    const current = await pending?.catch(() => undefined);
    if (current?.isAlive === true) return current;
    // Another look may have dialled while this one waited.
    if (this.#session !== pending) return this.#connection();
    this.#session = this.#dial().then(async (connection) => {
      const [settings] = await connection.run([{ text: READER_SETTINGS }]);
      checkPath(settings?.rows[0]?.at(-1) ?? "");
      return connection;
    });
    return this.#session;
  }
}

/** The embedded database has one session for all: looks wait for their turn on it. */
class SharedLooks implements Looks {
  readonly #sessions: Sessions;
  readonly #embedded: EmbeddedPostgres;
  readonly #catalogue = new CatalogueReader();

  constructor(sessions: Sessions, embedded: EmbeddedPostgres) {
    this.#sessions = sessions;
    this.#embedded = embedded;
  }

  async look(request: CatalogueRequest): Promise<Look> {
    // What is remembered of the stand-in must not be taken for the real one: each look asks anew.
    if (this.#embedded.isMissing) return this.#embedded.askStandIn((connection) => new CatalogueReader().look(connection, request));
    const lease = await this.#sessions.take();
    try {
      return await this.#catalogue.look(lease.connection, request);
    } catch (error) {
      throw isEnactError(error) ? error : cannotLook(error);
    } finally {
      lease.release("settings");
    }
  }

  async digestNow(request: CatalogueRequest, own: PostgresConnection, snapshot: string): Promise<string> {
    return (this.#catalogue.peek(request, snapshot) ?? (await this.#catalogue.look(own, request))).digest;
  }

  async cancel(): Promise<void> {
    // PGlite runs a statement to its end.
  }

  async fateOf(): Promise<undefined> {
    return undefined;
  }

  async glimpse(): Promise<undefined> {
    // There is no second session.
  }

  async close(): Promise<void> {
    // The sessions are closed by their owner.
  }
}

/** The server's word on the question itself; one that ends the session (57P01 and the like) is none. */
function isRefusal(error: unknown): boolean {
  return isServerError(error) && !error.code.startsWith("57P") && !error.code.startsWith("08");
}

function cannotLook(error: unknown): EnactError {
  const isForbidden = isServerError(error) && error.code === INSUFFICIENT_PRIVILEGE;
  if (isForbidden) return new EnactError("REFUSED", `PostgreSQL does not let this role look: ${error.message}`, { cause: error });
  const message = isServerError(error) ? `${error.message} (PostgreSQL 14 or newer is needed)` : lost(error).message;
  return new EnactError("SYSTEM_UNAVAILABLE", `The catalogue of PostgreSQL could not be read: ${message}`, { cause: error });
}
