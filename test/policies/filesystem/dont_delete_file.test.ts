import { expect, test } from "vitest";

import { dontDeleteFile, dontDeleteFilePolicy } from "../../../src/policies/filesystem/index.js";
import { fileDeleteTool } from "../../../src/tools/file_delete.js";
import { call, fileWorld } from "../../support/file-world.js";
import { testPolicy } from "../../support/policy-examples.js";
import { blockedBy, planned } from "../../support/tool-calls.js";

testPolicy(dontDeleteFilePolicy);

test.each(["a.txt", "empty", "full", "link", "void"])("a real deletion of %s is blocked", async (path) => {
  const world = fileWorld();
  world.put("a.txt");
  world.put("full/b.txt");
  world.put("empty/x");
  await call.delete(world.open(), "empty/x");
  world.link("link", "full");
  world.link("void", "nowhere");
  const { payload } = await planned(fileDeleteTool, { path, recursive: true }, world.open().reader);
  expect(blockedBy("file_delete", payload, [dontDeleteFile])).toContain(`'${path}'`);
});
