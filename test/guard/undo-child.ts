import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

import { undoParts } from "../support/undo-guard.js";

/**
 * A guard in a process of its own: makes calls and writes one line for each.
 *
 * `{ base, calls: [[tool, input], …], user?, at?, dieAt? }` as JSON
 */
interface Order {
  readonly base: string;
  readonly calls: readonly (readonly [string, unknown])[];
  /** Become this user first. */
  readonly user?: number;
  /** Begin at this instant. */
  readonly at?: number;
  /** Kill this process just before its n-th change of the file system, once a call was begun. */
  readonly dieAt?: number;
}

const order = JSON.parse(process.argv[2] ?? "") as Order;
// Loaded before the user changes: the new one may not be able to read the packages.
await import("@photostructure/sqlite");
if (order.user !== undefined) {
  process.setgroups?.([]);
  process.setgid?.(order.user);
  process.setuid?.(order.user);
}
const { guard: open } = undoParts(order.base);
const guard = open();
if (order.dieAt !== undefined) dieAt(order.dieAt);
process.stdout.write("ready\n");
while (Date.now() < (order.at ?? 0));
let runId = "";
for (const [tool, input] of order.calls) {
  // A rollback without a run is one of the call before.
  const { status, receipt, text, code = null } = await guard.call(tool, tool === "enact_rollback" ? { run_id: runId, ...(input as object) } : input);
  runId = receipt?.run_id ?? "";
  process.stdout.write(`${JSON.stringify({ status, decision: receipt?.decision ?? null, run_id: runId, code, text })}\n`);
}
await guard.close();

/** Every change that the guard makes itself is counted; those that SQLite makes are another's concern. */
function dieAt(last: number): void {
  let count = 0;
  const changing = ["linkSync", "mkdirSync", "renameSync", "rmdirSync", "symlinkSync", "unlinkSync", "writeSync", "writeFileSync", "fsyncSync", "fchmodSync", "chmodSync", "rmSync"] as const;
  for (const name of changing) {
    const original = fs[name] as (...args: unknown[]) => unknown;
    Object.assign(fs, {
      [name]: (...args: unknown[]) => {
        count += 1;
        if (count === last) process.kill(process.pid, "SIGKILL");
        return original(...args);
      },
    });
  }
  syncBuiltinESMExports();
}
