import { describe, expect, test } from "vitest";
import { ZodError } from "zod";

import { noMassEmails, noMassEmailsPolicy, noMassEmailsWith } from "../../../src/policies/email/index.js";
import { openEmail } from "../../../src/systems/email.js";
import { emailSendTool } from "../../../src/tools/email_send.js";
import { judgeCall } from "../../support/policy-tester.js";
import { planned } from "../../support/tool-calls.js";

const { reader } = openEmail({ smtp: "smtp://localhost", from: "agent@company.com" });
const judged = async (policy: Parameters<typeof judgeCall>[0], recipients: object) => {
  const { payload } = await planned(emailSendTool, { to: [], subject: "x", text: "x", ...recipients }, reader);
  return judgeCall(policy, { workflow: "email_send", payload });
};

describe("no_mass_emails, on what email_send found out", () => {
  test.each([
    ["one person", { to: "bob@example.com" }],
    ["one person in all three fields", { to: "bob@example.com", cc: ["Bob <bob@EXAMPLE.com>"], bcc: ["BOB@example.com"] }],
    ["one person under two tags", { to: ["bob+a@example.com", "bob+b@example.com"] }],
    ["one Gmail box with dots", { to: ["b.o.b@gmail.com", "bob@googlemail.com"] }],
    ["one person with a comma in the name", { to: '"Smith, Bob" <bob@example.com>' }],
  ])("%s passes", async (_name, recipients) => {
    expect((await judged(noMassEmails, recipients)).passed).toBe(true);
  });

  test.each([
    ["two people", { to: ["bob@example.com", "eve@example.com"] }],
    ["one to, one in bcc", { to: "bob@example.com", bcc: "eve@example.com" }],
    ["one name, two domains", { to: ["bob@example.com", "bob@example.org"] }],
    ["a look-alike domain", { to: ["bob@example.com", "bob@exаmple.com"] }],
    ["five hundred in bcc", { bcc: Array.from({ length: 500 }, (_, n) => `c${n}@example.com`) }],
  ])("%s does not", async (_name, recipients) => {
    expect((await judged(noMassEmails, recipients)).passed).toBe(false);
  });

  test("exactly the maximum passes, one more does not, and the reason says both numbers", async () => {
    const people = (count: number) => ({ to: Array.from({ length: count }, (_, n) => `c${n}@example.com`) });
    expect((await judged(noMassEmailsWith({ max_recipients: 5 }), people(5))).passed).toBe(true);
    expect(await judged(noMassEmailsWith({ max_recipients: 5 }), people(6))).toMatchObject({ passed: false, reason: "6 recipients, limit 5" });
  });

  test.each([{ max_recipients: 0 }, { max_recipients: -1 }, { max_recipients: 1.5 }, { max_recipients: "1" }])("%j is refused", (options) => {
    expect(() => noMassEmailsPolicy.create(options)).toThrow(ZodError);
  });
});
