import { afterEach, describe, expect, test } from "vitest";

import { limitTasksPerContact, limitTasksPerContactWith } from "../../src/policies/crm/index.js";
import { openHubspot } from "../../src/systems/hubspot.js";
import { crmCreateTaskTool } from "../../src/tools/crm_create_task.js";
import { hubspotError, startHubspotStub, TOKEN, type HubspotStubOptions } from "../support/hubspot-stub.js";
import { blockedBy, executed, planned } from "../support/tool-calls.js";

const NOW = new Date("2026-11-22T12:00:00.000Z");
const open: { close(): Promise<void> }[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((thing) => thing.close()));
});

async function crm(options: HubspotStubOptions = {}) {
  const stub = await startHubspotStub(options);
  const hubspot = openHubspot({ token: TOKEN, baseUrl: stub.url });
  open.push(stub, hubspot);
  const plan = (contact: string, more: object = {}) => planned(crmCreateTaskTool, { contact, subject: "Call", ...more }, hubspot.reader);
  return { stub, hubspot, plan };
}

const daysAgo = (days: number): string => new Date(NOW.getTime() - days * 86_400_000).toISOString();

describe("the tasks of a contact are counted in the CRM itself", () => {
  test("over several pages, and those of other contacts are not", async () => {
    const { stub, plan } = await crm({ associationPage: 2 });
    const [bob, ann] = [stub.addContact("bob@example.com"), stub.addContact("ann@example.com")];
    for (const days of [1, 2, 20, 3, 40]) stub.addTask(bob.id, daysAgo(days));
    stub.addTask(ann.id, daysAgo(1));
    const { payload } = await plan("bob@example.com");
    expect(payload.tasks).toMatchObject([1, 2, 3, 20, 40].map((days) => ({ created_at: daysAgo(days) })));
    expect(payload.tasks_complete).toBe(true);
    expect(blockedBy("crm_create_task", payload, [limitTasksPerContact], { now: NOW })).toMatch(/got 3 tasks in the last 7 days \(limit 3\)/);
    expect(blockedBy("crm_create_task", payload, [limitTasksPerContactWith({ max_tasks: 4 })], { now: NOW })).toBeNull();
    expect(blockedBy("crm_create_task", (await plan(ann.id)).payload, [limitTasksPerContact], { now: NOW })).toBeNull();
  });

  test("more than a batch, and more than are listed", async () => {
    const { stub, plan } = await crm();
    const bob = stub.addContact("bob@example.com");
    for (let index = 0; index < 250; index += 1) stub.addTask(bob.id, daysAgo(index));
    const { payload } = await plan(bob.id);
    expect(payload.tasks).toHaveLength(200);
    expect(payload.tasks_complete).toBe(false);
    expect(blockedBy("crm_create_task", payload, [limitTasksPerContactWith({ max_tasks: 9, window_days: 7 })], { now: NOW })).toBeNull();
    expect(blockedBy("crm_create_task", payload, [limitTasksPerContactWith({ max_tasks: 200, window_days: 300 })], { now: NOW })).not.toBeNull();
  });

  test.each(["bob@example.com", "BOB@example.com", " bob@example.com ", "ID"])("the contact as %j", async (given) => {
    const { stub, plan } = await crm();
    const bob = stub.addContact("bob@example.com");
    const { payload, step } = await plan(given === "ID" ? bob.id : given);
    expect(payload).toMatchObject({ contact: bob.id, contact_email: "bob@example.com" });
    expect(step.contact).toBe(bob.id);
  });

  test("a task that was just deleted is no gap, any other gap is unknown", async () => {
    const { stub, plan } = await crm();
    const bob = stub.addContact("bob@example.com");
    stub.addTask(bob.id, daysAgo(1));
    stub.tasks.splice(0);
    expect((await plan(bob.id)).payload.tasks).toEqual([]);
    const denied = { status: 207, body: { status: "COMPLETE", results: [], numErrors: 1, errors: [{ category: "FORBIDDEN" }] } };
    const other = await crm({ answer: ({ path }) => (path.includes("/batch/read") ? denied : undefined) });
    other.stub.addTask(other.stub.addContact("bob@example.com").id, daysAgo(1));
    expect((await other.plan("bob@example.com")).payload.tasks).toEqual({ $unknown: "HubSpot does not show all tasks of the contact" });
  });

  test.each([
    ["the list fails", "/associations/tasks", hubspotError(500, "OOPS")],
    ["the list is not allowed", "/associations/tasks", hubspotError(403, "MISSING_SCOPES")],
    ["the tasks cannot be read", "/batch/read", hubspotError(429, "RATE_LIMITS")],
    ["a list without end", "/associations/tasks", { body: { results: [], paging: { next: { after: "again" } } } }],
  ])("%s: unknown, so blocked", async (_name, path, answer) => {
    const { stub, plan } = await crm({ answer: (request) => (request.path.split("?")[0]?.endsWith(path) === true ? answer : undefined) });
    stub.addTask(stub.addContact("bob@example.com").id, daysAgo(1));
    const { payload } = await plan("bob@example.com");
    expect(payload.tasks).toHaveProperty("$unknown");
    expect(blockedBy("crm_create_task", payload, [limitTasksPerContact], { now: NOW })).toMatch(/tasks is unknown/);
  });

  test("more tasks than can be counted", async () => {
    const results = Array.from({ length: 2001 }, (_value, index) => ({ toObjectId: index, associationTypes: [] }));
    const { stub, plan } = await crm({
      answer: ({ path }) => (path.includes("/associations/tasks") ? { body: { results, paging: { next: { after: "9" } } } } : undefined),
    });
    stub.addContact("bob@example.com");
    expect((await plan("bob@example.com")).payload.tasks).toEqual({ $unknown: "The contact has more than 2000 tasks: too many to count" });
  });
});

