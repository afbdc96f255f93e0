import { checkedEndpoint, checkedSecret } from "./shared/endpoint.js";
import { slackCaller } from "./slack/client.js";
import { reachSlack } from "./slack/reach.js";
import { SlackReader } from "./slack/reader.js";
import { SlackWriter } from "./slack/writer.js";

export type { SlackConversation, SlackMessage, SlackPerson, SlackTarget } from "./slack/reader.js";
export type { SlackReader } from "./slack/reader.js";
export type { DeleteOutcome, PostOutcome, SlackPost, SlackWriter } from "./slack/writer.js";

export interface SlackOptions {
  /**
   * A bot token. Least privilege: `chat:write` to post; `channels:read`, `groups:read`, `im:read`, `mpim:read` to look
   * at conversations of these kinds; `users:read` to resolve people.
   */
  readonly token: string;
  /** Another server that speaks Slack's Web API, ending in `/api/`. Default: Slack's own. */
  readonly apiUrl?: string | undefined;
  /** Allows plain http to another machine for `apiUrl`. */
  readonly insecure?: boolean | undefined;
  /** For one request. Default 15 seconds. */
  readonly timeoutMs?: number | undefined;
}

/** Slack as a guarded tool sees it: what can be looked at, and the one thing that can be done. */
export interface SlackSystem {
  readonly reader: SlackReader;
  readonly writer: SlackWriter;
  /** For enact-guard doctor: what a look that changes nothing finds, one clause. @throws EnactError SYSTEM_UNAVAILABLE */
  reach(): Promise<string>;
  close(): Promise<void>;
}

/**
 * Opens Slack. Connects to nothing and loads nothing: the client is imported by the first request.
 *
 * @throws EnactError CONFIG_INVALID for a token or address that cannot be one
 */
export function openSlack(options: SlackOptions): SlackSystem {
  const call = slackCaller({
    token: checkedSecret(options.token, "systems.slack.token"),
    apiUrl: checkedEndpoint(options.apiUrl ?? "https://slack.com/api/", {
      key: "systems.slack.api_url",
      insecure: options.insecure,
    }),
    timeoutMs: options.timeoutMs ?? 15_000,
  });
  const reader = new SlackReader(call);
  return { reader, writer: new SlackWriter(call, reader), reach: () => reachSlack(call), close: async () => undefined };
}
