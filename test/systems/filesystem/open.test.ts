import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { openFilesystem } from "../../../src/systems/filesystem.js";
import { fileDeleteTool } from "../../../src/tools/file_delete.js";
import { fileReadTool } from "../../../src/tools/file_read.js";
import { fileWriteTool } from "../../../src/tools/file_write.js";
import { ANCHORS, call, fileWorld } from "../../support/file-world.js";
import { executed, planned } from "../../support/tool-calls.js";

test("opening looks at nothing: a root that is missing is told by the first call", async () => {
  const { reader } = openFilesystem({ root: "/nowhere/at/all", protectedPaths: ["/nowhere/else"] });
  await expect(reader.look("a", "read")).rejects.toMatchObject({ code: "SYSTEM_UNAVAILABLE" });
});

test("a root that is not absolute is a defect of the caller", () => {
  expect(() => openFilesystem({ root: "relative", protectedPaths: [] })).toThrow("absolute");
});

test.each(ANCHORS)("the working directory is what it was, also after failures (%s)", async (anchor) => {
  const world = fileWorld();
  const before = process.cwd();
  const files = world.open({ anchor });
  await call.write(files, "a/b/c.txt", "x");
  await call.delete(files, "a", true);
  await expect(call.read(files, "a")).rejects.toMatchObject({ code: "NOT_FOUND" });
  expect(process.cwd()).toBe(before);
});

test("a working directory that was removed stops no call", async () => {
  const world = fileWorld();
  const before = process.cwd();
  const gone = join(world.outside, "..", "gone");
  mkdirSync(gone);
  process.chdir(gone);
  rmSync(gone, { recursive: true });
  try {
    await call.write(world.open({ anchor: "cwd" }), "a.txt", "x");
  } finally {
    process.chdir(before);
  }
  expect(world.read("a.txt")).toBe("x");
});

test("a call that was given up before it began does nothing", async () => {
  const world = fileWorld();
  world.put("a.txt", "old");
  const { reader, writer } = world.open();
  const signal = AbortSignal.abort();
  const read = await planned(fileReadTool, { path: "a.txt" }, reader);
  const write = await planned(fileWriteTool, { path: "a.txt", content: "new" }, reader);
  const remove = await planned(fileDeleteTool, { path: "a.txt" }, reader);
  await expect(executed(fileReadTool, read.step, writer, { signal })).rejects.toMatchObject({ code: "CANCELLED" });
  await expect(executed(fileWriteTool, write.step, writer, { signal })).rejects.toMatchObject({ code: "CANCELLED" });
  await expect(executed(fileDeleteTool, remove.step, writer, { signal })).rejects.toMatchObject({ code: "CANCELLED" });
  expect(world.inside()).toEqual({ "a.txt": "old" });
});
