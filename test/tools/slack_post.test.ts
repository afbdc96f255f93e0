import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { blockDms, noBroadcastMentions, requireChannelAllowlist } from "../../src/policies/slack/index.js";
import { openSlack, type SlackSystem } from "../../src/systems/slack.js";
import { slackPostTool } from "../../src/tools/slack_post.js";
import { sha256 } from "../../src/tools/slack/undo.js";
import { startSlackEmulator, type SlackEmulator } from "../support/slack-emulator.js";
import { blockedBy, executed, planned } from "../support/tool-calls.js";

let emulator: SlackEmulator;
let slack: SlackSystem;
const ids: Record<string, string> = {};

beforeAll(async () => {
  emulator = await startSlackEmulator();
  slack = openSlack({ token: emulator.token, apiUrl: emulator.apiUrl });
  const { members } = (await emulator.admin("users.list")) as { members: { id: string; name: string }[] };
  for (const { id, name } of members) ids[`@${name}`] = id;
  const list = { types: "public_channel,private_channel" };
  const { channels } = (await emulator.admin("conversations.list", list)) as { channels: { id: string; name: string }[] };
  for (const { id, name } of channels) ids[`#${name}`] = id;
  const open = async (users: string) =>
    ((await emulator.bot("conversations.open", { users })) as { channel: { id: string } }).channel.id;
  ids["dm"] = await open(String(ids["@admin"]));
  ids["mpim"] = await open(`${ids["@bob"]},${ids["@admin"]}`);
  ids["#old"] = ((await emulator.admin("conversations.create", { name: "old" })) as { channel: { id: string } }).channel.id;
  await emulator.admin("conversations.archive", { channel: ids["#old"] });
});

afterAll(async () => {
  await slack.close();
  await emulator.close();
});

const plan = (input: object) => planned(slackPostTool, { text: "hello", ...input }, slack.reader);

describe("every spelling of a channel leads to the same judgement", () => {
  const kinds: [spelling: () => string, kind: string, id: () => string][] = [
    [() => "general", "public", () => "C000000001"],
    [() => "#general", "public", () => "C000000001"],
    [() => "#GENERAL", "public", () => "C000000001"],
    [() => "General", "public", () => "C000000001"],
    [() => "C000000001", "public", () => "C000000001"],
    [() => "ops", "private", () => String(ids["#ops"])],
    [() => String(ids["#ops"]), "private", () => String(ids["#ops"])],
    [() => String(ids["dm"]), "im", () => String(ids["dm"])],
    [() => String(ids["@admin"]), "im", () => String(ids["dm"])],
    [() => "@admin", "im", () => String(ids["dm"])],
    [() => "@Admin", "im", () => String(ids["dm"])],
    [() => String(ids["@bob"]), "im", () => String(ids["@bob"])],
    [() => "@bob", "im", () => String(ids["@bob"])],
    [() => "@general", "im", () => String(ids["@general"])],
    [() => String(ids["mpim"]), "mpim", () => String(ids["mpim"])],
  ];
  test.each(kinds)("spelling %# is a %s conversation", async (spelling, kind, id) => {
    const { payload, step } = await plan({ channel: spelling() });
    expect(payload).toMatchObject({ channel_kind: kind, channel: id() });
    expect(step.channel).toBe(id());
    const isDirect = kind === "im" || kind === "mpim";
    expect(blockedBy("slack_post", payload, [blockDms]) !== null).toBe(isDirect);
    // A person called "general" is not #general.
    const listed = blockedBy("slack_post", payload, [requireChannelAllowlist(["#general", String(ids["dm"])])]);
    expect(listed === null).toBe(id() === "C000000001" || id() === ids["dm"]);
    expect(blockedBy("slack_post", payload, [requireChannelAllowlist([id()])])).toBeNull();
    expect(blockedBy("slack_post", payload, [requireChannelAllowlist([])])).not.toBeNull();
  });

  const malformed = [
    "", "#", "@", " general", "general ", "gen eral", "#general,#random", "C000000001,C000000002", "<#C000000001>",
    "<#C000000001|general>", "https://slack.com/archives/C000000001", "general\n", "general\u200b", "gen\u202eeral",
    "##general", "#@bob", "a".repeat(82), "general\0", "--channel",
  ];
  test.each(malformed.filter((text) => text !== "--channel"))("%j is not one channel", async (channel) => {
    await expect(plan({ channel })).rejects.toThrow(/channel/);
  });

  test.each(["nowhere", "#nowhere", "C0NOWHERE1", "D0NOWHERE1", "@nobody", "U0NOBODY11", "--channel", "c000000001", "generаl"])(
    "%s is found nowhere",
    async (channel) => {
      await expect(plan({ channel })).rejects.toMatchObject({ code: "NOT_FOUND" });
    },
  );

  test("an archived channel is refused with what to do instead", async () => {
    for (const channel of ["old", String(ids["#old"])]) {
      await expect(plan({ channel })).rejects.toMatchObject({ code: "REFUSED", message: "The channel #old is archived" });
    }
  });
});

