import { afterEach, describe, expect, test } from "vitest";

import { dontDuplicateContacts } from "../../src/policies/crm/index.js";
import { openHubspot } from "../../src/systems/hubspot.js";
import { crmCreateContactTool } from "../../src/tools/crm_create_contact.js";
import { hubspotError, startHubspotStub, TOKEN, type HubspotStubOptions } from "../support/hubspot-stub.js";
import { blockedBy, executed, planned } from "../support/tool-calls.js";

const open: { close(): Promise<void> }[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((thing) => thing.close()));
});

async function crm(options: HubspotStubOptions = {}) {
  const stub = await startHubspotStub(options);
  const hubspot = openHubspot({ token: TOKEN, baseUrl: stub.url });
  open.push(stub, hubspot);
  const plan = (email: string, properties?: object) =>
    planned(crmCreateContactTool, { email, ...(properties === undefined ? {} : { properties }) }, hubspot.reader);
  const blocked = async (email: string) => blockedBy("crm_create_contact", (await plan(email)).payload, [dontDuplicateContacts]);
  const run = async (email: string, properties?: object) =>
    executed(crmCreateContactTool, (await plan(email, properties)).step, hubspot.writer);
  return { stub, hubspot, plan, blocked, run };
}

describe("a person is found under every spelling", () => {
  test.each([
    ["bob@example.com", "bob@example.com"],
    ["bob@example.com", "BOB@Example.COM"],
    ["Bob@Example.com", "bob@example.com"],
    ["bob@example.com", "  bob@example.com  "],
    ["bob@example.com", "bob+news@example.com"],
    ["bob+news@example.com", "bob@example.com"],
    ["bob+news@example.com", "Bob+Shop@example.com"],
    ["bob+a+b@example.com", "bob@example.com"],
    ["bob@example.com", "<bob@example.com>"],
    ["bob@example.com", "bob@example.com (work)"],
    ["+only@example.com", "+ONLY@example.com"],
    ["bob.smith@gmail.com", "bobsmith+x@gmail.com".replace("bobsmith", "bob.smith")],
  ])("stored as %s, given as %j", async (stored, given) => {
    const { stub, blocked } = await crm();
    const contact = stub.addContact(stored);
    expect(await blocked(given)).toContain(`contact ${contact.id}`);
  });

  test("stored as a secondary address", async () => {
    const { stub, blocked } = await crm();
    const contact = stub.addContact("robert@example.com", { hs_additional_emails: "bob@example.com;b@example.org" });
    expect(await blocked("Bob@example.com")).toContain(`contact ${contact.id}`);
    expect(await blocked("bob+x@example.com")).toContain(`contact ${contact.id}`);
  });

  test.each(["bobby@example.com", "bob@example.org", "b+bob@example.com", "bob@example.com.evil.example", "xbob@example.com", "bob@sub.example.com"])(
    "%s is somebody else",
    async (stored) => {
      const { stub, blocked } = await crm();
      stub.addContact(stored);
      expect(await blocked("bob@example.com")).toBeNull();
    },
  );

  test("on the third page of a search that finds many others", async () => {
    const { stub, plan } = await crm();
    for (let index = 0; index < 230; index += 1) stub.addContact(`bob+tag${index}@example.com`);
    const { payload } = await plan("bob@example.com");
    expect(payload.existing_contacts).toHaveLength(230);
    expect(stub.requests("POST", "/crm/v3/objects/contacts/search").length).toBeGreaterThanOrEqual(3);
  });

  test("though the search does not know it yet", async () => {
    const { stub, blocked } = await crm({ notSearchable: ["102"] });
    expect(stub.addContact("bob@example.com").id).toBe("102");
    expect(await blocked("BOB+x@example.com")).toContain("contact 102");
  });
});

