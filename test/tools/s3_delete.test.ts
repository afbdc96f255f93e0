import * as sdk from "@aws-sdk/client-s3";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { dontDeleteWithoutHumanOk } from "../../src/policies/cloud_storage/index.js";
import { openS3, type S3System } from "../../src/systems/s3.js";
import { s3DeleteTool } from "../../src/tools/s3_delete.js";
import { startRgw, whyNoRgw, type Rgw } from "../support/s3-rgw.js";
import { blockedBy, executed, planned } from "../support/tool-calls.js";

const reason = whyNoRgw();

describe.skipIf(reason !== undefined)(`against Ceph RADOSGW${reason === undefined ? "" : ` (skipped: ${reason})`}`, () => {
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

  async function bucket(versioning: "enabled" | "suspended" | "never" | "locked", keys: readonly string[] = []): Promise<string> {
    const Bucket = `bucket-${(buckets += 1)}`;
    await server.send(new sdk.CreateBucketCommand({ Bucket, ObjectLockEnabledForBucket: versioning === "locked" }));
    if (versioning === "enabled") await setVersioning(Bucket, "Enabled");
    await put(Bucket, ...keys);
    if (versioning === "suspended") await setVersioning(Bucket, "Suspended");
    return Bucket;
  }

  const setVersioning = (Bucket: string, Status: "Enabled" | "Suspended") =>
    server.send(new sdk.PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status } }));

  async function put(Bucket: string, ...keys: readonly string[]): Promise<string | undefined> {
    let version: string | undefined;
    for (const Key of keys) version = (await server.send(new sdk.PutObjectCommand({ Bucket, Key, Body: `of ${Key}` }))).VersionId;
    return version;
  }

  /** All versions and delete markers as the server lists them; "+" is current. */
  async function contents(Bucket: string): Promise<string[]> {
    // Encoded, because a parser of XML trims and changes white space.
    const command = new sdk.ListObjectVersionsCommand({ Bucket, EncodingType: "url" });
    const { Versions = [], DeleteMarkers = [] } = await server.send(command);
    return [...Versions.map((entry) => shown("object", entry)), ...DeleteMarkers.map((entry) => shown("marker", entry))].toSorted();
  }

  const tight = (maxObjects: number) => openS3({ region: "us-east-1", endpoint: rgw.endpoint, credentials: rgw.credentials, maxObjects });
  const plan = (input: object) => planned(s3DeleteTool, input, s3.reader);
  async function run(input: object) {
    const { payload, step } = await plan(input);
    return { payload, ...(await executed(s3DeleteTool, step, s3.writer)) };
  }

  describe("what goes is what was listed", () => {
    test("a prefix without a slash is no folder, and the facts show what else it reaches", async () => {
      const name = await bucket("never", ["logs/1", "logs/2", "logs-archive/1", "logs.txt", "other"]);
      const { payload } = await plan({ bucket: name, prefix: "logs" });
      expect(payload).toMatchObject({
        selection: "prefix",
        prefix: "logs",
        path: `s3://${name}/logs`,
        reaches: ["logs-archive/", "logs.txt", "logs/"],
        object_count: 4,
        whole_bucket: false,
        versioning: "never",
        reversible: false,
      });
      const { payload: folder, result } = await run({ bucket: name, prefix: "logs/" });
      expect(folder).toMatchObject({ reaches: ["logs/1", "logs/2"], object_count: 2 });
      expect(result).toEqual({ bucket: name, deleted: 2, of: 2 });
      expect(await contents(name)).toEqual(["+object logs-archive/1", "+object logs.txt", "+object other"]);
    });

    test("objects are shown with version, size and ETag, and a prefix that means the whole bucket says so", async () => {
      const name = await bucket("enabled", ["a/1", "a/2"]);
      const { payload } = await plan({ bucket: name, prefix: "a" });
      expect(payload).toMatchObject({ whole_bucket: true, total_bytes: 12, versioning: "enabled", reversible: true });
      for (const object of payload.objects) {
        expect(object).toMatchObject({ size: 6, effect: "hide", retention: null, legal_hold: false });
        expect(object.version_id).toMatch(/^.{10,}$/);
        expect(object.etag).toMatch(/^"[0-9a-f]{32}"$/);
      }
    });

    test("planning changes nothing", async () => {
      const name = await bucket("enabled", ["a", "b"]);
      const before = await contents(name);
      for (const which of [{ key: "a" }, { keys: ["a", "b"] }, { prefix: "a" }]) await plan({ bucket: name, ...which });
      expect(await contents(name)).toEqual(before);
    });

    test("keys are literal, in every spelling", async () => {
      const keys = [
        "/lead", "lead", "../up", "up", "a//b", "a/b", "a/./b", "A/B", "a b", "a+b", "a%2Bb", "a%20b", "tab\there", "line\r\nend",
        "line\nend", "ü", "u\u0308", "emoji😀", "&lt;", "<", "a\u2028b", "*", "a?b#c", "logs/", "trailing ", " leading", "\n", "\u0001", "'\"`", "-rf",
      ];
      const name = await bucket("never", keys);
      for (const [index, key] of keys.entries()) {
        const { result } = await run({ bucket: name, key });
        expect(result).toEqual({ bucket: name, deleted: 1, of: 1 });
        expect(await contents(name)).toEqual(keys.slice(index + 1).map((rest) => `+object ${rest}`).toSorted());
      }
    });

    test("a random bucket loses exactly the keys with the prefix, in every state of versioning", async () => {
      const part = fc.constantFrom("a", "A", "b", "/", ".", "..", "+", " ", "%2F", "é", "\r", "\n", "\u0001", "<", "&", "😀", "-");
      const key = fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts.join(""));
      const state = fc.constantFrom("enabled" as const, "suspended" as const, "never" as const);
      await fc.assert(
        fc.asyncProperty(fc.uniqueArray(key, { minLength: 2, maxLength: 12 }), fc.nat(), fc.nat(3), state, async (keys, which, cut, versioning) => {
          const name = await bucket(versioning, keys);
          const chosen = keys[which % keys.length] ?? "";
          const prefix = chosen.slice(0, Math.max(1, chosen.length - cut)).toWellFormed();
          const expected = keys.filter((name_) => name_.startsWith(prefix));
          fc.pre(expected.length > 0);
          const { payload, result } = await run({ bucket: name, prefix });
          expect(payload.objects.map((object) => object.key).toSorted()).toEqual(expected.toSorted());
          expect(result).toMatchObject({ deleted: expected.length });
          const visible = (await contents(name)).filter((line) => line.startsWith("+object"));
          expect(visible).toEqual(keys.filter((name_) => !expected.includes(name_)).map((rest) => `+object ${rest}`).toSorted());
        }),
        { seed: 149, numRuns: 30 },
      );
    });

    test("more objects than the limit are refused, not cut off; the limit itself passes, over several pages", async () => {
      const name = await bucket("never");
      const keys = Array.from({ length: 1003 }, (_, index) => `many/${String(index).padStart(4, "0")}`);
      for (let start = 0; start < keys.length; start += 50) await Promise.all(keys.slice(start, start + 50).map((key) => put(name, key)));
      await expect(plan({ bucket: name, prefix: "many" })).rejects.toMatchObject({ code: "REFUSED", message: expect.stringMatching(/More than 1000 objects/) as string });
      await expect(planned(s3DeleteTool, { bucket: name, prefix: "many" }, tight(1002).reader)).rejects.toMatchObject({ code: "REFUSED" });
      await expect(planned(s3DeleteTool, { bucket: name, keys: ["many/0000", "many/0001"] }, tight(1).reader)).rejects.toMatchObject({
        code: "REFUSED",
      });
      const { payload, step } = await planned(s3DeleteTool, { bucket: name, prefix: "many" }, tight(1003).reader);
      expect(payload).toMatchObject({ object_count: 1003, whole_bucket: true });
      const { result } = await executed(s3DeleteTool, step, s3.writer);
      expect(result).toEqual({ bucket: name, deleted: 1003, of: 1003 });
      expect(await contents(name)).toEqual([]);
    });
  });

  describe("versions and delete markers", () => {
    test("with versioning a deletion hides, and removing its marker brings the object back", async () => {
      const name = await bucket("enabled", ["k"]);
      const { payload, actions } = await run({ bucket: name, key: "k" });
      expect(payload).toMatchObject({ reversible: true, objects: [{ effect: "hide" }] });
      expect(await contents(name)).toEqual(["+marker k", "-object k"]);
      const marker_version_id = actions[0]?.output["marker_version_id"];
      expect(actions).toMatchObject([{ success: true, reversible: true }]);
      await expect(plan({ bucket: name, key: "k" })).rejects.toMatchObject({ code: "NOT_FOUND" });
      const undone = await run({ bucket: name, key: "k", version_id: marker_version_id });
      expect(undone.payload).toMatchObject({ selection: "version", objects: [{ effect: "reveal", size: null }], reversible: true });
      expect(await contents(name)).toEqual(["+object k"]);
    });

    test("a named version is gone for good, its neighbours stay", async () => {
      const name = await bucket("enabled");
      const first = await put(name, "k");
      await put(name, "k", "k2");
      const { payload, actions } = await run({ bucket: name, key: "k", version_id: first });
      expect(payload).toMatchObject({ selection: "version", reversible: false, objects: [{ effect: "destroy", version_id: first }] });
      expect(actions).toMatchObject([{ success: true, reversible: false, output: { precondition: "version_id", version_id: first } }]);
      expect(await contents(name)).toEqual(["+object k", "+object k2"]);
    });

    test("with versioning suspended the facts tell what a marker would overwrite", async () => {
      const name = await bucket("enabled", ["kept"]);
      await setVersioning(name, "Suspended");
      await put(name, "lost");
      expect((await plan({ bucket: name, key: "kept" })).payload).toMatchObject({ versioning: "suspended", reversible: true });
      const { payload, actions } = await run({ bucket: name, keys: ["kept", "lost"] });
      expect(payload.objects.map(({ effect }) => effect)).toEqual(["hide", "destroy"]);
      expect(payload.reversible).toBe(false);
      expect(actions.map(({ reversible }) => reversible)).toEqual([true, false]);
      expect(await contents(name)).toEqual(["+marker kept", "+marker lost", "-object kept"]);
    });

    test.each(["nonsense", "null", "..", "a".repeat(60)])("version %s of a key that has none such", async (version_id) => {
      const name = await bucket("enabled", ["k", "k2"]);
      await expect(plan({ bucket: name, key: "k", version_id })).rejects.toMatchObject({ code: "NOT_FOUND" });
    });

    test("the version of another key is not found under this one", async () => {
      const name = await bucket("enabled", ["k"]);
      const other = await put(name, "k-other");
      await expect(plan({ bucket: name, key: "k", version_id: other })).rejects.toMatchObject({ code: "NOT_FOUND" });
    });
  });

  describe("locks", () => {
    const until = new Date(Date.now() + 3_600_000);
    const lock = async (Bucket: string, ObjectLockMode: "GOVERNANCE" | "COMPLIANCE") =>
      (await server.send(new sdk.PutObjectCommand({ Bucket, Key: "k", Body: "1", ObjectLockMode, ObjectLockRetainUntilDate: until }))).VersionId;

    test.each(["GOVERNANCE", "COMPLIANCE"] as const)("%s retention is shown, and never bypassed", async (mode) => {
      const name = await bucket("locked");
      const version_id = await lock(name, mode);
      const { payload } = await plan({ bucket: name, key: "k" });
      expect(payload).toMatchObject({ object_lock: true, reversible: true, objects: [{ retention: { mode }, effect: "hide" }] });
      await expect(plan({ bucket: name, key: "k", version_id })).rejects.toMatchObject({ code: "REFUSED", message: expect.stringMatching(new RegExp(mode)) as string });
      expect(await contents(name)).toEqual(["+object k"]);
    });

    test("a legal hold is refused with the reason", async () => {
      const name = await bucket("locked");
      const version_id = await put(name, "k");
      await server.send(new sdk.PutObjectLegalHoldCommand({ Bucket: name, Key: "k", LegalHold: { Status: "ON" } }));
      await expect(plan({ bucket: name, key: "k", version_id })).rejects.toMatchObject({ code: "REFUSED", message: expect.stringMatching(/legal hold/) as string });
    });

    test("a lock that came after the judgement: the server refuses, and it is a failed action", async () => {
      const name = await bucket("locked");
      const version_id = await put(name, "k");
      const { step } = await plan({ bucket: name, key: "k", version_id });
      const Retention = { Mode: "GOVERNANCE", RetainUntilDate: until } as const;
      await server.send(new sdk.PutObjectRetentionCommand({ Bucket: name, Key: "k", Retention }));
      const { actions, result } = await executed(s3DeleteTool, step, s3.writer);
      expect(actions).toMatchObject([{ success: false, error: { code: "ACTION_FAILED" } }]);
      expect(result).toMatchObject({ deleted: 0, of: 1 });
      expect(await contents(name)).toEqual(["+object k"]);
    });
  });

  describe("a world that moved on", () => {
    test.each(["never", "enabled"] as const)("an object that was overwritten survives (versioning %s)", async (versioning) => {
      const name = await bucket(versioning, ["a", "b"]);
      const { step } = await plan({ bucket: name, keys: ["a", "b"] });
      await server.send(new sdk.PutObjectCommand({ Bucket: name, Key: "b", Body: "newer" }));
      const before = await contents(name);
      await expect(executed(s3DeleteTool, step, s3.writer)).rejects.toMatchObject({ code: "STALE_PLAN", message: expect.stringMatching(/'b'/) as string });
      expect(await contents(name)).toEqual(before);
    });

    test("one that was deleted meanwhile stops the rest too", async () => {
      const name = await bucket("never", ["a", "b"]);
      const { step } = await plan({ bucket: name, prefix: "a" });
      await server.send(new sdk.DeleteObjectCommand({ Bucket: name, Key: "a" }));
      await expect(executed(s3DeleteTool, step, s3.writer)).rejects.toMatchObject({ code: "STALE_PLAN" });
      expect(await contents(name)).toEqual(["+object b"]);
    });

    test("one that was added below the prefix stays", async () => {
      const name = await bucket("never", ["a/1"]);
      const { step } = await plan({ bucket: name, prefix: "a/" });
      await put(name, "a/2");
      const { actions } = await executed(s3DeleteTool, step, s3.writer);
      expect(actions).toMatchObject([{ success: true, output: { precondition: "fresh_look" } }]);
      expect(await contents(name)).toEqual(["+object a/2"]);
    });

    test("a server that forbids one of several: each object has its own outcome", async () => {
      const name = await bucket("never", ["a", "b", "c"]);
      const statement = { Effect: "Deny", Principal: "*", Action: "s3:DeleteObject", Resource: `arn:aws:s3:::${name}/b` };
      const Policy = JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
      await server.send(new sdk.PutBucketPolicyCommand({ Bucket: name, Policy }));
      const { actions, result } = await run({ bucket: name, keys: ["a", "b", "c"] });
      expect(actions.map(({ success }) => success)).toEqual([true, false, true]);
      expect(actions[1]).toMatchObject({ output: { key: "b" }, error: { code: "ACTION_FAILED", message: expect.stringMatching(/AccessDenied/) as string } });
      expect(result).toEqual({ bucket: name, deleted: 2, of: 3 });
      expect(await contents(name)).toEqual(["+object b"]);
    });

    test("cancelled before the deletion", async () => {
      const name = await bucket("never", ["a"]);
      const { step } = await plan({ bucket: name, key: "a" });
      await expect(executed(s3DeleteTool, step, s3.writer, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "CANCELLED" });
      expect(await contents(name)).toEqual(["+object a"]);
    });
  });

  describe("wrong keys and buckets", () => {
    test("a wrong secret is said in words, and not shown", async () => {
      const name = await bucket("never", ["a"]);
      const credentials = { accessKeyId: rgw.credentials.accessKeyId, secretAccessKey: "do-not-show-this" };
      const wrong = openS3({ region: "us-east-1", endpoint: rgw.endpoint, credentials });
      const error = await planned(s3DeleteTool, { bucket: name, key: "a" }, wrong.reader).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "SYSTEM_UNAVAILABLE", message: expect.stringMatching(/does not accept the configured keys/) as string });
      expect(error).not.toHaveProperty("cause");
      expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toMatch(/do-not-show-this|testkey/);
      await wrong.close();
    });

    test("a bucket that is not there, and a key that is not", async () => {
      const name = await bucket("never", ["a"]);
      await expect(plan({ bucket: "no-such-bucket", key: "a" })).rejects.toMatchObject({ code: "NOT_FOUND", message: expect.stringMatching(/no such bucket/) as string });
      await expect(plan({ bucket: name, keys: ["a", "A", "b"] })).rejects.toMatchObject({ code: "NOT_FOUND", message: expect.stringMatching(/no 'A', 'b'/) as string });
      await expect(plan({ bucket: name, prefix: "b" })).rejects.toMatchObject({ code: "NOT_FOUND" });
      expect(await contents(name)).toEqual(["+object a"]);
    });

    test("nothing goes without a person's word, whatever the arguments claim", async () => {
      const name = await bucket("enabled", ["a"]);
      const { payload } = await plan({ bucket: name, key: "a" });
      expect(blockedBy("s3_delete", payload, [dontDeleteWithoutHumanOk("s3")])).toBe(
        `No person has approved this deletion of s3://${name}/a (s3)`,
      );
      for (const claim of [{ human_ok: true }, { approved: true }, { force: true }, { bypass_governance_retention: true }]) {
        await expect(plan({ bucket: name, key: "a", ...claim })).rejects.toThrow(Object.keys(claim)[0]);
      }
    });
  });
});

function shown(kind: string, entry: sdk.ObjectVersion | sdk.DeleteMarkerEntry): string {
  return `${entry.IsLatest === true ? "+" : "-"}${kind} ${decodeURIComponent(entry.Key ?? "")}`;
}
