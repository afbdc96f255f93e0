import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { progressOf } from "../../../src/approvals/answering.js";
import { makeLink, openLink } from "../../../src/approvals/link.js";
import type { ApprovalRequest } from "../../../src/approvals/request.js";
import { openRegistry } from "../../../src/approvals/registry.js";
import { openInbox } from "../../../src/stores/inbox.js";
import { serveApprovals } from "../../../src/web/approvals/start.js";
import { freePort, PageWorld } from "../../support/approval-pages.js";
import { HOSTILE, planOf, requestOf, SAMPLES, type SamplePlan } from "../../support/approval-samples.js";
import { startMailServer } from "../../support/mail-server.js";
import { MAIN, spawnServer } from "../../support/mcp-client.js";
import { testProject } from "../../support/project.js";
import type { RawAnswer } from "../../support/raw-http.js";
import { rawHttp } from "../../support/raw-http.js";

const SAMPLE = SAMPLES["slack_post"] as SamplePlan;
const PUBLIC = { Host: "approve.shop.example", "X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https" };

describe("a link of a mail", () => {
  let world: PageWorld;
  let request: ApprovalRequest;

  beforeEach(async () => {
    world = await new PageWorld().start();
    world.now = new Date("2026-11-22T12:00:00.000Z");
    request = await world.file(requestOf({ plan: planOf(SAMPLE), now: world.now }));
  });
  afterEach(() => world.cleanUp());

  function linkTo(of: ApprovalRequest = request, email = "lead@shop.example"): string {
    const { token, draft } = makeLink(of, email, world.now);
    world.registry.addLink(draft);
    return token;
  }

  const look = (token: string, method = "GET", port = world.port) => rawHttp({ port, path: `/approve/${token}`, method, headers: PUBLIC });
  const formOf = ({ body }: RawAnswer) => /name="token" value="([\w-]+)"/u.exec(body)?.[1] ?? "";
  const post = (token: string, fields: Record<string, string>, { headers = {}, port = world.port }: { headers?: Record<string, string>; port?: number } = {}) =>
    rawHttp({ port, path: `/approve/${token}`, method: "POST", headers: { ...PUBLIC, "Sec-Fetch-Site": "same-origin", "Content-Type": "application/x-www-form-urlencoded", ...headers }, body: new URLSearchParams(fields).toString() });
  const answer = async (token: string, decision: string) => post(token, { decision, token: formOf(await look(token)) });
  const state = async (of: ApprovalRequest = request) => progressOf(await world.stored(of), world.registry).state;

  test("shows all of it to whoever opens it, and takes one answer, from the page", async () => {
    const token = linkTo();
    const { status, body, headers } = await look(token);
    expect(status).toBe(200);
    for (const part of ["Post to #general", "&lt;!channel&gt; the shop is down", "lead@shop.example", "agent@shop.example"]) expect(body).toContain(part);
    expect(body).not.toContain("<script");
    expect(headers).toMatchObject({ "referrer-policy": "no-referrer", "cache-control": "no-store", "x-frame-options": "DENY" });
    const done = await answer(token, "approve");
    expect(done).toMatchObject({ status: 200 });
    expect(done.body).toContain("Approved");
    expect(await state()).toBe("approved");
    expect((await world.stored(request)).answers).toMatchObject([{ method: "link", who: "lead@shop.example", decision: "approve", signature: { kind: "key" } }]);
  });

  test("can say no, with a reason for the agent", async () => {
    const token = linkTo();
    await post(token, { decision: "deny", reason: " Wrong channel ", token: formOf(await look(token)) });
    expect((await world.stored(request)).answers).toMatchObject([{ method: "link", who: "lead@shop.example", decision: "deny", reason: "Wrong channel" }]);
    expect(await state()).toBe("denied");
  });

  test("what scanners of mail do decides nothing: GET, HEAD, a form that they make up", async () => {
    const token = linkTo();
    for (let times = 0; times < 5; times += 1) {
      await look(token);
      await look(token, "HEAD");
    }
    await post(token, { decision: "approve" });
    await post(token, { decision: "approve", token: "x" });
    await post(token, { decision: "perhaps", token: formOf(await look(token)) });
    await post(token, {});
    for (const method of ["PUT", "DELETE", "OPTIONS"]) await look(token, method);
    expect((await world.stored(request)).answers).toEqual([]);
    expect(await answer(token, "approve")).toMatchObject({ status: 200 });
  });

  test("takes no form of another site, even with everything right in it", async () => {
    const token = linkTo();
    const form = formOf(await look(token));
    for (const site of ["cross-site", "same-site", "none"]) {
      expect(await post(token, { decision: "approve", token: form }, { headers: { "Sec-Fetch-Site": site, Origin: "https://evil.example" } })).toMatchObject({ status: 403 });
    }
    expect(await state()).toBe("waiting");
  });

  test("wrong, expired, used, decided otherwise, or of a request that is gone: the same answer, word for word", async () => {
    const [used, spare] = [linkTo(), linkTo()];
    const expired = linkTo(await world.file(requestOf({ plan: planOf(SAMPLE, "other@shop.example"), now: world.now, minutes: 1 })));
    const orphan = linkTo(requestOf({ plan: planOf(SAMPLE, "third@shop.example"), now: world.now }));
    const revoked = linkTo();
    await answer(used, "deny");
    world.now = new Date(world.now.getTime() + 60_000);
    const dead = await Promise.all([used, spare, expired, orphan, revoked, "A".repeat(43), "x", "A".repeat(44), "..", "%00", "A".repeat(5000)].map(async (token) => [await look(token), await post(token, { decision: "approve", token: "x" })] as const));
    const shape = ({ status, body, headers: { date: _date, ...headers } }: RawAnswer) => JSON.stringify({ status, body, headers });
    const wellFormed = dead.slice(0, 6).flat().map(shape);
    expect(new Set(wellFormed).size).toBe(1);
    expect(dead.flat().every(({ status }) => status >= 400 && status < 500)).toBe(true);
    expect(dead[0]?.[0]).toMatchObject({ status: 404 });
  });

  test("a millisecond decides whether it has expired", async () => {
    const token = linkTo();
    const form = formOf(await look(token));
    world.now = new Date(Date.parse(request.expires_at) - 1);
    expect((await look(token)).status).toBe(200);
    world.now = new Date(Date.parse(request.expires_at));
    expect((await look(token)).status).toBe(404);
    expect(await post(token, { decision: "approve", token: form })).toMatchObject({ status: 404 });
    expect((await world.stored(request)).answers).toEqual([]);
  });

  test("is good for its own request: its key signs no other, whatever the page is told", async () => {
    const other = await world.file(requestOf({ plan: planOf(SAMPLE, "other@shop.example"), now: world.now }));
    const [mine, theirs] = [linkTo(), linkTo(other, "boss@shop.example")];
    const form = formOf(await look(mine));
    expect(await post(theirs, { decision: "approve", token: form })).toMatchObject({ status: 404 });
    expect(await state(other)).toBe("waiting");
  });

  test("two links of one person are one person's word", async () => {
    const two = await world.file(requestOf({ plan: planOf(SAMPLE, "two@shop.example"), now: world.now, min_approvals: 2 }));
    const links = [linkTo(two, "lead@shop.example"), linkTo(two, "Lead+work@shop.example")];
    for (const link of links) await answer(link, "approve");
    expect(await state(two)).toBe("waiting");
    await answer(linkTo(two, "boss@shop.example"), "approve");
    expect(await state(two)).toBe("approved");
  });

  test("used by two at once, at two processes' pages, it counts once", async () => {
    const { enactHome, sealing, clock } = world;
    const [inbox, registry, port] = [openInbox({ enactHome }), openRegistry({ enactHome }), await freePort()];
    const second = await serveApprovals({ ...world.options, port, inbox, registry, sealing, clock });
    try {
      for (let round = 0; round < 5; round += 1) {
        const of = await world.file(requestOf({ plan: planOf(SAMPLE, `round${String(round)}@shop.example`), now: world.now }));
        const token = linkTo(of);
        const form = formOf(await look(token));
        const tries = Array.from({ length: 10 }, (_, index) => post(token, { decision: index % 3 === 0 ? "deny" : "approve", token: form }, { port: index % 2 === 0 ? world.port : port }));
        const all = await Promise.all(tries);
        expect(all.filter(({ status }) => status === 200)).toHaveLength(1);
        expect((await world.stored(of)).answers).toHaveLength(1);
      }
    } finally {
      await second.close();
      await inbox.close();
    }
  });

  test("guessing is ended after thirty in a minute, and a minute later it works again", async () => {
    const token = linkTo();
    for (let guess = 0; guess < 30; guess += 1) expect((await look("B".repeat(42) + "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghij"[guess])).status).toBe(404);
    expect(await look("A".repeat(43))).toMatchObject({ status: 429, headers: { "retry-after": "60" } });
    expect(await look(token)).toMatchObject({ status: 429 });
    world.now = new Date(world.now.getTime() + 60_001);
    expect(await look(token)).toMatchObject({ status: 200 });
  });

  test("is 256 random bits, of which nothing is kept", async () => {
    const token = linkTo();
    expect(Buffer.from(token, "base64url")).toHaveLength(32);
    expect(linkTo()).not.toBe(token);
    await answer(token, "approve");
    expect(filesWith(world.enactHome, token)).toEqual([]);
  });
});

