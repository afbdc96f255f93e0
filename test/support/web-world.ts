import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { openKeys } from "../../src/receipts/keys.js";
import type { LedgerReader } from "../../src/receipts/ledger.js";
import { openSqliteReader } from "../../src/stores/sqlite.js";

/** A project with a user's folder, for pages to be shown of. */
export class WebWorld {
  readonly root = mkdtempSync(join(tmpdir(), "enact-web-"));
  readonly project = join(this.root, "shop");
  readonly enactHome = join(this.root, "home");

  constructor() {
    mkdirSync(this.project);
  }

  get keys() {
    return openKeys({ enactHome: this.enactHome, project: this.project, signing: "ed25519" });
  }

  openLedger(): Promise<LedgerReader> {
    return openSqliteReader({ project: this.project, enactHome: this.enactHome, keys: this.keys });
  }

  cleanUp(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
