import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { beforeAll, describe, expect, test } from "vitest";

import type { CallReport, Guard } from "../../src/guard/guard.js";
import { requireHumanOk } from "../../src/policies/access/index.js";
import type { Policy } from "../../src/policies/policy.js";
import type { GuardedTool } from "../../src/tools/tool.js";
import { rateLimitWith } from "../../src/policies/time/index.js";
import { compileScript, startScript } from "../support/child-script.js";
import { undoWorld, type UndoWorld } from "../support/undo-world.js";

function begun() {
  const world = undoWorld();
  const at = (path: string) => join(world.root, path);
  writeFileSync(at("a.txt"), "the old content\n");
  chmodSync(at("a.txt"), 0o640);
  utimesSync(at("a.txt"), 1_600_000_000.123, 1_600_000_000.123);
  return { world, at, guard: world.guard(), before: world.tree() };
}

const idOf = (report: CallReport): string => report.receipt?.run_id ?? "";
const undo = (guard: Guard, report: CallReport): Promise<CallReport> => guard.call("enact_rollback", { run_id: idOf(report) });
const overwrite = (guard: Guard): Promise<CallReport> => guard.call("file_write", { path: "a.txt", content: "new" });

describe("a run is undone", () => {
  test("and the receipt says what was put back, of which run", async () => {
    const { world, guard, before } = begun();
    const run = await overwrite(guard);
    expect(run).toMatchObject({ receipt: { payload: { reversal: { possible: true } }, actions_taken: [{ reversible: true }] } });
    expect(run.text).toContain("Can be undone with enact_rollback: it gets its old content back, unless it was changed again by then");
    const undone = await undo(guard, run);
    expect(undone).toMatchObject({
      status: "done",
      isError: false,
      result: { run_id: idOf(run), undone_workflow: "file_write" },
      receipt: {
        decision: "ROLLED_BACK",
        workflow: "enact_rollback",
        payload: {
          run_id: idOf(run),
          undone_workflow: "file_write",
          undone_by: "agent@company.example",
          interrupted: false,
          path: "a.txt",
          changes: ["put the old content of 'a.txt' back (16 bytes), its permissions and its time"],
          not_undone: [],
          reversal: { possible: false },
        },
        actions_taken: [{ system: "filesystem", action: "undo_write", success: true, reversible: false }],
      },
    });
    expect(undone.text).toMatch(/^ROLLED BACK {2}enact_rollback {2}file_write [0-9a-f]{8}: a\.txt\n.*↺ put the old content of 'a\.txt' back/su);
    expect(world.tree()).toEqual(before);
  });

  test("named by the first eight characters of its id, in any case", async () => {
    const { guard } = begun();
    const run = await overwrite(guard);
    expect(await guard.call("enact_rollback", { run_id: idOf(run).slice(0, 8).toUpperCase() })).toMatchObject({ status: "done" });
  });

  test("by another process, with another configuration", async () => {
    const { world, guard, before } = begun();
    const run = await overwrite(guard);
    expect(await undo(world.guard({ configDigest: `sha256:${"1".repeat(64)}` }), run)).toMatchObject({ status: "done" });
    expect(world.tree()).toEqual(before);
  });

  test("and a check of it changes nothing, records nothing and says what it would do", async () => {
    const { world, guard } = begun();
    const run = await overwrite(guard);
    const [left, entries] = [world.tree(), await guard.receipts({})];
    const check = await guard.check("enact_rollback", { run_id: idOf(run) });
    expect(check.text).toMatch(/^WOULD RUN {2}enact_rollback.*↺ put the old content of 'a\.txt' back.*Nothing was executed and nothing was recorded\.$/su);
    expect([world.tree(), await guard.receipts({})]).toEqual([left, entries]);
    const again = await guard.check("enact_rollback", { run_id: idOf(run) });
    // An approval is one of a plan, so looking twice at the same world makes the same plan.
    expect(again.receipt?.plan_digest).toBe(check.receipt?.plan_digest);
  });
});

