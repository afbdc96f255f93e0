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

function demo(temporary: string, node: readonly string[], ...flags: readonly string[]): Promise<{ code: number; stdout: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [...node, MAIN, "demo", ...flags], { env: { ...process.env, NO_COLOR: "1", TMPDIR: temporary } }, (error, stdout) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout });
    });
  });
}

/** Makes Node not find the two packages. */
const HOOKS = `export const resolve = (name, context, next) => {
  if (name !== "smtp-server" && name !== "emulate") return next(name, context);
  throw Object.assign(new Error("not installed"), { code: "ERR_MODULE_NOT_FOUND" });
};`;
const WITHOUT_SERVERS = asModule(`import { register } from "node:module"; register(${JSON.stringify(asModule(HOOKS))});`);

function asModule(source: string): string {
  return `data:text/javascript,${encodeURIComponent(source)}`;
}

describe("the demo", () => {
  it("plays every incident and its twin on the real systems, verifies, and leaves nothing behind", { timeout: 60_000 }, async () => {
    const temporary = mkdtempSync(join(tmpdir(), "enact-demo-test-"));
    const { code, stdout } = await demo(temporary, [], "--json");
    const { ok, scenes, verify } = JSON.parse(stdout) as { ok: boolean; scenes: Shown[]; verify: { code: number } };
    expect(scenes.filter((scene) => !scene.as_it_must_be)).toEqual([]);
    expect(scenes.map((scene) => scene.title)).toEqual(SCENES.map((scene) => scene.title));
    expect(scenes.filter((scene) => scene.expected === "blocked").every((scene) => scene.text.startsWith("BLOCKED"))).toBe(true);
    expect({ ok, code, verified: verify.code }).toEqual({ ok: true, code: 0, verified: 0 });
    expect(readdirSync(temporary)).toEqual([]);
    rmSync(temporary, { recursive: true });
  });

  it("leaves out the scenes whose servers are not installed, as in the published package, and says so", { timeout: 60_000 }, async () => {
    const temporary = mkdtempSync(join(tmpdir(), "enact-demo-test-"));
    const { code, stdout } = await demo(temporary, ["--import", WITHOUT_SERVERS]);
    const needy = SCENES.filter((scene) => scene.needs !== undefined);
    expect(needy.length).toBeGreaterThan(5);
    expect(stdout).toContain(`Left out: ${needy.length} scenes with messages, because smtp-server and emulate@0.12.2 are not installed`);
    expect(stdout).toContain(`${SCENES.length - needy.length} of ${SCENES.length - needy.length} scenes went as they must; the ledger verifies.`);
    expect({ code, left: readdirSync(temporary) }).toEqual({ code: 0, left: [] });
    rmSync(temporary, { recursive: true });
  });

  it("has a legitimate twin for what it blocks", () => {
    const tools = (expected: string) => new Set(SCENES.filter((scene) => scene.expected === expected).map((scene) => scene.tool));
    expect([...tools("blocked")].filter((tool) => !tools("done").has(tool))).toEqual(["git_delete_branch"]);
    expect(SCENES.filter((scene) => scene.expected === "blocked").every((scene) => scene.incident !== undefined)).toBe(true);
  });
});
