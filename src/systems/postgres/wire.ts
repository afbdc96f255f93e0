import type { Connection, Submittable } from "pg";

/** One statement of a pipeline. A name makes it a prepared statement that the connection keeps. */
export interface Command {
  readonly text: string;
  readonly name?: string;
  readonly values?: readonly (string | null)[];
  /** Oids of the parameters' types, where the text alone does not tell them. */
  readonly types?: readonly number[];
  /** Reads the rows page by page: one page now, the rest by {@link MORE}. */
  readonly paged?: boolean;
}

/** Reads the next page of the paged command of this transaction. */
export const MORE: Command = { text: "", paged: true };

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
  /** There is at least one more page. */
  hasMore: boolean;
}

/** How many rows of a paged command to keep. */
export interface RowLimits {
  readonly maxRows: number;
  readonly maxBytes: number;
}

/** Low-level messages that the type definitions of pg leave out. */
interface Wire extends Omit<Connection, "bind" | "parse" | "execute" | "describe" | "stream"> {
  stream: { cork(): void; uncork(): void };
  parse(message: { name: string; text: string; types: readonly number[] }): void;
  bind(message: { portal: string; statement: string; values: readonly (string | null)[] }): void;
  describe(message: { type: "P" | "S"; name: string }): void;
  execute(message: { portal: string; rows: number }): void;
  close(message: { type: "P"; name: string }): void;
  sync(): void;
}

const PAGE = 100;

/** Names the rows of a paged command until the transaction ends, or the next paged command begins. */
const PORTAL = "enact_rows";

/**
 * Sends several statements in one write and waits once: BEGIN, settings and a look cost one round trip. The first error
 * makes the server skip the rest. A paged command is read page by page, so that ten million rows do not fill the memory.
 */
export class Pipeline implements Submittable {
  readonly done: Promise<readonly Reply[]>;
  readonly #commands: readonly Command[];
  readonly #prepared: Set<string>;
  readonly #limits: RowLimits | undefined;
  readonly #parsedHere = new Map<string, number>();
  readonly #replies: Reply[] = [];
  #current: Reply = emptyReply();
  #bytes = 0;
  #resolve!: (replies: readonly Reply[]) => void;
  #reject!: (error: Error) => void;

  constructor(commands: readonly Command[], prepared: Set<string>, limits?: RowLimits) {
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
    for (const [index, command] of this.#commands.entries()) this.#send(wire, command, index);
    wire.sync();
    wire.stream.uncork();
  }

  #send(wire: Wire, command: Command, index: number): void {
    const { text, name = "", values = [], types = [], paged = false } = command;
    const portal = paged ? PORTAL : "";
    if (command !== MORE) {
      // A portal of this name may be left from the statement before.
      if (paged) wire.close({ type: "P", name: PORTAL });
      if (name === "" || !this.#prepared.has(name)) wire.parse({ name, text, types });
      if (name !== "" && !this.#prepared.has(name)) {
        this.#prepared.add(name);
        this.#parsedHere.set(name, index);
      }
      wire.bind({ portal, statement: name, values });
      wire.describe({ type: "P", name: portal });
    }
    wire.execute({ portal, rows: paged ? PAGE : 0 });
  }

  handleRowDescription(message: { fields: { name: string; dataTypeID: number }[] }): void {
    this.#current.columns = message.fields.map(({ name, dataTypeID }) => ({ name, type: dataTypeID }));
  }

  handleDataRow(message: { fields: (string | null)[] }): void {
    const isPaged = this.#commands[this.#replies.length]?.paged === true;
    if (isPaged && this.#limits !== undefined) {
      if (this.#current.truncated) return;
      this.#bytes += message.fields.reduce((sum, field) => sum + (field === null ? 4 : Buffer.byteLength(field)), 0);
      if (this.#current.rows.length >= this.#limits.maxRows || this.#bytes > this.#limits.maxBytes) {
        this.#current.truncated = true;
        return;
      }
    }
    this.#current.rows.push(message.fields);
  }

  handlePortalSuspended(): void {
    this.#current.hasMore = true;
    this.#next();
  }

  handleCommandComplete(message: { text: string }): void {
    this.#current.tag = message.text;
    this.#next();
  }

  handleEmptyQuery(): void {
    this.#next();
  }

  handleReadyForQuery(): void {
    this.#resolve(this.#replies);
  }

  handleError(error: Error): void {
    // What follows the failed command was skipped, its Parse too. (Only our own texts have names: their Parse succeeds.)
    for (const [name, index] of this.#parsedHere) if (index > this.#replies.length) this.#prepared.delete(name);
    this.#reject(Object.assign(error, { command: this.#replies.length }));
  }

  handleCopyInResponse(connection: Connection): void {
    (connection as unknown as { sendCopyFail(reason: string): void }).sendCopyFail("COPY is not available here");
  }

  handleCopyData(): void {
    this.#current.truncated = true;
  }

  #next(): void {
    this.#replies.push(this.#current);
    this.#current = emptyReply();
  }
}

function emptyReply(): Reply {
  return { tag: "", columns: [], rows: [], truncated: false, hasMore: false };
}

/** An error that PostgreSQL itself reported, with the index of the command in its pipeline. */
export type ServerError = Error & { code: string; severity: string; position?: string; command?: number };

export function isServerError(error: unknown): error is ServerError {
  return error instanceof Error && typeof (error as { severity?: unknown }).severity === "string";
}
