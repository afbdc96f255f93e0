import { describe, expect, test } from "vitest";

import { blockExtensions, blockExtensionsPolicy } from "../../../src/policies/filesystem/index.js";
import { fileDeleteTool } from "../../../src/tools/file_delete.js";
import { fileReadTool } from "../../../src/tools/file_read.js";
import { fileWriteTool } from "../../../src/tools/file_write.js";
import { fileWorld } from "../../support/file-world.js";
import { testPolicy } from "../../support/policy-examples.js";
import { blockedBy, planned } from "../../support/tool-calls.js";

testPolicy(blockExtensionsPolicy);

const policy = [blockExtensions([".env", ".key", ".pem"])];

describe("real files", () => {
  test("its own name, that of a link, and of what the link leads to", async () => {
    const world = fileWorld();
    world.put("config/.env.local");
    world.put("notes.txt");
    world.link("innocent.txt", "hop");
    world.link("hop", "config/.env.local");
    world.link("looks.pem", "notes.txt");
    world.link("cfg", "config");
    const { reader } = world.open();
    const read = async (path: string) => blockedBy("file_read", (await planned(fileReadTool, { path }, reader)).payload, policy);
    expect(await read("innocent.txt")).toContain(".env.local");
    expect(await read("cfg/.env.local")).toContain(".env.local");
    expect(await read("looks.pem")).toContain(".pem");
    expect(await read("notes.txt")).toBeNull();
  });

  test("a folder on the way or deleted is no file, and its name does not count", async () => {
    const world = fileWorld();
    world.put("certs.key/readme.md");
    const { reader } = world.open();
    const { payload } = await planned(fileReadTool, { path: "certs.key/readme.md" }, reader);
    expect(blockedBy("file_read", payload, policy)).toBeNull();
    const folder = await planned(fileDeleteTool, { path: "certs.key", recursive: true }, reader);
    expect(blockedBy("file_delete", folder.payload, policy)).toBeNull();
  });

  test("every file of a recursive deletion, and what links in it lead to", async () => {
    const world = fileWorld();
    world.put("build/a/b/c/server.KEY");
    world.put("dist/a.js");
    world.link("dist/link", "../secret.pem");
    world.put("secret.pem");
    world.link("out/hop1", "hop2");
    world.link("out/hop2", "../secret.pem");
    world.put("clean/a.js");
    world.put("clean/.env.example");
    const { reader } = world.open();
    const remove = async (path: string) => blockedBy("file_delete", (await planned(fileDeleteTool, { path, recursive: true }, reader)).payload, policy);
    expect(await remove("build")).toContain(".key");
    expect(await remove("dist")).toContain(".pem");
    expect(await remove("out")).toContain(".pem");
    expect(await remove("dist/link")).toContain(".pem");
    expect(await remove("clean")).toBeNull();
  });

  test("a new file, and a link to a file that does not exist yet", async () => {
    const world = fileWorld();
    world.link("todo.txt", ".env");
    const { reader } = world.open();
    const write = async (path: string) => blockedBy("file_write", (await planned(fileWriteTool, { path, content: "x" }, reader)).payload, policy);
    expect(await write("new/prod.env")).toContain(".env");
    expect(await write("todo.txt")).toContain(".env");
    expect(await write("new/env.ts")).toBeNull();
  });
});

test.each([[[]], [["env"]], [["."]], [[".a/b"]], [["*.pem"]], [[""]], [[" .env"]], ["env"]])("options that protect nothing are refused: %j", (extensions) => {
  expect(() => blockExtensionsPolicy.create({ extensions })).toThrow(/dot|at least one|array/);
});

test("the template is only advised where it would pass", () => {
  const listed = blockedBy("file_read", { path: ".env", real_path: "/p/.env", extensions: [".env.example"] }, [blockExtensions([".env.example"])]);
  expect(listed).toContain(".env.example");
});
