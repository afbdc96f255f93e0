import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { blockTexts, fetchedHosts, findMentions, isSlackId } from "../../src/facts/slack.js";
import type { Json } from "../../src/facts/json.js";

const none = { broadcast: [], user_groups: [], users: [] };

describe("mentions in text, where Slack finds them", () => {
  test.each([
    ["<!channel>", ["channel"]],
    ["<!here>", ["here"]],
    ["<!here|here>", ["here"]],
    ["<!here|@here>", ["here"]],
    ["<!everyone>", ["everyone"]],
    ["<!group>", ["group"]],
    ["ship it<!channel>now", ["channel"]],
    ["`<!channel>` in code, which Slack does not document as safe", ["channel"]],
    ["> quoted\n> <!channel|channel>", ["channel"]],
    ["<!Channel>", ["channel"]],
    ["<! channel >", ["channel"]],
    ["<!here> and <!channel> and <!here>", ["channel", "here"]],
  ])("%s calls everybody", (text, broadcast) => {
    expect(findMentions({ text })).toEqual({ ...none, broadcast });
  });

  test.each([
    "@channel",
    "@here please",
    "@everyone",
    "&lt;!channel&gt;",
    "!channel",
    "<#C024BE91L|channel>",
    "<https://example.com/!channel|here>",
    "<!date^1392734382^Posted {date_num}|channel>",
    "mail channel@here.example",
    "<!channel without an end",
    "<!channels>",
  ])("%s calls nobody", (text) => {
    expect(findMentions({ text })).toEqual(none);
  });

  test("user groups and people are told apart from crowds", () => {
    expect(findMentions({ text: "<!subteam^S0614TZR7> <!subteam^SAZ94GDB8|@ops> <@U024BE7LH> <@W012A3CDE|ann>" })).toEqual({
      broadcast: [],
      user_groups: ["S0614TZR7", "SAZ94GDB8"],
      users: ["U024BE7LH", "W012A3CDE"],
    });
  });
});

const section = (text: object): Json => ({ type: "section", text: text as Json });
const rich = (...elements: object[]): Json =>
  ({ type: "rich_text", elements: [{ type: "rich_text_section", elements }] }) as unknown as Json;

const nest = (inner: Json, wrappers: readonly string[]): Json =>
  wrappers.reduce<Json>((value, type) => ({ type, elements: ["x", value, { type: "text", text: "y" }] }), inner);

describe("mentions in blocks", () => {
  const crowds: [string, Json][] = [
    ["mrkdwn of a section", section({ type: "mrkdwn", text: "<!channel>" })],
    ["verbatim mrkdwn: markup still counts", section({ type: "mrkdwn", text: "<!channel>", verbatim: true })],
    ["a bare @channel in mrkdwn, which Slack parses by itself", section({ type: "mrkdwn", text: "hi @channel!" })],
    ["a field of a section", { type: "section", fields: [{ type: "mrkdwn", text: "<!channel>" }] }],
    ["an element of a context", { type: "context", elements: [{ type: "mrkdwn", text: "<!channel>" }] }],
    ["a markdown block", { type: "markdown", text: "**now** <!channel>" }],
    ["a bare @channel in a markdown block", { type: "markdown", text: "@channel" }],
    ["a broadcast element", rich({ type: "broadcast", range: "channel" })],
    ["a broadcast element in a list in a quote", {
      type: "rich_text",
      elements: [{ type: "rich_text_list", elements: [{ type: "rich_text_section", elements: [{ type: "broadcast", range: "channel" }] }] }],
    }],
    ["an option of a select", {
      type: "actions",
      elements: [{ type: "radio_buttons", options: [{ text: { type: "mrkdwn", text: "<!channel>" }, value: "a" }] }],
    }],
    ["a block that did not exist when this was written", { type: "hologram", body: { html: "<!channel>" } }],
    ["a cell of a table", { type: "table", rows: [[rich({ type: "broadcast", range: "channel" })]] }],
  ];
  test.each(crowds)("%s", (_where, block) => {
    expect(findMentions({ text: "x", blocks: [block] }).broadcast).toEqual(["channel"]);
  });

  const quiet: [string, Json][] = [
    ["plain_text", section({ type: "plain_text", text: "<!channel> @channel" })],
    ["a header", { type: "header", text: { type: "plain_text", text: "<!channel>" } }],
    ["text of rich text", rich({ type: "text", text: "<!channel> @here" })],
    ["a bare @channel in verbatim mrkdwn", section({ type: "mrkdwn", text: "@channel", verbatim: true })],
    ["an address in mrkdwn", section({ type: "mrkdwn", text: "write to team@here.example, @channel-team or x@channel" })],
    ["escaped mrkdwn", section({ type: "mrkdwn", text: "&lt;!channel&gt;" })],
    ["a raw cell of a table", { type: "table", rows: [[{ type: "raw_text", text: "<!channel>" }]] }],
  ];
  test.each(quiet)("%s calls nobody", (_where, block) => {
    expect(findMentions({ text: "x", blocks: [block] })).toEqual(none);
  });

  test("a mention is found at any depth, between any other elements", () => {
    const leaf = fc.constantFrom<Json>({ type: "text", text: "a" }, { type: "emoji", name: "tada" }, "plain", 7, null);
    const kinds = fc.array(fc.constantFrom("rich_text_section", "rich_text_list", "container", "card"), { maxLength: 8 });
    fc.assert(
      fc.property(kinds, fc.array(leaf), fc.array(leaf), (wrappers, before, after) => {
        const block = nest([...before, { type: "usergroup", usergroup_id: "S1" }, ...after], wrappers);
        expect(findMentions({ text: "", blocks: [block] }).user_groups).toEqual(["S1"]);
      }),
      { seed: 149, numRuns: 300 },
    );
  });
});

test("a capital id is an id, a name is a name", () => {
  expect(["C024BE91L", "G024BE91L", "D024BE91L", "U024BE7LH", "W012A3CDE"].every(isSlackId)).toBe(true);
  expect(["general", "#C024BE91L", "c024be91l", "GENERAL", "C1", "X024BE91L", "@U024BE7LH"].some(isSlackId)).toBe(false);
});

test("what Slack will fetch is named by host, also when it is no address", () => {
  const blocks: Json[] = [
    { type: "image", image_url: "https://Evil.example/a.png?d=secret", alt_text: "a" },
    { type: "video", video_url: "https://v.example/x", thumbnail_url: "nonsense" },
    { type: "section", text: { type: "mrkdwn", text: "https://linked.example" } },
  ];
  expect(fetchedHosts(blocks)).toEqual(["evil.example", "nonsense", "v.example"]);
  expect(blockTexts(blocks)).toContain("https://linked.example");
});
