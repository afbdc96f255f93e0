import { afterEach, describe, expect, test } from "vitest";

import { openHubspot } from "../../src/systems/hubspot.js";
import { crmCreateContactTool } from "../../src/tools/crm_create_contact.js";
import { crmCreateTaskTool } from "../../src/tools/crm_create_task.js";
import { startHttpStub, type Answer } from "../support/http-stub.js";
import { hubspotError, startHubspotStub, TOKEN } from "../support/hubspot-stub.js";
import { executed, planned } from "../support/tool-calls.js";

const open: { close(): Promise<void> }[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((thing) => thing.close()));
});

const CREATE = "/crm/v3/objects/contacts";

/** A world in which creating a contact gets this answer. */
async function creating(answer: Answer) {
  const stub = await startHubspotStub({ answer: ({ method, path }) => (method === "POST" && path === CREATE ? answer : undefined) });
  const hubspot = openHubspot({ token: TOKEN, baseUrl: stub.url, timeoutMs: 400 });
  open.push(stub, hubspot);
  const { step } = await planned(crmCreateContactTool, { email: "bob@example.com", properties: { nonexistent_one: "v" } }, hubspot.reader);
  return { stub, hubspot, run: async () => executed(crmCreateContactTool, step, hubspot.writer) };
}

function shows(value: unknown, secret: string, seen = new Set<unknown>()): boolean {
  if (typeof value !== "object" || value === null || seen.has(value)) return String(value).includes(secret);
  seen.add(value);
  return Reflect.ownKeys(value).some((key) => shows(Reflect.get(value, key), secret, seen));
}

describe("a creation whose fate is not known is never called failed, and never repeated", () => {
  test.each<[string, Answer]>([
    ["no answer", "hang"],
    ["connection reset after the request", "reset"],
    ["half an answer", "half"],
    ["500", hubspotError(500, "INTERNAL_ERROR", TOKEN)],
    ["502 of a gateway", { status: 502, body: "<html>bad gateway</html>" }],
    ["504", { status: 504, body: "" }],
    ["a page that is not HubSpot's", { status: 200, headers: { "content-type": "text/html" }, body: "<html>hi</html>" }],
    ["an answer without an id", { status: 201, body: { properties: {} } }],
  ])("%s", async (_name, answer) => {
    const { stub, run } = await creating(answer);
    const { actions, result } = await run();
    expect(result).toBeNull();
    expect(actions).toMatchObject([{ success: "unknown", error: { code: "OUTCOME_UNKNOWN" } }]);
    expect(actions[0]?.error?.message).toMatch(/look into HubSpot before trying again/);
    expect(shows(actions, "do-not-show")).toBe(false);
    expect(stub.requests("POST", CREATE)).toHaveLength(1);
  });

  test("a task likewise", async () => {
    const stub = await startHubspotStub({ answer: ({ method, path }) => (method === "POST" && path === "/crm/v3/objects/tasks" ? "reset" : undefined) });
    const hubspot = openHubspot({ token: TOKEN, baseUrl: stub.url });
    open.push(stub, hubspot);
    stub.addContact("bob@example.com");
    const { step } = await planned(crmCreateTaskTool, { contact: "bob@example.com", subject: "Call" }, hubspot.reader);
    const { actions } = await executed(crmCreateTaskTool, step, hubspot.writer);
    expect(actions).toMatchObject([{ success: "unknown" }]);
    expect(stub.requests("POST", "/crm/v3/objects/tasks")).toHaveLength(1);
  });
});

