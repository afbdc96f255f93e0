import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

import { holdDataDir } from "../../../src/systems/postgres/embedded-lock.js";

let folder: string;
let dataDir: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "enact-lock-"));
  dataDir = join(folder, "postgres");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("only one at a time, and the next when it is free again", () => {
  const free = holdDataDir(dataDir);
  expect(() => holdDataDir(dataDir)).toThrow(`in use by process ${process.pid}`);
  free();
  expect(existsSync(`${dataDir}.lock`)).toBe(false);
  holdDataDir(dataDir)();
});

test("another process that is alive keeps it", () => {
  const child = spawn(process.execPath, ["-e", "setTimeout(() => {}, 60000)"]);
  try {
    writeFileSync(`${dataDir}.lock`, String(child.pid));
    expect(() => holdDataDir(dataDir)).toThrow(`in use by process ${String(child.pid)}`);
  } finally {
    child.kill("SIGKILL");
  }
});

test("what a killed process left behind is taken over", () => {
  const { pid } = spawnSync(process.execPath, ["-e", ""]);
  writeFileSync(`${dataDir}.lock`, String(pid));
  const free = holdDataDir(dataDir);
  expect(readFileSync(`${dataDir}.lock`, "utf8")).toBe(String(process.pid));
  free();
});

test.each(["", "rubbish", "-1", "0"])("a lock that says '%s' is respected, with words on how to remove it", (content) => {
  writeFileSync(`${dataDir}.lock`, content);
  expect(() => holdDataDir(dataDir)).toThrow(expect.objectContaining({ code: "SYSTEM_UNAVAILABLE", hint: expect.stringContaining(`remove ${dataDir}.lock`) as unknown }) as Error);
});
