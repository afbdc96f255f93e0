import { EnactError } from "../../errors.js";
import { abortable } from "../shared/abort.js";
import type { SlackCall } from "./client.js";
import { lookFailed, slackFailure } from "./failure.js";
import { asConversation, asPerson, type SlackConversation, type SlackPerson } from "./objects.js";

export type { SlackConversation, SlackPerson } from "./objects.js";

/** A message as it stands in a conversation. */
export interface SlackMessage {
  readonly text: string;
  readonly isEdited: boolean;
  readonly replies: number;
}

/** Where a message would go. At least one of the two is known. */
export interface SlackTarget {
  /** Undefined for a person with whom the bot has no conversation yet: Slack opens one when it gets the message. */
  readonly conversation: SlackConversation | undefined;
  /** The person at the other end of a direct message; undefined for everything else. */
  readonly person: SlackPerson | undefined;
}

/** Pages of 1,000 that a look-up by name goes through before it asks for an id instead. */
const MAX_PAGES = 30;

/** Looks at conversations and people. Never opens or joins one, and reads no message but one that is to be undone. */
export class SlackReader {
  readonly #call: SlackCall;

  constructor(call: SlackCall) {
    this.#call = call;
  }

  /**
   * Resolves what an agent calls a channel: an id of a conversation (C…, G…, D…) or person (U…, W…), `#name`, `name`,
   * `@user`.
   *
   * @throws EnactError NOT_FOUND, INVALID_INPUT (ambiguous), SYSTEM_UNAVAILABLE, CANCELLED
   */
  async resolve(channel: string, signal?: AbortSignal): Promise<SlackTarget> {
    return abortable(this.#resolve(channel), signal);
  }

  /** Looks at a conversation by its id. @throws EnactError NOT_FOUND, SYSTEM_UNAVAILABLE */
  async conversation(id: string): Promise<SlackConversation> {
    const answer = await this.#look("conversations.info", { channel: id });
    return asConversation(answer["channel"]);
  }

  /**
   * One message by its ts. Reading needs a right that posting does not (channels:history and its like).
   * @throws EnactError SYSTEM_UNAVAILABLE
   */
  async message(channel: string, ts: string): Promise<SlackMessage | "gone" | "not allowed"> {
    let answer: Raw;
    try {
      answer = await this.#look("conversations.replies", { channel, ts, latest: ts, oldest: ts, inclusive: true, limit: 1 });
    } catch (error) {
      if (error instanceof MissingScope) return "not allowed";
      if (slackCodeOf(error) === "thread_not_found" || slackCodeOf(error) === "message_not_found") return "gone";
      throw error;
    }
    const found = list(answer["messages"]).find((message) => message["ts"] === ts);
    if (found === undefined || found["subtype"] === "tombstone") return "gone";
    const { text, edited, reply_count: replies } = found;
    return { text: typeof text === "string" ? text : "", isEdited: edited !== undefined && edited !== null, replies: typeof replies === "number" ? replies : 0 };
  }

  async #resolve(channel: string): Promise<SlackTarget> {
    if (channel.startsWith("@")) return this.#toPerson(await this.#personNamed(channel.slice(1)));
    if (/^[UW][A-Z0-9]{2,}$/.test(channel)) {
      const person = await this.#orUndefined(this.#person(channel));
      if (person !== undefined) return this.#toPerson(person);
    }
    if (/^[CGD][A-Z0-9]{2,}$/.test(channel)) {
      const conversation = await this.#orUndefined(this.conversation(channel));
      if (conversation !== undefined) return this.#toConversation(conversation);
    }
    return this.#toConversation(await this.#conversationNamed(channel.replace(/^#/, "")));
  }

