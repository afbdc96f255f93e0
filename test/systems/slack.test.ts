import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";

import { requireChannelAllowlist } from "../../src/policies/slack/index.js";
import { openSlack } from "../../src/systems/slack.js";
import { slackPostTool } from "../../src/tools/slack_post.js";
import type { Answer } from "../support/http-stub.js";
import { CHANNEL, ok, refuse, startSlackStub, type SlackAnswers, type SlackStub } from "../support/slack-stub.js";
import { blockedBy, executed, planned } from "../support/tool-calls.js";

const TOKEN = ["xoxb", "1234", "do-not-show"].join("-");
const stubs: SlackStub[] = [];

afterEach(async () => {
  await Promise.all(stubs.splice(0).map((stub) => stub.close()));
});

async function workspace(answers: SlackAnswers = {}, timeoutMs = 5_000) {
  const stub = await startSlackStub(answers);
  stubs.push(stub);
  const slack = openSlack({ token: TOKEN, apiUrl: stub.apiUrl, timeoutMs });
  const plan = (channel: string) => planned(slackPostTool, { channel, text: "hello" }, slack.reader);
  const post = async () => executed(slackPostTool, (await plan(CHANNEL.id)).step, slack.writer);
  return { stub, slack, plan, post };
}

/** What went wrong, as the guard would record it, with everything that an error could carry along. */
async function rejection(promise: Promise<unknown>) {
  const error = await promise.then(() => undefined, (reason: unknown) => reason);
  expect(error).toBeInstanceOf(Error);
  expect(everything(error)).not.toContain("do-not-show");
  return error as Error & { code: string; done: string };
}

function everything(value: unknown, seen = new Set<unknown>()): string {
  if (typeof value !== "object" || value === null || seen.has(value)) return String(value);
  seen.add(value);
  return Reflect.ownKeys(value).map((key) => `${String(key)}=${everything(Reflect.get(value, key), seen)}`).join("\n");
}

describe("a post whose fate is certain", () => {
  const failures: [string, Answer, string, RegExp][] = [
    ["refused", refuse("not_in_channel"), "not_in_channel", /a person must invite it/],
    ["unknown code", refuse("some_new_reason"), "some_new_reason", /Slack refused/],
    ["limited", { status: 429, headers: { "retry-after": "30" } }, "ratelimited", /again in 30 seconds/],
    ["limited without a time", { status: 429 }, "ratelimited", /again later/],
    ["limited by the channel", refuse("rate_limited"), "rate_limited", /rate of messages to this channel/],
    ["forbidden", { status: 403, body: "<html>proxy</html>" }, "http_403", /HTTP status 403/],
    ["scope", refuse("missing_scope", { needed: "chat:write" }), "missing_scope", /needed: chat:write/],
    ["scope with a strange name", refuse("missing_scope", { needed: `${TOKEN} <b>` }), "missing_scope", /another one/],
  ];
  test.each(failures)("%s: failed, tried once", async (_name, answer, code, words) => {
    const { stub, post } = await workspace({ "chat.postMessage": () => answer });
    const { actions, result } = await post();
    expect(result).toBeNull();
    expect(actions).toMatchObject([{ success: false, output: { slack_error: code }, error: { code: "ACTION_FAILED" } }]);
    expect(actions[0]?.error?.message).toMatch(words);
    expect(everything(actions)).not.toContain("do-not-show");
    expect(stub.calls("chat.postMessage")).toHaveLength(1);
  });

  test("nobody listens any more: failed", async () => {
    const { stub, slack, plan } = await workspace();
    const { step } = await plan(CHANNEL.id);
    await stub.close();
    // Past the fresh look, which would have found out already.
    const { actions } = await executed(slackPostTool, { ...step, judged: null }, slack.writer);
    expect(actions).toMatchObject([{ success: false, output: { slack_error: "unreachable" } }]);
  });
});

describe("a post whose fate is not known is never called failed, and never repeated", () => {
  const silences: [string, Answer][] = [
    ["no answer", "hang"],
    ["connection reset after the request", "reset"],
    ["half an answer", "half"],
    ["a gateway's 502", { status: 502, body: "bad gateway" }],
    ["a gateway's 504", { status: 504, body: TOKEN }],
    ["a 500", { status: 500, body: "oops" }],
    ["fatal_error", refuse("fatal_error")],
    ["internal_error", refuse("internal_error")],
    ["a page that is not Slack's", { status: 200, headers: { "content-type": "text/html" }, body: `<p>${TOKEN}</p>` }],
    ["an empty answer", { status: 200, body: "" }],
    ["a redirect", { status: 302, headers: { location: "http://127.0.0.1:1/" } }],
  ];
  test.each(silences)("%s", async (_name, answer) => {
    const { stub, post } = await workspace({ "chat.postMessage": () => answer }, 400);
    const { actions, result } = await post();
    expect(result).toBeNull();
    expect(actions).toMatchObject([{ success: "unknown", error: { code: "OUTCOME_UNKNOWN" } }]);
    expect(actions[0]?.error?.message).toMatch(/may have been posted: look into the channel/);
    expect(everything(actions)).not.toContain("do-not-show");
    expect(stub.calls("chat.postMessage")).toHaveLength(1);
  });

  test("the token is not sent on to where a redirect points", async () => {
    const other = await workspace();
    const answer = { status: 307, headers: { location: `${other.stub.apiUrl}chat.postMessage` } };
    const { post } = await workspace({ "chat.postMessage": () => answer });
    expect((await post()).actions).toMatchObject([{ success: "unknown" }]);
    expect(other.stub.received).toEqual([]);
  });
});

