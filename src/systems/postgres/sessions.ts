import { EnactError } from "../../errors.js";
import type { Dial, PostgresConnection } from "./connection.js";
import type { Command } from "./wire.js";

/** Undoes all that a statement may leave behind in a session, except prepared statements: ours are among them. */
const RESET: readonly Command[] = [
  { text: "ROLLBACK" },
  { text: "CLOSE ALL" },
  { text: "SET SESSION AUTHORIZATION DEFAULT" },
  { text: "RESET ALL" },
  { text: "UNLISTEN *" },
  { text: "SELECT pg_catalog.pg_advisory_unlock_all()" },
  { text: "DISCARD TEMP" },
  { text: "DISCARD SEQUENCES" },
];

/**
 * What a call may leave behind in its session. settings: only built-in code ran. statements: functions in SQL or PL/pgSQL
 * ran, which may have prepared statements of their own. anything: code ran that keeps things where no reset reaches (an
 * interpreter's variables, a library), or nobody knows: the session ends.
 */
export type Leaves = "settings" | "statements" | "anything";

/** A session lent to one call. */
export interface Lease {
  readonly connection: PostgresConnection;
  release(leaves: Leaves): void;
}

/**
 * Sessions for statements: at most `size` at a time, each lent to one call, reset in the background. One stays open for
 * the next call, so that no call waits for a connection to be made.
 */
export class Sessions {
  readonly #dial: Dial;
  readonly #size: number;
  readonly #isOnlyOne: boolean;
  readonly #idle: PostgresConnection[] = [];
  readonly #waiting: (() => void)[] = [];
  readonly #cleaning = new Set<Promise<void>>();
  #lent = 0;
  #isClosed = false;
  #warming: Promise<void> | undefined;

  /** @param isOnlyOne the database has a single session that cannot be replaced (embedded): it is reset, never ended */
  constructor(dial: Dial, size: number, isOnlyOne = false) {
    this.#dial = dial;
    this.#size = isOnlyOne ? 1 : size;
    this.#isOnlyOne = isOnlyOne;
  }

  /** Opens a session in the background, if none is idle. */
  warm(): void {
    if (this.#isClosed || this.#warming !== undefined || this.#idle.length > 0 || this.#lent >= this.#size) return;
    this.#warming = this.#dial()
      .then((connection) => this.#shelve(connection))
      .catch(() => undefined)
      .finally(() => {
        this.#warming = undefined;
      });
  }

  async take(): Promise<Lease> {
    while (this.#lent >= this.#size) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    if (this.#isClosed) throw new EnactError("SYSTEM_UNAVAILABLE", "PostgreSQL was closed");
    this.#lent += 1;
    try {
      const connection = await this.#connection();
      connection.idle(false);
      return { connection, release: (state) => this.#release(connection, state) };
    } catch (error) {
      this.#free();
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([this.#warming, ...this.#cleaning]);
    await Promise.all(this.#idle.splice(0).map((connection) => connection.end()));
  }

  async #connection(): Promise<PostgresConnection> {
    // A session that is just being cleaned is ready sooner than a new one.
    if (this.#idle.length === 0) await (this.#cleaning.size > 0 ? Promise.race(this.#cleaning) : undefined);
    if (this.#idle.length === 0) await this.#warming;
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) if (idle.isAlive) return idle;
    return this.#dial();
  }

  #release(connection: PostgresConnection, leaves: Leaves): void {
    const cleaning = this.#clean(connection, leaves).finally(() => {
      this.#cleaning.delete(cleaning);
      this.#free();
      if (this.#idle.length === 0) this.warm();
    });
    this.#cleaning.add(cleaning);
  }

  async #clean(connection: PostgresConnection, leaves: Leaves): Promise<void> {
    if (!connection.isAlive || (leaves === "anything" && !this.#isOnlyOne)) return connection.end();
    try {
      await connection.run(RESET);
      if (leaves !== "settings") await connection.discardPrepared();
      this.#shelve(connection);
    } catch {
      connection.destroy();
    }
  }

  #shelve(connection: PostgresConnection): void {
    if (this.#isClosed) void connection.end();
    else {
      connection.idle(true);
      this.#idle.push(connection);
    }
  }

  #free(): void {
    this.#lent -= 1;
    this.#waiting.shift()?.();
  }
}
