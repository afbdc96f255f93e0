import { afterEach, describe, expect, test, vi } from "vitest";

import { checkedBucket, openS3 } from "../../src/systems/s3.js";
import { S3Loader } from "../../src/systems/s3/client.js";
import { S3Writer } from "../../src/systems/s3/writer.js";
import { s3DeleteTool } from "../../src/tools/s3_delete.js";
import type { Answer, Received } from "../support/http-stub.js";
import { deleted, errorXml, isBatch, keysOf, startS3Stub, xml } from "../support/s3-stub.js";
import { executed, planned } from "../support/tool-calls.js";

const credentials = { accessKeyId: "AKIDO-NOT-SHOW", secretAccessKey: "secret-do-not-show" };
const open: { close(): Promise<void> }[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((thing) => thing.close()));
});

const OBJECTS = { a: '"1"', b: '"2"', c: '"3"' };

async function world(answer: (request: Received) => Answer | undefined, objects: Readonly<Record<string, string>> = OBJECTS) {
  const stub = await startS3Stub(objects, answer);
  const s3 = openS3({ region: "us-east-1", endpoint: stub.url, credentials, timeoutMs: 400, maxObjects: 5000 });
  open.push(stub, s3);
  const plan = (input: object) => planned(s3DeleteTool, { bucket: "bucket", ...input }, s3.reader);
  const run = async (input: object) => executed(s3DeleteTool, (await plan(input)).step, s3.writer);
  return { stub, s3, plan, run };
}

const onBatch = (answer: Answer) => (request: Received) => (isBatch(request) ? answer : undefined);

function secretsIn(value: unknown): boolean {
  const seen = new Set<unknown>();
  const text = (part: unknown): string => {
    if (typeof part !== "object" || part === null || seen.has(part)) return String(part);
    seen.add(part);
    return Reflect.ownKeys(part).map((key) => `${String(key)} ${text(Reflect.get(part, key))}`).join("\n");
  };
  return /do-not-show/i.test(text(value));
}

describe("a deletion whose fate is not known is never called failed, and never repeated", () => {
  test.each<[string, Answer]>([
    ["no answer", "hang"],
    ["connection reset after the request", "reset"],
    ["half an answer", "half"],
    ["an internal error", errorXml(500, "InternalError")],
    ["a gateway's 502", { status: 502, body: "<html>bad gateway</html>" }],
    ["a 503 of somebody on the way", { status: 503, body: "" }],
    ["a page in place of an answer", { status: 200, headers: { "content-type": "text/html" }, body: "<html>welcome</html>" }],
    ["an answer that mentions nothing", deleted([])],
    ["an answer about other objects", deleted(["x", "y"])],
  ])("%s", async (_name, answer) => {
    const { stub, run } = await world(onBatch(answer));
    const { actions, result } = await run({ keys: ["a", "b"] });
    expect(actions.map(({ success }) => success)).toEqual(["unknown", "unknown"]);
    expect(actions[0]?.error).toMatchObject({ code: "OUTCOME_UNKNOWN" });
    expect(actions[0]?.error?.message).toMatch(/look before deleting again/);
    expect(result).toMatchObject({ deleted: 0, of: 2 });
    expect(secretsIn(actions)).toBe(false);
    expect(stub.batches()).toHaveLength(1);
  });
});

describe("a deletion that failed for certain", () => {
  test.each<[string, Answer, RegExp]>([
    ["denied", errorXml(403, "AccessDenied"), /permission is missing.*AccessDenied/],
    ["slow down", errorXml(503, "SlowDown"), /limiting the rate/],
    ["not implemented by another server", errorXml(400, "MalformedXML"), /MalformedXML/],
    ["another region", errorXml(301, "PermanentRedirect"), /another region/],
    ["keys that were withdrawn", errorXml(403, "InvalidAccessKeyId", "AKIDO-NOT-SHOW"), /does not accept the configured keys/],
    ["expired", errorXml(400, "ExpiredToken"), /have expired/],
  ])("%s", async (_name, answer, words) => {
    const { stub, run } = await world(onBatch(answer));
    const { actions } = await run({ keys: ["a", "b"] });
    expect(actions.map(({ success }) => success)).toEqual([false, false]);
    expect(actions[0]?.error).toMatchObject({ code: "ACTION_FAILED" });
    expect(actions[0]?.error?.message).toMatch(words);
    expect(secretsIn(actions)).toBe(false);
    expect(stub.batches()).toHaveLength(1);
  });

  test("each object has its own outcome", async () => {
    const { run } = await world(onBatch(deleted(["a"], { b: "AccessDenied", c: "InternalError" })));
    const { actions, result } = await run({ keys: ["a", "b", "c"] });
    expect(actions.map(({ success }) => success)).toEqual([true, false, "unknown"]);
    expect(result).toMatchObject({ deleted: 1, of: 3 });
  });

  test("a server that enforces the ETag: what was overwritten in the last moment survives, and is called stale", async () => {
    const { run } = await world(onBatch(deleted(["a"], { b: "PreconditionFailed" })));
    const { actions } = await run({ keys: ["a", "b"] });
    expect(actions[1]).toMatchObject({ success: false, error: { code: "STALE_PLAN" } });
  });
});

