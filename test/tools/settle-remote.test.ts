import * as sdk from "@aws-sdk/client-s3";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

import { openGdrive } from "../../src/systems/gdrive.js";
import { openHubspot } from "../../src/systems/hubspot.js";
import { openS3, type S3System } from "../../src/systems/s3.js";
import { openSlack } from "../../src/systems/slack.js";
import { crmCreateContactTool } from "../../src/tools/crm_create_contact.js";
import { crmCreateTaskTool } from "../../src/tools/crm_create_task.js";
import { emailSendTool } from "../../src/tools/email_send.js";
import { gdriveDeleteTool } from "../../src/tools/gdrive_delete.js";
import { s3DeleteTool } from "../../src/tools/s3_delete.js";
import { slackPostTool } from "../../src/tools/slack_post.js";
import { sqlQueryTool } from "../../src/tools/sql_query.js";
import { startGdriveStub } from "../support/gdrive-stub.js";
import { startHubspotStub, TOKEN } from "../support/hubspot-stub.js";
import { startRgw, whyNoRgw, type Rgw } from "../support/s3-rgw.js";
import { settled } from "../support/settling.js";
import { CHANNEL, startSlackStub } from "../support/slack-stub.js";
import { executed, planned } from "../support/tool-calls.js";

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((thing) => thing.close()));
});

/** So short a time ago that the server may still be at work on the request. */
const JUST_NOW = { age: 3_000 };
const stillOpen = expect.stringContaining("may still be at work") as string;
const reason = whyNoRgw();

describe.skipIf(reason !== undefined)(`s3_delete, against Ceph RADOSGW${reason === undefined ? "" : ` (skipped: ${reason})`}`, () => {
  let rgw: Rgw;
  let s3: S3System;
  let server: sdk.S3Client;
  beforeAll(async () => {
    rgw = await startRgw();
    const { endpoint, credentials } = rgw;
    s3 = openS3({ region: "us-east-1", endpoint, credentials });
    server = new sdk.S3Client({ region: "us-east-1", endpoint, forcePathStyle: true, credentials, maxAttempts: 1 });
  });
  afterAll(async () => {
    await s3.close();
    server.destroy();
    await rgw.stop();
  });

  async function bucket(Bucket: string, isVersioned: boolean): Promise<string> {
    await server.send(new sdk.CreateBucketCommand({ Bucket }));
    if (isVersioned) await server.send(new sdk.PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: "Enabled" } }));
    for (const Key of ["logs/1", "logs/2"]) await server.send(new sdk.PutObjectCommand({ Bucket, Key, Body: Key }));
    return Bucket;
  }
  const put = (Bucket: string, Key: string, Body: string) => server.send(new sdk.PutObjectCommand({ Bucket, Key, Body }));

  test.each([["plain", false], ["versioned", true]])("a %s bucket: all there is not done, none there is done, some there nobody can tell", async (name, isVersioned) => {
    const Bucket = await bucket(name, isVersioned);
    const { payload, step } = await planned(s3DeleteTool, { bucket: Bucket, prefix: "logs/" }, s3.reader);
    expect(await settled(s3DeleteTool, payload, s3.reader)).toMatchObject({ found: "not_done", facts: { gone: 0, left: 2, changed: 0 } });
    expect(await settled(s3DeleteTool, payload, s3.reader, JUST_NOW)).toMatchObject({ found: "not_done", stillOpen });
    await server.send(new sdk.DeleteObjectCommand({ Bucket, Key: "logs/1" }));
    expect(await settled(s3DeleteTool, payload, s3.reader)).toMatchObject({ found: "cannot_tell", reason: expect.stringContaining("1 gone, 1 unchanged") as string });
    await put(Bucket, "logs/1", "logs/1");
    await executed(s3DeleteTool, (await planned(s3DeleteTool, { bucket: Bucket, prefix: "logs/" }, s3.reader)).step, s3.writer);
    expect(step).toBeDefined();
    expect(await settled(s3DeleteTool, payload, s3.reader, JUST_NOW)).toMatchObject({ found: "done" });
    expect(await settled(s3DeleteTool, payload, s3.reader, { sameConfiguration: false })).toMatchObject({ found: "cannot_tell" });
    await put(Bucket, "logs/2", "another one");
    expect(await settled(s3DeleteTool, payload, s3.reader)).toMatchObject({ found: "cannot_tell", facts: { gone: 1, changed: 1 } });
  });

  test("a version, and a delete marker", async () => {
    const Bucket = await bucket("history", true);
    const version = (await put(Bucket, "logs/1", "second")).VersionId ?? "";
    const first = await planned(s3DeleteTool, { bucket: Bucket, key: "logs/1", version_id: version }, s3.reader);
    expect(await settled(s3DeleteTool, first.payload, s3.reader)).toMatchObject({ found: "not_done" });
    await executed(s3DeleteTool, first.step, s3.writer);
    expect(await settled(s3DeleteTool, first.payload, s3.reader)).toMatchObject({ found: "done" });
    const marker = (await server.send(new sdk.DeleteObjectCommand({ Bucket, Key: "logs/2" }))).VersionId ?? "";
    const second = await planned(s3DeleteTool, { bucket: Bucket, key: "logs/2", version_id: marker }, s3.reader);
    expect(await settled(s3DeleteTool, second.payload, s3.reader)).toMatchObject({ found: "not_done" });
    await executed(s3DeleteTool, second.step, s3.writer);
    expect(await settled(s3DeleteTool, second.payload, s3.reader)).toMatchObject({ found: "done" });
  });
});

