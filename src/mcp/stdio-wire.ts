import type { JSONRPCMessage, Transport } from "@modelcontextprotocol/server";
import { parseJSONRPCMessage } from "@modelcontextprotocol/server";
import type { Readable, Writable } from "node:stream";

import { idAtTheEdges, LineReader } from "./lines.js";

/** Room for 10 MB of SQL, escaped. The SDK's own transport closes the connection at 10 MB. */
export const MAX_MESSAGE_BYTES = 32 * 1024 * 1024;

/** How long requests that are under way may still be answered after the input has ended, as a pipe of a script does. */
const LINGER_MS = 1500;

const PARSE_ERROR = -32700;
const INVALID_REQUEST = -32600;

type Id = string | number | null;

/**
 * MCP's stdio transport: one JSON-RPC message a line.
 *
 * Unlike the SDK's own it stays up whatever a line holds, and answers what it cannot read: a message that is too long,
 * is not UTF-8 or not JSON, or is no JSON-RPC message.
 */
export class StdioWire implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: Transport["onmessage"];
  readonly #input: Readable;
  readonly #output: Writable;
  readonly #lines: LineReader;
  readonly #utf8 = new TextDecoder("utf-8", { fatal: true });
  /** Requests that have no answer yet. */
  readonly #pending = new Set<string | number>();
  readonly #ending: (() => void)[] = [];
  #linger: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(input: Readable, output: Writable, maxBytes = MAX_MESSAGE_BYTES) {
    this.#input = input;
    this.#output = output;
    this.#lines = new LineReader(maxBytes, {
      line: (bytes) => this.#read(bytes),
      tooLong: (start, end, bytes) => {
        this.#refuse(idAtTheEdges(start, end), INVALID_REQUEST, tooLong(bytes, maxBytes));
      },
    });
  }

  start(): Promise<void> {
    this.#input.on("data", this.#onData);
    for (const event of ["end", "close", "error"]) this.#input.on(event, this.#onEnd);
    for (const event of ["close", "error"]) this.#output.on(event, this.#onGone);
    if (this.#input.readableEnded || this.#input.destroyed) setImmediate(this.#onEnd);
    return Promise.resolve();
  }

  /** Resolves when the connection has ended, for whatever reason. */
  ended(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    return new Promise((resolve) => this.#ending.push(resolve));
  }

  send(message: JSONRPCMessage): Promise<void> {
    if (this.#closed || this.#output.destroyed) return Promise.reject(new Error("the client has gone"));
    return new Promise((resolve, reject) => {
      this.#output.write(`${JSON.stringify(message)}\n`, (error) => {
        if (error === null || error === undefined) resolve();
        else reject(error);
        if (!("method" in message) && message.id !== undefined) this.#settle(message.id);
      });
    });
  }

  close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      clearTimeout(this.#linger);
      this.#input.off("data", this.#onData);
      this.#input.pause();
      this.onclose?.();
      for (const resolve of this.#ending.splice(0)) resolve();
    }
    return Promise.resolve();
  }

  readonly #onData = (chunk: Buffer): void => this.#lines.push(chunk);
  readonly #onGone = (): void => {
    this.close().catch(() => undefined);
  };
  readonly #onEnd = (): void => {
    if (this.#pending.size === 0) this.#onGone();
    else this.#linger ??= setTimeout(this.#onGone, LINGER_MS);
  };

  #settle(id: string | number): void {
    this.#pending.delete(id);
    if (this.#pending.size === 0 && this.#linger !== undefined) this.#onGone();
  }

  #read(bytes: Uint8Array): void {
    let text: string;
    try {
      text = this.#utf8.decode(bytes);
    } catch {
      const edges = Buffer.from(bytes).toString("latin1");
      return this.#refuse(idAtTheEdges(edges, edges), PARSE_ERROR, "The message is not valid UTF-8. Nothing was done.");
    }
    if (text.trim() === "") return;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return this.#refuse(null, PARSE_ERROR, "The message is not JSON: one JSON-RPC message a line. Nothing was done.");
    }
    this.#deliver(value);
  }

  #deliver(value: unknown): void {
    let message: JSONRPCMessage;
    try {
      message = parseJSONRPCMessage(value);
    } catch {
      const what = Array.isArray(value) ? "a batch; send its messages one a line" : "no JSON-RPC 2.0 message";
      return this.#refuse(idOf(value), INVALID_REQUEST, `This is ${what}. Nothing was done.`);
    }
    if (losesMembers(value)) {
      return this.#refuse(idOf(value), INVALID_REQUEST, "The message has a member named '__proto__', which no tool takes. Nothing was done.");
    }
    if ("method" in message && "id" in message) this.#pending.add(message.id);
    if ("method" in message && message.method === "notifications/cancelled") this.#cancelled(message.params?.["requestId"]);
    this.onmessage?.(message);
  }

  /** A request that was cancelled stays unanswered. */
  #cancelled(id: unknown): void {
    if (typeof id === "string" || typeof id === "number") this.#settle(id);
  }

  #refuse(id: Id, code: number, message: string): void {
    const response = { jsonrpc: "2.0", id, error: { code, message } };
    this.send(response as unknown as JSONRPCMessage).catch(() => undefined);
    this.onerror?.(new Error(message));
  }
}

function tooLong(bytes: number, maxBytes: number): string {
  const found = `The message is too long: ${bytes} bytes, the limit is ${maxBytes}.`;
  return `${found} Nothing was done. Send less in one call.`;
}

/** On the way to a tool a member of this name would be dropped unseen, and what is judged would not be what was asked. */
function losesMembers(message: unknown): boolean {
  const open: unknown[] = [message];
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (typeof value !== "object" || value === null) continue;
    if (Object.hasOwn(value, "__proto__")) return true;
    for (const child of Object.values(value)) if (typeof child === "object" && child !== null) open.push(child);
  }
  return false;
}

function idOf(value: unknown): Id {
  const id = typeof value === "object" && value !== null ? (value as { id?: unknown }).id : null;
  return typeof id === "string" || typeof id === "number" ? id : null;
}
