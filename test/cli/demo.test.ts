import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { SCENES } from "../../src/cli/demo/story.js";
import { MAIN } from "../support/mcp-client.js";

interface Shown {
  readonly title: string;
  readonly expected: string;
  readonly decision: string;
  readonly text: string;
  readonly as_it_must_be: boolean;
}

function demo(temporary: string, ...flags: readonly string[]): Promise<{ code: number; stdout: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, "demo", ...flags], { env: { ...process.env, NO_COLOR: "1", TMPDIR: temporary } }, (error, stdout) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout });
    });
  });
}

describe("the demo", () => {
  it("plays every incident and its twin on the real systems, verifies, and leaves nothing behind", { timeout: 60_000 }, async () => {
    const temporary = mkdtempSync(join(tmpdir(), "enact-demo-test-"));
    const { code, stdout } = await demo(temporary, "--json");
    const { ok, scenes, verify } = JSON.parse(stdout) as { ok: boolean; scenes: Shown[]; verify: { code: number } };
    expect(scenes.filter((scene) => !scene.as_it_must_be)).toEqual([]);
    expect(scenes.map((scene) => scene.title)).toEqual(SCENES.map((scene) => scene.title));
    expect(scenes.filter((scene) => scene.expected === "blocked").every((scene) => scene.text.startsWith("BLOCKED"))).toBe(true);
    expect({ ok, code, verified: verify.code }).toEqual({ ok: true, code: 0, verified: 0 });
    expect(readdirSync(temporary)).toEqual([]);
    rmSync(temporary, { recursive: true });
  });

  it("has a legitimate twin for what it blocks", () => {
    const tools = (expected: string) => new Set(SCENES.filter((scene) => scene.expected === expected).map((scene) => scene.tool));
    expect([...tools("blocked")].filter((tool) => !tools("done").has(tool))).toEqual(["git_delete_branch"]);
    expect(SCENES.filter((scene) => scene.expected === "blocked").every((scene) => scene.incident !== undefined)).toBe(true);
  });
});