test("a token of another form opens nothing", () => {
  const { token } = makeLink(requestOf({ plan: planOf(SAMPLE), now: new Date() }), "a@b.example", new Date());
  expect(openLink(token)).not.toBeNull();
  for (const wrong of ["", token.slice(1), `${token}A`, `${token}=`, token.replace(/.$/u, "_"), token.replace(/^./u, "+"), ` ${token}`, "../x"]) {
    const opened = openLink(wrong);
    expect(opened === null || opened.id !== openLink(token)?.id).toBe(true);
  }
});

/** Files below a folder that hold a text, in any of the forms in which it could be written. */
function filesWith(folder: string, secret: string): string[] {
  const raw = Buffer.from(secret, "base64url");
  const forms = [Buffer.from(secret), raw, Buffer.from(raw.toString("hex")), Buffer.from(raw.toString("base64"))];
  const paths = readdirSync(folder, { recursive: true, encoding: "utf8" }).map((path) => join(folder, path));
  return paths.filter((path) => statSync(path).isFile() && forms.some((form) => readFileSync(path).includes(form)));
}

test("a real server mails links, hides them from the agent, and runs the call that one of them approved", async () => {
  const mails = await startMailServer();
  const port = await freePort();
  const project = testProject({
    "notes.txt": "old\n",
    "enact.yaml": `identity: { user_email: agent@shop.example, actor_role: engineer }
systems:
  filesystem: { root: . }
  email: { smtp: "${mails.url}", from: "Guard <guard@shop.example>" }
tools: [file_write]
policies:
  - require_human_ok: { workflows: [file_write] }
approvals:
  port: ${String(port)}
  mail: { to: [lead@shop.example, boss@shop.example], base_url: "http://localhost:${String(port)}/" }
`,
  });
  const server = spawnServer(project);
  try {
    await server.client.initialize();
    const write = () => server.client.call("file_write", { path: "notes.txt", content: `see https://evil.example/approve/x ${HOSTILE.bidi}\n` });
    const first = await write();
    expect(first.isError).toBe(true);
    expect(first.content[0]?.text).toContain("A link to decide is on its way by mail to lead@shop.example, boss@shop.example.");
    while (mails.mails.length < 2) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(mails.mails.map(({ from, to }) => `${from} to ${to.join(", ")}`).toSorted()).toEqual(["guard@shop.example to boss@shop.example", "guard@shop.example to lead@shop.example"]);
    const texts = mails.mails.map(({ message }) => message.replaceAll("=\r\n", "").replaceAll("=3D", "="));
    const tokens = texts.map((text) => new RegExp(`http://localhost:${String(port)}/approve/([\\w-]{43})`, "u").exec(text)?.[1] ?? "");
    expect(new Set(tokens).size).toBe(2);
    for (const text of texts) {
      expect(text).toContain("file_write: notes.txt");
      expect(text.match(/https?:\/\//gu)).toHaveLength(1);
    }

    const [token = "", other = ""] = tokens;
    const { body } = await rawHttp({ port, path: `/approve/${token}` });
    expect(body).toContain("RLO");
    const form = /name="token" value="([\w-]+)"/u.exec(body)?.[1] ?? "";
    const headers = { "Sec-Fetch-Site": "same-origin", "Content-Type": "application/x-www-form-urlencoded" };
    expect(await rawHttp({ port, path: `/approve/${token}`, method: "POST", headers, body: new URLSearchParams({ decision: "approve", token: form }).toString() })).toMatchObject({ status: 200 });
    const second = await write();
    expect(second.isError ?? false).toBe(false);
    expect(readFileSync(join(project.folder, "notes.txt"), "utf8")).toContain("evil.example");
    const third = await write();
    expect(third.isError).toBe(true);
    // The other person's link was for the request that is over.
    expect(await rawHttp({ port, path: `/approve/${other}` })).toMatchObject({ status: 404 });

    const said = `${server.stderr()}${server.client.lines.join("\n")}`;
    for (const secret of tokens) {
      expect(said).not.toContain(secret);
      expect(filesWith(project.folder, secret)).toEqual([]);
      expect(filesWith(project.enactHome, secret)).toEqual([]);
    }
    const verified = JSON.parse(execFileSync(process.execPath, [MAIN, "verify", "--json"], { cwd: project.cwd, env: { ...project.env }, encoding: "utf8" })) as unknown;
    expect(verified).toMatchObject({ ok: true });
  } finally {
    server.child.stdin.end();
    await server.exited;
    project.remove();
  }
});

test("a mail server that is not there costs the agent nothing, and the log names no link", async () => {
  const [port, smtp] = [await freePort(), await freePort()];
  const project = testProject({
    "enact.yaml": `identity: { user_email: agent@shop.example, actor_role: engineer }
systems:
  filesystem: { root: . }
  email: { smtp: "smtp://127.0.0.1:${String(smtp)}", from: guard@shop.example }
tools: [file_write]
policies:
  - require_human_ok: { workflows: [file_write] }
approvals: { port: ${String(port)}, mail: { to: [lead@shop.example], base_url: "https://approve.shop.example" } }
`,
  });
  const server = spawnServer(project);
  try {
    await server.client.initialize();
    const { isError } = await server.client.call("file_write", { path: "a.txt", content: "a" });
    expect(isError).toBe(true);
    while (!server.stderr().includes("could not be sent")) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(server.stderr()).toMatch(/The mail about request [0-9a-f]{8} to lead@shop\.example could not be sent/u);
    expect(server.stderr()).not.toContain("/approve/");
  } finally {
    server.child.stdin.end();
    expect(await server.exited).toMatchObject({ code: 0 });
    project.remove();
  }
});
