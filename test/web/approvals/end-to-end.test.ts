import * as sdk from "@aws-sdk/client-s3";
import type { Browser } from "playwright-core";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { freePort, launchBrowser, PersonAtBrowser } from "../../support/approval-pages.js";
import type { Agent } from "../../support/mcp-client.js";
import { connectFirst, MAIN } from "../../support/mcp-client.js";
import type { TestProject } from "../../support/project.js";
import { testProject } from "../../support/project.js";
import type { Rgw } from "../../support/s3-rgw.js";
import { startRgw, whyNoRgw } from "../../support/s3-rgw.js";
import { TerminalSession } from "../../support/terminal-session.js";
import { whyNoBrowser } from "../../support/verifier-page.js";

const run = promisify(execFile);
const reason = whyNoRgw() ?? whyNoBrowser();
const KEY = "db/2026-10/customers.dump";

describe.skipIf(reason !== undefined)(`a person approves a deletion with a passkey, on the real thing${reason === undefined ? "" : ` (skipped: ${reason})`}`, () => {
  let rgw: Rgw;
  let s3: sdk.S3Client;
  let browser: Browser;
  let project: TestProject;
  let agent: Agent;
  let port: number;

  beforeAll(async () => {
    [rgw, browser, port] = await Promise.all([startRgw(), launchBrowser(), freePort()]);
    s3 = new sdk.S3Client({ region: "us-east-1", endpoint: rgw.endpoint, forcePathStyle: true, credentials: rgw.credentials, maxAttempts: 1 });
    await s3.send(new sdk.CreateBucketCommand({ Bucket: "acme-backups" }));
    await put();
    const config = `identity: { user_email: agent@shop.example, actor_role: engineer }
systems: { s3: { region: us-east-1, endpoint: ${rgw.endpoint} } }
tools: [s3_delete]
policies:
  - dont_delete_without_human_ok: { system: s3 }
approvals: { port: ${String(port)} }
`;
    const made = testProject({ "enact.yaml": config });
    const { accessKeyId, secretAccessKey } = rgw.credentials;
    project = { ...made, env: { ...made.env, AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } };
    agent = await connectFirst(project);
  });

  afterAll(async () => {
    await agent.close();
    await browser.close();
    s3.destroy();
    project.remove();
    await rgw.stop();
  });

  const put = () => s3.send(new sdk.PutObjectCommand({ Bucket: "acme-backups", Key: KEY, Body: "all of them" }));
  const isThere = () => s3.send(new sdk.HeadObjectCommand({ Bucket: "acme-backups", Key: KEY })).then(() => true, () => false);
  const deletion = () => agent.call("s3_delete", { bucket: "acme-backups", key: KEY });
  const enact = (...args: string[]) => run(process.execPath, [MAIN, ...args], { cwd: project.cwd, env: { ...project.env } });

  test("blocked, page, passkey, same call again, gone, proved, and blocked again", async () => {
    // Nothing listens before anybody is asked.
    await expect(fetch(`http://localhost:${String(port)}/approvals`)).rejects.toThrow();
    const first = await deletion();
    const text = first.content[0]?.text ?? "";
    expect(first.isError).toBe(true);
    expect(text).toContain("BLOCKED  s3_delete");
    const address = new RegExp(`http://localhost:${String(port)}/approvals/[0-9a-f]{8}`, "u").exec(text)?.[0] ?? "";
    expect(address).not.toBe("");
    expect(await isThere()).toBe(true);

    // The page is served by the server itself by now; the terminal finds it there.
    const terminal = new TerminalSession([process.execPath, MAIN, "approvers", "add", "ann@shop.example", "--passkey"], project);
    const [link] = await terminal.until(/http:\/\/localhost:\d+\/approvals\/register#code=[\w-]{43}/u);
    const ann = await PersonAtBrowser.open(browser);
    await ann.register(link);
    expect(await terminal.exited).toBe(0);
    expect(terminal.shown).toContain("ann@shop.example can approve now, with a passkey");

    await ann.page.goto(address);
    const page = await ann.page.locator("main").innerText();
    for (const part of [KEY, "acme-backups", "cannot be undone", "Gone for good", "agent@shop.example", "dont_delete_without_human_ok"]) expect(page).toContain(part);
    await ann.approve(address);
    expect(await ann.page.locator(".status").innerText()).toContain("Approved");
    expect(ann.complaints).toEqual([]);

    const second = await deletion();
    expect(second.content[0]?.text).toContain("DONE  s3_delete");
    expect(await isThere()).toBe(false);

    const { stdout } = await enact("verify", "--json");
    expect(JSON.parse(stdout)).toMatchObject({ ok: true });
    const { stdout: receipts } = await enact("receipts", "--json", "--decision", "PASS");
    expect(receipts).toContain('"state": "granted"');
    expect(receipts).toContain("ann@shop.example");

    await put();
    const third = await deletion();
    expect(third.isError).toBe(true);
    expect(third.content[0]?.text).toContain("BLOCKED  s3_delete");
    expect(await isThere()).toBe(true);
    expect(await status(`${address}/state`)).toBe(200);
    await ann.page.goto(address);
    expect(await ann.page.locator(".status").innerText()).toMatch(/Done[^]*run/iu);
  });

  const status = async (address: string) => (await fetch(address)).status;

  test("the page ends with the server, and keeps it from ending by nothing", async () => {
    const started = Date.now();
    await agent.close();
    await expect(fetch(`http://localhost:${String(port)}/approvals`)).rejects.toThrow();
    expect(Date.now() - started).toBeLessThan(5000);
  });
});