describe("what the CRM gets", () => {
  test("looking creates nothing; then one task, for the contact that was judged", async () => {
    const { stub, hubspot, plan } = await crm();
    const [bob] = [stub.addContact("bob@example.com"), stub.addContact("ann@example.com")];
    const { payload, step } = await plan("bob@example.com", { body: "About the offer", due: "2026-11-30T09:00:00+01:00" });
    expect(stub.tasks).toEqual([]);
    expect(payload).toMatchObject({ subject: "Call", body: { length: 15 }, due: "2026-11-30T08:00:00.000Z", secrets: [] });
    expect(JSON.stringify(payload)).not.toContain("About the offer");
    const { actions, result } = await executed(crmCreateTaskTool, step, hubspot.writer);
    const [task] = stub.tasks;
    expect(stub.taskContacts.get(task?.id ?? "")).toBe(bob?.id);
    expect(task?.properties).toMatchObject({ hs_task_subject: "Call", hs_task_body: "About the offer", hs_timestamp: "2026-11-30T08:00:00.000Z" });
    expect(result).toEqual({ id: task?.id, contact: bob?.id });
    expect(actions).toMatchObject([{ success: true, action: "create_task" }]);
  });

  test("without due the task is due now", async () => {
    const { stub, hubspot, plan } = await crm();
    stub.addContact("bob@example.com");
    await executed(crmCreateTaskTool, (await plan("bob@example.com")).step, hubspot.writer);
    expect(Math.abs(Date.parse(stub.tasks[0]?.properties["hs_timestamp"] ?? "") - Date.now())).toBeLessThan(60_000);
  });

  test("a contact that was deleted or merged away meanwhile gets nothing", async () => {
    const { stub, hubspot, plan } = await crm();
    const bob = stub.addContact("bob@example.com");
    const { step } = await plan("bob@example.com");
    stub.contacts.splice(0);
    await expect(executed(crmCreateTaskTool, step, hubspot.writer)).rejects.toMatchObject({ code: "STALE_PLAN" });
    const merged = await crm({ answer: ({ path }) => (path.includes(`/contacts/${bob.id}`) ? { body: { ...bob, id: "999" } } : undefined) });
    await expect(executed(crmCreateTaskTool, step, merged.hubspot.writer)).rejects.toMatchObject({ code: "STALE_PLAN" });
    expect([...stub.tasks, ...merged.stub.tasks]).toEqual([]);
  });

  test.each<[object, RegExp]>([
    [{ contact: "nobody@example.com" }, /has no contact/],
    [{ contact: "424242" }, /has no contact/],
    [{ contact: "bob" }, /no @/],
    [{ contact: "" }, /contact/],
    [{ contact: "151/../152" }, /no @/],
    [{ contact: "bob@example.com,ann@example.com" }, /more than one/],
    [{ subject: "" }, /subject/],
    [{ subject: "\ud800" }, /half a character/],
    [{ subject: "x".repeat(501) }, /subject/],
    [{ body: "\0" }, /NUL/],
    [{ due: "tomorrow" }, /not a date/],
    [{ due: "2026-02-30" }, /not a date/],
    [{ due: "2026-11-30T09:00:00" }, /not a date/],
    [{ due: "2026-13-01T00:00:00Z" }, /not a date/],
    [{ due: 1700000000 }, /due/],
    [{ owner: "7" }, /owner/],
  ])("%j is refused", async (more, words) => {
    const { stub, plan } = await crm();
    stub.addContact("bob@example.com");
    const { contact = "bob@example.com", ...rest } = more as { contact?: string };
    await expect(plan(contact, rest)).rejects.toThrow(words);
    expect(stub.tasks).toEqual([]);
  });
});
