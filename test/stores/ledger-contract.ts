import { randomUUID } from "node:crypto";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import type { Ledger, LedgerHistory, LedgerReader } from "../../src/receipts/ledger.js";
import { verifyLines } from "../../src/receipts/verify.js";
import { draft, outcomeOf, recordRun } from "../support/ledger-sandbox.js";

/** One ledger in a store, which several guards can open. */
export interface StoreUnderTest {
  open(): Ledger;
  reader(): Promise<LedgerReader>;
  /** What was made so far, as paths or names: nothing, before the first record. */
  made(): readonly string[];
  cleanUp(): Promise<void>;
}

/** What every store of the ledger must do; run over each of them. */
export function ledgerContract(name: string, make: () => StoreUnderTest): void {
  describe(`the ledger in ${name}`, () => {
    let store: StoreUnderTest;
    let ledger: Ledger;
    beforeEach(() => {
      store = make();
      ledger = store.open();
    });
    afterEach(async () => {
      await ledger.close();
      await store.cleanUp();
    });

    const since = new Date(Date.now() - 3_600_000);
    const at = (seconds: number): string => new Date(Date.now() + seconds * 1000).toISOString();
    const decide = (changes: Parameters<typeof draft>[0] = {}, subjects: readonly string[] = []) =>
      ledger.recordDecision(() => ({ entry: draft(changes), subjects }));
    const history = <Value>(look: (history: LedgerHistory) => Value, except?: string) => ledger.look(look, except);
    const verified = async () => {
      const reader = await store.reader();
      const report = verifyLines(reader.lines(), { keys: reader.keys, known: reader.known });
      reader.close();
      return report;
    };

    test("opening, looking and reading make nothing", async () => {
      expect(await history((past) => [past.count({ since }), past.runs({ since, subject: "x" })])).toEqual([0, []]);
      expect(await ledger.entries({})).toEqual([]);
      const reader = await store.reader();
      expect([reader.exists, reader.known, [...reader.lines()]]).toEqual([false, null, []]);
      reader.close();
      await ledger.close();
      expect(store.made()).toEqual([]);
    });

    test("what is recorded is a signed chain without gaps that verifies", async () => {
      const first = await recordRun(ledger, { workflow: "sql_query" });
      const blocked = await recordRun(ledger, { decision: "BLOCK" });
      const entries = [...first, ...blocked];
      expect(entries.map((entry) => entry.sequence)).toEqual([1, 2, 3]);
      expect(entries.map((entry) => entry.phase)).toEqual(["decision", "outcome", "decision"]);
      expect(await ledger.entries({})).toEqual(entries);
      expect(await verified()).toMatchObject({ ok: true, entries: 3, interrupted: [] });
    });

    test("an allowed run without an outcome is interrupted; its outcome settles it, once", async () => {
      const run = await decide();
      expect((await verified()).interrupted).toMatchObject([{ run_id: run.run_id, sequence: 1, workflow: "git_push" }]);
      await ledger.recordOutcome(outcomeOf(run));
      expect(await verified()).toMatchObject({ ok: true, interrupted: [] });
      await expect(ledger.recordOutcome(outcomeOf(run))).rejects.toMatchObject({ code: "INTERNAL" });
      expect(await verified()).toMatchObject({ ok: true, entries: 2 });
    });

    test("an outcome needs an allowed run, a decision a new one", async () => {
      const blocked = await decide({ decision: "BLOCK" });
      const allowed = await decide();
      const wrong = [
        () => ledger.recordOutcome(outcomeOf({ run_id: randomUUID(), workflow: "x" })),
        () => ledger.recordOutcome(outcomeOf(blocked)),
        () => ledger.recordOutcome(draft({ run_id: allowed.run_id })),
        () => decide({ run_id: allowed.run_id }),
        () => decide({ run_id: blocked.run_id, decision: "BLOCK" }),
        () => decide({ phase: "outcome" }),
      ];
      for (const record of wrong) await expect(record()).rejects.toMatchObject({ code: "INTERNAL" });
      expect(await verified()).toMatchObject({ ok: true, entries: 2 });
    });

    test.each([
      ["a Date in the facts", { payload: { at: new Date() } as never }],
      ["a time without milliseconds", { timestamp: "2026-11-22T12:00:00Z" }],
      ["a time that does not exist", { timestamp: "2026-13-45T12:00:00.000Z" }],
      ["a missing field", { policy_results: undefined as never }],
      ["half a character", { user_email: "\ud800" }],
    ])("a receipt with %s is refused, and leaves nothing behind", async (_title, changes) => {
      await recordRun(ledger);
      await expect(decide(changes)).rejects.toThrow(/plain JSON|cannot be stored/);
      await recordRun(ledger);
      expect(await verified()).toMatchObject({ ok: true, entries: 4 });
    });

    test("a decision that throws is handed back as it is, and leaves nothing behind", async () => {
      const failure = new Error("the policy failed");
      await expect(ledger.recordDecision(() => { throw failure; })).rejects.toBe(failure);
      expect(await ledger.entries({})).toEqual([]);
      await recordRun(ledger);
      expect(await verified()).toMatchObject({ ok: true, entries: 2 });
    });

    describe("history", () => {
      test("holds allowed runs only, oldest first, with their state", async () => {
        const partial = (success: boolean | "unknown") => ({ decision: "PARTIAL" as const, actions_taken: [{ system: "s", action: "a", success, output: {} }] });
        const states = [[{}, "done"], [partial(false), "failed"], [partial("unknown"), "unknown"], [{ decision: "BLOCK" as const }, "failed"], [null, "running"]] as const;
        const ids: string[] = [];
        for (const [outcome] of states) {
          const run = await decide({}, ["email:bob@x"]);
          ids.push(run.run_id);
          if (outcome !== null) await ledger.recordOutcome(outcomeOf(run, outcome));
        }
        await decide({ decision: "BLOCK" }, ["email:bob@x"]);
        const runs = await history((past) => past.runs({ since, subject: "email:bob@x" }));
        expect(runs.map((run) => [run.run_id, run.state])).toEqual(states.map(([, state], index) => [ids[index], state]));
        expect(runs[0]).toMatchObject({ workflow: "git_push", user_email: "agent@company.com", timestamp: expect.any(Date) as Date });
        expect(await history((past) => past.count({ since }))).toBe(5);
      });

      test("is found by subject and tool, exactly", async () => {
        await decide({ workflow: "email_send" }, ["email:bob@x", "email:eve@x"]);
        await decide({ workflow: "slack_post" }, ["email:bob@x"]);
        await decide({ workflow: "slack_post" });
        const counts = (queries: readonly { subject?: string; workflows?: string[] }[]) =>
          history((past) => queries.map((query) => past.count({ ...query, since })));
        expect(await counts([{}, { subject: "email:bob@x" }, { subject: "email:eve@x" }, { subject: "email:bob@x " }, { subject: "EMAIL:bob@x" }, { subject: "" }]))
          .toEqual([3, 2, 1, 0, 0, 0]);
        expect(await counts([
          { workflows: ["slack_post"] }, { workflows: ["slack_post", "email_send"] }, { workflows: [] }, { workflows: ["slack"] },
          { workflows: ["email_send"], subject: "email:bob@x" }, { workflows: ["'; DROP TABLE runs; --"] },
        ])).toEqual([2, 3, 0, 0, 1, 0]);
      });

      test("has windows that begin exactly at `since`", async () => {
        const moment = "2026-11-22T12:00:00.000Z";
        await decide({ timestamp: moment }, ["s"]);
        const from = (time: string) => history((past) => [past.count({ since: new Date(time) }), past.runs({ subject: "s", since: new Date(time) }).length]);
        expect(await from(moment)).toEqual([1, 1]);
        expect(await from("2026-11-22T11:59:59.999Z")).toEqual([1, 1]);
        expect(await from("2026-11-22T12:00:00.001Z")).toEqual([0, 0]);
        await expect(from("nonsense")).rejects.toThrow("not a date");
      });

      test("sees, while it decides, all that was recorded before, by any guard", async () => {
        const other = store.open();
        await recordRun(other, {}, ["s"]);
        let seen = -1;
        await ledger.recordDecision((past) => {
          seen = past.count({ since, subject: "s" });
          return { entry: draft(), subjects: ["s"] };
        });
        expect(seen).toBe(1);
        expect(await other.look((past) => past.count({ since, subject: "s" }))).toBe(2);
        await other.close();
      });

      test("leaves out the run that is being judged", async () => {
        const run = await decide({}, ["s"]);
        await decide({}, ["s"]);
        expect(await history((past) => [past.count({ since }), past.count({ since, subject: "s" }), past.runs({ since }).length], run.run_id)).toEqual([1, 1, 1]);
      });

      test("a clock that was set back does not let a window close too early", async () => {
        await decide({ timestamp: at(0) }, ["s"]);
        await decide({ timestamp: at(-7200) }, ["s"]);
        const inLastHour = await history((past) => past.runs({ since: new Date(Date.now() - 60_000), subject: "s" }));
        expect(inLastHour).toHaveLength(2);
        // What was signed is shown as it was signed.
        expect(inLastHour[1]?.timestamp.getTime()).toBeLessThan(Date.now() - 7_000_000);
      });

      test("a clock that was wrong by years once does not keep windows full for ever", async () => {
        await decide({ timestamp: "2099-01-01T00:00:00.000Z" });
        await decide({ timestamp: at(-7200) });
        expect(await history((past) => past.count({ since: new Date(Date.now() - 60_000) }))).toBe(1);
      });

      test("a limit of one lets one of many calls through, of several guards at once", async () => {
        const guards = [ledger, store.open(), store.open()];
        const calls = Array.from({ length: 30 }, (_, index) =>
          (guards[index % guards.length] ?? ledger).recordDecision((past) => {
            const isFree = past.count({ since, subject: "email:bob@x" }) === 0;
            return { entry: draft({ decision: isFree ? "PASS" : "BLOCK" }), subjects: ["email:bob@x"] };
          }),
        );
        const decisions = (await Promise.all(calls)).map((entry) => entry.decision);
        expect(decisions.filter((decision) => decision === "PASS")).toHaveLength(1);
        expect(await verified()).toMatchObject({ ok: true, entries: 30 });
        for (const guard of guards) await guard.close();
      });
    });

    test("entries are found by run, decision, tool, phase and place, either way round", async () => {
      const [pushed, pushedOutcome] = await recordRun(ledger);
      await recordRun(ledger, { workflow: "sql_query", decision: "BLOCK" });
      await recordRun(ledger, { workflow: "sql_query" });
      const found = async (query: Parameters<Ledger["entries"]>[0]) => (await ledger.entries(query)).map((entry) => entry.sequence);
      expect(await found({})).toEqual([1, 2, 3, 4, 5]);
      expect(await found({ newest: true, limit: 2 })).toEqual([5, 4]);
      expect(await found({ limit: 2, after: 1 })).toEqual([2, 3]);
      expect(await found({ newest: true, before: 4, limit: 2 })).toEqual([3, 2]);
      expect(await found({ decision: "BLOCK" })).toEqual([3]);
      expect(await found({ workflow: "sql_query", phase: "decision" })).toEqual([3, 4]);
      expect(await found({ run_id: pushed?.run_id ?? "" })).toEqual([1, 2]);
      expect(await found({ run_id_prefix: (pushed?.run_id ?? "").slice(0, 12) })).toEqual([1, 2]);
      expect(await found({ run_id: "' OR 1=1 --" })).toEqual([]);
      expect(await found({ run_id: `${pushed?.run_id ?? ""}\u0000` })).toEqual([]);
      expect(await found({ limit: 0 })).toEqual([]);
      expect((await ledger.entries({ after: 1, limit: 1 }))[0]).toEqual(pushedOutcome);
    });

    test("any text can be recorded and comes back as it was", async () => {
      const payload = { nul: "a\u0000b", quote: "'\"\\", line: "\u2028\n", emoji: "😀\ufffd", "": null, nested: { __proto__x: [1.5, -0, 1e300, true] } };
      const run = await decide({ payload, workflow: "weird ' \" % name" });
      const [entry] = await ledger.entries({ run_id: run.run_id });
      expect(entry).toEqual({ ...run });
      expect(entry?.payload).toEqual({ ...payload, nested: { __proto__x: [1.5, 0, 1e300, true] } });
      expect((await ledger.entries({ workflow: "weird ' \" % name" })).length).toBe(1);
    });

    test("many records at once, from one guard, form one chain", async () => {
      const entries = await Promise.all(Array.from({ length: 100 }, () => decide()));
      expect(entries.map((entry) => entry.sequence)).toEqual(Array.from({ length: 100 }, (_, index) => index + 1));
      expect(await verified()).toMatchObject({ ok: true, entries: 100 });
    });

    test("a closed ledger opens again when it is used", async () => {
      await recordRun(ledger);
      await ledger.close();
      await ledger.close();
      await recordRun(ledger);
      expect(await verified()).toMatchObject({ ok: true, entries: 4 });
    });
  });
}
