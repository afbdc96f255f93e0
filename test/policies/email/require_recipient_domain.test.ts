import { describe, expect, test } from "vitest";
import { ZodError } from "zod";

import { requireRecipientDomain, requireRecipientDomainPolicy } from "../../../src/policies/email/index.js";
import { policyMeta } from "../../../src/policies/policy.js";
import { openEmail } from "../../../src/systems/email.js";
import { emailSendTool } from "../../../src/tools/email_send.js";
import { judgeCall } from "../../support/policy-tester.js";
import { planned } from "../../support/tool-calls.js";

const { reader } = openEmail({ smtp: "smtp://localhost", from: "agent@company.com" });
const passes = async (domains: readonly string[], recipients: object) => {
  const { payload } = await planned(emailSendTool, { to: [], subject: "x", text: "x", ...recipients }, reader);
  return judgeCall(requireRecipientDomain(domains), { workflow: "email_send", payload }).passed;
};

describe("require_recipient_domain, on what email_send found out", () => {
  test.each([
    [["company.com"], { to: "bob@company.com" }],
    [["Company.COM"], { to: "bob@COMPANY.com", bcc: ["eve@company.com"] }],
    [["@company.com"], { to: "bob@company.com" }],
    [["bücher.example"], { to: "bob@xn--bcher-kva.example" }],
    [["xn--bcher-kva.example"], { to: "bob@BÜCHER.example" }],
    [["*.company.com"], { to: "bob@mail.eu.company.com" }],
  ])("%j lets %j pass", async (domains, recipients) => {
    expect(await passes(domains, recipients)).toBe(true);
  });

  test.each([
    [["company.com"], { to: "bob@mail.company.com" }],
    [["company.com"], { to: "bob@company.com.evil.example" }],
    [["company.com"], { to: "bob@evilcompany.com" }],
    [["company.com"], { to: "bob@company.co" }],
    [["company.com"], { to: "bob@company.com", bcc: "eve@evil.example" }],
    [["company.com"], { to: "bob@cоmpany.com" }],
    [["*.company.com"], { to: "bob@company.com" }],
    [["*.company.com"], { to: "bob@evilcompany.com" }],
    [[], { to: "bob@company.com" }],
  ])("%j blocks %j", async (domains, recipients) => {
    expect(await passes(domains, recipients)).toBe(false);
  });

  test("the reason names the strangers and what is allowed", () => {
    const payload = { domains: ["company.com", "evil.example", "gmail.com"] };
    expect(judgeCall(requireRecipientDomain(["company.com"]), { workflow: "email_send", payload }).reason).toBe("Recipients in evil.example, gmail.com, which is not listed; allowed: company.com");
  });

  test("no domains at all is no reason to pass", () => {
    expect(judgeCall(requireRecipientDomain(["company.com"]), { workflow: "email_send", payload: { domains: [] } }).passed).toBe(false);
  });

  test("its known-bad call blocks however wide the list", () => {
    for (const domains of [["*.com"], ["*.invalid", "*.not-listed"], ["*.not-listed", "*.not-listed-x"]]) {
      const policy = requireRecipientDomain(domains);
      const bad = policyMeta(policy)?.knownBad;
      expect(bad === undefined ? "none" : judgeCall(policy, bad).passed).toBe(false);
    }
  });

  test.each([{}, { domains: "company.com" }, { domains: [""] }, { domains: ["*"] }, { domains: ["*.*.com"] }, { domains: ["bob@company.com"] }, { domains: ["https://company.com"] }, { domains: ["127.0.0.1"] }])(
    "%j is refused",
    (options) => {
      expect(() => requireRecipientDomainPolicy.create(options)).toThrow(ZodError);
    },
  );
});
