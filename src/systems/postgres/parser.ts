import { createRequire } from "node:module";
import { MessageChannel, receiveMessageOnPort, Worker } from "node:worker_threads";
import type { MessagePort } from "node:worker_threads";

import { EnactError } from "../../errors.js";

/** PostgreSQL's own parser and scanner (libpg-query). */
export interface SqlParser {
  /**
   * The parse tree.
   * @throws RangeError when the text is nested too deeply; {@link SqlSyntaxError} when it is no SQL
   */
  parse(sql: string): ParsedText;
  /** @throws as parse does */
  scan(sql: string): readonly SqlToken[];
}

/** PostgreSQL's own words, and where it stopped: an offset into the UTF-8 form of the text. */
export type SqlSyntaxError = SyntaxError & { readonly at: number };

export interface ParsedText {
  readonly stmts?: readonly { readonly stmt?: unknown; readonly stmt_location?: number; readonly stmt_len?: number }[];
}

/** Offsets into the UTF-8 form of the text. */
export interface SqlToken {
  readonly start: number;
  readonly end: number;
  readonly text: string;
  readonly tokenName: string;
  readonly keywordName: string;
}

/**
 * What runs in the thread. Its debugger listens to nothing and opens no port. It is there because V8 would otherwise
 * compile the parser's two giant functions a second time, to save microseconds: 40 MB on Node 20 and 140 MB on Node 24,
 * which the process never gives back. While a debugger is attached V8 leaves WebAssembly as its first compiler made it.
 */
const SCRIPT = `
const { parentPort, workerData: { library, port, done } } = require("node:worker_threads");
let attached;
try {
  const { Session } = require("node:inspector");
  const session = new Session();
  session.connect();
  session.post("Debugger.enable");
  attached = session;
} catch {
  // Built without an inspector: the parser works, and takes more memory.
}
const parser = require(library);
const answer = ({ work, sql }) => {
  try {
    return { json: JSON.stringify(work === "scan" ? parser.scanSync(sql).tokens : parser.parseSync(sql)) };
  } catch (error) {
    return { name: error.name, message: error.message, at: error.sqlDetails?.cursorPosition };
  }
};
port.on("message", (question) => {
  port.postMessage(answer(question));
  Atomics.store(done, 0, 1);
  Atomics.notify(done, 0);
});
parser.loadModule().then(() => {
  parentPort.postMessage("ready");
  // What the loading has left behind: the file, and what it was compiled from.
  setTimeout(() => attached?.post("HeapProfiler.collectGarbage"), 1000).unref();
});
`;

/** Texts longer than this, in characters, leave so much behind in the thread that a new one is cheaper. */
const LONG_TEXT = 20_000;
/** No text that may be parsed takes a tenth of this, in milliseconds. */
const LONGEST = 10_000;

/**
 * The parser in a thread of its own, so that what it takes (see SCRIPT; and the tree of a long text has 100 MB) goes with
 * the thread. Nothing is loaded before the first use. A thread that broke, or has grown, is replaced by the next.
 */
export class ParserThread {
  readonly #trees = new Trees();
  #thread: Promise<Thread> | undefined;

  /** Runs `work` with the parser. @throws EnactError SYSTEM_UNAVAILABLE when there can be no thread */
  async use<Result>(work: (parser: SqlParser) => Promise<Result>): Promise<Result> {
    const thread = await this.#current();
    thread.users += 1;
    try {
      return await work(thread);
    } finally {
      thread.users -= 1;
      if (!thread.isFit && thread.users === 0) await thread.end();
    }
  }

  async close(): Promise<void> {
    const thread = await this.#thread?.catch(() => undefined);
    this.#thread = undefined;
    await thread?.end();
  }

  async #current(): Promise<Thread> {
    const pending = this.#thread;
    const thread = await pending?.catch(() => undefined);
    if (thread?.isFit === true) return thread;
    // Another call may have started one while this one waited.
    if (this.#thread !== pending) return this.#current();
    this.#thread = Thread.start(this.#trees);
    return this.#thread;
  }
}

/** How many trees to remember, and of how long texts, in characters. */
const REMEMBERED = 100;
const REMEMBERED_LENGTH = 2000;

/**
 * Trees of texts that come back: of the statement that an agent repeats for each item of its list, of views that are read
 * often. Two threads have to take turns for a new one, which costs more than parsing it.
 */
