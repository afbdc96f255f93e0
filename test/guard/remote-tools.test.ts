import { afterEach, describe, expect, test } from "vitest";

import type { Policy } from "../../src/policies/policy.js";
import { dontDeleteWithoutHumanOk } from "../../src/policies/cloud_storage/index.js";
import { dontDuplicateContacts, limitTasksPerContactWith } from "../../src/policies/crm/index.js";
import { blockDms, noBroadcastMentions, requireChannelAllowlist } from "../../src/policies/slack/index.js";
import { openGdrive } from "../../src/systems/gdrive.js";
import { openHubspot } from "../../src/systems/hubspot.js";
import { openS3 } from "../../src/systems/s3.js";
import { openSlack } from "../../src/systems/slack.js";
import { crmCreateContactTool } from "../../src/tools/crm_create_contact.js";
import { crmCreateTaskTool } from "../../src/tools/crm_create_task.js";
import { gdriveDeleteTool } from "../../src/tools/gdrive_delete.js";
import { s3DeleteTool } from "../../src/tools/s3_delete.js";
import { slackPostTool } from "../../src/tools/slack_post.js";
import { bindTool, type GuardedTool } from "../../src/tools/tool.js";
import { startGdriveStub } from "../support/gdrive-stub.js";
import { guardSandbox, type GuardSandbox } from "../support/guard-sandbox.js";
import { startHubspotStub, TOKEN } from "../support/hubspot-stub.js";
import { deleted, isBatch, startS3Stub } from "../support/s3-stub.js";
import { startSlackEmulator } from "../support/slack-emulator.js";
import { startSlackStub } from "../support/slack-stub.js";

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

function guarded(tools: readonly GuardedTool[], policies: readonly Policy[]) {
  const sandbox: GuardSandbox = guardSandbox();
  closing.push(() => sandbox.remove());
  const named = policies.map((policy) => ({ name: policy.name, policy }));
  return sandbox.guard({ tools, policies: named, unguarded: tools.map(({ name }) => name) });
}

describe("slack_post through the guard", () => {
  test("a block names the channel and posts nothing; the legitimate twin is posted and receipted", async () => {
    const emulator = await startSlackEmulator();
    closing.push(() => emulator.close());
    const tool = bindTool(slackPostTool, openSlack({ token: emulator.token, apiUrl: emulator.apiUrl }));
    const guard = guarded([tool], [requireChannelAllowlist(["#general"]), blockDms, noBroadcastMentions]);
    expect(guard.selfTest()).toMatchObject({ ok: true });
    for (const input of [
      { channel: "#random", text: "hello" },
      { channel: "@bob", text: "hello" },
      { channel: "#general", text: "<!channel> hello" },
      { channel: "nowhere", text: "hello" },
    ]) {
      expect(await guard.call("slack_post", input)).toMatchObject({ status: "blocked", isError: true, result: null });
    }
    expect(await emulator.messages()).toEqual([]);
    const report = await guard.call("slack_post", { channel: "C000000001", text: "build is green" });
    expect(report).toMatchObject({ status: "done", isError: false, receipt: { decision: "PASS", phase: "outcome" } });
    expect((await emulator.messages()).map(({ channel, text }) => [channel, text])).toEqual([["C000000001", "build is green"]]);
    expect(JSON.stringify(await guard.receipts({}))).not.toContain("build is green");
  });

  test.each([["reset", "unknown"], ["hang", "unknown"]] as const)("a post that ends in %s is recorded as %s, and never called done", async (answer, success) => {
    const stub = await startSlackStub({ "chat.postMessage": () => answer });
    closing.push(() => stub.close());
    const tool = bindTool(slackPostTool, openSlack({ token: "xoxb-x", apiUrl: stub.apiUrl, timeoutMs: 300 }));
    const report = await guarded([tool], [blockDms]).call("slack_post", { channel: "#general", text: "hello" });
    expect(report).toMatchObject({ status: "failed", isError: true, receipt: { decision: "PARTIAL", actions_taken: [{ success }] } });
    expect(report.text).toMatch(/may have been posted/);
    expect(stub.calls("chat.postMessage")).toHaveLength(1);
  });
});

