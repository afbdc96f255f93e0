import { openKeys } from "../../src/receipts/keys.js";

const [enactHome = "", project = "", signing = "", at = ""] = process.argv.slice(2);
// All at the same moment, or there is no race.
while (Date.now() < Number(at));
process.stdout.write(`${openKeys({ enactHome, project, signing: signing as "hmac" | "ed25519" }).signer().key_id}\n`);
