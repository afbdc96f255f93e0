import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import type { Opened } from "../../src/cli/opened.js";
import { rollbackCommand, type RollbackArgs } from "../../src/cli/rollback.js";
import { receiptsCommand } from "../../src/cli/receipts.js";
import type { Guard } from "../../src/guard/guard.js";
import { openSqliteReader } from "../../src/stores/sqlite.js";
import { smallProject } from "../support/small-project.js";
import { undoWorld } from "../support/undo-world.js";

async function begun() {
  const world = undoWorld();
  const guard = world.guard();
  const file = join(world.root, "a.txt");
  writeFileSync(file, "old\n");
  const run = await guard.call("file_write", { path: "a.txt", content: "new\n" });
  const asked: string[] = [];
  const rollback = async (args: Partial<RollbackArgs> = {}, answer: string | null = null, by: Guard = world.guard()) => {
    let out = "";
    const opened: Opened = { ...smallProject(), guard: by, close: async () => undefined };
    const terminal = { isInteractive: answer !== null, ask: async (question: string) => (asked.push(question), answer ?? "") };
    const io = { stdout: { write: (text: string) => (out += text) } };
    const code = await rollbackCommand({ runId: run.receipt?.run_id ?? "", yes: false, json: false, ...args }, io, { open: async () => opened, terminal });
    return { code, out };
  };
  return { world, guard, run, rollback, asked, content: () => readFileSync(file, "utf8"), file };
}

describe("enact-guard rollback", () => {
  test("shows what it would do, asks, does it, and ends with 0", async () => {
    const { rollback, asked, content } = await begun();
    const { code, out } = await rollback({}, "y");
    expect(out).toMatch(/^WOULD RUN {2}enact_rollback.*↺ put the old content of 'a\.txt' back.*\n\nROLLED BACK {2}enact_rollback.*Receipt [0-9a-f]{8} \(signed\)/su);
    expect([code, asked.length, content()]).toEqual([0, 1, "old\n"]);
  });

  test.each(["", "n", "no", "yes please", "N"])("does nothing when the answer is '%s'", async (answer) => {
    const { rollback, content } = await begun();
    const { code, out } = await rollback({}, answer);
    expect([code, content()]).toEqual([1, "new\n"]);
    expect(out).toContain("Nothing was done.\n");
  });

  test("asks nobody with --yes, with --json, and where nobody is", async () => {
    for (const [args, answer] of [[{ yes: true }, "n"], [{ json: true }, "n"], [{}, null]] as const) {
      const { rollback, asked, content } = await begun();
      expect((await rollback(args, answer)).code).toBe(0);
      expect([asked, content()]).toEqual([[], "old\n"]);
    }
  });

  test("prints one JSON object with --json", async () => {
    const { rollback, run } = await begun();
    const done = JSON.parse((await rollback({ json: true })).out) as Record<string, unknown>;
    expect(done).toMatchObject({ run_id: run.receipt?.run_id, undone_workflow: "file_write", status: "done", decision: "ROLLED_BACK", changes: [expect.any(String)], not_undone: [], receipt: { signature: expect.any(String) as string } });
    const again = JSON.parse((await rollback({ json: true })).out) as Record<string, unknown>;
    expect(again).toMatchObject({ status: "blocked", decision: "BLOCK", code: "REFUSED" });
  });

  test("ends with 1 when it is blocked, with 2 when there is no such run, and changes nothing", async () => {
    const { world, rollback, content, file } = await begun();
    expect((await rollback({ runId: "12345678" })).code).toBe(2);
    expect((await rollback({ runId: "no run" })).code).toBe(2);
    const never = world.guard({ policies: [{ name: "never", policy: () => ({ policy: "never", passed: false, reason: "not today" }) }] });
    // On record, as the agent's own call would be, so that a person can be asked for it.
    expect(await rollback({}, "y", never)).toMatchObject({ code: 1, out: expect.stringMatching(/^BLOCKED {2}enact_rollback.*✗ never: not today.*Receipt [0-9a-f]{8} \(signed\)/su) as string });
    writeFileSync(file, "somebody's");
    expect(await rollback({ yes: true })).toMatchObject({ code: 1, out: expect.stringContaining("its content was changed since") as string });
    expect(content()).toBe("somebody's");
  });

  test("says so when undoing is off or no tool can be undone", async () => {
    const { world, rollback } = await begun();
    await expect(rollback({}, null, world.guard({ undo: null }))).rejects.toThrow(expect.objectContaining({ code: "USAGE" }) as Error);
  });

  test("is seen in the receipts: of which run it was, and that this run was undone", async () => {
    const { world, rollback, run } = await begun();
    await rollback({ yes: true });
    const shown = async (args: object) => {
      let out = "";
      const io = { stdout: { write: (text: string) => (out += text), columns: 400 }, stderr: { write: () => undefined } };
      await receiptsCommand({ json: false, ...args }, io, { openLedger: () => openSqliteReader(world) });
      return out;
    };
    const short = run.receipt?.run_id.slice(0, 8) ?? "";
    expect(await shown({})).toMatch(new RegExp(`ROLLED_BACK  enact_rollback  [0-9a-f]{8}  of file_write ${short}: filesystem undo_write: done`, "u"));
    expect(await shown({ decision: "ROLLED_BACK" })).toMatch(/^\S+ \S+ {2}ROLLED_BACK[^\n]*\n$/u);
    expect(await shown({ runId: run.receipt?.run_id })).toMatch(/^rollback {2}ROLLED_BACK by run [0-9a-f-]{36}$/mu);
  });
});
