import type { Policy, PolicyDefinition } from "../policy.js";
import { blockDmsPolicy } from "./block_dms.js";
import { noBroadcastMentionsPolicy } from "./no_broadcast_mentions.js";
import { requireChannelAllowlistPolicy } from "./require_channel_allowlist.js";

export { blockDmsPolicy, noBroadcastMentionsPolicy, requireChannelAllowlistPolicy };

/** No direct messages, neither to one person nor to a group. */
export const blockDms: Policy = blockDmsPolicy.create({});

/** No @channel, @here, @everyone and no user groups. */
export const noBroadcastMentions: Policy = noBroadcastMentionsPolicy.create({});

/** No crowds, except for these user groups. */
export const noBroadcastMentionsWith = (options: { allowed_user_groups: readonly string[] }): Policy =>
  noBroadcastMentionsPolicy.create(options);

/** Only these channels, by id or by name. */
export const requireChannelAllowlist = (channels: readonly string[]): Policy =>
  requireChannelAllowlistPolicy.create({ channels });

/** All policies of this category, sorted by id. */
export const slackPolicies: readonly PolicyDefinition[] = [
  blockDmsPolicy,
  noBroadcastMentionsPolicy,
  requireChannelAllowlistPolicy,
];
