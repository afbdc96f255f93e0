import { createGuardFrom } from "../../src/guard/pipeline.js";
import { openKeys } from "../../src/receipts/keys.js";
import { openSqliteLedger } from "../../src/stores/sqlite.js";
import { noteTool } from "../support/guard-sandbox.js";

/**
 * A guard in a process of its own that begins to execute a call and stays there, before or after the deed, until it is
 * killed. `{ project, enactHome, file, text, when }` as JSON.
 */
interface Order {
  readonly project: string;
  readonly enactHome: string;
  readonly file: string;
  readonly text: string;
  readonly when: "before" | "after";
}

const { project, enactHome, file, text, when } = JSON.parse(process.argv[2] ?? "") as Order;
const keys = openKeys({ enactHome, project, signing: "hmac", secret: "s".repeat(40) });
const ledger = openSqliteLedger({ project, enactHome, keys });
const stay = async (): Promise<never> => {
  process.stdout.write("executing\n");
  setInterval(() => undefined, 1000);
  return new Promise<never>(() => undefined);
};
const tool = noteTool(file, {
  execute: async (act) => {
    if (when === "after") act();
    return stay();
  },
});
const guard = createGuardFrom({
  tools: [tool],
  policies: [{ name: "passing", policy: () => ({ policy: "passing", passed: true, reason: "fine" }) }],
  unguarded: [],
  identity: { user_email: "agent@company.example", actor_role: "engineer", user_attributes: {} },
  configDigest: `sha256:${"0".repeat(64)}`,
  ledger,
  clock: () => new Date(),
  ambient: () => ({ freeze_env: null, freeze_file: null }),
  secrets: [],
});
await guard.call("note_write", { text });