  async #toConversation(conversation: SlackConversation): Promise<SlackTarget> {
    if (conversation.kind !== "im" || conversation.user === undefined) return { conversation, person: undefined };
    const person = await this.#person(conversation.user).catch(() => undefined);
    return { conversation, person: person ?? { id: conversation.user, name: undefined, isStranger: undefined } };
  }

  async #toPerson(person: SlackPerson): Promise<SlackTarget> {
    // Without im:read the conversation cannot be found; the person's id is just as good an address.
    const found = await this.#find("conversations.list", { types: "im" }, "channels", (raw) => raw["user"] === person.id)
      .catch(() => []);
    const conversation = found[0] === undefined ? undefined : asConversation(found[0]);
    return { conversation, person };
  }

  async #person(id: string): Promise<SlackPerson> {
    const answer = await this.#look("users.info", { user: id });
    return asPerson(answer["user"]);
  }

  /** By the user name, which is unique; display names are not, and anybody may choose another's. */
  async #personNamed(name: string): Promise<SlackPerson> {
    const wanted = name.normalize("NFC").toLowerCase();
    const found = await this.#find("users.list", {}, "members", (raw) => sameName(raw["name"], wanted));
    const only = onlyOne(found, `the user @${name}`, "Name the person by id (U…): in Slack, profile → Copy member ID.");
    return asPerson(only);
  }

  async #conversationNamed(name: string): Promise<SlackConversation> {
    const wanted = name.normalize("NFC").toLowerCase();
    const isWanted = (raw: Raw): boolean => sameName(raw["name"], wanted) && raw["is_im"] !== true;
    const search = (types: string) =>
      this.#find("conversations.list", { types, exclude_archived: false }, "channels", isWanted);
    let found: readonly Raw[];
    let hint = "Name the channel by its id (C…): in Slack, channel details → About.";
    try {
      found = await search("public_channel,private_channel");
    } catch (error) {
      if (!(error instanceof MissingScope)) throw error;
      found = await search("public_channel");
      hint = "Private channels could not be searched: the token lacks groups:read. Name the channel by its id (C…).";
    }
    return asConversation(onlyOne(found, `the channel #${name}`, hint));
  }

  /** All objects of a paged list that fit, at most one per id. Reads to the end: a second match makes a name ambiguous. */
  async #find(
    method: string,
    parameters: Readonly<Record<string, unknown>>,
    key: string,
    fits: (raw: Raw) => boolean,
  ): Promise<readonly Raw[]> {
    const found = new Map<unknown, Raw>();
    let cursor = "";
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const answer = await this.#look(method, { ...parameters, limit: 1000, ...(cursor === "" ? {} : { cursor }) });
      for (const raw of list(answer[key])) if (fits(raw)) found.set(raw["id"], raw);
      const next = (answer["response_metadata"] as Raw | undefined)?.["next_cursor"];
      if (typeof next !== "string" || next === "") return [...found.values()];
      cursor = next;
    }
    throw new EnactError("SYSTEM_UNAVAILABLE", `The workspace has too many entries to look for a name (${method})`, {
      hint: "Name the channel or person by id.",
    });
  }

  async #look(method: string, parameters: Readonly<Record<string, unknown>>): Promise<Raw> {
    try {
      return await this.#call(method, parameters);
    } catch (error) {
      if (slackFailure(error).code === "missing_scope") throw new MissingScope(lookFailed(error));
      throw lookFailed(error);
    }
  }

  async #orUndefined<Value>(look: Promise<Value>): Promise<Value | undefined> {
    try {
      return await look;
    } catch (error) {
      if (error instanceof EnactError && error.code === "NOT_FOUND") return undefined;
      throw error;
    }
  }
}

type Raw = Readonly<Record<string, unknown>>;

class MissingScope extends EnactError {
  constructor(error: EnactError) {
    super(error.code, error.message, { hint: "Ask a person to add the scope to the Slack app and install it again." });
  }
}

/** The code that lookFailed puts at the end of its words. */
function slackCodeOf(error: unknown): string | undefined {
  return error instanceof EnactError ? /\(([a-z_]+)\)$/u.exec(error.message)?.[1] : undefined;
}

function list(value: unknown): readonly Raw[] {
  return Array.isArray(value) ? (value as readonly Raw[]) : [];
}

function sameName(name: unknown, wanted: string): boolean {
  return typeof name === "string" && name.normalize("NFC").toLowerCase() === wanted;
}

function onlyOne(found: readonly Raw[], what: string, hint: string): Raw {
  const [first, second] = found;
  if (first === undefined) throw new EnactError("NOT_FOUND", `Slack shows the bot nothing that is ${what}`, { hint });
  if (second === undefined) return first;
  throw new EnactError("INVALID_INPUT", `More than one fits: ${what} is ambiguous`, { hint });
}
