import { openKeys } from "../../src/receipts/keys.js";
import { openSqliteReader } from "../../src/stores/sqlite.js";

/** Reads a ledger in a process of its own, as another user when told so. */
const { project, enactHome, user } = JSON.parse(process.argv[2] ?? "") as { project: string; enactHome: string; user?: number };
// Loaded before the user changes: the new one may not be able to read the packages.
await import("@photostructure/sqlite");
if (user !== undefined) {
  process.setgid?.(user);
  process.setuid?.(user);
}
const reader = await openSqliteReader({ project, enactHome, keys: openKeys({ enactHome, project, signing: "hmac" }) });
const found = reader.find({ phase: "outcome" }).length;
process.stdout.write(`${String(reader.exists)} ${String([...reader.lines()].length)} ${String(found)} ${String(reader.structureProblem)}\n`);
reader.close();
