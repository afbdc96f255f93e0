import { describe, expect, test } from "vitest";
import { z } from "zod";

import { checkCommand } from "../../src/cli/check.js";
import { argumentsOf } from "../../src/cli/pairs.js";
import { capturedIo } from "../support/cli-io.js";
import { smallProject } from "../support/small-project.js";

const input = z.strictObject({
  text: z.string(),
  mode: z.enum(["a", "b"]).optional(),
  flag: z.boolean().default(false),
  count: z.int().optional(),
  paths: z.array(z.string()).optional(),
  numbers: z.array(z.number()).optional(),
  to: z.union([z.string(), z.array(z.string())]).optional(),
  params: z.array(z.json()).default([]),
  properties: z.record(z.string(), z.unknown()).optional(),
  either: z.union([z.number(), z.null()]).optional(),
});

describe("key=value as arguments", () => {
  test.each([
    [["text=main"], { text: "main" }],
    [["text=5"], { text: "5" }],
    [["text=true"], { text: "true" }],
    [["text={}"], { text: "{}" }],
    [["text="], { text: "" }],
    [["text=a=b=c"], { text: "a=b=c" }],
    [["mode=a"], { mode: "a" }],
    [["flag=true"], { flag: true }],
    [["flag=yes"], { flag: "yes" }],
    [["count=5"], { count: 5 }],
    [["paths=a.txt"], { paths: ["a.txt"] }],
    [["paths=5"], { paths: ["5"] }],
    [['paths=["a","b"]'], { paths: ["a", "b"] }],
    [["paths=a", "paths=b"], { paths: ["a", "b"] }],
    [["numbers=1", "numbers=2"], { numbers: [1, 2] }],
    [["to=bob@example.com"], { to: "bob@example.com" }],
    [["to=a@example.com", "to=b@example.com"], { to: ["a@example.com", "b@example.com"] }],
    [['to=["a@example.com"]'], { to: ["a@example.com"] }],
    [['params=[1,"two",null]'], { params: [1, "two", null] }],
    [['properties={"a":1}'], { properties: { a: 1 } }],
    [["either=null"], { either: null }],
    [["unknown=x"], { unknown: "x" }],
    [["__proto__=x"], Object.fromEntries([["__proto__", "x"]])],
    [[], {}],
  ])("%j", (pairs, args) => {
    expect(argumentsOf(pairs, input)).toEqual(args);
    expect(Object.keys(argumentsOf(pairs, input))).toEqual(Object.keys(args));
  });

  test.each([["branch"], ["=x"], [""]])("'%s' is no argument", (pair) => {
    expect(() => argumentsOf([pair], input)).toThrow(/write key=value/u);
  });

  test("a key given twice where one value is wanted", () => {
    expect(() => argumentsOf(["text=a", "text=b"], input)).toThrow("'text' is given 2 times, and takes one value.");
  });
});

async function check(tool: string, pairs: readonly string[], json = false) {
  const io = capturedIo();
  const project = smallProject();
  const code = await checkCommand({ tool, pairs, json }, io, async () => project);
  return { code, project, out: io.out() };
}

describe("enact-guard check", () => {
  test("says what would run, does nothing, and closes what it opened", async () => {
    const { code, out, project } = await check("speak", ["text=yes"]);
    expect(code).toBe(0);
    expect(out).toMatch(/^WOULD RUN {2}speak/u);
    expect([project.guard.seen, project.guard.entries, project.closed]).toEqual([[], [], true]);
  });

  test("exits 1 for a block", async () => {
    const { code, out } = await check("speak", ["text=no"]);
    expect(code).toBe(1);
    expect(out).toMatch(/^WOULD BE BLOCKED {2}speak/u);
  });

  test("exits 2 for arguments that are not well-formed", async () => {
    const { code, out } = await check("speak", ["text=a", "txet=b"]);
    expect(code).toBe(2);
    expect(out).toContain("unknown argument 'txet'");
  });

  test.each([
    ["yes", true, "PASS"],
    ["no", false, "BLOCK"],
  ])("--json for %s", async (text, wouldRun, decision) => {
    const { out } = await check("speak", [`text=${text}`], true);
    expect(JSON.parse(out)).toMatchObject({ tool: "speak", would_run: wouldRun, decision, receipt: { decision } });
  });

  test("an unknown tool is a usage error with the nearest name, and all is closed", async () => {
    const io = capturedIo();
    const project = smallProject();
    await expect(checkCommand({ tool: "speek", pairs: [], json: false }, io, async () => project)).rejects.toMatchObject({
      code: "USAGE",
      message: expect.stringContaining("Did you mean 'speak'?") as unknown,
    });
    expect(project.closed).toBe(true);
  });
});