describe("what the CRM gets", () => {
  test("looking creates nothing", async () => {
    const { stub, plan } = await crm();
    await plan("bob@example.com", { firstname: "Bob" });
    expect(stub.contacts).toEqual([]);
    expect(stub.requests("POST", "/crm/v3/objects/contacts")).toEqual([]);
  });

  test("one contact with the address and the properties; values are in no fact", async () => {
    const { stub, plan, run } = await crm();
    const properties = { firstname: "Zebedee", age: 42, newsletter: false };
    const { payload } = await plan("Bob+Crm@Example.com", properties);
    expect(payload).toEqual({
      email: "Bob+Crm@example.com",
      email_normalised: "bob@example.com",
      properties: { firstname: 7, age: 2, newsletter: 5 },
      existing_contacts: [],
      secrets: [],
    });
    expect(JSON.stringify(payload)).not.toContain("Zebedee");
    const { actions, result } = await run("Bob+Crm@Example.com", properties);
    expect(stub.contacts.map((contact) => contact.properties)).toEqual([
      { email: "bob+crm@example.com", firstname: "Zebedee", age: "42", newsletter: "false" },
    ]);
    expect(result).toEqual({ id: stub.contacts[0]?.id });
    expect(actions).toMatchObject([{ system: "hubspot", action: "create_contact", success: true }]);
  });

  test("a contact that appeared since the judgement: nothing is created", async () => {
    const { stub, hubspot, plan } = await crm();
    const { step } = await plan("bob@example.com");
    stub.addContact("BOB+x@example.com");
    await expect(executed(crmCreateContactTool, step, hubspot.writer)).rejects.toMatchObject({ code: "STALE_PLAN" });
    expect(stub.contacts).toHaveLength(1);
  });

  test("HubSpot itself refuses the second of two at once", async () => {
    const { stub, hubspot, plan } = await crm();
    const { step } = await plan("bob@example.com");
    const outcomes = await Promise.all([1, 2].map(async () => hubspot.writer.createContact({ email: step.email })));
    expect(outcomes.map(({ state }) => state).toSorted()).toEqual(["created", "failed"]);
    expect(stub.contacts).toHaveLength(1);
  });

  test("secrets in values are named by property", async () => {
    const { plan } = await crm();
    const key = ["ghp", "_", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"].join("");
    const { payload } = await plan("bob@example.com", { notes: `use ${key}` });
    expect(payload.secrets).toEqual([{ kind: expect.any(String) as string, where: "property notes" }]);
  });
});

describe("when HubSpot cannot say, nobody knows that there is no duplicate", () => {
  test.each([
    ["the search fails", 500, "/crm/v3/objects/contacts/search"],
    ["the search is not allowed", 403, "/crm/v3/objects/contacts/search"],
    ["the search is limited", 429, "/crm/v3/objects/contacts/search"],
    ["the read by address fails", 502, "/crm/v3/objects/contacts/bob%40example.com"],
  ])("%s", async (_name, status, path) => {
    const { stub, blocked } = await crm({ answer: (request) => (request.path.startsWith(path) ? hubspotError(status, "OOPS") : undefined) });
    expect(await blocked("bob@example.com")).toMatch(/existing_contacts is unknown: HubSpot/);
    expect(stub.contacts).toEqual([]);
  });

  test("a page that is not HubSpot's", async () => {
    const { blocked } = await crm({ answer: () => ({ headers: { "content-type": "text/html" }, body: "<html>hello</html>" }) });
    expect(await blocked("bob@example.com")).toMatch(/is unknown/);
  });

  test("a search without end", async () => {
    const body = { total: 1, results: [], paging: { next: { after: "1" } } };
    const { blocked } = await crm({ answer: ({ path }) => (path.endsWith("/search") ? { body } : undefined) });
    expect(await blocked("bob@example.com")).toMatch(/too many contacts/);
  });
});

describe("input that is not one contact", () => {
  test.each<[string, object | undefined, RegExp]>([
    ["", undefined, /empty/],
    ["bob", undefined, /no @/],
    ["bob@example.com, ann@example.com", undefined, /more than one/],
    ["bob@example.com; ann@example.com", undefined, /group/],
    ["Team: bob@example.com;", undefined, /group/],
    ["Bob <bob@example.com>", undefined, /display name/],
    ["bob@example.com\r\nX: y", undefined, /control character/],
    ["bob@exa mple.com", undefined, /address/],
    ["bob@example.com", { email: "ann@example.com" }, /give the address as email/],
    ["bob@example.com", { hs_additional_emails: "ann@example.com" }, /give the address as email/],
    ["bob@example.com", { Email: "ann@example.com" }, /not the internal name/],
    ["bob@example.com", { "first name": "x" }, /not the internal name/],
    ["bob@example.com", { firstname: null }, /firstname/],
    ["bob@example.com", { firstname: { a: 1 } }, /firstname/],
    ["bob@example.com", { firstname: "\ud800" }, /half a character/],
    ["bob@example.com", { firstname: "x".repeat(65_537) }, /longer than/],
    ["bob@example.com", Object.fromEntries(Array.from({ length: 101 }, (_value, index) => [`p${index}`, "x"])), /More than 100/],
  ])("%j %#", async (email, properties, words) => {
    const { stub, plan } = await crm();
    await expect(plan(email, properties)).rejects.toThrow(words);
    expect(stub.received).toEqual([]);
  });
});
