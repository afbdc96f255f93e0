import { z } from "zod";

import { isSlackId } from "../../facts/slack.js";
import { definePolicy } from "../policy.js";

const options = z.strictObject({
  /** Ids (C…, G…, D…, U…) or names of channels (#general, general). An empty list allows nothing. */
  channels: z.array(z.string().regex(/^#?[^\s#@]+$/, "is neither a channel's name nor an id (people go by id: U…)")),
});

type Options = z.infer<typeof options>;

/** What Slack resolved. */
interface Target {
  readonly channel: string;
  readonly channel_name: string | null;
  readonly channel_kind: string;
  readonly person?: { readonly id: string } | null;
}

/**
 * Names fit channels only, ids fit everything: a person or group conversation must not slip through by being called
 * like a channel, nor a channel by being called like a listed id (names are lower case, ids upper case).
 */
export const requireChannelAllowlistPolicy = definePolicy<Options>({
  id: "require_channel_allowlist",
  category: "slack",
  workflows: ["slack_post"],
  reads: ["channel", "channel_name", "channel_kind"],
  options,
  description: "Blocks when the channel, resolved to its id by Slack, is not listed by id or by name.",
  hint: "Post to a listed channel, or ask the person to add this one to require_channel_allowlist in enact.yaml.",
  examples: [
    {
      title: "a channel listed by name, posted to by id",
      passes: true,
      options: { channels: ["#General"] },
      workflow: "slack_post",
      payload: { channel: "C024BE91L", channel_name: "general", channel_kind: "public" },
    },
    {
      title: "a channel listed by id, whatever its name has become",
      passes: true,
      options: { channels: ["C024BE91L"] },
      workflow: "slack_post",
      payload: { channel: "C024BE91L", channel_name: "renamed", channel_kind: "private" },
    },
    {
      title: "another channel",
      passes: false,
      options: { channels: ["#general"] },
      workflow: "slack_post",
      payload: { channel: "C0XXXXXX1", channel_name: "general-chat", channel_kind: "public" },
    },
    {
      title: "a channel that is named like a listed id",
      passes: false,
      options: { channels: ["C024BE91L"] },
      workflow: "slack_post",
      payload: { channel: "C0XXXXXX1", channel_name: "c024be91l", channel_kind: "public" },
    },
    {
      title: "anything, with an empty list",
      passes: false,
      options: { channels: [] },
      workflow: "slack_post",
      payload: { channel: "C024BE91L", channel_name: "general", channel_kind: "public" },
    },
  ],
  knownBad: ({ channels }) => ({
    workflow: "slack_post",
    payload: { channel: "not-an-id", channel_name: unlisted(channels), channel_kind: "public" },
  }),
  judge: ({ payload }, { channels }) => {
    const target = payload as unknown as Target;
    const shown = target.channel_name === null ? target.channel : `#${target.channel_name}`;
    if (channels.some((entry) => fits(entry, target))) return { passed: true, reason: `Channel '${shown}' is listed` };
    const allowed = channels.length === 0 ? "the list is empty" : `allowed: ${channels.join(", ")}`;
    const reason = `Channel '${shown}' (${target.channel}) is not in the list; ${allowed}`;
    const [first] = channels;
    if (first === undefined) return { passed: false, reason };
    return { passed: false, reason, hint: `Post to ${first}, or ask the person to list this channel.`, instead: as(first) };
  },
});

function fits(entry: string, target: Target): boolean {
  if (isSlackId(entry)) return entry === target.channel || entry === target.person?.id;
  const isChannel = target.channel_kind === "public" || target.channel_kind === "private";
  return isChannel && target.channel_name !== null && nameOf(entry) === nameOf(target.channel_name);
}

function nameOf(entry: string): string {
  return entry.replace(/^#/, "").normalize("NFC").toLowerCase();
}

/** The facts of a post to this entry of the list. */
function as(entry: string): Readonly<Record<string, unknown>> {
  if (isSlackId(entry)) return { channel: entry, channel_kind: /^[DUW]/.test(entry) ? "im" : "public" };
  return { channel: "listed", channel_name: nameOf(entry), channel_kind: "public", person: null };
}

function unlisted(channels: readonly string[]): string {
  let name = "not-listed";
  while (channels.some((entry) => nameOf(entry) === name)) name += "-x";
  return name;
}