describe("deletions through the guard", () => {
  test("nothing goes without a person's word, from S3 and from Drive", async () => {
    const [bucket, drive] = [await startS3Stub({ a: '"1"' }, () => undefined), await startGdriveStub()];
    closing.push(() => bucket.close(), () => drive.close());
    drive.add("f1");
    const s3 = openS3({ region: "us-east-1", endpoint: bucket.url, credentials: { accessKeyId: "k", secretAccessKey: "s" } });
    const gdrive = openGdrive({ credentials: drive.credentials, rootUrl: drive.url });
    closing.push(() => s3.close());
    const policies = [dontDeleteWithoutHumanOk("s3"), dontDeleteWithoutHumanOk("gdrive")];
    const guard = guarded([bindTool(s3DeleteTool, s3), bindTool(gdriveDeleteTool, gdrive)], policies);
    expect(guard.selfTest()).toMatchObject({ ok: true });
    for (const [tool, input] of [["s3_delete", { bucket: "bucket", key: "a" }], ["gdrive_delete", { file_id: "f1" }]] as const) {
      const report = await guard.call(tool, input);
      expect(report).toMatchObject({ status: "blocked", receipt: { decision: "BLOCK" } });
      expect(report.text).toMatch(/No person has approved this deletion/);
    }
    expect(bucket.batches()).toEqual([]);
    expect(drive.visible()).toEqual(["f1"]);
  });

  test("some deleted, some not: PARTIAL, with an outcome for each object", async () => {
    const answer = deleted(["a"], { b: "AccessDenied" });
    const bucket = await startS3Stub({ a: '"1"', b: '"2"' }, (request) => (isBatch(request) ? answer : undefined));
    const s3 = openS3({ region: "us-east-1", endpoint: bucket.url, credentials: { accessKeyId: "k", secretAccessKey: "s" } });
    closing.push(() => bucket.close(), () => s3.close());
    const report = await guarded([bindTool(s3DeleteTool, s3)], []).call("s3_delete", { bucket: "bucket", keys: ["a", "b"] });
    expect(report).toMatchObject({
      status: "failed",
      receipt: { decision: "PARTIAL", actions_taken: [{ output: { key: "a" }, success: true }, { output: { key: "b" }, success: false }] },
    });
  });
});

describe("the CRM's limits hold for calls at the same moment", () => {
  test("one contact of five", async () => {
    const stub = await startHubspotStub({ notSearchable: Array.from({ length: 50 }, (_value, index) => String(100 + index)) });
    const hubspot = openHubspot({ token: TOKEN, baseUrl: stub.url });
    closing.push(() => stub.close(), () => hubspot.close());
    const guard = guarded([bindTool(crmCreateContactTool, hubspot)], [dontDuplicateContacts]);
    const spellings = ["bob@example.com", "Bob@example.com", "bob+a@example.com", "BOB+B@example.com", "bob+c@example.com"];
    const reports = await Promise.all(spellings.map((email) => guard.call("crm_create_contact", { email })));
    expect(reports.filter(({ status }) => status === "done")).toHaveLength(1);
    expect(reports.filter(({ status }) => status === "blocked")).toHaveLength(4);
    expect(stub.contacts).toHaveLength(1);
  });

  test("two tasks of six, and no false block before", async () => {
    const stub = await startHubspotStub();
    const hubspot = openHubspot({ token: TOKEN, baseUrl: stub.url });
    closing.push(() => stub.close(), () => hubspot.close());
    const bob = stub.addContact("bob@example.com");
    const guard = guarded([bindTool(crmCreateTaskTool, hubspot)], [limitTasksPerContactWith({ max_tasks: 3 })]);
    const task = (contact: string) => guard.call("crm_create_task", { contact, subject: "Call" });
    expect(await task(bob.id)).toMatchObject({ status: "done" });
    const reports = await Promise.all([bob.id, "bob@example.com", "BOB@example.com", bob.id, bob.id, bob.id].map(task));
    expect(reports.filter(({ status }) => status === "done")).toHaveLength(2);
    expect(stub.tasks).toHaveLength(3);
    expect((await task(bob.id)).text).toMatch(/got 3 tasks in the last 7 days \(limit 3\)/);
  });
});
