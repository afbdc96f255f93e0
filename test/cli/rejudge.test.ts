import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { DatabaseSync } from "@photostructure/sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";

import { verifyCommand } from "../../src/cli/verify.js";
import type { ToolInfo } from "../../src/tools/tool.js";
import { capturedIo } from "../support/cli-io.js";
import type { KillWorld } from "../support/kill-world.js";
import { KillWorld as World } from "../support/kill-world.js";
import { RawServer } from "../support/raw-server.js";
import { smallProject } from "../support/small-project.js";

/** A project whose past is four allowed calls, two that were blocked and one that could not be planned. */
let world: KillWorld;
beforeAll(async () => {
  world = await World.make({ sql: false });
  const server = new RawServer(world.project, world.env);
  await server.ready;
  for (const tool of ["file_delete", "file_write", "git_push", "file_delete"] as const) {
    const { args } = world.deed(tool);
    await server.call(tool, args);
  }
  await server.call("git_push", { branch: "main" });
  await server.call("file_delete", { path: "enact.yaml" });
  await server.call("file_write", { path: ".env", content: "A=1\n" });
  await server.close();
});
afterAll(() => world.remove());

function configuration(name: string, policies: readonly string[]): string {
  const file = join(world.project, name);
  const lines = [
    "identity: { user_email: agent@company.example, actor_role: engineer }",
    "systems: { git: { repo: ., remotes: [origin] }, filesystem: { root: . } }",
    "tools: [file_delete, file_write, git_push]",
    "policies:",
    ...policies.map((policy) => `  - ${policy}`),
    "receipts: { store: sqlite, signing: hmac }",
  ];
  writeFileSync(file, `${lines.join("\n")}\n`);
  return name;
}

test("against the configuration in force nothing changes", () => {
  const { code, out } = world.run("check", "--against", "receipts");
  expect([code, out]).toEqual([0, expect.stringMatching(/^Judged again by .*enact\.yaml: 6 decisions\. 6 as then, 0 otherwise, 0 cannot be told\.\n {2}1 call could not be planned/u)]);
  const verified = world.run("verify", "--rejudge");
  expect([verified.code, verified.out]).toEqual([0, expect.stringMatching(/^✓ 11 receipts verified[^]*6 as then, 0 otherwise/u)]);
});

test("against another one: what would be blocked, what would run, and why", () => {
  const config = configuration("next.yaml", ["require_branch_prefix: { prefix: bot/ }", "block_extensions: { extensions: [.txt] }"]);
  const { code, out } = world.run("check", "--against", "receipts", "--config", config);
  expect(code).toBe(1);
  expect(out).toMatch(/PASS → BLOCK {2}file_delete .* receipt 1 {2}run [0-9a-f-]{36}\n {6}✗ block_extensions \(then ✓\): /u);
  expect(out).toMatch(/PASS → BLOCK {2}git_push .*\n {6}✗ require_branch_prefix \(then not asked\): .*\n {6}– dont_push_to_main \(then ✓\)/u);
  expect(out).toMatch(/BLOCK → PASS {2}file_write .*\n {6}✓ block_extensions \(then ✗\)/u);
  const json = JSON.parse(world.run("check", "--against", "receipts", "--config", config, "--json").out) as { config: string; judged: number; same: number; unclear: unknown[]; changed: { was: string; now: string; workflow: string; sequence: number }[] };
  expect(json).toMatchObject({ config: join(world.project, config), judged: 6, same: 1, unclear: [], unplanned: 1 });
  expect(json.changed.map(({ sequence, workflow, was, now }) => `${String(sequence)} ${workflow} ${was} ${now}`)).toEqual([
    "1 file_delete PASS BLOCK", "3 file_write PASS BLOCK", "5 git_push PASS BLOCK", "7 file_delete PASS BLOCK", "11 file_write BLOCK PASS",
  ]);
  // Whether the ledger is right is another question than what would be decided today.
  expect(world.run("verify", "--rejudge", "--config", config)).toMatchObject({ code: 0, out: expect.stringContaining("5 otherwise") as string });
});

test("what nobody looked for then cannot be told, and is no change", () => {
  const config = configuration("paths.yaml", ["dont_push_to_main", "restrict_paths: { allowed_dirs: [src] }"]);
  const { code, out } = world.run("check", "--against", "receipts", "--config", config);
  expect(out).toMatch(/Cannot be told\n {2}PASS → cannot tell {2}file_delete .*\n {6}\? restrict_paths \(then not asked\): Cannot be judged: nobody found out where 'src' leads/u);
  expect(code).toBe(0);
});

test("a decision that does not follow from its facts under its own configuration is a failure of verify", async () => {
  // Policies that judge otherwise under the same digest: as after an update of the guard, or where a key was stolen.
  const { entries } = await world.verified();
  const strict = { name: "strict", policy: () => ({ policy: "strict", passed: false, reason: "no" }) };
  const project = smallProject({ policies: [strict] });
  const tools = ["file_delete", "file_write", "git_push"].map((name) => ({ ...project.guard.tools[0], name }) as ToolInfo);
  const open = async () => ({ ...project, config: { ...project.config, digest: entries[0]?.config_digest ?? "" }, guard: { ...project.guard, tools } });
  const io = capturedIo();
  const code = await verifyCommand({ rejudge: true, json: false }, io, { openLedger: () => world.reader(), open });
  expect([code, io.out()]).toEqual([1, expect.stringContaining("! 4 decisions of these were made under this very configuration") as string]);
  expect(io.out()).toMatch(/^✓ 11 receipts verified/u);
  const same = JSON.parse(world.run("verify", "--rejudge", "--json").out) as { rejudged: object };
  expect(same.rejudged).toMatchObject({ judged: 6, same: 6, changed: [], unclear: [], unplanned: 1 });
});

test.each([
  [["check", "--against", "calls"], "--against takes 'receipts', not 'calls'"],
  [["check", "file_delete", "--against", "receipts"], "name no tool with it"],
  [["check"], "Name the tool of the call"],
  [["check", "--against", "receipts", "--config", "nowhere.yaml"], "nowhere.yaml"],
])("%j is a wrong use", (args, words) => {
  expect(world.run(...args)).toMatchObject({ code: 2, err: expect.stringContaining(words) as string });
});

test("a ledger that does not verify is not judged", () => {
  const path = join(world.project, ".enact", "ledger.sqlite");
  const db = new DatabaseSync(path);
  db.exec("UPDATE entries SET entry = replace(entry, 'engineer', 'director') WHERE sequence = 6");
  db.close();
  expect(world.run("check", "--against", "receipts")).toMatchObject({ code: 1, err: expect.stringContaining("The ledger does not verify, so what it says is not judged: Receipt 6 was edited") as string });
  const { code, out } = world.run("verify", "--rejudge");
  expect([code, out]).toEqual([1, expect.stringMatching(/^✗ Receipt 6 was edited[^]*: 3 decisions\. 3 as then/u)]);
});

test("without a ledger there is nothing to judge", () => {
  rmSync(join(world.project, ".enact"), { recursive: true });
  rmSync(world.enactHome, { recursive: true });
  expect(world.run("check", "--against", "receipts")).toMatchObject({ code: 0, out: expect.stringContaining("0 decisions") as string });
});