describe("a look that fails plans nothing", () => {
  test.each<[Answer, string, RegExp]>([
    [refuse("invalid_auth"), "SYSTEM_UNAVAILABLE", /does not accept the configured token \(invalid_auth\)/],
    [refuse("token_revoked"), "SYSTEM_UNAVAILABLE", /was revoked/],
    [refuse("missing_scope", { needed: "channels:read" }), "SYSTEM_UNAVAILABLE", /lacks a scope \(needed: channels:read\)/],
    [{ status: 429, headers: { "retry-after": "7" } }, "SYSTEM_UNAVAILABLE", /try again in 7 seconds/],
    [{ status: 503, body: "down" }, "SYSTEM_UNAVAILABLE", /HTTP status 503/],
    ["reset", "SYSTEM_UNAVAILABLE", /cannot be reached/],
    ["hang", "SYSTEM_UNAVAILABLE", /did not answer in time/],
    [ok({}), "SYSTEM_UNAVAILABLE", /holds no conversation/],
    [ok({ channel: { id: 7 } }), "SYSTEM_UNAVAILABLE", /holds no conversation/],
  ])("%j", async (answer, code, words) => {
    const { stub, plan } = await workspace({ "conversations.info": () => answer }, 400);
    const error = await rejection(plan(CHANNEL.id));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(words);
    expect(error.done).toBe("Nothing was done.");
    expect(stub.calls("conversations.info")).toHaveLength(1);
    expect(stub.calls("chat.postMessage")).toEqual([]);
  });

  test("the caller gives up while Slack is silent", async () => {
    const { slack } = await workspace({ "conversations.info": () => "hang" });
    const signal = AbortSignal.timeout(50);
    const error = await rejection(planned(slackPostTool, { channel: CHANNEL.id, text: "x" }, slack.reader, { signal }));
    expect(error.code).toBe("CANCELLED");
  });

  test("a fresh look that fails right before the post: nothing is posted", async () => {
    let looks = 0;
    const answers = { "conversations.info": () => ((looks += 1) === 1 ? ok({ channel: CHANNEL }) : refuse("channel_not_found")) };
    const { stub, post } = await workspace(answers);
    expect((await rejection(post())).code).toBe("STALE_PLAN");
    expect(stub.calls("chat.postMessage")).toEqual([]);
  });

  test.each([{ name: "renamed" }, { is_ext_shared: true }, { is_private: true }, { is_pending_ext_shared: true }])(
    "the channel became %j between judgement and post: nothing is posted",
    async (change) => {
      let looks = 0;
      const answers = { "conversations.info": () => ok({ channel: (looks += 1) === 1 ? CHANNEL : { ...CHANNEL, ...change } }) };
      const { stub, post } = await workspace(answers);
      expect((await rejection(post())).code).toBe("STALE_PLAN");
      expect(stub.calls("chat.postMessage")).toEqual([]);
    },
  );
});

describe("what the conversation object says", () => {
  test.each([
    [{}, false],
    [{ is_ext_shared: true }, true],
    [{ is_pending_ext_shared: true }, true],
    [{ pending_shared: ["T0OTHER"] }, true],
    [{ connected_team_ids: ["T0OTHER"] }, true],
    [{ is_org_shared: true, is_shared: true }, false],
  ])("%j: shared outside is %s", async (change, shared) => {
    expect((await factsOf(change)).channel_is_shared_outside).toBe(shared);
  });

  test("what Slack leaves out is unknown, not false", async () => {
    const { payload } = await (await workspace({
      "conversations.info": () => ok({ channel: { id: CHANNEL.id, name: "general" } }),
    })).plan(CHANNEL.id);
    expect(payload.channel_kind).toHaveProperty("$unknown");
    expect(payload.channel_is_shared_outside).toHaveProperty("$unknown");
    expect(blockedBy("slack_post", payload, [requireChannelAllowlist(["general"])])).toMatch(/channel_kind is unknown/);
  });

  test.each([
    [{ is_mpim: true, is_group: true, is_private: true, name: "mpdm-a--b-1" }, "mpim"],
    [{ is_im: true, user: "U024BE7LH" }, "im"],
    [{ id: "D024BE91L" }, "im"],
    [{ is_group: true, is_channel: false }, "private"],
    [{ is_private: true, is_channel: true }, "private"],
  ])("%j is a %s conversation", async (change, kind) => {
    expect((await factsOf(change)).channel_kind).toBe(kind);
  });
});

