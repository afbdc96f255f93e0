import { randomUUID } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { DatabaseSync } from "@photostructure/sqlite";

import type { Keys } from "../../src/receipts/keys.js";
import { openKeys } from "../../src/receipts/keys.js";
import type { Ledger, LedgerReader } from "../../src/receipts/ledger.js";
import type { Entry, EntryDraft } from "../../src/receipts/receipt.js";
import type { VerifyReport } from "../../src/receipts/verify.js";
import { verifyLines } from "../../src/receipts/verify.js";
import { openSqliteLedger, openSqliteReader } from "../../src/stores/sqlite.js";

/** A project and a user's config folder that nothing else uses. */
export class LedgerSandbox {
  readonly root = mkdtempSync(join(tmpdir(), "enact-ledger-"));
  readonly project = join(this.root, "project");
  readonly enactHome = join(this.root, "home");
  readonly signing: "hmac" | "ed25519";
  readonly #open: { close(): unknown }[] = [];

  constructor(signing: "hmac" | "ed25519" = "hmac") {
    this.signing = signing;
    mkdirSync(this.project);
  }

  get file(): string {
    return join(this.project, ".enact", "ledger.sqlite");
  }

  keys(secret?: string): Keys {
    const { enactHome, project, signing } = this;
    return openKeys({ enactHome, project, signing, ...(secret === undefined ? {} : { secret }) });
  }

  ledger(options: { readonly project?: string; readonly keys?: Keys; readonly busyTimeoutMs?: number } = {}): Ledger {
    const ledger = openSqliteLedger({ project: this.project, enactHome: this.enactHome, keys: this.keys(), ...options });
    this.#open.push(ledger);
    return ledger;
  }

  async reader(project = this.project): Promise<LedgerReader> {
    const reader = await openSqliteReader({ project, enactHome: this.enactHome, keys: this.keys() });
    this.#open.push(reader);
    return reader;
  }

  async verify(project = this.project): Promise<VerifyReport> {
    const reader = await this.reader(project);
    const report = verifyLines(reader.lines(), { keys: reader.keys, known: reader.known });
    reader.close();
    return report;
  }

  /** Any SQL on the ledger, as someone with a SQLite client would run it. */
  sql(sql: string, ...values: (string | number | Uint8Array)[]): Record<string, unknown>[] {
    const db = new DatabaseSync(this.file);
    try {
      if (values.length === 0 && !/^\s*(select|with)/i.test(sql)) {
        db.exec(sql);
        return [];
      }
      return db.prepare(sql).all(...values) as Record<string, unknown>[];
    } finally {
      db.close();
    }
  }

  async cleanUp(): Promise<void> {
    for (const open of this.#open) await open.close();
    rmSync(this.root, { recursive: true, force: true });
  }
}

export function draft(changes: Partial<EntryDraft> = {}): EntryDraft {
  return {
    run_id: randomUUID(),
    phase: "decision",
    workflow: "git_push",
    user_email: "agent@company.com",
    actor_role: "engineer",
    user_attributes: { role: "engineer" },
    payload: { branch: "agent/fix", remote: "origin", commits: [{ subject: "Fix the door", file_count: 3 }] },
    plan_digest: `sha256:${"a".repeat(64)}`,
    config_digest: `sha256:${"b".repeat(64)}`,
    policy_results: [{ policy: "dont_push_to_main", passed: true, reason: "'agent/fix' is not protected" }],
    decision: "PASS",
    actions_taken: [],
    approval: null,
    redacted: [],
    timestamp: new Date().toISOString(),
    ...changes,
  };
}

export function outcomeOf(run: { readonly run_id: string; readonly workflow: string }, changes: Partial<EntryDraft> = {}): EntryDraft {
  const actions_taken = [{ system: "git", action: "push", success: true as const, output: { sha: "c".repeat(40) } }];
  return draft({ run_id: run.run_id, workflow: run.workflow, phase: "outcome", actions_taken, ...changes });
}

/** Records a decision and, unless it blocks, its outcome. */
export async function recordRun(ledger: Ledger, changes: Partial<EntryDraft> = {}, subjects: readonly string[] = []): Promise<Entry[]> {
  const decision = await ledger.recordDecision(() => ({ entry: draft(changes), subjects }));
  if (decision.decision !== "PASS") return [decision];
  return [decision, await ledger.recordOutcome(outcomeOf(decision))];
}