describe("a creation that failed for certain", () => {
  test.each<[Answer, RegExp]>([
    [hubspotError(400, "VALIDATION_ERROR", `Property values were not valid: [{"isValid":false,"message":"secret value","name":"shoe_size"}]`), /does not accept the values \(shoe_size\)/],
    [hubspotError(401, "INVALID_AUTHENTICATION", TOKEN), /does not accept the configured token/],
    [hubspotError(403, "MISSING_SCOPES"), /lacks a scope \(crm\.objects\.contacts\.read, crm\.objects\.contacts\.write\)/],
    [hubspotError(409, "CONFLICT"), /already has a contact/],
    [hubspotError(429, "RATE_LIMITS"), /limiting the rate/],
    [{ status: 423, body: "locked" }, /HTTP status 423/],
  ])("%#", async (answer, words) => {
    const { stub, run } = await creating(answer);
    const { actions } = await run();
    expect(actions).toMatchObject([{ success: false, error: { code: "ACTION_FAILED" } }]);
    expect(actions[0]?.error?.message).toMatch(words);
    expect(shows(actions, "do-not-show") || shows(actions, "secret value")).toBe(false);
    expect(stub.requests("POST", CREATE)).toHaveLength(1);
  });

  test("the real refusal of an unknown property names it", async () => {
    const stub = await startHubspotStub();
    const hubspot = openHubspot({ token: TOKEN, baseUrl: stub.url });
    open.push(stub, hubspot);
    const { step } = await planned(crmCreateContactTool, { email: "bob@example.com", properties: { nonexistent_one: "private" } }, hubspot.reader);
    const { actions } = await executed(crmCreateContactTool, step, hubspot.writer);
    expect(actions[0]?.error?.message).toMatch(/\(nonexistent_one\)/);
    expect(shows(actions, "private")).toBe(false);
    expect(stub.contacts).toEqual([]);
  });

  test("nobody listens any more", async () => {
    const stub = await startHubspotStub();
    const hubspot = openHubspot({ token: TOKEN, baseUrl: stub.url });
    open.push(hubspot);
    await planned(crmCreateContactTool, { email: "bob@example.com" }, hubspot.reader);
    await stub.close();
    const outcome = await hubspot.writer.createContact({ email: "bob@example.com" });
    expect(outcome).toMatchObject({ state: "failed", failure: { code: "UNREACHABLE" } });
  });
});

describe("redirects", () => {
  test.each([301, 302, 307, 308])("%s to another server: the token and the contact stay here", async (status) => {
    const other = await startHttpStub(() => ({ status: 201, body: { id: "1", properties: {} } }));
    open.push(other);
    const { run } = await creating({ status, headers: { location: `${other.url}${CREATE}` } });
    const { actions } = await run();
    expect(actions[0]?.success).not.toBe(true);
    expect(other.received).toEqual([]);
  });
});

describe("looks that fail", () => {
  test("a wrong token and an outage are said in words, without the token", async () => {
    const stub = await startHubspotStub();
    const wrong = openHubspot({ token: ["pat", "eu1", "do-not-show-either"].join("-"), baseUrl: stub.url });
    open.push(wrong);
    const task = async () => planned(crmCreateTaskTool, { contact: "151", subject: "Call" }, wrong.reader).catch((error: unknown) => error);
    const denied = await task();
    expect(denied).toMatchObject({ code: "SYSTEM_UNAVAILABLE", message: "HubSpot does not accept the configured token", done: "Nothing was done." });
    await stub.close();
    const down = await task();
    expect(down).toMatchObject({ code: "SYSTEM_UNAVAILABLE", message: "HubSpot cannot be reached: the connection was refused" });
    expect(shows(denied, "do-not-show") || shows(down, "do-not-show")).toBe(false);
  });

  test("the caller gives up, or HubSpot is silent", async () => {
    const stub = await startHubspotStub({ answer: () => "hang" });
    const hubspot = openHubspot({ token: TOKEN, baseUrl: stub.url, timeoutMs: 200 });
    open.push(stub, hubspot);
    const task = async (signal: AbortSignal) => planned(crmCreateTaskTool, { contact: "151", subject: "Call" }, hubspot.reader, { signal });
    await expect(task(AbortSignal.timeout(30))).rejects.toMatchObject({ code: "CANCELLED" });
    await expect(task(new AbortController().signal)).rejects.toMatchObject({ code: "SYSTEM_UNAVAILABLE", message: "HubSpot cannot be reached: it did not answer in time" });
  });
});

test.each([{ token: "" }, { token: `${TOKEN}\n` }, { token: TOKEN, baseUrl: "http://hubspot.example" }, { token: TOKEN, baseUrl: `https://x:${TOKEN}@h.example` }])(
  "options %# are refused at start, without showing the token",
  (options) => {
    expect(() => openHubspot(options)).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }) as Error);
    expect(() => openHubspot(options)).not.toThrow(/do-not-show/);
  },
);
