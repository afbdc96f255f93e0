import { describe, expect, test } from "vitest";
import { ZodError } from "zod";

import { requireMeaningfulCommitMessage, requireMeaningfulCommitMessagePolicy, requireMeaningfulCommitMessageWith } from "../../../src/policies/git/index.js";
import { judgeCall } from "../../support/policy-tester.js";

const judged = (message: unknown, policy = requireMeaningfulCommitMessage) => judgeCall(policy, { workflow: "git_commit", payload: { message } });

describe("require_meaningful_commit_message", () => {
  test.each([
    "Fix typo", "Add README", "Initial commit", "Bump lodash to 4.17.21", "fix(api): handle empty body", "Fix #149", "Retry uploads\n\nThe server drops connections.", "Größe der Bilder prüfen",
    "Исправить вход", "修复登录", "ログインを修正", "إصلاح تسجيل الدخول", "Remove dead code", "Drop Node 18", "Make it faster", "Revert \"Add cache\"",
  ])("%j says something", (message) => {
    expect(judged(`${message}\n`).passed).toBe(true);
  });

  test.each([
    "wip", "WIP", "w.i.p.", "fix", "Fix.", "fixes", "update", "Update files", "changes", "more changes", "asdf asdf", "asdfghjkl", ".", "...", "-----", "🎉🎉🎉", "\u200b\u200b\u200b", "\u2060\u00ad \u200d", "x", "a b", "aaaa aaaa",
    "test", "temp commit", "misc", "ｗｉｐ", "w\u200bip", "fix bug", "updated code", "Work in progress", "1", "??? !!!", "\n\n \nwip",
  ])("%j says nothing", (message) => {
    expect(judged(`${message}\n`).passed).toBe(false);
  });

  test("only the first line counts", () => {
    expect(judged("wip\n\nRetry the upload when the connection drops\n").passed).toBe(false);
  });

  test("may ask for more letters, not for none", () => {
    expect(judged("Fix typo\n", requireMeaningfulCommitMessageWith({ min_letters: 20 })).passed).toBe(false);
    for (const min_letters of [0, -1, 1000, "6"]) expect(() => requireMeaningfulCommitMessagePolicy.create({ min_letters })).toThrow(ZodError);
  });

  test("a message that is no text does not pass", () => {
    for (const message of [null, 7, ["Fix typo"], undefined]) expect(judged(message).passed).toBe(false);
  });
});
