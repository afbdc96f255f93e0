import { z } from "zod";

import { EnactError } from "../../errors.js";
import type { Json } from "../../facts/json.js";
import type { ArchiveOutcome, HubspotReader, HubspotWriter, RecordKind, StoredProperties } from "../../systems/hubspot.js";
import type { ActionTaken, UndoDefinition, UndoableRun } from "../tool.js";
import { propertiesDigest } from "./common.js";

const created = z.object({
  id: z.string().regex(/^\d{1,20}$/u),
  properties: z.array(z.string()),
  kept_properties_sha256: z.string(),
});

type Created = z.infer<typeof created>;

/**
 * Archives the record that a run created, if it still holds what it was given. HubSpot itself changes other properties of
 * a record all the time (scores, dates of last contact), so that its own date of change says nothing about people.
 */
export function undoCreated(kind: RecordKind): UndoDefinition<HubspotReader, HubspotWriter> {
  return {
    async plan(run, reader) {
      const step = createdBy(run, kind);
      checkUnchanged(kind, step, await reader.record(kind, step.id, step.properties));
      const name = kind === "contact" && typeof run.payload["email"] === "string" ? run.payload["email"] : step.id;
      const changes = [
        `the ${kind} ${name} (id ${step.id}) goes into HubSpot's recycle bin, from which it can be restored for 90 days`,
        ...(kind === "contact" ? ["notes and tasks that it got since stay in HubSpot without it"] : []),
      ];
      const payload = { id: step.id, changes, not_undone: [] };
      return { payload, step: step as unknown as Json, target: `${kind} ${name}` };
    },
    async execute(step, writer, { signal }) {
      const record = step as unknown as Created;
      checkUnchanged(kind, record, await writer.record(kind, record.id, record.properties));
      if (signal.aborted) throw new EnactError("CANCELLED", "The call was cancelled before anything was undone");
      const outcome = await writer.archive(kind, record.id);
      return { actions: [action(kind, record.id, outcome)], result: outcome.state === "archived" ? { id: record.id } : null };
    },
  };
}

function createdBy(run: UndoableRun, kind: RecordKind): Created {
  const done = run.actions.find(({ system, action: name, success }) => system === "hubspot" && name === `create_${kind}` && success === true);
  const read = created.safeParse(done?.output);
  if (read.success) return read.data;
  throw new EnactError("REFUSED", `The receipt does not say for certain which ${kind} was created, and with what`, { hint: "Ask the person to look into HubSpot." });
}

function checkUnchanged(kind: RecordKind, record: Created, now: StoredProperties | "gone"): void {
  if (now === "gone") throw new EnactError("STALE_PLAN", `The ${kind} ${record.id} is gone already, or was merged into another`);
  if (propertiesDigest(now, record.properties) === record.kept_properties_sha256) return;
  throw new EnactError("STALE_PLAN", `The ${kind} ${record.id} no longer holds what the run put into it: somebody has changed it`, {
    hint: "Ask the person whether it should go.",
  });
}

function action(kind: RecordKind, id: string, outcome: ArchiveOutcome): ActionTaken {
  const base = { system: "hubspot", action: `archive_${kind}`, output: { id, precondition: "fresh_look" }, reversible: false } as const;
  if (outcome.state === "archived") return { ...base, success: true };
  const { code, message } = outcome.failure;
  if (outcome.state === "failed") return { ...base, success: false, error: { code: "ACTION_FAILED", message: `Not archived. ${message} (${code})` } };
  return { ...base, success: "unknown", error: { code: "OUTCOME_UNKNOWN", message: `${message} (${code}). It may be archived: look into HubSpot` } };
}