describe("names are looked for to the end of the list", () => {
  test("a channel on the third page, after a page that is empty", async () => {
    const found = { 1: [{ ...CHANNEL, id: "C0OTHER001", name: "general-chat" }], 2: [], 3: [CHANNEL] };
    const { stub, plan } = await workspace({ "conversations.list": pages(found) });
    expect((await plan("#general")).step.channel).toBe(CHANNEL.id);
    expect(stub.calls("conversations.list")).toHaveLength(3);
  });

  test("the same channel listed twice is one; two of one name are ambiguous", async () => {
    const twice = await workspace({ "conversations.list": pages({ 1: [CHANNEL], 2: [CHANNEL] }) });
    expect((await twice.plan("general")).step.channel).toBe(CHANNEL.id);
    const two = await workspace({ "conversations.list": pages({ 1: [CHANNEL], 2: [{ ...CHANNEL, id: "C0OTHER001" }] }) });
    expect((await rejection(two.plan("general"))).code).toBe("INVALID_INPUT");
  });

  test("a list without end is given up, with advice", async () => {
    const { stub, plan } = await workspace({
      "conversations.list": () => ok({ channels: [], response_metadata: { next_cursor: "again" } }),
    });
    expect(await rejection(plan("general"))).toMatchObject({ code: "SYSTEM_UNAVAILABLE", hint: "Name the channel or person by id." });
    expect(stub.calls("conversations.list").length).toBeLessThan(50);
  });

  test("without the scope for private channels the public ones are searched, and the error says so", async () => {
    const answers = {
      "conversations.list": (parameters: URLSearchParams) =>
        parameters.get("types") === "public_channel" ? ok({ channels: [CHANNEL] }) : refuse("missing_scope", { needed: "groups:read" }),
    };
    const { plan } = await workspace(answers);
    expect((await plan("general")).step.channel).toBe(CHANNEL.id);
    expect(await rejection(plan("ops"))).toMatchObject({ code: "NOT_FOUND", hint: expect.stringContaining("groups:read") as string });
  });

  test("a display name is nobody's address, a deactivated account is nobody", async () => {
    const members = [
      { id: "U0000EVIL1", name: "mallory", profile: { display_name: "ceo" } },
      { id: "U00000OLD1", name: "old", deleted: true },
    ];
    const { plan } = await workspace({ "users.list": () => ok({ members }) });
    expect((await rejection(plan("@ceo"))).code).toBe("NOT_FOUND");
    expect((await rejection(plan("@old"))).code).toBe("NOT_FOUND");
    expect((await plan("@mallory")).payload).toMatchObject({ channel: "U0000EVIL1", channel_kind: "im" });
  });
});

describe("the address and the token", () => {
  test.each([
    "http://slack.example/api/", "ftp://127.0.0.1/", "slack.com", "", "https://user:pass@slack.com/api/",
    "https://slack.com/api/?token=x", "http://127.0.0.1.evil.example/", "http://localhost.evil.example/api/",
  ])("%j is refused at start, without repeating it", (apiUrl) => {
    expect(() => openSlack({ token: TOKEN, apiUrl })).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }) as Error);
    expect(() => openSlack({ token: TOKEN, apiUrl })).not.toThrow(/user:pass|token=x/);
  });

  test.each(["", " ", `${TOKEN}\n`, `${TOKEN}\r\nX-Evil: 1`, "tökén"])("token %# is refused without showing it", (token) => {
    expect(() => openSlack({ token })).toThrow(/systems\.slack\.token is empty or holds/);
    expect(() => openSlack({ token })).not.toThrow(/do-not-show|Evil/);
  });

  test("loopback and https are fine, plain http elsewhere only on purpose", () => {
    for (const apiUrl of ["http://localhost:1/api", "http://[::1]:1/", "https://slack.example/api/"]) {
      expect(openSlack({ token: TOKEN, apiUrl })).toHaveProperty("reader");
    }
    expect(openSlack({ token: TOKEN, apiUrl: "http://slack.example/api/", insecure: true })).toHaveProperty("writer");
  });

  test("opening connects to nothing", async () => {
    let connections = 0;
    const server = createServer((socket) => {
      connections += 1;
      socket.destroy();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    await openSlack({ token: TOKEN, apiUrl: `http://127.0.0.1:${port}/api/` }).close();
    await new Promise<void>((resolve) => server.close(() => resolve()));
    expect(connections).toBe(0);
  });
});

async function factsOf(change: object) {
  const { plan } = await workspace({ "conversations.info": () => ok({ channel: { ...CHANNEL, ...change } }) });
  return (await plan(CHANNEL.id)).payload;
}

function pages(found: Readonly<Record<string, object[]>>) {
  return (parameters: URLSearchParams): Answer => {
    const cursor = parameters.get("cursor") ?? "1";
    const next = String(Number(cursor) + 1);
    return ok({ channels: found[cursor] ?? [], response_metadata: { next_cursor: found[next] === undefined ? "" : next } });
  };
}
