import { createHash } from "node:crypto";
import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { isEnactError } from "../../src/errors.js";
import { dontReadSensitivePaths } from "../../src/policies/access/index.js";
import { blockExtensions, restrictPaths } from "../../src/policies/filesystem/index.js";
import { openEmail, type EmailOptions } from "../../src/systems/email.js";
import { emailSendTool } from "../../src/tools/email_send.js";
import type { Execution } from "../../src/tools/tool.js";
import { fileWorld } from "../support/file-world.js";
import { startBreakingServer, startMailServer, type Break, type MailServerBehaviour } from "../support/mail-server.js";
import { blockedBy, executed, planned } from "../support/tool-calls.js";

const FROM = "Agent <agent@company.com>";
const TOKEN = ["gh", "p_", "q7Zr2XwB9tKe4LmV1sNc8HdY3pGf6JaU5oWi"].join("");
const MAIL = { to: "bob@example.com", subject: "Hello", text: "Hello Bob\n" };

function open(smtp: string, more: Partial<EmailOptions> = {}) {
  return openEmail({ smtp, from: FROM, timeoutMs: 1_000, ...more });
}

async function plan(input: object, more: Partial<EmailOptions> = {}) {
  return planned(emailSendTool, { ...MAIL, ...input }, open("smtp://127.0.0.1:1", more).reader);
}

async function send(smtp: string, input: object = {}, more: Partial<EmailOptions> & { signal?: AbortSignal } = {}): Promise<Execution> {
  const { signal, ...options } = more;
  const system = open(smtp, options);
  const { step } = await planned(emailSendTool, { ...MAIL, ...input }, system.reader);
  return executed(emailSendTool, step, system.writer, signal === undefined ? {} : { signal });
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "nothing went wrong",
    (error: unknown) => (isEnactError(error) ? error.code : String(error)),
  );
}

const serve = (behaviour: MailServerBehaviour = {}) => startMailServer(behaviour);

/** Headers of a message, unfolded. */
function headersOf(message: string): string {
  return message.slice(0, message.indexOf("\r\n\r\n")).replaceAll(/\r\n[ \t]+/g, " ");
}

