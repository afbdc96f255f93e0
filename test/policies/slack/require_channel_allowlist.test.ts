import { expect, test } from "vitest";

import { requireChannelAllowlistPolicy } from "../../../src/policies/slack/require_channel_allowlist.js";
import { judgeExample, testPolicy } from "../../support/policy-examples.js";

testPolicy(requireChannelAllowlistPolicy);

const passes = (entry: string, payload: object): boolean =>
  judgeExample(requireChannelAllowlistPolicy, {
    title: "",
    passes: true,
    options: { channels: [entry] },
    workflow: "slack_post",
    payload: { channel: "C024BE91L", channel_name: "general", channel_kind: "public", person: null, ...payload },
  }).passed;

test.each([
  ["general", {}, true],
  ["#general", {}, true],
  ["#GENERAL", {}, true],
  ["GENERAL", {}, true],
  ["C024BE91L", {}, true],
  ["#C024BE91L", {}, false],
  ["#c024be91l", { channel_name: "c024be91l" }, true],
  ["C024BE91L", { channel: "C0EVIL0001", channel_name: "c024be91l" }, false],
  ["genera", {}, false],
  ["general", { channel_name: "general2" }, false],
  ["café", { channel_name: "cafe" }, false],
  ["café".normalize("NFD"), { channel_name: "café" }, true],
  ["general", { channel_name: "generаl" }, false],
  // Direct messages have no name, and what looks like one does not help.
  ["general", { channel: "D024BE91L", channel_kind: "im", channel_name: null }, false],
  ["general", { channel: "C0MPIM0001", channel_kind: "mpim" }, false],
  ["mpdm-a--b-1", { channel: "C0MPIM0001", channel_kind: "mpim", channel_name: "mpdm-a--b-1" }, false],
  ["C0MPIM0001", { channel: "C0MPIM0001", channel_kind: "mpim", channel_name: "mpdm-a--b-1" }, true],
  ["D024BE91L", { channel: "D024BE91L", channel_kind: "im", channel_name: null, person: { id: "U024BE7LH", name: "ann" } }, true],
  ["U024BE7LH", { channel: "D024BE91L", channel_kind: "im", channel_name: null, person: { id: "U024BE7LH", name: "ann" } }, true],
])("entry %s, %j: %s", (entry, payload, expected) => {
  expect(passes(entry, payload)).toBe(expected);
});

test.each(["", " ", "#", "#a b", "a,b#c", "@ann"])("%j is no entry", (entry) => {
  expect(() => requireChannelAllowlistPolicy.create({ channels: [entry] })).toThrow(/neither a channel/);
});