describe("what Slack gets", () => {
  test("planning posts nothing, opens no conversation and joins nothing", async () => {
    const before = await world();
    for (const channel of ["#general", "@bob", String(ids["@general"]), String(ids["#ops"])]) await plan({ channel });
    expect(await world()).toEqual(before);
  });

  test("the post goes to the judged id, with every option off by which Slack finds more in it", async () => {
    const { payload, step } = await plan({ channel: "#random", text: "deploy done, thanks @here and @channel" });
    expect(payload.mentions).toEqual({ broadcast: [], user_groups: [], users: [] });
    expect(blockedBy("slack_post", payload, [noBroadcastMentions])).toBeNull();
    const { actions, result } = await executed(slackPostTool, step, slack.writer);
    const [message] = await posted("deploy done, thanks @here and @channel");
    expect(message).toMatchObject({
      channel: "C000000002",
      parse: "none",
      link_names: false,
      reply_broadcast: false,
      unfurl_links: false,
      unfurl_media: false,
    });
    expect(result).toEqual({ channel: "C000000002", ts: message?.["ts"] });
    expect(actions).toEqual([
      { system: "slack", action: "post", success: true, reversible: true, output: { channel: "C000000002", ts: message?.["ts"], kept_text_sha256: sha256(message?.text ?? "") } },
    ]);
  });

  test("blocks arrive as they were judged, and a reply stays in its thread", async () => {
    const blocks = [{ type: "section", text: { type: "mrkdwn", text: "*done*" } }];
    const first = await executed(slackPostTool, (await plan({ channel: "random", text: "parent" })).step, slack.writer);
    const { ts } = first.result as { ts: string };
    const { payload, step } = await plan({ channel: "random", text: "child", thread_ts: ts, blocks });
    expect(payload).toMatchObject({ thread_ts: ts, block_types: ["section"] });
    await executed(slackPostTool, step, slack.writer);
    const replies = (await emulator.admin("conversations.replies", { channel: "C000000002", ts })) as { messages: object[] };
    expect(replies.messages[1]).toMatchObject({ text: "child", thread_ts: ts, blocks, reply_broadcast: false });
  });

  test("a direct message to a person reaches that person", async () => {
    const { step } = await plan({ channel: "@bob", text: "for bob alone" });
    const { actions } = await executed(slackPostTool, step, slack.writer);
    expect(actions[0]?.success).toBe(true);
    const [message] = await posted("for bob alone");
    const info = (await emulator.bot("conversations.info", { channel: message?.channel })) as { channel: object };
    expect(info.channel).toMatchObject({ is_im: true, user: ids["@bob"] });
  });
});

