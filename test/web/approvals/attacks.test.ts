import { DatabaseSync } from "@photostructure/sqlite";
import { createHash, randomBytes } from "node:crypto";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { progressOf } from "../../../src/approvals/answering.js";
import type { ApprovalRequest } from "../../../src/approvals/request.js";
import { challengeOf, statementOf } from "../../../src/approvals/request.js";
import { PageWorld } from "../../support/approval-pages.js";
import { HOSTILE, planOf, requestOf, SAMPLES, type SamplePlan } from "../../support/approval-samples.js";
import type { AssertionChanges } from "../../support/approval-world.js";
import { passkeyPerson } from "../../support/approval-world.js";
import type { RawAnswer } from "../../support/raw-http.js";
import { rawHttp } from "../../support/raw-http.js";

const SAMPLE = SAMPLES["s3_delete"] as SamplePlan;

describe("an agent with curl on the same machine", () => {
  let world: PageWorld;
  let request: ApprovalRequest;
  let ann: ReturnType<typeof passkeyOf>;

  beforeEach(async () => {
    world = await new PageWorld().start();
    world.now = new Date("2026-11-22T12:00:00.000Z");
    ann = passkeyOf(world);
    world.registry.add(ann.draft, null);
    request = await world.file(requestOf({ plan: planOf(SAMPLE), now: world.now }));
  });

  afterEach(() => world.cleanUp());

  /** A passkey made on the page of this world, in software. */
  function passkeyOf({ origin, now }: PageWorld, email = "ann@shop.example") {
    const { draft, assert } = passkeyPerson(email, now.toISOString());
    const passkey = { credential_id: randomBytes(16).toString("base64url"), rp_id: "localhost", origin };
    const sign = (challenge: Uint8Array, changes: AssertionChanges = {}) => assert(challenge, { origin, ...changes });
    return { draft: { ...draft, passkey }, sign };
  }

  const challenge = (of: ApprovalRequest = request) => challengeOf(statementOf(of, "approve"));
  const pathOf = (of: ApprovalRequest = request) => `/approvals/${of.id}`;
  const own = () => ({ Origin: world.origin, "Sec-Fetch-Site": "same-origin" });

  async function token(of: ApprovalRequest = request): Promise<string> {
    const { body } = await rawHttp({ port: world.port, path: pathOf(of) });
    return /name="token" value="([\w-]+)"/u.exec(body)?.[1] ?? "";
  }

  interface Given {
    readonly signature: ReturnType<typeof ann.sign>;
    readonly id?: string;
    readonly of?: ApprovalRequest;
    readonly token?: string;
  }

  /** Exactly what the page's script sends. */
  async function approve({ signature, id = ann.draft.passkey.credential_id, of = request, token: given }: Given): Promise<RawAnswer> {
    if (signature.kind !== "passkey") throw new TypeError("a passkey's");
    const { authenticator_data: authenticatorData, client_data: clientDataJSON, signature: signed } = signature;
    const assertion = { id, rawId: id, type: "public-key", clientExtensionResults: {}, response: { authenticatorData, clientDataJSON, signature: signed } };
    const body = JSON.stringify({ token: given ?? (await token(of)), assertion });
    return rawHttp({ port: world.port, path: `${pathOf(of)}/approve`, method: "POST", headers: { ...own(), "Content-Type": "application/json" }, body });
  }

  async function progress(of: ApprovalRequest = request) {
    return progressOf(await world.stored(of), world.registry).state;
  }

  test("the same, with the passkey, is an approval: these tests try what a person does", async () => {
    expect(await approve({ signature: ann.sign(challenge()) })).toMatchObject({ status: 200 });
    expect(await progress()).toBe("approved");
    expect((await world.stored(request)).answers).toMatchObject([{ method: "passkey", who: "ann@shop.example", decision: "approve" }]);
  });

  test.each<[string, AssertionChanges]>([
    ["made on a page of another port of this machine", { origin: "http://localhost:5173" }],
    ["made on 127.0.0.1", { origin: "http://127.0.0.1:4663" }],
    ["made on another site", { origin: "https://localhost.example.com" }],
    ["made for another relying party", { rpId: "example.com" }],
    ["of somebody who was not verified", { flags: 0x01 }],
    ["of nobody who was present", { flags: 0x04 }],
    ["made when a passkey was registered", { type: "webauthn.create" }],
    ["made in a frame of another site", { more: { crossOrigin: true, topOrigin: "https://evil.example" } }],
    ["made in a frame, with no more said", { more: { crossOrigin: true } }],
    ["with a challenge of its own", { challenge: "AAAA" }],
  ])("an assertion %s approves nothing", async (_what, changes) => {
    expect(await approve({ signature: ann.sign(challenge(), changes) })).toMatchObject({ status: 403 });
    expect(await progress()).toBe("waiting");
    expect((await world.stored(request)).answers).toEqual([]);
  });

  test("everything but the signature: its own key under the credential of the person", async () => {
    const thief = passkeyOf(world, "ann@shop.example");
    expect(await approve({ signature: thief.sign(challenge()) })).toMatchObject({ status: 403 });
    expect(await approve({ signature: thief.sign(challenge()), id: thief.draft.passkey.credential_id })).toMatchObject({ status: 403 });
    expect(await progress()).toBe("waiting");
  });

  test.each(["", "{}", "null", "[]", '{"token":"x"}', '{"assertion":{}}', `{"assertion":{"id":"x","rawId":"x","type":"public-key","response":{}}}`, "not json", '{"__proto__":{"token":1}}'])("a body that is no answer: %s", async (body) => {
    const answer = await rawHttp({ port: world.port, path: `${pathOf()}/approve`, method: "POST", headers: { ...own(), "Content-Type": "application/json" }, body });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
    expect(await progress()).toBe("waiting");
  });

  test("an assertion is used once", async () => {
    const signature = ann.sign(challenge());
    const page = await token();
    expect(await approve({ signature, token: page })).toMatchObject({ status: 200 });
    expect(await approve({ signature, token: page })).toMatchObject({ status: 403 });
    expect((await world.stored(request)).answers).toHaveLength(1);
  });

  test("twenty times at once is once", async () => {
    const signature = ann.sign(challenge());
    const page = await token();
    const all = await Promise.all(Array.from({ length: 20 }, () => approve({ signature, token: page })));
    expect(all.filter(({ status }) => status === 200)).toHaveLength(1);
    expect((await world.stored(request)).answers).toHaveLength(1);
  });

  test("an assertion for one request approves no other, not even one that says the same", async () => {
    const other = await world.file(requestOf({ plan: planOf({ ...SAMPLE, target: "another" }, "other@shop.example"), now: world.now }));
    expect(await approve({ signature: ann.sign(challenge()), of: other })).toMatchObject({ status: 403 });
    expect(await progress(other)).toBe("waiting");
  });

  test("an assertion for a no is no yes", async () => {
    expect(await approve({ signature: ann.sign(challengeOf(statementOf(request, "deny"))) })).toMatchObject({ status: 403 });
    expect(await progress()).toBe("waiting");
  });

  test("a revoked passkey is not asked for, and approves nothing", async () => {
    const signature = ann.sign(challenge());
    world.registry.revoke(ann.draft.id, world.now);
    const { body } = await rawHttp({ port: world.port, path: pathOf() });
    expect(body).not.toContain(ann.draft.passkey.credential_id);
    expect(await approve({ signature })).toMatchObject({ status: 403 });
    expect(await progress()).toBe("waiting");
  });

  test("a millisecond decides whether it is too late", async () => {
    const page = await token();
    world.now = new Date(Date.parse(request.expires_at));
    expect(await approve({ signature: ann.sign(challenge()), token: page })).toMatchObject({ status: 403 });
    expect(await progress()).toBe("expired");
    const late = await world.file(requestOf({ plan: planOf(SAMPLE, "late@shop.example"), now: world.now }));
    const latePage = await token(late);
    world.now = new Date(Date.parse(late.expires_at) - 1);
    expect(await approve({ signature: ann.sign(challenge(late)), of: late, token: latePage })).toMatchObject({ status: 200 });
  });

  test("the acting user's own passkey is not asked for where somebody else must approve", async () => {
    const me = await world.file(requestOf({ plan: planOf(SAMPLE, "Ann+agent@shop.example"), now: world.now, approver_differs: true }));
    const { body } = await rawHttp({ port: world.port, path: pathOf(me) });
    expect(body).not.toContain(ann.draft.passkey.credential_id);
    expect(body).toContain("None of the registered passkeys can approve this");
    expect(await approve({ signature: ann.sign(challenge(me)), of: me })).toMatchObject({ status: 403 });
    expect(await progress(me)).toBe("waiting");
  });

  test("what was changed in the inbox is neither shown nor approved", async () => {
    const page = await token();
    const db = new DatabaseSync(join(world.enactHome, "inbox.sqlite"));
    db.prepare("UPDATE requests SET target = 'nothing of importance'").run();
    db.close();
    const { body } = await rawHttp({ port: world.port, path: pathOf() });
    expect(body).toContain("Not genuine");
    expect(body).not.toContain("Approve with a passkey");
    expect(await approve({ signature: ann.sign(challenge()), token: page })).toMatchObject({ status: 403 });
    expect((await world.stored(request)).answers).toEqual([]);
  });

  test("no look changes anything: not a page, not a list, with GET or HEAD, nor an address that is none", async () => {
    const paths = ["", "/list", "/about?nonce=x", "/register", `/${request.id}`, `/${request.id.slice(0, 8)}`, `/${request.id}/state`, `/${request.id}/approve`, `/${request.id}/deny`, "/register/finish", "/ffffffff", "/..%2f..%2fetc%2fpasswd", "/0".repeat(50)];
    const before = stateOf(world.enactHome);
    for (const path of paths) {
      for (const method of ["GET", "HEAD"]) {
        const { status } = await rawHttp({ port: world.port, path: `/approvals${path}`, method });
        expect(status, `${method} ${path}`).toBeLessThan(500);
      }
    }
    for (const method of ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"]) {
      expect((await rawHttp({ port: world.port, path: `${pathOf()}/deny`, method, headers: own() })).status).toBeGreaterThanOrEqual(400);
    }
    expect(stateOf(world.enactHome)).toEqual(before);
  });

  describe("saying no", () => {
    const deny = async (headers: Record<string, string>, fields: Record<string, string>, path = `${pathOf()}/deny`) =>
      rawHttp({ port: world.port, path, method: "POST", headers: { "Content-Type": "application/x-www-form-urlencoded", ...headers }, body: new URLSearchParams(fields).toString() });

    test("takes the page's form and no passkey; the agent gets the reason", async () => {
      expect(await deny(own(), { token: await token(), reason: "  Not before Monday  " })).toMatchObject({ status: 303, headers: { location: pathOf() } });
      expect(await world.stored(request)).toMatchObject({ state: "denied", answers: [{ method: "page", reason: "Not before Monday", approver_id: null }] });
    });

    test("a form as a browser without scripts sends it, with Origin: null", async () => {
      expect(await deny({ Origin: "null", "Sec-Fetch-Site": "same-origin" }, { token: await token() })).toMatchObject({ status: 303 });
    });

    test.each<[string, Record<string, string>]>([
      ["a form of another site", { Origin: "https://evil.example", "Sec-Fetch-Site": "cross-site" }],
      ["a form of another site in an old browser", { Origin: "https://evil.example" }],
      ["a form of another port", { Origin: "http://localhost:5173", "Sec-Fetch-Site": "same-site" }],
      ["a form in a sandbox", { Origin: "null", "Sec-Fetch-Site": "cross-site" }],
      ["no evidence where it comes from", {}],
    ])("is refused to %s, even with the right token", async (_what, headers) => {
      expect(await deny(headers, { token: await token() })).toMatchObject({ status: 403 });
      expect(await progress()).toBe("waiting");
    });

    test("is refused without the token of this very request", async () => {
      const other = await world.file(requestOf({ plan: planOf({ ...SAMPLE, target: "another" }, "other@shop.example"), now: world.now }));
      for (const wrong of ["", "x", randomBytes(60).toString("base64url"), await token(other)]) {
        expect(await deny(own(), { token: wrong })).toMatchObject({ status: 403 });
      }
      expect(await progress()).toBe("waiting");
    });

    test("no reason, however long or odd, breaks the page", async () => {
      await deny(own(), { token: await token(), reason: `${HOSTILE.markup}${HOSTILE.bidi}${"x".repeat(5000)}` });
      const { body } = await rawHttp({ port: world.port, path: pathOf() });
      expect(body).not.toContain("<script>alert");
      expect(body).toContain("&lt;script&gt;alert");
      expect(body).toContain("RLO");
    });
  });

  test.each(["evil.example", "localhost.evil.example:PORT", "127.0.0.1.evil.example", "localhost:1", "[::ffff:127.0.0.1]:PORT", "", "localhost:PORT@evil.example"])("a name that leads here (%s) sees nothing: DNS rebinding", async (name) => {
    const Host = name.replace("PORT", String(world.port));
    for (const path of ["/approvals", pathOf(), "/approvals/list", "/approvals.js"]) {
      const answer = await rawHttp({ port: world.port, path, headers: { Host } });
      expect(answer.status).toBe(421);
      expect(answer.body).not.toContain("acme");
    }
  });

  test("another site can neither read, nor frame, nor script, nor learn the address", async () => {
    const { headers } = await rawHttp({ port: world.port, path: pathOf() });
    const policy = headers["content-security-policy"] ?? "";
    for (const part of ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"]) expect(policy).toContain(part);
    expect(headers).toMatchObject({ "x-frame-options": "DENY", "referrer-policy": "no-referrer", "cache-control": "no-store", "x-content-type-options": "nosniff", "cross-origin-resource-policy": "same-origin" });
    expect(headers["access-control-allow-origin"]).toBeUndefined();
    const read = await rawHttp({ port: world.port, path: pathOf(), headers: { "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script" } });
    expect(read.status).toBe(403);
  });

  test("registers nothing without the code of a terminal, nor with one that is over or used", async () => {
    const post = (step: string, body: unknown) => rawHttp({ port: world.port, path: `/approvals/register/${step}`, method: "POST", headers: { ...own(), "Content-Type": "application/json" }, body: JSON.stringify(body) });
    const before = world.registry.all();
    for (const step of ["begin", "finish", "confirm", "state"]) {
      for (const code of [undefined, "", "x", randomBytes(32).toString("base64url"), "../../approvers"]) expect((await post(step, { code })).status).toBe(403);
    }
    const { code } = world.registrations.create("mallory@evil.example");
    expect((await post("begin", { code })).status).toBe(200);
    for (const attestation of [null, {}, { id: "x", rawId: "x", type: "public-key", response: {} }]) expect((await post("finish", { code, attestation })).status).toBe(403);
    world.now = new Date(world.now.getTime() + 10 * 60_000);
    expect((await post("begin", { code })).status).toBe(403);
    expect(world.registry.all()).toEqual(before);
  });

  /** All that the pages could have changed, as the rows of the inbox and the files of the user's folder. */
  function stateOf(folder: string): unknown {
    const db = new DatabaseSync(join(folder, "inbox.sqlite"), { readOnly: true });
    try {
      const rows = ["requests", "answers", "aliases"].map((table) => db.prepare(`SELECT * FROM ${table}`).all());
      return { rows: createHash("sha256").update(JSON.stringify(rows)).digest("hex"), people: world.registry.all() };
    } finally {
      db.close();
    }
  }
});
