import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import type { Agent } from "../support/mcp-client.js";
import { connectFirst, MAIN } from "../support/mcp-client.js";
import type { TestProject } from "../support/project.js";
import { testProject } from "../support/project.js";
import { atTerminal, whyNoTerminal } from "../support/pty.js";

const CONFIG = `
identity: { user_email: agent@company.example, actor_role: engineer }
systems: { filesystem: { root: . } }
tools: [file_delete]
policies:
  - require_human_ok: { workflows: [file_delete] }
approvals: { page: false }
`;
const PASSPHRASE = "correct horse battery staple";
const reason = whyNoTerminal();

let project: TestProject;
const agents: Agent[] = [];
beforeEach(() => {
  project = testProject({ "enact.yaml": CONFIG, "a.txt": "a\n", "b.txt": "b\n" });
});
afterEach(async () => {
  await Promise.all(agents.splice(0).map((open) => open.close()));
  project.remove();
});

async function agent(): Promise<Agent> {
  const connected = await connectFirst({ args: [MAIN, "serve"], cwd: project.folder, env: project.env });
  agents.push(connected);
  return connected;
}

const person = (args: readonly string[], answers: readonly (readonly [string, string])[] = []) =>
  atTerminal([process.execPath, MAIN, ...args], { env: project.env, cwd: project.folder, answers });

/** As a program runs it: no terminal, and whatever it likes on standard input. */
async function piped(args: readonly string[], input = ""): Promise<{ code: number; out: string; err: string }> {
  const running = promisify(execFile)(process.execPath, [MAIN, ...args], { env: project.env, cwd: project.folder });
  running.child.stdin?.end(input);
  try {
    const { stdout, stderr } = await running;
    return { code: 0, out: stdout, err: stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, out: stdout, err: stderr };
  }
}

const textOf = (called: Awaited<ReturnType<Agent["call"]>>) => called.content.map(({ text }) => text ?? "").join("\n");
const idIn = (text: string) => /enact-guard approve (?<id>[0-9a-f]{8})/u.exec(text)?.groups?.["id"] ?? "";

describe.skipIf(reason !== undefined)(`real processes at a real terminal${reason === undefined ? "" : ` (skipped: ${reason})`}`, () => {
  test("an agent asks, a person approves with a passphrase, another server of the same project does it, and verify proves it", async () => {
    const adding = await person(["approvers", "add", "ann@example.com"], [["New passphrase: ", PASSPHRASE], ["The same again: ", PASSPHRASE]]);
    expect(adding.code).toBe(0);
    expect(adding.shown).toContain("ann@example.com can approve now");
    expect(adding.shown).not.toContain(PASSPHRASE);

    const asked = textOf(await (await agent()).call("file_delete", { path: "a.txt" }));
    expect(asked).toMatch(/^BLOCKED/u);
    const id = idIn(asked);
    const approving = await person(["approve", id], [["type 'approve' or 'deny'", "approve"], ["Passphrase of ann@example.com: ", PASSPHRASE]]);
    expect(approving.code).toBe(0);
    expect(approving.shown).toContain("Tell the agent to make the same call again");
    expect(approving.shown).not.toContain(PASSPHRASE);
    expect(existsSync(join(project.folder, "a.txt"))).toBe(true);

    const other = await agent();
    expect(textOf(await other.call("file_delete", { path: "b.txt" }))).toContain(`Approval ${id} of ann@example.com is for another call`);
    expect(existsSync(join(project.folder, "b.txt"))).toBe(true);
    expect(textOf(await other.call("file_delete", { path: "a.txt" }))).toMatch(/^DONE[^]*Approved by ann@example.com \(key\)/u);
    expect(existsSync(join(project.folder, "a.txt"))).toBe(false);
    expect(await piped(["verify"])).toMatchObject({ code: 0 });
  });

  test("a program at a pipe approves nothing, adds nobody, and a terminal without the passphrase is of no use to it", async () => {
    await person(["approvers", "add", "ann@example.com"], [["New passphrase: ", PASSPHRASE], ["The same again: ", PASSPHRASE]]);
    const id = idIn(textOf(await (await agent()).call("file_delete", { path: "a.txt" })));
    expect(await piped(["approve", id], `approve\n${PASSPHRASE}\n`)).toMatchObject({ code: 1, err: expect.stringContaining("only taken from a person at a terminal") as string });
    expect(await piped(["approvers", "add", "eve@example.com"], `${PASSPHRASE}\n${PASSPHRASE}\n`)).toMatchObject({ code: 1 });
    const guessing = await person(["approve", id], [["type 'approve' or 'deny'", "approve"], ["Passphrase", "password1234"], ["Passphrase", "letmeinplease"], ["Passphrase", "opensesame123"]]);
    expect(guessing.code).toBe(1);
    const joining = await person(["approvers", "add", "eve@example.com"], [["Passphrase", "\u0003"]]);
    expect(joining.code).toBe(1);
    expect(JSON.parse((await piped(["approvers", "--json"])).out)).toMatchObject({ approvers: [{ email: "ann@example.com" }] });
    expect(JSON.parse((await piped(["approvals", "--json"])).out)).toMatchObject({ requests: [{ state: "waiting", approved: 0 }] });
    expect(textOf(await (await agent()).call("file_delete", { path: "a.txt" }))).toMatch(/^BLOCKED/u);
  });

  test("Ctrl-C at the passphrase decides nothing", async () => {
    await person(["approvers", "add", "ann@example.com"], [["New passphrase: ", PASSPHRASE], ["The same again: ", PASSPHRASE]]);
    const id = idIn(textOf(await (await agent()).call("file_delete", { path: "a.txt" })));
    const stopped = await person(["approve", id], [["type 'approve' or 'deny'", "approve"], ["Passphrase", "\u0003"]]);
    expect(stopped.code).toBe(1);
    expect(stopped.shown).toContain("Nothing was decided");
    expect(JSON.parse((await piped(["approvals", id, "--json"])).out)).toMatchObject({ state: "waiting", answers: [] });
  });
});
