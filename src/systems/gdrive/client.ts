import type { drive_v3 } from "@googleapis/drive";

import { EnactError } from "../../errors.js";
import { GdriveTokens } from "./tokens.js";

export interface GdriveConnection {
  /** Path of a credentials file, or its JSON. */
  readonly credentials: string;
  /** Undefined for Google's own. */
  readonly rootUrl: string | undefined;
  readonly timeoutMs: number;
}

/** Options of one call: the token, one attempt, no redirect, bounded in time. */
export interface How {
  readonly headers: { readonly Authorization: string };
  readonly retry: false;
  readonly redirect: "error";
  readonly timeout: number;
}

/** Loads the client on first use. */
export class GdriveLoader {
  readonly #connection: GdriveConnection;
  readonly #tokens: GdriveTokens;
  #client: Promise<drive_v3.Drive> | undefined;

  constructor(connection: GdriveConnection) {
    this.#connection = connection;
    this.#tokens = new GdriveTokens(connection.credentials, connection.timeoutMs);
  }

  /** One request through the client, tried once. @throws EnactError before it is sent; else whatever the client throws */
  async request<Answer>(send: (drive: drive_v3.Drive, how: How) => Promise<{ data: Answer }>): Promise<Answer> {
    this.#client ??= this.#open().catch((error: unknown) => {
      this.#client = undefined;
      throw error;
    });
    const drive = await this.#client;
    // The client's own authentication would repeat a request with a fresh token, and by default it repeats GET and DELETE.
    const headers = { Authorization: await this.#tokens.header() };
    return (await send(drive, { headers, retry: false, redirect: "error", timeout: this.#connection.timeoutMs })).data;
  }

  async #open(): Promise<drive_v3.Drive> {
    const { drive } = await import("@googleapis/drive").catch(() => {
      throw new EnactError("NOT_INSTALLED", "The package @googleapis/drive is not installed", { hint: "Run: npm install @googleapis/drive" });
    });
    const { rootUrl } = this.#connection;
    return drive({ version: "v3", retry: false, ...(rootUrl === undefined ? {} : { rootUrl: `${rootUrl}/` }) });
  }
}
