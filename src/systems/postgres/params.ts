import type { Connection, Submittable } from "pg";

import type { Json } from "./json-text.js";

const JSON_TYPES = [114, 3802];

/**
 * The text in which a parameter is sent; PostgreSQL reads it as the type that the statement gives it. Objects are JSON.
 * An array is JSON where the parameter is json or jsonb, else a PostgreSQL array.
 */
export function encodeParam(value: Json, type: number | undefined): string | null {
  if (value === null) return null;
  if (typeof value === "string") return value;
  if (typeof value !== "object") return String(value);
  if (!Array.isArray(value) || JSON_TYPES.includes(type ?? 0)) return JSON.stringify(value);
  return encodeArray(value as readonly Json[]);
}

function encodeArray(items: readonly Json[]): string {
  const encoded = items.map((item) => {
    if (item === null) return "NULL";
    if (Array.isArray(item)) return encodeArray(item as readonly Json[]);
    const text = encodeParam(item, undefined) ?? "";
    return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
  });
  return `{${encoded.join(",")}}`;
}

/** Asks the server for the types of a statement's parameters; nothing is executed. */
export class ParameterTypes implements Submittable {
  readonly done: Promise<readonly number[]>;
  readonly #text: string;
  #types: readonly number[] = [];
  #resolve!: (types: readonly number[]) => void;
  #reject!: (error: Error) => void;

  constructor(text: string) {
    this.#text = text;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  submit(connection: Connection): void {
    const wire = connection as unknown as {
      once(event: "parameterDescription", listener: (message: { dataTypeIDs: number[] }) => void): void;
      parse(message: { name: string; text: string }): void;
      describe(message: { type: "S"; name: string }): void;
      sync(): void;
    };
    wire.once("parameterDescription", ({ dataTypeIDs }) => {
      this.#types = dataTypeIDs;
    });
    wire.parse({ name: "", text: this.#text });
    wire.describe({ type: "S", name: "" });
    wire.sync();
  }

  handleRowDescription(): void {
    // The columns are not asked for.
  }

  handleReadyForQuery(): void {
    this.#resolve(this.#types);
  }

  handleError(error: Error): void {
    this.#reject(error);
  }
}
