import { createGuardFrom } from "../../src/guard/pipeline.js";
import { noRepeatEmails } from "../../src/policies/email/index.js";
import { openKeys } from "../../src/receipts/keys.js";
import { openSqliteLedger } from "../../src/stores/sqlite.js";
import { openEmail } from "../../src/systems/email.js";
import { emailSendTool } from "../../src/tools/email_send.js";
import { bindTool } from "../../src/tools/tool.js";

/** One guard process: at the given instant it sends a mail to each recipient, and prints what became of each. */
const [project = "", enactHome = "", smtp = "", at = "0", ...recipients] = process.argv.slice(2);

const system = openEmail({ smtp, from: "agent@company.com", timeoutMs: 5_000 });
const guard = createGuardFrom({
  tools: [bindTool(emailSendTool, system)],
  policies: [{ name: "no_repeat_emails", policy: noRepeatEmails }],
  unguarded: [],
  identity: { user_email: "agent@company.com", actor_role: "engineer", user_attributes: {} },
  configDigest: `sha256:${"0".repeat(64)}`,
  ledger: openSqliteLedger({ project, enactHome, keys: openKeys({ enactHome, project, signing: "hmac", secret: "s".repeat(40) }) }),
  clock: () => new Date(),
  ambient: () => ({ freeze_env: null, freeze_file: null }),
  secrets: [],
});

await new Promise((resolve) => setTimeout(resolve, Math.max(0, Number(at) - Date.now())));
const reports = await Promise.all(recipients.map((to) => guard.call("email_send", { to, subject: "Hello", text: "Hello" })));
process.stdout.write(`${JSON.stringify(reports.map(({ status }) => status))}\n`);
await guard.close();