describe("what cannot be undone is refused, with the reason", () => {
  const refused = (code: string, reason: RegExp) => ({ status: "blocked", code, receipt: { decision: "BLOCK", policy_results: [{ policy: "guard", reason: expect.stringMatching(reason) as string }] } });

  test.each([
    ["NOT_FOUND", /no run '12345678' in the ledger of this project/u, "12345678"],
    ["NOT_FOUND", /no run/u, "00000000-0000-4000-8000-000000000000"],
  ])("%s %s", async (code, reason, run_id) => {
    const { guard } = begun();
    expect(await guard.call("enact_rollback", { run_id })).toMatchObject(refused(code, reason));
  });

  test.each(["", "1234567", "../../etc", "1234567g", "'; DROP", "%", "________", 12])("no run id: %s", async (run_id) => {
    const { guard } = begun();
    expect(await guard.call("enact_rollback", { run_id })).toMatchObject({ status: "invalid" });
  });

  test("a run that was blocked", async () => {
    const { world, guard } = begun();
    const blocked = await overwrite(world.guard({ policies: [{ name: "never", policy: () => ({ policy: "never", passed: false, reason: "no" }) }] }));
    expect(await undo(guard, blocked)).toMatchObject(refused("REFUSED", /blocked and nothing was changed/u));
  });

  test("a run that failed and kept nothing", async () => {
    const { world, at, guard } = begun();
    const failing: Policy = () => {
      // Between the look and the act.
      writeFileSync(at("a.txt"), "somebody else's");
      return { policy: "racing", passed: true, reason: "fine" };
    };
    const run = await overwrite(world.guard({ policies: [{ name: "racing", policy: failing }] }));
    expect(run).toMatchObject({ status: "failed", code: "STALE_PLAN" });
    expect(await undo(guard, run)).toMatchObject(refused("REFUSED", /nothing was changed/u));
  });

  test("a rollback", async () => {
    const { guard } = begun();
    const undone = await undo(guard, await overwrite(guard));
    expect(await undo(guard, undone)).toMatchObject(refused("REFUSED", /is itself a rollback/u));
  });

  test("a second time", async () => {
    const { world, guard, before } = begun();
    const run = await overwrite(guard);
    const undone = await undo(guard, run);
    expect(await undo(guard, run)).toMatchObject(refused("REFUSED", new RegExp(`was undone already, by run ${idOf(undone)}`, "u")));
    expect(world.tree()).toEqual(before);
  });

  test("a run of a tool that is not enabled any more", async () => {
    const { world, guard } = begun();
    const run = await overwrite(guard);
    const fewer = world.guard({ tools: (guard.tools as readonly GuardedTool[]).filter(({ name }) => name === "file_delete") });
    expect(await undo(fewer, run)).toMatchObject(refused("REFUSED", /file_write, and that tool is not enabled here/u));
    expect(await undo(guard, run)).toMatchObject({ status: "done" });
  });

  test("a run of another project, although its files lie in this store", async () => {
    const [here, there] = [begun(), begun()];
    const run = await overwrite(there.guard);
    await overwrite(here.guard);
    cpSync(join(there.world.project, ".enact/undo"), join(here.world.project, ".enact/undo"), { recursive: true });
    expect(await undo(here.guard, run)).toMatchObject(refused("NOT_FOUND", /no run/u));
  });

  test("a run that is still at work", async () => {
    const { world } = begun();
    let nested: CallReport | undefined;
    const guard = world.guard();
    const slow = world.store();
    const watching = world.guard({
      undo: {
        ...slow,
        maxRunBytes: slow.maxRunBytes,
        pieces: (runId) => slow.pieces(runId),
        put: async (runId, name, content) => {
          nested = await guard.call("enact_rollback", { run_id: runId });
          return slow.put(runId, name, content);
        },
      },
    });
    expect(await watching.call("file_write", { path: "b.txt", content: "b" })).toMatchObject({ status: "done" });
    expect(nested).toMatchObject(refused("REFUSED", /has no outcome yet, and the process that executes it is alive/u));
  });

  test("nothing is offered when undoing is off, or no tool can be undone", () => {
    const { world, guard } = begun();
    const names = (of: Guard) => of.tools.map(({ name }) => name);
    expect(names(guard)).toEqual(["file_delete", "file_write", "enact_rollback"]);
    expect(names(world.guard({ tools: [] }))).toEqual([]);
    expect(names(world.guard({ undo: null }))).toEqual(["file_delete", "file_write"]);
  });

  test("with undoing off nothing is kept, and every call says so", async () => {
    const { world } = begun();
    const run = await overwrite(world.guard({ undo: null }));
    expect(run).toMatchObject({ status: "done", receipt: { payload: { reversal: { possible: false } }, actions_taken: [{ reversible: false }] } });
    expect(run.text).toContain("Cannot be undone: ");
    expect(existsSync(join(world.project, ".enact/undo"))).toBe(false);
  });
});

