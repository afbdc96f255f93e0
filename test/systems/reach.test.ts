import { createServer, type Server } from "node:net";
import type { AddressInfo } from "node:net";

import { afterEach, describe, expect, test } from "vitest";

import { openEmail } from "../../src/systems/email.js";
import { openGdrive } from "../../src/systems/gdrive.js";
import { openHubspot } from "../../src/systems/hubspot.js";
import { openS3 } from "../../src/systems/s3.js";
import { openSlack } from "../../src/systems/slack.js";
import { gdriveError, startGdriveStub } from "../support/gdrive-stub.js";
import { hubspotError, startHubspotStub, TOKEN as HUBSPOT_TOKEN } from "../support/hubspot-stub.js";
import { startBreakingServer, startMailServer } from "../support/mail-server.js";
import { startRgw, whyNoRgw } from "../support/s3-rgw.js";
import { errorXml, startS3Stub } from "../support/s3-stub.js";
import { startSlackEmulator } from "../support/slack-emulator.js";
import { refuse, startSlackStub } from "../support/slack-stub.js";

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const thing of open.splice(0).toReversed()) await thing.close();
});
function kept<Thing extends { close(): unknown }>(thing: Thing): Thing {
  open.push(thing);
  return thing;
}
const unavailable = (words: string) => ({ name: "EnactError", code: "SYSTEM_UNAVAILABLE", message: expect.stringContaining(words) as string });

/** Takes connections and says nothing. */
async function silentServer(): Promise<number> {
  const sockets: { destroy(): unknown }[] = [];
  const server: Server = createServer((socket) => sockets.push(socket)).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  open.push({ close: () => (sockets.forEach((socket) => socket.destroy()), server.close()) });
  return (server.address() as AddressInfo).port;
}

describe("Slack", () => {
  const token = ["xoxb", "0000", "x"].join("-");

  test("a good token: who it is, in the emulated workspace", async () => {
    const emulator = kept(await startSlackEmulator());
    const before = await emulator.messages();
    expect(await kept(openSlack({ token: emulator.token, apiUrl: emulator.apiUrl })).reach()).toMatch(/^Slack answers: '.+' in '.+'$/u);
    expect(await emulator.messages()).toEqual(before);
  });

  test("a token that may not post, wrong ones, and no answer of Slack", async () => {
    const reach = async (answer: Parameters<typeof startSlackStub>[0]) => kept(openSlack({ token, apiUrl: kept(await startSlackStub(answer)).apiUrl })).reach();
    const scoped = (scopes: string) => ({ body: { ok: true, user: "guard", team: "ACME" }, headers: { "x-oauth-scopes": scopes } });
    await expect(reach({ "auth.test": () => scoped("channels:read,users:read") })).rejects.toMatchObject(unavailable("lacks the scope chat:write"));
    expect(await reach({ "auth.test": () => scoped("chat:write,users:read") })).toBe("Slack answers: 'guard' in 'ACME'");
    await expect(reach({ "auth.test": () => refuse("invalid_auth") })).rejects.toMatchObject(unavailable("does not accept the configured token"));
    await expect(reach({ "auth.test": () => refuse("token_revoked") })).rejects.toMatchObject(unavailable("was revoked"));
    await expect(reach({ "auth.test": () => ({ status: 502, body: "<html>" }) })).rejects.toMatchObject(unavailable("HTTP status 502"));
  });
});

describe("mail", () => {
  const from = "agent@example.com";

  test("connects and logs in as for a mail, and sends none", async () => {
    const server = await startMailServer({ authOptional: false, onAuth: ({ username, password }, _session, done) => (username === "ann" && password === "right" ? done(null, { user: username }) : done(new Error("no"))) });
    const address = (login: string) => `smtp://${login}127.0.0.1:${String(server.port)}`;
    const reach = (smtp: string) => kept(openEmail({ smtp, from })).reach();
    expect(await reach(address("ann:right@"))).toMatch(/^127\.0\.0\.1:\d+ answers, it accepts the login; TLS is used if offered$/u);
    const wrong = await reach(address("ann:wr0ng-password@")).catch((error: unknown) => error as Error);
    expect(wrong).toMatchObject(unavailable("does not accept the configured login"));
    expect((wrong as Error).message).not.toContain("wr0ng-password");
    expect(server.mails).toEqual([]);
  });

  test("nobody there, silence, and a server that breaks off", async () => {
    await expect(kept(openEmail({ smtp: "smtp://127.0.0.1:1", from })).reach()).rejects.toMatchObject(unavailable("cannot be reached"));
    const port = await silentServer();
    await expect(kept(openEmail({ smtp: `smtp://127.0.0.1:${String(port)}`, from, timeoutMs: 200 })).reach()).rejects.toMatchObject(unavailable("cannot be reached or broke off"));
    const breaking = await startBreakingServer("EHLO", "drop");
    await expect(kept(openEmail({ smtp: breaking.url, from })).reach()).rejects.toMatchObject(unavailable("cannot be reached or broke off"));
  });
});