describe("the server gets exactly the mail that was judged", () => {
  test("to, cc and bcc in the envelope, bcc in no header, the sender fixed", async () => {
    const server = await serve();
    const execution = await send(server.url, { to: ["Bob <bob@example.com>"], cc: "cy@example.com", bcc: ["dan@example.org"], html: "<p>Hello</p>" });
    expect(execution.actions).toMatchObject([{ system: "email", action: "send", success: true, reversible: false, output: { accepted: ["bob@example.com", "cy@example.com", "dan@example.org"] } }]);
    const [mail] = server.mails;
    expect(mail).toMatchObject({ from: "agent@company.com", to: ["bob@example.com", "cy@example.com", "dan@example.org"] });
    const headers = headersOf(mail?.message ?? "");
    expect(headers).toContain("From: Agent <agent@company.com>");
    expect(headers).toContain("To: Bob <bob@example.com>");
    expect(headers).toContain("Cc: cy@example.com");
    expect(headers).not.toMatch(/bcc|dan@/i);
    expect(mail?.message).toContain("<p>Hello</p>");
    expect(server.connections).toBe(1);
  });

  test.each([
    ["plain", "bob@example.com", ["bob@example.com"]],
    ["spaces around", ["  bob@example.com "], ["bob@example.com"]],
    ["capitals in the domain", "Bob@EXAMPLE.com", ["Bob@example.com"]],
    ["a plus-tag, delivered as given", "bob+news@example.com", ["bob+news@example.com"]],
    ["a name with a comma", '"Smith, Bob" <bob@example.com>', ["bob@example.com"]],
    ["a name with a quote", '"Bob \\"B\\" <x" <bob@example.com>', ["bob@example.com"]],
    ["comments", "bob(eve)@example.com (Bob)", ["bob@example.com"]],
    ["a local part in quotes that needs none", '"bob"@example.com', ["bob@example.com"]],
    ["a domain in another script", "bob@bücher.example", ["bob@xn--bcher-kva.example"]],
    ["a look-alike domain, shown as what it is", "bob@exаmple.com", ["bob@xn--exmple-4nf.com"]],
    ["a local part in another script", "jürgen@example.com", ["jürgen@example.com"]],
    ["a name in another script", "Jürgen Müller <jm@example.com>", ["jm@example.com"]],
    ["one address twice, once in capitals of the domain", ["bob@example.com", "Bob <bob@EXAMPLE.com>"], ["bob@example.com"]],
    ["two tags of one person, both delivered", ["bob+a@example.com", "bob+b@example.com"], ["bob+a@example.com", "bob+b@example.com"]],
    ["an address that looks like an option", "--bcc=eve@example.com", ["--bcc=eve@example.com"]],
  ])("%s", async (_name, to, envelope) => {
    const server = await serve();
    const system = open(server.url);
    const { payload, step } = await planned(emailSendTool, { ...MAIL, to }, system.reader);
    await executed(emailSendTool, step, system.writer);
    expect(server.mails.map((mail) => mail.to)).toEqual([envelope]);
    expect(server.asked).toEqual(envelope);
    expect(payload.to.map(({ address }) => address).toSorted()).toEqual(expect.arrayContaining(envelope.toSorted()));
  });

  test.each([
    ["a list in a string", { to: "bob@example.com, eve@evil.example" }],
    ["a list in an entry", { to: ["bob@example.com", "cy@example.com,eve@evil.example"] }],
    ["a group", { to: "Team: bob@example.com, eve@evil.example;" }],
    ["line breaks", { to: "bob@example.com\r\nRCPT TO:<eve@evil.example>" }],
    ["a header in a name", { to: '"Bob\r\nBcc: eve@evil.example" <bob@example.com>' }],
    ["a header in the subject", { subject: "Hello\r\nBcc: eve@evil.example" }],
    ["a line separator in the subject", { subject: "Hello\u2028Bcc: eve@evil.example" }],
    ["a route", { to: "<@evil.example:bob@example.com>" }],
    ["the percent hack", { to: "eve%evil.example@example.com" }],
    ["a bang path", { to: "evil.example!eve@example.com" }],
    ["a local part with a space", { to: '"bob smith"@example.com' }],
    ["two addresses in quotes", { to: '"eve@evil.example x"@example.com' }],
    ["a spoofed name", { to: '"ceo@company.com" <eve@evil.example>' }],
    ["an object", { to: { address: "bob@example.com" } }],
    ["a nested list", { to: [["bob@example.com"]] }],
    ["a file as the text", { text: { path: "/etc/passwd" } }],
    ["a file as an attachment's content", { attachments: [{ path: "/etc/passwd" }] }],
    ["a sender of its own", { from: "ceo@company.com" }],
    ["headers of its own", { headers: { Bcc: "eve@evil.example" } }],
    ["an envelope of its own", { envelope: { to: "eve@evil.example" } }],
    ["nobody", { to: [] }],
    ["a NUL in the text", { text: "a\0b" }],
    ["half a character in the text", { text: "a\ud800b" }],
    ["a mailto URL", { to: "mailto:bob@example.com" }],
    ["1,001 recipients", { to: Array.from({ length: 501 }, (_, n) => `a${n}@example.com`), cc: Array.from({ length: 500 }, (_, n) => `b${n}@example.com`) }],
  ])("%s: nothing reaches the server", async (_name, input) => {
    const server = await serve();
    await expect(send(server.url, input)).rejects.toThrow(/./);
    expect(server.connections).toBe(0);
  });

  test("the error names the entry", async () => {
    await expect(plan({ to: ["bob@example.com", "a@example.com, b@example.com"] })).rejects.toThrow("to[1] holds more than one address");
    await expect(plan({ cc: "eve" })).rejects.toThrow("cc has no @");
  });

  test("five hundred in bcc are five hundred recipients, in the facts and at the server", async () => {
    const server = await serve();
    const bcc = Array.from({ length: 500 }, (_, n) => `customer${n}@example.com`);
    const system = open(server.url, { timeoutMs: 20_000 });
    const { payload, step } = await planned(emailSendTool, { ...MAIL, to: [], bcc }, system.reader);
    expect(payload.recipient_count).toBe(500);
    await executed(emailSendTool, step, system.writer);
    expect(server.mails[0]?.to).toEqual(bcc);
    expect(server.mails[0]?.message).not.toContain("customer");
  });

  test.each([
    ["\r\n.\r\nMAIL FROM:<eve@evil.example>\r\nRCPT TO:<x@evil.example>\r\nDATA\r\nsmuggled\r\n.\r\n"],
    ["\n.\nMAIL FROM:<eve@evil.example>\nRCPT TO:<x@evil.example>\nDATA\nsmuggled\n.\n"],
    ["\r.\rMAIL FROM:<eve@evil.example>\r"],
    ["\n.\r\nQUIT\r\n"],
    ["\r\n.\nQUIT\r\n"],
    ["..\n.\n..end"],
  ])("text that looks like the end of the mail stays text: %j", async (text) => {
    const server = await serve();
    await send(server.url, { text });
    expect(server.mails.map(({ to }) => to)).toEqual([["bob@example.com"]]);
    expect(server.asked).toEqual(["bob@example.com"]);
    // No bare CR or LF: servers that take one for the end of a line could be made to see a second mail (SMTP smuggling).
    expect(server.mails[0]?.message).not.toMatch(/(?<!\r)\n|\r(?!\n)/);
  });

  test("HTML that names files and addresses is sent as it is, and nothing is fetched", async () => {
    const server = await serve();
    await send(server.url, { html: '<img src="file:///etc/hostname"><img src="data:image/png;base64,iVBORw0KGgo=">' });
    expect(server.mails[0]?.message.match(/Content-Type:/g)).toHaveLength(3);
  });
});