describe("gdrive_delete", () => {
  async function drive() {
    const stub = await startGdriveStub();
    const gdrive = openGdrive({ credentials: stub.credentials, rootUrl: stub.url });
    open.push(stub, gdrive);
    stub.add("f1", { name: "Budget" });
    return { stub, gdrive };
  }

  test("to the trash: there is done, where it was is not done, gone altogether nobody can tell", async () => {
    const { stub, gdrive } = await drive();
    const { payload, step } = await planned(gdriveDeleteTool, { file_id: "f1" }, gdrive.reader);
    expect(await settled(gdriveDeleteTool, payload, gdrive.reader)).toMatchObject({ found: "not_done" });
    expect(await settled(gdriveDeleteTool, payload, gdrive.reader, JUST_NOW)).toMatchObject({ found: "not_done", stillOpen });
    await executed(gdriveDeleteTool, step, gdrive.writer);
    expect(await settled(gdriveDeleteTool, payload, gdrive.reader)).toMatchObject({ found: "done", reason: "'Budget' is in the trash" });
    stub.files.delete("f1");
    expect(await settled(gdriveDeleteTool, payload, gdrive.reader)).toMatchObject({ found: "cannot_tell" });
  });

  test("for good: gone is done, in the trash nobody can tell", async () => {
    const { stub, gdrive } = await drive();
    const { payload } = await planned(gdriveDeleteTool, { file_id: "f1", permanently: true }, gdrive.reader);
    expect(await settled(gdriveDeleteTool, payload, gdrive.reader)).toMatchObject({ found: "not_done" });
    stub.add("f1", { name: "Budget", trashed: true });
    expect(await settled(gdriveDeleteTool, payload, gdrive.reader)).toMatchObject({ found: "cannot_tell" });
    stub.files.delete("f1");
    expect(await settled(gdriveDeleteTool, payload, gdrive.reader)).toMatchObject({ found: "done" });
  });
});

