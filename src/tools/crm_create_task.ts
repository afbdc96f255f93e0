import { createHash } from "node:crypto";
import { z } from "zod";

import { EnactError } from "../errors.js";
import { crmCreateTaskPayload, taskSubject, type CrmCreateTaskPayload } from "../facts/crm.js";
import { secretsIn } from "../facts/secrets.js";
import { unknown } from "../facts/unknown.js";
import type { HubspotReader, HubspotWriter } from "../systems/hubspot.js";
import { createdAction, onePlainAddress } from "./crm/common.js";
import { undoCreated } from "./crm/undo.js";
import { settleTask } from "./settling/crm.js";
import { defineTool } from "./tool.js";

const MAX_BODY = 65_536;

const input = z.strictObject({
  contact: z.string().min(1).max(512).describe("The contact's e-mail address or HubSpot id"),
  subject: z.string().min(1).max(500),
  body: z.string().max(MAX_BODY).optional(),
  due: z.string().max(40).optional().describe("ISO 8601: 2026-11-30 (midnight UTC) or 2026-11-30T09:00:00+01:00. Default: now"),
});

type Input = z.infer<typeof input>;

type Step = { contact: string; subject: string; body: string | null; due: string | null };

/** Creates one task for a contact whose tasks were counted. */
export const crmCreateTaskTool = defineTool<Input, CrmCreateTaskPayload, Step, HubspotReader, HubspotWriter>({
  name: "crm_create_task",
  title: "Create a CRM task",
  description:
    "Creates a task for a contact in HubSpot. First finds the contact by id or address, lists the tasks that it already has " +
    "and looks for secrets in the text.",
  system: "hubspot",
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: true },
  input,
  payload: crmCreateTaskPayload,
  reversible: "the task is put into HubSpot's recycle bin, if nobody has changed it since",
  undo: undoCreated("task"),
  access: [
    "A private app with `crm.objects.contacts.read` and `crm.objects.contacts.write`, and no other scope: HubSpot keeps tasks behind those of contacts.",
  ],
  settle: settleTask,

  async plan({ contact, subject, body, due }, reader, { signal }) {
    for (const text of [subject, body ?? ""]) {
      if (!text.isWellFormed() || text.includes("\0")) {
        throw new EnactError("INVALID_INPUT", "The text holds a NUL or half a character (a lone surrogate)");
      }
    }
    const step: Step = { contact: "", subject, body: body ?? null, due: due === undefined ? null : instant(due) };
    const isId = /^\d{1,20}$/.test(contact);
    const found = await reader.contact(isId ? contact : onePlainAddress(contact).address.toLowerCase(), signal);
    const parts = [{ where: "subject", text: subject }, { where: "body", text: body ?? "" }];
    const payload: CrmCreateTaskPayload = {
      contact: found.id,
      contact_email: found.email === "" ? null : found.email,
      subject,
      body: body === undefined ? null : { length: body.length, sha256: createHash("sha256").update(body, "utf8").digest("hex") },
      due: step.due,
      ...(await tasks(reader, found.id, signal)),
      secrets: [...secretsIn(parts)],
    };
    const target = `task for ${found.email === "" ? `contact ${found.id}` : found.email}`;
    return { payload, step: { ...step, contact: found.id }, target, subjects: [taskSubject(found.id)] };
  },

  async execute({ contact, subject, body, due }, writer, { signal }) {
    await writer.checkContact(contact);
    if (signal.aborted) throw new EnactError("CANCELLED", "The call was cancelled before anything was created");
    const outcome = await writer.createTask({ contactId: contact, subject, body, due: due ?? new Date().toISOString() });
    const result = outcome.state === "created" ? { id: outcome.id, contact } : null;
    return { actions: [createdAction("create_task", outcome, ["hs_task_subject", "hs_timestamp", ...(body === null ? [] : ["hs_task_body"])])], result };
  },
});

async function tasks(reader: HubspotReader, contact: string, signal: AbortSignal): Promise<Pick<CrmCreateTaskPayload, "tasks" | "tasks_complete">> {
  try {
    const found = await reader.tasksOf(contact, signal);
    return { tasks: [...found.tasks], tasks_complete: found.isComplete };
  } catch (error) {
    if (error instanceof EnactError && error.code === "SYSTEM_UNAVAILABLE") return { tasks: unknown(error.message), tasks_complete: false };
    throw error;
  }
}

const INSTANT = /^(\d{4}-\d{2}-\d{2})(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2}))?$/;

/** @throws EnactError INVALID_INPUT for what is no instant, 30 February included */
function instant(text: string): string {
  const [, day = ""] = INSTANT.exec(text) ?? [];
  const date = new Date(text);
  const isReal = day !== "" && !Number.isNaN(date.getTime()) && new Date(`${day}T00:00:00Z`).toISOString().startsWith(day);
  if (!isReal) throw new EnactError("INVALID_INPUT", "due is not a date such as 2026-11-30 or an instant such as 2026-11-30T09:00:00Z");
  return date.toISOString();
}
