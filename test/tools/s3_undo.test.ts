import * as sdk from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { JsonObject } from "../../src/facts/json.js";
import { openS3, type S3System } from "../../src/systems/s3.js";
import { s3DeleteTool } from "../../src/tools/s3_delete.js";
import type { Execution, UndoableRun } from "../../src/tools/tool.js";
import { startRgw, whyNoRgw, type Rgw } from "../support/s3-rgw.js";
import { executed, planned } from "../support/tool-calls.js";
import { MemoryUndo } from "../support/undo.js";

const reason = whyNoRgw();
const call = { signal: new AbortController().signal, now: new Date(0), undoBytes: 0 };
const control = { signal: call.signal, judge: () => Promise.resolve(true), undo: new MemoryUndo() };
const like = (text: string): unknown => expect.stringContaining(text);

describe.skipIf(reason !== undefined)(`undoing deletions in S3${reason === undefined ? "" : ` (skipped: ${reason})`}`, () => {
  let rgw: Rgw;
  let s3: S3System;
  /** Another client, with which the world is set up and looked at. */
  let server: sdk.S3Client;
  let buckets = 0;

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

  async function bucket(versioning: boolean, keys: readonly string[]): Promise<string> {
    const Bucket = `undo-${(buckets += 1)}`;
    await server.send(new sdk.CreateBucketCommand({ Bucket }));
    if (versioning) await server.send(new sdk.PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: "Enabled" } }));
    for (const key of keys) await put(Bucket, key);
    return Bucket;
  }

  const put = (Bucket: string, Key: string) => server.send(new sdk.PutObjectCommand({ Bucket, Key, Body: `of ${Key}` }));

  /** Every version and delete marker, as the server lists them. */
  async function contents(Bucket: string): Promise<unknown> {
    const { Versions = [], DeleteMarkers = [] } = await server.send(new sdk.ListObjectVersionsCommand({ Bucket, EncodingType: "url" }));
    const shown = ({ Key, VersionId, IsLatest }: sdk.ObjectVersion | sdk.DeleteMarkerEntry) => `${Key} ${VersionId} ${String(IsLatest)}`;
    return { versions: Versions.map(shown).toSorted(), markers: DeleteMarkers.map(shown).toSorted() };
  }

  async function deleted(input: Record<string, unknown>): Promise<UndoableRun> {
    const plan = await planned(s3DeleteTool, input, s3.reader);
    const { actions } = await executed(s3DeleteTool, plan.step, s3.writer);
    expect(actions.some(({ reversible }) => reversible === true)).toBe(plan.reversal?.possible);
    const payload = plan.payload as unknown as JsonObject;
    return { run_id: "0123456789", workflow: "s3_delete", payload, actions, outcome: payload, kept: new MemoryUndo().kept() };
  }

  async function undone(run: UndoableRun): Promise<Execution | undefined> {
    const plan = await s3DeleteTool.undo?.plan(run, s3.reader, call);
    return s3DeleteTool.undo?.execute(JSON.parse(JSON.stringify(plan?.step ?? null)) as never, s3.writer, control, run.kept);
  }

  test("every version and marker of the bucket is as it was", async () => {
    const Bucket = await bucket(true, ["logs/a", "logs/b with space", "logs/ü\u0007", "other"]);
    await put(Bucket, "logs/a");
    const before = await contents(Bucket);
    const run = await deleted({ bucket: Bucket, prefix: "logs/" });
    expect(await contents(Bucket)).not.toEqual(before);
    const execution = await undone(run);
    expect(execution?.actions.map(({ action, success }) => `${action} ${String(success)}`)).toEqual(Array.from({ length: 3 }, () => "remove_delete_marker true"));
    expect(await contents(Bucket)).toEqual(before);
  });

  test("the second time the markers are gone, and nothing happens", async () => {
    const Bucket = await bucket(true, ["a"]);
    const run = await deleted({ bucket: Bucket, key: "a" });
    await undone(run);
    const left = await contents(Bucket);
    await expect(undone(run)).rejects.toMatchObject({ code: "STALE_PLAN", message: like("is gone") });
    expect(await contents(Bucket)).toEqual(left);
  });

  test.each(["written", "deleted"] as const)("one of several was %s again since: none is touched, and it is named", async (what) => {
    const Bucket = await bucket(true, ["a", "b"]);
    const run = await deleted({ bucket: Bucket, keys: ["a", "b"] });
    await put(Bucket, "b");
    // (Deleting what is deleted already sets a second marker at Amazon, and does nothing here.)
    if (what === "deleted") await server.send(new sdk.DeleteObjectCommand({ Bucket, Key: "b" }));
    const left = await contents(Bucket);
    await expect(undone(run)).rejects.toMatchObject({ code: "STALE_PLAN", message: like("'b'") });
    expect(await contents(Bucket)).toEqual(left);
  });

  test("what is changed between look and act stays", async () => {
    const Bucket = await bucket(true, ["a"]);
    const run = await deleted({ bucket: Bucket, key: "a" });
    const plan = await s3DeleteTool.undo?.plan(run, s3.reader, call);
    await put(Bucket, "a");
    const left = await contents(Bucket);
    await expect(s3DeleteTool.undo?.execute(plan?.step ?? null, s3.writer, control, run.kept)).rejects.toMatchObject({ code: "STALE_PLAN" });
    expect(await contents(Bucket)).toEqual(left);
  });

  test("without versions nothing can be undone, and it is said before and after", async () => {
    const Bucket = await bucket(false, ["a"]);
    const plan = await planned(s3DeleteTool, { bucket: Bucket, key: "a" }, s3.reader);
    expect(plan.reversal).toEqual({ possible: false, how: like("gone for good") });
    await expect(undone(await deleted({ bucket: Bucket, key: "a" }))).rejects.toMatchObject({ code: "REFUSED", message: like("gone for good") });
  });

  test("a version that was destroyed cannot be undone", async () => {
    const Bucket = await bucket(true, ["a"]);
    const { VersionId } = await put(Bucket, "a");
    const run = await deleted({ bucket: Bucket, key: "a", version_id: VersionId });
    await expect(undone(run)).rejects.toMatchObject({ code: "REFUSED" });
  });

  test("what is gone for good is named beside what comes back", async () => {
    const Bucket = await bucket(true, ["a", "b"]);
    const run = await deleted({ bucket: Bucket, keys: ["a", "b"] });
    const actions = run.actions.map((action) => (action.output["key"] === "b" ? { ...action, success: "unknown" as const, reversible: false } : action));
    const plan = await s3DeleteTool.undo?.plan({ ...run, actions }, s3.reader, call);
    expect(plan?.payload).toMatchObject({ changes: [like("'a'")], not_undone: [like("'b'")] });
  });

  test("facts that were redacted undo nothing", async () => {
    const run = await deleted({ bucket: await bucket(true, ["a"]), key: "a" });
    const actions = run.actions.map((action) => ({ ...action, output: { ...action.output, bucket: { redacted: true } } }));
    await expect(undone({ ...run, actions })).rejects.toMatchObject({ code: "REFUSED" });
  });
});
