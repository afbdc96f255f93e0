import type { Connection, Submittable } from "pg";

/** One statement of a pipeline. A name makes it a prepared statement that the connection keeps. */
export interface Command {
  readonly text: string;
  readonly name?: string;
  readonly values?: readonly (string | null)[];
}

export interface WireColumn {
  readonly name: string;
  /** OID of the column's type. */
  readonly type: number;
}

export interface Reply {
  /** The command tag, such as "DELETE 3"; empty when reading stopped at a limit. */
  tag: string;
  columns: readonly WireColumn[];
  rows: (readonly (string | null)[])[];
  /** Rows that were kept back because of a limit exist. */
  truncated: boolean;
}

/** How much of the last statement's rows to keep. */
export interface RowLimits {
  readonly maxRows: number;
  readonly maxBytes: number;
  /** Run the statement to its end even when no more rows are kept: its effects must not depend on the limit. */
  readonly drain: boolean;
}

/** Low-level messages that the type definitions of pg leave out. */
interface Wire extends Omit<Connection, "bind" | "parse" | "execute" | "describe" | "stream"> {
  stream: { cork(): void; uncork(): void };
  parse(message: { name: string; text: string }): void;
  bind(message: { statement: string; values: readonly (string | null)[] }): void;
  describe(message: { type: "P" | "S"; name: string }): void;
  execute(message: { rows: number }): void;
  flush(): void;
  sync(): void;
}

const PAGE = 100;

/**
 * Sends several statements in one write and waits once: BEGIN, settings and a look cost one round trip. The first error
 * makes the server skip the rest. With limits, the last statement is read page by page, so that ten million rows do not
 * fill the memory.
 */
export class Pipeline implements Submittable {
  readonly done: Promise<readonly Reply[]>;
  readonly #commands: readonly Command[];
  readonly #prepared: Set<string>;
  readonly #limits: RowLimits | undefined;
  readonly #parsedHere = new Map<string, number>();
  readonly #onPage: (() => void) | undefined;
  readonly #replies: Reply[] = [];
  #current: Reply = emptyReply();
  #bytes = 0;
  #synced = false;
  #resolve!: (replies: readonly Reply[]) => void;
  #reject!: (error: Error) => void;

  /** @param onPage called whenever a page of rows was read */
  constructor(commands: readonly Command[], prepared: Set<string>, limits?: RowLimits, onPage?: () => void) {
    this.#onPage = onPage;
    this.#commands = commands;
    this.#prepared = prepared;
    this.#limits = limits;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  submit(connection: Connection): void {
    const wire = connection as unknown as Wire;
    wire.stream.cork();
    for (const [index, { text, name = "", values = [] }] of this.#commands.entries()) {
      if (name === "" || !this.#prepared.has(name)) wire.parse({ name, text });
      if (name !== "" && !this.#prepared.has(name)) {
        this.#prepared.add(name);
        this.#parsedHere.set(name, index);
      }
      wire.bind({ statement: name, values });
      wire.describe({ type: "P", name: "" });
      const isPaged = this.#limits !== undefined && index === this.#commands.length - 1;
      wire.execute({ rows: isPaged ? PAGE : 0 });
    }
    if (this.#limits === undefined) this.#sync(wire);
    else wire.flush();
    wire.stream.uncork();
  }

  handleRowDescription(message: { fields: { name: string; dataTypeID: number }[] }): void {
    this.#current.columns = message.fields.map(({ name, dataTypeID }) => ({ name, type: dataTypeID }));
  }

  handleDataRow(message: { fields: (string | null)[] }): void {
    const limits = this.#replies.length === this.#commands.length - 1 ? this.#limits : undefined;
    if (limits !== undefined) {
      if (this.#current.truncated) return;
      this.#bytes += message.fields.reduce((sum, field) => sum + (field === null ? 4 : Buffer.byteLength(field)), 0);
      if (this.#current.rows.length >= limits.maxRows || this.#bytes > limits.maxBytes) {
        this.#current.truncated = true;
        return;
      }
    }
    this.#current.rows.push(message.fields);
  }

  handlePortalSuspended(connection: Connection): void {
    const wire = connection as unknown as Wire;
    this.#onPage?.();
    if (this.#current.truncated && this.#limits?.drain !== true) return this.#sync(wire);
    wire.execute({ rows: PAGE });
    wire.flush();
  }

  handleCommandComplete(message: { text: string }, connection: Connection): void {
    this.#current.tag = message.text;
    this.#next(connection);
  }

  handleEmptyQuery(connection: Connection): void {
    this.#next(connection);
  }

  handleReadyForQuery(): void {
    if (this.#current.truncated) this.#replies.push(this.#current);
    this.#resolve(this.#replies);
  }

  handleError(error: Error, connection: Connection): void {
    // What follows the failed command was skipped, its Parse too. (Only our own texts have names: their Parse succeeds.)
    for (const [name, index] of this.#parsedHere) if (index > this.#replies.length) this.#prepared.delete(name);
    if (isServerError(error)) this.#sync(connection as unknown as Wire);
    this.#reject(error);
  }

  handleCopyInResponse(connection: Connection): void {
    (connection as unknown as { sendCopyFail(reason: string): void }).sendCopyFail("COPY is not available here");
  }

  handleCopyData(): void {
    this.#current.truncated = true;
  }

  #next(connection: Connection): void {
    this.#replies.push(this.#current);
    this.#current = emptyReply();
    if (this.#replies.length === this.#commands.length) this.#sync(connection as unknown as Wire);
  }

  #sync(wire: Wire): void {
    if (this.#synced) return;
    this.#synced = true;
    wire.sync();
  }
}

function emptyReply(): Reply {
  return { tag: "", columns: [], rows: [], truncated: false };
}

/** An error that PostgreSQL itself reported; the connection is still good unless its severity says otherwise. */
export function isServerError(error: unknown): error is Error & { code: string; severity: string; position?: string } {
  return error instanceof Error && typeof (error as { severity?: unknown }).severity === "string";
}
