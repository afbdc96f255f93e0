import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { describe, expect, onTestFinished, test } from "vitest";

import { createGuardFrom } from "../../src/guard/pipeline.js";
import { noMassEmails, noRepeatEmails } from "../../src/policies/email/index.js";
import { rateLimit } from "../../src/policies/time/index.js";
import type { Policy } from "../../src/policies/policy.js";
import { openKeys } from "../../src/receipts/keys.js";
import { openSqliteLedger } from "../../src/stores/sqlite.js";
import { openEmail } from "../../src/systems/email.js";
import { emailSendTool } from "../../src/tools/email_send.js";
import { bindTool } from "../../src/tools/tool.js";
import { compileScript, startScript } from "../support/child-script.js";
import { startBreakingServer, startMailServer } from "../support/mail-server.js";

function place() {
  const root = mkdtempSync(join(tmpdir(), "enact-mail-"));
  const [project, enactHome] = [join(root, "project"), join(root, "home")];
  mkdirSync(project);
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  return { project, enactHome };
}

/** A guard over the real tool, the real ledger and a server. */
function guardOver(smtp: string, policies: readonly Policy[], { project, enactHome } = place()) {
  const ledger = openSqliteLedger({ project, enactHome, keys: openKeys({ enactHome, project, signing: "hmac", secret: "s".repeat(40) }) });
  const guard = createGuardFrom({
    tools: [bindTool(emailSendTool, openEmail({ smtp, from: "agent@company.com", timeoutMs: 500 }))],
    policies: policies.map((policy) => ({ name: policy.name, policy })),
    unguarded: [],
    identity: { user_email: "agent@company.com", actor_role: "engineer", user_attributes: {} },
    configDigest: `sha256:${"0".repeat(64)}`,
    ledger,
    clock: () => new Date(),
    ambient: () => ({ freeze_env: null, freeze_file: null }),
    secrets: [],
  });
  onTestFinished(() => guard.close());
  return async (to: unknown, more: object = {}) => guard.call("email_send", { to, subject: "Hello", text: "Hello", ...more });
}

describe("one mail to a person, through guard, ledger and server", () => {
  test("the second is blocked under every spelling of the person, and the receipt says why", async () => {
    const server = await startMailServer();
    const send = guardOver(server.url, [noRepeatEmails]);
    expect((await send("bob@example.com")).status).toBe("done");
    for (const to of ["bob@example.com", "BOB@example.com", "bob+again@example.com", "Bob <bob@EXAMPLE.com>", '"bob"@example.com', "bob(x)@example.com"]) {
      const report = await send(to);
      expect({ to, status: report.status }).toEqual({ to, status: "blocked" });
      expect(report.text).toContain("bob@example.com");
    }
    expect((await send([], { bcc: ["bob@example.com", "eve@example.com"] })).status).toBe("blocked");
    expect((await send("eve@example.com")).status).toBe("done");
    expect(server.mails.map(({ to }) => to)).toEqual([["bob@example.com"], ["eve@example.com"]]);
  });

  test("many calls at the same moment send one", async () => {
    const server = await startMailServer();
    const send = guardOver(server.url, [noRepeatEmails]);
    const reports = await Promise.all(Array.from({ length: 8 }, (_, n) => send(`bob+${n}@example.com`)));
    expect(reports.filter(({ status }) => status === "done")).toHaveLength(1);
    expect(server.mails).toHaveLength(1);
  });

  test("four processes at the same moment send one to each", async () => {
    const server = await startMailServer();
    const { project, enactHome } = place();
    const script = await compileScript(fileURLToPath(new URL("../support/mail-child.ts", import.meta.url)));
    onTestFinished(() => rmSync(script, { force: true }));
    const people = ["bob@example.com", "amy@example.com", "cy@example.com"];
    const at = String(Date.now() + 1_500);
    const children = Array.from({ length: 4 }, () => startScript(script, [project, enactHome, server.url, at, ...people]));
    const codes = await Promise.all(children.map(({ ended }) => ended));
    expect({ codes, errors: children.map((child) => child.errors()).join("") }).toEqual({ codes: [0, 0, 0, 0], errors: "" });
    expect(server.mails.flatMap(({ to }) => to).toSorted()).toEqual(people.toSorted());
    const statuses = children.flatMap(({ lines }) => JSON.parse(lines[0] ?? "[]") as string[]);
    expect(statuses.filter((status) => status === "done")).toHaveLength(3);
    expect(statuses.filter((status) => status === "blocked")).toHaveLength(9);
  });

  test("after a mail that was refused for certain it may be tried again", async () => {
    const server = await startMailServer({ refuseMessage: { code: 451, text: "try later" } });
    const send = guardOver(server.url, [noRepeatEmails]);
    expect(await send("bob@example.com")).toMatchObject({ status: "failed", receipt: { decision: "PARTIAL" } });
    expect((await send("bob@example.com")).status).toBe("failed");
    expect(server.connections).toBe(2);
  });

  test("after a mail whose fate is not known it may not, and nothing calls it sent", async () => {
    const server = await startBreakingServer("after the message", "drop");
    const send = guardOver(server.url, [noRepeatEmails]);
    const first = await send("bob@example.com");
    expect(first).toMatchObject({ status: "failed", isError: true, receipt: { decision: "PARTIAL", actions_taken: [{ success: "unknown" }] } });
    expect((await send("bob@example.com")).status).toBe("blocked");
    expect(server).toMatchObject({ connections: 1, complete: 1 });
  });

  test("a blocked mail uses nothing up, and its receipt holds no body", async () => {
    const server = await startMailServer();
    const send = guardOver(server.url, [noRepeatEmails, noMassEmails]);
    const blocked = await send(["bob@example.com", "eve@example.com"], { text: "the body of the mail" });
    expect(blocked.status).toBe("blocked");
    expect(JSON.stringify(blocked)).not.toContain("the body of the mail");
    expect((await send("bob@example.com")).status).toBe("done");
  });

  test("a rate limit holds for calls at the same moment", async () => {
    const server = await startMailServer();
    const send = guardOver(server.url, [rateLimit(3, 3_600)]);
    const reports = await Promise.all(Array.from({ length: 9 }, (_, n) => send(`c${n}@example.com`)));
    expect(reports.filter(({ status }) => status === "done")).toHaveLength(3);
    expect(server.mails).toHaveLength(3);
  });
});
