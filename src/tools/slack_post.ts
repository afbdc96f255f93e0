import { z } from "zod";

import { EnactError } from "../errors.js";
import type { Json } from "../facts/json.js";
import { plainJson } from "../facts/json.js";
import { secretsIn } from "../facts/secrets.js";
import { blockTexts, fetchedHosts, findMentions, slackPostPayload, type SlackPostPayload } from "../facts/slack.js";
import { unknown, type OrUnknown } from "../facts/unknown.js";
import type { PostOutcome, SlackConversation, SlackReader, SlackTarget, SlackWriter } from "../systems/slack.js";
import { sha256, undoSlackPost } from "./slack/undo.js";
import { settlePost } from "./settling/unseen.js";
import { defineTool, type ActionTaken } from "./tool.js";

const UNDO_IN_WORDS = "the message is deleted; who has read it has read it";

/** Slack cuts longer texts, and what is cut is not what was judged. */
const MAX_TEXT = 40_000;
/** Slack's limit for a message. */
const MAX_BLOCKS = 50;
const MAX_BLOCK_CHARACTERS = 100_000;
const MAX_DEPTH = 30;

const input = z.strictObject({
  channel: z
    .string()
    // No list, markup, address or option: one name or id. Invisible characters would make two names look alike.
    .regex(/^[#@]?[^\p{C}\p{Z}#@,<>|:/\\"'`]{1,80}$/u, "must be one channel: its id (C…), #name, name or @user")
    .describe("Id (C…, G…, D…), #name, or a person (U…, @user)"),
  text: z.string().min(1).max(MAX_TEXT).describe("Slack mrkdwn. With blocks: what notifications show"),
  thread_ts: z
    .string()
    .regex(/^\d{10}\.\d{6}$/, "must be the ts of a message, such as 1700000000.123456")
    .optional()
    .describe("ts of the message to reply to; the reply stays in the thread"),
  blocks: z.array(z.record(z.string(), z.unknown())).min(1).max(MAX_BLOCKS).optional().describe("Block Kit blocks"),
});

type Input = z.infer<typeof input>;

/** What the message will be posted to, as it was judged; null where there is no conversation to compare with yet. */
type Judged = { kind: string | null; name: string | null; shared: boolean | null };

type Step = {
  channel: string;
  text: string;
  thread_ts: string | null;
  blocks: readonly Json[] | null;
  judged: Judged | null;
};

/** Posts one message to the conversation that Slack resolved and the policies judged. */
export const slackPostTool = defineTool<Input, SlackPostPayload, Step, SlackReader, SlackWriter>({
  name: "slack_post",
  title: "Post to Slack",
  description:
    "Posts a message to a Slack channel. First resolves the channel to its id and kind, finds mentions where Slack finds " +
    "them, and looks for secrets. Names are not linked, a reply stays in its thread, links are not unfurled.",
  system: "slack",
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: true },
  input,
  payload: slackPostPayload,
  reversible: UNDO_IN_WORDS,
  undo: undoSlackPost,
  access: [
    "A bot token (`xoxb-…`), never a user token: it can post only as the app.",
    "`chat:write` to post where the bot is a member. Not `chat:write.public`: inviting the bot is a person's decision.",
    "`channels:read` and `groups:read` to resolve public and private channels and to see whether they are shared outside.",
    "`channels:history` (`groups:history`, `im:history`, `mpim:history`) only to see, before a message is deleted by enact_rollback, whether it was edited or answered; without them that is not known, and said.",
    "`im:read`, `mpim:read` and `users:read` only if it may write to people; without them a direct message cannot be resolved, and is blocked.",
  ],
  settle: settlePost,

  async plan({ channel, text, thread_ts, blocks }, reader, { signal }) {
    const content = { text: wellFormed(text), blocks: blocks === undefined ? undefined : checkedBlocks(blocks) };
    const target = await reader.resolve(channel, signal);
    const id = target.conversation?.id ?? target.person?.id;
    if (id === undefined) throw new EnactError("SYSTEM_UNAVAILABLE", "Slack's answer holds no id to post to");
    if (target.conversation?.isArchived === true) {
      const hint = "Post to a channel in use, or ask a person to unarchive it.";
      throw new EnactError("REFUSED", `The channel #${target.conversation.name ?? id} is archived`, { hint });
    }
    const step: Step = {
      channel: id,
      text,
      thread_ts: thread_ts ?? null,
      blocks: content.blocks ?? null,
      judged: target.conversation === undefined ? null : judgedState(target.conversation),
    };
    const payload = { ...facts(target, id), ...messageFacts(content), thread_ts: step.thread_ts };
    return { payload, step, target: shownTarget(target, id), subjects: [`slack:${id}`], reversal: { possible: true, how: UNDO_IN_WORDS } };
  },

  async execute(step, writer, { signal }) {
    if (step.judged !== null) checkUnchanged(step.judged, judgedState(await writer.look(step.channel)));
    if (signal.aborted) throw new EnactError("CANCELLED", "The call was cancelled before the message was sent");
    const outcome = await writer.post(step);
    const posted = outcome.state === "posted";
    return { actions: [action(step, outcome)], result: posted ? { channel: outcome.channel, ts: outcome.ts } : null };
  },
});

function wellFormed(text: string): string {
  if (!text.isWellFormed() || text.includes("\0")) {
    throw new EnactError("INVALID_INPUT", "The text holds a NUL or half a character (a lone surrogate)");
  }
  return text;
}

function checkedBlocks(blocks: readonly Record<string, unknown>[]): readonly Json[] {
  let json: readonly Json[];
  try {
    json = blocks.map((block, index) => plainJson(block, `blocks[${index}]`));
  } catch (error) {
    throw new EnactError("INVALID_INPUT", error instanceof TypeError ? error.message : "The blocks are no plain JSON");
  }
  for (const [index, block] of blocks.entries()) {
    if (typeof block["type"] !== "string") throw new EnactError("INVALID_INPUT", `blocks[${index}] has no type`);
  }
  if (depthOf(json) > MAX_DEPTH) throw new EnactError("INVALID_INPUT", `The blocks are nested deeper than ${MAX_DEPTH}`);
  if (JSON.stringify(json).length > MAX_BLOCK_CHARACTERS) {
    throw new EnactError("INVALID_INPUT", `The blocks are longer than ${MAX_BLOCK_CHARACTERS} characters`);
  }
  return json;
}

function depthOf(value: Json, depth = 0): number {
  // One level more than allowed is enough to know.
  if (typeof value !== "object" || value === null || depth > MAX_DEPTH) return depth;
  return Math.max(depth, ...Object.values(value).map((child: Json) => depthOf(child, depth + 1)));
}

function facts({ conversation, person }: SlackTarget, id: string) {
  const shared = conversation?.isSharedOutside ?? person?.isStranger;
  // A person without a conversation: Slack will open a direct message.
  const kind = conversation === undefined ? "im" : conversation.kind;
  return {
    channel: id,
    channel_name: kind === "im" ? null : known(conversation?.name, "what the channel is called"),
    channel_kind: known(kind, "what kind of channel this is"),
    channel_is_shared_outside: known(shared, "whether people of another organisation read along"),
    bot_is_member: conversation === undefined ? true : known(conversation.isMember, "whether the bot is a member"),
    person: person === undefined ? null : { id: person.id, name: known(person.name, "the person's name") },
  };
}

function known<Value>(value: Value | undefined, what: string): OrUnknown<Value> {
  return value === undefined ? unknown(`Slack did not say ${what}`) : value;
}

function messageFacts({ text, blocks }: { text: string; blocks: readonly Json[] | undefined }) {
  const parts = (blocks ?? []).flatMap((block, index) => {
    const texts = blockTexts([block]);
    // Joined as well: neighbouring pieces of rich text read as one word, and a key may be cut into two of them.
    return ["\n", ""].map((glue) => ({ where: `block ${index + 1}`, text: texts.join(glue) }));
  });
  return {
    text_length: text.length,
    text_sha256: sha256(text),
    block_types: (blocks ?? []).map((block) => String((block as { type?: unknown }).type)),
    mentions: findMentions({ text, blocks }),
    fetched_hosts: fetchedHosts(blocks),
    secrets: [...secretsIn([{ where: "text", text }, ...parts])],
  };
}

function shownTarget({ conversation, person }: SlackTarget, id: string): string {
  if (conversation?.name !== undefined) return `#${conversation.name} (${id})`;
  return person === undefined ? id : `@${person.name ?? person.id} (direct message)`;
}

function judgedState(conversation: SlackConversation): Judged {
  return {
    kind: conversation.kind ?? null,
    name: conversation.name ?? null,
    shared: conversation.isSharedOutside ?? null,
  };
}

/** A channel that was renamed, opened to another organisation or changed its kind is not the one that was judged. */
function checkUnchanged(judged: Judged, found: Judged): void {
  if (judged.kind === found.kind && judged.name === found.name && judged.shared === found.shared) return;
  const changed = (["kind", "name", "shared"] as const).filter((key) => judged[key] !== found[key]);
  throw new EnactError("STALE_PLAN", `The channel is no longer as it was judged (${changed.join(", ")} changed)`, {
    hint: "Look again: call the tool once more.",
  });
}

function action(step: Step, outcome: PostOutcome): ActionTaken {
  const base = { system: "slack", action: "post" } as const;
  if (outcome.state === "posted") {
    const { channel, ts, text } = outcome;
    return { ...base, success: true, output: { channel, ts, kept_text_sha256: text === null ? null : sha256(text) }, reversible: ts !== "" };
  }
  const { code, message } = outcome.failure;
  const output = { channel: step.channel, slack_error: code };
  if (outcome.state === "failed") {
    return { ...base, success: false, reversible: false, output, error: { code: "ACTION_FAILED", message: `Not posted. ${message}` } };
  }
  const words = `${message}. The message may have been posted: look into the channel before posting again`;
  return { ...base, success: "unknown", reversible: false, output, error: { code: "OUTCOME_UNKNOWN", message: words } };
}
