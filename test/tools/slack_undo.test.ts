import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { JsonObject } from "../../src/facts/json.js";
import { openSlack, type SlackSystem } from "../../src/systems/slack.js";
import { slackPostTool } from "../../src/tools/slack_post.js";
import type { Execution, UndoableRun } from "../../src/tools/tool.js";
import { startSlackEmulator, type SlackEmulator } from "../support/slack-emulator.js";
import { CHANNEL, ok, refuse, startSlackStub, type SlackAnswers } from "../support/slack-stub.js";
import { executed, planned } from "../support/tool-calls.js";
import { MemoryUndo } from "../support/undo.js";

const never = new AbortController().signal;
const call = { signal: never, now: new Date(0), undoBytes: 0 };
const control = { signal: never, judge: () => Promise.resolve(true), undo: new MemoryUndo() };
const like = (text: string): unknown => expect.stringContaining(text);

async function posted(slack: SlackSystem, input: Record<string, unknown>): Promise<UndoableRun> {
  const plan = await planned(slackPostTool, input, slack.reader);
  expect(plan.reversal?.possible).toBe(true);
  const { actions } = await executed(slackPostTool, plan.step, slack.writer);
  const payload = plan.payload as unknown as JsonObject;
  return { run_id: "0123456789", workflow: "slack_post", payload, actions, outcome: payload, kept: new MemoryUndo().kept() };
}

async function undone(slack: SlackSystem, run: UndoableRun): Promise<Execution | undefined> {
  const plan = await slackPostTool.undo?.plan(run, slack.reader, call);
  return slackPostTool.undo?.execute(plan?.step ?? null, slack.writer, control, run.kept);
}

describe("on the emulator", () => {
  let emulator: SlackEmulator;
  let slack: SlackSystem;
  beforeAll(async () => {
    emulator = await startSlackEmulator();
    slack = openSlack({ token: emulator.token, apiUrl: emulator.apiUrl });
  });
  afterAll(async () => {
    await slack.close();
    await emulator.close();
  });

  test("exactly the message that was posted is deleted", async () => {
    const before = await emulator.messages();
    await emulator.bot("chat.postMessage", { channel: "C000000001", text: "same words & more" });
    const run = await posted(slack, { channel: "general", text: "same words & more" });
    expect(run.actions[0]).toMatchObject({ success: true, reversible: true });
    expect(await emulator.messages()).toHaveLength(before.length + 2);
    const execution = await undone(slack, run);
    expect(execution?.actions).toMatchObject([{ action: "delete", success: true, reversible: false }]);
    const left = await emulator.messages();
    expect(left).toHaveLength(before.length + 1);
    expect(left.map(({ ts }) => ts)).not.toContain(run.actions[0]?.output["ts"]);
  });

  test("one that was deleted, or edited, is left alone", async () => {
    const gone = await posted(slack, { channel: "general", text: "to be deleted" });
    await emulator.bot("chat.delete", gone.actions[0]?.output);
    await expect(undone(slack, gone)).rejects.toMatchObject({ code: "STALE_PLAN", message: like("deleted already") });

    const edited = await posted(slack, { channel: "general", text: "to be edited" });
    await emulator.bot("chat.update", { ...edited.actions[0]?.output, text: "edited" });
    await expect(undone(slack, edited)).rejects.toMatchObject({ code: "STALE_PLAN", message: like("edited") });
    expect((await emulator.messages()).map(({ text }) => text)).toContain("edited");
  });

  test("answers stay, and that is said before", async () => {
    const run = await posted(slack, { channel: "general", text: "a question" });
    await emulator.admin("chat.postMessage", { channel: "C000000001", text: "an answer", thread_ts: run.actions[0]?.output["ts"] });
    const plan = await slackPostTool.undo?.plan(run, slack.reader, call);
    expect(plan?.payload["changes"]).toEqual([like("#general"), like("has read it"), like("answer stays")]);
  });
});

describe("when Slack does not play along", () => {
  const message = { ts: "1700000000.000100", text: "hello" };
  const replies = () => ok({ messages: [message] });

  async function withStub(answers: SlackAnswers, use: (slack: SlackSystem, run: UndoableRun, calls: (method: string) => number) => Promise<void>): Promise<void> {
    const stub = await startSlackStub({
      "conversations.replies": replies,
      "chat.postMessage": (given) => ok({ channel: given.get("channel"), ts: message.ts, message }),
      ...answers,
    });
    const slack = openSlack({ token: ["xoxb", "1", "a"].join("-"), apiUrl: stub.apiUrl });
    try {
      await use(slack, await posted(slack, { channel: CHANNEL.id, text: "hello" }), (method) => stub.calls(method).length);
    } finally {
      await slack.close();
      await stub.close();
    }
  }

  test("a token that may not read deletes its own message, and says what it does not know", async () => {
    const answers = { "conversations.replies": () => refuse("missing_scope", { needed: "channels:history" }), "chat.delete": () => ok({}) };
    await withStub(answers, async (slack, run) => {
      const plan = await slackPostTool.undo?.plan(run, slack.reader, call);
      expect(plan?.payload["changes"]).toEqual([like("is deleted"), like("has read it"), like("is not known")]);
      expect((await undone(slack, run))?.actions).toMatchObject([{ success: true, output: { looked: false } }]);
    });
  });

  test("a message that is edited between look and act stays", async () => {
    let looks = 0;
    const answers = { "conversations.replies": () => ((looks += 1) === 1 ? replies() : ok({ messages: [{ ...message, edited: { user: "U1" } }] })) };
    await withStub(answers, async (slack, run, calls) => {
      await expect(undone(slack, run)).rejects.toMatchObject({ code: "STALE_PLAN" });
      expect(calls("chat.delete")).toBe(0);
    });
  });

  test("a refusal is a failure, silence is not known; neither is tried twice", async () => {
    await withStub({ "chat.delete": () => refuse("cant_delete_message") }, async (slack, run, calls) => {
      expect((await undone(slack, run))?.actions).toMatchObject([{ success: false, error: { code: "ACTION_FAILED" } }]);
      expect(calls("chat.delete")).toBe(1);
    });
    await withStub({ "chat.delete": () => ({ status: 502, body: "bad gateway" }) }, async (slack, run, calls) => {
      expect((await undone(slack, run))?.actions).toMatchObject([{ success: "unknown", error: { code: "OUTCOME_UNKNOWN" } }]);
      expect(calls("chat.delete")).toBe(1);
    });
  });

  test("a post of unknown fate is not undone blindly", async () => {
    await withStub({}, async (slack, run) => {
      const unknown = run.actions.map((action) => ({ ...action, success: "unknown" as const, output: { channel: CHANNEL.id } }));
      await expect(undone(slack, { ...run, actions: unknown })).rejects.toMatchObject({ code: "REFUSED" });
    });
  });
});
