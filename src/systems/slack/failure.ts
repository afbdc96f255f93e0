import { EnactError, isEnactError, type ErrorCode } from "../../errors.js";
import { transportFailure } from "../shared/transport.js";

/** What went wrong with a request to Slack, in words and without anything that came from headers, URLs or bodies. */
export interface SlackFailure {
  /** Slack's own code, such as "channel_not_found"; ours when there was no well-formed answer. */
  readonly code: string;
  /** A sentence for a person. */
  readonly message: string;
  /** False only when it is certain that Slack did nothing. */
  readonly mayHaveHappened: boolean;
  readonly kind: ErrorCode;
}

/**
 * Slack's codes that a person can do something about. Others are shown as they are.
 * Source: the error tables of the methods used here, docs.slack.dev/reference/methods.
 */
const WORDS: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  invalid_auth: ["SYSTEM_UNAVAILABLE", "Slack does not accept the configured token"],
  not_authed: ["SYSTEM_UNAVAILABLE", "Slack does not accept the configured token"],
  token_expired: ["SYSTEM_UNAVAILABLE", "The configured Slack token has expired"],
  token_revoked: ["SYSTEM_UNAVAILABLE", "The configured Slack token was revoked"],
  account_inactive: ["SYSTEM_UNAVAILABLE", "The account of the configured Slack token is deactivated"],
  org_login_required: ["SYSTEM_UNAVAILABLE", "Slack is migrating this workspace"],
  ratelimited: ["SYSTEM_UNAVAILABLE", "Slack is limiting the rate of calls"],
  rate_limited: ["ACTION_FAILED", "Slack is limiting the rate of messages to this channel"],
  channel_not_found: ["NOT_FOUND", "Slack knows no such channel, or the bot may not see it"],
  user_not_found: ["NOT_FOUND", "Slack knows no such user"],
  users_not_found: ["NOT_FOUND", "Slack knows no such user"],
  user_not_visible: ["NOT_FOUND", "The bot may not see this user"],
  not_in_channel: ["ACTION_FAILED", "The bot is not a member of the channel: a person must invite it"],
  is_archived: ["ACTION_FAILED", "The channel is archived"],
  msg_too_long: ["ACTION_FAILED", "The message is too long for Slack"],
  no_text: ["ACTION_FAILED", "The message is empty"],
  invalid_blocks: ["ACTION_FAILED", "Slack does not accept the blocks"],
  invalid_blocks_format: ["ACTION_FAILED", "Slack does not accept the blocks"],
  restricted_action: ["ACTION_FAILED", "A setting of the workspace forbids posting here"],
  cannot_dm_bot: ["ACTION_FAILED", "Slack does not let bots write to each other"],
};

/** Slack documents for these that "some aspect of the operation" may have succeeded. */
const FATE_OPEN = new Set(["fatal_error", "internal_error", "service_unavailable", "request_timeout", "team_added_to_org"]);

/** Reads any error of the client. Bodies, headers and addresses in it are dropped: they may hold the token. */
export function slackFailure(error: unknown): SlackFailure {
  const { code, data, statusCode, retryAfter } = (error ?? {}) as Readonly<Record<string, unknown>>;
  if (code === "slack_webapi_platform_error") return platformFailure(data);
  if (code === "slack_webapi_rate_limited_error") return rateLimited(retryAfter);
  if (code === "slack_webapi_http_error") return httpFailure(Number(statusCode));
  if (error instanceof Error && error.message.startsWith("Retry header did not contain")) return rateLimited(undefined);
  const { maySent, words } = transportFailure(error);
  const message = `Slack cannot be reached: ${words}`;
  return { code: maySent ? "no_answer" : "unreachable", message, mayHaveHappened: maySent, kind: "SYSTEM_UNAVAILABLE" };
}

/** The failure of a look, as the error that ends planning. */
export function lookFailed(error: unknown): EnactError {
  if (isEnactError(error)) return error;
  const { kind, message, code } = slackFailure(error);
  const isOurs = code === "no_answer" || code === "unreachable";
  return new EnactError(kind === "ACTION_FAILED" ? "SYSTEM_UNAVAILABLE" : kind, isOurs ? message : `${message} (${code})`);
}

function platformFailure(data: unknown): SlackFailure {
  const { error, needed } = (data ?? {}) as Readonly<Record<string, unknown>>;
  // A proxy's page ends up in `error` as a whole: only what looks like a code is one.
  if (typeof error !== "string" || !/^[a-z][a-z0-9_]{1,60}$/.test(error)) {
    const message = "The answer did not come from Slack: a proxy, or a wrong api_url";
    return { code: "no_slack_answer", message, mayHaveHappened: true, kind: "SYSTEM_UNAVAILABLE" };
  }
  const mayHaveHappened = FATE_OPEN.has(error);
  if (error === "missing_scope") return missingScope(needed);
  const [kind, message] = Object.hasOwn(WORDS, error) ? (WORDS[error] ?? []) : [];
  return { code: error, message: message ?? "Slack refused", mayHaveHappened, kind: kind ?? "ACTION_FAILED" };
}

function missingScope(needed: unknown): SlackFailure {
  const scopes = typeof needed === "string" && /^[a-z:.,_|]{1,200}$/.test(needed) ? needed : "another one";
  const message = `The configured Slack token lacks a scope (needed: ${scopes})`;
  return { code: "missing_scope", message, mayHaveHappened: false, kind: "SYSTEM_UNAVAILABLE" };
}

function rateLimited(seconds: unknown): SlackFailure {
  const wait = typeof seconds === "number" && seconds > 0 ? `again in ${seconds} seconds` : "again later";
  const message = `Slack is limiting the rate of calls: try ${wait}`;
  return { code: "ratelimited", message, mayHaveHappened: false, kind: "SYSTEM_UNAVAILABLE" };
}

function httpFailure(status: number): SlackFailure {
  const message = `Slack answered with HTTP status ${status}`;
  // What a gateway says about a failure behind it is no word on what happened there.
  const mayHaveHappened = !(status >= 400 && status < 500) || status === 408;
  return { code: `http_${status}`, message, mayHaveHappened, kind: "SYSTEM_UNAVAILABLE" };
}
