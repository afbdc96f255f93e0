import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { approvalSubject } from "../../src/approvals/proof.js";
import { openRegistry } from "../../src/approvals/registry.js";
import { newRequestId } from "../../src/approvals/request.js";
import { keyPerson } from "../support/approval-world.js";
import { approvedEntry, at } from "../support/approved-entry.js";
import { LedgerSandbox, recordRun } from "../support/ledger-sandbox.js";
import { MAIN } from "../support/mcp-client.js";
import type { GivenFile } from "../support/verifier-page.js";
import { VerifierPage, whyNoBrowser } from "../support/verifier-page.js";

const reason = whyNoBrowser();

describe.skipIf(reason !== undefined)(`a bundle of the built program, in the page that lies in it${reason === undefined ? "" : ` (skipped: ${reason})`}`, () => {
  test.each(["ed25519", "hmac"] as const)("is right as a whole, signed with %s, approvals and checkpoint included", async (signing) => {
    const sandbox = new LedgerSandbox(signing);
    const browser = await VerifierPage.browser();
    try {
      const ann = keyPerson("ann@example.com", at(0));
      openRegistry(sandbox).add(ann.draft, null);
      const ledger = sandbox.ledger();
      for (let index = 0; index < 5; index += 1) await recordRun(ledger);
      const id = newRequestId();
      await ledger.recordDecision(() => ({ entry: approvedEntry(id, [ann]), subjects: [approvalSubject(id)] }));
      await ledger.close();
      const enactGuard = (...args: readonly string[]) => execFileSync(process.execPath, [MAIN, ...args], { cwd: sandbox.project, env: { ENACT_HOME: sandbox.enactHome }, encoding: "utf8" });
      enactGuard("export", "--bundle", join(sandbox.root, "whole"));
      enactGuard("export", "--from", "4", "--bundle", join(sandbox.root, "part"));
      enactGuard("checkpoint", "--prove", "7", "--out", join(sandbox.root, "part", "seven.tlog-proof"));
      const secret = signing === "hmac" ? { secret: readFileSync(join(sandbox.enactHome, "keys", "hmac.key"), "utf8").trim() } : {};
      const filesOf = (folder: string): GivenFile[] => readdirSync(join(sandbox.root, folder)).map((name) => ({ name, content: readFileSync(join(sandbox.root, folder, name)) }));
      const opened = await VerifierPage.open(browser);
      const whole = await opened.check(filesOf("whole"), secret);
      expect(whole).toMatchObject({ mood: "good", entries: 11, headline: "✓ 11 receipts verified" });
      expect(whole.checks).toEqual(["Text:good", "Signatures:good", "Order:good", "Runs:good", "Approvals:good", "End:good", "Checkpoint:good"]);
      const part = await opened.check(filesOf("part"), secret);
      expect(part).toMatchObject({ mood: "good", entries: 8 });
      expect(part.checks).toEqual(["Text:good", "Signatures:good", "Order:good", "Runs:good", "Approvals:good", "Beginning:open", "End:good", "Checkpoint:good", "Proof:good"]);
      expect([opened.errors, opened.requests]).toEqual([[], []]);
    } finally {
      await browser.close();
      await sandbox.cleanUp();
    }
  });
});