describe("a rollback is judged like any other call", () => {
  const never: Policy = ({ workflow }) => ({ policy: "no_rollback", passed: workflow !== "enact_rollback", reason: "not today" });

  test("a policy that says no is the last word", async () => {
    const { world, guard } = begun();
    const run = await overwrite(guard);
    const left = world.tree();
    expect(await undo(world.guard({ policies: [{ name: "no_rollback", policy: never }] }), run)).toMatchObject({ status: "blocked", receipt: { decision: "BLOCK", policy_results: [{ policy: "no_rollback", passed: false }] } });
    expect(world.tree()).toEqual(left);
    expect(await undo(guard, run)).toMatchObject({ status: "done" });
  });

  test("it needs no policy of its own", async () => {
    const { world, guard } = begun();
    const run = await overwrite(guard);
    expect(await undo(world.guard({ policies: [] }), run)).toMatchObject({ status: "done" });
  });

  test("a person's approval can be asked for it", async () => {
    const { world, guard } = begun();
    const run = await overwrite(guard);
    const asking = world.guard({ policies: [{ name: "asking", policy: requireHumanOk(["enact_rollback"]) }] });
    expect(await undo(asking, run)).toMatchObject({ status: "blocked", receipt: { decision: "BLOCK", policy_results: [{ policy: "require_human_ok" }] } });
    expect(await undo(guard, run)).toMatchObject({ status: "done" });
  });

  test("a limit can be set for it", async () => {
    const { world } = begun();
    const guard = world.guard({ policies: [{ name: "limit", policy: rateLimitWith({ max_calls: 1, window_seconds: 3600, workflows: ["enact_rollback"] }) }], unguarded: ["file_write"] });
    const runs = [await overwrite(guard), await guard.call("file_write", { path: "b.txt", content: "b" })];
    const statuses = [await undo(guard, runs[1] as CallReport), await undo(guard, runs[0] as CallReport)].map(({ status }) => status);
    expect(statuses).toEqual(["done", "blocked"]);
  });
});

describe("what was kept is not what was kept any more", () => {
  const folderOf = (world: UndoWorld, run: CallReport) => join(world.project, ".enact/undo", idOf(run));

  async function kept() {
    const start = begun();
    const run = await overwrite(start.guard);
    const other = await start.guard.call("file_write", { path: "b.txt", content: "b" });
    await start.guard.call("file_write", { path: "b.txt", content: "c" });
    return { ...start, run, other, folder: folderOf(start.world, run), left: start.world.tree() };
  }

  const attacks: Readonly<Record<string, (parts: Awaited<ReturnType<typeof kept>>) => void>> = {
    "the whole store is gone": ({ world }) => rmSync(join(world.project, ".enact/undo"), { recursive: true }),
    "the run's folder is gone": ({ folder }) => rmSync(folder, { recursive: true }),
    "the contents are gone": ({ folder }) => rmSync(join(folder, "contents.sealed")),
    "the manifest is gone": ({ folder }) => rmSync(join(folder, "before.sealed")),
    "the contents are cut": ({ folder }) => writeFileSync(join(folder, "contents.sealed"), readFileSync(join(folder, "contents.sealed")).subarray(0, 60)),
    "the manifest is another run's": ({ world, folder, other }) => copyFileSync(join(folderOf(world, other), "before.sealed"), join(folder, "before.sealed")),
    "manifest and contents have changed places": ({ folder }) => {
      renameSync(join(folder, "before.sealed"), join(folder, "x"));
      renameSync(join(folder, "contents.sealed"), join(folder, "before.sealed"));
      renameSync(join(folder, "x"), join(folder, "contents.sealed"));
    },
    "the manifest is a link": ({ folder }) => {
      renameSync(join(folder, "before.sealed"), join(folder, "x"));
      symlinkSync("x", join(folder, "before.sealed"));
    },
    "a link stands in the place of the store": ({ world }) => {
      renameSync(join(world.project, ".enact/undo"), join(world.project, ".enact/elsewhere"));
      symlinkSync("elsewhere", join(world.project, ".enact/undo"));
    },
    "the key is another one": ({ world }) => {
      rmSync(join(world.enactHome, "keys/private.key"));
    },
  };

  test.each(Object.keys(attacks))("%s: nothing is put back, and the receipt says why", async (attack) => {
    const parts = await kept();
    attacks[attack]?.(parts);
    const undone = await undo(parts.world.guard(), parts.run);
    expect(undone.isError).toBe(true);
    expect(undone.receipt?.decision).toMatch(/^(?:BLOCK|PARTIAL)$/u);
    expect(undone.code).toMatch(/^(?:UNDO_UNAVAILABLE|TAMPERED|KEY_UNUSABLE)$/u);
    expect(undone.text).not.toContain("old content\n");
    expect(parts.world.tree()).toEqual(parts.left);
  });

  test("an older copy of the store brings nothing back that was forgotten for good: the run is undone once", async () => {
    const { world, guard, run, folder } = await kept();
    cpSync(folder, join(world.base, "copy"), { recursive: true });
    expect(await undo(guard, run)).toMatchObject({ status: "done" });
    cpSync(join(world.base, "copy"), folder, { recursive: true });
    expect(await undo(guard, run)).toMatchObject({ status: "blocked", code: "REFUSED" });
  });
});

