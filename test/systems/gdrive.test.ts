import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";

import { openGdrive } from "../../src/systems/gdrive.js";
import { gdriveDeleteTool } from "../../src/tools/gdrive_delete.js";
import { FOLDER, gdriveError, startGdriveStub, TOKEN, userCredentials } from "../support/gdrive-stub.js";
import { startHttpStub, type Answer, type Received } from "../support/http-stub.js";
import { executed, planned } from "../support/tool-calls.js";

const open: { close(): Promise<void> }[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((thing) => thing.close()));
});

async function world(answer: (request: Received) => Answer | undefined) {
  const stub = await startGdriveStub({ answer });
  const gdrive = openGdrive({ credentials: stub.credentials, rootUrl: stub.url, timeoutMs: 400 });
  open.push(stub, gdrive);
  stub.add("f1");
  const plan = (more: object = {}) => planned(gdriveDeleteTool, { file_id: "f1", ...more }, gdrive.reader);
  const run = async (more: object = {}) => executed(gdriveDeleteTool, (await plan(more)).step, gdrive.writer);
  return { stub, gdrive, plan, run };
}

const onChange = (answer: Answer) => ({ method, path }: Received) => (method !== "GET" && path !== "/token" ? answer : undefined);

function shows(value: unknown, secret = "do-not-show", seen = new Set<unknown>()): boolean {
  if (typeof value !== "object" || value === null || seen.has(value)) return String(value).includes(secret);
  seen.add(value);
  return Reflect.ownKeys(value).some((key) => shows(Reflect.get(value, key), secret, seen));
}

describe.each([false, true])("permanently: %s. A deletion whose fate is not known is never called failed, and never repeated", (permanently) => {
  test.each<[string, Answer]>([
    ["no answer", "hang"],
    ["connection reset after the request", "reset"],
    ["half an answer", "half"],
    ["500", gdriveError(500, "backendError", TOKEN)],
    ["502 of a gateway", { status: 502, headers: { "content-type": "text/html" }, body: "<html>bad gateway</html>" }],
    ["503", gdriveError(503, "transientError")],
    ["a page that is not Drive's", { status: 200, headers: { "content-type": "text/html" }, body: "<html>welcome</html>" }],
    ["a redirect", { status: 307, headers: { location: "http://127.0.0.1:1/" }, body: "" }],
  ])("%s", async (_name, answer) => {
    const { stub, run } = await world(onChange(answer));
    const { actions, result } = await run({ permanently });
    expect(result).toBeNull();
    expect(actions).toMatchObject([{ success: "unknown", error: { code: "OUTCOME_UNKNOWN" } }]);
    expect(actions[0]?.error?.message).toMatch(/look into Drive before trying again/);
    expect(shows(actions)).toBe(false);
    expect(stub.changes()).toHaveLength(1);
  });

  test.each<[Answer, RegExp]>([
    [gdriveError(403, "insufficientFilePermissions", TOKEN), /account may not do this with the file/],
    [gdriveError(403, "userRateLimitExceeded"), /limiting the rate/],
    [gdriveError(429, "rateLimitExceeded"), /limiting the rate/],
    [gdriveError(401, "authError"), /does not accept the configured credentials/],
    [gdriveError(404, "notFound"), /no such file/],
    [gdriveError(403, "insufficientPermissions"), /lack the scope/],
    [gdriveError(400, "teamDrivesFolderMoveInNotSupported"), /Drive refused \(teamDrivesFolderMoveInNotSupported\)/],
    [{ status: 403, headers: { "content-type": "text/html" }, body: TOKEN }, /http_403/],
  ])("failed for certain, tried once: %#", async (answer, words) => {
    const { stub, run } = await world(onChange(answer));
    const { actions } = await run({ permanently });
    expect(actions).toMatchObject([{ success: false, error: { code: "ACTION_FAILED" } }]);
    expect(actions[0]?.error?.message).toMatch(words);
    expect(shows(actions)).toBe(false);
    expect(stub.changes()).toHaveLength(1);
  });
});

test("a trash that answers with a file that is not trashed is not called done", async () => {
  const { run } = await world(onChange({ body: { id: "f1", trashed: false } }));
  expect((await run()).actions).toMatchObject([{ success: "unknown" }]);
});

test("a redirect does not carry the token elsewhere", async () => {
  const other = await startHttpStub(() => ({ body: { id: "f1", trashed: true } }));
  open.push(other);
  const { run } = await world(onChange({ status: 308, headers: { location: `${other.url}/drive/v3/files/f1` }, body: "" }));
  expect((await run()).actions).toMatchObject([{ success: "unknown" }]);
  expect(other.received).toEqual([]);
});