describe("a channel that changed after it was judged gets nothing", () => {
  test.each([
    ["renamed", (id: string) => emulator.admin("conversations.rename", { channel: id, name: "press-room" })],
  ])("%s", async (what, change) => {
    const id = await created(`stale-${what}`);
    const { step } = await plan({ channel: id, text: `stale ${what}` });
    await change(id);
    await expect(executed(slackPostTool, step, slack.writer)).rejects.toMatchObject({ code: "STALE_PLAN" });
    expect(await posted(`stale ${what}`)).toEqual([]);
  });

  test("archived: Slack itself refuses, and it is reported as a failed action", async () => {
    const id = await created("soon-old");
    const { step } = await plan({ channel: id, text: "too late" });
    await emulator.admin("conversations.archive", { channel: id });
    const { actions, result } = await executed(slackPostTool, step, slack.writer);
    expect(result).toBeNull();
    expect(actions[0]).toMatchObject({ success: false, output: { slack_error: "is_archived" }, error: { code: "ACTION_FAILED" } });
    expect(await posted("too late")).toEqual([]);
  });

  test("cancelled before the message was sent", async () => {
    const { step } = await plan({ channel: "general", text: "never mind" });
    const control = { signal: AbortSignal.abort() };
    await expect(executed(slackPostTool, step, slack.writer, control)).rejects.toMatchObject({ code: "CANCELLED" });
    expect(await posted("never mind")).toEqual([]);
  });
});

describe("input that is not a message", () => {
  test.each([
    [{ text: "" }, /text/],
    [{ text: "x".repeat(40_001) }, /text/],
    [{ text: "half \ud800" }, /half a character/],
    [{ text: "nul \0" }, /NUL/],
    [{ thread_ts: "1700000000" }, /ts of a message/],
    [{ thread_ts: 1700000000.1234 }, /thread_ts/],
    [{ thread_ts: "p1700000000000100" }, /ts of a message/],
    [{ blocks: [] }, /blocks/],
    [{ blocks: '[{"type":"divider"}]' }, /blocks/],
    [{ blocks: [{ text: "no type" }] }, /blocks\[0\] has no type/],
    [{ blocks: [{ type: "section", text: "\ud800" }] }, /lone surrogate/],
    [{ blocks: Array.from({ length: 51 }, () => ({ type: "divider" })) }, /blocks/],
    [{ blocks: [{ type: "section", text: "x".repeat(100_001) }] }, /longer than/],
    [{ blocks: [nested(40)] }, /nested deeper/],
    [{ link_names: true }, /link_names/],
    [{ attachments: [{ text: "<!channel>" }] }, /attachments/],
    [{ reply_broadcast: true }, /reply_broadcast/],
    [{ as_user: true }, /as_user/],
    [{ username: "ceo" }, /username/],
    [{ token: "x" }, /token/],
  ])("%# is refused in words", async (more, words) => {
    await expect(plan({ channel: "general", ...more })).rejects.toThrow(words);
  });
});

test("secrets are named by kind and place, also when cut into neighbouring pieces of rich text", async () => {
  const key = ["ghp", "_", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"].join("");
  const elements = [{ type: "text", text: key.slice(0, 10) }, { type: "text", text: key.slice(10) }];
  const blocks = [{ type: "rich_text", elements: [{ type: "rich_text_section", elements }] }];
  const { payload } = await plan({ channel: "general", text: `my key ${key}`, blocks });
  expect(payload.secrets.map(({ where }) => where)).toEqual(["text", "block 1"]);
  expect(JSON.stringify(payload)).not.toContain(key);
});

async function created(name: string): Promise<string> {
  const { channel } = (await emulator.admin("conversations.create", { name })) as { channel: { id: string } };
  return channel.id;
}

async function posted(text: string) {
  return (await emulator.messages()).filter((message) => message.text === text);
}

/** Everything that a look could have changed. */
async function world(): Promise<unknown> {
  const types = "public_channel,private_channel,im,mpim";
  const lists = await Promise.all([emulator.admin("conversations.list", { types }), emulator.bot("conversations.list", { types })]);
  return [lists, await emulator.messages()];
}

function nested(depth: number): object {
  let block: object = { type: "text", text: "x" };
  for (let level = 0; level < depth; level += 1) block = { type: "container", child: block };
  return block;
}
