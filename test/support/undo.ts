import type { Json } from "../../src/facts/json.js";
import type { KeptUndo, UndoKeeper } from "../../src/tools/tool.js";

/** For tests of tools whose undoing is not their subject. */
export const nothingKept: UndoKeeper = { room: 0, put: () => Promise.reject(new Error("nothing is kept in this test")) };

/** Keeps pieces in memory, as the undo store does on disk. */
export class MemoryUndo implements UndoKeeper {
  readonly #pieces = new Map<string, Buffer>();
  #room: number;

  constructor(room = 10_000_000) {
    this.#room = room;
  }

  get room(): number {
    return this.#room;
  }

  get names(): readonly string[] {
    return [...this.#pieces.keys()];
  }

  async put(name: string, content: Json | Uint8Array | AsyncIterable<Uint8Array>): Promise<void> {
    if (this.#pieces.has(name)) throw new Error(`'${name}' is kept already`);
    const bytes = await bytesOf(content);
    if (bytes.length > this.#room) throw new Error("there is no room");
    this.#room -= bytes.length;
    this.#pieces.set(name, bytes);
  }

  kept(): KeptUndo {
    const found = (name: string): Buffer => {
      const bytes = this.#pieces.get(name);
      if (bytes === undefined) throw new Error(`'${name}' was not kept`);
      return bytes;
    };
    return {
      names: this.names,
      json: (name) => Promise.resolve(JSON.parse(found(name).toString("utf8")) as Json),
      bytes: async function* (name) {
        yield await Promise.resolve(found(name));
      },
    };
  }
}

async function bytesOf(content: Json | Uint8Array | AsyncIterable<Uint8Array>): Promise<Buffer> {
  if (content instanceof Uint8Array) return Buffer.from(content);
  if (typeof content !== "object" || content === null || !(Symbol.asyncIterator in content)) return Buffer.from(JSON.stringify(content));
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) chunks.push(chunk);
  return Buffer.concat(chunks);
}