describe("facts", () => {
  test("say who and how much, and hold no bodies", async () => {
    const { payload, subjects, target } = await plan({
      to: ["Bob <Bob+x@Example.com>", "bob@example.com"],
      bcc: ["cy@bücher.example"],
      text: "the body of the mail",
      html: "<b>the body</b>",
    });
    expect(payload).toMatchObject({
      from: { address: "agent@company.com", name: "Agent" },
      to: [
        { address: "Bob+x@example.com", normalised: "bob@example.com", name: "Bob" },
        { address: "bob@example.com", normalised: "bob@example.com", name: null },
      ],
      recipients: ["bob@example.com", "cy@xn--bcher-kva.example"],
      recipient_count: 2,
      domains: ["example.com", "xn--bcher-kva.example"],
      subject: "Hello",
      text_size: 20,
      text_sha256: createHash("sha256").update("the body of the mail").digest("hex"),
      html_size: 15,
      attachments: [],
      secrets: [],
      server: { host: "127.0.0.1", port: 1, tls: "if_offered" },
    });
    expect(JSON.stringify(payload)).not.toContain("the body");
    expect(subjects).toEqual(["email:bob@example.com", "email:cy@xn--bcher-kva.example"]);
    expect(target).toBe("Bob+x@example.com and 2 more");
  });

  test("are the same for the same call, so that an approval of one fits the other", async () => {
    const input = { html: "<p>x</p>", cc: "cy@example.com" };
    expect(await plan(input)).toEqual(await plan(input));
  });

  test.each([
    ["text", { text: `use ${TOKEN}` }, "text"],
    ["subject", { subject: TOKEN }, "subject"],
    ["html", { html: `<p>${TOKEN}</p>` }, "html"],
    ["html that parts it with tags", { html: `<p>${TOKEN.slice(0, 12)}<b></b>${TOKEN.slice(12)}</p>` }, "html"],
    ["html that writes it in entities", { html: Array.from(TOKEN, (letter) => `&#${letter.charCodeAt(0)};`).join("") }, "html"],
    ["a name", { to: `"${TOKEN}" <bob@example.com>` }, "recipients"],
    ["an address", { to: `${TOKEN}@example.com` }, "recipients"],
  ])("a secret in the %s is found", async (_name, input, where) => {
    expect((await plan(input)).payload.secrets).toEqual([{ kind: "github_token", where }]);
  });

  test("HTML of many brackets is searched in linear time", async () => {
    const began = performance.now();
    await plan({ html: "<".repeat(1_000_000) });
    await plan({ html: "<!--".repeat(250_000) });
    await plan({ html: "&#".repeat(500_000) });
    expect(performance.now() - began).toBeLessThan(5_000);
  });
});