describe("what cannot be kept is not done", () => {
  test("a store that cannot be written stops the call before it has changed anything", async () => {
    const { world, before } = begun();
    mkdirSync(join(world.project, ".enact"), { recursive: true, mode: 0o700 });
    writeFileSync(join(world.project, ".enact/undo"), "in the way");
    const guard = world.guard();
    for (const [tool, input] of [["file_write", { path: "a.txt", content: "new" }], ["file_write", { path: "x/y.txt", content: "new" }], ["file_delete", { path: "a.txt" }]] as const) {
      expect(await guard.call(tool, input)).toMatchObject({ status: "failed", code: "UNDO_UNAVAILABLE", receipt: { decision: "PARTIAL", actions_taken: [{ success: false }] } });
    }
    expect(world.tree()).toEqual(before);
  });
});

describe("two at once", () => {
  let script: string;
  beforeAll(async () => {
    script = await compileScript(fileURLToPath(new URL("undo-child.ts", import.meta.url)));
  });

  test("of several rollbacks of one run in several processes, one runs", { timeout: 60_000 }, async () => {
    const { world, guard, before } = begun();
    const run = await overwrite(guard);
    const at = Date.now() + 1500;
    const order = { base: world.base, calls: [["enact_rollback", { run_id: idOf(run) }]], at };
    const children = Array.from({ length: 3 }, () => startScript(script, [JSON.stringify(order)]));
    expect(await Promise.all(children.map(({ ended }) => ended))).toEqual([0, 0, 0]);
    const statuses = children.map(({ lines }) => (JSON.parse(lines[1] ?? "") as { status: string }).status);
    expect(statuses.toSorted()).toEqual(["blocked", "blocked", "done"]);
    expect(world.tree()).toEqual(before);
  });

  test("an ordinary user gets his files back as they were, also read-only ones in folders of his", { timeout: 60_000 }, async () => {
    if (process.geteuid?.() !== 0) return;
    const { world, at } = begun();
    const nobody = 65_534;
    mkdirSync(at("d/inner"), { recursive: true });
    writeFileSync(at("d/read-only.txt"), "r", { mode: 0o400 });
    writeFileSync(at("d/inner/secret.txt"), "s", { mode: 0o600 });
    execFileSync("chown", ["-R", `${nobody}:${nobody}`, world.base]);
    const before = world.tree();
    const order = { base: world.base, calls: [["file_delete", { path: "d", recursive: true }], ["enact_rollback", {}]], user: nobody };
    const child = startScript(script, [JSON.stringify(order)]);
    expect(await child.ended).toBe(0);
    expect(child.lines.slice(1).map((line) => (JSON.parse(line) as { decision: string }).decision)).toEqual(["PASS", "ROLLED_BACK"]);
    expect(world.tree()).toEqual(before);
    expect(readdirSync(at("d"))).toEqual(["inner", "read-only.txt"]);
  });
});