describe("HubSpot", () => {
  async function crm(options = {}) {
    const stub = await startHubspotStub(options);
    const hubspot = openHubspot({ token: TOKEN, baseUrl: stub.url });
    open.push(stub, hubspot);
    return { stub, hubspot };
  }

  test("crm_create_contact: a new one of this address is done, none is not done, another spelling nobody can tell", async () => {
    const { stub, hubspot } = await crm();
    stub.addContact("bob+old@example.com");
    const { payload, step } = await planned(crmCreateContactTool, { email: "bob@example.com" }, hubspot.reader);
    expect(await settled(crmCreateContactTool, payload, hubspot.reader)).toMatchObject({ found: "not_done" });
    expect(await settled(crmCreateContactTool, payload, hubspot.reader, JUST_NOW)).toMatchObject({ found: "not_done", stillOpen });
    stub.addContact("bob+new@example.com");
    expect(await settled(crmCreateContactTool, payload, hubspot.reader)).toMatchObject({ found: "cannot_tell", reason: expect.stringContaining("another spelling") as string });
    stub.contacts.pop();
    await executed(crmCreateContactTool, step, hubspot.writer);
    const id = stub.contacts.at(-1)?.id;
    expect(await settled(crmCreateContactTool, payload, hubspot.reader)).toMatchObject({ found: "done", facts: { id } });
  });

  test("crm_create_task: none is not done, a new one nobody can tell apart", async () => {
    const { stub, hubspot } = await crm();
    const contact = stub.addContact("bob@example.com");
    stub.addTask(contact.id, "2026-01-01T00:00:00.000Z");
    const { payload, step } = await planned(crmCreateTaskTool, { contact: "bob@example.com", subject: "Call" }, hubspot.reader);
    expect(await settled(crmCreateTaskTool, payload, hubspot.reader)).toMatchObject({ found: "not_done" });
    await executed(crmCreateTaskTool, step, hubspot.writer);
    expect(await settled(crmCreateTaskTool, payload, hubspot.reader)).toMatchObject({ found: "cannot_tell", reason: expect.stringContaining("look whether the one that was meant is among them") as string });
  });

  test("what was not known before proves nothing now", async () => {
    const { hubspot } = await crm();
    const payload = { email: "bob@example.com", email_normalised: "bob@example.com", existing_contacts: { $unknown: "HubSpot did not answer" } };
    expect(await settled(crmCreateContactTool, payload, hubspot.reader)).toMatchObject({ found: "cannot_tell" });
  });
});

describe("what cannot be asked", () => {
  test("a mail: whom to ask instead", async () => {
    const payload = { recipients: ["bob@example.com"], subject: "Hi" };
    expect(await settled(emailSendTool, payload, undefined as never)).toMatchObject({ found: "cannot_tell", reason: expect.stringContaining("Ask bob@example.com") as string });
  });

  test("a post: where to look instead", async () => {
    const stub = await startSlackStub();
    const slack = openSlack({ token: ["xoxb", "test"].join("-"), apiUrl: stub.apiUrl });
    open.push(stub, slack);
    const { payload } = await planned(slackPostTool, { channel: CHANNEL.id, text: "hello" }, slack.reader);
    const before = stub.received.length;
    expect(await settled(slackPostTool, payload, slack.reader)).toMatchObject({ found: "cannot_tell", reason: expect.stringContaining(`Look into ${CHANNEL.id} for a message of 5 characters`) as string });
    expect(stub.received).toHaveLength(before);
  });

  const sql = (changes: object) => ({
    statements: [{ kind: "SELECT", where: null, changes: [], tables_read: ["public.t"], tables_written: [], columns_written: [], functions: [] }],
    tables_written: [], ddl: [], deletes: [], cascades: [], columns_maybe_written: [], effects: "planned", ...changes,
  });

  test("SQL that only read changed nothing; of any other nobody can tell", async () => {
    expect(await settled(sqlQueryTool, sql({}), undefined as never)).toMatchObject({ found: "not_done", reason: expect.stringContaining("only read") as string });
    const [statement] = sql({}).statements;
    const writing = [
      { tables_written: ["public.t"] }, { ddl: ["DROP TABLE t"] }, { cascades: ["a → b (delete)"] }, { columns_maybe_written: ["public.t.x"] },
      { statements: [{ ...statement, functions: ["public.tidy_up"] }] }, { statements: [{ ...statement, kind: "INSERT" }] },
    ];
    for (const changes of writing) expect(await settled(sqlQueryTool, sql(changes), undefined as never)).toMatchObject({ found: "cannot_tell" });
    for (const changes of [{ effects: { $unknown: "a function" } }, { statements: { $unknown: "it was redacted in the receipt" } }]) {
      expect(await settled(sqlQueryTool, sql(changes), undefined as never)).toMatchObject({ found: "cannot_tell", reason: expect.stringContaining("does not say enough") as string });
    }
  });
});
