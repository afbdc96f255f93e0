import { describe, expect, test } from "vitest";

import { isEnactError } from "../../src/errors.js";
import { openEmail } from "../../src/systems/email.js";
import { sendMail } from "../../src/systems/email/send.js";
import { mailServer, type MailServer } from "../../src/systems/email/server.js";
import { startBreakingServer, startMailServer } from "../support/mail-server.js";

const FROM = "agent@company.com";
const PASSWORD = "hunter2-hunter2";

function problem(smtp: string, from = FROM): string {
  try {
    openEmail({ smtp, from });
    return "opened";
  } catch (error) {
    if (!isEnactError(error) || error.code !== "CONFIG_INVALID") throw error;
    return error.message;
  }
}

describe("the address of the mail server", () => {
  test.each([
    ["smtp://mail.company.com", { host: "mail.company.com", port: 587, isTlsFromStart: false, tls: "required", login: null }],
    ["smtps://mail.company.com", { host: "mail.company.com", port: 465, isTlsFromStart: true, tls: "required", login: null }],
    ["smtp://Mail.Company.com:2525/", { host: "mail.company.com", port: 2525, isTlsFromStart: false, tls: "required", login: null }],
    ["smtp://a%40b:p%3Aw%2F@mail:25", { host: "mail", port: 25, isTlsFromStart: false, tls: "required", login: { user: "a@b", password: "p:w/" } }],
    ["smtp://localhost:1025", { host: "localhost", port: 1025, isTlsFromStart: false, tls: "if_offered", login: null }],
    ["smtp://127.0.0.1:1025", { host: "127.0.0.1", port: 1025, isTlsFromStart: false, tls: "if_offered", login: null }],
    ["smtp://[::1]:1025", { host: "::1", port: 1025, isTlsFromStart: false, tls: "if_offered", login: null }],
  ])("%s", (address, server) => {
    expect(mailServer(address, false)).toEqual(server);
  });

  test.each(["localhost.evil.example", "127.0.0.1.evil.example", "evil-localhost", "0.0.0.0", "10.0.0.1", "[::2]"])("%s is not this machine", (host) => {
    expect(mailServer(`smtp://${host}`, false).tls).toBe("required");
  });

  test("plain text to another machine only when a person has written so", () => {
    expect(mailServer("smtp://relay.company.com:25", true).tls).toBe("if_offered");
  });

  test.each([
    [`http://a:${PASSWORD}@mail`, "smtp://"],
    [`smtp://a:${PASSWORD}@mail?requireTLS=false`, "options"],
    [`smtp://a:${PASSWORD}@mail#x`, "options"],
    [`smtp://a:${PASSWORD}@mail/path`, "path"],
    [`smtp://:${PASSWORD}@mail`, "user"],
    [`smtp://a@mail`, "password"],
    [`smtp://a:${PASSWORD}%zz@mail`, "%25"],
    [`smtp://a:${PASSWORD}@`, "smtp"],
    [`smtp://a:${PASSWORD}@ma%0ail`, "host"],
    [PASSWORD, "address"],
  ])("a wrong one is explained and not repeated", (address, why) => {
    const message = problem(address);
    expect(message).toContain(why);
    expect(message).not.toContain(PASSWORD);
  });

  test.each(["agent", "a@b, c@d", "a@b\r\nBcc: c@d", "<a@b> <c@d>", ""])("a sender that is none is refused: %j", (from) => {
    expect(problem("smtp://localhost", from)).toContain("systems.email.from");
  });

  test.each(["agent@company.com", "Agent of Bob <agent@company.com>"])("a sender: %s", (from) => {
    expect(problem("smtp://localhost", from)).toBe("opened");
  });
});

/** As a server on another machine is treated, which these tests cannot have: encrypted and verified, or nothing. */
function remote(url: string, login: MailServer["login"] = null): MailServer {
  return { ...mailServer(url, false), tls: "required", login };
}

function send(server: MailServer) {
  const mail = { from: { name: null, address: FROM }, to: [], cc: [], recipients: ["bob@example.com"], subject: "x", text: "x", html: null, attachments: [] };
  return sendMail({ server, timeoutMs: 1_000 }, mail, new AbortController().signal);
}

describe("a server on another machine", () => {
  test("that offers no TLS gets neither the password nor the mail", async () => {
    const seen: string[] = [];
    const server = await startMailServer({
      authOptional: false,
      allowInsecureAuth: true,
      onAuth: ({ password }, _session, done) => {
        seen.push(password ?? "");
        done(null, { user: "agent" });
      },
    });
    const outcome = await send(remote(server.url, { user: "agent", password: PASSWORD }));
    expect(outcome).toMatchObject({ state: "failed", failure: { code: "SYSTEM_UNAVAILABLE" } });
    expect(outcome.state === "failed" ? outcome.failure.message : "").toContain("encrypted");
    expect(seen).toEqual([]);
    expect(server.mails).toEqual([]);
  });

  test("that cannot prove who it is gets nothing either, with STARTTLS as with smtps", async () => {
    for (const options of [{ disabledCommands: [] }, { secure: true }]) {
      const server = await startMailServer(options);
      const outcome = await send(remote(server.url));
      expect(outcome.state === "failed" ? outcome.failure.message : outcome.state).toMatch(/certificate/);
      expect(server.mails).toEqual([]);
    }
  });

  test("that pretends not to know EHLO does not get a plain text mail", async () => {
    const server = await startBreakingServer("greeting", { reply: "220 there" }, "502 what");
    expect(await send(remote(server.url))).toMatchObject({ state: "failed" });
    expect(server.complete).toBe(0);
  });
});