describe("S3", () => {
  const credentials = { accessKeyId: "id", secretAccessKey: "secret-do-not-show" };
  const reason = whyNoRgw();

  test.skipIf(reason !== undefined)("a real server: good keys, wrong keys", async () => {
    const rgw = await startRgw();
    open.push({ close: () => rgw.stop() });
    const { endpoint } = rgw;
    expect(await kept(openS3({ region: "us-east-1", endpoint, credentials: rgw.credentials })).reach()).toBe("S3 answers: the account sees 0 buckets");
    for (const wrong of [credentials, { ...rgw.credentials, secretAccessKey: "wrong-do-not-show" }]) {
      await expect(kept(openS3({ region: "us-east-1", endpoint, credentials: wrong })).reach()).rejects.toMatchObject(unavailable("S3 does not accept the configured keys"));
    }
  });

  test("an account that may not list buckets is reachable all the same", async () => {
    const stub = kept(await startS3Stub({}, () => errorXml(403, "AccessDenied")));
    expect(await kept(openS3({ region: "us-east-1", endpoint: stub.url, credentials })).reach()).toContain("may not list buckets, which the tool does not need");
    expect(stub.received.every(({ method }) => method === "GET")).toBe(true);
  });

  test("expired keys, and nobody there", async () => {
    const stub = kept(await startS3Stub({}, () => errorXml(400, "ExpiredToken")));
    await expect(kept(openS3({ region: "us-east-1", endpoint: stub.url, credentials })).reach()).rejects.toMatchObject(unavailable("have expired"));
    await stub.close();
    await expect(kept(openS3({ region: "us-east-1", endpoint: stub.url, credentials })).reach()).rejects.toMatchObject(unavailable("cannot be reached"));
  });
});

describe("Drive", () => {
  test("good credentials: which account; bad ones and a scope that is missing: why", async () => {
    const stub = kept(await startGdriveStub());
    stub.add("f1");
    expect(await kept(openGdrive({ credentials: stub.credentials, rootUrl: stub.url })).reach()).toBe("Drive answers: the account is agent@project.iam.example");
    expect(stub.changes()).toEqual([]);
    const refusing = async (status: number, code: string) => {
      const other = kept(await startGdriveStub({ answer: ({ path }) => (path.startsWith("/drive/") ? gdriveError(status, code) : undefined) }));
      return kept(openGdrive({ credentials: other.credentials, rootUrl: other.url })).reach();
    };
    await expect(refusing(401, "authError")).rejects.toMatchObject(unavailable("does not accept the configured credentials"));
    await expect(refusing(403, "insufficientPermissions")).rejects.toMatchObject(unavailable("lack the scope"));
    await expect(refusing(403, "accessNotConfigured")).rejects.toMatchObject(unavailable("not switched on"));
  });
});

describe("HubSpot", () => {
  test("a good token, and not more of a contact than its id; a wrong token and a scope that is missing", async () => {
    const stub = kept(await startHubspotStub());
    stub.addContact("bob@example.com", { phone: "1234" });
    expect(await kept(openHubspot({ token: HUBSPOT_TOKEN, baseUrl: stub.url })).reach()).toBe("HubSpot answers, and the token may read contacts");
    const [request] = stub.requests("GET", "/crm/v3/objects/contacts");
    expect(Object.fromEntries(new URL(request?.path ?? "", "http://stub").searchParams)).toMatchObject({ limit: "1", properties: "hs_object_id" });
    await expect(kept(openHubspot({ token: "pat-wrong", baseUrl: stub.url })).reach()).rejects.toMatchObject(unavailable("does not accept the configured token"));
    const denying = kept(await startHubspotStub({ answer: () => hubspotError(403, "MISSING_SCOPES") }));
    await expect(kept(openHubspot({ token: HUBSPOT_TOKEN, baseUrl: denying.url })).reach()).rejects.toMatchObject(unavailable("lacks a scope"));
  });

  test("silence ends in time", async () => {
    const port = await silentServer();
    await expect(kept(openHubspot({ token: HUBSPOT_TOKEN, baseUrl: `http://127.0.0.1:${String(port)}`, timeoutMs: 200 })).reach()).rejects.toMatchObject(unavailable("did not answer in time"));
  });
});
