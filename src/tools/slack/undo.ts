import { createHash } from "node:crypto";

import { z } from "zod";

import { EnactError } from "../../errors.js";
import type { Json } from "../../facts/json.js";
import type { SlackMessage, SlackReader, SlackWriter } from "../../systems/slack.js";
import type { ActionTaken, UndoDefinition, UndoableRun } from "../tool.js";

const posted = z.object({
  channel: z.string().regex(/^[CDG][A-Z0-9]+$/u),
  ts: z.string().regex(/^\d{10}\.\d{6}$/u),
  kept_text_sha256: z.string().nullable().default(null),
});

interface Step {
  readonly channel: string;
  readonly ts: string;
  /** Hash of the text when it was looked at; null when the token does not allow to look. */
  readonly text: string | null;
}

/** Deletes the message that a run posted, if it still is the one. Slack lets a bot delete its own messages only. */
export const undoSlackPost: UndoDefinition<SlackReader, SlackWriter> = {
  async plan(run, reader) {
    const { channel, ts, kept_text_sha256: left } = messageOf(run);
    const found = await reader.message(channel, ts);
    if (found === "gone") throw new EnactError("STALE_PLAN", `The message ${ts} is not in ${channel} any more: it was deleted already`);
    const text = found === "not allowed" ? null : sha256(found.text);
    if (found !== "not allowed") refuseEdited(found, text, left);
    const name = run.payload["channel_name"];
    const place = typeof name === "string" ? `#${name}` : channel;
    const changes = [`the message of ${run.run_id.slice(0, 8)} in ${place} (ts ${ts}) is deleted`, ...whatStays(found)];
    const step: Step = { channel, ts, text };
    const payload = { channel, ts, changes, not_undone: [] };
    return { payload, step: { ...step }, target: `the message in ${place}`, subjects: [`slack:${channel}`] };
  },
  async execute(step, writer, { signal }) {
    const { channel, ts, text } = step as unknown as Step;
    await checkStillThere(step as unknown as Step, writer);
    if (signal.aborted) throw new EnactError("CANCELLED", "The call was cancelled before the message was deleted");
    const outcome = await writer.delete(channel, ts);
    const base = { system: "slack", action: "delete", output: { channel, ts, looked: text !== null }, reversible: false } as const;
    const result: Json = { channel, ts };
    if (outcome.state === "deleted") return { actions: [{ ...base, success: true }], result };
    return { actions: [failed(base, outcome)], result: null };
  },
};

function messageOf(run: UndoableRun): z.infer<typeof posted> {
  const action = run.actions.find(({ system, action: name, success }) => system === "slack" && name === "post" && success === true);
  const read = posted.safeParse(action?.output);
  if (read.success) return read.data;
  throw new EnactError("REFUSED", "The receipt does not say which message was posted: whether it was is not known", {
    hint: "Ask the person to look into the channel and to delete the message there.",
  });
}

/** Only the bot's own app can edit its messages: then somebody meant it, and the run is not what stands there. */
function refuseEdited(found: SlackMessage, now: string | null, left: string | null): void {
  if (!found.isEdited && (left === null || left === now)) return;
  throw new EnactError("STALE_PLAN", "The message was edited after it was posted", { hint: "Ask the person whether it should go." });
}

/** None of it is the run's, so nobody has to do anything about it. */
function whatStays(found: SlackMessage | "not allowed"): readonly string[] {
  const read = "who has read the message, or was notified, has read it";
  if (found === "not allowed") return [read, "whether it was answered is not known: the Slack token may not read messages (channels:history)"];
  if (found.replies === 0) return [read];
  return [read, `its ${found.replies === 1 ? "answer stays" : `${found.replies} answers stay`} in the thread`];
}

async function checkStillThere({ channel, ts, text }: Step, writer: SlackWriter): Promise<void> {
  if (text === null) return;
  const now = await writer.message(channel, ts);
  if (now === "not allowed" || now === "gone" || now.isEdited || sha256(now.text) !== text) {
    throw new EnactError("STALE_PLAN", "The message is no longer as it was judged", { hint: "Look again: call enact_rollback once more." });
  }
}

function failed(base: Pick<ActionTaken, "system" | "action" | "output" | "reversible">, outcome: { readonly state: "failed" | "unknown"; readonly failure: { readonly code: string; readonly message: string } }): ActionTaken {
  const { code, message } = outcome.failure;
  const output = { ...base.output, slack_error: code };
  if (outcome.state === "failed") return { ...base, output, success: false, error: { code: "ACTION_FAILED", message: `Not deleted. ${message}` } };
  const words = `${message}. The message may have been deleted: look into the channel`;
  return { ...base, output, success: "unknown", error: { code: "OUTCOME_UNKNOWN", message: words } };
}

export function sha256(text: string): string {
  return createHash("sha256").update(text, "utf8").digest("hex");
}
