import { serveStdio } from "@modelcontextprotocol/server/stdio";
import type { EventEmitter } from "node:events";
import type { Readable, Writable } from "node:stream";

import type { Guard } from "../guard/guard.js";
import { plainText } from "../guard/text.js";
import { createMcpServer } from "./server.js";
import { StdioWire } from "./stdio-wire.js";

export interface ServeOptions {
  readonly guard: Guard;
  readonly instructions: string;
  readonly version: string;
  /** Where people approve; see DoorOptions. */
  readonly approvals?: string | null;
  readonly input: Readable;
  readonly output: Writable;
  /** Where SIGTERM and the like arrive: `process`. */
  readonly signals: EventEmitter;
  readonly log: (line: string) => void;
  /** Told that a call is over; see Housekeeping. */
  readonly answered?: () => void;
  /** Waits for running calls and closes the guard and its systems. */
  readonly close: () => Promise<void>;
  /** How long running calls may take to record their outcome after the client has gone, in milliseconds. */
  readonly graceMs?: number;
}

const GRACE_MS = 10_000;
const SIGNALS = ["SIGTERM", "SIGINT", "SIGHUP"] as const;

/**
 * Serves MCP over stdio until the client goes, a signal arrives or the pipe breaks. Both protocol generations, from one
 * factory: the opening exchange decides.
 *
 * When it ends, running calls are told to stop where stopping leaves nothing half done, and get time to record what they
 * did. Resolves when the process may exit.
 */
export async function serveOnStdio(options: ServeOptions): Promise<void> {
  const { input, output, signals, log } = options;
  const wire = new StdioWire(input, output);
  const told = new Promise<void>((resolve) => {
    // A host sends SIGTERM when its patience with a closed pipe ends; a running call still records its outcome.
    for (const signal of SIGNALS) signals.on(signal, () => resolve());
  });
  const handle = serveStdio(() => createMcpServer(options), {
    transport: wire,
    onerror: (error) => log(`MCP: ${plainText(error.message, 500)}`),
  });
  await Promise.race([wire.ended(), told]);
  await handle.close();
  await withinGrace(options.close(), options.graceMs ?? GRACE_MS, log);
}

async function withinGrace(closing: Promise<void>, graceMs: number, log: (line: string) => void): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<"late">((resolve) => {
    timer = setTimeout(() => resolve("late"), graceMs);
  });
  try {
    if ((await Promise.race([closing, late])) === "late") {
      log("A call was still running when the client had gone; enact-guard verify shows it as interrupted.");
    }
  } catch (error) {
    log(`The ledger could not be closed: ${error instanceof Error ? error.name : typeof error}`);
  } finally {
    clearTimeout(timer);
  }
}
