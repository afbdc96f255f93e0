import { afterEach, describe, expect, test } from "vitest";

import type { JsonObject } from "../../src/facts/json.js";
import { openHubspot } from "../../src/systems/hubspot.js";
import { crmCreateContactTool } from "../../src/tools/crm_create_contact.js";
import { crmCreateTaskTool } from "../../src/tools/crm_create_task.js";
import type { Execution, UndoableRun } from "../../src/tools/tool.js";
import { hubspotError, startHubspotStub, TOKEN, type HubspotStubOptions } from "../support/hubspot-stub.js";
import { executed, planned } from "../support/tool-calls.js";
import { MemoryUndo } from "../support/undo.js";

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((thing) => thing.close()));
});

const call = { signal: new AbortController().signal, now: new Date(0), undoBytes: 0 };
const control = { signal: call.signal, judge: () => Promise.resolve(true), undo: new MemoryUndo() };
const like = (text: string): unknown => expect.stringContaining(text);

async function crm(options: HubspotStubOptions = {}) {
  const stub = await startHubspotStub(options);
  const hubspot = openHubspot({ token: TOKEN, baseUrl: stub.url });
  open.push(stub, hubspot);
  const toolOf = (run: UndoableRun) => (run.workflow === "crm_create_task" ? crmCreateTaskTool : crmCreateContactTool);
  const runOf = (workflow: string, payload: unknown, { actions }: Execution): UndoableRun => {
    return { run_id: "0123456789", workflow, payload: payload as JsonObject, actions, outcome: {}, kept: new MemoryUndo().kept() };
  };
  const contact = async (email: string, properties: Record<string, string> = {}) => {
    const plan = await planned(crmCreateContactTool, { email, properties }, hubspot.reader);
    return runOf("crm_create_contact", plan.payload, await executed(crmCreateContactTool, plan.step, hubspot.writer));
  };
  const task = async (input: Record<string, unknown>) => {
    const plan = await planned(crmCreateTaskTool, input, hubspot.reader);
    return runOf("crm_create_task", plan.payload, await executed(crmCreateTaskTool, plan.step, hubspot.writer));
  };
  const undone = async (run: UndoableRun): Promise<Execution | undefined> => {
    const plan = await toolOf(run).undo?.plan(run, hubspot.reader, call);
    return toolOf(run).undo?.execute(plan?.step ?? null, hubspot.writer, control, run.kept);
  };
  return { stub, hubspot, contact, task, undone };
}

describe("what a run created in the CRM is archived", () => {
  test("exactly that contact, and exactly that task", async () => {
    const { stub, contact, task, undone } = await crm();
    const other = stub.addContact("ann@example.com");
    const made = await contact("Bob@Example.com", { firstname: "Bob" });
    expect(made.actions[0]).toMatchObject({ success: true, reversible: true });
    const todo = await task({ contact: other.id, subject: "Call", body: "about the offer" });
    const first = stub.addTask(other.id, "2026-01-01T00:00:00.000Z");
    expect((await undone(todo))?.actions).toMatchObject([{ action: "archive_task", success: true }]);
    expect((await undone(made))?.actions).toMatchObject([{ action: "archive_contact", success: true }]);
    expect(stub.contacts.map(({ id }) => id)).toEqual([other.id]);
    expect(stub.tasks.map(({ id }) => id)).toEqual([first.id]);
  });

  test("although HubSpot has changed properties of its own in the meantime", async () => {
    const { stub, contact, undone } = await crm();
    const run = await contact("bob@example.com", { firstname: "Bob" });
    Object.assign(stub.contacts[0]?.properties ?? {}, { hs_score: "7" });
    await undone(run);
    expect(stub.contacts).toEqual([]);
  });

  test("not when somebody has changed what it was given, nor when it is gone", async () => {
    const { stub, contact, undone } = await crm();
    const run = await contact("bob@example.com", { firstname: "Bob" });
    Object.assign(stub.contacts[0]?.properties ?? {}, { firstname: "Robert" });
    await expect(undone(run)).rejects.toMatchObject({ code: "STALE_PLAN", message: like("no longer holds") });
    expect(stub.contacts).toHaveLength(1);
    stub.contacts.splice(0);
    await expect(undone(run)).rejects.toMatchObject({ code: "STALE_PLAN", message: like("gone") });
  });

  test("not when it changes between look and act", async () => {
    const { stub, hubspot, contact } = await crm();
    const run = await contact("bob@example.com");
    const plan = await crmCreateContactTool.undo?.plan(run, hubspot.reader, call);
    Object.assign(stub.contacts[0]?.properties ?? {}, { email: "other@example.com" });
    await expect(crmCreateContactTool.undo?.execute(plan?.step ?? null, hubspot.writer, control, run.kept)).rejects.toMatchObject({ code: "STALE_PLAN" });
    expect(stub.contacts).toHaveLength(1);
  });

  test("a refusal is a failure, silence is not known, neither is tried twice", async () => {
    for (const [status, success] of [[403, false], [502, "unknown"]] as const) {
      let tries = 0;
      const answer: HubspotStubOptions["answer"] = ({ method }) => {
        if (method !== "DELETE") return undefined;
        tries += 1;
        return hubspotError(status, "MISSING_SCOPES");
      };
      const { contact, undone } = await crm({ answer });
      expect((await undone(await contact("bob@example.com")))?.actions).toMatchObject([{ success }]);
      expect(tries).toBe(1);
    }
  });

  test("a creation that failed, or of unknown fate, is not undone", async () => {
    const { contact, undone } = await crm();
    const run = await contact("bob@example.com");
    const unknown = run.actions.map((action) => ({ ...action, success: "unknown" as const }));
    await expect(undone({ ...run, actions: unknown })).rejects.toMatchObject({ code: "REFUSED" });
  });
});
