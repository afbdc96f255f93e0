import { appendFileSync } from "node:fs";

import { openDesk } from "../../src/approvals/open-desk.js";
import { openRegistry } from "../../src/approvals/registry.js";
import { createGuardFrom } from "../../src/guard/pipeline.js";
import { requireHumanOkPolicy } from "../../src/policies/access/require_human_ok.js";
import { openKeys } from "../../src/receipts/keys.js";
import { openInbox } from "../../src/stores/inbox.js";
import { openSqliteLedger } from "../../src/stores/sqlite.js";
import { noteTool } from "./guard-sandbox.js";

/**
 * One guard process: at the given instant it makes the same call several times at once, and prints what became of each.
 * The world never changes, so that every one of these plans has the digest that was approved; what runs is logged.
 */
const [project = "", enactHome = "", file = "", log = "", at = "0", times = "1"] = process.argv.slice(2);

const ran = () => {
  appendFileSync(log, "ran\n");
  return { actions: [{ system: "note", action: "write", success: true, output: {} }], result: null } as const;
};
const guard = createGuardFrom({
  tools: [noteTool(file, { execute: ran })],
  policies: [{ name: "require_human_ok", policy: requireHumanOkPolicy.create({ workflows: ["note_write"] }) }],
  unguarded: [],
  identity: { user_email: "agent@company.example", actor_role: "engineer", user_attributes: {} },
  configDigest: `sha256:${"0".repeat(64)}`,
  ledger: openSqliteLedger({ project, enactHome, keys: openKeys({ enactHome, project, signing: "hmac", secret: "s".repeat(40) }), busyTimeoutMs: 20_000 }),
  clock: () => new Date(),
  ambient: () => ({ freeze_env: null, freeze_file: null }),
  secrets: [],
  desk: openDesk({
    inbox: openInbox({ enactHome, busyTimeoutMs: 20_000 }),
    registry: openRegistry({ enactHome }),
    project,
    expiresMinutes: 60,
    minApprovals: 1,
    approverDiffers: false,
    page: null,
  }),
});

await new Promise((resolve) => setTimeout(resolve, Math.max(0, Number(at) - Date.now())));
const reports = await Promise.all(Array.from({ length: Number(times) }, () => guard.call("note_write", { text: "hello" })));
process.stdout.write(`${JSON.stringify(reports.map(({ status, code }) => [status, code ?? ""]))}\n`);
await guard.close();
