import { execFileSync } from "node:child_process";
import { mkdirSync, renameSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { configSandbox, RIGHT } from "../support/config-sandbox.js";
import type { Sandbox } from "../support/config-sandbox.js";

describe("the configuration file", () => {
  let sandbox: Sandbox;
  beforeEach(() => {
    sandbox = configSandbox();
  });
  afterEach(() => sandbox.remove());

  const path = (name: string) => join(sandbox.project, name);

  test("that was asked for and is not there is an error, not a reason for the default", async () => {
    expect(await sandbox.problem({ file: path("other.yaml") })).toBe("other.yaml does not exist. 'enact-guard init' writes one.");
  });

  test("with another ending is an error, not a reason for the default", async () => {
    sandbox.write("enact.yml", RIGHT);
    expect(await sandbox.problem()).toBe("enact.yml is not read: the file must be called enact.yaml. Rename it, or name it with --config.");
    expect((await sandbox.load({ file: path("enact.yml") })).tools).toEqual(["git_push"]);
    renameSync(path("enact.yml"), path("Enact.YAML"));
    expect(await sandbox.problem()).toContain("Enact.YAML is not read: the file must be called enact.yaml.");
  });

  test("that is a folder, a link to nothing, a FIFO or a device is refused and does not hang", async () => {
    mkdirSync(path("enact.yaml"));
    expect(await sandbox.problem()).toBe("enact.yaml is a folder. Name the file in it: enact.yaml/enact.yaml");
    symlinkSync("nowhere", path("link.yaml"));
    expect(await sandbox.problem({ file: path("link.yaml") })).toContain("link.yaml does not exist");
    execFileSync("mkfifo", [path("fifo.yaml")]);
    expect(await sandbox.problem({ file: path("fifo.yaml") })).toBe("fifo.yaml is not a file that can be read.");
    expect(await sandbox.problem({ file: "/dev/zero" })).toBe("/dev/zero is not a file that can be read.");
  });

  test("that is a link to nothing is an error, not a reason for the default", async () => {
    symlinkSync("nowhere", path("enact.yaml"));
    expect(await sandbox.problem()).toBe("enact.yaml does not exist. 'enact-guard init' writes one.");
  });

  test("may begin with a byte order mark and have Windows line ends", async () => {
    sandbox.write("enact.yaml", `\uFEFF${RIGHT.replaceAll("\n", "\r\n")}`);
    expect((await sandbox.load()).tools).toEqual(["git_push"]);
    sandbox.write("enact.yaml", `\uFEFF${RIGHT.replace("identity:", "idenity:").replaceAll("\n", "\r\n")}`);
    expect(await sandbox.problem()).toBe("enact.yaml:1:1: unknown key 'idenity'. Did you mean 'identity'?");
  });

  test("in another encoding is refused with the line", async () => {
    sandbox.write("enact.yaml", Buffer.from(`\uFEFF${RIGHT}`, "utf16le"));
    expect(await sandbox.problem()).toBe("enact.yaml is UTF-16. Save it as UTF-8.");
    sandbox.write("enact.yaml", Buffer.from(RIGHT.replace("engineer", "ingéniör"), "latin1"));
    expect(await sandbox.problem()).toBe("enact.yaml:3: not UTF-8. Save the file as UTF-8.");
    sandbox.write("enact.yaml", RIGHT.replace("engineer", "engi\0neer"));
    expect(await sandbox.problem()).toBe("enact.yaml:3: a NUL byte. That is no text file.");
  });

  test("that is enormous is refused without being read", async () => {
    sandbox.write("enact.yaml", Buffer.alloc(5_000_000, "#"));
    expect(await sandbox.problem()).toBe("enact.yaml is larger than 256 KiB: that is no configuration.");
  });

  test("may be a link; both names are sources", async () => {
    sandbox.write("real.yaml", RIGHT);
    symlinkSync("real.yaml", path("enact.yaml"));
    expect((await sandbox.load()).sources).toEqual([path("enact.yaml"), path("real.yaml")]);
  });

  test("of a project that is not there is an error", async () => {
    expect(await sandbox.problem({ project: path("nowhere") })).toBe("the project nowhere is not a folder that can be opened.");
  });

  test("names enact_check and enact_receipts without effect: they are always there", async () => {
    sandbox.write("enact.yaml", RIGHT.replace("[git_push]", "[git_push, enact_check, enact_receipts]"));
    expect((await sandbox.load()).tools).toEqual(["git_push"]);
  });

  test("gets a notice for policies that do nothing", async () => {
    sandbox.write("enact.yaml", `${RIGHT}  - dont_delete_file\n  - dont_push_to_main: { branches: [] }\n`);
    expect((await sandbox.load()).notices.map((notice) => notice.replace(`${sandbox.project}/`, ""))).toEqual([
      "enact.yaml: line 9: dont_delete_file judges none of the enabled tools.",
      "enact.yaml: line 10: dont_push_to_main stands here a second time with the same options.",
    ]);
  });
});
