/** What a {@link LineReader} finds. */
export interface LineEvents {
  /** A whole line, without its end. */
  line(bytes: Uint8Array): void;
  /** A line over the limit, of which only the two ends were kept. */
  tooLong(start: string, end: string, bytes: number): void;
}

/** How much of a line that is too long is kept of either end: enough for a request id. */
const EDGE_BYTES = 4096;

/** Cuts a byte stream into lines with bounded memory: what goes over the limit is counted and dropped, not kept. */
export class LineReader {
  readonly #maxBytes: number;
  readonly #events: LineEvents;
  #chunks: Uint8Array[] = [];
  #length = 0;
  #start = "";
  #end = "";

  constructor(maxBytes: number, events: LineEvents) {
    this.#maxBytes = maxBytes;
    this.#events = events;
  }

  push(chunk: Uint8Array): void {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, from)) {
      this.#add(chunk.subarray(from, at));
      this.#finish();
      from = at + 1;
    }
    this.#add(chunk.subarray(from));
  }

  #add(bytes: Uint8Array): void {
    const wasTooLong = this.#length > this.#maxBytes;
    this.#length += bytes.length;
    if (wasTooLong) {
      this.#end = (this.#end + latin1(bytes.subarray(-EDGE_BYTES))).slice(-EDGE_BYTES);
      return;
    }
    if (bytes.length > 0) this.#chunks.push(bytes);
    if (this.#length <= this.#maxBytes) return;
    const kept = Buffer.concat(this.#chunks);
    this.#chunks = [];
    this.#start = latin1(kept.subarray(0, EDGE_BYTES));
    this.#end = latin1(kept.subarray(-EDGE_BYTES));
  }

  #finish(): void {
    const [chunks, length, start, end] = [this.#chunks, this.#length, this.#start, this.#end];
    this.#chunks = [];
    this.#length = 0;
    this.#start = "";
    this.#end = "";
    if (length > this.#maxBytes) this.#events.tooLong(start, end, length);
    else this.#events.line(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks));
  }
}

const NEWLINE = 0x0a;

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

const ID = String.raw`"id"\s*:\s*(-?\d{1,16}|"[\x20\x21\x23-\x5b\x5d-\x7e]{1,200}")`;
const ID_FIRST = new RegExp(String.raw`^\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?${ID}\s*,`, "u");
const ID_LAST = new RegExp(String.raw`[,{]\s*${ID}\s*(?:,\s*"jsonrpc"\s*:\s*"2\.0"\s*)?\}\s*$`, "u");

/**
 * The id of a request that was not read, if it stands where clients write it: at the very beginning or as the last key.
 * Anywhere else it could be data inside the arguments.
 */
export function idAtTheEdges(start: string, end: string): string | number | null {
  const found = (ID_FIRST.exec(start) ?? ID_LAST.exec(end))?.[1];
  if (found === undefined) return null;
  return found.startsWith('"') ? found.slice(1, -1) : Number(found);
}
