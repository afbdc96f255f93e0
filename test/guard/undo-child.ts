import { undoParts } from "../support/undo-guard.js";

/**
 * A guard in a process of its own: makes calls and writes one line for each.
 *
 * `{ base, calls: [[tool, input], …], user?, at? }` as JSON
 */
interface Order {
  readonly base: string;
  readonly calls: readonly (readonly [string, unknown])[];
  /** Become this user first. */
  readonly user?: number;
  /** Begin at this instant. */
  readonly at?: number;
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
