import { afterEach, describe, expect, test } from "vitest";

import { dontDeleteWithoutHumanOk } from "../../src/policies/cloud_storage/index.js";
import { openGdrive } from "../../src/systems/gdrive.js";
import { gdriveDeleteTool } from "../../src/tools/gdrive_delete.js";
import { FOLDER, startGdriveStub, type GdriveStubOptions } from "../support/gdrive-stub.js";
import { blockedBy, executed, planned } from "../support/tool-calls.js";

const open: { close(): Promise<void> }[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((thing) => thing.close()));
});

async function drive(options: GdriveStubOptions & { maxDescendants?: number } = {}) {
  const stub = await startGdriveStub(options);
  const gdrive = openGdrive({ credentials: stub.credentials, rootUrl: stub.url, maxDescendants: options.maxDescendants });
  open.push(stub, gdrive);
  const plan = (file_id: string, more: object = {}) => planned(gdriveDeleteTool, { file_id, ...more }, gdrive.reader);
  const run = async (file_id: string, more: object = {}) => executed(gdriveDeleteTool, (await plan(file_id, more)).step, gdrive.writer);
  return { stub, gdrive, plan, run };
}

/** A folder with a file, a shortcut to a file elsewhere, and a folder with two more files. */
async function withFolder(options: GdriveStubOptions & { maxDescendants?: number } = {}) {
  const world = await drive(options);
  const { stub } = world;
  stub.add("top", { name: "Top", mimeType: FOLDER });
  stub.add("a", { parents: ["top"] });
  stub.add("link", { parents: ["top"], mimeType: "application/vnd.google-apps.shortcut" });
  stub.add("sub", { parents: ["top"], mimeType: FOLDER });
  stub.add("b", { parents: ["sub"] });
  stub.add("c", { parents: ["sub"] });
  stub.add("elsewhere");
  return world;
}

describe("what goes is what was judged", () => {
  test("planning changes nothing, and tells name, owner, with whom it is shared", async () => {
    const { stub, plan } = await drive();
    stub.add("f1", {
      name: "Budget.xlsx",
      size: "1234",
      version: "7",
      shared: true,
      permissions: [
        { type: "user", role: "owner", emailAddress: "ann@example.com" },
        { type: "user", role: "reader", emailAddress: "gone@example.com", deleted: true },
        { type: "domain", role: "writer", domain: "example.com" },
        { type: "anyone", role: "reader" },
      ],
    });
    const { payload, target } = await plan("f1");
    expect(payload).toEqual({
      action: "delete",
      path: "gdrive://f1",
      file_id: "f1",
      permanently: false,
      name: "Budget.xlsx",
      mime_type: "text/plain",
      is_folder: false,
      size: 1234,
      version: "7",
      owners: ["ann@example.com"],
      drive_id: null,
      in_trash: false,
      shared: true,
      shared_with: [
        { type: "user", role: "owner", who: "ann@example.com" },
        { type: "domain", role: "writer", who: "example.com" },
        { type: "anyone", role: "reader", who: "" },
      ],
      shared_with_count: 3,
      shared_with_anyone: true,
      children: 0,
      descendants: 0,
      reversible: true,
    });
    expect(target).toBe("file 'Budget.xlsx' to the trash");
    expect(stub.changes()).toEqual([]);
  });

  test("into the trash by default, from where it can come back; nothing else is touched", async () => {
    const { stub, run } = await drive();
    stub.add("f1");
    stub.add("f2");
    const { actions, result } = await run("f1");
    expect(stub.visible()).toEqual(["f2"]);
    expect(stub.files.get("f1")?.trashed).toBe(true);
    expect(result).toEqual({ file_id: "f1", permanently: false });
    expect(actions).toMatchObject([{ action: "trash", success: true, reversible: true, output: { precondition: "fresh_look" } }]);
    expect(stub.changes().map(({ method, body }) => [method, body])).toEqual([["PATCH", '{"trashed":true}']]);
  });

  test("for good only when that was asked, and the facts say so", async () => {
    const { stub, plan, run } = await drive();
    stub.add("f1");
    expect((await plan("f1", { permanently: true })).payload).toMatchObject({ permanently: true, reversible: false });
    const { actions } = await run("f1", { permanently: true });
    expect(stub.files.has("f1")).toBe(false);
    expect(actions).toMatchObject([{ action: "delete", success: true, reversible: false }]);
    for (const permanently of ["yes", 1, null]) await expect(plan("f1", { permanently })).rejects.toThrow(/permanently/);
  });

  test("a folder is counted to the bottom, page by page, and takes everything along", async () => {
    const { stub, plan, run } = await withFolder({ page: 1 });
    expect((await plan("top")).payload).toMatchObject({ is_folder: true, children: 3, descendants: 5 });
    await run("top");
    expect(stub.visible()).toEqual(["elsewhere"]);
  });

  test("what is in the trash already counts only where it would be destroyed", async () => {
    const { stub, plan } = await withFolder();
    stub.add("old", { parents: ["top"], trashed: true });
    expect((await plan("top")).payload.children).toBe(3);
    expect((await plan("top", { permanently: true })).payload.children).toBe(4);
  });

  test("more below a folder than can be counted is unknown, exactly the limit is not", async () => {
    expect((await (await withFolder({ maxDescendants: 5 })).plan("top")).payload.descendants).toBe(5);
    expect((await (await withFolder({ maxDescendants: 4 })).plan("top")).payload.descendants).toEqual({
      $unknown: "More than 4 files lie below the folder",
    });
  });

  test("a folder that lies below itself is counted once", async () => {
    const { stub, plan } = await drive();
    stub.add("x", { mimeType: FOLDER, parents: ["y"] });
    stub.add("y", { mimeType: FOLDER, parents: ["x"] });
    expect((await plan("x")).payload.descendants).toBe(2);
  });

  test("files of shared drives are found, and the drive itself is no file", async () => {
    const { stub, plan, run } = await drive();
    stub.add("0drive", { driveId: "0drive", mimeType: FOLDER });
    stub.add("s1", { driveId: "0drive", parents: ["0drive"], owners: [] });
    expect((await plan("s1")).payload).toMatchObject({ drive_id: "0drive", owners: [] });
    await run("s1");
    expect(stub.files.get("s1")?.trashed).toBe(true);
    await expect(plan("0drive")).rejects.toMatchObject({ code: "REFUSED", message: "This is a whole shared drive, not a file in it" });
  });

  test("whom it is shared with is unknown where the account may not see it", async () => {
    const { stub, plan } = await drive();
    const { permissions: _hidden, ...file } = stub.add("f1", { shared: true });
    stub.files.set("f1", file);
    expect((await plan("f1")).payload).toMatchObject({
      shared: true,
      shared_with: { $unknown: expect.any(String) as string },
      shared_with_anyone: { $unknown: expect.any(String) as string },
    });
  });

  test("many permissions are all counted", async () => {
    const { stub, plan } = await drive({ page: 40 });
    const permissions = Array.from({ length: 130 }, (_value, index) => ({ type: "user", role: "reader", emailAddress: `p${index}@example.com` }));
    stub.add("f1", { permissions: [...permissions, { type: "anyone", role: "reader" }] });
    const { payload } = await plan("f1");
    expect(payload).toMatchObject({ shared_with_count: 131, shared_with_anyone: true });
    expect(payload.shared_with).toHaveLength(100);
  });

  test("nothing goes without a person's word", async () => {
    const { stub, plan } = await drive();
    stub.add("f1");
    const { payload } = await plan("f1");
    expect(blockedBy("gdrive_delete", payload, [dontDeleteWithoutHumanOk("gdrive")])).toMatch(/No person has approved this deletion of gdrive:\/\/f1/);
    await expect(plan("f1", { human_ok: true })).rejects.toThrow(/human_ok/);
  });
});

