import { describe, expect, test } from "vitest";
import { ZodError } from "zod";

import { judge } from "../../../src/guard/judge.js";
import { noRepeatEmails, noRepeatEmailsPolicy, noRepeatEmailsWith } from "../../../src/policies/email/index.js";
import { insteadOf } from "../../../src/policies/policy.js";
import { caseOf, judgeCall, type Past } from "../../support/policy-tester.js";

const mail = (seconds_ago: number, more: Partial<Past> = {}): Past => ({ workflow: "email_send", seconds_ago, subject: "email:bob@example.com", ...more });
const call = (history: readonly Past[], recipients: readonly string[] = ["bob@example.com"]) => ({ workflow: "email_send", payload: { recipients }, history });

describe("no_repeat_emails", () => {
  test.each(["done", "running", "unknown"] as const)("a mail that is %s counts", (state) => {
    expect(judgeCall(noRepeatEmails, call([mail(60, { state })])).passed).toBe(false);
  });

  test("a mail of which nothing left for certain does not, and does not hide one before it", () => {
    expect(judgeCall(noRepeatEmails, call([mail(60, { state: "failed" })])).passed).toBe(true);
    expect(judgeCall(noRepeatEmails, call([mail(90), mail(60, { state: "failed" })])).passed).toBe(false);
  });

  test("the window ends after exactly its length", () => {
    expect(judgeCall(noRepeatEmails, call([mail(86_399.999)])).passed).toBe(false);
    expect(judgeCall(noRepeatEmails, call([mail(86_400)])).passed).toBe(true);
    expect(judgeCall(noRepeatEmailsWith({ window_hours: 0.5 }), call([mail(1_799)])).passed).toBe(false);
    expect(judgeCall(noRepeatEmailsWith({ window_hours: 0.5 }), call([mail(1_800)])).passed).toBe(true);
  });

  test("only the same person counts", () => {
    expect(judgeCall(noRepeatEmails, call([mail(60, { subject: "email:bobby@example.com" }), mail(60, { subject: "slack:bob@example.com" })])).passed).toBe(true);
  });

  test("one repeated among several blocks, and the advice is to write to the others", () => {
    const result = judgeCall(noRepeatEmails, call([mail(60)], ["amy@example.com", "bob@example.com", "cy@example.com"]));
    expect(result.passed).toBe(false);
    expect(result.reason).toContain("bob@example.com (1 min ago)");
    expect(insteadOf(result)).toEqual({ recipients: ["amy@example.com", "cy@example.com"], recipient_count: 2 });
  });

  test("many repeated are counted, not listed", () => {
    const people = Array.from({ length: 300 }, (_, n) => `c${n}@example.com`);
    const result = judgeCall(noRepeatEmails, call(people.map((person) => mail(60, { subject: `email:${person}` })), people));
    expect(result.reason).toContain("and 297 more");
    expect(insteadOf(result)).toBeUndefined();
  });

  test("a ledger that cannot be read blocks", () => {
    const broken = { runs: () => { throw new Error("disk gone"); }, count: () => 0 };
    const { passed } = judge([{ name: "no_repeat_emails", policy: noRepeatEmails }], { ...caseOf(call([])), history: broken });
    expect(passed).toBe(false);
  });

  test.each([{ window_hours: 0 }, { window_hours: -1 }, { window_hours: Number.POSITIVE_INFINITY }, { window_hours: "24" }])("%j is refused", (options) => {
    expect(() => noRepeatEmailsPolicy.create(options)).toThrow(ZodError);
  });
});
