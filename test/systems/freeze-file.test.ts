import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { readFreezeFile } from "../../src/systems/freeze-file.js";

let project: string;
let path: string;
beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), "enact-freeze-"));
  path = join(project, ".enact", "FREEZE");
});
afterEach(() => rmSync(project, { recursive: true, force: true }));

const freeze = (content: string | Uint8Array) => {
  mkdirSync(join(project, ".enact"), { recursive: true });
  writeFileSync(path, content);
};

describe("nothing is frozen", () => {
  test("without a state folder", () => expect(readFreezeFile(path)).toBeNull());
  test("without the file", () => {
    mkdirSync(join(project, ".enact"));
    expect(readFreezeFile(path)).toBeNull();
  });
});

describe("frozen, with the reason", () => {
  test("that the file holds", () => {
    freeze("  Release week.\nAsk Ann.\n");
    expect(readFreezeFile(path)).toEqual({ reason: "Release week.\nAsk Ann." });
  });
  test("that is empty", () => {
    freeze("");
    expect(readFreezeFile(path)).toEqual({ reason: "" });
  });
  test("of which only the beginning is read, whole characters only", () => {
    freeze(`a${"é".repeat(5_000_000)}`);
    expect(readFreezeFile(path)).toEqual({ reason: `a${"é".repeat(999)}` });
  });
  test("that is no text", () => {
    freeze(Uint8Array.from([0xff, 0xfe, 0x00, 0x41]));
    expect(readFreezeFile(path)).toHaveProperty("reason");
  });
  test("as soon as it is written, and no longer than it is there", () => {
    freeze("now");
    expect(readFreezeFile(path)).not.toBeNull();
    rmSync(path);
    expect(readFreezeFile(path)).toBeNull();
  });
});

describe("not known, which blocks", () => {
  test.each([
    ["a link that leads nowhere", () => symlinkSync("/nowhere", path)],
    ["a link to a file", () => symlinkSync("/etc/hostname", path)],
    ["a folder", () => mkdirSync(path)],
    ["a pipe that nobody writes to", () => execFileSync("mkfifo", [path])],
  ])("%s", (_name, make) => {
    mkdirSync(join(project, ".enact"));
    make();
    expect(readFreezeFile(path)).toHaveProperty("why");
  });
  test("a state folder exchanged for a link to an empty one", () => {
    mkdirSync(join(project, "empty"));
    symlinkSync("empty", join(project, ".enact"));
    expect(readFreezeFile(path)).toHaveProperty("why");
  });
  test("a file where the state folder should be", () => {
    writeFileSync(join(project, ".enact"), "");
    expect(readFreezeFile(path)).toHaveProperty("why");
  });
});
