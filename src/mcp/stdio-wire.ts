import type { JSONRPCMessage, Transport } from "@modelcontextprotocol/server";
import { parseJSONRPCMessage } from "@modelcontextprotocol/server";
import type { Readable, Writable } from "node:stream";

import { idAtTheEdges, LineReader } from "./lines.js";

/** Room for 10 MB of SQL, escaped. The SDK's own transport closes the connection at 10 MB. */
export const MAX_MESSAGE_BYTES = 32 * 1024 * 1024;

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
    this.#input.on("end", this.#onEnd);
    this.#input.on("close", this.#onEnd);
    this.#input.on("error", this.#onEnd);
    this.#output.on("error", this.#onEnd);
    if (this.#input.readableEnded || this.#input.destroyed) setImmediate(this.#onEnd);
    return Promise.resolve();
  }

  send(message: JSONRPCMessage): Promise<void> {
    if (this.#closed || this.#output.destroyed) return Promise.reject(new Error("the client has gone"));
    return new Promise((resolve, reject) => {
      this.#output.write(`${JSON.stringify(message)}\n`, (error) => {
        if (error === null || error === undefined) resolve();
        else reject(error);
      });
    });
  }

  close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      this.#input.off("data", this.#onData);
      this.#input.pause();
      this.onclose?.();
    }
    return Promise.resolve();
  }

  readonly #onData = (chunk: Buffer): void => this.#lines.push(chunk);
  readonly #onEnd = (): void => {
    this.close().catch(() => undefined);
  };

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
    this.onmessage?.(message);
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

function idOf(value: unknown): Id {
  const id = typeof value === "object" && value !== null ? (value as { id?: unknown }).id : null;
  return typeof id === "string" || typeof id === "number" ? id : null;
}
