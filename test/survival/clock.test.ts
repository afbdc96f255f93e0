import { join } from "node:path";

import * as fc from "fast-check";
import { expect, test } from "vitest";

import { rateLimitPolicy } from "../../src/policies/time/rate_limit.js";
import { openKeys } from "../../src/receipts/keys.js";
import { verifyLedger } from "../../src/receipts/verify-ledger.js";
import { openSqliteLedger, openSqliteReader } from "../../src/stores/sqlite.js";
import { guardSandbox } from "../support/guard-sandbox.js";

const SEED = Number(process.env["ENACT_SEED"] ?? 20_261_122);
const HOUR_MS = 60 * 60 * 1000;

test(`a clock that goes back again and again opens no window twice and tears nothing, for three guards at once (seed ${String(SEED)})`, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.record({ guard: fc.nat(2), back: fc.integer({ min: 0, max: 20 * HOUR_MS }), goes: fc.boolean() }), { minLength: 8, maxLength: 14 }), async (calls) => {
      const sandbox = guardSandbox();
      const places = { project: join(sandbox.folder, "project"), enactHome: join(sandbox.folder, "home") };
      const keys = openKeys({ ...places, signing: "hmac", secret: "s".repeat(40) });
      const ledgers = [sandbox.ledger, openSqliteLedger({ ...places, keys }), openSqliteLedger({ ...places, keys })];
      let now = Date.parse("2026-11-22T12:00:00.000Z");
      const policy = rateLimitPolicy.create({ max_calls: 3, window_seconds: 3600 });
      const guards = ledgers.map((ledger) => sandbox.guard({ ledger, clock: () => new Date(now), policies: [{ name: "rate_limit", policy }] }));
      const said: string[] = [];
      for (const { guard, back, goes } of calls) {
        // It creeps forward by seconds and jumps back by hours; in truth no minute has passed.
        now += goes ? 1000 : -back;
        const report = await guards[guard]?.call("note_write", { text: String(said.length) });
        said.push(report?.status ?? "");
      }
      expect(said.filter((status) => status === "done")).toHaveLength(3);
      const reader = await openSqliteReader({ ...places, keys });
      expect(verifyLedger(reader)).toMatchObject({ ok: true, entries: calls.length + 3, interrupted: [] });
      reader.close();
      await Promise.all(ledgers.slice(1).map((ledger) => ledger.close()));
      await sandbox.remove();
    }),
    { seed: SEED, numRuns: 15 },
  );
});
