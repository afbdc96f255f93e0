import { EnactError } from "../../errors.js";
import type { SlackCall } from "./client.js";
import { slackFailure, type SlackFailure } from "./failure.js";
import type { SlackConversation, SlackMessage, SlackReader } from "./reader.js";

/** A message and the conversation that it was judged for. */
export interface SlackPost {
  /** The id of a conversation, or of a person with whom there is none yet. */
  readonly channel: string;
  readonly text: string;
  readonly thread_ts: string | null;
  readonly blocks: readonly unknown[] | null;
}

/** What became of a message that was to be deleted. */
export type DeleteOutcome = { readonly state: "deleted" } | { readonly state: "failed" | "unknown"; readonly failure: SlackFailure };

export type PostOutcome =
  | { readonly state: "posted"; readonly channel: string; readonly ts: string; /** As Slack keeps it, if it said so. */ readonly text: string | null }
  | { readonly state: "failed" | "unknown"; readonly failure: SlackFailure };

/** Posts. */
export class SlackWriter {
  readonly #call: SlackCall;
  readonly #reader: SlackReader;

  constructor(call: SlackCall, reader: SlackReader) {
    this.#call = call;
    this.#reader = reader;
  }

  /**
   * A fresh look at the conversation, for comparing it with the one that was judged.
   * @throws EnactError STALE_PLAN when it is gone, SYSTEM_UNAVAILABLE
   */
  async look(channel: string): Promise<SlackConversation> {
    try {
      return await this.#reader.conversation(channel);
    } catch (error) {
      if (!(error instanceof EnactError) || error.code !== "NOT_FOUND") throw error;
      throw new EnactError("STALE_PLAN", "The channel is gone, or the bot may not see it any more");
    }
  }

  /**
   * Posts once. Every option by which Slack would find more in the text than was judged is off: names are not linked, a
   * reply stays in its thread, addresses are not fetched for a preview.
   */
  async post(message: SlackPost): Promise<PostOutcome> {
    try {
      const answer = await this.#call("chat.postMessage", {
        channel: message.channel,
        text: message.text,
        ...(message.blocks === null ? {} : { blocks: message.blocks }),
        ...(message.thread_ts === null ? {} : { thread_ts: message.thread_ts }),
        parse: "none",
        link_names: false,
        reply_broadcast: false,
        unfurl_links: false,
        unfurl_media: false,
      });
      const { channel, ts } = answer;
      const posted = typeof channel === "string" ? channel : message.channel;
      const { text } = (answer["message"] ?? {}) as { text?: unknown };
      return { state: "posted", channel: posted, ts: typeof ts === "string" ? ts : "", text: typeof text === "string" ? text : null };
    } catch (error) {
      const failure = slackFailure(error);
      return { state: failure.mayHaveHappened ? "unknown" : "failed", failure };
    }
  }

  /** Deletes one message of the bot's own, once. Slack lets a bot delete no other. */
  async delete(channel: string, ts: string): Promise<DeleteOutcome> {
    try {
      await this.#call("chat.delete", { channel, ts });
      return { state: "deleted" };
    } catch (error) {
      const failure = slackFailure(error);
      return { state: failure.mayHaveHappened ? "unknown" : "failed", failure };
    }
  }

  /** The message as it is now; see SlackReader. */
  message(channel: string, ts: string): Promise<SlackMessage | "gone" | "not allowed"> {
    return this.#reader.message(channel, ts);
  }
}
