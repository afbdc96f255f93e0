import { z } from "zod";

import { definePolicy } from "../policy.js";

/** Direct messages reach one person, unseen by the team: the place for phishing, and for what nobody else should read. */
export const blockDmsPolicy = definePolicy({
  id: "block_dms",
  category: "slack",
  workflows: ["slack_post"],
  reads: ["channel", "channel_kind"],
  options: z.strictObject({}),
  description: "Blocks when the channel is a direct message to one person or to a group, however it is spelled.",
  hint: "Post to a channel that the team can see, or ask the person to write the direct message.",
  examples: [
    {
      title: "a post to a public channel",
      passes: true,
      workflow: "slack_post",
      payload: { channel: "C024BE91L", channel_name: "general", channel_kind: "public" },
    },
    {
      title: "a post to a private channel, whose old id begins with G",
      passes: true,
      workflow: "slack_post",
      payload: { channel: "G024BE91L", channel_name: "ops", channel_kind: "private" },
    },
    {
      title: "a direct message",
      passes: false,
      workflow: "slack_post",
      payload: { channel: "D024BE91L", channel_name: null, channel_kind: "im" },
    },
    {
      title: "a group direct message, whose id begins with C like a channel's",
      passes: false,
      workflow: "slack_post",
      payload: { channel: "C0G9QF9GZ", channel_name: "mpdm-ann--bob-1", channel_kind: "mpim" },
    },
    {
      title: "a post to a person's id, which Slack turns into a direct message",
      passes: false,
      workflow: "slack_post",
      payload: { channel: "U024BE7LH", channel_name: null, channel_kind: "im" },
    },
  ],
  judge: ({ payload }) => {
    const kind = payload["channel_kind"];
    const channel = String(payload["channel"]);
    const channelIsForTeam = kind === "public" || kind === "private";
    if (channelIsForTeam) return { passed: true, reason: `${channel} is a ${kind} channel, not a direct message` };
    const what = kind === "mpim" ? "a group direct message" : "a direct message";
    return { passed: false, reason: `Direct messages are blocked ('${channel}' is ${what})` };
  },
});
