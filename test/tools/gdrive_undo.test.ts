import { afterEach, describe, expect, test } from "vitest";

import type { JsonObject } from "../../src/facts/json.js";
import { openGdrive } from "../../src/systems/gdrive.js";
import { gdriveDeleteTool } from "../../src/tools/gdrive_delete.js";
import type { Execution, UndoableRun } from "../../src/tools/tool.js";
import { FOLDER, gdriveError, startGdriveStub, type GdriveStubOptions } from "../support/gdrive-stub.js";
import { executed, planned } from "../support/tool-calls.js";
import { MemoryUndo } from "../support/undo.js";

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((thing) => thing.close()));
});

const call = { signal: new AbortController().signal, now: new Date(0), undoBytes: 0 };
const control = { signal: call.signal, judge: () => Promise.resolve(true), undo: new MemoryUndo() };
const like = (text: string): unknown => expect.stringContaining(text);

async function drive(options: GdriveStubOptions = {}) {
  const stub = await startGdriveStub(options);
  const gdrive = openGdrive({ credentials: stub.credentials, rootUrl: stub.url });
  open.push(stub, gdrive);
  const removed = async (file_id: string, permanently = false): Promise<UndoableRun> => {
    const plan = await planned(gdriveDeleteTool, { file_id, permanently }, gdrive.reader);
    expect(plan.reversal?.possible).toBe(!permanently);
    const { actions } = await executed(gdriveDeleteTool, plan.step, gdrive.writer);
    const payload = plan.payload as unknown as JsonObject;
    return { run_id: "0123456789", workflow: "gdrive_delete", payload, actions, outcome: payload, kept: new MemoryUndo().kept() };
  };
  const undone = async (run: UndoableRun): Promise<Execution | undefined> => {
    const plan = await gdriveDeleteTool.undo?.plan(run, gdrive.reader, call);
    return gdriveDeleteTool.undo?.execute(plan?.step ?? null, gdrive.writer, control, run.kept);
  };
  return { stub, gdrive, removed, undone };
}

describe("undoing a deletion in Drive", () => {
  test("a folder comes out of the trash with what lies in it; planning changes nothing", async () => {
    const { stub, gdrive, removed, undone } = await drive();
    stub.add("top", { name: "Top", mimeType: FOLDER });
    stub.add("a", { parents: ["top"] });
    const before = stub.visible();
    const run = await removed("top");
    expect(stub.visible()).not.toEqual(before);
    const changes = stub.changes().length;
    const plan = await gdriveDeleteTool.undo?.plan(run, gdrive.reader, call);
    expect(plan?.payload["changes"]).toEqual([like("the folder 'Top' is taken out of the trash, with what lies in it")]);
    expect(stub.changes()).toHaveLength(changes);
    expect((await undone(run))?.actions).toMatchObject([{ action: "untrash", success: true, reversible: false }]);
    expect(stub.visible()).toEqual(before);
  });

  test("what is deleted for good cannot be undone", async () => {
    const { stub, removed, undone } = await drive();
    stub.add("a");
    await expect(undone(await removed("a", true))).rejects.toMatchObject({ code: "REFUSED" });
  });

  test.each([
    ["was taken out of the trash by somebody", "taken it out already", { trashed: false, version: "3" }],
    ["was renamed in the trash", "was changed", { name: "other", version: "3" }],
  ] as const)("not when it %s", async (_what, says, change) => {
    const { stub, removed, undone } = await drive();
    stub.add("a");
    const run = await removed("a");
    Object.assign(stub.files.get("a") ?? {}, change);
    const changes = stub.changes().length;
    await expect(undone(run)).rejects.toMatchObject({ code: "STALE_PLAN", message: like(says) });
    expect(stub.changes()).toHaveLength(changes);
  });

  test("not when it is gone from the trash, nor when it changes between look and act", async () => {
    const { stub, gdrive, removed, undone } = await drive();
    stub.add("a");
    const gone = await removed("a");
    stub.files.delete("a");
    await expect(undone(gone)).rejects.toMatchObject({ code: "STALE_PLAN", message: like("not in the trash any more") });

    stub.add("b");
    const run = await removed("b");
    const plan = await gdriveDeleteTool.undo?.plan(run, gdrive.reader, call);
    Object.assign(stub.files.get("b") ?? {}, { version: "9" });
    await expect(gdriveDeleteTool.undo?.execute(plan?.step ?? null, gdrive.writer, control, run.kept)).rejects.toMatchObject({ code: "STALE_PLAN" });
    expect(stub.visible()).toEqual([]);
  });

  test("a refusal is a failure, silence is not known, neither is tried twice", async () => {
    for (const [status, success] of [[403, false], [502, "unknown"]] as const) {
      let trashed = false;
      const answer: GdriveStubOptions["answer"] = ({ method }) => (method === "PATCH" && trashed ? gdriveError(status, "insufficientFilePermissions") : undefined);
      const { stub, removed, undone } = await drive({ answer });
      stub.add("a");
      const run = await removed("a");
      trashed = true;
      const changes = stub.changes().length;
      expect((await undone(run))?.actions).toMatchObject([{ success }]);
      expect(stub.changes()).toHaveLength(changes + 1);
    }
  });
});
