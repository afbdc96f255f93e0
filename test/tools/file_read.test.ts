import { execFileSync } from "node:child_process";
import { appendFileSync, chmodSync, linkSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { fileReadTool } from "../../src/tools/file_read.js";
import { ANCHORS, asOrdinaryUser, call, CANARY, fileWorld } from "../support/file-world.js";
import { executed, planned } from "../support/tool-calls.js";

describe.each(ANCHORS)("with folders addressed by %s", (anchor) => {
  test("text comes back to the byte, with its hash, and marked as from outside", async () => {
    const world = fileWorld();
    world.put("src/a.txt", "\uFEFFgrüße\r\n\0end");
    const execution = await call.read(world.open({ anchor }), "./src/../src/a.txt");
    expect(execution).toMatchObject({
      untrusted: true,
      actions: [{ action: "file_read", success: true, output: { path: "src/a.txt", size: 16, truncated: false } }],
      result: { path: "src/a.txt", content: "\uFEFFgrüße\r\n\0end", encoding: "utf-8", size: 16, truncated: false },
    });
    expect((execution.result as { sha256: string }).sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(JSON.stringify(execution.actions)).not.toContain("grüße");
  });

  test("what is no UTF-8 comes as base64 and says so", async () => {
    const world = fileWorld();
    const path = world.put("logo.bin");
    writeFileSync(path, Buffer.from([0xff, 0x00, 0xd8]));
    expect((await call.read(world.open({ anchor }), "logo.bin")).result).toMatchObject({ content: "/wDY", encoding: "base64", size: 3 });
  });

  test("a link that stays inside the root is read; the facts name both ends", async () => {
    const world = fileWorld();
    world.put("docs/real/a.txt", "hello");
    world.link("current", "docs/real");
    world.link("shortcut.md", "current/a.txt");
    const files = world.open({ anchor });
    const { payload } = await planned(fileReadTool, { path: "shortcut.md" }, files.reader);
    expect(payload).toMatchObject({
      path: "docs/real/a.txt",
      requested_path: "shortcut.md",
      real_path: join(world.root, "docs/real/a.txt"),
      kind: "file",
      size: 5,
      links: [{ path: "shortcut.md", target: "current/a.txt" }, { path: "current", target: "docs/real" }],
      extensions: [".md", ".txt"],
    });
    expect((await call.read(files, "shortcut.md")).result).toMatchObject({ content: "hello" });
    expect((await call.read(files, join(world.root, "current/a.txt"))).result).toMatchObject({ content: "hello" });
    expect((await call.read(files, `../${world.root.split("/").at(-1)}/docs/real/a.txt`)).result).toMatchObject({ content: "hello" });
  });

  test("the root may itself be a link", async () => {
    const world = fileWorld();
    world.put("a.txt", "hello");
    symlinkSync(world.root, `${world.root}-alias`);
    const files = world.open({ anchor, root: `${world.root}-alias` });
    expect((await call.read(files, "a.txt")).result).toMatchObject({ content: "hello" });
    expect((await call.read(files, `${world.root}-alias/a.txt`)).result).toMatchObject({ content: "hello" });
  });

  test.each([
    ["up and out", (): string => "../outside/secret.txt"],
    ["absolute", ({ outside }: { outside: string }): string => join(outside, "secret.txt")],
    ["deep and out", (): string => "a/b/../../../outside/secret.txt"],
    ["a link out", (): string => "out/secret.txt"],
    ["a link to the file", (): string => "alias"],
    ["a link to a link out", (): string => "hop"],
    ["a folder that begins like the root", ({ root }: { root: string }): string => `${root}-twin/x`],
    ["what does not exist outside", (): string => "../outside/nothing/at/all"],
    ["the system's files", (): string => "/etc/passwd"],
    ["a process's view of the root", (): string => "/proc/self/root/etc/passwd"],
    ["a process's working folder", (): string => "/proc/self/cwd/package.json"],
  ])("refuses what leads outside: %s", async (_title, path) => {
    const world = fileWorld();
    world.put("a/b/c.txt");
    world.link("out", world.outside);
    world.link("alias", "../outside/secret.txt");
    world.link("hop", "alias");
    await expect(call.read(world.open({ anchor }), path(world))).rejects.toMatchObject({
      code: "REFUSED",
      message: expect.stringContaining("outside the root") as string,
    });
  });

  test("a FIFO, a socket's neighbour and a device are refused at once", async () => {
    const world = fileWorld();
    execFileSync("mkfifo", [join(world.root, "pipe")]);
    world.link("null", "pipe");
    const started = Date.now();
    for (const path of ["pipe", "null"]) {
      await expect(call.read(world.open({ anchor }), path)).rejects.toMatchObject({ code: "REFUSED", message: /FIFO/ });
    }
    expect(Date.now() - started).toBeLessThan(2000);
  });

  test("a file that became a FIFO after it was judged does not hang the call", async () => {
    const world = fileWorld();
    const path = world.put("log.txt");
    const files = world.open({ anchor });
    const { step } = await planned(fileReadTool, { path: "log.txt" }, files.reader);
    rmSync(path);
    execFileSync("mkfifo", [path]);
    await expect(executed(fileReadTool, step, files.writer)).rejects.toMatchObject({ code: "STALE_PLAN" });
  });

  test.each([
    ["another file", (world: ReturnType<typeof fileWorld>) => renameSync(world.put("other.txt", "other"), join(world.root, "dir/a.txt"))],
    ["a link outside", (world: ReturnType<typeof fileWorld>) => {
      rmSync(join(world.root, "dir/a.txt"));
      world.link("dir/a.txt", join(world.outside, "secret.txt"));
    }],
    ["a folder swapped for a link", (world: ReturnType<typeof fileWorld>) => {
      renameSync(join(world.root, "dir"), join(world.root, "old"));
      world.link("dir", "old");
    }],
    ["another folder with the same file", (world: ReturnType<typeof fileWorld>) => {
      renameSync(join(world.root, "dir"), join(world.root, "old"));
      world.put("dir/b.txt");
      linkSync(join(world.root, "old/a.txt"), join(world.root, "dir/a.txt"));
    }],
    ["nothing", (world: ReturnType<typeof fileWorld>) => rmSync(join(world.root, "dir/a.txt"))],
  ])("is bound to the file that was judged: %s", async (_title, change) => {
    const world = fileWorld();
    world.put("dir/a.txt", "judged");
    const files = world.open({ anchor });
    const { step } = await planned(fileReadTool, { path: "dir/a.txt" }, files.reader);
    change(world);
    await expect(executed(fileReadTool, step, files.writer)).rejects.toMatchObject({ code: "STALE_PLAN", done: "Nothing was done." });
  });

  test("a log that grew meanwhile is still the judged file", async () => {
    const world = fileWorld();
    const path = world.put("app.log", "one\n");
    const files = world.open({ anchor });
    const { step } = await planned(fileReadTool, { path: "app.log" }, files.reader);
    appendFileSync(path, "two\n");
    expect((await executed(fileReadTool, step, files.writer)).result).toMatchObject({ content: "one\ntwo\n", size: 8 });
  });
});

test("a long file is cut between characters and says so", async () => {
  const world = fileWorld();
  world.put("long.txt", "ä".repeat(1000));
  const { result } = await call.read(world.open({ maxReadBytes: 101 }), "long.txt");
  expect(result).toMatchObject({ content: "ä".repeat(50), encoding: "utf-8", size: 2000, truncated: true });
  const exact = await call.read(world.open({ maxReadBytes: 2000 }), "long.txt");
  expect(exact.result).toMatchObject({ size: 2000, truncated: false });
});

test.each([
  ["", "INVALID_INPUT"],
  ["a\0b", "INVALID_INPUT"],
  ["\uD800", "INVALID_INPUT"],
  ["~", "INVALID_INPUT"],
  ["~/a.txt", "INVALID_INPUT"],
  ["C:\\Users\\a.txt", "INVALID_INPUT"],
  ["\\\\server\\share", "INVALID_INPUT"],
  ["file:///etc/passwd", "INVALID_INPUT"],
  ["a.txt/", "INVALID_INPUT"],
  ["a.txt/.", "INVALID_INPUT"],
  ["a.txt/b", "INVALID_INPUT"],
  [".", "INVALID_INPUT"],
  ["dir", "INVALID_INPUT"],
  ["dir/..", "INVALID_INPUT"],
  ["circle", "INVALID_INPUT"],
  ["missing.txt", "NOT_FOUND"],
  ["nowhere/../a.txt", "NOT_FOUND"],
  ["A.TXT", "NOT_FOUND"],
  ["dir\\b.txt", "NOT_FOUND"],
  ["-rf", "NOT_FOUND"],
  ["*", "NOT_FOUND"],
  ["$HOME", "NOT_FOUND"],
])("what is no path of a file is explained: %j", async (path, code) => {
  const world = fileWorld();
  world.put("a.txt");
  world.put("dir/b.txt");
  world.link("circle", "circle");
  const error: unknown = await world.open({ home: "/home/ann" }).reader.look(path, "read").catch((reason: unknown) => reason);
  expect(error).toMatchObject({ name: "EnactError", code });
  expect((error as { hint?: string }).hint).toBeTruthy();
});

test.each(["x".repeat(5000), "x/".repeat(2500), "x".repeat(256), `${"ä".repeat(128)}.txt`])("a path that is too long is an input error", async (path) => {
  await expect(fileWorld().open().reader.look(path, "read")).rejects.toMatchObject({ code: "INVALID_INPUT" });
});

test("names that only look strange are files like any other", async () => {
  const world = fileWorld();
  const names = ["-rf", "~backup", "a b", "$HOME", "*", "new\nline", "é", "é".normalize("NFD"), "..data", "...", "./~", "back\\slash", "日本語.txt", "😀"];
  for (const name of names) world.put(name, name);
  for (const name of names) expect((await call.read(world.open(), name)).result).toMatchObject({ content: name });
});

test("what may not be read or entered is told in words", async () => {
  const world = fileWorld();
  chmodSync(world.put("closed.txt"), 0);
  world.put("closed/a.txt");
  world.put("open.txt", "hello");
  chmodSync(join(world.root, "closed"), 0);
  const paths = ["closed.txt", "closed/a.txt", "open.txt"];
  const [file, folder, open] = await asOrdinaryUser(world, paths.map((path) => ({ tool: "file_read", input: { path } })));
  expect(file?.error).toMatchObject({ code: "ACTION_FAILED", message: expect.stringContaining("permission") as string });
  expect(folder?.error).toMatchObject({ code: "SYSTEM_UNAVAILABLE", message: expect.stringContaining("permission") as string });
  expect(open?.execution?.result).toMatchObject({ content: "hello" });
});

test("a root that is missing is the person's to correct", async () => {
  const world = fileWorld();
  const error: unknown = await world.open({ root: `${world.root}/none` }).reader.look("a", "read").catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: "SYSTEM_UNAVAILABLE", hint: expect.stringContaining("filesystem.root") as string });
});

test("a file with names outside the root shows that in the facts", async () => {
  const world = fileWorld();
  linkSync(join(world.outside, "secret.txt"), join(world.root, "hard.txt"));
  const { payload } = await planned(fileReadTool, { path: "hard.txt" }, world.open().reader);
  expect(payload).toMatchObject({ hard_links: 2, size: CANARY.length });
});