describe("looks that fail plan nothing", () => {
  test.each<[Answer, string, RegExp]>([
    [gdriveError(401, "authError"), "SYSTEM_UNAVAILABLE", /does not accept the configured credentials/],
    [gdriveError(403, "accessNotConfigured"), "SYSTEM_UNAVAILABLE", /not switched on/],
    [gdriveError(500, "backendError"), "SYSTEM_UNAVAILABLE", /HTTP status 500 \(backendError\)/],
    ["hang", "SYSTEM_UNAVAILABLE", /did not answer in time/],
    ["reset", "SYSTEM_UNAVAILABLE", /cannot be reached/],
    [{ headers: { "content-type": "text/html" }, body: "<html>" }, "SYSTEM_UNAVAILABLE", /not Drive's/],
    [{ body: { id: "f1", name: "x" } }, "SYSTEM_UNAVAILABLE", /not Drive's/],
    [{ body: { id: "other", name: "x", version: "1" } }, "SYSTEM_UNAVAILABLE", /not Drive's/],
  ])("%#", async (answer, code, words) => {
    const { plan } = await world(({ path }) => (path.startsWith("/drive/v3/files/f1?") ? answer : undefined));
    const error = await plan().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code, message: expect.stringMatching(words) as string, done: "Nothing was done." });
    expect(shows(error)).toBe(false);
  });

  test.each<[string, Answer]>([
    ["an incomplete search", { body: { incompleteSearch: true, files: [] } }],
    ["a failing list", gdriveError(500, "backendError")],
    ["an answer that is no list", { body: {} }],
    ["an id that would break the query", { body: { files: [{ id: "x' or 'y' in parents", mimeType: FOLDER, version: "1" }] } }],
    ["a list without end", { body: { files: Array.from({ length: 600 }, (_value, index) => ({ id: `n${index}`, version: "1" })), nextPageToken: "again" } }],
  ])("what lies below a folder is unknown: %s", async (_name, answer) => {
    const { stub, plan } = await world(({ path }) => (path.startsWith("/drive/v3/files?") ? answer : undefined));
    stub.add("f1", { mimeType: FOLDER });
    expect((await plan()).payload.descendants).toHaveProperty("$unknown");
  });

  test("the caller gives up while Drive is silent", async () => {
    const { gdrive } = await world(({ path }) => (path === "/token" ? undefined : "hang"));
    const call = planned(gdriveDeleteTool, { file_id: "f1" }, gdrive.reader, { signal: AbortSignal.timeout(50) });
    await expect(call).rejects.toMatchObject({ code: "CANCELLED" });
  });
});

describe("credentials", () => {
  test("of a service account and of a person, from a file or as they are; one token serves many calls", async () => {
    const stub = await startGdriveStub();
    open.push(stub);
    stub.add("f1");
    const folder = await mkdtemp(join(tmpdir(), "gdrive-"));
    const path = join(folder, "key.json");
    await writeFile(path, stub.credentials);
    for (const credentials of [path, stub.credentials, userCredentials(`${stub.url}/token`)]) {
      const before = stub.received.filter((request) => request.path === "/token").length;
      const { reader } = openGdrive({ credentials, rootUrl: stub.url });
      await Promise.all([1, 2].map(async () => expect((await reader.file("f1")).id).toBe("f1")));
      await reader.file("f1");
      expect(stub.received.filter((request) => request.path === "/token").length - before).toBeLessThanOrEqual(2);
    }
    await rm(folder, { recursive: true });
  });

  test.each<[string, string, RegExp]>([
    ["no file", "/nonexistent/key.json", /neither the path of a readable credentials file nor its JSON/],
    ["no JSON", "{ secret-do-not-show", /neither the path/],
    ["another kind", JSON.stringify({ type: "external_account", credential_source: { executable: { command: "do-not-show" } } }), /neither of type/],
    ["a part is missing", JSON.stringify({ type: "service_account", client_email: "a@b" }), /lacks private_key/],
    ["no key", JSON.stringify({ type: "service_account", client_email: "a@b", private_key: "do-not-show" }), /cannot be used/],
    ["a token endpoint on plain http", JSON.stringify({ type: "service_account", client_email: "a@b", private_key: "x", token_uri: "http://evil.example/" }), /plain http/],
  ])("%s", async (_name, credentials, words) => {
    const { reader } = openGdrive({ credentials, rootUrl: "http://127.0.0.1:1" });
    const error = await reader.file("f1").catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "CONFIG_INVALID", message: expect.stringMatching(words) as string });
    expect(shows(error)).toBe(false);
  });

  test.each<[Answer, RegExp]>([
    [{ status: 400, body: { error: "invalid_grant", error_description: "do-not-show" } }, /does not accept the configured credentials/],
    [{ status: 500, body: "do-not-show" }, /HTTP status 500/],
    [{ body: "<html>do-not-show" }, /the answer is not Google's/],
    [{ body: { access_token: 7 } }, /holds no token/],
    [{ body: { access_token: "a\nb-do-not-show", expires_in: 9 } }, /that no token has/],
    [{ status: 307, headers: { location: "http://127.0.0.1:1/" }, body: "" }, /connection failed/],
    ["hang", /did not answer in time/],
    ["reset", /Google gives no token/],
  ])("a token endpoint that fails: %#", async (answer, words) => {
    const { stub, plan } = await world(({ path }) => (path === "/token" ? answer : undefined));
    const error = await plan().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ message: expect.stringMatching(words) as string });
    expect(shows(error)).toBe(false);
    expect(stub.received.every(({ path }) => path === "/token")).toBe(true);
  });

  test.each([{ credentials: " " }, { credentials: "{}", rootUrl: "http://drive.example" }, { credentials: "{}", rootUrl: "https://drive.example/proxy" }])(
    "options %# are refused at start",
    (options) => {
      expect(() => openGdrive(options)).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }) as Error);
    },
  );
});
