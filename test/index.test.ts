import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";

import type { GuardInput, Policy } from "../src/index.js";
import { bindTool, createGuard, defineTool } from "../src/index.js";
import { dontDeleteFile, restrictPaths } from "../src/policies/filesystem/index.js";
import type { TestProject } from "./support/project.js";
import { testProject } from "./support/project.js";

let project: TestProject;
beforeEach(() => {
  project = testProject({ "notes.txt": "hello\n", "secret/plan.txt": "x\n" });
});
afterEach(() => project.remove());

/** Long enough, and opens nothing. */
const secret = "test-".repeat(8);

function settings(change: Partial<GuardInput> = {}): GuardInput {
  return {
    project: project.folder,
    enactHome: project.enactHome,
    env: project.env,
    identity: { user_email: "agent@company.com", actor_role: "engineer" },
    systems: { filesystem: { root: "." } },
    tools: ["file_read", "file_delete"],
    policies: ["dont_delete_file", restrictPaths(["."])],
    ...change,
  };
}

const noSecrets: Policy = ({ payload }) => {
  const pathIsFree = !String(payload["path"]).startsWith("secret/");
  return { policy: "no_secrets", passed: pathIsFree, reason: pathIsFree ? "Not a secret" : "A secret plan", hint: "Read something else." };
};

describe("createGuard", () => {
  test("guards as the server does, with policies by name, with options, as functions and of one's own", async () => {
    const policies = [dontDeleteFile, { restrict_paths: { allowed_dirs: ["."] } }, "code_freeze_active", noSecrets];
    const guard = await createGuard(settings({ policies, secret }));
    expect(guard.tools.map(({ name }) => name)).toEqual(["file_read", "file_delete", "enact_rollback"]);
    const forgetful = await createGuard(settings({ policies, secret, undo: { enabled: false } }));
    expect(forgetful.tools.map(({ name }) => name)).toEqual(["file_read", "file_delete"]);
    await forgetful.close();
    const read = await guard.call("file_read", { path: "notes.txt" });
    expect(read).toMatchObject({ status: "done", isError: false, receipt: { decision: "PASS", signature: expect.stringMatching(/^hmac-sha256:/u) as unknown } });
    const deleted = await guard.call("file_delete", { path: "notes.txt" });
    expect(deleted).toMatchObject({ status: "blocked", isError: true, receipt: { decision: "BLOCK" } });
    const own = await guard.call("file_read", { path: "secret/plan.txt" });
    expect(own.receipt?.policy_results).toContainEqual({ policy: "no_secrets", passed: false, reason: "A secret plan", hint: "Read something else." });
    expect(readFileSync(join(project.folder, "notes.txt"), "utf8")).toBe("hello\n");
    expect((await guard.receipts({})).map(({ decision }) => decision)).toEqual(["PASS", "PASS", "BLOCK", "BLOCK"]);
    await guard.close();
  });

  test("touches nothing before the first call", async () => {
    const before = project.everything();
    const guard = await createGuard(settings());
    await guard.check("file_read", { path: "notes.txt" });
    await guard.close();
    expect(project.everything()).toEqual(before);
  });

  test("takes tools of one's own", async () => {
    const said: string[] = [];
    const say = defineTool({
      name: "voice_say",
      title: "Say",
      description: "Says a text.",
      system: "voice",
      annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: true },
      input: z.strictObject({ text: z.string() }),
      payload: z.strictObject({ path: z.string() }),
      reversible: false,
      plan: async ({ text }: { text: string }) => ({ payload: { path: text }, step: { text }, target: text }),
      execute: async ({ text }: { text: string }, voice: { say(text: string): void }) => {
        voice.say(text);
        return { actions: [{ system: "voice", action: "say", success: true, output: {} }], result: null };
      },
    });
    const tool = bindTool(say, { reader: {}, writer: { say: (text: string) => void said.push(text) } });
    const guard = await createGuard(settings({ tools: [tool], systems: {}, policies: [noSecrets] }));
    expect(await guard.call("voice_say", { text: "hello" })).toMatchObject({ status: "done" });
    expect(await guard.call("voice_say", { text: "secret/x" })).toMatchObject({ status: "blocked" });
    expect(said).toEqual(["hello"]);
    await guard.close();
  });

  test("gives the same digest for the same meaning, and another for another policy", async () => {
    const digest = async (change: Partial<GuardInput>) => {
      const guard = await createGuard(settings(change));
      await guard.close();
      return guard.configDigest;
    };
    const first = await digest({ policies: [dontDeleteFile, restrictPaths(["."])] });
    expect(await digest({ policies: [restrictPaths(["."]), dontDeleteFile] })).toBe(first);
    expect(await digest({ policies: [dontDeleteFile, restrictPaths(["secret"])] })).not.toBe(first);
    expect(await digest({ policies: [dontDeleteFile, restrictPaths(["."]), noSecrets] })).not.toBe(first);
  });

  test.each<[string, Partial<GuardInput>, RegExp]>([
    ["a policy that does not exist", { policies: ["dont_delete_fiel"] }, /Did you mean 'dont_delete_file'/u],
    ["options that are wrong", { policies: [{ restrict_paths: { allowed_dir: ["."] } }] }, /allowed_dirs/u],
    ["a tool that does not exist", { tools: ["file_raed"] }, /file_read/u],
    ["a tool that nobody judges", { policies: ["dont_delete_file"] }, /no policy judges file_read/u],
    ["a system that is not there", { systems: {} }, /needs the system filesystem/u],
    ["a key that does not exist", { tolls: [] } as Partial<GuardInput>, /tolls/u],
    ["no identity", { identity: undefined } as unknown as Partial<GuardInput>, /identity/u],
    ["a function where data is wanted", { systems: { filesystem: { root: () => "." } } }, /plain data/u],
    ["a home that is relative", { env: { ENACT_HOME: "keys" }, enactHome: undefined } as unknown as Partial<GuardInput>, /absolute path/u],
  ])("refuses %s and starts nothing", async (_name, change, words) => {
    await expect(createGuard(settings(change))).rejects.toThrow(words);
    expect(existsSync(join(project.folder, ".enact"))).toBe(false);
  });

  test("takes text with a dollar and a brace for what it is", async () => {
    const identity = { user_email: "agent@company.com", actor_role: "engineer", user_attributes: { note: "${HOME} ${a-b} $${X} {}" } };
    const guard = await createGuard(settings({ identity }));
    expect(guard.identity.user_attributes).toEqual({ note: "${HOME} ${a-b} $${X} {}" });
    await guard.close();
  });

  test("does not serve policies that protect nothing", async () => {
    const { definePolicy } = await import("../src/index.js");
    const asleep = definePolicy({
      id: "asleep",
      category: "filesystem",
      workflows: "all",
      reads: [],
      options: z.strictObject({}),
      description: "Sleeps",
      hint: "Wake it.",
      examples: [{ title: "anything", passes: false, workflow: "file_read", payload: {} }],
      judge: () => ({ passed: true, reason: "zzz" }),
    }).create({});
    await expect(createGuard(settings({ policies: [asleep, "dont_delete_file"] }))).rejects.toMatchObject({
      code: "SELF_TEST_FAILED",
      message: expect.stringContaining("asleep lets a call pass") as unknown,
    });
  });
});
