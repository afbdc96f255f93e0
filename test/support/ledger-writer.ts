// A guard process beside the browser's server: writes the runs of the story that were asked for, one by one.
import { setTimeout as sleep } from "node:timers/promises";

import { openKeys } from "../../src/receipts/keys.js";
import { openSqliteLedger } from "../../src/stores/sqlite.js";
import { receiptStory } from "./receipt-story.js";

const [project = "", enactHome = "", runs = "0", seed = "1", pause = "0"] = process.argv.slice(2);
const ledger = openSqliteLedger({ project, enactHome, keys: openKeys({ enactHome, project, signing: "ed25519" }) });
for (const { decision, outcome } of receiptStory({ runs: Number(runs), seed: Number(seed), hours: 0.01 })) {
  await ledger.recordDecision(() => ({ entry: decision, subjects: [] }));
  if (outcome !== null) await ledger.recordOutcome(outcome);
  await sleep(Number(pause));
}
await ledger.close();
