import { isEnactError } from "../../src/errors.js";
import { openKeys } from "../../src/receipts/keys.js";
import { openSqliteLedger } from "../../src/stores/sqlite.js";
import { draft, outcomeOf } from "../support/ledger-sandbox.js";

/**
 * A guard in a process of its own: records runs and writes one line for each thing that is durable, before it goes on.
 *
 * `{ project, enactHome, signing, runs, limitOne?, user?, at?, payloadBytes? }` as JSON
 */
interface Order {
  readonly project: string;
  readonly enactHome: string;
  readonly signing: "hmac" | "ed25519";
  readonly runs: number;
  /** Block when the subject was there before. */
  readonly limitOne?: boolean;
  /** Become this user first. */
  readonly user?: number;
  /** Begin at this instant. */
  readonly at?: number;
  readonly payloadBytes?: number;
}

const order = JSON.parse(process.argv[2] ?? "") as Order;
// Loaded before the user changes: the new one may not be able to read the packages.
await import("@photostructure/sqlite");
if (order.user !== undefined) {
  process.setgid?.(order.user);
  process.setuid?.(order.user);
}
const { project, enactHome, signing } = order;
const ledger = openSqliteLedger({ project, enactHome, keys: openKeys({ enactHome, project, signing }), busyTimeoutMs: 20_000 });
const say = (line: string): boolean => process.stdout.write(`${line}\n`);
const subject = "email:bob@example.com";
const filler = "x".repeat(order.payloadBytes ?? 10);

while (Date.now() < (order.at ?? 0));
try {
  for (let run = 0; run < order.runs; run += 1) {
    const decision = await ledger.recordDecision((history) => {
      const isFree = order.limitOne !== true || history.count({ subject, since: new Date(0) }) === 0;
      return { entry: draft({ decision: isFree ? "PASS" : "BLOCK", payload: { filler } }), subjects: [subject] };
    });
    say(`${decision.decision} ${decision.run_id}`);
    if (decision.decision !== "PASS") continue;
    // The action would run here, so whoever reads this line knows that it may have run.
    await ledger.recordOutcome(outcomeOf(decision));
    say(`DONE ${decision.run_id}`);
  }
} catch (error) {
  say(isEnactError(error) ? `ERROR ${error.code} ${error.message}` : `ERROR ${String(error)}`);
  process.exitCode = 1;
}
