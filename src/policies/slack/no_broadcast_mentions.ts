import { z } from "zod";

import type { SlackMentions } from "../../facts/slack.js";
import { definePolicy } from "../policy.js";

const options = z.strictObject({
  /** Ids of user groups (S…) that may be mentioned all the same. */
  allowed_user_groups: z.array(z.string().min(1)).default([]),
});

type Options = z.infer<typeof options>;

/** One `<!channel>` in #general rings every phone of the company. */
export const noBroadcastMentionsPolicy = definePolicy<Options>({
  id: "no_broadcast_mentions",
  category: "slack",
  workflows: ["slack_post"],
  reads: ["mentions"],
  options,
  description:
    "Blocks when the message calls everybody (@channel, @here, @everyone) or a user group, in its text or its blocks.",
  hint: "Leave the mention out, or mention single people.",
  examples: [
    {
      title: "a mention of one person",
      passes: true,
      workflow: "slack_post",
      payload: { mentions: { broadcast: [], user_groups: [], users: ["U024BE7LH"] } },
    },
    {
      title: "a mention of everybody in the channel",
      passes: false,
      workflow: "slack_post",
      payload: { mentions: { broadcast: ["channel"], user_groups: [], users: [] } },
    },
    {
      title: "a mention of a user group",
      passes: false,
      workflow: "slack_post",
      payload: { mentions: { broadcast: [], user_groups: ["S0614TZR7"], users: [] } },
    },
    {
      title: "a mention of a user group that is allowed",
      passes: true,
      options: { allowed_user_groups: ["S0614TZR7"] },
      workflow: "slack_post",
      payload: { mentions: { broadcast: [], user_groups: ["S0614TZR7"], users: [] } },
    },
  ],
  judge: ({ payload }, { allowed_user_groups }) => {
    const mentions = payload["mentions"] as SlackMentions;
    const groups = mentions.user_groups.filter((id) => !allowed_user_groups.includes(id));
    const called = [...mentions.broadcast.map((range) => `@${range}`), ...groups.map((id) => `user group ${id}`)];
    if (called.length === 0) return { passed: true, reason: "The message calls no crowd" };
    const instead = { mentions: { ...mentions, broadcast: [], user_groups: [] } };
    return { passed: false, reason: `The message would call ${called.join(", ")}`, instead };
  },
});