describe("refused by the server", () => {
  const refuseEve = (address: string) => (address.startsWith("eve") ? { code: 550, text: "no such user here" } : undefined);

  test("some recipients: the others get the mail, and each refusal is told", async () => {
    const server = await serve({ refuse: refuseEve });
    const execution = await send(server.url, { to: ["bob@example.com", "eve@example.com"] });
    expect(server.mails.map(({ to }) => to)).toEqual([["bob@example.com"]]);
    expect(execution.actions.map(({ success }) => success)).toEqual([true, false]);
    expect(execution.actions[0]?.output["accepted"]).toEqual(["bob@example.com"]);
    expect(execution.actions[1]).toMatchObject({ output: { refused: [{ address: "eve@example.com", reply: "550 no such user here" }] }, error: { code: "ACTION_FAILED" } });
    expect(execution.actions[1]?.error?.message).toContain("eve@example.com");
  });

  test("all recipients: nothing is sent", async () => {
    const server = await serve({ refuse: refuseEve });
    const execution = await send(server.url, { to: ["eve@example.com", "eve2@example.com"] });
    expect(server.mails).toEqual([]);
    expect(execution.actions).toMatchObject([{ success: false, error: { code: "ACTION_FAILED" } }]);
    expect(execution.actions[0]?.output["refused"]).toHaveLength(2);
    expect(execution.result).toBeNull();
  });

  test("the message: not sent, for certain, with the server's words", async () => {
    const server = await serve({ refuseMessage: { code: 554, text: "looks like spam" } });
    const execution = await send(server.url);
    expect(execution.actions).toMatchObject([{ success: false, error: { code: "ACTION_FAILED" } }]);
    expect(execution.actions[0]?.error?.message).toMatch(/^Not sent\. .*554 looks like spam/);
    expect(server.connections).toBe(1);
  });

  test("the size: not sent", async () => {
    const server = await serve({ size: 500 });
    const execution = await send(server.url, { text: "x".repeat(2_000) });
    expect(execution.actions).toMatchObject([{ success: false }]);
    expect(server.mails).toEqual([]);
  });
});

describe("broken connections, with one attempt and never a second", () => {
  test.each<[Break]>([["greeting"], ["EHLO"], ["MAIL"], ["RCPT"], ["DATA"]])("dropped at %s: not sent, for certain", async (at) => {
    const server = await startBreakingServer(at, "drop");
    const execution = await send(server.url);
    expect(execution.actions).toMatchObject([{ success: false, error: { code: "SYSTEM_UNAVAILABLE" } }]);
    expect(server).toMatchObject({ connections: 1, complete: 0 });
  });

  test.each<[Break]>([["greeting"], ["EHLO"], ["MAIL"], ["RCPT"], ["DATA"]])("silent at %s: not sent, for certain, and told in time", async (at) => {
    const server = await startBreakingServer(at, "silence");
    const execution = await send(server.url, {}, { timeoutMs: 200 });
    expect(execution.actions).toMatchObject([{ success: false }]);
    expect(execution.actions[0]?.error?.message).toContain("in time");
    expect(server).toMatchObject({ connections: 1, complete: 0 });
  });

  test("dropped in the middle of a long message: its end never left, so it is not sent", async () => {
    const world = fileWorld();
    // More than the buffers of a loopback connection take.
    world.put("long.bin", "0123456789abcde\n".repeat(590_000));
    const server = await startBreakingServer("in the message", "drop");
    const execution = await send(server.url, { attachments: ["long.bin"] }, { files: world.open().reader });
    expect(execution.actions).toMatchObject([{ success: false }]);
    expect(server).toMatchObject({ connections: 1, complete: 0 });
  });

  test.each(["drop", "silence"] as const)("%s after the whole message: nobody knows, and it says so", async (how) => {
    const server = await startBreakingServer("after the message", how);
    const execution = await send(server.url, {}, { timeoutMs: 300 });
    expect(execution.actions).toMatchObject([{ success: "unknown", error: { code: "OUTCOME_UNKNOWN" } }]);
    expect(execution.actions[0]?.error?.message).toMatch(/may have been sent/);
    expect(execution.result).toBeNull();
    expect(server).toMatchObject({ connections: 1, complete: 1 });
  });

  test("a real server that takes the mail and dies: nobody knows, and it was taken once", async () => {
    const server = await serve({ dropAfterMessage: true });
    const execution = await send(server.url);
    expect(execution.actions).toMatchObject([{ success: "unknown" }]);
    expect(server.mails).toHaveLength(1);
    expect(server.connections).toBe(1);
  });

  test.each([
    ["greeting", "554 go away"],
    ["MAIL", "550 not you"],
    ["DATA", "451 later"],
    ["after the message", "550 not that"],
    ["after the message", "421 shutting down"],
  ] as const)("answered at %s with %s: not sent, for certain", async (at, reply) => {
    const server = await startBreakingServer(at, { reply });
    const execution = await send(server.url);
    expect(execution.actions).toMatchObject([{ success: false }]);
    expect(execution.actions[0]?.error?.message).toContain(reply.slice(4));
  });

  test("nobody listens: not sent", async () => {
    const execution = await send("smtp://127.0.0.1:1");
    expect(execution.actions).toMatchObject([{ success: false, error: { code: "SYSTEM_UNAVAILABLE" } }]);
    expect(execution.actions[0]?.error?.message).toContain("refused");
  });

  test("cancelled while the server is silent: not sent; cancelled before: the server is not asked", async () => {
    const server = await startBreakingServer("MAIL", "silence");
    const cancelled = new AbortController();
    setTimeout(() => cancelled.abort(), 100);
    const execution = await send(server.url, {}, { signal: cancelled.signal, timeoutMs: 5_000 });
    expect(execution.actions).toMatchObject([{ success: false, error: { code: "CANCELLED" } }]);
    expect(server.complete).toBe(0);
    expect(await codeOf(send(server.url, {}, { signal: AbortSignal.abort() }))).toBe("CANCELLED");
    expect(server.connections).toBe(1);
  });

  test("cancelled once the message is out: the outcome stays unknown, it is not called cancelled", async () => {
    const server = await startBreakingServer("after the message", "silence");
    const cancelled = new AbortController();
    setTimeout(() => cancelled.abort(), 150);
    const execution = await send(server.url, {}, { signal: cancelled.signal, timeoutMs: 500 });
    expect(execution.actions).toMatchObject([{ success: "unknown" }]);
  });
});

