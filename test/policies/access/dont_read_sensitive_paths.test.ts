import { linkSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { dontReadSensitivePaths, dontReadSensitivePathsPolicy } from "../../../src/policies/access/index.js";
import { describeFile } from "../../../src/tools/file/describe.js";
import { fileReadTool } from "../../../src/tools/file_read.js";
import { call, fileWorld } from "../../support/file-world.js";
import { testPolicy } from "../../support/policy-examples.js";
import { blockedBy, planned } from "../../support/tool-calls.js";

testPolicy(dontReadSensitivePathsPolicy);

function office() {
  const world = fileWorld();
  for (const path of ["vault/a.csv", "vault/deep/b.csv", "vault-docs/c.md", "d.md"]) world.put(path);
  world.link("secret", "vault");
  world.link("public/shortcut", "../vault/deep");
  world.link("e.md", "vault/a.csv");
  return world;
}

describe("real files, by tool and as attachments", () => {
  test.each([
    ["below it", "vault/a.csv", ["vault"], true],
    ["by a link to the folder", "public/shortcut/b.csv", ["vault"], true],
    ["by a link to the file", "e.md", ["vault"], true],
    ["the sensitive path is a link", "vault/a.csv", ["secret"], true],
    ["the sensitive path leads through a link", "vault/deep/b.csv", ["secret/deep"], true],
    ["the sensitive path is the file", "e.md", ["vault/a.csv"], true],
    ["absolute", "vault/a.csv", ["$root/vault"], true],
    ["spelled strangely", "./public/../vault//a.csv", ["vault/"], true],
    ["beside it, named alike", "vault-docs/c.md", ["vault"], false],
    ["elsewhere", "d.md", ["vault", "/etc", "nowhere"], false],
    ["another part of the same folder", "vault/a.csv", ["vault/deep"], false],
    ["all of the root", "d.md", ["."], true],
  ])("%s: %s", async (_title, path, written, isSensitive) => {
    const world = office();
    const paths = written.map((one) => one.replace("$root", world.root));
    const files = world.open({ watchPaths: paths });
    const policy = [dontReadSensitivePaths(paths)];
    const { payload } = await planned(fileReadTool, { path }, files.reader);
    expect(blockedBy("file_read", payload, policy) !== null).toBe(isSensitive);
    const { facts } = await describeFile(files.reader, path);
    expect(blockedBy("email_send", { attachments: [facts] }, policy) !== null).toBe(isSensitive);
    const harmless = (await describeFile(files.reader, "d.md")).facts;
    expect(blockedBy("email_send", { attachments: [harmless, facts] }, policy) !== null).toBe(isSensitive);
  });

  test("another name (hard link) of a sensitive file is the same file", async () => {
    const world = office();
    linkSync(join(world.root, "vault/a.csv"), join(world.root, "innocent.csv"));
    const { payload } = await planned(fileReadTool, { path: "innocent.csv" }, world.open({ watchPaths: ["vault/a.csv"] }).reader);
    expect(blockedBy("file_read", payload, [dontReadSensitivePaths(["vault/a.csv"])])).toContain("vault/a.csv");
  });

  test("the link that a policy names cannot be taken away to get round it", async () => {
    const world = office();
    const files = world.open({ watchPaths: ["secret"] });
    await expect(call.delete(files, "secret")).rejects.toMatchObject({ code: "REFUSED" });
    await expect(call.read(files, "secret/a.csv")).resolves.toBeDefined();
  });

  test("an attachment is read as exactly the file that was judged", async () => {
    const world = office();
    const { reader } = world.open();
    const { facts, step } = await describeFile(reader, "d.md");
    expect(facts).toMatchObject({ path: "d.md", real_path: join(world.root, "d.md"), kind: "file" });
    expect((await reader.read(step, 1000)).bytes.toString()).toBe("content of d.md\n");
    expect(await reader.read(step, 3)).toMatchObject({ truncated: true, size: 16 });
  });
});

test.each([[{}], [{ attachments: null }], [{ attachments: [null] }], [{ attachments: [{ path: "a", real_path: "/a", policy_paths: {} }] }]])(
  "attachments that are not known block: %j",
  (payload) => {
    expect(blockedBy("email_send", payload, [dontReadSensitivePaths(["vault"])])).not.toBeNull();
  },
);

test("what does not exist yet is compared as a forgiving file system would", () => {
  const policy_paths = { Vault: { real_path: "/p/Vault", exists: false, relation: "apart" } };
  expect(blockedBy("file_read", { path: "vault/a", real_path: "/p/vault/a", policy_paths }, [dontReadSensitivePaths(["Vault"])])).toContain("Vault");
});

test("options that protect nothing are refused", () => {
  expect(() => dontReadSensitivePaths([])).toThrow("at least one");
  expect(() => dontReadSensitivePaths([""])).toThrow(/small/);
});