class Trees {
  readonly #trees = new Map<string, ParsedText>();

  get(sql: string): ParsedText | undefined {
    return this.#trees.get(sql);
  }

  keep(sql: string, tree: ParsedText): void {
    if (sql.length > REMEMBERED_LENGTH) return;
    if (this.#trees.size >= REMEMBERED) this.#trees.clear();
    this.#trees.set(sql, frozen(tree));
  }
}

/** What is handed out several times, nobody may change. */
function frozen<Value>(value: Value): Value {
  if (typeof value !== "object" || value === null) return value;
  for (const child of Object.values(value)) frozen(child);
  return Object.freeze(value);
}

type Answer = { readonly json: string } | { readonly name: string; readonly message: string; readonly at?: number };

class Thread implements SqlParser {
  /** Calls that are at work with it. */
  users = 0;
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #done: Int32Array;
  readonly #trees: Trees;
  #isFit = true;
  #hasEnded = false;

  private constructor(worker: Worker, port: MessagePort, done: Int32Array, trees: Trees) {
    this.#worker = worker;
    this.#trees = trees;
    this.#port = port;
    this.#done = done;
    worker.on("error", () => this.#bury());
    worker.on("exit", () => this.#bury());
    // An idle parser does not keep the process alive.
    worker.unref();
  }

  static async start(trees: Trees): Promise<Thread> {
    const { port1, port2 } = new MessageChannel();
    const done = new Int32Array(new SharedArrayBuffer(4));
    const library = createRequire(import.meta.url).resolve("libpg-query");
    try {
      const worker = new Worker(SCRIPT, {
        eval: true,
        name: "sql-parser",
        // It needs neither the secrets of the environment nor the loaders of a test, and stdout belongs to the protocol.
        env: {},
        execArgv: [],
        stdout: true,
        stderr: true,
        workerData: { library, port: port2, done },
        transferList: [port2],
        resourceLimits: { maxYoungGenerationSizeMb: 4 },
      });
      await isReady(worker);
      return new Thread(worker, port1, done, trees);
    } catch (cause) {
      throw new EnactError("SYSTEM_UNAVAILABLE", "PostgreSQL's parser could not be started", { cause });
    }
  }

  /** Whether further calls may use it. */
  get isFit(): boolean {
    return this.#isFit;
  }

  parse(sql: string): ParsedText {
    const known = this.#trees.get(sql);
    if (known !== undefined) return known;
    const tree = this.#ask("parse", sql) as ParsedText;
    this.#trees.keep(sql, tree);
    return tree;
  }

  scan(sql: string): readonly SqlToken[] {
    return this.#ask("scan", sql) as readonly SqlToken[];
  }

  async end(): Promise<void> {
    this.#bury();
    this.#port.close();
    await this.#worker.terminate();
  }

  /** Waits as for any function: what the parser does takes microseconds. */
  #ask(work: "parse" | "scan", sql: string): unknown {
    if (this.#hasEnded) throw noAnswer();
    if (sql.length > LONG_TEXT) this.#isFit = false;
    Atomics.store(this.#done, 0, 0);
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port between threads, not between windows
    this.#port.postMessage({ work, sql });
    Atomics.wait(this.#done, 0, 0, LONGEST);
    const answer = receiveMessageOnPort(this.#port)?.message as Answer | undefined;
    if (answer === undefined) {
      // An answer that comes later must not be taken for one to the next question.
      this.#bury();
      throw noAnswer();
    }
    if ("json" in answer) return JSON.parse(answer.json);
    // Whatever else stopped it may have left its memory in disorder.
    if (answer.name !== "SqlError") this.#isFit = false;
    if (answer.name === "RangeError") throw new RangeError(answer.message);
    throw Object.assign(new SyntaxError(answer.message), { at: answer.at ?? 0 });
  }

  #bury(): void {
    this.#isFit = false;
    this.#hasEnded = true;
  }
}

function noAnswer(): EnactError {
  return new EnactError("SYSTEM_UNAVAILABLE", "PostgreSQL's parser gave no answer", { hint: "Try again: another one is started." });
}

function isReady(worker: Worker): Promise<void> {
  return new Promise((resolve, reject) => {
    worker.once("message", () => resolve());
    worker.once("error", reject);
    worker.once("exit", (code) => reject(new Error(`the thread ended with code ${String(code)}`)));
  });
}