describe("login and encryption", () => {
  const login: MailServerBehaviour = {
    authOptional: false,
    disabledCommands: [],
    onAuth: ({ username, password }, _session, done) => (password === "p@ss wörd" ? done(null, { user: username ?? "" }) : done(new Error(`wrong: ${password ?? ""}`))),
  };
  const withLogin = (url: string, password: string) => url.replace("://", `://agent:${encodeURIComponent(password)}@`);

  test("STARTTLS is used where it is offered, and the login goes through it", async () => {
    const server = await serve(login);
    await send(withLogin(server.url, "p@ss wörd"));
    expect(server.mails).toMatchObject([{ isEncrypted: true, user: "agent" }]);
  });

  test("smtps speaks TLS from the first byte", async () => {
    const server = await serve({ secure: true });
    await send(server.url);
    expect(server.mails).toMatchObject([{ isEncrypted: true }]);
  });

  test("a wrong password is told without the password, even when the server repeats it", async () => {
    const server = await serve(login);
    const execution = await send(withLogin(server.url, "hunter2-hunter2"));
    expect(execution.actions).toMatchObject([{ success: false, error: { code: "SYSTEM_UNAVAILABLE" } }]);
    expect(execution.actions[0]?.error?.message).toContain("login");
    expect(JSON.stringify(execution)).not.toContain("hunter2");
    expect(server.mails).toEqual([]);
  });
});