describe("a world that moved on keeps everything", () => {
  test.each<[string, (stub: Awaited<ReturnType<typeof withFolder>>["stub"]) => unknown]>([
    ["edited, shared or moved", (stub) => stub.add("top", { name: "Top", mimeType: FOLDER, version: "2" })],
    ["trashed by somebody", (stub) => stub.add("top", { name: "Top", mimeType: FOLDER, trashed: true })],
    ["deleted", (stub) => stub.files.delete("top")],
    ["a file was added deep below", (stub) => stub.add("new", { parents: ["sub"] })],
    ["a file deep below was edited", (stub) => stub.add("b", { parents: ["sub"], version: "2" })],
    ["a file was taken out", (stub) => stub.add("c")],
  ])("%s", async (_name, change) => {
    const { stub, gdrive, plan } = await withFolder();
    const { step } = await plan("top");
    change(stub);
    await expect(executed(gdriveDeleteTool, step, gdrive.writer)).rejects.toMatchObject({ code: "STALE_PLAN" });
    expect(stub.changes()).toEqual([]);
  });

  test("cancelled before the deletion", async () => {
    const { stub, gdrive, plan } = await withFolder();
    const { step } = await plan("a");
    await expect(executed(gdriveDeleteTool, step, gdrive.writer, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "CANCELLED" });
    expect(stub.changes()).toEqual([]);
  });
});

describe("what is not one deletable file", () => {
  test.each([
    "", " f1", "f1 ", "f1/permissions", "../about", "f1?x=1", "f1#", "f1'", "https://drive.google.com/file/d/f1/view", "f1,f2", "f1\n", "fé1",
    "a".repeat(201), "f1\0",
  ])("%j is no id", async (id) => {
    const { stub, plan } = await drive();
    stub.add("f1");
    await expect(plan(id)).rejects.toMatchObject({ code: "INVALID_INPUT" });
    expect(stub.received).toEqual([]);
  });

  test.each(["root", "ROOT", "appDataFolder"])("%s stands for a whole drive", async (id) => {
    const { plan } = await drive();
    await expect(plan(id)).rejects.toMatchObject({ code: "REFUSED" });
  });

  test("an alias that answers with another file's id", async () => {
    const { stub, plan } = await drive();
    stub.files.set("alias", stub.add("0realRoot", { mimeType: FOLDER }));
    await expect(plan("alias")).rejects.toMatchObject({ code: "SYSTEM_UNAVAILABLE" });
  });

  test("a file that is not there, is trashed already, or belongs to somebody else", async () => {
    const { stub, plan, run } = await drive();
    await expect(plan("nowhere")).rejects.toMatchObject({ code: "NOT_FOUND" });
    stub.add("t", { trashed: true });
    await expect(plan("t")).rejects.toMatchObject({ code: "REFUSED", message: "'t.txt' is in the trash already" });
    await run("t", { permanently: true });
    expect(stub.files.has("t")).toBe(false);
    stub.add("foreign", { capabilities: { canTrash: false, canDelete: false } });
    await expect(plan("foreign")).rejects.toMatchObject({ code: "REFUSED", message: expect.stringMatching(/may not move it to the trash/) as string });
    await expect(plan("foreign", { permanently: true })).rejects.toMatchObject({ code: "REFUSED", message: expect.stringMatching(/may not delete it for good/) as string });
    expect(stub.files.get("foreign")?.trashed).toBe(false);
  });
});