describe("what is asked of the server", () => {
  test("the ETag that was judged goes along, and nothing bypasses a lock", async () => {
    const { stub, run } = await world(() => undefined);
    await run({ keys: ["a", "b"] });
    const [batch = ""] = stub.batches();
    expect(batch).toMatch(/<Key>a<\/Key><ETag>&quot;1&quot;<\/ETag>|<Key>a<\/Key><ETag>"1"<\/ETag>/);
    for (const { headers } of stub.received) expect(headers).not.toHaveProperty("x-amz-bypass-governance-retention");
  });

  test.each([[true, "if_match"], [false, "fresh_look"]])("the receipt says what kept it safe (server enforces ETags: %s)", async (enforces, precondition) => {
    const { stub, s3, plan } = await world(() => undefined);
    const loader = new S3Loader({ region: "us-east-1", endpoint: stub.url, forcePathStyle: true, credentials, timeoutMs: 400 });
    open.push(loader);
    const { actions } = await executed(s3DeleteTool, (await plan({ key: "a" })).step, new S3Writer(loader, s3.reader, enforces));
    expect(actions).toMatchObject([{ success: true, output: { key: "a", precondition } }]);
  });

  test("2,500 objects go in three batches; after one that broke nothing more is tried", async () => {
    const many = Object.fromEntries(Array.from({ length: 2500 }, (_value, index) => [`k${index}`, '"1"']));
    let count = 0;
    const { stub, run } = await world((request) => (isBatch(request) && (count += 1) === 2 ? "reset" : undefined), many);
    const { actions } = await run({ keys: Object.keys(many) });
    expect(stub.batches().map((batch) => keysOf(batch).length)).toEqual([1000, 1000]);
    const states = actions.map(({ success }) => success);
    expect([states.slice(0, 1000), states.slice(1000, 2000), states.slice(2000)].map((part) => [...new Set(part)])).toEqual([
      [true],
      ["unknown"],
      [false],
    ]);
    expect(actions[2499]?.error?.message).toMatch(/Not tried/);
  }, 60_000);

  test("a fresh look that fails deletes nothing", async () => {
    let looks = 0;
    const { stub, run } = await world((request) => (request.method === "HEAD" && (looks += 1) > 1 ? { status: 403, body: "" } : undefined));
    await expect(run({ key: "a" })).rejects.toMatchObject({ code: "SYSTEM_UNAVAILABLE", done: "Nothing was done." });
    expect(stub.batches()).toEqual([]);
  });
});

describe("a server that cannot be trusted to list", () => {
  const listing = (body: string) => (request: Received) =>
    request.method === "GET" && request.path.includes("list-type=2") ? xml(`<ListBucketResult>${body}</ListBucketResult>`) : undefined;
  const entry = (key: string) => `<Contents><Key>${key}</Key><Size>1</Size><ETag>"1"</ETag></Contents>`;

  test.each([
    ["objects that were not asked for", `<IsTruncated>false</IsTruncated>${entry("other")}`, /not asked for/],
    ["a page without a way to the next", `<IsTruncated>true</IsTruncated>${entry("a")}`, /not complete/],
    ["a key that is no encoding", `<IsTruncated>false</IsTruncated><EncodingType>url</EncodingType>${entry("a%ZZ")}`, /cannot be read/],
    ["a NUL", `<IsTruncated>false</IsTruncated><EncodingType>url</EncodingType>${entry("a%00")}`, /no key can be/],
  ])("%s", async (_name, body, words) => {
    const { plan } = await world(listing(body));
    const error = await plan({ prefix: "a" }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "SYSTEM_UNAVAILABLE", message: expect.stringMatching(words) as string });
  });

  test("a list without end is given up at the limit", async () => {
    const endless = `<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>${entry("a").repeat(1000)}`;
    const { plan } = await world(listing(endless));
    await expect(plan({ prefix: "a" })).rejects.toMatchObject({ code: "REFUSED" });
  });

  test("what the server does not let us see is unknown, and nothing is called reversible", async () => {
    const { plan } = await world((request) => (/\?(versioning|object-lock)/.test(request.path) ? errorXml(403, "AccessDenied") : undefined));
    const { payload } = await plan({ key: "a" });
    expect(payload).toMatchObject({
      versioning: { $unknown: expect.stringMatching(/does not let us see/) as string },
      object_lock: { $unknown: expect.stringMatching(/locks/) as string },
      reversible: { $unknown: expect.any(String) as string },
      objects: [{ effect: { $unknown: expect.any(String) as string } }],
    });
  });

  test("an outage is said in words", async () => {
    const { stub, plan } = await world(() => undefined);
    await stub.close();
    const error = await plan({ key: "a" }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "SYSTEM_UNAVAILABLE", message: "S3 cannot be reached: the connection was refused" });
    expect(secretsIn(error)).toBe(false);
  });

  test("the caller gives up while the server is silent", async () => {
    const { s3 } = await world(() => "hang");
    const call = planned(s3DeleteTool, { bucket: "bucket", key: "a" }, s3.reader, { signal: AbortSignal.timeout(50) });
    await expect(call).rejects.toMatchObject({ code: "CANCELLED" });
  });
});