describe("attachments", () => {
  test("are sent with the content that was judged, as facts without it", async () => {
    const world = fileWorld();
    world.put("reports/q3.csv", "a,b\n1,2\n");
    writeFileSync(join(world.root, "logo.png"), Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 1, 2, 255]));
    const { reader } = world.open();
    const server = await serve();
    const system = open(server.url, { files: reader });
    const { payload, step } = await planned(emailSendTool, { ...MAIL, attachments: ["reports/q3.csv", "logo.png"] }, system.reader);
    expect(payload.attachments).toMatchObject([
      { path: "reports/q3.csv", kind: "file", size: 8, sha256: createHash("sha256").update("a,b\n1,2\n").digest("hex") },
      { path: "logo.png", size: 8 },
    ]);
    expect(payload.attachment_bytes).toBe(16);
    await executed(emailSendTool, step, system.writer);
    const message = server.mails[0]?.message ?? "";
    expect(message).toMatch(/filename=q3\.csv/);
    expect(message).toContain(readFileSync(join(world.root, "logo.png")).toString("base64"));
    expect(message.replaceAll("\r\n", "")).toContain(Buffer.from("a,b\n1,2\n").toString("base64"));
  });

  test.each([
    ["an absolute path outside", (outside: string) => join(outside, "secret.txt"), "REFUSED"],
    ["dots", () => "../outside/secret.txt", "REFUSED"],
    ["a link that leads outside", () => "link.txt", "REFUSED"],
    ["a URL", () => "https://example.com/x", "INVALID_INPUT"],
    ["a data URL", () => "data:text/plain,hello", "NOT_FOUND"],
    ["a folder", () => "folder", "INVALID_INPUT"],
    ["nothing", () => "missing.txt", "NOT_FOUND"],
    ["git's store", () => ".git/config", "REFUSED"],
  ])("%s is refused", async (_name, pathOf, code) => {
    const world = fileWorld();
    world.put("folder/a.txt");
    world.put(".git/config");
    symlinkSync(join(world.outside, "secret.txt"), join(world.root, "link.txt"));
    expect(await codeOf(plan({ attachments: [pathOf(world.outside)] }, { files: world.open().reader }))).toBe(code);
  });

  test("are judged by the policies of files, by where they really are", async () => {
    const world = fileWorld();
    world.put("reports/q3.csv");
    world.put("private/.env.local");
    symlinkSync("../private/.env.local", join(world.root, "reports/q4.csv"));
    const { reader } = world.open({ watchPaths: ["reports", "private"] });
    const policies = [restrictPaths(["reports"]), blockExtensions([".env"]), dontReadSensitivePaths(["private"])];
    const judged = async (path: string) => blockedBy("email_send", (await plan({ attachments: [path] }, { files: reader })).payload, policies);
    expect(await judged("reports/q3.csv")).toBeNull();
    expect(await judged("reports/q4.csv")).toMatch(/private/);
    expect(await judged("private/.env.local")).toMatch(/private[\s\S]*\.env/);
  });

  test("without file tools there are none", async () => {
    expect(await codeOf(plan({ attachments: ["a.txt"] }))).toBe("REFUSED");
  });

  test("too much together is refused, not cut", async () => {
    const world = fileWorld();
    world.put("half.bin", "x".repeat(6 * 1024 * 1024));
    await expect(plan({ attachments: ["half.bin", "half.bin"] }, { files: world.open().reader })).rejects.toThrow("10 MiB");
  });

  test("a file that changed after it was judged is not sent", async () => {
    const world = fileWorld();
    const path = world.put("a.txt", "judged");
    const server = await serve();
    const system = open(server.url, { files: world.open().reader });
    const { step } = await planned(emailSendTool, { ...MAIL, attachments: ["a.txt"] }, system.reader);
    writeFileSync(path, `secret ${TOKEN}`);
    expect(await codeOf(executed(emailSendTool, step, system.writer))).toBe("STALE_PLAN");
    expect(server.connections).toBe(0);
  });

  test.each([
    ["text", `key = ${TOKEN}\n`],
    ["UTF-16", Buffer.from(`key = ${TOKEN}\n`, "utf16le").toString("latin1")],
    ["binary", `\0\u0001\u0002${TOKEN}\0\0`],
  ])("a secret in an attachment is found: %s", async (_name, content) => {
    const world = fileWorld();
    writeFileSync(join(world.root, "notes.bin"), Buffer.from(content, "latin1"));
    const { payload } = await plan({ attachments: ["notes.bin"] }, { files: world.open().reader });
    expect(payload.secrets).toEqual([{ kind: "github_token", where: "attachment notes.bin" }]);
  });

  test("a name in another script, with quotes and brackets, stays a name", async () => {
    const world = fileWorld();
    world.put('Größe "x"; y=z.txt', "hello");
    const server = await serve();
    await send(server.url, { attachments: ['Größe "x"; y=z.txt'] }, { files: world.open().reader });
    expect(server.mails).toHaveLength(1);
    expect(headersOf(server.mails[0]?.message ?? "")).not.toMatch(/^y=/m);
  });
});
