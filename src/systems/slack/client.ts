import type { WebClient } from "@slack/web-api";

import { EnactError } from "../../errors.js";

/** One request to Slack's Web API: a method such as "conversations.info" and its arguments. Never repeated. */
export type SlackCall = (method: string, parameters: Readonly<Record<string, unknown>>) => Promise<Record<string, unknown>>;

export interface CallerOptions {
  readonly token: string;
  /** Without a trailing slash. */
  readonly apiUrl: string;
  readonly timeoutMs: number;
}

/** Makes the one way to Slack. The client is imported by the first call. */
export function slackCaller(options: CallerOptions): SlackCall {
  let client: Promise<WebClient> | undefined;
  return async (method, parameters) => {
    client ??= loadClient(options).catch((error: unknown) => {
      client = undefined;
      throw error;
    });
    const answer: object = await (await client).apiCall(method, { ...parameters });
    return answer as Record<string, unknown>;
  };
}

async function loadClient(options: CallerOptions): Promise<WebClient> {
  const { WebClient, LogLevel } = await import("@slack/web-api").catch(() => {
    throw new EnactError("NOT_INSTALLED", "The package @slack/web-api is not installed", {
      hint: "Run: npm install @slack/web-api",
    });
  });
  return new WebClient(options.token, {
    slackApiUrl: `${options.apiUrl}/`,
    // By default the client repeats a failed call for half an hour, and would post a message as often.
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
    allowAbsoluteUrls: false,
    timeout: options.timeoutMs,
    // The client's own logger writes to stdout, which belongs to the protocol, and logs response texts.
    logger: silentLogger(LogLevel.ERROR),
  });
}

function nothing(): void {}

function silentLogger<Level>(level: Level) {
  return {
    debug: nothing,
    info: nothing,
    warn: nothing,
    error: nothing,
    setLevel: nothing,
    setName: nothing,
    getLevel: () => level,
  };
}
