import { existsSync, readdirSync } from "node:fs";

import { LedgerSandbox } from "../support/ledger-sandbox.js";
import type { StoreUnderTest } from "./ledger-contract.js";
import { ledgerContract } from "./ledger-contract.js";

function sqlite(signing: "hmac" | "ed25519"): () => StoreUnderTest {
  return () => {
    const sandbox = new LedgerSandbox(signing);
    return {
      open: () => sandbox.ledger(),
      reader: () => sandbox.reader(),
      made: () => [...readdirSync(sandbox.project), ...(existsSync(sandbox.enactHome) ? ["home"] : [])],
      cleanUp: () => sandbox.cleanUp(),
    };
  };
}

const STORES: readonly (readonly [string, () => StoreUnderTest])[] = [
  ["SQLite, signed with HMAC", sqlite("hmac")],
  ["SQLite, signed with Ed25519", sqlite("ed25519")],
];

for (const [name, make] of STORES) ledgerContract(name, make);