describe("input that names no objects of one bucket", () => {
  test.each<[object, RegExp]>([
    [{}, /exactly one of key, keys and prefix/],
    [{ key: "a", keys: ["b"] }, /exactly one/],
    [{ key: "a", prefix: "a" }, /exactly one/],
    [{ prefix: "" }, /An empty prefix means the whole bucket/],
    [{ key: "" }, /is empty/],
    [{ keys: [] }, /keys/],
    [{ keys: ["a", "a"] }, /named twice/],
    [{ keys: ["a", ""] }, /is empty/],
    [{ keys: "a" }, /keys/],
    [{ prefix: "a", version_id: "v" }, /goes with key only/],
    [{ key: "a", version_id: "v&versionId=w" }, /not the id of a version/],
    [{ key: "a", version_id: "" }, /not the id of a version/],
    [{ key: "a\0b" }, /a NUL/],
    [{ key: "a\ud800" }, /half a character/],
    [{ key: "é".repeat(513) }, /longer than 1024 bytes/],
    [{ prefix: "x".repeat(1025) }, /longer than 1024 bytes/],
  ])("%j", async (input, words) => {
    const { stub, plan } = await world(() => undefined);
    await expect(plan(input)).rejects.toThrow(words);
    expect(stub.received).toEqual([]);
  });

  test.each([
    "arn:aws:s3:::bucket", "arn:aws:s3:us-west-2:123456789012:accesspoint/mine", "ARN:aws:s3:::bucket", "s3://bucket", "https://bucket.s3.amazonaws.com",
    "bucket/key", "bucket?x", "bucket#x", "user@bucket", "mine-abcdefghijklmnop-s3alias", "mine--ol-s3", "base--usw2-az1--x-s3", "mfzwi23gnjvgw.mrap",
    "..", "a..b", "-bucket", "bucket-", ".bucket", "ab", "192.168.5.4", "a".repeat(64), "bücket", "buck et", "bucket\n", "bucket\0", "\\bucket", "",
  ])("the bucket %j", (bucket) => {
    expect(() => checkedBucket(bucket)).toThrow(expect.objectContaining({ code: "INVALID_INPUT" }) as Error);
  });

  test.each(["bucket", "my.bucket", "my-bucket-2", "Old_Bucket", "abc", "a".repeat(63), "arnold"])("the bucket %j is fine", (bucket) => {
    expect(checkedBucket(bucket)).toBe(bucket);
  });
});

describe("the address and the keys", () => {
  test.each([
    { endpoint: "http://s3.example" },
    { endpoint: "https://key:secret-do-not-show@s3.example" },
    { region: "us-east-1.evil.example/" },
    { region: "" },
    { maxObjects: 0 },
    { maxObjects: 1.5 },
    { credentials: { accessKeyId: "", secretAccessKey: "x" } },
    { credentials: { accessKeyId: "x", secretAccessKey: "secret-do-not-show\n" } },
  ])("%# is refused at start", (options) => {
    const opening = () => openS3({ region: "us-east-1", ...options });
    expect(opening).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }) as Error);
    expect(opening).not.toThrow(/do-not-show/);
  });

  test("an address in the environment does not redirect the client", async () => {
    const { stub: other } = await world(() => undefined);
    vi.stubEnv("AWS_ENDPOINT_URL", other.url);
    vi.stubEnv("AWS_ENDPOINT_URL_S3", other.url);
    const { stub, plan } = await world(() => undefined);
    await plan({ key: "a" });
    expect(stub.received.length).toBeGreaterThan(0);
    expect(other.received).toEqual([]);
  });
  test("without an endpoint it is Amazon's, whatever the environment says", async () => {
    const { stub } = await world(() => undefined);
    vi.stubEnv("AWS_ENDPOINT_URL", stub.url);
    const loader = new S3Loader({ region: "eu-central-1", endpoint: undefined, forcePathStyle: false, credentials, timeoutMs: 400 });
    open.push(loader);
    const { sdk, acts } = await loader.load();
    let asked = "";
    acts.middlewareStack.add(() => async ({ request }) => {
      asked = (request as { hostname: string }).hostname;
      throw new Error("not sent: tests stay on this machine");
    }, { step: "finalizeRequest", priority: "low" });
    await expect(acts.send(new sdk.GetBucketVersioningCommand({ Bucket: "bucket" }))).rejects.toThrow(/not sent/);
    expect(asked).toBe("bucket.s3.eu-central-1.amazonaws.com");
    expect(stub.received).toEqual([]);
  });
});
