import { z } from "zod";

import type { Json } from "./json.js";
import { secretFactsSchema } from "./secrets.js";
import { orUnknown } from "./unknown.js";

/** public, private: channels. im: one person. mpim: a group of persons without a channel. */
const SLACK_KINDS = ["public", "private", "im", "mpim"] as const;

/** Who is called by a message, as Slack would see it. Sorted, without repetitions. */
const mentionsSchema = z.strictObject({
  /** channel, here, everyone or group: calls everybody in the channel. */
  broadcast: z.array(z.string()),
  /** Ids of user groups. */
  user_groups: z.array(z.string()),
  /** Ids of users. */
  users: z.array(z.string()),
});
export type SlackMentions = z.infer<typeof mentionsSchema>;

/** The facts of `slack_post`. */
export const slackPostPayload = z.strictObject({
  /** The id that Slack resolved, such as "C024BE91L". For a person without a conversation yet, the person's id. */
  channel: z.string(),
  /** Without "#", as it is spelled now; null for direct messages, which have no name of their own. */
  channel_name: orUnknown(z.string().nullable()),
  channel_kind: orUnknown(z.enum(SLACK_KINDS)),
  /** People of another organisation read along (Slack Connect), or have been invited to. */
  channel_is_shared_outside: orUnknown(z.boolean()),
  bot_is_member: orUnknown(z.boolean()),
  /** The person at the other end of an im; null for everything else. */
  person: z.strictObject({ id: z.string(), name: orUnknown(z.string()) }).nullable(),
  thread_ts: z.string().nullable(),
  /** The text itself is not in receipts. Length in UTF-16 units, hash of its UTF-8 form. */
  text_length: z.number().int(),
  text_sha256: z.string(),
  block_types: z.array(z.string()),
  mentions: mentionsSchema,
  /** Hosts from which Slack will fetch pictures and videos as soon as the message is posted. */
  fetched_hosts: z.array(z.string()),
  secrets: secretFactsSchema,
});
export type SlackPostPayload = z.infer<typeof slackPostPayload>;

/** True for a spelling that can only be an id: capitals and digits, at least one digit. Channel names are lower case. */
export function isSlackId(value: string): boolean {
  return /^[CGDUW](?=[A-Z]*[0-9])[A-Z0-9]{7,}$/.test(value);
}

/** The parts of a message that mentions are looked for in. */
export interface SlackMessageContent {
  readonly text: string;
  readonly blocks?: readonly Json[] | undefined;
}

/**
 * Finds mentions where Slack finds them: in mrkdwn (`<!channel>`, `<!here|here>`, `<!subteam^S1>`, `<@U1>`), and in the
 * elements of rich text. Not in plain_text, not in escaped text (`&lt;!channel&gt;`), and not in a bare `@channel` of
 * the top-level text, which Slack leaves alone without link_names. A mrkdwn object of a block is auto-parsed unless it
 * says `verbatim: true` (Slack, "Text object"), so a bare `@channel` counts there. Where Slack's documentation leaves
 * it open (inside code, unknown kinds of blocks) it counts.
 */
export function findMentions(content: SlackMessageContent): SlackMentions {
  const found: Found = { broadcast: new Set(), user_groups: new Set(), users: new Set() };
  scanMarkup(content.text, found);
  for (const block of content.blocks ?? []) scanBlock(block, found);
  return { broadcast: sorted(found.broadcast), user_groups: sorted(found.user_groups), users: sorted(found.users) };
}

/** Hosts whose pictures and videos Slack fetches for these blocks; an address that is none is given as it is. */
export function fetchedHosts(blocks: readonly Json[] | undefined): string[] {
  const hosts = new Set<string>();
  for (const [key, text] of strings(blocks ?? [])) {
    if (!/(^|_)(image|thumbnail|video|icon)_url$/.test(key)) continue;
    hosts.add(URL.canParse(text) ? new URL(text).host : text);
  }
  return sorted(hosts);
}

/** Every text in the blocks, keys of objects not included, for what is searched everywhere (secrets). */
export function blockTexts(blocks: readonly Json[] | undefined): string[] {
  return Array.from(strings(blocks ?? []), ([, text]) => text);
}

interface Found {
  readonly broadcast: Set<string>;
  readonly user_groups: Set<string>;
  readonly users: Set<string>;
}

const BROADCAST = /<!\s*(channel|here|everyone|group)\s*[>|^]/gi;
const USER_GROUP = /<!\s*subteam\s*\^\s*([A-Za-z0-9]+)/gi;
const USER = /<@\s*([UWB][A-Za-z0-9]+)/gi;
/** Not within an address (mail@here.example) or a longer name (@channel-team). */
const BARE_BROADCAST = /(?<![\w@.<])@(channel|here|everyone|group)(?![\w-]|\.\w)/gi;

function scanMarkup(text: string, found: Found): void {
  for (const [, range] of text.matchAll(BROADCAST)) found.broadcast.add(String(range).toLowerCase());
  for (const [, id] of text.matchAll(USER_GROUP)) found.user_groups.add(String(id));
  for (const [, id] of text.matchAll(USER)) found.users.add(String(id));
}

/** Kinds of objects whose strings Slack shows as they are. */
const PLAIN = new Set(["plain_text", "raw_text", "text", "emoji", "link", "date", "color"]);

function scanBlock(value: Json, found: Found): void {
  if (typeof value === "string") scanMarkup(value, found);
  if (typeof value !== "object" || value === null) return;
  if (Array.isArray(value)) {
    for (const child of value as readonly Json[]) scanBlock(child, found);
    return;
  }
  const object = value as Readonly<Record<string, Json>>;
  const type = typeof object["type"] === "string" ? object["type"] : "";
  scanElement(type, object, found);
  for (const child of Object.values(object)) {
    if (typeof child === "string" && PLAIN.has(type)) continue;
    scanBlock(child, found);
  }
}

function scanElement(type: string, object: Readonly<Record<string, Json>>, found: Found): void {
  const text = (key: string): string => (typeof object[key] === "string" ? object[key] : "unreadable");
  if (type === "broadcast") found.broadcast.add(text("range").toLowerCase());
  if (type === "usergroup") found.user_groups.add(text("usergroup_id"));
  if (type === "user") found.users.add(text("user_id"));
  // Slack parses names in these by itself, unless verbatim is set.
  const parsesNames = (type === "mrkdwn" && object["verbatim"] !== true) || type === "markdown";
  if (!parsesNames) return;
  for (const [, range] of text("text").matchAll(BARE_BROADCAST)) found.broadcast.add(String(range).toLowerCase());
}

function* strings(value: Json, key = ""): Generator<readonly [key: string, text: string]> {
  if (typeof value === "string") yield [key, value];
  if (typeof value !== "object" || value === null) return;
  if (Array.isArray(value)) for (const child of value as readonly Json[]) yield* strings(child, key);
  else for (const [name, child] of Object.entries(value)) yield* strings(child, name);
}

function sorted(values: ReadonlySet<string>): string[] {
  return [...values].toSorted();
}
